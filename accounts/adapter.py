from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Only an invitation lets a new person in (accounts.services.people)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def client_ip(request: HttpRequest) -> str:
    """Whose request it is, as far as the proxies in front are believed (TRUSTED_PROXY_COUNT)."""
    return get_adapter(request).get_client_ip(request)

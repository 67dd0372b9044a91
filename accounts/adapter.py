from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Only an invitation lets a new person in (accounts.services.people)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

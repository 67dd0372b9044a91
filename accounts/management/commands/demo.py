"""The workspace that comes with `python3 run.py`: people of every role, connected to each provider of the sandbox."""

from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import mirror
from accounts.models import Connection, Membership, Role, User, Workspace
from accounts.services import connections as services

SLUG = "demo"
PASSWORD = "campanile-demo"  # noqa: S105 - printed on the screen, and good on this machine alone
# slug → what opens the sandbox's account that comes filled, by a way that needs nobody on a page of the provider's.
ACCOUNTS: Mapping[str, Mapping[str, str]] = {
    "brevo": {"api_key": "sandbox-demo"},
    "especial": {"username": "sandbox-demo@example.test", "password": "sandbox", "keep_password": "yes"},
    "mailmojo": {"way": "client", "client_id": "sandbox-demo", "client_secret": "sandbox"},
    "leadfox": {"api_key": "sandbox-demo", "secret": "sandbox"},
    "emailcampaigns": {"token": "sandbox-demo"},
}
ZONE = "Europe/Zurich"
POSTAL_ADDRESS = "Bergweg Outfitters\nStation Street 4\n7000 Chur\nSwitzerland"
NAMES = {Role.ADMIN: "Ada Admin", Role.APPROVER: "Anton Approver", Role.EDITOR: "Edith Editor", Role.VIEWER: "Viktor Viewer"}  # fmt: skip
# People the sandbox's account knows: it sends tests to nobody else.
TEST_ADDRESSES = ("editor@demo.test", "approver@demo.test")


class Command(BaseCommand):
    help = (
        "Make the demo workspace, or bring it up to date. On one machine only: its password is known to all."
    )

    def handle(self, **_: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError(
                "The demo is for an embedded installation: its password is known to everybody."
            )
        with transaction.atomic():
            workspace = self.make_workspace()
            people = {role: self.make_person(workspace, role) for role in Role}
        for provider in ACCOUNTS:
            self.have_account(workspace, provider, people[Role.ADMIN])
        self.stdout.write(f"The workspace {workspace} is at {settings.PUBLIC_URL}/w/{workspace.slug}/.")

    def make_workspace(self) -> Workspace:
        workspace, _ = Workspace.objects.get_or_create(
            slug=SLUG,
            defaults={
                "name": "Demo",
                "time_zone": ZONE,
                "postal_address": POSTAL_ADDRESS,
                "test_addresses": "\n".join(TEST_ADDRESSES),
            },
        )
        return workspace

    def make_person(self, workspace: Workspace, role: Role) -> User:
        email = f"{role}@demo.test"
        user = User.objects.filter(email=email).first()
        if user is None:
            operates = role == Role.ADMIN
            user = User.objects.create_user(
                email, PASSWORD, name=NAMES[role], time_zone=ZONE, is_staff=operates, is_superuser=operates
            )
        EmailAddress.objects.get_or_create(
            user=user, email=email, defaults={"verified": True, "primary": True}
        )
        Membership.objects.get_or_create(user=user, workspace=workspace, defaults={"role": role})
        return user

    def have_account(self, workspace: Workspace, provider: str, admin: User) -> None:
        """Connected, at the sandbox's present address, and reporting to ours."""
        base_url = services.sandbox_url(provider)
        saved = workspace.connections.exclude(status=Connection.Status.CHECKING)
        connection = saved.filter(provider=provider).order_by("pk").first()
        if connection is None:
            connection = self.connect(workspace, provider, base_url, admin)
        elif connection.base_url != base_url:
            connection.base_url = base_url
            connection.save(update_fields=["base_url"])
        if connection.is_working and connection.capabilities.has_webhooks:  # also when our pages have moved
            services.register_webhook(connection=connection, by=admin)

    def connect(self, workspace: Workspace, provider: str, base_url: str, admin: User) -> Connection:
        """As a person would, but without waiting for a worker: none may be running yet."""
        check = services.begin_check(
            workspace=workspace,
            provider=provider,
            credentials=ACCOUNTS[provider],
            base_url=base_url,
            by=admin,
        )
        mirror.check(check)
        check.refresh_from_db()
        if check.checked_at is None:
            sentence = check.status_note
            check.delete()
            raise CommandError(f"The sandbox at {settings.SANDBOX_URL} could not be read. {sentence}")
        return services.save_connection(connection=check, by=admin)

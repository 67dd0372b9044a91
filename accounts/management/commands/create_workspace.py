"""The first workspace of an installation, or one more brand or client."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.text import slugify

from accounts import activity
from accounts.models import Membership, Role, User, Workspace


class Command(BaseCommand):
    help = "Create a workspace with an admin, who then invites everybody else in its settings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--admin", required=True, help="e-mail address of somebody who can log in")
        parser.add_argument("--slug", help="its part of the address; made from the name by default")
        parser.add_argument("--time-zone", default="UTC")

    @transaction.atomic
    def handle(self, *, name: str, admin: str, slug: str | None, time_zone: str, **_: Any) -> None:
        slug = slug or slugify(name)
        if not slug:
            raise CommandError("Give a --slug: the name has no letters for an address.")
        user = User.objects.filter(email=admin.strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody logs in as {admin}. Run createsuperuser first.")
        if Workspace.objects.filter(slug=slug).exists():
            raise CommandError(f"There is a workspace {slug} already. Choose another --slug.")
        workspace = Workspace.objects.create(name=name, slug=slug, time_zone=time_zone)
        Membership.objects.create(user=user, workspace=workspace, role=Role.ADMIN)
        activity.record(
            workspace, "workspace.created", f"Created the workspace for {user}.", subject=workspace
        )
        self.stdout.write(f"{name}: /w/{slug}/, admin {user.email}")

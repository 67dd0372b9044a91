"""Run after a restore, before worker and beat start again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Workspace
from accounts.services import sending


class Command(BaseCommand):
    help = "Lock sending in every workspace until an admin unlocks it in the settings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--note", default="The database was restored from a backup.")

    def handle(self, *, note: str, **_: Any) -> None:
        for workspace in Workspace.objects.order_by("slug"):
            sending.lock(workspace=workspace, note=note)
            self.stdout.write(f"{workspace.slug}: locked")

"""Walk the activity log's chain of hashes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import activity
from accounts.models import Workspace


class Command(BaseCommand):
    help = "Verify the activity log of every workspace, or of the ones named. Fails on the first broken entry of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="workspace")

    def handle(self, *, slugs: list[str], **_: Any) -> None:
        workspaces = Workspace.objects.order_by("slug")
        if slugs:
            workspaces = workspaces.filter(slug__in=slugs)
            if unknown := set(slugs) - set(workspaces.values_list("slug", flat=True)):
                raise CommandError(f"There is no workspace {', '.join(sorted(unknown))}.")
        broken = []
        for workspace in workspaces:
            entry = activity.first_broken(workspace)
            if entry is None:
                self.stdout.write(f"{workspace.slug}: whole")
            else:
                broken.append(workspace.slug)
                self.stdout.write(
                    f"{workspace.slug}: broken at entry {entry.pk} of {entry.at:%Y-%m-%d %H:%M:%S} UTC"
                )
        if broken:
            raise CommandError(f"The log of {', '.join(broken)} was changed.")

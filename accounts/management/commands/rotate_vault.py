"""Bring every sealed secret under the newest key of VAULT_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Model

from accounts import vault
from accounts.models import Connection, ConnectionTokens, Workspace

SEALED: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
    (Connection, ("sealed_credentials", "sealed_webhook_secrets")),
    (ConnectionTokens, ("sealed",)),
    (Workspace, ("sealed_hash_key",)),
)


class Command(BaseCommand):
    help = (
        "Seal every secret anew with the first key of VAULT_KEYS. Can be stopped and started again: "
        "what is done stays done. Only after --check says so may the old key go."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail if an old key is still needed"
        )

    def handle(self, *, check: bool, **_: Any) -> None:
        old, lost = 0, 0
        for model, names in SEALED:
            for pk in model._default_manager.order_by("pk").values_list("pk", flat=True).iterator():
                outcome = (self.look if check else self.rotate)(model, names, pk)
                old += outcome == "old"
                lost += outcome == "lost"
        if lost:
            raise CommandError(f"No key in VAULT_KEYS opens {lost} of the secrets. Put the old key back.")
        if check and old:
            raise CommandError(f"{old} secrets still need an old key. Run rotate_vault.")
        self.stdout.write("Every secret is under the newest key." if check else f"Sealed {old} secrets anew.")

    def look(self, model: type[Model], names: tuple[str, ...], pk: int) -> str:
        tokens = [token for token in model._default_manager.values_list(*names).get(pk=pk) if token]
        if all(vault.is_newest(token) for token in tokens):
            return "new"
        try:
            for token in tokens:
                vault.renew(token)
        except vault.Locked:
            return "lost"
        return "old"

    @transaction.atomic
    def rotate(self, model: type[Model], names: tuple[str, ...], pk: int) -> str:
        """One row, locked, so that a key replaced in this instant is not overwritten by the one before."""
        row = model._default_manager.select_for_update().only(*names).filter(pk=pk).first()
        if row is None:
            return "new"
        stale = [name for name in names if getattr(row, name) and not vault.is_newest(getattr(row, name))]
        try:
            for name in stale:
                setattr(row, name, vault.renew(getattr(row, name)))
        except vault.Locked:
            return "lost"
        if stale:
            row.save(update_fields=stale)
        return "old" if stale else "new"

"""A list that comes with an import: named before it, made when it starts, gone with it as long as nobody has to do with it."""

from accounts.models import MirrorKind, MirrorRow
from audiences import sets, uses
from audiences.models import Consent, Import, List


def make(mine: Import) -> None:
    if mine.new_list and mine.list is None:
        known = List.objects.filter(workspace=mine.workspace, name=mine.new_list, archived_at=None).first()
        mine.list = known or List.objects.create(workspace=mine.workspace, name=mine.new_list)
        if known:
            mine.new_list = ""
        Import.objects.filter(pk=mine.pk).update(list=mine.list, new_list=mine.new_list)


def take_back(mine: Import) -> None:
    """Nobody is on it or was, no proof names it, no account has it, and nothing uses it."""
    if not mine.new_list or mine.list is None:
        return
    sets.one_writer(mine.workspace)
    made = mine.list
    if not (
        made.subscriptions.exists()
        or Consent.objects.filter(list=made).exists()
        or MirrorRow.objects.filter(
            kind=MirrorKind.LIST, object_id=made.pk, connection__workspace=mine.workspace_id
        ).exists()
        or made.imports.exclude(pk=mine.pk).exists()
        or uses.of(mine.workspace, "list", [made.pk])
    ):
        made.delete()
        mine.list = None

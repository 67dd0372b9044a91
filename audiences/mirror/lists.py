"""Folders and lists of an account ⇄ those of the workspace."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import pulls
from accounts.models import Connection, MirrorKind, MirrorRow, Pull
from accounts.providers.base import Provider
from accounts.providers.records import FolderRecord, ListRecord
from audiences.erased import Erased
from audiences.mirror.digests import digest
from audiences.mirror.gone import mark_gone
from audiences.models import Folder, List

# Apps above this one make lists over there for their own work, a delivery's audience for one. Each tells which it knows
# again, by remote id: those are nobody's list here.
WORKING_LISTS: list[Callable[[Connection, Sequence[ListRecord]], Collection[str]]] = []


def pull_lists(pull: Pull, provider: Provider) -> Iterator[None]:
    if pull.checkpoint.get("done"):
        return
    erased = Erased(pull.connection.workspace)
    folders = list(provider.folders()) if provider.capabilities.has_folders else []
    folders = [replace(record, name=erased.without(record.name)) for record in folders]
    lists = [replace(record, name=erased.without(record.name)) for record in provider.lists()]
    with transaction.atomic():
        _hold_lists(pull.connection)
        working = {remote_id for known in WORKING_LISTS for remote_id in known(pull.connection, lists)}
        lists = [record for record in lists if record.remote_id not in working]
        counts = _merge_folders(pull, folders)
        for name, count in _merge_lists(pull, lists).items():
            counts[name] += count
        for kind in (MirrorKind.FOLDER, MirrorKind.LIST):
            mark_gone(pull, kind)
        pulls.store_page(pull, checkpoint={"done": True}, total=len(folders) + len(lists), **counts)
    yield


def _hold_lists(connection: Connection) -> None:
    """In the order of everybody who holds several; folders come after lists."""
    known = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.LIST).values("object_id")
    list(List.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk").values_list("pk"))


def _merge_folders(pull: Pull, records: list[FolderRecord]) -> dict[str, int]:
    walk = _Walk(pull, MirrorKind.FOLDER)
    for record in records:
        name = record.name[:200] or "Folder"
        folder = Folder.objects.filter(pk=walk.object_id(record.remote_id) or 0).first()
        if folder is None and record.remote_id in walk.rows:
            walk.left_out(record.remote_id, asdict(record))
            continue
        if folder is None:
            # Folders only sort: one of that name here is that folder, unless another of this account is it already.
            folder = Folder.objects.filter(workspace=pull.connection.workspace, name=name).first()
            if folder is None or walk.has(folder.pk):
                free = name if folder is None else f"{name[:180]} ({record.remote_id})"
                folder, _ = Folder.objects.get_or_create(workspace=pull.connection.workspace, name=free)
                walk.created(folder, record.remote_id, asdict(record))
                continue
            walk.found(folder, record.remote_id, asdict(record))
            continue
        is_free = not Folder.objects.filter(workspace=folder.workspace_id, name=name).exclude(pk=folder.pk)
        walk.seen(folder, record.remote_id, asdict(record), {"name": name} if is_free else {})
    return walk.counts


def _merge_lists(pull: Pull, records: list[ListRecord]) -> dict[str, int]:
    walk = _Walk(pull, MirrorKind.LIST)
    # Those that were removed here stay mirrored.
    there = Folder.objects.filter(workspace=pull.connection.workspace).values("pk")
    folders = dict(
        MirrorRow.objects.filter(
            connection=pull.connection, kind=MirrorKind.FOLDER, object_id__in=there
        ).values_list("remote_id", "object_id")
    )
    lists = List.objects.in_bulk([row.object_id for row in walk.rows.values()])
    for record in records:
        theirs = asdict(record)
        values = {"name": record.name[:200] or "List", "folder_id": folders.get(record.folder_remote_id)}
        row = walk.rows.get(record.remote_id)
        mine = lists.get(row.object_id) if row else None
        if mine is None:
            # Two accounts may each have a "Newsletter" with other people on it: never joined by name.
            mine = List.objects.create(workspace=pull.connection.workspace, **values)
            walk.created(mine, record.remote_id, theirs)
        else:
            walk.seen(mine, record.remote_id, theirs, values)
    return walk.counts


class _Walk:
    """One pull over a few objects of one kind, row by row."""

    def __init__(self, pull: Pull, kind: MirrorKind) -> None:
        self.pull, self.kind, self.now = pull, kind, timezone.now()
        self.counts = {"read": 0, "created": 0, "changed": 0, "unchanged": 0}
        rows = MirrorRow.objects.select_for_update().filter(connection=pull.connection, kind=kind)
        self.rows = {row.remote_id: row for row in rows}

    def object_id(self, remote_id: str) -> int | None:
        row = self.rows.get(remote_id)
        return row.object_id if row else None

    def has(self, object_id: int) -> bool:
        return any(row.object_id == object_id for row in self.rows.values())

    def created(self, mine: Any, remote_id: str, theirs: dict[str, Any]) -> None:
        self._store(mine, remote_id, theirs)
        self._count("created")

    def found(self, mine: Any, remote_id: str, theirs: dict[str, Any]) -> None:
        self._store(mine, remote_id, theirs)
        self._count("unchanged")

    def left_out(self, remote_id: str, theirs: dict[str, Any]) -> None:
        """Ours was removed here; it does not come back by being there."""
        row = self.rows[remote_id]
        row.seen_pull_id, row.seen_at, row.gone_at, row.theirs = self.pull.pk, self.now, None, theirs
        row.save()
        self._count("unchanged")

    def seen(self, mine: Any, remote_id: str, theirs: dict[str, Any], values: dict[str, Any]) -> None:
        """Take over what changed over there, unless it changed here too: that waits as a difference."""
        row = self.rows[remote_id]
        row.seen_pull_id, row.seen_at, row.gone_at = self.pull.pk, self.now, None
        differs = {name: value for name, value in values.items() if getattr(mine, name) != value}
        if bytes(row.digest or b"") == _digest(theirs) or (differs and mine.version != row.version):
            self._count("unchanged")
        else:
            if differs:
                type(mine).objects.filter(pk=mine.pk).update(**differs, version=mine.version + 1)
                row.version = mine.version + 1
            row.digest = _digest(theirs)
            self._count("changed" if differs else "unchanged")
        row.theirs = theirs
        row.save()

    def _store(self, mine: Any, remote_id: str, theirs: dict[str, Any]) -> None:
        self.rows[remote_id], _ = MirrorRow.objects.update_or_create(
            connection=self.pull.connection,
            kind=self.kind,
            remote_id=remote_id,
            defaults={
                "object_id": mine.pk, "version": mine.version, "digest": _digest(theirs), "theirs": theirs,
                "seen_pull_id": self.pull.pk, "seen_at": self.now, "gone_at": None,
            },
        )  # fmt: skip

    def _count(self, outcome: str) -> None:
        self.counts["read"] += 1
        self.counts[outcome] += 1


def _digest(theirs: dict[str, Any]) -> bytes:
    """Counters that a provider computes are never drift."""
    return digest({name: value for name, value in theirs.items() if name != "size"})

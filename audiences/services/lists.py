"""Lists and the folders they stand in: made, described, sorted and archived. A list is never deleted."""

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts import activity
from accounts.models import User, Workspace
from accounts.refusals import CannotDo
from audiences.models import Folder, List


class CannotChangeList(CannotDo):
    pass


@transaction.atomic
def make_list(
    *,
    workspace: Workspace,
    by: User,
    name: str,
    description: str = "",
    folder: Folder | None = None,
    new_folder: str = "",
    is_twin: bool = False,
) -> List:
    """Raises CannotChangeList when another list has the name, unless `is_twin` says that this is meant."""
    name = _one_line(name)
    _refuse(_twin(workspace, name, is_twin=is_twin) | _two_folders(folder, new_folder))
    mine = List.objects.create(
        workspace=workspace, name=name, description=description.strip(),
        folder=_folder(workspace, by, folder, new_folder),
    )  # fmt: skip
    activity.record(workspace, "list.made", f"Made the list {name}.", actor=by, subject=mine)
    return mine


@transaction.atomic
def change_list(
    *,
    mine: List,
    by: User,
    version: int,
    name: str,
    description: str = "",
    folder: Folder | None = None,
    new_folder: str = "",
    is_twin: bool = False,
) -> None:
    """Name, description and folder as one. Raises CannotChangeList when somebody else was faster."""
    List.objects.select_for_update().get(pk=mine.pk)
    mine.refresh_from_db()
    if mine.version != version:
        place = f"in the folder “{mine.folder}”" if mine.folder else "in no folder"
        raise CannotChangeList(
            f"Somebody changed this list while you were looking: it is called “{mine.name}” and stands {place} now."
            " Save again to put yours in its place."
        )
    name = _one_line(name)
    twin = _twin(mine.workspace, name, is_twin=is_twin, but=mine) if name != mine.name else {}
    _refuse(twin | _two_folders(folder, new_folder))
    folder = _folder(mine.workspace, by, folder, new_folder)
    before = _told(mine)
    mine.name, mine.description, mine.folder = name, description.strip(), folder
    after = _told(mine)
    changes = [key for key in after if before[key] != after[key]]
    if not changes:
        return
    mine.version += 1
    mine.save(update_fields=["name", "description", "folder", "version"])
    sentence = (
        f"Renamed the list {before['name']} to {name}." if "name" in changes else f"Changed the list {name}."
    )
    activity.record(
        mine.workspace, "list.changed", sentence, actor=by, subject=mine,
        before={key: before[key] for key in changes}, after={key: after[key] for key in changes},
    )  # fmt: skip


@transaction.atomic
def archive_lists(*, workspace: Workspace, by: User, list_ids: Collection[int]) -> int:
    """Out of sight; their people and what was sent to them stay. Returns how many were not archived before."""
    return _set_archived(workspace, by, list_ids, archive=True)


@transaction.atomic
def bring_back_lists(*, workspace: Workspace, by: User, list_ids: Collection[int]) -> int:
    return _set_archived(workspace, by, list_ids, archive=False)


@transaction.atomic
def move_lists(*, workspace: Workspace, by: User, list_ids: Collection[int], folder: Folder | None) -> int:
    """Into a folder, or out of all. Returns how many stood elsewhere."""
    moved = [mine for mine in _held(workspace, list_ids) if mine.folder_id != (folder.pk if folder else None)]
    for mine in moved:
        before = {"folder": str(mine.folder or "")}
        mine.folder, mine.version = folder, mine.version + 1
        mine.save(update_fields=["folder", "version"])
        where = f"to the folder {folder}" if folder else "out of its folder"
        activity.record(
            workspace, "list.moved", f"Moved the list {mine} {where}.", actor=by, subject=mine,
            before=before, after={"folder": str(folder or "")},
        )  # fmt: skip
    return len(moved)


@transaction.atomic
def make_folder(*, workspace: Workspace, by: User, name: str) -> Folder:
    name = _one_line(name)
    try:
        with transaction.atomic():
            folder = Folder.objects.create(workspace=workspace, name=name)
    except IntegrityError as error:
        raise _name_is_taken() from error
    activity.record(workspace, "folder.made", f"Made the folder {name}.", actor=by, subject=folder)
    return folder


@transaction.atomic
def rename_folder(*, folder: Folder, by: User, version: int, name: str) -> None:
    """Raises CannotChangeList when another has the name, or somebody else was faster."""
    name, before = _one_line(name), folder.name
    if name == before:
        return
    try:
        with transaction.atomic():
            rows = Folder.objects.filter(pk=folder.pk, version=version)
            changed = rows.update(name=name, version=F("version") + 1)
    except IntegrityError as error:
        raise _name_is_taken() from error
    if not changed:
        raise CannotChangeList(
            "Somebody changed this folder while you were looking. Look again, then decide."
        )
    activity.record(
        folder.workspace, "folder.renamed", f"Renamed the folder {before} to {name}.", actor=by, subject=folder,
        before={"name": before}, after={"name": name},
    )  # fmt: skip


@transaction.atomic
def remove_folder(*, folder: Folder, by: User) -> int:
    """The lists in it stay, in no folder. Returns how many those were."""
    inside = List.objects.filter(folder=folder)
    held = list(inside.select_for_update().order_by("id").values_list("pk", flat=True))
    lists = List.objects.filter(pk__in=held).update(folder=None, version=F("version") + 1)
    # Before the log, as a pull holds them; the row in hand keeps its id for it.
    Folder.objects.filter(pk=folder.pk).delete()
    activity.record(
        folder.workspace, "folder.removed", f"Removed the folder {folder}.", actor=by, subject=folder,
        before={"lists": lists},
    )  # fmt: skip
    return lists


def _set_archived(workspace: Workspace, by: User, list_ids: Collection[int], *, archive: bool) -> int:
    changed = [mine for mine in _held(workspace, list_ids) if (mine.archived_at is None) == archive]
    verb, sentence = (
        ("list.archived", "Archived the list {}.")
        if archive
        else ("list.brought_back", "Brought the list {} back.")
    )
    for mine in changed:
        mine.archived_at, mine.version = timezone.now() if archive else None, mine.version + 1
        mine.save(update_fields=["archived_at", "version"])
        activity.record(workspace, verb, sentence.format(mine), actor=by, subject=mine)
    return len(changed)


def _held(workspace: Workspace, list_ids: Collection[int]) -> list[List]:
    lists = List.objects.select_for_update(of=("self",)).select_related("folder")
    return list(lists.filter(workspace=workspace, pk__in=list_ids).order_by("id"))


def _folder(workspace: Workspace, by: User, folder: Folder | None, new_folder: str) -> Folder | None:
    name = _one_line(new_folder)
    if not name:
        return folder
    known = Folder.objects.filter(workspace=workspace, name=name).first()
    return known or make_folder(workspace=workspace, by=by, name=name)


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        raise CannotChangeList(next(iter(wrong.values())), fields=wrong)


def _two_folders(folder: Folder | None, new_folder: str) -> dict[str, str]:
    if folder is None or not _one_line(new_folder):
        return {}
    return {"new_folder": "Choose a folder, or name a new one; not both."}


def _twin(workspace: Workspace, name: str, *, is_twin: bool, but: List | None = None) -> dict[str, str]:
    """Accounts bring lists of one name, so they may be; but nobody should make one unawares."""
    twins = List.objects.filter(workspace=workspace, name__iexact=name)
    if is_twin or not (twins.exclude(pk=but.pk) if but else twins).exists():
        return {}
    sentence = "Another list has this name already. Tick this if that is meant, or choose another name."
    return {"is_twin": sentence}


def _name_is_taken() -> CannotChangeList:
    return CannotChangeList(
        "Another folder has this name.", fields={"name": "Another folder has this name already."}
    )


def _told(mine: List) -> dict[str, str]:
    return {"name": mine.name, "description": mine.description, "folder": str(mine.folder or "")}


def _one_line(text: str) -> str:
    return " ".join(text.split())

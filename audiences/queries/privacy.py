"""What the page of privacy shows: what is held, who was erased, and which accounts hold them yet."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Exists, Max, OuterRef, Q
from django.db.models.functions import Coalesce
from django.urls import reverse

from accounts import attention
from accounts.models import Connection, OutboxEntry, Workspace
from audiences import privacy
from audiences.models import ErasedThere, Erasure
from audiences.privacy import Person

PAGE = 50
State = ErasedThere.State


@dataclass(frozen=True, slots=True)
class Held:
    title: str
    rows: int
    becomes: str
    # Addresses, where those are what is held.
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class There:
    """One account, and what became of the person in it."""

    id: int
    connection: Connection
    tone: str
    says: str
    note: str
    at: datetime
    # What a person finds them by, where it waits for one.
    find: str
    by: str
    # Where one account is asked for several addresses: "2 of 3", and for whoever may erase the address or id there while it is kept.
    which: str = ""
    name: str = ""

    @property
    def waits(self) -> bool:
        return bool(self.find)


@dataclass(frozen=True, slots=True)
class Erased:
    erasure: Erasure
    # (what, rows)
    counts: list[tuple[str, int]]
    accounts: list[There]
    # Of the one person.
    addresses: int
    back_at: datetime | None


class ErasedSlice(NamedTuple):
    rows: list[Erased]
    before: int | None


def what_is_held(person: Person) -> list[Held]:
    """The tables that hold something of the person."""
    counted = ((section, sum(1 for _ in section.rows(person))) for section in privacy.sections())
    names = {"addresses": person.others}
    return [
        Held(section.title, rows, section.becomes, names.get(section.name, ()))
        for section, rows in counted
        if rows
    ]


def erasures(workspace: Workspace, *, before: int | None = None, names_them: bool = False) -> ErasedSlice:
    """One of each act, the newest first, with their accounts, in three queries."""
    has_accounts = Exists(ErasedThere.objects.filter(erasure=OuterRef("pk")))  # of an act before that one
    found = (
        Erasure.objects.filter(Q(part_of=None) | has_accounts, workspace=workspace)
        .select_related("by")
        .annotate(others=Count("parts"), back_at=Coalesce("lifted_at", Max("parts__lifted_at")))
    )
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-id")[: PAGE + 1])
    accounts: dict[int, list[There]] = {}
    for there in _there(ErasedThere.objects.filter(erasure__in=rows[:PAGE]).order_by("pk")):
        accounts.setdefault(there[0], []).append(there[1])
    titles = {section.name: section.title for section in privacy.sections()}
    shown = [
        Erased(
            row,
            [(title, row.counts[name]) for name, title in titles.items() if name in row.counts],
            _told_apart(accounts.get(row.pk, []), names_them=names_them),
            row.others + 1,
            row.back_at,
        )
        for row in rows[:PAGE]
    ]
    return ErasedSlice(shown, rows[PAGE - 1].pk if len(rows) > PAGE else None)


def still_held(workspace: Workspace) -> Iterable[attention.Item]:
    """Accounts in which a person must delete somebody who was erased here."""
    waiting = ErasedThere.objects.filter(erasure__workspace=workspace, state__in=ErasedThere.OPEN)
    for _, there in _there(waiting.order_by("-id")[: attention.LIMIT]):
        if there.waits:
            yield attention.Item(
                title=f"{there.connection} still holds somebody erased",
                text="Delete them there by hand, then tick it off.",
                url=reverse("audiences:privacy"),
                at=there.at,
            )


def _told_apart(accounts: list[There], *, names_them: bool) -> list[There]:
    """One account may be asked once for each address. What is gone there is kept nowhere, so it only has its number."""
    several = Counter(there.connection.pk for there in accounts)
    so_far: Counter[int] = Counter()
    told = []
    for there in accounts:
        of = there.connection.pk
        so_far[of] += 1
        told.append(
            replace(
                there,
                which=f"{so_far[of]} of {several[of]}" if several[of] > 1 else "",
                name=there.name if names_them else "",
            )
        )
    return told


def _there(rows: Any) -> list[tuple[int, There]]:
    found = list(rows.select_related("connection", "by"))
    work = {
        entry.subject_id: entry
        for entry in OutboxEntry.objects.filter(
            subject_type=ContentType.objects.get_for_model(ErasedThere),
            subject_id__in=[row.pk for row in found if row.state in ErasedThere.OPEN],
        )
    }
    return [(row.erasure_id, _shown(row, work.get(row.pk))) for row in found]


def _shown(row: ErasedThere, entry: OutboxEntry | None) -> There:
    name = row.connection.provider_name
    tone, says, note, find = "good", row.get_state_display(), "", ""
    # Work that is done has told what became of them since this row was read.
    is_asked = entry and (entry.is_open or entry.state == OutboxEntry.State.DONE)
    if row.state == State.HELD or (row.state == State.ASKED and not is_asked):
        tone, says, find = "warn", f"Still held by {name}", row.remote_id
        note = f"Delete them there by hand. {_why_by_hand(row, entry)}".strip()
    elif row.state == State.ASKED:
        tone, note = "warn", entry.note if entry else ""
    elif row.state == State.GONE:
        note = row.connection.capabilities.because.get("deletes_contacts", "")
    return There(
        row.pk, row.connection, tone, says, note, row.state_at, find, str(row.by or ""), name=row.remote_id
    )


def _why_by_hand(row: ErasedThere, entry: OutboxEntry | None) -> str:
    if row.connection.status == Connection.Status.DISCONNECTED:
        return "The account is not connected, so nothing can be asked of it."
    if row.state == State.ASKED:  # the work was set aside, or taken back
        return f"The account was asked and did not: {entry.note}" if entry and entry.note else ""
    able = row.connection.capabilities
    why = able.because.get("deletes_contacts", "")
    if entry and entry.state == OutboxEntry.State.DONE and not able.deletes_contacts:
        return f"The account was asked, and blocks them. {why}"
    return why

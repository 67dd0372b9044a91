from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from accounts.details import Subject
from accounts.models import Connection, Workspace
from audiences.addresses import sought
from audiences.models import Consent, Contact, Import, Suppression
from audiences.queries import counting
from audiences.queries.consents import shown_consents
from audiences.queries.contacts import shown
from audiences.queries.evidence import campaigns_behind, merged_into
from audiences.queries.patterns import Alike, alike, held

PAGE = 50
LAST_FIRST = ("-at", "-id")
IN_FORCE, LIFTED = "in_force", "lifted"


class SuppressionSlice(NamedTuple):
    rows: list[Suppression]
    before: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which suppressions: those in force, unless `state` says otherwise (empty: all)."""

    words: str = ""
    reason: str = ""
    connection: Connection | None = None
    is_by_hand: bool = False
    # "patterns" or "addresses"; empty for both.
    kind: str = ""
    state: str = IN_FORCE
    # The time of the fact itself.
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_all(self) -> bool:
        return self == Wanted()

    def as_json(self) -> dict[str, Any]:
        """What background work keeps of it."""
        return {
            "words": self.words, "reason": self.reason, "connection_id": self.connection.pk if self.connection else None,
            "is_by_hand": self.is_by_hand, "kind": self.kind, "state": self.state,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }  # fmt: skip

    @classmethod
    def from_json(cls, workspace: Workspace, told: Mapping[str, Any]) -> "Wanted":
        connection = workspace.connections.filter(pk=told.get("connection_id") or 0).first()
        times: dict[str, Any] = {
            name: datetime.fromisoformat(told[name]) for name in ("since", "until") if told.get(name)
        }
        kept = {
            name: told[name] for name in ("words", "reason", "is_by_hand", "kind", "state") if name in told
        }
        return cls(connection=connection, **kept, **times)


def is_suppressed(contact: Contact) -> bool:
    return Suppression.objects.filter(contact=contact, lifted_at=None).exists()


def suppressions(
    workspace: Workspace, wanted: Wanted, *, before: int | None = None, shows_addresses: bool = True
) -> SuppressionSlice:
    """Those told last first. Who may not see addresses finds one by the whole of it only."""
    found = matching(workspace, wanted, shows_addresses=shows_addresses)
    last = Suppression.objects.filter(workspace=workspace, pk=before).first() if before else None
    if last is not None:
        # Not one "or" of both, by which no index begins.
        found = found.filter(Q(at__lt=last.at) | Q(pk__lt=last.pk), at__lte=last.at)
    rows = list(found.select_related("connection", "created_by").order_by(*LAST_FIRST)[: PAGE + 1])
    return SuppressionSlice(rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None)


def counted_suppressions(
    workspace: Workspace,
    wanted: Wanted,
    first: SuppressionSlice | None = None,
    *,
    shows_addresses: bool = True,
) -> counting.Count:
    """How many, as far as a page waits for it. `first` is the first page: when it holds all, nothing is counted."""
    if first is not None and first.before is None:
        return counting.Count(len(first.rows), "exact")
    found = matching(workspace, wanted, shows_addresses=shows_addresses)
    return counting.quickly(found[: counting.COUNT_CAP + 1].count, at_least=PAGE)


def count_suppressions_patiently(
    workspace: Workspace, wanted: Wanted, *, shows_addresses: bool = True
) -> counting.Count:
    found = matching(workspace, wanted, shows_addresses=shows_addresses)
    return counting.patiently(found.count, lambda: counting.planned(found))


def matching(workspace: Workspace, wanted: Wanted, *, shows_addresses: bool = True) -> QuerySet[Suppression]:
    """All of them, in no order."""
    found = Suppression.objects.filter(workspace=workspace)
    if wanted.state:
        found = found.filter(lifted_at__isnull=wanted.state == IN_FORCE)
    if words := sought(wanted.words):
        found = found.filter(email__icontains=words) if shows_addresses else found.filter(email=words.lower())
    if wanted.reason:
        found = found.filter(reason=wanted.reason)
    if wanted.connection:
        found = found.filter(connection=wanted.connection)
    if wanted.is_by_hand:
        found = found.filter(connection=None)
    if wanted.kind:
        found = found.filter(is_pattern=wanted.kind == "patterns")
    if wanted.since:
        found = found.filter(at__gte=wanted.since)
    if wanted.until:
        found = found.filter(at__lt=wanted.until)
    return found


@dataclass(frozen=True, slots=True)
class One:
    # The other blocks of the same person or address, those in force first.
    others: list[Suppression]
    campaigns: Mapping[int, str]
    # Of those that a merge left, who has the address now.
    people: Mapping[int, Subject]
    # The consent that lifted it.
    consent: Consent | None
    of_import: Import | None
    # Of a pattern in force; None also where they are too many to count.
    alike: Alike | None
    # Of a lifted pattern: people suppressed by name for it still, and people freed with it.
    held: tuple[int, int] | None


def one_suppression(row: Suppression, *, shows_addresses: bool) -> One:
    """In nine queries at most."""
    others = [
        other
        for other in sorted(_of_same(row).order_by("-at"), key=lambda other: other.lifted_at is not None)
        if other.pk != row.pk
    ]
    consent_id, import_id = (row.lift_evidence or {}).get("consent"), (row.evidence or {}).get("import")
    consents = (
        Consent.objects.filter(pk=consent_id, contact__workspace=row.workspace_id).select_related("basis")
        if consent_id
        else ()
    )
    return One(
        others=others,
        campaigns=campaigns_behind(row.workspace, [row, *others]),
        people=merged_into(row.workspace, [row, *others], shows_addresses=shows_addresses),
        consent=next(iter(shown_consents(consents, shows_addresses=shows_addresses)), None),
        of_import=Import.objects.filter(pk=import_id, workspace=row.workspace_id).first()
        if import_id
        else None,
        alike=alike(row) if row.is_pattern and row.lifted_at is None else None,
        held=held(row) if row.is_pattern and row.lifted_at is not None else None,
    )


def shown_entry(row: Suppression, *, shows_addresses: bool) -> str:
    """The address or pattern. That of a whole domain is nobody's address, so everybody may read it."""
    return shown(
        row.email, shows_addresses=shows_addresses or (row.is_pattern and row.email.startswith("*@"))
    )


def blocks_of(row: Suppression) -> list[Suppression]:
    """What ends when this block is lifted, the newest first."""
    return list(ending_with(row).select_related("connection").order_by("-at"))


def ending_with(row: Suppression) -> QuerySet[Suppression]:
    """All blocks of the person; of an address that went into a person, those of that address that are of nobody."""
    person = person_behind(row)
    if went_into(row):
        whose = Q(email=row.email, contact=None)
    elif person is not None:
        whose = Q(email=person.email) | Q(contact=person)
    else:
        whose = Q(email=row.email)
    return Suppression.objects.filter(whose, workspace=row.workspace_id, is_pattern=False, lifted_at=None)


def went_into(row: Suppression) -> Contact | None:
    """Who has had this address since a merge, and is nobody that the block is of."""
    person = person_behind(row) if row.contact is None else None
    return person if person is not None and person.email != row.email else None


def person_behind(row: Suppression) -> Contact | None:
    """Whose block it is: who has the address, or had it before, where it stands for nobody."""
    if row.contact is not None or row.is_pattern:
        return row.contact
    known = Contact.objects.filter(workspace=row.workspace_id)
    return known.filter(email=row.email).first() or known.filter(former_addresses__email=row.email).first()


def _of_same(row: Suppression) -> QuerySet[Suppression]:
    found = Suppression.objects.filter(workspace=row.workspace_id, is_pattern=row.is_pattern)
    whose = Q(email=row.email)
    if (contact := person_behind(row)) is not None:
        whose |= Q(contact=contact) | Q(email=contact.email)
    return found.filter(whose).select_related("connection", "created_by", "lifted_by")

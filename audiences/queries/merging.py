"""What merging two contacts would do, before it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from accounts.models import ActivityEntry, Workspace
from accounts.names import by_name
from audiences.models import Consent, Contact, Engagement, Subscription, Suppression, Tag
from audiences.queries.fields import all_fields, as_text, value_in_words

Status = Subscription.Status
# The last one is the strictest; where two differ on a list, that one stays.
STRICTNESS = (Status.SUBSCRIBED, Status.PENDING, Status.REMOVED, Status.UNSUBSCRIBED)


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of the two, and which value stays."""

    key: str
    label: str
    kept: str
    other: str
    pick: str
    value: Any

    @property
    def is_changed(self) -> bool:
        return self.pick == "other" and self.other != self.kept

    @property
    def is_asked(self) -> bool:
        return self.kept != self.other


@dataclass(frozen=True, slots=True)
class Membership:
    name: str
    kept: str
    other: str
    after: str
    after_label: str


@dataclass(frozen=True, slots=True)
class Outcome:
    choices: list[Choice]
    memberships: list[Membership]
    new_tags: list[str]
    # (what, how many) that moves.
    moves: list[tuple[str, int]]
    # Of both, the oldest first: none of them ends, so nobody writes to the kept one.
    blocks: list[Suppression]


def field_choices(kept: Contact, other: Contact, picks: Mapping[str, str]) -> list[Choice]:
    """All fields either has; without a pick, the value of whoever was changed last, if there is one."""
    fields = list(all_fields(kept.workspace))
    labels = {field.key: field.label for field in fields}
    kinds = {field.key: field.kind for field in fields}
    labels |= {key: key for key in (*kept.custom, *other.custom) if key not in labels}
    newer = "other" if other.updated_at > kept.updated_at else "kept"
    found = []
    for key, label in labels.items():
        mine, theirs = kept.value(key), other.value(key)
        texts = as_text(mine), as_text(theirs)
        shown = value_in_words(mine, kinds.get(key, "")), value_in_words(theirs, kinds.get(key, ""))
        if shown[0] == shown[1] and texts[0] != texts[1]:
            shown = texts  # what differs must look so
        if not any(texts):
            continue
        pick = picks.get(key) or (newer if all(texts) else "kept" if texts[0] else "other")
        found.append(Choice(key, label, *shown, pick, theirs if pick == "other" else mine))
    return found


def outcome(kept: Contact, other: Contact, picks: Mapping[str, str]) -> Outcome:
    """In a constant number of queries, whatever hangs on the two."""
    whose = Q(contact__in=[kept, other]) | Q(email__in=[kept.email, other.email])
    blocks = Suppression.objects.filter(whose, workspace=kept.workspace, lifted_at=None, is_pattern=False)
    tags: dict[str, set[int]] = {}
    for name, contact_id in Tag.objects.filter(taggings__contact__in=[kept, other]).values_list(
        "name", "taggings__contact"
    ):
        tags.setdefault(name, set()).add(contact_id)
    engagement = Engagement.objects.filter(contact=other).first()
    return Outcome(
        choices=field_choices(kept, other, picks),
        memberships=_memberships(kept, other),
        new_tags=sorted(name for name, who in tags.items() if kept.pk not in who),
        moves=[
            ("Consents written down", Consent.objects.filter(contact=other).count()),
            ("Mails counted as received", engagement.received if engagement else 0),
        ],
        blocks=list(blocks.select_related("connection").order_by("at", "id")),
    )


def merged_tracking(kept: Contact, other: Contact) -> str:
    """Who said no to being counted under either address said no."""
    said = {kept.tracking, other.tracking}
    for answer in (Contact.Tracking.DENIED, Contact.Tracking.GRANTED):
        if answer in said:
            return answer
    return Contact.Tracking.UNKNOWN


def _memberships(kept: Contact, other: Contact) -> list[Membership]:
    found: dict[int, dict[int, str]] = {}
    names: dict[int, str] = {}
    rows = (
        Subscription.objects.filter(contact__in=[kept, other])
        .select_related("list")
        .order_by(*by_name("list"))
    )
    for row in rows:
        found.setdefault(row.list_id, {})[row.contact_id] = row.status
        names[row.list_id] = row.list.name
    labels: dict[str, str] = dict(Status.choices)
    memberships = []
    for list_id, by in found.items():
        kept_status, other_status = by.get(kept.pk, ""), by.get(other.pk, "")
        after = max(by.values(), key=lambda status: STRICTNESS.index(Status(status)))
        memberships.append(
            Membership(
                names[list_id],
                labels.get(kept_status, ""),
                labels.get(other_status, ""),
                after,
                labels[after],
            )
        )
    return memberships


def kept_instead(workspace: Workspace, contact_id: int) -> Contact | None:
    """Who stands in the place of a contact that was merged into another, however often since; None for anybody else."""
    return all_kept_instead(workspace, [contact_id]).get(contact_id)


def all_kept_instead(workspace: Workspace, ids: Collection[int]) -> dict[int, Contact]:
    """The same of several, in two queries for each merge of the longest chain."""
    # Not in the order of the log, which would be read from its beginning.
    merges = ActivityEntry.objects.filter(workspace=workspace, verb="contact.merged").order_by("at")
    found: dict[int, Contact] = {}
    # Who is looked for now → in whose place.
    open_: dict[int, list[int]] = {id_: [id_] for id_ in ids}
    while open_:
        went = dict(merges.filter(before__other__in=[*open_]).values_list("before__other", "object_id"))
        into: dict[int, list[int]] = {}
        for other, kept in went.items():
            into.setdefault(kept, []).extend(open_[other])
        people = workspace.contacts.in_bulk(into)
        found |= {id_: people[kept] for kept, for_whom in into.items() if kept in people for id_ in for_whom}
        open_ = {kept: for_whom for kept, for_whom in into.items() if kept not in people}
    return found

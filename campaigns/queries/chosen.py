"""Whom a campaign was chosen for: lists and segments, as they stand or as they stood at its release."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection as database

from accounts.models import Workspace
from accounts.names import by_name
from accounts.redaction import redact
from audiences import rules
from audiences.models import Segment
from audiences.queries.segments import UNREADABLE
from campaigns.models import Campaign, Delivery


@dataclass(frozen=True, slots=True)
class Chosen:
    """A segment in one version."""

    id: int
    name: str
    version: int
    # None where what was saved no longer reads.
    rule: rules.Group | None
    is_archived: bool = False
    # People in it who may be written to, as last counted.
    people: int | None = None
    # Of them, those a campaign would go to.
    agreed: int | None = None
    # Of the others, those who left.
    left: int | None = None
    counted_at: datetime | None = None

    @classmethod
    def of(cls, segment: Segment) -> "Chosen":
        return cls(
            segment.pk,
            segment.name,
            segment.version,
            _read(segment.rule),
            segment.archived_at is not None,
            segment.mailable_count,
            segment.agreed_count,
            segment.left_count,
            segment.counted_at,
        )

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Chosen":
        return cls(told["id"], told["name"], told["version"], _read(told["rule"]))

    def as_json(self) -> dict[str, Any]:
        rule = rules.as_json(self.rule) if self.rule else None
        return {"id": self.id, "name": self.name, "version": self.version, "rule": rule}


@dataclass(frozen=True, slots=True)
class Choice:
    """`within`: the segments that the rules of those chosen use, at any depth."""

    workspace: Workspace
    lists: tuple[int, ...]
    segments: tuple[Chosen, ...]
    within: tuple[Chosen, ...]
    known: rules.Known

    @property
    def is_empty(self) -> bool:
        return not (self.lists or self.segments)

    @property
    def versions(self) -> dict[int, int]:
        """Segment id → version, of all that decide who is meant."""
        return {segment.id: segment.version for segment in (*self.within, *self.segments)}

    def as_json(self) -> dict[str, Any]:
        """What a delivery keeps, and `frozen_choice` reads."""
        return {
            "lists": list(self.lists),
            "segments": [segment.as_json() for segment in self.segments],
            "within": [segment.as_json() for segment in self.within],
        }

    def told(self, *, shows_addresses: bool) -> list[tuple[int, str, str]]:
        """(id, name, rule as a sentence) of each segment."""
        found = [
            (one.id, one.name, rules.sentence(one.rule, self.known) if one.rule else UNREADABLE)
            for one in self.segments
        ]
        return found if shows_addresses else [(id_, name, redact(said)) for id_, name, said in found]

    def problem(self, segment: Chosen) -> str:
        """Why nobody can say who is in it; "" when somebody can."""
        try:
            self.where(segment)
        except rules.Incomplete as incomplete:
            return incomplete.sentence
        return ""

    def archived(self, segment: Chosen) -> list[str]:
        """What its rule depends on and is archived, as "list “News”"."""
        found: dict[str, None] = {}
        told = [segment.rule, *_reached(self.known, segment.rule).values()] if segment.rule else []
        for rule in told:
            for condition in rules.conditions(rule):
                thing = self.known.thing(condition)
                if thing is not None and thing.note == "archived":
                    found[f"{rules.KINDS[condition.kind].noun} “{thing.label}”"] = None
        return list(found)

    def where(self, segment: Chosen, *, now: datetime | None = None) -> rules.Where:
        """Who is in it, over `audiences_contact c`; its values' names are those of no other segment. Raises Incomplete."""
        if segment.rule is None:
            raise rules.Incomplete(f"{UNREADABLE}. Open the segment and make it anew.")
        known = replace(self.known, segments=_reached(self.known, segment.rule))
        fits = rules.where(segment.rule, known, now=now)
        prefix = f"segment{segment.id}_"
        # What people typed is in the values: the statement holds no other "%(rule".
        return rules.Where(
            fits.sql.replace("%(rule", f"%({prefix}rule"),
            {f"{prefix}{name}": value for name, value in fits.values.items()},
        )

    def wheres(self, *, now: datetime | None = None) -> list[rules.Where]:
        """Of each segment. Raises Incomplete."""
        return [self.where(segment, now=now) for segment in self.segments]

    def complete(self) -> "Choice":
        """Without the segments nobody can work out: pages count on, the checks say what is missing."""
        return replace(self, segments=tuple(one for one in self.segments if not self.problem(one)))

    def without_people(self) -> list[Chosen]:
        """Segments that can be worked out and hold nobody now."""
        found = self.complete()
        if not found.segments:
            return []
        wheres = found.wheres()
        columns = ", ".join(
            f"exists (select 1 from audiences_contact c where c.workspace_id = %(workspace)s and {where.sql})"
            for where in wheres
        )
        values = {name: value for where in wheres for name, value in where.values.items()}
        with database.cursor() as cursor:
            cursor.execute(f"select {columns}", values | {"workspace": self.workspace.pk})
            holds = cursor.fetchone()
        return [segment for segment, has_people in zip(found.segments, holds, strict=True) if not has_people]

    def no_longer_meant(self, contacts: Collection[int], *, now: datetime | None) -> list[int]:
        """Those of the people who are in none of the segments and on none of the lists by now; none where nobody can say."""
        if not contacts:
            return []
        try:
            wheres = self.wheres(now=now)
        except rules.Incomplete:
            return []
        values = {name: value for where in wheres for name, value in where.values.items()}
        with database.cursor() as cursor:
            cursor.execute(
                f"""
                select c.id from audiences_contact c
                where c.id = any(%(contacts)s) and not ({" or ".join(f"({where.sql})" for where in wheres)})
                  and not exists (
                      select 1 from audiences_subscription s
                      where s.contact_id = c.id and s.list_id = any(%(lists)s) and s.status = 'subscribed'
                  )
                """,
                values | {"contacts": [*contacts], "lists": [*self.lists]},
            )
            return [pk for (pk,) in cursor.fetchall()]

    def named_lists(self) -> set[int] | None:
        """Lists that the rules ask about, None for any: whoever leaves one of them has left what they were chosen for.

        However it is asked: who leaves is no longer "on it", "has not confirmed it yet", or none of those who "left it".
        """
        asked = [
            condition
            for segment in (*self.segments, *self.within)
            if segment.rule is not None
            for condition in rules.conditions(segment.rule)
        ]
        if any((condition.kind, condition.of) == ("any", "list") for condition in asked):
            return None
        return {int(condition.of) for condition in asked if condition.kind == "list"}


def choice_of(campaign: Campaign) -> Choice:
    """As its lists and segments stand now."""
    workspace = campaign.workspace
    lists = campaign.lists.filter(workspace=workspace).order_by("pk").values_list("pk", flat=True)
    segments = campaign.segments.filter(workspace=workspace).order_by(*by_name())
    return _choice(workspace, lists, [Chosen.of(segment) for segment in segments])


def offered_segments(workspace: Workspace, kept: Collection[int]) -> Choice:
    """Those that can be chosen, and those chosen already (`kept`) whatever became of them."""
    found = Segment.objects.filter(workspace=workspace).order_by(*by_name())
    return _choice(
        workspace, (), [Chosen.of(row) for row in found if row.archived_at is None or row.pk in kept]
    )


def frozen_choice(delivery: Delivery) -> Choice:
    """As it was released: later changes of a segment change nothing. Names are those of today where they are known."""
    told = delivery.audience
    segments = tuple(Chosen.from_json(one) for one in told.get("segments", ()))
    within = tuple(Chosen.from_json(one) for one in told.get("within", ()))
    workspace = delivery.campaign.workspace
    known = rules.Known.of(workspace, *(one.rule for one in (*segments, *within)))
    named = {one.id: rules.Thing(one.name) for one in within} | dict(known.things.get("segment", {}))
    known = replace(
        known,
        things={**known.things, "segment": named},
        segments={one.id: one.rule for one in within if one.rule},
    )
    return Choice(workspace, tuple(told.get("lists", ())), segments, within, known)


def _choice(workspace: Workspace, lists: Iterable[int], segments: list[Chosen]) -> Choice:
    known = rules.Known.of(workspace, *(segment.rule for segment in segments))
    within = Segment.objects.filter(pk__in=known.segments).order_by("pk") if known.segments else ()
    return Choice(workspace, tuple(lists), tuple(segments), tuple(map(Chosen.of, within)), known)


def _read(told: Any) -> rules.Group | None:
    """A rule may have been saved with a kind of condition that there is no more."""
    try:
        return rules.read(told)
    except rules.BadRule:
        return None


def _reached(known: rules.Known, rule: rules.Node) -> dict[int, rules.Group]:
    """The segments a rule uses, and those that they use."""
    reached: dict[int, rules.Group] = {}
    level: list[rules.Node] = [rule]
    while level:
        ids = {int(found.of) for node in level for found in rules.conditions(node) if found.kind == "segment"}
        level = []
        for id_ in ids - reached.keys():
            if id_ in known.segments:
                reached[id_] = known.segments[id_]
                level.append(known.segments[id_])
    return reached

"""Segments: their pages, how many are in one, why somebody is, and who uses what."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db import connection as database
from django.db.models import Q
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from accounts import search
from accounts.http import WorkspaceRequest
from accounts.ids import id_of
from accounts.models import Connection, Workspace
from accounts.names import by_name
from accounts.redaction import redact
from accounts.refusals import CannotDo
from audiences import rules, uses
from audiences.models import Contact, Segment
from audiences.queries.contacts import (
    People,
    Slice,
    capped,
    contacts,
    estimate,
    languages,
    source_of,
    split,
)
from audiences.queries.counting import COUNT_CAP
from audiences.rules import Condition, Group, Known, Node
from audiences.sql import within
from audiences.uses import Use

PAGE = 50
# How long somebody who types waits for a count, and how long a rough one may take then.
COUNT_SECONDS = 0.8
ROUGH_SECONDS = 0.2
SAMPLE = 10
SAMPLE_SECONDS = 1.2
# Values are suggested from among so many people, the newest.
VALUES_AMONG = 20_000
MOST_VALUES = 50
UNREADABLE = "The rule can no longer be read"


class Count(NamedTuple):
    """How many are in it. `how`: "exact", "about" (the planner's estimate), "more" (than that many)."""

    all: int
    how: str
    # Of them, those who may be written to; known of exact counts only.
    mailable: int | None = None

    @property
    def suppressed(self) -> int | None:
        return None if self.mailable is None else self.all - self.mailable


@dataclass(frozen=True, slots=True)
class Told:
    """A segment with what its rule says today."""

    segment: Segment
    # None where what was saved no longer reads.
    rule: Group | None
    known: Known
    sentence: str
    # What it depends on and is no more; then it can be neither counted nor sent to.
    missing: list[str]
    uses: list[uses.Use]

    @property
    def missing_said(self) -> str:
        return (
            f"{'. '.join(self.missing)}. Change the rule, then it can be worked out." if self.missing else ""
        )

    @property
    def is_about_deeds(self) -> bool:
        return self.rule is not None and any(
            rules.KINDS[one.kind].is_about_deeds for one in rules.conditions(self.rule)
        )

    @property
    def affected(self) -> list[Use]:
        """What of its uses minds that it is archived."""
        return [use for use in self.uses if use.once_archived]

    @property
    def is_broken(self) -> bool:
        return bool(self.missing)


class SegmentsPage(NamedTuple):
    rows: list[Told]
    # Where the next page begins; empty at the end.
    after: str


def segments(
    workspace: Workspace,
    *,
    shows_addresses: bool,
    words: str = "",
    is_archived: bool = False,
    after: str = "",
) -> SegmentsPage:
    """Those changed last first."""
    found = Segment.objects.filter(workspace=workspace, archived_at__isnull=not is_archived)
    if words:
        found = found.filter(Q(name__holds=words) | Q(description__holds=words))
    if place := _place(after):
        at, id_ = place
        found = found.filter(Q(updated_at__lt=at) | Q(updated_at=at, pk__lt=id_))
    rows = list(found.select_related("created_by").order_by("-updated_at", "-pk")[: PAGE + 1])
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return SegmentsPage(
        told(workspace, rows[:PAGE], shows_addresses=shows_addresses),
        f"{last.updated_at.isoformat()}_{last.pk}" if last else "",
    )


def told(workspace: Workspace, rows: Sequence[Segment], *, shows_addresses: bool) -> list[Told]:
    """The same number of queries for one and for many."""
    read = [_rule(row) for row in rows]
    known = Known.of(workspace, *read)
    used = uses.of(workspace, "segment", [row.pk for row in rows])
    found = []
    for row, rule in zip(rows, read, strict=True):
        own = known if rule is None else replace(known, segments=reached(rule, known))
        missing = [UNREADABLE] if rule is None else what_is_missing(rule, own)
        sentence = "" if rule is None else rules.sentence(rule, known)
        if not shows_addresses:
            sentence, missing = redact(sentence), [redact(gone) for gone in missing]
        found.append(Told(row, rule, own, sentence, missing, used.get(row.pk, [])))
    return found


def count(people: People, *, seconds: float = COUNT_SECONDS) -> Count:
    """Exactly if that is done in time, else roughly. Raises rules.Incomplete."""
    with within(seconds) as done:
        everybody, mailable = split(people)
        done.append((everybody, mailable))
    if done:
        return Count(everybody, "exact", mailable)
    about = estimate(people)
    with within(ROUGH_SECONDS) as done:
        done.append(capped(people))
    if about > COUNT_CAP:
        return Count(about, "about")
    if done and done[0] > COUNT_CAP:
        return Count(COUNT_CAP, "more")
    return Count(done[0], "exact") if done else Count(about, "about")


def sample(people: People, *, most: int = SAMPLE) -> Slice:
    """Some of them at random; of a segment too large to shuffle in time, those after a random place."""
    source, where, values = source_of(people)
    with within(SAMPLE_SECONDS) as done, database.cursor() as cursor:
        cursor.execute(
            f"select id from (select c.id from {source} where {where}) ids order by random() limit %(most)s",
            values | {"most": most},
        )
        done.append([id_ for (id_,) in cursor.fetchall()])
    if not done:
        newest = (
            Contact.objects.filter(workspace=people.workspace)
            .order_by("-pk")
            .values_list("pk", flat=True)[:1]
        )
        place = random.randint(1, newest[0])  # noqa: S311 - no secret
        return Slice(contacts(people, before=place + most).rows[:most], None)
    ids = tuple(done[0])
    return contacts(replace(people, ids=ids, words="")) if ids else Slice([], None)


@dataclass(frozen=True, slots=True)
class Why:
    """One condition or group of a rule, and whether it is met by one person."""

    said: str
    is_met: bool
    join: str = ""
    rules: tuple["Why", ...] = ()


def why(contact: Contact, rule: Group, known: Known, *, shows_addresses: bool) -> Why:
    """Each condition asked of the person, in one statement. Raises rules.Incomplete."""
    rules.where(rule, known)
    say: Callable[[str], str] = str if shows_addresses else redact
    leaves = list(rules.conditions(rule))
    columns, values = rules.each(leaves, known, is_one_by_one=True)
    if not columns:
        return _why(rule, known, iter(()), say)
    with database.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(columns)} from audiences_contact c where c.id = %(contact)s and c.workspace_id = %(workspace)s",
            values | {"contact": contact.pk, "workspace": contact.workspace_id},
        )
        return _why(rule, known, iter(cursor.fetchone()), say)


def _why(node: Node, known: Known, met: Iterator[bool], say: Callable[[str], str]) -> Why:
    if isinstance(node, Condition):
        return Why(say(rules.told(node, known)), next(met))
    inner = tuple(_why(one, known, met, say) for one in node.rules)
    answers = [one.is_met for one in inner]
    is_met = {"all": all(answers), "any": any(answers), "none": not any(answers)}[node.join]
    return Why(say(rules.sentence(node, known)), is_met, node.join, inner)


def values_of(workspace: Workspace, key: str) -> list[str]:
    """What a field holds: its choices, else what is most common among the newest people."""
    thing = rules.KINDS["field"].things(workspace, [key]).get(key)
    if thing is None or key == "@email":
        return []
    if thing.data["choices"]:
        return [str(choice) for choice in thing.data["choices"]][:MOST_VALUES]
    if key == "language":
        return languages(workspace, most=MOST_VALUES)
    if key == "@domain":
        column = "split_part(email, '@', 2)"
    elif key in Contact.STANDARD_FIELDS:
        column = key
    else:
        column = "custom ->> %(key)s"
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            select value from (
                select {column} as value from audiences_contact
                where workspace_id = %(workspace)s order by id desc limit %(among)s
            ) newest where value > '' and length(value) < 200
            group by value order by count(*) desc, value limit %(most)s
            """,
            {"workspace": workspace.pk, "key": key, "among": VALUES_AMONG, "most": MOST_VALUES},
        )
        return [value for (value,) in cursor.fetchall()]


def fields_holding(workspace: Workspace, values: Sequence[str]) -> dict[str, list[str]]:
    """Folded values → the fields that hold any of them among the newest people, with those values as written."""
    columns = ", ".join(f"('{key}', {key})" for key in Contact.STANDARD_FIELDS)
    with within(ROUGH_SECONDS) as done, database.cursor() as cursor:
        cursor.execute(
            f"""
            select held.key, array_agg(distinct held.value) from (
                select * from audiences_contact where workspace_id = %(workspace)s order by id desc limit %(among)s
            ) newest cross join lateral (
                values {columns} union all select key, value from jsonb_each_text(custom)
            ) held(key, value)
            where folded(held.value) = any(%(values)s) group by held.key
            """,
            {"workspace": workspace.pk, "among": VALUES_AMONG, "values": list(values)},
        )
        done.append(dict(cursor.fetchall()))
    return done[0] if done else {}


def segments_using(
    workspace: Workspace, kind: str, ofs: Collection[str | int]
) -> Iterable[tuple[str | int, uses.Use]]:
    """Segments whose rules name one of these, archived ones too: they can be brought back."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            select distinct named.one -> 'of', s.id, s.name, s.archived_at is not null
            from audiences_segment s
            cross join lateral jsonb_path_query(s.rule, 'strict $.** ? (@.kind == $kind)', %(vars)s::jsonb, true) named(one)
            where s.workspace_id = %(workspace)s and named.one -> 'of' = any(%(ofs)s::jsonb[])
            order by s.name, s.id
            """,
            {
                "workspace": workspace.pk,
                "vars": json.dumps({"kind": kind}),
                "ofs": [json.dumps(of) for of in ofs],
            },
        )
        rows = cursor.fetchall()
    return [
        (
            json.loads(of),
            uses.Use(
                "Segment",
                name,
                reverse("audiences:segment", args=[id_]),
                "Archived" if is_archived else "",
                once_archived="" if is_archived else "goes on asking for it",
                is_archived=is_archived,
            ),
        )
        for of, id_, name, is_archived in rows
    ]


def _using(kind: str) -> uses.Query:
    def query(workspace: Workspace, ofs: Collection[str | int]) -> Iterable[tuple[str | int, uses.Use]]:
        return segments_using(workspace, kind, ofs)

    return query


USES = {kind: _using(kind) for kind in ("list", "tag", "field", "segment", "account")}


def receiving(workspace: Workspace) -> list[tuple[str, list[Connection]]]:
    """How people of a segment reach an account, and the accounts where they do so."""
    found: dict[str, list[Connection]] = defaultdict(list)
    for row in workspace.connections.exclude(status=Connection.Status.CHECKING).order_by(*by_name()):
        found[_received(row)].append(row)
    return list(found.items())


def _received(connection: Connection) -> str:
    can = connection.capabilities
    if connection.status == Connection.Status.DISCONNECTED:
        return "Disconnected: it receives nothing until it is connected again."
    if can.replaces_members:
        return "A group is made for each delivery, and filled with exactly these people in one call."
    how = "A list is made for each delivery, and exactly these people are put on it."
    if can.has_segments:
        how += " The segments it has of its own stay as they are."
    return how


def search_segments(request: WorkspaceRequest, words: str) -> Iterable[search.Hit]:
    found = Segment.objects.filter(workspace=request.workspace, archived_at=None, name__holds=words)
    return [
        search.Hit(row.name, row.get_absolute_url()) for row in found.order_by(*by_name())[: search.LIMIT]
    ]


def _rule(segment: Segment) -> Group | None:
    try:
        return rules.read(segment.rule)
    except rules.BadRule:
        return None


def what_is_missing(rule: Node, known: Known) -> list[str]:
    """Why it cannot be worked out; a clause each."""
    if gone := rules.missing(rule, known):
        return gone
    try:
        rules.where(rule, known)
    except CannotDo as refusal:
        return [refusal.sentence.rstrip(".")]
    return []


def reached(rule: Node, known: Known) -> dict[int, Group]:
    """Of the segments known, those this rule leads to."""
    found: dict[int, Group] = {}
    level: list[Node] = [rule]
    while level:
        ids = {int(one.of) for each in level for one in rules.conditions(each) if one.kind == "segment"}
        level = [
            found.setdefault(id_, known.segments[id_])
            for id_ in ids
            if id_ in known.segments and id_ not in found
        ]
    return found


def _place(after: str) -> tuple[datetime, int] | None:
    at, _, id_ = after.partition("_")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    last = id_of(id_)
    return (moment, last) if moment is not None and moment.tzinfo and last else None

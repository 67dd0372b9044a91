"""People who are likely here twice: looked for in the background over everybody, told apart by a person."""

import time
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User, Workspace
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from audiences import sets
from audiences.models import DuplicatePair, DuplicateSearch, Field
from audiences.queries.duplicates import is_looking, order_key

TASK = "audiences.find_duplicates"
# What more people than this share belongs to a family, an office or a placeholder.
MOST_ALIKE = 5
# More than these of one rule nobody goes through by hand.
MOST_PAIRS = 100_000
SLICE_SECONDS = 20

Reason = DuplicatePair.Reason


class CannotLook(CannotDo):
    pass


@transaction.atomic
def look_for_duplicates(*, workspace: Workspace, by: User) -> DuplicateSearch:
    """Look over everybody again. Pressed twice, it is one search."""
    search, _ = DuplicateSearch.objects.select_for_update().get_or_create(workspace=workspace)
    if is_looking(workspace):
        raise CannotLook("The search is under way already. Its result appears here.")
    search.run, search.step, search.is_capped = search.run + 1, 0, False
    search.begun_by, search.begun_at = by, timezone.now()
    search.save()
    outbox.record(
        task=TASK, subject=search, effect=Effect.CONVERGE, workspace=workspace, order_key=order_key(workspace),
        priority=OutboxEntry.Priority.BULK,
    )  # fmt: skip
    activity.record(workspace, "duplicates.looked", "Began to look for people who are here twice.", actor=by)
    return search


def find_duplicates(entry: OutboxEntry) -> outbox.Later | None:
    """Work of the outbox: rule by rule, each committed with the number of rules that are done."""
    began = time.monotonic()
    search = DuplicateSearch.objects.get(pk=entry.subject_id)
    while search.step < len(RULES):
        if time.monotonic() - began > SLICE_SECONDS:
            return outbox.Later(0)
        outbox.renew(entry)
        with transaction.atomic():
            found = _apply(search, RULES[search.step])
            _go_on(search, step=search.step + 1, is_capped=search.is_capped or found >= MOST_PAIRS)
    with transaction.atomic():
        pairs = DuplicatePair.objects.filter(workspace=search.workspace_id, dismissed_at=None)
        pairs.filter(run__lt=search.run).delete()
        _go_on(search, found=pairs.count(), finished_at=timezone.now())
    sets.tell_planner("audiences_duplicatepair")
    return None


@transaction.atomic
def dismiss_pair(*, pair: DuplicatePair, by: User) -> None:
    """They are two people, for good. Said twice, it is said once."""
    changed = DuplicatePair.objects.filter(pk=pair.pk, dismissed_at=None).update(
        dismissed_at=timezone.now(), dismissed_by=by
    )
    if changed:
        _told(pair, by, "duplicates.dismissed", "Said that two contacts are not the same person.", -1)


@transaction.atomic
def bring_back_pair(*, pair: DuplicatePair, by: User) -> None:
    changed = DuplicatePair.objects.filter(pk=pair.pk, dismissed_at__isnull=False).update(
        dismissed_at=None, dismissed_by=None
    )
    if changed:
        _told(pair, by, "duplicates.brought_back", "Said that two contacts may be the same person.", 1)


def _told(pair: DuplicatePair, by: User, verb: str, sentence: str, count: int) -> None:
    search = DuplicateSearch.objects.filter(workspace=pair.workspace_id, found__gte=max(0, -count))
    search.update(found=F("found") + count)
    activity.record(
        pair.workspace, verb, sentence, actor=by, subject=pair,
        after={"contacts": [pair.contact_a_id, pair.contact_b_id]},
    )  # fmt: skip


def _go_on(search: DuplicateSearch, **values: Any) -> None:
    """Write how far it is, unless somebody else has gone on with it. Raises LeaseLost; a rule is applied once."""
    mine = DuplicateSearch.objects.filter(pk=search.pk, run=search.run, step=search.step)
    if not mine.update(**values):
        raise outbox.LeaseLost
    for name, value in values.items():
        setattr(search, name, value)


def _apply(search: DuplicateSearch, rule: str) -> int:
    """Find the pairs of one rule, in one statement. Returns how many."""
    key, applies = _KEYS[rule]
    values: dict[str, Any] = {
        "workspace": search.workspace_id,
        "run": search.run,
        "reason": rule,
        "rank": RULES.index(rule),
        "alike": MOST_ALIKE,
        "most": MOST_PAIRS,
        "birthday": _birthday(search.workspace_id),
    }
    if rule == Reason.NAME_AND_BIRTHDAY and not values["birthday"]:
        return 0
    with database.cursor() as cursor:
        cursor.execute("set local jit = off")
        cursor.execute("set local work_mem = '128MB'")
        cursor.execute(_FIND.format(key=key, applies=applies), values)
        return cursor.rowcount


def _birthday(workspace_id: int) -> str | None:
    fields = Field.objects.filter(workspace=workspace_id, kind=Field.Kind.DATE, key__in=BIRTHDAYS)
    return fields.order_by("id").values_list("key", flat=True).first()


BIRTHDAYS = ("birthday", "birthdate", "birth_date", "date_of_birth", "dob", "born", "birth")

_LOCAL, _DOMAIN = "split_part(c.email, '@', 1)", "split_part(c.email, '@', 2)"
_BARE = f"split_part({_LOCAL}, '+', 1)"


def _folded(column: str) -> str:
    """SQL: without case, accents, spaces, hyphens and the like, in whatever script."""
    return f"regexp_replace(lower(normalize(c.{column}, nfkd)), '[\\u0300-\\u036f\\s''’`.,-]+', '', 'g')"


_NAME = f"{_folded('first_name')} || ' ' || {_folded('last_name')}"
_HAS_NAME = "c.first_name <> '' and c.last_name <> ''"

# Rule → what two must share, and to whom it applies; the surest first.
_KEYS: dict[str, tuple[str, str]] = {
    Reason.MAILBOX: (
        f"case when {_DOMAIN} in ('gmail.com', 'googlemail.com') then replace({_BARE}, '.', '') || '@gmail.com'"
        f" else {_BARE} || '@' || {_DOMAIN} end",
        f"{_BARE} <> ''",
    ),
    Reason.NAME_AND_LOCAL: (f"{_NAME} || ' ' || {_LOCAL}", _HAS_NAME),
    Reason.PHONE: (
        "ltrim(regexp_replace(c.phone, '[^0-9]', '', 'g'), '0')",
        "length(ltrim(regexp_replace(c.phone, '[^0-9]', '', 'g'), '0')) >= 7",
    ),
    Reason.NAME_AND_CITY: (f"{_NAME} || ' ' || {_folded('city')}", f"{_HAS_NAME} and c.city <> ''"),
    Reason.NAME_AND_BIRTHDAY: (
        f"{_NAME} || ' ' || left(c.custom ->> %(birthday)s, 10)",
        f"{_HAS_NAME} and c.custom ->> %(birthday)s <> ''",
    ),
}
RULES = tuple(_KEYS)

_FIND = """
with alike as (
    select array_agg(id order by id) as ids from (
        select c.id, {key} as key from audiences_contact c
        where c.workspace_id = %(workspace)s and {applies}
    ) keyed group by key having count(*) between 2 and %(alike)s
), pairs as (
    select a.id as a, b.id as b
    from alike, unnest(alike.ids) as a(id), unnest(alike.ids) as b(id)
    where a.id < b.id and not exists (
        select 1 from audiences_duplicatepair known
        where known.contact_a_id = a.id and known.contact_b_id = b.id and known.dismissed_at is not null
    )
    order by 1, 2 limit %(most)s
), held as materialized (
    -- Who is erased or merged meanwhile is left out; all are held before a pair is written, in one order.
    select c.id from audiences_contact c
    where c.id in (select a from pairs union select b from pairs) order by c.id for key share
)
insert into audiences_duplicatepair as mine (workspace_id, contact_a_id, contact_b_id, reasons, rank, run)
select %(workspace)s, a, b, array[%(reason)s], %(rank)s, %(run)s
from pairs join held one on one.id = a join held other on other.id = b
order by a, b
on conflict (contact_a_id, contact_b_id) do update
set reasons = case when mine.run = excluded.run then mine.reasons || excluded.reasons else excluded.reasons end,
    rank = case when mine.run = excluded.run then mine.rank else excluded.rank end,
    run = excluded.run
"""

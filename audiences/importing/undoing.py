"""An import taken back, chunk by chunk, the last one first. What changed since stays, and is named.

Nobody becomes mailable by it: a membership only goes back to what it was while it is still the import's own, and
whoever left since keeps the leave, and the person it belongs to. What a later import said as well stays as well, and goes
back with that one: once all are rolled back, in whatever order, nothing of them is left.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import MirrorKind
from audiences import sets
from audiences.importing import said_again, said_fields
from audiences.importing.outcomes import values_of
from audiences.journal import IS_MIRRORED, consents_undone, fields_back, is_still_ours, memberships_back
from audiences.models import Consent, Contact, Import, ImportStep, Subscription

# Values that go back at once where later files have to be asked about each: a part of a minute's work.
VALUES = 1_000_000
LAST = 2**63 - 1


def undo_next(mine: Import) -> bool:
    """Take back the newest chunk that still stands, or the next part of it; False when there is none."""
    with transaction.atomic():
        sets.one_writer(mine.workspace)
        step = (
            ImportStep.objects.select_for_update()
            .filter(of=mine, undone_at=None)
            .order_by("-last_line")
            .first()
        )
        if step is None:
            return False
        row = Import.objects.select_for_update().get(pk=mine.pk)
        if row.state != Import.State.UNDOING or (row.undone, row.checkpoint) != (
            mine.undone,
            mine.checkpoint,
        ):
            raise outbox.LeaseLost
        again = said_again.later(mine)
        values = values_of(mine) | {
            "step": step.pk, "at": step.at, "first": step.first_contact, "last": step.last_contact,
            "contact": MirrorKind.CONTACT.value, "after": mine.checkpoint.get("undo", 0),
        }  # fmt: skip
        until = _end_of_chunk(mine, again, values)
        counts = _undo(mine, step, again, values | {"until": LAST if until is None else until})
        if until is None:
            ImportStep.objects.filter(pk=step.pk).update(undone_at=timezone.now())
        rest = {name: value for name, value in mine.checkpoint.items() if name != "undo"}
        mine.checkpoint = rest if until is None else rest | {"undo": until}
        mine.undone = {name: mine.undone.get(name, 0) + count for name, count in counts.items()}
        Import.objects.filter(pk=mine.pk).update(undone=mine.undone, checkpoint=mine.checkpoint)
    return True


class Outlook(NamedTuple):
    """People a roll back would touch now: of those who came with it, who goes, who only goes off the list, who stays as is; and who gets something back, or not.

    `again`: of those who came with it, whom a later file names.
    """

    gone: int
    off: int
    staying: int
    back: int
    kept: int
    again: int


def outlook(mine: Import) -> Outlook | None:
    """By the conditions of the roll back itself; no person is written. None where too many later files would have to be read."""
    again = said_again.later(mine)
    must_be_read = (said_again.must_be_read(one) or said_fields.are_said(mine, one) for one in again)
    if sum(must_be_read) > said_again.READ_AT_ONCE:
        return None
    values = values_of(mine) | {"contact": MirrorKind.CONTACT.value}
    said_again.find(mine, again, people=_ALL_PEOPLE, values=values)
    said_fields.find(mine, again, which=_WHICH_STANDS, values=values)
    statement = _OUTLOOK.format(
        own=_own("m"), is_unused=_is_unused(), is_ours=is_still_ours(said_fields.IS_SAID)
    )
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return Outlook(*cursor.fetchone())


def _end_of_chunk(mine: Import, again: Sequence[Import], values: dict[str, Any]) -> int | None:
    """The last person of the next part of a chunk that goes back at once; None where all the rest does."""
    if not any(said_again.must_be_read(one) or said_fields.are_said(mine, one) for one in again):
        return None
    people = max(1, VALUES // max(1, len(mine.mapping)))
    with database.cursor() as cursor:
        cursor.execute(_END_OF_CHUNK, values | {"skipped": people - 1})
        found = cursor.fetchone()
    return found[0] if found else None


def _undo(mine: Import, step: ImportStep, again: Sequence[Import], values: dict[str, Any]) -> dict[str, int]:
    counts = {"fields": 0, "lists": 0, "people": 0, "off": 0, "kept": 0}
    with database.cursor() as cursor:
        cursor.execute(
            "set local jit = off;"
            " drop table if exists pg_temp.touched, pg_temp.made, pg_temp.adopted, pg_temp.own, pg_temp.unused"
        )
        cursor.execute(_MADE, values)
        said_again.find(mine, again, people=_CHUNK_PEOPLE, values=values)
        cursor.execute(_UNUSED.format(is_unused=_is_unused()), values)
        cursor.execute(_DELETE_WHAT_HANGS_ON_THEM, values)
        cursor.execute(_DELETE_PEOPLE)
        counts["people"] = cursor.rowcount
        cursor.execute(_ONLY_WHO_STAYS, values)
        said_again.hand_over(mine, again, journal=_JOURNAL, which=_WHICH, own=_own("m"), values=values)
        said_fields.find(mine, again, which=_WHICH, values=values)
        said_fields.hand_over(again, which=_WHICH, values=values)
        counts["fields"] = fields_back(_JOURNAL, _WHICH, values, stays=said_fields.IS_SAID)
        memberships_back(_JOURNAL, _WHICH, _own("m"), values)
        cursor.execute(_KEPT_ADOPTED, values)
        meant = f"select j.contact_id from {_JOURNAL} j where {_WHICH} and j.membership is not null"
        if step.first_contact is not None:
            cursor.execute(_MADE_MEMBERSHIPS, values)
            cursor.execute(_KEPT_PEOPLE, values)
            cursor.execute("select count(*) from own")
            counts["off"] = cursor.fetchone()[0]
            meant += " union all select id from made"
        consents_undone(meant, values)
        cursor.execute("select count(distinct id) from touched")
        counts["lists"] = cursor.fetchone()[0]
        cursor.execute(
            f"select count(distinct j.contact_id) from {_JOURNAL} j where {_WHICH} and j.kept <> '[]'", values
        )
        counts["kept"] = cursor.fetchone()[0]
    return counts


def _own(membership: str) -> str:
    """SQL: a membership is still as the import left it."""
    return (
        f"{membership}.list_id = %(list)s and {membership}.status = 'subscribed'"
        f" and {membership}.evidence @> jsonb_build_object('import', %(import)s)"
    )


def _is_unused() -> str:
    """SQL: nothing hangs on the person `p` beside what imports made, in whichever app, and no later file named them.

    Others that stand are none of these imports, and nobody else has changed the person.
    """
    # In one "not": joined, each would be looked through again and again, for the planner takes these people for a few.
    return f"""
    (p.version = 1 or p.version = 1 + ({_CHANGES})) and not (
        exists (select 1 from accounts_mirrorrow r where r.kind = %(contact)s and r.object_id = p.id)
        or exists (select 1 from named n where n.contact_id = p.id) or {_used_elsewhere()}
    )
    """


def _used_elsewhere() -> str:
    found: list[str] = []
    for relation in Contact._meta.related_objects:
        model = relation.related_model
        column = relation.field.column
        assert not isinstance(model, str) and column  # noqa: S101, PT018 - all models are loaded
        if model is Consent:
            found.append(
                "exists (select 1 from audiences_consent u where u.contact_id = p.id"
                " and u.basis_id is distinct from %(basis)s and (u.kind = 'withdrawn' or not exists ("
                "select 1 from audiences_consent k"
                " where k.contact_id = p.id and k.basis_id = u.basis_id and k.kind = 'undone')))"
            )
        elif model is Subscription:
            found.append(
                "exists (select 1 from audiences_subscription u where u.contact_id = p.id"
                f" and ({_own('u')}) is not true)"
            )
        else:
            table = database.ops.quote_name(model._meta.db_table)
            found.append(f"exists (select 1 from {table} u where u.{database.ops.quote_name(column)} = p.id)")
    return " or ".join(found)


_JOURNAL = "audiences_importchange"
_WHICH = "j.step_id = %(step)s and j.contact_id > %(after)s and j.contact_id <= %(until)s"
_IS_MADE = "c.id between %(first)s and %(last)s and c.workspace_id = %(workspace)s and c.created_at = %(at)s"
_WHICH_STANDS = (
    "j.step_id in (select id from audiences_importstep where of_id = %(import)s and undone_at is null)"
)

# What this import, or one that was taken back, changed itself made the version of the person `p` one higher, and so did each
# part that went back.
_CHANGES = """
select coalesce(sum(
    (not j.is_handed and (j.changes <> '{}' or j.membership is not null))::int + case when j.kept is null then 0 else
        (exists (select 1 from jsonb_object_keys(j.changes) key where not j.kept ? key))::int
        + (j.membership is not null and not j.kept ? 'list')::int + (j.changes = '{}' and j.kept ? 'off')::int
    end
), 0) from audiences_importchange j join audiences_importstep t on t.id = j.step_id
where j.contact_id = p.id and (t.undone_at is not null or t.of_id = %(import)s)
"""

_END_OF_CHUNK = f"""
select id from (
    select c.id from audiences_contact c where {_IS_MADE}
    union
    select j.contact_id from {_JOURNAL} j where j.step_id = %(step)s
) p where id > %(after)s order by id offset %(skipped)s limit 1
"""

# Whom this chunk made, or has from one that was taken back, and who is still here.
_MADE = f"""
create temp table made on commit drop as
select c.id, c.version from audiences_contact c
where {_IS_MADE} and c.id > %(after)s and c.id <= %(until)s;
create unique index on made (id);
analyze made;
create temp table adopted on commit drop as
select p.id, p.version from audiences_contact p
where p.workspace_id = %(workspace)s
  and p.id in (select j.contact_id from {_JOURNAL} j where {_WHICH} and {said_again.IS_HANDED_PERSON});
create unique index on adopted (id);
analyze adopted
"""

_MADE_MEMBERSHIPS = f"""
create temp table own on commit drop as
select m.id, m.contact_id, {IS_MIRRORED} as is_mirrored
from made join audiences_subscription m on m.contact_id = made.id and {_own("m")};
delete from audiences_subscription m using own where m.id = own.id and not own.is_mirrored;
update audiences_subscription m set status = 'removed', changed_at = now() from own
where m.id = own.id and own.is_mirrored
"""

_UNUSED = """
create temp table unused on commit drop as
select p.id from (select * from made union all select * from adopted) p where {is_unused};
create unique index on unused (id);
analyze unused
"""

# Pairs were found by a search, so nothing that anybody did with them.
_DELETE_WHAT_HANGS_ON_THEM = f"""
delete from audiences_subscription t using unused where t.contact_id = unused.id;
delete from audiences_consent t using unused where t.contact_id = unused.id;
delete from audiences_duplicatepair t using unused where t.contact_a_id = unused.id;
delete from audiences_duplicatepair t using unused where t.contact_b_id = unused.id;
delete from {_JOURNAL} j using unused where {_WHICH} and j.contact_id = unused.id
"""
_DELETE_PEOPLE = "delete from audiences_contact c using unused where c.id = unused.id"
_ONLY_WHO_STAYS = """
delete from made using unused where made.id = unused.id;
delete from adopted using unused where adopted.id = unused.id
"""

_KEPT_PEOPLE = """
update audiences_contact c set version = c.version + 1, updated_at = now()
from own where c.id = own.contact_id;
insert into audiences_importchange (step_id, contact_id, changes, membership, kept)
select %(step)s, made.id, '{}', null,
       case when exists (select 1 from own where own.contact_id = made.id) then '["person", "off"]' else '["person"]' end::jsonb
from made order by made.id
"""
# Told of once: with the first row of theirs.
_KEPT_ADOPTED = f"""
update {_JOURNAL} set kept = coalesce(kept, '[]') || '["person"]'
where id in (select min(j.id) from {_JOURNAL} j join adopted on adopted.id = j.contact_id where {_WHICH} group by j.contact_id)
"""

_CHUNK_PEOPLE = f"select id from made union select j.contact_id from {_JOURNAL} j where {_WHICH}"
_ALL_PEOPLE = """
select p.id from audiences_importstep t join audiences_contact p
  on p.id between t.first_contact and t.last_contact and p.created_at = t.at and p.workspace_id = %(workspace)s
where t.of_id = %(import)s and t.undone_at is null
union
select j.contact_id from audiences_importstep t join audiences_importchange j on j.step_id = t.id
where t.of_id = %(import)s and t.undone_at is null
"""

_OUTLOOK = f"""
with steps as (
    select * from audiences_importstep where of_id = %(import)s and undone_at is null
), again as (
    select contact_id from named where of_list
), adopted as (
    select p.id, {{is_unused}} as is_gone from audiences_contact p
    where p.workspace_id = %(workspace)s and p.id in (
        select j.contact_id from steps join audiences_importchange j on j.step_id = steps.id
        where {said_again.IS_HANDED_PERSON.replace("{}", "{{}}")}
    )
), made as (
    select p.id, {{is_unused}} as is_gone, exists (
        select 1 from audiences_subscription m
        where m.contact_id = p.id and {{own}} and m.contact_id not in (select contact_id from again)
    ) as is_off
    from steps t join audiences_contact p
      on p.id between t.first_contact and t.last_contact and p.created_at = t.at and p.workspace_id = %(workspace)s
), known as (
    select bool_or({{is_ours}} or j.membership is not null and exists (
        select 1 from audiences_subscription m
        where m.contact_id = j.contact_id and {{own}}
          and not ({said_again.HAD_NOT_LEFT.format(membership="j.membership")} and m.contact_id in (select contact_id from again))
    )) as is_back
    from steps t join audiences_importchange j on j.step_id = t.id
    join audiences_contact c on c.id = j.contact_id and c.workspace_id = %(workspace)s
    where c.id not in (select id from made union all select id from adopted where is_gone)
    group by c.id
)
select (select count(*) from made where is_gone) + (select count(*) from adopted where is_gone),
       (select count(*) from made where not is_gone and is_off),
       (select count(*) from made where not is_gone and not is_off),
       (select count(*) from known where is_back), (select count(*) from known where not is_back),
       (select count(*) from (select id from made union select id from adopted) p where id in (select contact_id from named))
"""

# The table that memberships live in is named in the statements above.
assert Subscription._meta.db_table == "audiences_subscription"  # noqa: S101

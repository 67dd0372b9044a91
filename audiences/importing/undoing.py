"""An import taken back, chunk by chunk, the last one first. What changed since stays, and is named.

Nobody becomes mailable by it: a membership only goes back to what it was while it is still the import's own, and
whoever left since keeps the leave, and the person it belongs to.
"""

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import MirrorKind
from audiences import sets
from audiences.importing.outcomes import values_of
from audiences.journal import IS_MIRRORED, consents_undone, fields_back, memberships_back
from audiences.models import Consent, Contact, Import, ImportStep, Subscription


def undo_next(mine: Import) -> bool:
    """Take back the newest chunk that still stands; False when there is none."""
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
        if row.state != Import.State.UNDOING or row.undone != mine.undone:
            raise outbox.LeaseLost
        counts = _undo(mine, step)
        ImportStep.objects.filter(pk=step.pk).update(undone_at=timezone.now())
        mine.undone = {name: mine.undone.get(name, 0) + count for name, count in counts.items()}
        Import.objects.filter(pk=mine.pk).update(undone=mine.undone)
    return True


def _undo(mine: Import, step: ImportStep) -> dict[str, int]:
    values = values_of(mine) | {
        "step": step.pk, "at": step.at, "first": step.first_contact, "last": step.last_contact,
        "contact": MirrorKind.CONTACT.value,
    }  # fmt: skip
    counts = {"fields": 0, "lists": 0, "people": 0, "off": 0, "kept": 0}
    with database.cursor() as cursor:
        cursor.execute(
            "set local jit = off; drop table if exists pg_temp.touched, pg_temp.made, pg_temp.own, pg_temp.unused"
        )
        counts["fields"] = fields_back(_JOURNAL, _WHICH, values)
        memberships_back(_JOURNAL, _WHICH, _OWN, values)
        meant = f"select j.contact_id from {_JOURNAL} j where {_WHICH} and j.membership is not null"
        if step.first_contact is not None:
            cursor.execute(_MADE, values)
            cursor.execute(_MADE_MEMBERSHIPS, values)
            cursor.execute(_STILL_USED.format(used=_used_elsewhere()), values)
            cursor.execute(_DELETE_CONSENTS, values)
            cursor.execute(_DELETE_PAIRS)
            cursor.execute(_DELETE_PEOPLE)
            counts["people"] = cursor.rowcount
            cursor.execute(_KEPT_PEOPLE, values)
            cursor.execute(_OFF)
            counts["off"] = cursor.fetchone()[0]
            meant += " union all select id from made"
        consents_undone(meant, values)
        cursor.execute("select count(*) from touched")
        counts["lists"] = cursor.fetchone()[0]
        cursor.execute(
            "select count(*) from audiences_importchange where step_id = %(step)s and kept <> '[]'", values
        )
        counts["kept"] = cursor.fetchone()[0]
    return counts


def _used_elsewhere() -> str:
    """SQL: something hangs on the person `m` beside what the import made, in whichever app."""
    found: list[str] = []
    for relation in Contact._meta.related_objects:
        model = relation.related_model
        column = relation.field.column
        assert not isinstance(model, str) and column  # noqa: S101, PT018 - all models are loaded
        if model is Consent:
            found.append(
                "exists (select 1 from audiences_consent u where u.contact_id = m.id"
                " and u.basis_id is distinct from %(basis)s)"
            )
        else:
            table = database.ops.quote_name(model._meta.db_table)
            found.append(f"exists (select 1 from {table} u where u.{database.ops.quote_name(column)} = m.id)")
    return " or ".join(found)


_JOURNAL, _WHICH = "audiences_importchange", "j.step_id = %(step)s"
_OWN = "m.list_id = %(list)s and m.status = 'subscribed' and m.evidence @> jsonb_build_object('import', %(import)s)"
# Whom this chunk made and who is still here.
_MADE = """
create temp table made on commit drop as
select c.id, c.version = 1 as is_untouched from audiences_contact c
where c.id between %(first)s and %(last)s and c.workspace_id = %(workspace)s and c.created_at = %(at)s;
create unique index on made (id);
analyze made
"""

_MADE_MEMBERSHIPS = f"""
create temp table own on commit drop as
select m.id, m.contact_id, {IS_MIRRORED} as is_mirrored
from made join audiences_subscription m on m.contact_id = made.id and {_OWN};
delete from audiences_subscription m using own where m.id = own.id and not own.is_mirrored;
update audiences_subscription m set status = 'removed', changed_at = now() from own
where m.id = own.id and own.is_mirrored
"""

_STILL_USED = """
create temp table unused on commit drop as
select m.id from made m
where m.is_untouched
  and not exists (select 1 from accounts_mirrorrow r where r.kind = %(contact)s and r.object_id = m.id)
  and not ({used});
create unique index on unused (id)
"""

_DELETE_CONSENTS = "delete from audiences_consent t using unused where t.contact_id = unused.id"
# Found by a search, so nothing that anybody did with them.
_DELETE_PAIRS = """
delete from audiences_duplicatepair t using unused where t.contact_a_id = unused.id;
delete from audiences_duplicatepair t using unused where t.contact_b_id = unused.id
"""
_DELETE_PEOPLE = "delete from audiences_contact c using unused where c.id = unused.id"

_KEPT_PEOPLE = """
update audiences_contact c set version = c.version + 1, updated_at = now()
from own where c.id = own.contact_id;
insert into audiences_importchange (step_id, contact_id, changes, membership, kept)
select %(step)s, made.id, '{}', null,
       case when exists (select 1 from own where own.contact_id = made.id) then '["person", "off"]' else '["person"]' end::jsonb
from made where not exists (select 1 from unused where unused.id = made.id) order by made.id
"""

_OFF = "select count(*) from own join audiences_contact c on c.id = own.contact_id"

# The table that memberships live in is named in the statements above.
assert Subscription._meta.db_table == "audiences_subscription"  # noqa: S101

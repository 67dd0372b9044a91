"""What a later file said as well: a roll back leaves it, for it is the word of that import too.

Who was on the list already was not put there again, so nothing of it was written down. The rows of that import tell.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database

from audiences.importing.tables import Tables
from audiences.models import Import

State = Import.State


def later(mine: Import) -> list[Import]:
    """The imports that began after this one and stand, the first of them first."""
    found = Import.objects.filter(
        workspace=mine.workspace_id, aim=Import.Aim.PEOPLE, has_rows=True, started_at__gt=mine.started_at, undone={},
        state__in=[State.RUNNING, State.DONE, State.CANCELLED, State.FAILED],
    )  # fmt: skip
    return [one for one in found.order_by("started_at", "id") if Tables(one).holds(Tables(one).result)]


def on_list(mine: Import, imports: Sequence[Import]) -> list[Import]:
    """Those for the same list."""
    return [one for one in imports if one.list_id and one.list_id == mine.list_id]


def names(imports: Sequence[Import], contact: str) -> str:
    """SQL: whether one of these imports found this person here."""
    return (
        " or ".join(_NAMES.format(result=Tables(one).result, contact=contact) for one in imports) or "false"
    )


def hand_over(
    mine: Import, imports: Sequence[Import], *, journal: str, which: str, own: str, values: dict[str, Any]
) -> None:
    """Memberships `m`, as `own` says, of people of `made` and of the journal become those of the import that said them again.

    It takes them back in its turn, to what they were before the first, and its consent stands for them.
    """
    parts = {"journal": journal, "which": which, "own": own}
    for one in on_list(mine, imports):
        tables = Tables(one)
        theirs = {"again": one.pk, "again_basis": one.basis_id, "again_at": one.consent_at or one.started_at}
        with database.cursor() as cursor:
            cursor.execute(
                _HAND_OVER.format(result=tables.result, stage=tables.stage, **parts), values | theirs
            )


_NAMES = """exists (
    select 1 from {result} r where r.outcome in ('changed', 'unchanged') and r.contact_id = {contact}
)"""

_HAND_OVER = """
drop table if exists pg_temp.handed;
create temp table handed on commit drop as
select m.id, m.contact_id, r.line, was.membership
from (
    select j.contact_id, j.membership from {journal} j where {which} and j.membership is not null
    union all
    select id, '{{"status": null, "evidence": null, "changed_at": null}}' from made
) was
join {result} r on r.contact_id = was.contact_id and r.outcome in ('changed', 'unchanged')
join audiences_subscription m on m.contact_id = was.contact_id and {own};
update audiences_subscription m set evidence = jsonb_build_object('import', %(again)s) from handed h where m.id = h.id;
insert into audiences_importchange (step_id, contact_id, changes, membership)
select (
    select t.id from audiences_importstep t where t.of_id = %(again)s and t.last_line >= h.line order by t.last_line limit 1
), h.contact_id, '{{}}', h.membership
from handed h order by h.contact_id;
insert into audiences_consent (contact_id, basis_id, list_id, kind, at, ip, created_at)
select h.contact_id, %(again_basis)s, %(list)s, 'given', coalesce(s.consent_at, %(again_at)s), s.consent_ip, now()
from handed h left join {stage} s on s.line = h.line order by h.contact_id
"""

from collections.abc import Collection

from django.db import connection as database

from accounts.models import Connection, MirrorKind, MirrorRow


def remote_fields(connection: Connection) -> dict[str, str]:
    """Field.key → the key of that field's values with each person of the account."""
    with database.cursor() as cursor:
        cursor.execute(
            "select f.key, m.remote_id from accounts_mirrorrow m join audiences_field f on f.id = m.object_id"
            " where m.connection_id = %s and m.kind = %s and m.gone_at is null order by m.id",
            [connection.pk, MirrorKind.FIELD.value],
        )
        return dict(cursor.fetchall())


def mirrored_lists(connection: Connection) -> dict[str, int]:
    """Remote id of a list in the account → List.id."""
    rows = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.LIST, gone_at=None)
    return dict(rows.values_list("remote_id", "object_id"))


def refused_by_us(connection: Connection, emails: Collection[str]) -> set[str]:
    """Whom of them the account refuses at our own word, for what was told elsewhere: that it says so is no news."""
    if not emails:
        return set()
    with database.cursor() as cursor:
        cursor.execute(
            _REFUSED_BY_US,
            {
                "workspace": connection.workspace_id,
                "connection": connection.pk,
                "contact": MirrorKind.CONTACT.value,
                "emails": sorted(set(emails)),
            },
        )
        return {email for (email,) in cursor.fetchall()}


# Before the answer to our own word is stored, the account may have told of it already.
_REFUSED_BY_US = """
select c.email from audiences_contact c
where c.workspace_id = %(workspace)s and c.email = any(%(emails)s)
  and (
    exists (
      select 1 from accounts_mirrorrow m
      where m.connection_id = %(connection)s and m.kind = %(contact)s and m.object_id = c.id
        and m.theirs @> '{"by_us": true}'
    ) or exists (
      select 1 from accounts_outboxentry o
      join django_content_type t on t.id = o.subject_type_id and t.app_label = 'audiences' and t.model = 'contact'
      where o.connection_id = %(connection)s and o.subject_id = c.id and o.task = 'audiences.block'
        and o.state in ('claimed', 'done')
    )
  )
  and exists (
    select 1 from audiences_suppression s
    where s.contact_id = c.id and s.lifted_at is null and s.connection_id is distinct from %(connection)s
  )
"""

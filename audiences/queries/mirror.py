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

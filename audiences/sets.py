"""People move as sets: rows into a staging table by COPY, then a few statements over all of them."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from django.db import connection
from psycopg import sql

from accounts.models import Workspace


def one_writer(workspace: Workspace) -> None:
    """Hold the audience of a workspace until the transaction ends.

    Set-wise writers touch rows in whatever order the planner likes; two at once would deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_key(workspace)])


def only_writer(workspace: Workspace) -> bool:
    """The same without waiting: whether nobody else holds the audience."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [_key(workspace)])
        return bool(cursor.fetchone()[0])


def _key(workspace: Workspace) -> int:
    return int.from_bytes(blake2b(f"audience:{workspace.pk}".encode(), digest_size=8).digest(), signed=True)


def stage(
    name: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]], *, keys: Sequence[str]
) -> None:
    """A table of the rows, `columns` as (name, type), for this transaction alone.

    The planner learns of the `keys` only: to look at every column costs more than a join.
    """
    empty_stage(name, columns)
    table = sql.Identifier(name)
    names = sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns)
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("copy {} ({}) from stdin").format(table, names)) as copy:
            for row in rows:
                copy.write_row(row)
        known = sql.SQL(", ").join(map(sql.Identifier, keys))
        cursor.execute(sql.SQL("analyze {} ({})").format(table, known))


def empty_stage(name: str, columns: Sequence[tuple[str, str]]) -> None:
    """The same without rows, for a statement that fills it."""
    table = sql.Identifier(name)
    definition = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists pg_temp.{}").format(table))
        cursor.execute(sql.SQL("create temp table {} ({}) on commit drop").format(table, definition))


def tell_planner(*tables: str) -> None:
    """Have the planner look at tables that grow from nothing: it would read them whole for every row."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))

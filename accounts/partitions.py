"""Tables partitioned by month. A default partition catches what no month was made for, so no insert ever fails."""

from datetime import date

from django.db import connection, transaction
from django.utils import timezone

# table → the column its months are cut by
PARTITIONED = {"campaigns_recipient": "planned_on", "reporting_event": "at"}


def to_partitioned(table: str, *, key: str, unique: str, indexes: dict[str, str]) -> str:
    """SQL for a migration that turns a fresh, empty table into one partitioned by range of `key`.

    `unique` lists the columns of its natural key, `indexes` maps names to column lists; both as SQL.
    """
    made = "\n".join(f"create index {name} on {table} ({columns});" for name, columns in indexes.items())
    return f"""
        alter table {table} rename to {table}_plain;
        create table {table} (like {table}_plain including defaults including identity) partition by range ({key});
        drop table {table}_plain;
        alter table {table} add primary key (id, {key});
        alter table {table} add constraint {table}_once unique ({unique}, {key});
        {made}
        create table {table}_default partition of {table} default;
    """


def ensure_months(*, behind: int = 1, ahead: int = 3) -> list[str]:
    """Make the partitions from `behind` months ago to `ahead` months from now. Returns the names of new ones."""
    made = []
    today = timezone.now().date()
    for table, column in PARTITIONED.items():
        for offset in range(-behind, ahead + 1):
            start, end = _month(today, offset), _month(today, offset + 1)
            name = f"{table}_{start:%Y_%m}"
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("select to_regclass(%s) is not null", [name])
                if cursor.fetchone()[0]:
                    continue
                # Rows that already fell into the default partition stay there; their month keeps using it.
                cursor.execute(f"lock table {table}_default in access exclusive mode")
                cursor.execute(
                    f"select exists (select 1 from {table}_default where {column} >= %s and {column} < %s)",
                    [start, end],
                )
                if cursor.fetchone()[0]:
                    continue
                cursor.execute(
                    f"create table if not exists {name} partition of {table} for values from ('{start}') to ('{end}')"
                )
                made.append(name)
    return made


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)

"""The tables of one import: unlogged but for the result, since the file can be read again, and dropped whole."""

from django.db import connection as database

from audiences.models import Contact, Import

STANDARD = tuple(Contact.STANDARD_FIELDS)
_COLUMNS = (
    "line bigint, email text, "
    + ", ".join(f"{column} text" for column in STANDARD)
    + ", custom jsonb, consent_at timestamptz, consent_ip inet, problem text, cells jsonb"
)
STAGED = ("line", "email", *STANDARD, "custom", "consent_at", "consent_ip", "problem", "cells")
_OUTCOME = (
    "line bigint, outcome text, contact_id bigint, changes jsonb, membership jsonb, suppression_id bigint"
)


class Tables:
    """Names of the tables of one import; safe in SQL, for they are made of its number."""

    def __init__(self, mine: Import) -> None:
        base = f"audiences_import_{int(mine.pk)}"
        self.stage = f"{base}_stage"
        # Addresses that come more than once, and the line in which they come first.
        self.twins = f"{base}_twins"
        self.preview = f"{base}_preview"
        self.result = f"{base}_result"

    def make_stage(self) -> None:
        self._make(self.stage, _COLUMNS)
        _run(f"drop table if exists {self.twins}")

    def make_preview(self) -> None:
        self._make(self.preview, _OUTCOME)

    def make_result(self) -> None:
        """Outlives a crash: by it people are found, and nobody may be missing."""
        self._make(self.result, _OUTCOME, kind="")

    def know_result(self) -> None:
        """Once nothing more comes: who had which outcome is found without reading the others."""
        _run(
            f"create index if not exists {self.result}_people on {self.result} (outcome, contact_id)"
            f" where contact_id is not null; analyze {self.result} (outcome, contact_id)"
        )

    def know_stage(self) -> None:
        """Once all rows are in."""
        self.summarise_stage()
        _run(
            f"drop table if exists {self.twins};"
            f"create unlogged table {self.twins} as"
            f" select email, min(line) as first from {self.stage} where problem = '' group by email having count(*) > 1;"
            f"analyze {self.stage} (line, email); analyze {self.twins}"
        )

    def summarise_stage(self) -> None:
        """Have what was written last found by its lines as well."""
        _run(f"select brin_summarize_new_values('{self.stage}_lines')")

    def find_addresses(self) -> None:
        """Have the rows of an address found at once, for as long as the stage is as it is."""
        _run(f"create index if not exists {self.stage}_emails on {self.stage} (email)")

    def drop(self) -> None:
        _run(f"drop table if exists {self.stage}, {self.twins}, {self.preview}, {self.result}")

    def holds(self, table: str) -> bool:
        """Whether the table is there and not empty: a crash of the database empties it."""
        with database.cursor() as cursor:
            cursor.execute("select to_regclass(%s)", [table])
            if cursor.fetchone() == (None,):
                return False
            cursor.execute(f"select exists (select 1 from {table})")
            return bool(cursor.fetchone()[0])

    def _make(self, table: str, columns: str, *, kind: str = "unlogged") -> None:
        _run(
            f"drop table if exists {table}; create {kind} table {table} ({columns});"
            # Rows are in the order of their lines: a chunk is found without reading the others.
            f"create index {table}_lines on {table} using brin (line) with (pages_per_range = 16)"
        )


def _run(statements: str) -> None:
    with database.cursor() as cursor:
        cursor.execute(statements)

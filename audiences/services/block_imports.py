"""What is decided of a file of suppressions before its preview."""

from datetime import date

from django.db import transaction

from audiences.files import values
from audiences.models import Import, Suppression
from audiences.services.imports import CannotImport, instant, lock, record

State = Import.State


@transaction.atomic
def preview_blocks(
    *, mine: Import, version: int, mapping: list[dict[str, str]], reason: str, day: date | None = None
) -> None:
    """Keep what the columns hold and work the preview out. `reason`, `day`: where a row does not say.

    Raises CannotImport with the field to look at.
    """
    lock(mine, version)
    if len(mapping) != len(mine.columns):
        raise CannotImport("The columns of this file changed while you were looking. Look again.")
    targets = [column["to"] for column in mapping]
    if "email" not in targets:
        raise CannotImport("Which column holds the addresses? Match one to “Address or pattern”.")
    errors = {}
    for index, column in enumerate(mapping):
        if column["to"] and targets.index(column["to"]) != index:
            errors[f"to_{index}"] = "Another column holds this already."
        if column["to"] == "at" and values.READINGS[column["as"]][1] != "date":
            errors[f"as_{index}"] = "Say how this column writes its dates."
    if errors:
        raise CannotImport("Some columns do not fit yet.", fields=errors)
    consent_at = instant(day, field="day")
    if mine.state == State.READY:
        mine.move_to(State.MAPPING)
    mine.move_to(
        State.READING, mapping=mapping, reason=Suppression.Reason(reason), consent_at=consent_at,
        version=mine.version + 1, checkpoint={}, preview={}, counts={}, note="",
    )  # fmt: skip
    record(mine)

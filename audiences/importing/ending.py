"""What is left of an import that ended before its first row."""

from django.db import transaction

from audiences.importing import bodies, new_fields
from audiences.importing.tables import Tables
from audiences.models import Import


@transaction.atomic
def leave_nothing(mine: Import) -> None:
    """Neither its file nor its rows nor the fields made for it; the numbers stay."""
    new_fields.take_back(mine)
    bodies.forget(mine)
    Tables(mine).drop()
    mine.has_rows = False
    Import.objects.filter(pk=mine.pk).update(has_rows=False)

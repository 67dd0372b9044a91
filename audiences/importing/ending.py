"""What is left of an import that ended before its first row."""

from django.db import transaction

from audiences.importing import bodies, new_fields, new_list
from audiences.importing.tables import Tables
from audiences.models import Import


@transaction.atomic
def leave_nothing(mine: Import) -> None:
    """Neither its file nor its rows nor the fields and the list made for it; the numbers stay."""
    new_fields.take_back(mine)
    new_list.take_back(mine)
    bodies.forget(mine)
    Tables(mine).drop()
    mine.has_rows = False
    Import.objects.filter(pk=mine.pk).update(has_rows=False)

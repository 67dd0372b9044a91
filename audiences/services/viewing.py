from collections.abc import Sequence

from accounts.models import Membership
from audiences.models import ContactColumns
from audiences.queries.columns import MOST


def choose_columns(*, membership: Membership, columns: Sequence[str]) -> None:
    """What this member sees of everybody from now on."""
    kept = {"columns": list(columns)[:MOST]}
    ContactColumns.objects.update_or_create(membership=membership, defaults=kept)

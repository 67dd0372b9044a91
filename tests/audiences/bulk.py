"""Bulk actions in tests: with whom, and what became of one. The fixtures `begin` and `in_background` begin them."""

from typing import Any

from accounts.models import Workspace
from audiences.models import BulkAction, Contact
from tests.factories import ContactFactory

TASK = "audiences.bulk"


def people_of(workspace: Workspace, *names: str, **values: Any) -> list[Contact]:
    return [ContactFactory(workspace=workspace, email=f"{name}@x.test", **values) for name in names]


def ended(mine: BulkAction) -> tuple[str, int | None, int, dict[str, int]]:
    mine.refresh_from_db()
    return mine.state, mine.total, mine.done, mine.counts

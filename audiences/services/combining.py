"""People of several lists onto another list, or off it."""

from django.db import transaction

from accounts.models import User, Workspace
from audiences.models import BulkAction, List
from audiences.queries.contacts import People
from audiences.services.bulk import begin_bulk
from audiences.services.lists import make_list


@transaction.atomic
def combine_lists(
    *,
    workspace: Workspace,
    by: User,
    people: People,
    action: str,
    name: str = "",
    is_twin: bool = False,
    to: List | None = None,
    consent_source: str = "",
) -> BulkAction:
    """`action`: new, add, remove. What is written is written in the background, by the rules of any bulk action."""
    if action == "new":
        to = make_list(workspace=workspace, by=by, name=name, is_twin=is_twin)
    assert to is not None  # noqa: S101 - the form asks for it
    return begin_bulk(
        workspace=workspace,
        by=by,
        action=BulkAction.Action.REMOVE_FROM_LIST if action == "remove" else BulkAction.Action.ADD_TO_LIST,
        people=people,
        arguments={"list": to.pk},
        consent_source="" if action == "remove" else consent_source,
    )

"""Imports in tests: a file, decided and imported as a person would have it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import OutboxEntry, User, Workspace
from audiences import services
from audiences.importing.decisions import Decisions
from audiences.models import Contact, Import, List, Subscription, Suppression
from tests.factories import ContactFactory, SubscriptionFactory
from tests.helpers import run_outbox

TASKS = ("audiences.open_import", "audiences.read_import", "audiences.run_import", "audiences.undo_import")


def work() -> None:
    """All imports go on until they wait for a person."""
    OutboxEntry.objects.filter(task__in=TASKS, state="waiting").update(not_before=timezone.now())
    run_outbox(*TASKS)


def begin(workspace: Workspace, by: User, text: str | bytes, name: str = "people.csv") -> Import:
    body = text.encode() if isinstance(text, str) else text
    mine, _ = services.begin_import(workspace=workspace, by=by, name=name, blocks=[body])
    work()
    mine.refresh_from_db()
    return mine


def preview(mine: Import, by: User, mapping: list[Any] | None = None, **decisions: Any) -> Import:
    if decisions.get("on_list"):
        decisions.setdefault("consent_source", "Shop")
    services.preview_import(
        mine=mine, by=by, version=mine.version, decisions=Decisions(mapping or mine.mapping, **decisions)
    )
    work()
    mine.refresh_from_db()
    return mine


def start(mine: Import, by: User) -> Import:
    services.start_import(mine=mine, by=by, version=mine.version)
    work()
    mine.refresh_from_db()
    return mine


def bring(workspace: Workspace, by: User, text: str | bytes, **decisions: Any) -> Import:
    """From file to result."""
    return start(preview(begin(workspace, by, text), by, **decisions), by)


def undo(mine: Import, by: User) -> Import:
    services.undo_import(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    return mine


def state_of(workspace: Workspace) -> dict[str, Any]:
    """Everybody's fields and memberships: what an import and its roll back must leave as it was.

    A field that holds null is empty, as one is that is not there.
    """
    people = Contact.objects.filter(workspace=workspace).order_by("email")
    return {
        "people": [
            (*values, {key: value for key, value in custom.items() if value is not None})
            for *values, custom in people.values_list(
                "email", "first_name", "last_name", "language", "city", "country", "phone", "custom"
            )
        ],
        "memberships": sorted(
            Subscription.objects.filter(list__workspace=workspace).values_list(
                "list_id", "contact__email", "status"
            )
        ),
        "blocks": sorted(
            Suppression.objects.filter(workspace=workspace, lifted_at=None).values_list("email", "reason")
        ),
    }


def on(mine: List) -> list[tuple[str, str]]:
    """(address, status) of everybody on a list."""
    return sorted(Subscription.objects.filter(list=mine).values_list("contact__email", "status"))


def fields(email: str) -> tuple[str, str, dict[str, Any], int]:
    contact = Contact.objects.get(email=email)
    return contact.first_name, contact.city, contact.custom, contact.version


def left_before(workspace: Workspace, news: List, days: int) -> None:
    contact = ContactFactory(workspace=workspace, email="left@x.test")
    SubscriptionFactory(
        list=news, contact=contact, status="unsubscribed", changed_at=timezone.now() - timedelta(days=days)
    )

from celery import shared_task
from django.conf import settings

from accounts import outbox, pulls
from audiences import mirror, services


@shared_task(name="audiences.pull_fields")
def pull_fields(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, mirror.pull_fields))


@shared_task(name="audiences.pull_lists")
def pull_lists(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, mirror.pull_lists))


@shared_task(name="audiences.pull_leaves")
def pull_leaves(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, mirror.pull_leaves))


@shared_task(name="audiences.pull_contacts")
def pull_contacts(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, mirror.pull_contacts))


@shared_task(name="audiences.follow")
def follow(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: mirror.follow(entry, every_seconds=settings.POLL_SECONDS))


@shared_task(name="audiences.block")
def block(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, mirror.block)


@shared_task(name="audiences.resolve_patterns")
def resolve_patterns(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, services.go_on_resolving)

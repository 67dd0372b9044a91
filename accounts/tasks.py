from celery import shared_task

from accounts import mirror, outbox, upkeep


@shared_task(name="accounts.check")
def check(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, mirror.check_account)


@shared_task(name="accounts.register_webhook")
def register_webhook(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, mirror.register_webhook)


@shared_task(name="accounts.sweep")
def sweep(**_: object) -> None:
    upkeep.sweep()

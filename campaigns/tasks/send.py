from celery import shared_task

from accounts import outbox
from campaigns.mirror import send


@shared_task(name="campaigns.prepare")
def prepare(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.prepare))


@shared_task(name="campaigns.arm")
def arm(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.arm))


@shared_task(name="campaigns.look")
def look(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.look))


@shared_task(name="campaigns.watch")
def watch(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.watch))


@shared_task(name="campaigns.cancel")
def cancel(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.cancel))


@shared_task(name="campaigns.pause")
def pause(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.pause))


@shared_task(name="campaigns.resume")
def resume(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.resume))


@shared_task(name="campaigns.clean_up")
def clean_up(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, send.on_delivery(send.clean_up))


@shared_task(name="campaigns.sweep")
def sweep() -> None:
    send.attend_to_stuck()

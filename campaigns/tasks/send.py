from celery import shared_task

from accounts import outbox
from campaigns.mirror import arming, controlling, preparing, watching
from campaigns.mirror.deliveries import on_delivery


@shared_task(name="campaigns.prepare")
def prepare(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(preparing.prepare))


@shared_task(name="campaigns.arm")
def arm(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(arming.arm))


@shared_task(name="campaigns.look")
def look(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(arming.look))


@shared_task(name="campaigns.watch")
def watch(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(watching.watch))


@shared_task(name="campaigns.cancel")
def cancel(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(controlling.cancel))


@shared_task(name="campaigns.pause")
def pause(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(controlling.pause))


@shared_task(name="campaigns.resume")
def resume(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(controlling.resume))


@shared_task(name="campaigns.clean_up")
def clean_up(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, on_delivery(controlling.clean_up))


@shared_task(name="campaigns.sweep")
def sweep() -> None:
    arming.attend_to_stuck()

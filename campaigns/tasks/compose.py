from celery import shared_task

from accounts import outbox
from campaigns.mirror import senders
from campaigns.mirror import test_send as tests


@shared_task(name="campaigns.send_test")
def send_test(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, tests.send_test)


@shared_task(name="campaigns.create_sender")
def create_sender(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, senders.create_sender)


@shared_task(name="campaigns.confirm_sender")
def confirm_sender(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, senders.confirm_sender)


@shared_task(name="campaigns.authenticate_domain")
def authenticate_domain(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, senders.authenticate_domain)

from celery import shared_task

from accounts import outbox, pulls
from campaigns.mirror import pull


@shared_task(name="campaigns.pull_senders")
def pull_senders(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, pull.pull_senders))


@shared_task(name="campaigns.pull_templates")
def pull_templates(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, pull.pull_templates))


@shared_task(name="campaigns.pull_campaigns")
def pull_campaigns(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, pull.pull_campaigns))

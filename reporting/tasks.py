from celery import current_app, shared_task

from accounts import outbox, pulls
from reporting.mirror import figures, inbox, people


@shared_task(name="reporting.apply_inbox")
def apply_inbox(**_: object) -> None:
    if inbox.apply_inbox():
        current_app.send_task("reporting.apply_inbox", retry=False)


@shared_task(name="reporting.prune_inbox")
def prune_inbox(**_: object) -> None:
    inbox.prune()


@shared_task(name="reporting.pull_figures")
def pull_figures(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: pulls.step(entry, figures.pull_figures))


@shared_task(name="reporting.refresh_figures")
def refresh_figures(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, figures.refresh_figures)


@shared_task(name="reporting.read_back")
def read_back(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, people.read_back)

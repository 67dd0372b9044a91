"""What belongs to every step of a delivery, at a person's word or by itself: its work in the outbox, its words in the log."""

from datetime import timedelta

from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User
from accounts.providers.base import Effect
from campaigns.models import Delivery


def record(
    delivery: Delivery,
    task: str,
    effect: Effect,
    *,
    priority: int = OutboxEntry.Priority.SEND,
    seconds: float = 0,
) -> OutboxEntry:
    """Write down work on a delivery, due in `seconds`. All work of this app on one goes one after the other."""
    return outbox.record(
        task=task,
        subject=delivery,
        effect=effect,
        workspace=delivery.campaign.workspace,
        connection=delivery.connection,
        order_key=delivery.order_key if task.startswith("campaigns.") else "",
        priority=priority,
        not_before=timezone.now() + timedelta(seconds=seconds),
    )


def log(delivery: Delivery, verb: str, sentence: str, *, by: User | None = None) -> None:
    """Tell the activity log; `{campaign}` and `{connection}` in the sentence become their names."""
    activity.record(
        delivery.campaign.workspace,
        verb,
        sentence.replace("{campaign}", str(delivery.campaign)).replace(
            "{connection}", str(delivery.connection)
        ),
        actor=by,
        subject=delivery.campaign,
        after={"delivery": delivery.pk, "state": delivery.state},
    )

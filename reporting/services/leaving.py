"""Leaving by our own page, for mails of providers that write no link to leave."""

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.providers.records import EventRecord
from audiences.models import Suppression
from audiences.models.suppressions import BY_OUR_PAGE
from audiences.services import Fact, suppress_all
from campaigns.models import Delivery, Recipient
from reporting import rollups
from reporting.models import Event


@transaction.atomic
def leave(*, delivery: Delivery, email: str) -> bool:
    """Whoever got this mail at `email` (normal form) is written to no more, in any account. Whether somebody did.

    Anybody can type any address: only one that this delivery was meant for counts.
    """
    people = delivery.ledger().filter(email=email)
    if not people.exclude(state__in=[Recipient.State.EXCLUDED, Recipient.State.PLANNED]).exists():
        return False
    now = timezone.now()
    connection = delivery.connection
    if delivery.remote_id:
        rollups.lock(connection)
        rollups.begin()
        event = EventRecord(
            kind=Event.Kind.UNSUBSCRIBED,
            email=email,
            at=now,
            # Once for each person, however often they press.
            key=f"leave:{delivery.marker}:{email}",
            campaign_remote_id=delivery.remote_id,
        )
        known = Event.objects.filter(key=rollups.event_key(connection, event.key)).exists()
        if not known:
            rollups.stage([event], connection=connection)
            rollups.roll_up(connection)
    evidence = {"event": Event.Kind.UNSUBSCRIBED, "campaign_id": delivery.campaign_id, "said": BY_OUR_PAGE}
    fact = Fact(email=email, reason=Suppression.Reason.UNSUBSCRIBED, at=now, evidence=evidence)
    if suppress_all(workspace=connection.workspace, connection=None, facts=[fact]):
        activity.record(
            connection.workspace,
            "contact.left",
            f"Somebody left through “{delivery.campaign}”, by the page its mails link to.",
            subject=delivery.campaign,
        )
    return True

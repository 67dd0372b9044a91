"""Opens and clicks of people who must not be counted: dropped from then on, forgotten where they are stored."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.providers.records import EventRecord
from audiences import services
from audiences.models import Contact, Engagement
from campaigns.models import Recipient
from reporting import rollups
from reporting.models import Event, Figures, Seen
from tests.factories import CampaignFactory
from tests.reporting.calls import REMOTE_ID, SENT_AT, hand_over, make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(workspace):
    campaign = CampaignFactory(workspace=workspace)
    return make_delivery(campaign, campaign.connection)


def tell(delivery, people, *kinds, round_=0):
    records = [
        EventRecord(
            kind=kind, email=contact.email, at=SENT_AT + timedelta(minutes=number + round_), campaign_remote_id=REMOTE_ID,
            key=f"{kind}:{contact.email}:{round_}", link="https://example.test/" if kind == "clicked" else "",
        )
        for number, kind in enumerate(kinds)
        for contact in people
    ]  # fmt: skip
    with transaction.atomic():
        rollups.lock(delivery.connection)
        rollups.begin()
        rollups.stage(records, connection=delivery.connection)
        return rollups.roll_up(delivery.connection)


def deny(contact, by):
    services.record_consent(
        contact=contact, by=by, purpose="tracking", kind="withdrawn", source="Mail", at=timezone.now()
    )


def kinds_of(contact):
    return sorted(Event.objects.filter(contact=contact).values_list("kind", flat=True))


def test_opens_and_clicks_are_dropped_and_all_else_counts(delivery):
    ana, ben = hand_over(delivery, 2)
    Contact.objects.filter(pk=ana.pk).update(tracking="denied")

    left = tell(delivery, [ana, ben], "delivered", "opened", "clicked", "unsubscribed")

    assert [kinds_of(person) for person in (ana, ben)] == [
        ["delivered", "unsubscribed"], ["clicked", "delivered", "opened", "unsubscribed"],
    ]  # fmt: skip
    counts = Figures.objects.get().counts
    assert {name: counts[name] for name in ("delivered", "opened", "opens", "clicked", "clicks", "unsubscribed")} == {
        "delivered": 2, "opened": 1, "opens": 1, "clicked": 1, "clicks": 1, "unsubscribed": 2,
    }  # fmt: skip
    assert sorted(leave.email for leave in left) == sorted([ana.email, ben.email])
    assert Engagement.objects.filter(contact=ana).values_list("received", "opens", "clicks", "last_open_at").get() == (
        1, 0, 0, None,
    )  # fmt: skip


def test_what_was_stored_goes_and_the_totals_of_reports_stay(delivery, member):
    ana, ben = hand_over(delivery, 2)
    tell(delivery, [ana, ben], "delivered", "opened", "clicked")
    before = Figures.objects.get().counts

    deny(ana, member("editor"))

    assert [kinds_of(person) for person in (ana, ben)] == [["delivered"], ["clicked", "delivered", "opened"]]
    assert sorted(Seen.objects.filter(contact=ana).values_list("kind", flat=True)) == ["delivered"]
    assert Engagement.objects.filter(contact=ana).values_list(
        "received", "opens", "clicks", "last_open_at", "last_click_at"
    ).get() == (1, 0, 0, None, None)
    assert Engagement.objects.get(contact=ben).clicks == 1
    row = Recipient.objects.get(contact=ana)
    assert (row.state, row.first_open_at, row.first_click_at) == ("delivered", None, None)
    assert Figures.objects.get().counts == before
    # Told once more, nothing comes back.
    tell(delivery, [ana, ben], "opened", "clicked")
    assert kinds_of(ana) == ["delivered"]


def test_who_agrees_again_is_counted_from_then_on(delivery, member):
    by = member("editor")
    (ana,) = hand_over(delivery, 1)
    deny(ana, by)
    tell(delivery, [ana], "opened")
    services.record_consent(
        contact=ana, by=by, purpose="tracking", kind="given", source="Mail", at=timezone.now()
    )
    tell(delivery, [ana], "opened", round_=1)
    assert kinds_of(ana) == ["opened"]

"""The account's own counts, read over a real socket, and the people it names when asked."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from celery import current_app
from django.utils import timezone

from accounts import pulls
from accounts.models import OutboxEntry, Pull
from accounts.providers.records import EventRecord, FiguresRecord
from audiences.models import Suppression
from campaigns.models import Campaign, Delivery, Recipient
from reporting import services
from reporting.mirror import figures, people
from reporting.models import DomainFigures, Event, Figures, LinkFigures, Seen
from tests.factories import CampaignFactory, ConnectionFactory, ContactFactory
from tests.helpers import _catch_up, run_outbox
from tests.reporting.calls import SENT_AT, make_delivery

pytestmark = pytest.mark.django_db

ACCOUNT = "sandbox-figures"
COUNTERS = {
    "sent": "sent", "delivered": "delivered", "opened": "uniqueViews", "opened_by_human": "trackableViews",
    "opens": "viewed", "clicked": "uniqueClicks", "clicks": "clickers", "unsubscribed": "unsubscriptions",
    "complained": "complaints", "hard_bounced": "hardBounces", "soft_bounced": "softBounces", "deferred": "deferred",
}  # fmt: skip


@pytest.fixture
def seeded(sandbox):
    """Two campaigns that went out to 150 people, yesterday and a week ago."""
    html = '<a href="https://example.test/news">Read</a> <a href="https://example.test/shop">Buy</a>'
    return sandbox.control(
        "seed",
        provider="brevo",
        account=ACCOUNT,
        limits="off",
        pace={"process": 0},
        lists=["News"],
        contacts=150,
        campaigns=[
            {"name": "Yesterday", "subject": "S", "htmlContent": html, "status": "sent", "daysAgo": 1},
            {"name": "Last week", "subject": "S", "htmlContent": html, "status": "sent", "daysAgo": 7},
        ],
    )


@pytest.fixture
def connection(sandbox, workspace):
    return ConnectionFactory(workspace=workspace, base_url=sandbox.base_url(), api_key=ACCOUNT)


@pytest.fixture
def delivery(seeded, workspace, connection):
    campaign = CampaignFactory(workspace=workspace, connection=connection, name="Yesterday", status="sent")
    return make_delivery(campaign, connection, remote_id=str(seeded["campaigns"][0]))


def theirs(sandbox, remote_id, kind="globalStats"):
    reply = requests.get(
        f"{sandbox.base_url()}/emailCampaigns/{remote_id}",
        params={"statistics": kind},
        headers={"api-key": ACCOUNT},
        timeout=10,
    )
    return reply.json()["statistics"][kind]


def pull_statistics(connection):
    pull = Pull.objects.create(connection=connection, step=len(Pull.STEPS) - 1)
    for _ in figures.pull_figures(pull, connection.open()):
        pass
    return pull.counts["reporting.pull_figures"]


def test_pulled_figures_are_the_accounts_to_the_unit(sandbox, seeded, connection, delivery):
    counts = pull_statistics(connection)

    stored = Figures.objects.get(delivery=delivery, source="provider").counts
    told = theirs(sandbox, delivery.remote_id)
    assert {name: stored[name] for name in COUNTERS} == {name: told[key] for name, key in COUNTERS.items()}
    assert stored["opened"] > stored["opened_by_human"] > stored["clicked"] > 0
    assert dict(LinkFigures.objects.values_list("url", "clicks")) == theirs(
        sandbox, delivery.remote_id, "linksStats"
    )
    domains = theirs(sandbox, delivery.remote_id, "statsByDomain")
    assert {row.domain: row.counts["delivered"] for row in DomainFigures.objects.all()} == {
        domain: row["delivered"] for domain, row in domains.items()
    }
    assert counts == {"read": 2, "created": 1, "changed": 0, "unchanged": 0, "rejected": 1}


def test_pulling_again_changes_nothing(seeded, connection, delivery):
    pull_statistics(connection)
    before = list(LinkFigures.objects.values_list("pk", "clicks"))
    Pull.objects.all().delete()

    counts = pull_statistics(connection)

    assert counts == {"read": 2, "created": 0, "changed": 0, "unchanged": 1, "rejected": 1}
    assert list(LinkFigures.objects.values_list("pk", "clicks")) == before


def test_a_pull_that_goes_on_passes_over_what_it_has(seeded, connection, delivery, monkeypatch):
    monkeypatch.setattr(figures, "PAGE", 1)
    pull = Pull.objects.create(connection=connection, step=len(Pull.STEPS) - 1)
    walk = figures.pull_figures(pull, connection.open())
    next(walk)
    walk.close()  # the worker is killed after the first page

    for _ in figures.pull_figures(Pull.objects.get(pk=pull.pk), connection.open()):
        pass

    counts = Pull.objects.get(pk=pull.pk).counts["reporting.pull_figures"]
    assert (counts["created"], counts["changed"], counts["unchanged"]) == (1, 0, 0)


def test_the_step_ends_the_pull(seeded, connection, delivery):
    pull = Pull.objects.create(connection=connection, step=len(Pull.STEPS) - 1)
    pulls._record_step(pull)

    assert run_outbox("reporting.pull_figures") == ["reporting.pull_figures"]
    assert Pull.objects.get(pk=pull.pk).state == "done"


def test_reading_again_asks_the_account_and_two_presses_ask_once(sandbox, connection, delivery):
    services.read_again(delivery=delivery)
    with pytest.raises(services.CannotRead, match="already"):
        services.read_again(delivery=delivery)

    run_outbox("reporting.refresh_figures")

    told = theirs(sandbox, delivery.remote_id)
    assert Figures.objects.get(delivery=delivery).counts["opens"] == told["viewed"]


def test_an_unasked_reading_is_left_out_while_the_last_is_fresh(sandbox, connection, delivery):
    from accounts import outbox
    from accounts.providers.base import Effect

    def refresh():
        outbox.record(
            task="reporting.refresh_figures", subject=delivery, effect=Effect.READ, connection=connection
        )
        run_outbox("reporting.refresh_figures")
        calls = sandbox.read("log", provider="brevo", account=ACCOUNT)["calls"]
        return sum(call["path"].endswith(f"/emailCampaigns/{delivery.remote_id}") for call in calls)

    first, second = refresh(), refresh()
    Figures.objects.update(read_at=timezone.now() - timedelta(minutes=6))

    assert (first, second, refresh()) == (3, 3, 6)


def test_a_paused_account_is_not_asked(connection, delivery):
    connection.status = "paused"
    delivery.connection = connection

    with pytest.raises(services.CannotRead, match="not connected"):
        services.read_again(delivery=delivery)


def test_an_older_reading_that_comes_late_changes_nothing(delivery):
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    figures.write_figures(delivery, FiguresRecord(read_at=now, opens=5, links={"https://a.test": 5}))
    figures.write_figures(
        delivery, FiguresRecord(read_at=now - timedelta(hours=1), opens=3, links={"https://a.test": 3})
    )

    assert Figures.objects.get(delivery=delivery).counts == {"opens": 5}
    assert LinkFigures.objects.get().clicks == 5


def test_hostile_links_and_domains_are_stored_as_text(delivery):
    record = FiguresRecord(
        read_at=timezone.now(),
        links={"javascript:alert(1)\u0000": 1, "x" * 5000: 2},
        domains={"<b>\ud800": {"delivered": 1}},
    )
    figures.write_figures(delivery, record)

    assert sorted(len(url) for url in LinkFigures.objects.values_list("url", flat=True)) == [19, 2000]


def test_missed_people_are_read_back_after_the_end(sandbox, seeded, connection, delivery):
    """No webhook told anything: the exports do."""
    everybody = connection.open().contacts().items
    contacts = [ContactFactory(workspace=connection.workspace, email=record.email) for record in everybody]
    Recipient.objects.bulk_create(
        Recipient(
            delivery=delivery,
            planned_on=SENT_AT.date(),
            contact=contact,
            email=contact.email,
            state="handed_over",
        )
        for contact in contacts
    )
    people.plan_reading_back(delivery)
    people.plan_reading_back(delivery)
    entry = OutboxEntry.objects.get(task="reporting.read_back")
    assert entry.not_before == delivery.finished_at + timedelta(minutes=10)

    for _ in range(60):
        OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now())
        sandbox.control("clock", advance=1)
        _run_once(entry)
        if OutboxEntry.objects.get(pk=entry.pk).state == "done":
            break

    assert OutboxEntry.objects.get(pk=entry.pk).state == "done"
    told = theirs(sandbox, delivery.remote_id)
    found = Figures.objects.get(delivery=delivery, source="events").counts
    assert {
        name: found[name] for name in ("unsubscribed", "hard_bounced", "soft_bounced", "clicked", "opened")
    } == {
        name: told[COUNTERS[name]]
        for name in ("unsubscribed", "hard_bounced", "soft_bounced", "clicked", "opened")
    }
    assert (found["opens"], found["clicks"]) == (0, 0)
    assert not Event.objects.filter(is_exact=True).exists()
    assert Suppression.objects.count() == told["unsubscriptions"] + told["hardBounces"]
    assert Recipient.objects.filter(state="bounced").count() == told["hardBounces"] + told["softBounces"]


def _run_once(entry):
    _catch_up([entry.pk])
    current_app.tasks["reporting.read_back"](entry_id=entry.pk)


def test_who_is_known_already_is_not_counted_again(delivery):
    contact = ContactFactory(workspace=delivery.campaign.workspace, email="ana@example.test")
    Seen.objects.create(delivery=delivery, contact=contact, kind="clicked", first_at=SENT_AT)
    told = [
        EventRecord(kind="clicked", email=email, at=SENT_AT, key=email, campaign_remote_id=delivery.remote_id)
        for email in ("Ana@example.test", "new@example.test")
    ]

    assert people.take_in(delivery, "clicked", told) == 1
    assert (
        people.take_in(delivery, "clicked", told) == 1
    )  # unknown here, so the event itself is what is known
    assert Event.objects.count() == 1


def test_who_may_have_got_a_stopped_campaign_is_settled(delivery):
    contacts = [
        ContactFactory(workspace=delivery.campaign.workspace, email=f"p{n}@example.test") for n in range(2)
    ]
    Recipient.objects.bulk_create(
        Recipient(
            delivery=delivery,
            planned_on=SENT_AT.date(),
            contact=c,
            email=c.email,
            state="unknown",
            reason="cancelled on the way",
        )
        for c in contacts
    )
    told = EventRecord(
        kind="accepted", email="p0@example.test", at=SENT_AT, key="k", campaign_remote_id=delivery.remote_id
    )

    people.take_in(delivery, "accepted", [told])

    assert list(Recipient.objects.order_by("email").values_list("state", "reason")) == [
        ("handed_over", ""), ("unknown", "cancelled on the way"),
    ]  # fmt: skip


def test_imported_and_unfinished_campaigns_are_not_read_back(delivery):
    Delivery.objects.filter(pk=delivery.pk).update(finished_at=None)
    people.plan_reading_back(Delivery.objects.get(pk=delivery.pk))
    Campaign.objects.update(is_imported=True)
    Delivery.objects.filter(pk=delivery.pk).update(finished_at=timezone.now())
    people.plan_reading_back(Delivery.objects.get(pk=delivery.pk))

    assert not OutboxEntry.objects.exists()

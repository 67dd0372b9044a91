"""Whom accounts mail no more, where they tell so apart from their people: addresses, patterns, lists."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import outbox
from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from accounts.providers import provider_class
from accounts.providers.base import Effect
from accounts.providers.records import LeaveRecord
from audiences import queries, services
from audiences.mirror import leaves
from audiences.models import Contact, Subscription, Suppression
from campaigns.mirror.preparing import _freeze_people
from campaigns.models import Recipient
from reporting.mirror.inbox import block
from reporting.rollups import Leave
from tests.audiences.there import EACH, There, pull
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.helpers import run_outbox
from tests.reporting.calls import SENT_AT, make_delivery

MARKER = "abcdefghijkl"
UNDATED = tuple(slug for slug in EACH if not provider_class(slug).capabilities.lists_changed_contacts)


def follow(connection):
    """One round of following, whenever it would be due."""
    entry = OutboxEntry.objects.filter(connection=connection, task="audiences.follow").first()
    if entry is None:
        outbox.record(task="audiences.follow", subject=connection, connection=connection, effect=Effect.READ)
    OutboxEntry.objects.filter(task="audiences.follow").update(not_before=timezone.now())
    run_outbox("audiences.follow")


def suppressed():
    """Addresses of people who may not be written to."""
    return sorted(set(Suppression.objects.exclude(contact=None).values_list("contact__email", flat=True)))


def facts(*emails, at=None):
    return [services.Fact(email, "blocked", at or timezone.now()) for email in emails]


# Patterns


def test_a_pattern_suppresses_by_name_who_matches_now_or_comes_later(workspace, sandbox):
    there = There(sandbox, "especial")
    connection = there.connect(workspace)
    people = ["ana@example.org", "info@example.com", "ben@example.com"]
    there.seed(
        lists=["News"],
        suppressed=["*@example.org", "INFO@*"],
        contacts=[{"email": email, "lists": [0]} for email in people],
    )
    here = ContactFactory(workspace=workspace, email="cy@example.org")

    pull(connection)

    assert suppressed() == ["ana@example.org", "cy@example.org", "info@example.com"]
    assert sorted(
        Suppression.objects.filter(contact=here).values_list("email", "connection", "evidence")
    ) == [("cy@example.org", connection.pk, {"pattern": "*@example.org"})]

    other = There(sandbox, "leadfox")
    other.seed(lists=["News"], contacts=[{"email": "dora@example.org", "lists": [0]}])
    pull(other.connect(workspace))

    assert "dora@example.org" in suppressed()
    before = Suppression.objects.count()
    pull(connection)
    assert Suppression.objects.count() == before


@pytest.mark.parametrize("pattern", ["*", "*@*", "%@x", "_", "%", "@", "*@", "@*", "", "*@a b", "x*@*.org", "*@*.org", "*@org"])  # fmt: skip
def test_what_would_mean_everybody_suppresses_nobody_and_is_turned_away(pattern, workspace):
    connection = ConnectionFactory(workspace=workspace)
    for email in ("ana@example.org", "_@example.com", "x@a.org"):
        ContactFactory(workspace=workspace, email=email)

    counts = leaves.take_leaves(connection, [LeaveRecord(pattern)])

    assert +counts == {"read": 1, "rejected": 1}
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("told", "who"),
    [
        ("_@*", ["_@example.com"]),
        ("%@*", []),
        ("*@%", []),
        ("*@_.org", []),
        ("*@example.org", ["ana@example.org"]),
        ("*@MÜLLER.example", ["ben@xn--mller-kva.example"]),
        # Addresses all the same: a star may stand in a name.
        ("a*a@example.org", ["a*a@example.org"]),
    ],
)
def test_signs_of_other_languages_of_patterns_mean_nothing(told, who, workspace):
    connection = ConnectionFactory(workspace=workspace)
    for email in ("ana@example.org", "_@example.com", "x@a.org", "ben@xn--mller-kva.example"):
        ContactFactory(workspace=workspace, email=email)
    if "a*a" in told:
        ContactFactory(workspace=workspace, email="a*a@example.org")

    leaves.take_leaves(connection, [LeaveRecord(told)])

    assert suppressed() == who


def test_a_block_lifted_by_consent_stays_lifted_when_its_pattern_is_resolved_again(workspace):
    contact = ContactFactory(workspace=workspace, email="ana@example.org")
    early = timezone.now() - timedelta(days=2)
    services.suppress_patterns(workspace=workspace, connection=None, facts=facts("*@example.org", at=early))
    Suppression.objects.filter(contact=contact).update(lifted_at=timezone.now())

    assert services.resolve_patterns(workspace=workspace) == 0
    assert not queries.is_suppressed(contact)


def test_freezing_finds_whom_a_pattern_means_however_they_came(workspace):
    services.suppress_patterns(workspace=workspace, connection=None, facts=facts("*@example.org"))
    list_ = ListFactory(workspace=workspace)
    for email in ("ana@example.org", "ben@example.com"):
        SubscriptionFactory(list=list_, contact__email=email)
    campaign = CampaignFactory(workspace=workspace)
    delivery = make_delivery(
        campaign, campaign.connection, frozen_at=None, audience={"lists": [list_.pk]}, state="preparing"
    )

    _freeze_people(delivery)

    assert sorted(delivery.ledger().values_list("email", "state", "reason")) == [
        ("ana@example.org", "excluded", "suppressed"),
        ("ben@example.com", "planned", ""),
    ]


# Following


@pytest.mark.parametrize("slug", UNDATED)
def test_a_leave_is_found_within_a_round_and_told_to_whoever_can_be_told(slug, sandbox, workspace):
    accounts = {name: There(sandbox, name) for name in {slug, "brevo", "leadfox"}}
    for account in accounts.values():
        account.seed(
            lists=["News"],
            contacts=[{"email": f"{name}@example.com", "lists": [0]} for name in ("ana", "ben")],
        )
    connections = {name: account.connect(workspace) for name, account in accounts.items()}
    for connection in connections.values():
        pull(connection)
    follow(connections[slug])
    assert suppressed() == []

    accounts[slug].seed(contacts=[{"email": "ana@example.com", "blocked": True}])
    follow(connections[slug])

    assert suppressed() == ["ana@example.com"]
    blocks = OutboxEntry.objects.filter(task="audiences.block")
    assert list(blocks.values_list("connection__provider", flat=True)) == ["brevo"]
    run_outbox("audiences.block")
    there = {row.email: row.blocked for row in connections["brevo"].open().contacts().items}
    assert there == {"ana@example.com": True, "ben@example.com": False}
    entry = OutboxEntry.objects.get(task="audiences.follow")
    assert entry.state == "waiting"
    assert entry.not_before <= timezone.now() + timedelta(minutes=15)


@pytest.mark.parametrize("slug", ["especial", "mailmojo"])
def test_who_leaves_one_list_has_left_it_within_a_round(slug, sandbox, workspace):
    there = There(sandbox, slug)
    made = there.seed(lists=["News", "Test"], contacts=[{"email": "ana@example.com", "lists": [0, 1]}])[
        "lists"
    ]
    connection = there.connect(workspace)
    pull(connection)
    there.act(kind="leave_list", email="ana@example.com", list=made[1])

    follow(connection)

    assert sorted(Subscription.objects.values_list("list__name", "status")) == [
        ("News", "subscribed"),
        ("Test", "unsubscribed"),
    ]
    assert not Suppression.objects.exists()
    pull(connection)
    assert Subscription.objects.get(list__name="Test").status == "unsubscribed"


def test_following_waits_for_the_first_pull(sandbox, workspace):
    there = There(sandbox, "leadfox")
    follow(there.connect(workspace))
    assert OutboxEntry.objects.get(task="audiences.follow").note == "Waits for the first pull."
    assert there.calls() == []


@pytest.mark.parametrize("slug", ["especial", "mailmojo", "emailcampaigns"])
def test_a_block_we_asked_for_ourselves_is_no_news(slug, sandbox, workspace):
    there = There(sandbox, slug)
    there.seed(lists=["News"], contacts=[{"email": "ana@example.com", "lists": [0]}])
    connection = there.connect(workspace)
    pull(connection)
    ana = Contact.objects.get()
    services.suppress(
        workspace=workspace, email=ana.email, reason="complained", connection=None, at=timezone.now(), evidence={}
    )  # fmt: skip
    run_outbox("audiences.block")
    assert MirrorRow.objects.get(kind=MirrorKind.CONTACT).theirs["by_us"] is True

    follow(connection)
    again = pull(connection)

    assert list(Suppression.objects.values_list("connection", "reason")) == [(None, "complained")]
    assert again.counts["audiences.pull_leaves"].get("suppressed", 0) == 0


def test_a_complaint_after_our_own_block_is_news(workspace):
    connection = ConnectionFactory(workspace=workspace)
    ana = ContactFactory(workspace=workspace, email="ana@example.com")
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="1", theirs={"by_us": True}
    )  # fmt: skip
    SuppressionFactory(contact=ana)  # why we asked

    told = [LeaveRecord("ana@example.com", reason) for reason in ("unsubscribed", "blocked", "complained")]
    counts = leaves.take_leaves(connection, told)

    assert +counts == {"read": 3, "suppressed": 1, "unchanged": 2}
    assert Suppression.objects.get(connection=connection).reason == "complained"


def test_that_an_account_takes_somebody_off_its_lists_at_our_word_is_no_leave(workspace):
    """By its people who left, and by its calls; where nobody asked it to, it is one."""
    connection = ConnectionFactory(workspace=workspace)
    news = ListFactory(workspace=workspace)
    MirrorRow.objects.create(connection=connection, kind=MirrorKind.LIST, object_id=news.pk, remote_id="3")
    ana, ben = (ContactFactory(workspace=workspace, email=f"{name}@example.com") for name in ("ana", "ben"))
    for person in (ana, ben):
        SubscriptionFactory(list=news, contact=person)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="1", theirs={"by_us": True}
    )  # fmt: skip
    SuppressionFactory(contact=ana)
    told = [LeaveRecord(person.email, "unsubscribed", list_id="3") for person in (ana, ben)]
    heard = [Leave("unsubscribed", person.email, timezone.now(), "", None) for person in (ana, ben)]

    counts = leaves.take_leaves(connection, told)
    block(connection, heard)

    assert +counts == {"read": 2, "changed": 1, "unchanged": 1}
    assert dict(Subscription.objects.values_list("contact__email", "status")) == {
        "ana@example.com": "subscribed",
        "ben@example.com": "unsubscribed",
    }
    assert Suppression.objects.get(connection=connection).email == "ben@example.com"


# Lists made for deliveries


@pytest.mark.parametrize("slug", ["especial", "mailmojo"])
def test_leaving_a_deliverys_own_list_is_leaving_altogether(slug, sandbox, workspace):
    there = There(sandbox, slug)
    people = ["ana@example.com", "ben@example.com", "cy@example.com"]
    there.seed(lists=["News"], contacts=[{"email": email, "lists": [0]} for email in people])
    connection = there.connect(workspace)
    working = there.seed(
        lists=[f"July · {MARKER}"], contacts=[{"email": email, "lists": [0]} for email in people]
    )["lists"][0]
    delivery = make_delivery(
        CampaignFactory(workspace=workspace, connection=connection),
        connection,
        marker=MARKER,
        remote_list_id=str(working),
        armed_for_at=SENT_AT,
    )
    pull(connection)
    for email, state in zip(people, ("handed_over", "excluded", "delivered"), strict=True):
        Recipient.objects.create(
            delivery=delivery,
            planned_on=SENT_AT.date(),
            contact=Contact.objects.get(email=email),
            email=email,
            state=state,
        )
    # Ben had left before the mail went out, and was taken off that list by us.
    for email in ("ana@example.com", "ben@example.com"):
        there.act(kind="leave_list", email=email, list=working)

    follow(connection)

    assert suppressed() == ["ana@example.com"]
    assert list(Suppression.objects.values_list("reason", "connection")) == [("unsubscribed", connection.pk)]
    follow(connection)
    pull(connection)
    assert Suppression.objects.count() == 1
    assert set(Subscription.objects.values_list("status", flat=True)) == {"subscribed"}

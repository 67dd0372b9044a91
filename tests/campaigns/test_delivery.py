"""The machine that lets a campaign leave once, against the sandbox over a real socket."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import ActivityEntry, Connection, MirrorKind, MirrorRow, OutboxEntry, Role, User
from accounts.providers.brevo.provider import Brevo
from accounts.providers.records import FiguresRecord
from accounts.refusals import CannotDo, CannotMove
from accounts.services import connections, sending
from audiences.models import Contact, List, Segment, Subscription, Tag
from campaigns.mirror import arming, preparing
from campaigns.models import Campaign, Delivery, Recipient
from campaigns.queries.audience import equation_of
from campaigns.queries.chosen import choice_of
from campaigns.services import release
from tests.campaigns.segments import change_segment, joined, make_segment, speaks
from tests.conftest import SandboxServer
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SenderFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

ACCOUNT = "sandbox-delivery"
SENDER = "news@campanile.example"
State = Delivery.State
EVERYBODY = ["ana@example.test", "ben@example.test", "cleo@example.test"]


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.HOLD_SECONDS = 0
    settings.SEND_NOW_LEAD_SECONDS = 2
    settings.SETTLE_SECONDS = 0
    settings.LOOK_INTERVAL_SECONDS = 0
    settings.WATCH_SECONDS = 3600


@pytest.fixture
def connection(sandbox: SandboxServer, workspace: Any) -> Connection:
    sandbox.control(
        "seed",
        provider="brevo",
        account=ACCOUNT,
        limits="off",
        pace={"send": 1, "react": 1, "process": 0},
        senders=[{"name": "News", "email": SENDER, "active": True}],
    )
    return ConnectionFactory(
        workspace=workspace, base_url=sandbox.base_url(), api_key=ACCOUNT, webhook_remote_id="1"
    )


@pytest.fixture
def approver(member: Callable[..., User]) -> User:
    return member(Role.APPROVER)


@pytest.fixture
def people(workspace: Any) -> List:
    """Three people on a list; a fourth left it, a fifth is suppressed."""
    list_ = ListFactory(workspace=workspace, name="News")
    for name in ("ana", "ben", "cleo"):
        SubscriptionFactory(
            list=list_, contact__email=f"{name}@example.test", contact__first_name=name.title()
        )
    SubscriptionFactory(list=list_, status="unsubscribed")
    SuppressionFactory(contact=SubscriptionFactory(list=list_).contact)
    return list_


@pytest.fixture
def campaign(connection: Connection, people: List) -> Campaign:
    sender = SenderFactory(workspace=connection.workspace, name="News", email=SENDER)
    there = next(record for record in connection.open().senders() if record.email == SENDER)
    MirrorRow.objects.create(
        connection=connection,
        kind=MirrorKind.SENDER,
        object_id=sender.pk,
        remote_id=there.remote_id,
        theirs={"is_active": there.is_active},
    )
    campaign = CampaignFactory(
        workspace=connection.workspace, connection=connection, sender=sender, name="November"
    )
    campaign.lists.add(people)
    return campaign


def let_go(campaign: Campaign, by: User, send_at: datetime | None = None) -> Delivery:
    return release.release_campaign(
        campaign=campaign, by=by, version=campaign.version, send_at=send_at, zone="UTC"
    )


def bring_forward(task: str) -> list[str]:
    """Run standing work now."""
    OutboxEntry.objects.filter(task=task, state="waiting").update(not_before=timezone.now())
    return run_outbox(task)


def prepare(sandbox: SandboxServer) -> None:
    """Run the preparing to its end, while the account takes people in."""
    for _ in range(5):
        bring_forward("campaigns.prepare")
        sandbox.control("clock", advance=0)


def run_all(sandbox: SandboxServer) -> None:
    prepare(sandbox)
    run_outbox()


def calls(sandbox: SandboxServer, method: str, ending: str = "") -> list[str]:
    """Paths of the calls the account saw."""
    log = sandbox.read("log", provider="brevo", account=ACCOUNT)["calls"]
    return [call["path"] for call in log if call["method"] == method and call["path"].endswith(ending)]


def remote_campaigns(sandbox: SandboxServer) -> list[dict[str, Any]]:
    state = sandbox.read("state", provider="brevo", account=ACCOUNT)["state"]
    return list(state["campaigns"].values()) if isinstance(state["campaigns"], dict) else state["campaigns"]


def sent_to(sandbox: SandboxServer) -> list[str]:
    """Addresses that were mailed, with repeats, in all campaigns of the account."""
    state = sandbox.read("state", provider="brevo", account=ACCOUNT)["state"]
    events = state["events"].values() if isinstance(state["events"], dict) else [state["events"]]
    return sorted(
        event[3] if isinstance(event, list) else event["email"]
        for rows in events
        for event in rows
        if (event[1] if isinstance(event, list) else event["kind"]) == "sent"
    )


def test_a_campaign_goes_from_release_to_sent(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    assert (delivery.note, delivery.state) == ("", State.ACCEPTED)

    sandbox.control("clock", advance=120)
    bring_forward("campaigns.watch")
    delivery.refresh_from_db()
    campaign.refresh_from_db()

    assert (delivery.state, delivery.remote_status, campaign.status) == (
        State.SENT,
        "sent",
        Campaign.Status.SENT,
    )
    assert sent_to(sandbox) == EVERYBODY
    rows = Recipient.objects.filter(delivery=delivery).values_list("state", "reason")
    assert sorted(rows) == [
        ("excluded", "suppressed"),
        ("excluded", "unsubscribed"),
        ("handed_over", ""),
        ("handed_over", ""),
        ("handed_over", ""),
    ]
    verbs = ActivityEntry.objects.order_by("id").values_list("verb", flat=True)
    assert [verb for verb in verbs if verb.startswith(("campaign", "delivery"))] == [
        "campaign.released",
        "delivery.accepted",
        "campaign.started",
        "campaign.sent",
    ]


def test_releasing_twice_releases_once(campaign: Campaign, approver: User) -> None:
    let_go(campaign, approver)
    with pytest.raises(CannotDo):
        let_go(campaign, approver)

    assert Delivery.objects.count() == 1


def test_a_version_that_was_not_reviewed_is_refused(campaign: Campaign, approver: User) -> None:
    with pytest.raises(release.CannotRelease, match="changed after you opened"):
        release.release_campaign(
            campaign=campaign, by=approver, version=campaign.version - 1, send_at=None, zone="UTC"
        )


def test_a_grown_audience_is_refused(campaign: Campaign, approver: User) -> None:
    with pytest.raises(release.CannotRelease, match="grown from 2 to 3"):
        release.release_campaign(
            campaign=campaign, by=approver, version=campaign.version, send_at=None, zone="UTC", people=2
        )


def test_a_locked_workspace_sends_nothing(campaign: Campaign, approver: User) -> None:
    workspace = campaign.workspace
    workspace.sending_locked = True
    workspace.save()

    with pytest.raises(release.CannotRelease, match="Sending is locked"):
        let_go(campaign, approver)


@pytest.mark.parametrize("kind", ["drop_after", "html", "truncate"])
def test_a_lost_answer_to_the_draft_makes_no_twin(
    kind: str, campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    sandbox.control("faults", provider="brevo", method="POST", path="/v3/emailCampaigns", kind=kind, times=1)
    delivery = let_go(campaign, approver)
    run_all(sandbox)
    delivery.refresh_from_db()

    assert delivery.state == State.ACCEPTED
    assert len(remote_campaigns(sandbox)) == 1


def test_a_lost_answer_to_arming_is_looked_up(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    """The account took it: proven by reading, and told no second time."""
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    sandbox.control(
        "faults", provider="brevo", method="PUT", path="/v3/emailCampaigns/*", kind="drop_after", times=1
    )
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()
    assert delivery.state == State.UNKNOWN

    run_outbox("campaigns.look")
    delivery.refresh_from_db()
    assert delivery.state == State.ACCEPTED
    assert len([path for path in calls(sandbox, "PUT") if "emailCampaigns" in path]) == 1


@pytest.mark.parametrize("kind", ["drop_before", "html", "garbage"])
def test_an_order_that_never_arrived_is_given_again_to_the_same_draft(
    kind: str, campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    sandbox.control("faults", provider="brevo", method="PUT", path="/v3/emailCampaigns/*", kind=kind, times=1)
    run_outbox(skip=["campaigns.watch"])
    delivery.refresh_from_db()

    assert (delivery.state, delivery.looks) == (State.ACCEPTED, 3)
    assert len(remote_campaigns(sandbox)) == 1


def test_a_500_to_arming_is_not_known_until_read(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    sandbox.control(
        "faults",
        provider="brevo",
        method="PUT",
        path="/v3/emailCampaigns/*",
        kind="status",
        status=500,
        times=1,
    )
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()

    assert delivery.state == State.UNKNOWN


def test_a_draft_whose_time_has_come_waits_for_a_person(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    sandbox.control(
        "faults", provider="brevo", method="PUT", path="/v3/emailCampaigns/*", kind="drop_before", times=1
    )
    run_outbox("campaigns.arm")
    Delivery.objects.filter(pk=delivery.pk).update(armed_for_at=timezone.now() - timedelta(seconds=1))
    run_outbox("campaigns.look")
    delivery.refresh_from_db()
    campaign.refresh_from_db()

    assert (delivery.state, campaign.status) == (State.ATTENTION, Campaign.Status.ATTENTION)
    assert sent_to(sandbox) == []


def test_a_worker_cut_off_while_arming_leaves_it_unknown(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    delivery.refresh_from_db()
    delivery.move_to(State.ARMED, armed_at=timezone.now(), armed_for_at=delivery.send_at)
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()

    assert delivery.state == State.UNKNOWN


def test_a_deleted_campaign_waits_for_a_person(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    sandbox.control(
        "faults", provider="brevo", method="PUT", path="/v3/emailCampaigns/*", kind="drop_before", times=1
    )
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()
    delivery.connection.open().delete_campaign(remote_id=delivery.remote_id)
    run_outbox("campaigns.look")
    delivery.refresh_from_db()

    assert (delivery.state, delivery.note) == (
        State.ATTENTION,
        "The campaign is gone from the account, so what happened to it cannot be read there.",
    )


def test_a_provider_that_refuses_gives_the_draft_back(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    sandbox.control(
        "faults",
        provider="brevo",
        method="POST",
        path="/v3/emailCampaigns",
        kind="status",
        status=400,
        times=1,
    )
    delivery = let_go(campaign, approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    campaign.refresh_from_db()

    assert (delivery.state, campaign.status) == (State.REFUSED, Campaign.Status.DRAFT)
    assert delivery.note


def test_held_back_in_time_leaves_no_trace(
    campaign: Campaign, approver: User, sandbox: SandboxServer, settings: Any
) -> None:
    settings.HOLD_SECONDS = 60
    delivery = let_go(campaign, approver)
    release.cancel_delivery(delivery=delivery, by=approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    campaign.refresh_from_db()

    assert (delivery.state, campaign.status) == (State.CANCELLED, Campaign.Status.DRAFT)
    assert calls(sandbox, "POST") == []


def test_cancelling_a_scheduled_campaign_shows_the_accounts_answer(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    release.cancel_delivery(delivery=delivery, by=approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    sandbox.control("clock", advance=7200)

    assert (delivery.state, delivery.remote_status) == (State.CANCELLED, "suspended")
    assert sent_to(sandbox) == []


def test_pausing_and_resuming_a_scheduled_campaign(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    release.pause_delivery(delivery=delivery, by=approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    assert delivery.state == State.PAUSED

    release.resume_delivery(delivery=delivery, by=approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    sandbox.control("clock", advance=7200)
    bring_forward("campaigns.watch")
    delivery.refresh_from_db()

    assert delivery.state == State.SENT
    assert sent_to(sandbox) == EVERYBODY


def test_who_leaves_after_the_freeze_is_taken_out(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    ana = ContactFactory._meta.model.objects.get(email="ana@example.test")
    SuppressionFactory(contact=ana, workspace=ana.workspace, email=ana.email)
    bring_forward("campaigns.watch")
    sandbox.control("clock", advance=7200)
    bring_forward("campaigns.watch")
    delivery.refresh_from_db()

    assert delivery.state == State.SENT
    assert sent_to(sandbox) == ["ben@example.test", "cleo@example.test"]


def test_too_late_waits_for_a_person_who_may_let_it_go(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver)
    prepare(sandbox)
    Delivery.objects.filter(pk=delivery.pk).update(send_at=timezone.now() - timedelta(hours=2))
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()
    assert delivery.state == State.ATTENTION

    release.release_late(delivery=delivery, by=approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    assert delivery.state == State.ACCEPTED


def test_another_account_behind_the_connection_sends_nothing(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver)
    Connection.objects.update(fingerprint="another account")
    run_all(sandbox)
    delivery.refresh_from_db()

    assert delivery.state == State.REFUSED


def test_a_stale_worker_makes_no_call(campaign: Campaign, approver: User) -> None:
    delivery = let_go(campaign, approver)
    stale = Delivery.objects.get(pk=delivery.pk)
    delivery.move_to(State.CANCELLED)

    with pytest.raises(CannotMove):
        stale.move_to(State.PREPARING)


def settled(campaign: Campaign, by: User, sandbox: SandboxServer) -> Delivery:
    """A delivery that needs attention."""
    delivery = let_go(campaign, by, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    delivery.refresh_from_db()
    delivery.move_to(State.ARMED, armed_at=timezone.now(), armed_for_at=delivery.send_at)
    delivery.move_to(State.UNKNOWN)
    delivery.move_to(State.ATTENTION, note="in conflict")
    outbox.cancel(subject=delivery)
    return delivery


def test_it_went_out_sends_nothing(campaign: Campaign, approver: User, sandbox: SandboxServer) -> None:
    delivery = settled(campaign, approver, sandbox)
    before = len(calls(sandbox, "PUT"))
    release.it_went_out(delivery=delivery, by=approver)
    run_outbox("campaigns.watch", "campaigns.arm", "campaigns.clean_up")
    delivery.refresh_from_db()

    assert (delivery.state, len(calls(sandbox, "PUT"))) == (State.SENT, before)


def test_send_again_needs_the_name_and_makes_a_new_generation(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = settled(campaign, approver, sandbox)
    with pytest.raises(release.CannotSettle):
        release.send_again(delivery=delivery, by=approver, typed_name="Octember")
    following = release.send_again(delivery=delivery, by=approver, typed_name="November")
    run_all(sandbox)
    sandbox.control("clock", advance=120)
    bring_forward("campaigns.watch")
    delivery.refresh_from_db()
    following.refresh_from_db()

    assert (delivery.state, following.state, following.generation) == (State.CANCELLED, State.SENT, 2)
    assert sent_to(sandbox) == EVERYBODY


def test_give_up_ends_it(campaign: Campaign, approver: User, sandbox: SandboxServer) -> None:
    delivery = settled(campaign, approver, sandbox)
    release.give_up(delivery=delivery, by=approver)
    run_all(sandbox)
    delivery.refresh_from_db()
    sandbox.control("clock", advance=7200)

    assert delivery.state == State.STOPPED
    assert sent_to(sandbox) == []


def test_look_again_reads_the_account(campaign: Campaign, approver: User, sandbox: SandboxServer) -> None:
    delivery = settled(campaign, approver, sandbox)
    release.look_again(delivery=delivery, by=approver)
    run_outbox("campaigns.look")
    delivery.refresh_from_db()

    assert delivery.state == State.READY


def test_the_equation_adds_up(workspace: Any, campaign: Campaign) -> None:
    second = ListFactory(workspace=workspace)
    both = SubscriptionFactory(list=second).contact
    SubscriptionFactory(list=campaign.lists.get(), contact=both)
    SubscriptionFactory(list=second, status="pending")
    SuppressionFactory(contact=SubscriptionFactory(list=second).contact, reason="bounced")
    campaign.lists.add(second)

    equation = equation_of(campaign)

    assert equation.as_json() == {
        "selected": 9,
        "unsubscribed": 1,
        "suppressed": 1,
        "bounced": 1,
        "no_consent": 1,
        "duplicates": 1,
        "receives": 4,
    }
    assert equation.selected - sum(equation.terms.values()) == equation.receives


def test_a_leave_on_one_chosen_list_wins_over_another(workspace: Any, campaign: Campaign) -> None:
    second = ListFactory(workspace=workspace)
    ana = campaign.lists.get().subscriptions.get(contact__email="ana@example.test").contact
    SubscriptionFactory(list=second, contact=ana, status="unsubscribed")
    campaign.lists.add(second)

    assert equation_of(campaign).receives == 2


def test_another_workspace_changes_no_equation(campaign: Campaign) -> None:
    other = WorkspaceFactory()
    ana = campaign.lists.get().subscriptions.get(contact__email="ana@example.test").contact
    SuppressionFactory(contact=ContactFactory(workspace=other, email=ana.email), workspace=other)

    assert equation_of(campaign).receives == 3


def review(campaign: Campaign) -> dict[int, int]:
    """Segment id → version, as the review page showed them."""
    return choice_of(campaign).versions


def release_as_reviewed(campaign: Campaign, by: User, segments: dict[int, int]) -> Delivery:
    return release.release_campaign(
        campaign=campaign, by=by, version=campaign.version, send_at=None, zone="UTC", segments=segments
    )


def to_the_french(campaign: Campaign) -> Segment:
    """The campaign's only audience: Ana and Ben speak French and stand on the list News."""
    Contact.objects.filter(email__in=EVERYBODY[:2]).update(language="fr")
    segment = make_segment(campaign.workspace, "French", speaks("fr"))
    campaign.segments.add(segment)
    campaign.lists.clear()
    return segment


def test_a_campaign_goes_to_a_segment(campaign: Campaign, approver: User, sandbox: SandboxServer) -> None:
    to_the_french(campaign)
    ContactFactory(workspace=campaign.workspace, language="fr", email="never-asked@example.test")

    delivery = release_as_reviewed(campaign, approver, review(campaign))
    run_all(sandbox)
    sandbox.control("clock", advance=120)
    bring_forward("campaigns.watch")

    delivery.refresh_from_db()
    assert (delivery.note, delivery.state) == ("", State.SENT)
    assert sent_to(sandbox) == EVERYBODY[:2]
    assert delivery.equation["frozen"] == {"receives": 2, "no_consent": 1}


def test_a_segment_that_was_changed_after_the_review_is_named(campaign: Campaign, approver: User) -> None:
    french = to_the_french(campaign)
    outer = make_segment(campaign.workspace, "Outer", {"kind": "segment", "of": french.pk, "op": "in"})
    campaign.segments.set([outer])
    reviewed = review(campaign)
    change_segment(french, speaks("fr"), {"kind": "mailable", "of": "any", "op": "is_not"})

    with pytest.raises(release.CannotRelease, match="The segment “French” has changed since you looked"):
        release_as_reviewed(campaign, approver, reviewed)
    with pytest.raises(release.CannotRelease, match="The segments “Outer”, “French” have changed"):
        release_as_reviewed(campaign, approver, {})
    assert release_as_reviewed(campaign, approver, review(campaign)).equation["receives"] == 2


def test_a_change_after_the_release_changes_nobody(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    french = to_the_french(campaign)
    let_go(campaign, approver)
    change_segment(french, speaks("de"))
    run_all(sandbox)

    planned = Recipient.objects.exclude(state="excluded").values_list("email", flat=True)
    assert sorted(planned) == EVERYBODY[:2]


def test_a_segment_that_lost_its_tag_before_the_people_were_frozen_is_refused(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    tag = Tag.objects.create(workspace=campaign.workspace, name="VIP")
    has_not = {"kind": "tag", "of": tag.pk, "op": "has_not", "name": "VIP"}
    campaign.segments.add(make_segment(campaign.workspace, "Others", has_not))
    delivery = let_go(campaign, approver)
    tag.delete()
    run_all(sandbox)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.frozen_at) == (State.REFUSED, None)
    assert delivery.note == "The tag “VIP” is gone. Change the rule, then it can be worked out."


def test_who_leaves_what_their_segment_chose_them_for_is_taken_out(
    campaign: Campaign, approver: User, sandbox: SandboxServer, workspace: Any
) -> None:
    """Ana leaves the list the rule asks for, Ben every list, Cleo one of two that the rule does not ask for."""
    news, other, asked = campaign.lists.get(), *(ListFactory(workspace=workspace) for _ in range(2))
    ana, ben, cleo = (Contact.objects.get(email=email) for email in EVERYBODY)
    for contact, list_ in ((ana, asked), (cleo, other)):
        SubscriptionFactory(list=list_, contact=contact)
    early = SubscriptionFactory(list=news, contact__email="early@example.test").contact
    SubscriptionFactory(
        list=asked, contact=early, status="unsubscribed", changed_at=timezone.now() - timedelta(days=1)
    )
    rule = joined(
        "any", {"kind": "list", "of": asked.pk, "op": "on"}, {"kind": "list", "of": news.pk, "op": "not_on"}
    )
    segment = make_segment(workspace, "Asked or not", rule)
    everybody = make_segment(workspace, "Everybody")
    campaign.lists.clear()
    campaign.segments.set([segment, everybody])
    delivery = let_go(campaign, approver, timezone.now() + timedelta(hours=1))
    run_all(sandbox)

    for contact, list_ in ((ana, asked), (ben, news), (cleo, other)):
        contact.subscriptions.filter(list=list_).update(status="unsubscribed", changed_at=timezone.now())
    bring_forward("campaigns.watch")

    delivery.refresh_from_db()
    assert delivery.state == State.ACCEPTED
    handed = delivery.ledger().filter(state="handed_over").values_list("email", flat=True)
    assert sorted(handed) == ["cleo@example.test", "early@example.test"]


@pytest.mark.parametrize(
    ("join", "of", "op", "value", "late"),
    [
        ("all", "any", "joined_in_last", 30, 0),
        ("all", "any", "on", None, 0),
        ("none", "any", "not_on", None, 0),
        ("none", "asked", "left", None, 0),
        ("none", "asked", "not_on", None, 0),
        ("all", "asked", "joined_since", "2026-01-01", 0),
        # Told two days after it happened, when the people had been frozen.
        ("none", "asked", "left", None, 2),
        ("all", "asked", "on", None, 2),
    ],
)
def test_who_leaves_a_list_their_segment_asks_about_is_taken_out_whatever_else_they_are_on(
    campaign: Campaign,
    approver: User,
    sandbox: SandboxServer,
    workspace: Any,
    join: str,
    of: str,
    op: str,
    value: Any,
    late: int,
) -> None:
    """Each is on two lists; Ana leaves the one asked for, Ben another one."""
    asked, other = (ListFactory(workspace=workspace) for _ in range(2))
    for contact in Contact.objects.filter(email__in=EVERYBODY):
        SubscriptionFactory(list=asked, contact=contact)
        SubscriptionFactory(list=other, contact=contact)
    about = {"kind": "any", "of": "list"} if of == "any" else {"kind": "list", "of": asked.pk}
    rule = joined(join, about | {"op": op} | ({"value": value} if value else {}))
    segment = make_segment(workspace, "Asked", joined("all", rule))
    campaign.lists.clear()
    campaign.segments.set([segment])
    delivery = let_go(campaign, approver, timezone.now() + timedelta(hours=1))
    run_all(sandbox)
    assert sorted(delivery.ledger().filter(state="handed_over").values_list("email", flat=True)) == EVERYBODY

    for email, list_ in zip(EVERYBODY[:2], (asked, other), strict=True):
        left = Subscription.objects.filter(contact__email=email, list=list_)
        left.update(status="unsubscribed", changed_at=timezone.now() - timedelta(days=late))
    bring_forward("campaigns.watch")

    handed = delivery.ledger().filter(state="handed_over").values_list("email", flat=True)
    assert sorted(handed) == EVERYBODY[2 if of == "any" else 1 :]


@pytest.mark.parametrize(
    ("local", "fold", "expected"),
    [
        ("2026-11-30T09:00", None, datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("2026-10-25T02:30", 0, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T02:30", 1, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_from_a_wall_clock(local: str, fold: int | None, expected: datetime) -> None:
    from campaigns.instants import instant

    assert instant(local=datetime.fromisoformat(local), zone="Europe/Zurich", fold=fold) == expected


@pytest.mark.parametrize(("local", "field"), [("2026-03-29T02:30", "local"), ("2026-10-25T02:30", "fold")])
def test_an_hour_that_does_not_exist_or_comes_twice_is_refused(local: str, field: str) -> None:
    from campaigns.instants import CannotPlace, instant

    with pytest.raises(CannotPlace) as refusal:
        instant(local=datetime.fromisoformat(local), zone="Europe/Zurich")

    assert list(refusal.value.fields) == [field]


def test_a_pull_knows_the_list_of_a_delivery_again(
    campaign: Campaign, approver: User, sandbox: SandboxServer, people: List
) -> None:
    let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    pulls.start(connection=campaign.connection, by=None)
    run_outbox(skip=["campaigns.watch"])

    assert list(List.objects.values_list("name", flat=True)) == [people.name]


def test_an_account_with_a_campaign_on_its_way_cannot_be_disconnected(
    campaign: Campaign, approver: User
) -> None:
    let_go(campaign, approver, timezone.now() + timedelta(minutes=30))

    with pytest.raises(CannotDo, match="“November” is on its way through this account"):
        connections.disconnect(connection=campaign.connection, by=approver)


def test_a_restored_database_mails_nobody_twice(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    """Sent, then set back to how it was before it was told to go: its work starts over, and is found done."""
    delivery = let_go(campaign, approver)
    prepare(sandbox)
    dump = Delivery.objects.values().get(pk=delivery.pk)
    run_outbox()
    sandbox.control("clock", advance=120)
    bring_forward("campaigns.watch")
    assert sent_to(sandbox) == EVERYBODY

    Delivery.objects.filter(pk=delivery.pk).update(**dump)
    Campaign.objects.update(status=Campaign.Status.SCHEDULED)
    OutboxEntry.objects.filter(task="campaigns.arm").update(state="waiting", not_before=timezone.now())
    sending.lock(workspace=campaign.workspace, note="Restored.")
    bring_forward("campaigns.arm")
    delivery.refresh_from_db()
    assert delivery.state == State.READY

    sending.unlock(workspace=campaign.workspace, by=approver)
    for task in ("campaigns.arm", "campaigns.look", "campaigns.watch"):
        bring_forward(task)
    delivery.refresh_from_db()
    assert delivery.state == State.SENT
    assert sent_to(sandbox) == EVERYBODY


# Two decisions, standing work, and what the account still holds of an earlier release


def test_a_pause_that_is_done_does_not_hide_the_standing_watch(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    release.pause_delivery(delivery=delivery, by=approver)
    run_all(sandbox)
    Delivery.objects.filter(pk=delivery.pk).update(state_at=timezone.now() - timedelta(hours=1))

    assert arming.attend_to_stuck() == 0
    delivery.refresh_from_db()
    assert delivery.state == State.PAUSED


def scheduled_but_unsure(campaign: Campaign, by: User, sandbox: SandboxServer) -> Delivery:
    """The account took it; here nobody knows."""
    delivery = let_go(campaign, by, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    delivery.refresh_from_db()
    assert delivery.state == State.ACCEPTED
    delivery.move_to(State.ATTENTION, note="in conflict")
    outbox.cancel(subject=delivery)
    return delivery


def test_nothing_is_made_anew_while_the_earlier_release_may_still_mail(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = scheduled_but_unsure(campaign, approver, sandbox)
    following = release.send_again(delivery=delivery, by=approver, typed_name="November")
    # Taking the first one back fails for now, and is tried again later.
    OutboxEntry.objects.filter(task="campaigns.clean_up").update(
        not_before=timezone.now() + timedelta(minutes=5)
    )
    run_outbox("campaigns.prepare", "campaigns.arm")
    following.refresh_from_db()
    assert (following.state, following.remote_id) == (State.PREPARING, "")

    bring_forward("campaigns.clean_up")
    run_all(sandbox)
    following.refresh_from_db()
    assert following.state == State.ACCEPTED
    sandbox.control("clock", advance=7200)
    assert sent_to(sandbox) == ["ana@example.test", "ben@example.test", "cleo@example.test"]


def test_an_earlier_release_that_went_out_after_all_waits_for_a_person(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = scheduled_but_unsure(campaign, approver, sandbox)
    sandbox.control("clock", advance=7200)
    following = release.send_again(delivery=delivery, by=approver, typed_name="November")
    run_outbox("campaigns.clean_up", "campaigns.prepare", "campaigns.arm")
    following.refresh_from_db()

    assert (following.state, following.note) == (
        State.ATTENTION,
        "The account has the earlier release of this campaign as “sent”: people may have got it.",
    )
    assert sent_to(sandbox) == ["ana@example.test", "ben@example.test", "cleo@example.test"]


def test_what_has_begun_to_go_out_is_not_sent_again(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = scheduled_but_unsure(campaign, approver, sandbox)
    delivery.ledger().filter(email="ana@example.test").update(state=Recipient.State.DELIVERED)

    with pytest.raises(release.CannotSettle, match="would reach people twice"):
        release.send_again(delivery=delivery, by=approver, typed_name="November")


def test_a_lost_draft_gets_its_settle_time_however_long_preparing_took(
    campaign: Campaign, approver: User, sandbox: SandboxServer, settings: Any
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    settings.SETTLE_SECONDS = 180
    sandbox.control(
        "faults", provider="brevo", method="POST", path="/v3/emailCampaigns", kind="drop_before", times=1
    )
    bring_forward("campaigns.prepare")
    Delivery.objects.filter(pk=delivery.pk).update(state_at=timezone.now() - timedelta(hours=1))
    bring_forward("campaigns.prepare")
    entry = OutboxEntry.objects.get(task="campaigns.prepare")
    assert entry.note == "An answer of the account was lost; looking before repeating."
    assert entry.not_before > timezone.now() + timedelta(seconds=120)


def test_many_people_are_handed_over_in_several_runs(
    campaign: Campaign, approver: User, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Brevo, "people_per_call", 1)
    monkeypatch.setattr(preparing, "SLICE_SECONDS", 0.001)
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    delivery.refresh_from_db()

    assert (delivery.state, delivery.ledger().filter(state="handed_over").count()) == (State.ACCEPTED, 3)


def test_without_a_count_of_the_account_nothing_is_called_sent(
    campaign: Campaign, approver: User, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    sandbox.control("clock", advance=7200)
    monkeypatch.setattr(Brevo, "figures", lambda *_, **__: FiguresRecord(read_at=timezone.now()))
    bring_forward("campaigns.watch")
    delivery.refresh_from_db()

    assert delivery.state == State.SENDING
    assert delivery.note.startswith("The account says sent, and does not count people")


def test_who_leaves_a_chosen_list_after_the_freeze_is_taken_out(
    campaign: Campaign, approver: User, sandbox: SandboxServer, people: List
) -> None:
    let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    people.subscriptions.filter(contact__email="ana@example.test").update(status="unsubscribed")
    bring_forward("campaigns.watch")
    sandbox.control("clock", advance=7200)
    bring_forward("campaigns.watch")

    assert sent_to(sandbox) == ["ben@example.test", "cleo@example.test"]


def test_a_campaign_that_never_starts_there_needs_attention(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_all(sandbox)
    Delivery.objects.filter(pk=delivery.pk).update(armed_for_at=timezone.now() - timedelta(hours=2))
    bring_forward("campaigns.watch")
    delivery.refresh_from_db()

    assert (delivery.state, delivery.note) == (
        State.ATTENTION,
        "Its time has passed, and the account still shows it as scheduled.",
    )


def test_an_account_that_is_slow_to_take_people_in_is_waited_for(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    sandbox.control("seed", provider="brevo", account=ACCOUNT, pace={"process": 3000})
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    run_outbox("campaigns.prepare")
    Delivery.objects.filter(pk=delivery.pk).update(creating_at=timezone.now() - timedelta(hours=1))
    bring_forward("campaigns.prepare")
    entry = OutboxEntry.objects.get(task="campaigns.prepare")
    assert (entry.state, entry.note) == ("waiting", "The account has taken in 0 of 3 people.")

    Delivery.objects.filter(pk=delivery.pk).update(creating_at=timezone.now() - timedelta(hours=7))
    bring_forward("campaigns.prepare")
    delivery.refresh_from_db()
    assert delivery.state == State.ATTENTION
    assert not Recipient.objects.filter(state=Recipient.State.REFUSED).exists()


def test_of_two_alive_before_the_start_the_oldest_stays(
    campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    """However a twin came to be there, it is taken back before it can mail."""
    delivery = let_go(campaign, approver, timezone.now() + timedelta(minutes=30))
    prepare(sandbox)
    delivery.refresh_from_db()
    provider = delivery.connection.open()
    made = provider.campaign(remote_id=delivery.remote_id)
    twin = provider.client.create_email_campaign(
        {
            "name": made.name,
            "subject": "Twin",
            "htmlContent": "<p>Hello, twin of ours</p>",
            "sender": {"email": SENDER},
            "recipients": {"listIds": [int(delivery.remote_list_id)]},
        }
    )
    provider.schedule_campaign(remote_id=twin, send_at=delivery.send_at)
    delivery.move_to(State.ARMED, armed_at=timezone.now(), armed_for_at=delivery.send_at)
    run_outbox(skip=["campaigns.watch"])
    run_outbox(skip=["campaigns.watch"])
    delivery.refresh_from_db()
    sandbox.control("clock", advance=7200)

    assert (delivery.state, delivery.remote_id) == (State.ACCEPTED, made.remote_id)
    assert sent_to(sandbox) == EVERYBODY

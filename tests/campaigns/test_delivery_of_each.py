"""The machine that lets a campaign leave once, over every provider: each in its own way, each person mailed once."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import pulls
from accounts.models import Connection, OutboxEntry, Role, User, Workspace
from accounts.providers import http, open_provider, provider_class
from accounts.providers.base import Provider
from accounts.providers.records import CampaignDraft, CampaignRecord, FiguresRecord
from accounts.refusals import CannotDo
from audiences.models import Contact, List, Subscription
from campaigns.mirror import deliveries
from campaigns.mirror.arming import to_unknown
from campaigns.mirror.drafts import draft_of
from campaigns.models import Campaign, Delivery, Recipient, TestSend
from campaigns.services import release
from campaigns.services import test_send as test_sends
from reporting.models import Figures
from tests.accounts_there import ARMS, CREATES, EACH, SENDER, AccountThere
from tests.conftest import SandboxServer
from tests.factories import (
    CampaignFactory,
    ListFactory,
    SenderFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.helpers import run_outbox

State = Delivery.State
EVERYBODY = ["ana@example.test", "ben@example.test", "cleo@example.test"]
# Those whose campaigns are made and armed by two calls.
DRAFTING = [slug for slug in EACH if provider_class(slug).capabilities.drafts_campaigns]
# Seconds in which everything that is planned over there has happened.
A_DAY = 86400


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.HOLD_SECONDS = 0
    settings.SEND_NOW_LEAD_SECONDS = 2
    settings.SETTLE_SECONDS = 0
    settings.LOOK_INTERVAL_SECONDS = 0
    settings.WATCH_SECONDS = 3600


@pytest.fixture(params=EACH)
def slug(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def there(sandbox: SandboxServer, slug: str) -> AccountThere:
    return AccountThere(sandbox, slug)


@pytest.fixture
def approver(member: Callable[..., User]) -> User:
    return member(Role.APPROVER)


@pytest.fixture
def campaign(there: AccountThere, workspace: Workspace) -> Campaign:
    """To three people on a list; a fourth left it, a fifth is suppressed. Of Cleo no name is known."""
    connection = there.connect(workspace)
    list_ = ListFactory(workspace=workspace, name="News")
    for name in ("ana", "ben", "cleo"):
        first = "" if name == "cleo" else name.title()
        SubscriptionFactory(list=list_, contact__email=f"{name}@example.test", contact__first_name=first)
    SubscriptionFactory(list=list_, status="unsubscribed")
    SuppressionFactory(contact=SubscriptionFactory(list=list_).contact)
    sender = SenderFactory(workspace=workspace, name=SENDER[0], email=SENDER[1])
    there.mirror_sender(connection, sender)
    campaign = CampaignFactory(workspace=workspace, connection=connection, sender=sender, name="November")
    campaign.lists.add(list_)
    return campaign


def let_go(campaign: Campaign, by: User, minutes: float | None = 40) -> Delivery:
    """Released for so many minutes from now; None: as soon as possible."""
    send_at = None if minutes is None else timezone.now() + timedelta(minutes=minutes)
    return release.release_campaign(
        campaign=campaign, by=by, version=campaign.version, send_at=send_at, zone="UTC"
    )


def bring_forward(*tasks: str) -> list[str]:
    """Run standing work now."""
    OutboxEntry.objects.filter(task__in=tasks, state="waiting").update(not_before=timezone.now())
    return run_outbox(*tasks)


def prepare(there: AccountThere) -> None:
    """Run the preparing to its end, while the account takes people in."""
    for _ in range(6):
        if not bring_forward("campaigns.prepare"):
            return
        there.advance(0)


def settle(there: AccountThere) -> None:
    """Run all that leads to an answer of the account, however often answers are lost on the way."""
    prepare(there)
    for _ in range(6):
        if not bring_forward("campaigns.arm", "campaigns.look"):
            return


def finish(there: AccountThere) -> None:
    """Let its time come over there, and read what became of it."""
    bring_forward("campaigns.watch")
    there.advance(A_DAY)
    bring_forward("campaigns.watch")


def end_of(delivery: Delivery) -> tuple[str, str]:
    delivery.refresh_from_db()
    return delivery.state, delivery.note


def can_draft(there: AccountThere) -> bool:
    return there.capabilities.drafts_campaigns


# The straight way


def test_from_release_to_sent(campaign: Campaign, approver: User, there: AccountThere) -> None:
    delivery = let_go(campaign, approver)
    settle(there)
    assert end_of(delivery) == (State.ACCEPTED, "")
    assert there.mailed() == []

    finish(there)
    campaign.refresh_from_db()
    assert (*end_of(delivery), campaign.status) == (State.SENT, "", Campaign.Status.SENT)
    assert there.mailed() == EVERYBODY
    assert len(there.campaigns()) == 1
    mailed = delivery.ledger().filter(state=Recipient.State.HANDED_OVER)
    assert sorted(mailed.values_list("email", flat=True)) == EVERYBODY


def test_as_soon_as_possible_is_as_far_ahead_as_the_account_needs(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    before = timezone.now()
    delivery = let_go(campaign, approver, None)
    settle(there)
    assert end_of(delivery) == (State.ACCEPTED, "")
    least = campaign.connection.provider_class.least_lead  # type: ignore[union-attr]
    lead = delivery.armed_for_at - before  # type: ignore[operator]
    assert least + timedelta(seconds=2) <= lead <= least + timedelta(minutes=4)

    finish(there)
    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == EVERYBODY


def test_an_instant_nearer_than_the_account_takes_is_refused_with_a_sentence(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """Email Campaigns takes nothing nearer than a quarter of an hour, and two minutes go into preparing it."""
    if there.slug != "emailcampaigns":
        assert let_go(campaign, approver, 16).state == State.HELD
        return
    with pytest.raises(CannotDo, match="takes a campaign 17 minutes ahead at the latest"):
        let_go(campaign, approver, 16)


def test_releasing_twice_releases_once(campaign: Campaign, approver: User, there: AccountThere) -> None:
    let_go(campaign, approver)
    with pytest.raises(CannotDo):
        let_go(campaign, approver)
    settle(there)
    finish(there)

    assert there.mailed() == EVERYBODY


# Answers that are lost or make no sense

# kind of fault → whether the account has done the work all the same
LOST = {
    "status": False,
    "fail_after": True,
    "drop_before": False,
    "drop_after": True,
    "html": False,
    "garbage": False,
}


def lose(there: AccountThere, kind: str, call: tuple[str, str]) -> None:
    there.fault(kind, call, status=200 if kind == "html" else 500)


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_to_making_it_makes_no_twin(
    kind: str, campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """Where creating is arming, this is an answer lost to that."""
    lose(there, kind, CREATES[there.slug])
    delivery = let_go(campaign, approver)
    settle(there)
    assert end_of(delivery)[0] == State.ACCEPTED

    finish(there)
    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == EVERYBODY
    assert len(there.campaigns()) == 1


@pytest.mark.parametrize("slug", DRAFTING)
@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_to_arming_is_looked_up(
    kind: str, campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """What the account did is found out. What it did not do is ordered again only where twice mails once."""
    delivery = let_go(campaign, approver)
    prepare(there)
    lose(there, kind, ARMS[there.slug])
    run_outbox("campaigns.arm")
    assert end_of(delivery)[0] == State.UNKNOWN

    run_outbox("campaigns.look", "campaigns.arm")
    if LOST[kind] or there.capabilities.arms_by_value:
        assert end_of(delivery)[0] == State.ACCEPTED
        finish(there)
        assert end_of(delivery) == (State.SENT, "")
        assert there.mailed() == EVERYBODY
    else:
        assert end_of(delivery) == (
            State.ATTENTION,
            "The account shows a draft, and a second order might mail twice there.",
        )
        finish(there)
        assert there.mailed() == []
    assert len(there.campaigns()) == 1


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are given up before a slow account has done what they ask."""
    monkeypatch.setitem(open_provider.__kwdefaults__, "total_seconds", 1)
    monkeypatch.setattr(http, "UPLOAD_SECONDS", 0.4)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "It never came."
        time.sleep(0.02)


@pytest.mark.usefixtures("hurried")
def test_an_order_that_comes_late_mails_everybody_once(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """Given up, looked for, and there after all."""
    delivery = let_go(campaign, approver)
    prepare(there)
    # What is ordered again is ordered before the first has come.
    there.fault("slow", ARMS[there.slug], seconds=1.7 if can_draft(there) else 3)
    before = len(there.calls(ARMS[there.slug]))
    run_outbox("campaigns.arm")
    assert end_of(delivery)[0] == State.UNKNOWN
    if can_draft(there):
        wait_for(lambda: len(there.calls(ARMS[there.slug])) > before)
        run_outbox("campaigns.look")
    else:
        run_outbox("campaigns.look", "campaigns.arm")  # not found three times, and ordered again
        wait_for(lambda: len(there.campaigns()) == 2)
    assert end_of(delivery)[0] == State.ACCEPTED

    finish(there)
    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == EVERYBODY


@pytest.mark.parametrize("slug", DRAFTING)
@pytest.mark.usefixtures("hurried")
def test_a_draft_that_comes_late_is_a_twin_that_mails_nobody(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    there.fault("slow", CREATES[there.slug], seconds=1.7)
    before = len(there.calls(CREATES[there.slug]))
    delivery = let_go(campaign, approver)
    prepare(there)
    wait_for(lambda: len(there.calls(CREATES[there.slug])) >= before + 2)
    lose(there, "drop_after", ARMS[there.slug])
    settle(there)
    bring_forward("campaigns.look")
    assert end_of(delivery)[0] == State.ACCEPTED

    finish(there)
    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == EVERYBODY


def order_by_hand(delivery: Delivery, *, later: timedelta = timedelta()) -> str:
    """The same order given to the account once more, as by a call that nobody remembers. Returns its remote id."""
    provider = delivery.connection.open()
    draft: CampaignDraft = draft_of(delivery)
    send_at = delivery.send_at + later
    if not provider.capabilities.drafts_campaigns:
        return provider.release_campaign(draft, send_at=send_at)
    remote_id = _another(provider, draft)
    provider.schedule_campaign(remote_id=remote_id, send_at=send_at)
    return remote_id


def _another(provider: Provider, draft: CampaignDraft) -> str:
    """Leadfox makes no second one of a marker: it is renamed into one."""
    if provider.slug != "leadfox":
        return provider.create_campaign(draft)
    other = replace(draft, name=draft.name[:-1] + "_")
    remote_id = provider.create_campaign(other)
    provider.update_campaign(draft, remote_id=remote_id)
    return remote_id


def test_of_twins_before_the_start_all_but_one_are_taken_back(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    delivery = let_go(campaign, approver)
    prepare(there)
    lose(there, "drop_after", ARMS[there.slug])
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()
    order_by_hand(delivery)
    assert len(there.campaigns()) == 2
    for _ in range(3):
        bring_forward("campaigns.look")
    assert end_of(delivery)[0] == State.ACCEPTED

    finish(there)
    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == EVERYBODY


def test_of_twins_the_one_that_has_begun_stays(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """Whichever is older: the people of the one that has begun would be left without, and the other mails them too."""
    delivery = let_go(campaign, approver)
    prepare(there)
    delivery.refresh_from_db()
    order_by_hand(delivery)
    order_by_hand(delivery, later=timedelta(hours=6))
    delivery.move_to(State.ARMED, armed_at=timezone.now(), armed_for_at=delivery.send_at)
    to_unknown(delivery, "Its answer was lost.")
    there.advance(2 * 3600)
    assert there.mailed() == EVERYBODY
    for _ in range(2):
        bring_forward("campaigns.look")

    there.advance(A_DAY)
    assert there.mailed() == EVERYBODY


@pytest.mark.parametrize("slug", [slug for slug in EACH if slug not in DRAFTING])
def test_an_order_that_comes_after_the_cancelling_mails_nobody(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    delivery = let_go(campaign, approver)
    settle(there)
    release.cancel_delivery(delivery=delivery, by=approver)
    bring_forward("campaigns.cancel")
    assert end_of(delivery)[0] == State.CANCELLED
    bring_forward("campaigns.clean_up")
    order_by_hand(delivery)
    bring_forward("campaigns.clean_up")
    there.advance(A_DAY)
    assert there.mailed() == []

    Delivery.objects.filter(pk=delivery.pk).update(armed_for_at=timezone.now() - timedelta(minutes=2))
    bring_forward("campaigns.clean_up")
    assert OutboxEntry.objects.get(task="campaigns.clean_up").state == "done"


@pytest.mark.parametrize("slug", [slug for slug in EACH if slug not in DRAFTING])
def test_an_order_of_an_earlier_release_that_comes_late_is_taken_back(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    first = let_go(campaign, approver)
    settle(there)
    release.cancel_delivery(delivery=first, by=approver)
    bring_forward("campaigns.cancel")
    campaign.refresh_from_db()
    second = let_go(campaign, approver)
    settle(there)
    first.refresh_from_db()
    order_by_hand(first)
    Delivery.objects.filter(pk=second.pk).update(remote_read_at=None)
    finish(there)

    assert end_of(second) == (State.SENT, "")
    assert there.mailed() == EVERYBODY


class Counts:
    """An account that counts so many."""

    def __init__(self, sent: int | None, delivered: int | None) -> None:
        self.told = FiguresRecord(timezone.now(), sent=sent, delivered=delivered)

    def figures(self, *, remote_id: str) -> FiguresRecord:
        return self.told


@pytest.mark.parametrize(
    ("minutes", "sent", "delivered", "mailed_nobody"),
    [
        (5, None, None, True),  # its time has not come
        (-1, 0, None, None),  # the count may still grow
        (-1, None, None, False),  # no count proves nothing
        (-60, 0, None, True),
        (-60, 0, 0, True),
        (-60, 0, 3, False),
        (-60, 3, None, False),
        (-60, None, None, False),
    ],
)
def test_what_proves_that_a_stopped_campaign_mailed_nobody(
    minutes: float, sent: int | None, delivered: int | None, mailed_nobody: bool | None, settings: Any
) -> None:
    settings.LOOK_INTERVAL_SECONDS = 60
    delivery = Delivery(armed_for_at=timezone.now() + timedelta(minutes=minutes))
    stopped = CampaignRecord(remote_id="1", name="N", status="stopped", phase="stopped")
    account: Any = Counts(sent, delivered)

    assert deliveries.mailed_nobody(delivery, account, stopped) is mailed_nobody


def test_twins_whose_time_has_come_wait_for_a_person(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    delivery = let_go(campaign, approver)
    prepare(there)
    lose(there, "drop_after", ARMS[there.slug])
    run_outbox("campaigns.arm")
    delivery.refresh_from_db()
    order_by_hand(delivery)
    Delivery.objects.filter(pk=delivery.pk).update(armed_for_at=timezone.now() - timedelta(seconds=1))
    bring_forward("campaigns.look")

    assert end_of(delivery) == (
        State.ATTENTION,
        "The account holds 2 campaigns of this delivery, and the time has come.",
    )


# Changes of mind


def leave(email: str) -> None:
    contact = Contact.objects.get(email=email)
    SuppressionFactory(contact=contact, workspace=contact.workspace, email=contact.email)


def test_who_leaves_after_the_freeze_is_taken_out(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """Before it is armed, and after."""
    delivery = let_go(campaign, approver)
    prepare(there)
    leave("ana@example.test")
    settle(there)
    leave("ben@example.test")
    bring_forward("campaigns.watch")
    there.advance(5)
    finish(there)

    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == ["cleo@example.test"]


def test_cancelling_before_the_start_mails_nobody(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    delivery = let_go(campaign, approver)
    settle(there)
    release.cancel_delivery(delivery=delivery, by=approver)
    bring_forward("campaigns.cancel")
    campaign.refresh_from_db()
    assert (*end_of(delivery), campaign.status) == (
        State.CANCELLED,
        "Cancelled in the account before anybody was mailed.",
        Campaign.Status.DRAFT,
    )

    finish(there)
    assert there.mailed() == []


def test_a_release_after_a_cancelled_one_mails_everybody_once(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    first = let_go(campaign, approver)
    settle(there)
    release.cancel_delivery(delivery=first, by=approver)
    bring_forward("campaigns.cancel")
    campaign.refresh_from_db()
    second = let_go(campaign, approver)
    settle(there)
    finish(there)

    assert (end_of(first)[0], end_of(second)) == (State.CANCELLED, (State.SENT, ""))
    assert there.mailed() == EVERYBODY


def test_pausing_and_resuming(campaign: Campaign, approver: User, there: AccountThere) -> None:
    delivery = let_go(campaign, approver)
    settle(there)
    if not there.capabilities.pauses_campaigns:
        with pytest.raises(CannotDo) as refusal:
            release.pause_delivery(delivery=delivery, by=approver)
        assert refusal.value.sentence == there.capabilities.sentence("pauses_campaigns")
        return
    release.pause_delivery(delivery=delivery, by=approver)
    bring_forward("campaigns.pause")
    assert end_of(delivery)[0] == State.PAUSED

    there.advance(60)
    release.resume_delivery(delivery=delivery, by=approver)
    bring_forward("campaigns.resume")
    finish(there)
    assert end_of(delivery) == (State.SENT, "")
    assert there.mailed() == EVERYBODY


def test_giving_up_an_uncertain_release_takes_it_back(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    delivery = let_go(campaign, approver)
    settle(there)
    delivery.refresh_from_db()
    delivery.move_to(State.ATTENTION, note="in conflict")
    release.give_up(delivery=delivery, by=approver)
    bring_forward("campaigns.clean_up")
    finish(there)

    assert end_of(delivery)[0] == State.STOPPED
    assert there.mailed() == []


# Test sends

TESTERS = ["tess@campanile.example", "tom@campanile.example"]


@pytest.fixture
def known_testers(there: AccountThere) -> None:
    """Brevo mails tests to people it has, and to nobody else."""
    if there.slug == "brevo":
        there.seed(lists=["Testers"], contacts=[{"email": email, "lists": [0]} for email in TESTERS])


def send_test(campaign: Campaign, by: User, there: AccountThere) -> TestSend:
    test = test_sends.send_test(campaign=campaign, emails=TESTERS, by=by)
    run_outbox("campaigns.send_test")
    there.advance(A_DAY)
    test.refresh_from_db()
    return test


@pytest.mark.usefixtures("known_testers")
def test_a_test_is_a_test_mail_or_a_campaign_to_the_testers_alone(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    test = send_test(campaign, approver, there)

    assert (test.state, test.refused) == (TestSend.State.SENT, {})
    if there.capabilities.sends_tests:
        assert (there.tested(), there.mailed()) == (TESTERS, [])
    else:
        assert (there.tested(), there.mailed()) == ([], TESTERS)
        assert test.note.startswith("It leaves as a campaign of its own in about ")


@pytest.mark.usefixtures("known_testers")
@pytest.mark.parametrize(
    "slug", [slug for slug in EACH if provider_class(slug).capabilities.lists_carry_sender]
)
def test_a_test_comes_from_the_sender_that_the_campaign_has_now(
    campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """The list carries the sender, and the first test made one."""
    send_test(campaign, approver, there)
    other = SenderFactory(workspace=campaign.workspace, name="Other house", email="other@sender.test")
    Campaign.objects.filter(pk=campaign.pk).update(sender=other)
    campaign.refresh_from_db()
    second = send_test(campaign, approver, there)

    provider = second.connection.open()
    lists = {record.remote_id: record.sender_email for record in provider.lists()}
    assert lists[second.remote_list_id] == "other@sender.test"
    assert provider.campaign(remote_id=second.remote_id).list_ids == (second.remote_list_id,)


@pytest.mark.usefixtures("known_testers")
@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_test_whose_answer_was_lost_is_not_sent_again(
    kind: str, campaign: Campaign, approver: User, there: AccountThere
) -> None:
    path = {
        "brevo": ("POST", "/v3/emailCampaigns/*/sendTest"),
        "especial": ("POST", "/campaigns/*/send-test"),
        "mailmojo": ("POST", "/v1/newsletters/*/send_test/"),
    }.get(there.slug, ARMS[there.slug])
    lose(there, kind, path)
    test = test_sends.send_test(campaign=campaign, emails=TESTERS[:1], by=approver)
    for _ in range(2):
        bring_forward("campaigns.send_test")
    there.advance(A_DAY)
    test.refresh_from_db()

    assert test.state == TestSend.State.UNKNOWN
    assert there.tested() + there.mailed() == (TESTERS[:1] if kind == "drop_after" else [])


@pytest.mark.usefixtures("known_testers")
def test_a_pull_takes_nothing_of_a_test_over(campaign: Campaign, approver: User, there: AccountThere) -> None:
    connection: Connection = campaign.connection  # type: ignore[assignment]
    send_test(campaign, approver, there)
    pulls.start(connection=connection, by=None)
    run_outbox(skip=["campaigns.watch"])

    assert connection.pulls.get().note == ""
    theirs = ["All", "Testers"]
    assert set(List.objects.exclude(name__in=theirs).values_list("name", flat=True)) == {"News"}
    assert not Subscription.objects.filter(contact__email__in=TESTERS).exclude(list__name__in=theirs).exists()
    assert list(Campaign.objects.values_list("name", flat=True)) == ["November"]
    assert (Delivery.objects.count(), Figures.objects.count()) == (0, 0)


# What people read


def html_there(there: AccountThere, delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.connection.open().campaign(remote_id=delivery.remote_id).html


def test_each_mail_has_a_link_to_leave(campaign: Campaign, approver: User, there: AccountThere) -> None:
    delivery = let_go(campaign, approver)
    settle(there)
    html = html_there(there, delivery)

    ours = f"/leave/{delivery.marker}/"
    assert (ours in html) is not there.capabilities.links_unsubscribe
    provider = campaign.connection.provider_class  # type: ignore[union-attr]
    if there.capabilities.links_unsubscribe:
        assert provider.merge_tag(name="unsubscribe_url", fallback=None) in html
    assert "{{ unsubscribe_url" not in html


@pytest.mark.parametrize("is_pulled", [False, True], ids=["new", "pulled"])
def test_a_missing_value_reads_as_its_fallback(
    is_pulled: bool, campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """Written by the tag, handed over in its place, or the same for everybody."""
    if is_pulled:  # its fields are known, from lists it had before
        there.seed(lists=["Old"], contacts=[{"email": "old@example.test", "fields": {"first_name": "Old"}, "lists": [0]}])  # fmt: skip
        pulls.start(connection=campaign.connection, by=None)  # type: ignore[arg-type]
        run_outbox()
    delivery = let_go(campaign, approver)
    settle(there)
    html = html_there(there, delivery)
    provider = delivery.connection.open()
    if not there.capabilities.personalises:
        assert "Hello friend," in html
        return
    if there.capabilities.renders_campaigns:
        read = {
            email: provider.rendered(remote_id=delivery.remote_id, email=email)
            for email in ("ana@example.test", "cleo@example.test")
        }
        assert ["Hello Ana," in read["ana@example.test"], "Hello friend," in read["cleo@example.test"]] == [
            True,
            True,
        ]
        return
    assert there.capabilities.writes_fallbacks
    assert "friend" in html

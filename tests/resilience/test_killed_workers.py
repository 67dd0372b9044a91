"""Whatever is killed and whenever, a decision mails everybody once or nobody, and the page says what is true."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import OutboxEntry, Role, User, Workspace
from campaigns.models import Campaign, Delivery
from campaigns.services import release
from tests.accounts_there import ARMS, SENDER, AccountThere
from tests.conftest import SandboxServer
from tests.factories import (
    CampaignFactory,
    ListFactory,
    MembershipFactory,
    SenderFactory,
    SubscriptionFactory,
    WorkspaceFactory,
)
from tests.installation import Installation

EVERYBODY = ["ana@example.test", "ben@example.test", "cleo@example.test"]
State = Delivery.State
Look = Callable[[Callable[[], bool]], Callable[[], bool]]
# Time enough to come back before the start, so that no person is needed.
LEAD_SECONDS = 3600


@pytest.fixture
def slug() -> str:
    """The provider; a test may name another."""
    return "brevo"


@pytest.fixture
def there(installation: Installation, sandbox: SandboxServer, slug: str) -> AccountThere:
    return AccountThere(sandbox, slug, "sandbox-resilience")


@pytest.fixture
def campaign(there: AccountThere) -> Campaign:
    workspace: Workspace = WorkspaceFactory(slug="acme")
    connection = there.connect(workspace)
    sender = SenderFactory(workspace=workspace, name=SENDER[0], email=SENDER[1])
    there.mirror_sender(connection, sender)
    campaign = CampaignFactory(workspace=workspace, connection=connection, sender=sender, name="November")
    list_ = ListFactory(workspace=workspace)
    for email in EVERYBODY:
        SubscriptionFactory(list=list_, contact__email=email)
    campaign.lists.add(list_)
    return campaign


@pytest.fixture
def approver(campaign: Campaign) -> User:
    return MembershipFactory(workspace=campaign.workspace, role=Role.APPROVER).user


def let_go(campaign: Campaign, by: User) -> Delivery:
    return release.release_campaign(
        campaign=campaign, by=by, version=campaign.version, send_at=None, zone="UTC"
    )


def state_of(delivery: Delivery) -> str:
    return Delivery.objects.values_list("state", flat=True).get(pk=delivery.pk)


SETTLED = {State.SENT, State.ATTENTION, State.REFUSED, State.CANCELLED, State.STOPPED}


def strike_all(
    points: list[str], installation: Installation, sabotage: dict[str, str], done: Path, look: Look
) -> None:
    """Wait for each point at which the worker dies, and start another; nobody waits for a dead one's leases."""
    for point in points:
        installation.wait_for(look((done / point).exists), f"The kill {point}")
        installation.kill("worker")
        OutboxEntry.objects.filter(state="claimed").update(leased_until=timezone.now())
        installation.start_worker(**sabotage)


def hurried(condition: Callable[[], bool]) -> Callable[[], bool]:
    """The condition, looked at while nothing waits its time after a crash."""

    def look() -> bool:
        OutboxEntry.objects.filter(state="waiting", crashes__gt=0).update(not_before=timezone.now())
        return condition()

    return look


def started(condition: Callable[[], bool], *, there: AccountThere) -> Callable[[], bool]:
    """As `hurried`; what the account has accepted does not wait for its start either."""

    def look() -> bool:
        now = timezone.now()
        if Delivery.objects.filter(state=State.ACCEPTED, armed_for_at__gt=now).update(armed_for_at=now):
            there.advance(LEAD_SECONDS)
        return hurried(condition)()

    return look


# Each line is one delivery; three kills of the same step would be a crash for a person to look at.
@pytest.mark.parametrize(
    "points",
    [
        ["after move_to:preparing", "after create_list", "before move_to:armed", "before move_to:sending"],
        ["after save_contacts", "after create_campaign", "after schedule_campaign", "before move_to:sent"],
        ["before create_campaign", "after store:remote_id", "before move_to:accepted"],
        ["after store:frozen_at", "after move_to:ready", "after move_to:accepted"],
        ["after move_to:armed"],
    ],
    ids=lambda points: points[0],
)
def test_a_worker_killed_at_every_step_mails_everybody_once(
    points: list[str], installation: Installation, campaign: Campaign, approver: User, there: AccountThere,
    settings: Any, tmp_path: Path,
) -> None:  # fmt: skip
    settings.SEND_NOW_LEAD_SECONDS = LEAD_SECONDS
    sabotage = {
        "SABOTAGE": ",".join(points), "SABOTAGE_DONE": str(tmp_path), "SEND_NOW_LEAD_SECONDS": str(LEAD_SECONDS),
    }  # fmt: skip
    installation.start_worker(**sabotage)
    delivery = let_go(campaign, approver)
    look = partial(started, there=there)
    strike_all(points, installation, sabotage, tmp_path, look)
    installation.wait_for(look(lambda: state_of(delivery) in SETTLED), "An end")
    delivery.refresh_from_db()

    assert (delivery.state, delivery.note) == (State.SENT, "")
    assert there.mailed() == EVERYBODY
    assert len(there.campaigns()) == 1


# One delivery of each other provider: what it made is found again after each call whose answer nobody heard.
@pytest.mark.parametrize(
    ("slug", "points"),
    [
        *(
            (
                slug,
                [
                    "after create_list",
                    "after save_contacts",
                    "after create_campaign",
                    "after schedule_campaign",
                ],
            )
            for slug in ("especial", "mailmojo", "leadfox")
        ),
        (
            "emailcampaigns",
            [
                "after create_list",
                "after replace_members",
                "before release_campaign",
                "after release_campaign",
            ],
        ),
    ],
)
def test_a_worker_killed_after_each_call_mails_everybody_once(
    slug: str, points: list[str], installation: Installation, campaign: Campaign, approver: User, there: AccountThere,
    tmp_path: Path,
) -> None:  # fmt: skip
    sabotage = {"SABOTAGE": ",".join(points), "SABOTAGE_DONE": str(tmp_path)}
    installation.start_worker(**sabotage)
    delivery = release.release_campaign(
        campaign=campaign, by=approver, version=campaign.version, zone="UTC",
        send_at=timezone.now() + timedelta(minutes=40),
    )  # fmt: skip
    strike_all(points, installation, sabotage, tmp_path, hurried)
    installation.wait_for(hurried(lambda: state_of(delivery) in {*SETTLED, State.ACCEPTED}), "Its acceptance")
    assert there.mailed() == []
    there.advance(86400)
    Delivery.objects.filter(pk=delivery.pk).update(armed_for_at=timezone.now())
    installation.wait_for(hurried(lambda: state_of(delivery) in SETTLED), "An end")
    delivery.refresh_from_db()

    assert (delivery.state, delivery.note) == (State.SENT, "")
    assert there.mailed() == EVERYBODY
    assert len(there.campaigns()) == 1


def test_a_worker_killed_while_the_account_works_on_the_order(
    installation: Installation, campaign: Campaign, approver: User, there: AccountThere
) -> None:
    """The account has taken the order; its answer never reaches anybody."""
    there.fault("hang_after", ARMS[there.slug], seconds=60)
    installation.start_worker()
    delivery = let_go(campaign, approver)
    installation.wait_for(lambda: state_of(delivery) == State.ARMED, "Arming")
    installation.wait_for(lambda: there.campaigns()[0]["status"] != "draft", "The account's taking it")
    installation.kill("worker")
    installation.start_worker()
    installation.wait_for(lambda: state_of(delivery) == State.SENT, "Sent")

    assert there.mailed() == EVERYBODY
    assert len(there.campaigns()) == 1


def test_a_wiped_broker_loses_nothing(
    installation: Installation, campaign: Campaign, approver: User, there: AccountThere
) -> None:
    delivery = let_go(campaign, approver)
    installation.broker.flushdb()  # the ring is gone before anybody heard it
    installation.start_worker()
    installation.wait_for(lambda: state_of(delivery) not in {State.HELD, State.PREPARING}, "Preparing")
    installation.broker.flushdb()
    installation.wait_for(lambda: state_of(delivery) == State.SENT, "Sent")

    assert there.mailed() == EVERYBODY


def test_a_sweep_frees_what_a_killed_worker_held(campaign: Campaign, approver: User, settings: Any) -> None:
    from accounts import outbox

    settings.HOLD_SECONDS = 0
    delivery = let_go(campaign, approver)
    entry = OutboxEntry.objects.get(subject_id=delivery.pk, task="campaigns.prepare")
    assert outbox.claim(entry.pk) is not None
    OutboxEntry.objects.update(leased_until=timezone.now())

    outbox.sweep()
    entry.refresh_from_db()

    assert (entry.state, entry.crashes, entry.must_look) == ("waiting", 1, True)

"""Whatever is killed and whenever, a decision mails everybody once or nobody, and the page says what is true."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, OutboxEntry, Role, User, Workspace
from campaigns.models import Campaign, Delivery
from campaigns.services import release
from tests.conftest import SandboxServer
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ListFactory,
    MembershipFactory,
    SenderFactory,
    SubscriptionFactory,
    WorkspaceFactory,
)
from tests.installation import Installation

ACCOUNT = "sandbox-resilience"
SENDER = "news@campanile.example"
EVERYBODY = ["ana@example.test", "ben@example.test", "cleo@example.test"]
State = Delivery.State


@pytest.fixture
def campaign(installation: Installation, sandbox: SandboxServer) -> Campaign:
    sandbox.control(
        "seed",
        provider="brevo",
        account=ACCOUNT,
        limits="off",
        pace={"send": 0.5, "react": 1, "process": 0},
        senders=[{"name": "News", "email": SENDER, "active": True}],
    )
    workspace: Workspace = WorkspaceFactory(slug="acme")
    connection = ConnectionFactory(
        workspace=workspace, base_url=sandbox.base_url(), api_key=ACCOUNT, webhook_remote_id="1"
    )
    sender = SenderFactory(workspace=workspace, name="News", email=SENDER)
    there = next(record for record in connection.open().senders() if record.email == SENDER)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.SENDER, object_id=sender.pk, remote_id=there.remote_id,
        theirs={"is_active": True},
    )  # fmt: skip
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


def sent_to(sandbox: SandboxServer) -> list[str]:
    """Addresses that were mailed, with repeats, in all campaigns of the account."""
    state: dict[str, Any] = sandbox.read("state", provider="brevo", account=ACCOUNT)["state"]
    rows = [event for events in state["events"].values() for event in events]
    return sorted(row[3] for row in rows if row[1] == "sent")


def campaigns_there(sandbox: SandboxServer) -> int:
    return len(sandbox.read("state", provider="brevo", account=ACCOUNT)["state"]["campaigns"])


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
    points: list[str], installation: Installation, campaign: Campaign, approver: User, sandbox: SandboxServer,
    settings: Any, tmp_path: Path,
) -> None:  # fmt: skip
    # Time enough to come back before the start, so that no person is needed.
    settings.SEND_NOW_LEAD_SECONDS = 20
    sabotage = {"SABOTAGE": ",".join(points), "SABOTAGE_DONE": str(tmp_path), "SEND_NOW_LEAD_SECONDS": "20"}
    installation.start_beat()
    installation.start_worker(**sabotage)
    delivery = let_go(campaign, approver)
    for point in points:
        installation.wait_for((tmp_path / point).exists, f"The kill {point}")
        installation.kill("worker")
        installation.start_worker(**sabotage)
    settled = {State.SENT, State.ATTENTION, State.REFUSED, State.CANCELLED, State.STOPPED}
    installation.wait_for(lambda: state_of(delivery) in settled, "An end")
    delivery.refresh_from_db()

    assert (delivery.state, delivery.note) == (State.SENT, "")
    assert sent_to(sandbox) == EVERYBODY
    assert campaigns_there(sandbox) == 1


def test_a_worker_killed_while_the_account_works_on_the_order(
    installation: Installation, campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    """The account has taken the order; its answer never reaches anybody."""
    sandbox.control(
        "faults",
        provider="brevo",
        method="PUT",
        path="/v3/emailCampaigns/*",
        kind="hang_after",
        seconds=60,
        times=1,
    )
    installation.start_beat()
    installation.start_worker()
    delivery = let_go(campaign, approver)
    installation.wait_for(lambda: state_of(delivery) == State.ARMED, "Arming")
    installation.wait_for(lambda: campaign_status_there(sandbox) != "draft", "The account's taking it")
    installation.kill("worker")
    installation.start_worker()
    installation.wait_for(lambda: state_of(delivery) == State.SENT, "Sent")

    assert sent_to(sandbox) == EVERYBODY
    assert campaigns_there(sandbox) == 1


def campaign_status_there(sandbox: SandboxServer) -> str:
    state = sandbox.read("state", provider="brevo", account=ACCOUNT)["state"]
    return next(iter(state["campaigns"].values()))["status"]


def test_a_wiped_broker_loses_nothing(
    installation: Installation, campaign: Campaign, approver: User, sandbox: SandboxServer
) -> None:
    installation.start_beat()
    delivery = let_go(campaign, approver)
    installation.broker.flushdb()  # the ring is gone before anybody heard it
    installation.start_worker()
    installation.wait_for(lambda: state_of(delivery) not in {State.HELD, State.PREPARING}, "Preparing")
    installation.broker.flushdb()
    installation.wait_for(lambda: state_of(delivery) == State.SENT, "Sent")

    assert sent_to(sandbox) == EVERYBODY


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

"""A test mail: one click, at most one mailing, never repeated by a program."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from campaigns import checks, content
from campaigns.models import Campaign, TestSend

PER_HOUR = 20
MOST_ADDRESSES = 10
# Blockers at these places do not keep a test from being sent.
_NOT_ASKED = frozenset({"id_lists", "id_segments"})


class CannotSendTest(CannotDo):
    pass


@transaction.atomic
def send_test(*, campaign: Campaign, emails: Sequence[str], by: User) -> TestSend:
    """Ask the account to mail the draft as it is to a few addresses. Raises CannotSendTest."""
    # Two clicks at once count one after the other.
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    if not emails:
        raise CannotSendTest("Say who gets the test.", fields={"emails": "Say who gets the test."})
    if len(emails) > MOST_ADDRESSES:
        raise CannotSendTest(f"A test goes to {MOST_ADDRESSES} addresses at most.")
    if not campaign.is_editable:
        raise CannotSendTest("Only drafts can be tested.")
    connection = campaign.connection
    for check in checks.blockers(campaign):
        if check.where not in _NOT_ASKED:
            raise CannotSendTest(check.sentence)
    assert connection is not None  # noqa: S101 - its absence is a blocker
    latest = campaign.test_sends.order_by("-id").first()
    if latest is not None and not latest.is_over:
        raise CannotSendTest("A test is still on its way. Wait for its outcome.")
    since = timezone.now() - timedelta(hours=1)
    if campaign.test_sends.filter(created_at__gt=since).count() >= PER_HOUR:
        raise CannotSendTest(f"{PER_HOUR} tests of this campaign went out within an hour. Wait a while.")
    content.render(campaign)
    test = TestSend(campaign=campaign, connection=connection, emails=list(emails), by=by)
    before = (
        campaign.test_sends.filter(connection=connection).exclude(creating_at=None).order_by("-id").first()
    )
    # The draft made for an earlier test is used again; a campaign that stood for one has gone out.
    if before is not None and connection.capabilities.sends_tests:
        for name in ("marker", "remote_id", "remote_list_id", "creating_at"):
            setattr(test, name, getattr(before, name))
    test.save(force_insert=True)
    outbox.record(
        task="campaigns.send_test",
        subject=test,
        effect=Effect.ONCE,
        connection=connection,
        order_key=f"test:{campaign.pk}",
        priority=OutboxEntry.Priority.INTERACTIVE,
    )
    people = "1 address" if len(emails) == 1 else f"{len(emails)} addresses"
    activity.record(
        campaign.workspace,
        "campaign.test_sent",
        f"Sent a test of “{campaign}” to {people} through {connection}.",
        actor=by,
        subject=campaign,
    )
    return test

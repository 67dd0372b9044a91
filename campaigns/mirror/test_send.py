"""A test mail at the account: a draft of its own, then the one call that mails.

    WAITING → SENDING → SENT | REFUSED | UNKNOWN

SENDING is committed before the call leaves. Whoever finds it later knows that the call may have been made, and says
so instead of calling again.
"""

from datetime import timedelta
from math import ceil

from django.conf import settings
from django.utils import timezone

from accounts.models import OutboxEntry
from accounts.providers.base import Provider
from accounts.providers.errors import (
    Missing,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UnexpectedReply,
    Unsupported,
)
from accounts.providers.records import CampaignDraft, ContactRecord, TestSendResult
from campaigns import content, merge_tags
from campaigns.mirror.drafts import translated_draft
from campaigns.mirror.fields import names_there
from campaigns.models import Campaign, TestSend
from campaigns.queries import people

State = TestSend.State
# Nobody waits longer for a test; a forgotten one must not arrive hours later.
PATIENCE = timedelta(minutes=15)
CLOCK_DIFFERENCE = timedelta(minutes=10)
# The account must not find the time too near while our call is on its way.
LEAD_MARGIN = timedelta(minutes=1)


def send_test(entry: OutboxEntry) -> None:
    test = TestSend.objects.select_related(
        "campaign__workspace", "campaign__sender", "connection__workspace"
    ).get(pk=entry.subject_id)
    if test.is_over:
        return
    if test.state == State.SENDING:  # an earlier run was cut off behind the call
        _end(test, State.UNKNOWN, "The worker was cut off while the account was told. It is not sent again.")
        return
    if timezone.now() - test.created_at > PATIENCE:
        _end(
            test,
            State.REFUSED,
            "The account could not be reached for a quarter of an hour. Nothing was sent.",
        )
        return
    provider = test.connection.open()
    try:
        draft = _prepare(test, provider)
    except (Refused, Unsupported, Unauthorized) as error:
        _end(test, State.REFUSED, error.detail)
        if isinstance(error, Unauthorized):
            raise
        return
    except merge_tags.CannotTranslate as refusal:
        _end(test, State.REFUSED, refusal.sentence)
        return
    except UnexpectedReply as error:
        _end(
            test,
            State.REFUSED,
            f"The account's answer could not be read, so no test was sent. {error.detail}",
        )
        raise
    _mail(test, provider, draft)


def _mail(test: TestSend, provider: Provider, draft: CampaignDraft) -> None:
    if not test.store(only_from=State.WAITING, state=State.SENDING):
        return
    try:
        result, note = _call(test, provider, draft)
    except RateLimited:
        test.store(
            only_from=State.SENDING, state=State.WAITING
        )  # turned away unseen: the same call again later
        raise
    except Refused as error:
        _end(test, State.REFUSED, error.detail)
    except (Unavailable, Unauthorized, Unsupported) as error:
        if isinstance(error, Unavailable):
            test.store(only_from=State.SENDING, state=State.WAITING)  # no byte left
        else:
            _end(test, State.REFUSED, error.detail)
        raise
    except ProviderError as error:
        _end(
            test,
            State.UNKNOWN,
            f"The account's answer was lost ({error.detail}). Look in the mailboxes; it is not sent again.",
        )
    else:
        _end(test, State.SENT if result.accepted else State.REFUSED, note, refused=dict(result.refused))


def _call(test: TestSend, provider: Provider, draft: CampaignDraft) -> tuple[TestSendResult, str]:
    """The one call that mails, and what there is to say of it."""
    if provider.capabilities.sends_tests:
        return provider.send_test(remote_id=test.remote_id, emails=test.emails), ""
    lead = max(timedelta(seconds=settings.SEND_NOW_LEAD_SECONDS), provider.least_lead)
    send_at = timezone.now() + lead + LEAD_MARGIN * bool(provider.least_lead)
    if provider.capabilities.drafts_campaigns:
        provider.schedule_campaign(remote_id=test.remote_id, send_at=send_at)
    else:
        test.store(remote_id=provider.release_campaign(draft, send_at=send_at))
    minutes = max(1, ceil((send_at - timezone.now()).total_seconds() / 60))
    return (
        TestSendResult(tuple(test.emails)),
        f"It leaves as a campaign of its own in about {minutes} minute{'s' * (minutes > 1)}.",
    )


def _prepare(test: TestSend, provider: Provider) -> CampaignDraft:
    """What is tested, made over there or brought up to date; found by its marker if an answer was lost.

    Where there are no test mails, a list of just the testers stands for them, and the draft goes to it.
    """
    able = provider.capabilities
    began = test.creating_at is not None
    if not began:
        test.store(creating_at=timezone.now())
    # A list that carries the sender is another one for another sender: the remembered one may be of the first.
    if able.lists_carry_sender or (not able.sends_tests and not test.remote_list_id):
        _make_list(test, provider, began=began)
    if not able.sends_tests:
        testers = [ContactRecord(remote_id="", email=email) for email in test.emails]
        if able.replaces_members:
            provider.replace_members(testers, list_id=test.remote_list_id)
        else:
            provider.save_contacts(testers, list_ids=[test.remote_list_id])
    if able.personalises:
        names_there(test.connection, provider, _fields_used(test.campaign))
    draft = draft_of(test)
    if able.drafts_campaigns:
        _make_draft(test, provider, draft, began=began)
    return draft


def _fields_used(campaign: Campaign) -> set[str]:
    texts = (campaign.subject, campaign.preview_text, content.render(campaign).html)
    return {tag.field_key for tag in merge_tags.parse("\n".join(texts)).tags if tag.field_key}


def _make_list(test: TestSend, provider: Provider, *, began: bool) -> None:
    sender = test.campaign.sender
    assert sender is not None  # noqa: S101 - its absence is a blocker
    found = provider.find_lists(marker=test.marker) if began else ()
    if provider.capabilities.lists_carry_sender:
        mine = (sender.name, sender.email)
        found = tuple(known for known in found if (known.sender_name, known.sender_email) == mine)
    made = (
        found[0]
        if found
        else provider.create_list(name=test.remote_name, sender_name=sender.name, sender_email=sender.email)
    )
    test.store(remote_list_id=made.remote_id)


def _make_draft(test: TestSend, provider: Provider, draft: CampaignDraft, *, began: bool) -> None:
    if not test.remote_id and began and test.creating_at:
        found = provider.find_campaigns(marker=test.marker, created_after=test.creating_at - CLOCK_DIFFERENCE)
        if found:
            test.store(remote_id=found[0].remote_id)
    if test.remote_id:
        try:
            provider.update_campaign(draft, remote_id=test.remote_id)
            return
        except Missing:  # deleted over there
            test.store(remote_id="")
    test.store(remote_id=provider.create_campaign(draft))


def draft_of(test: TestSend) -> CampaignDraft:
    """What the account is asked to hold. Raises CannotTranslate."""
    campaign: Campaign = test.campaign
    assert campaign.sender is not None  # noqa: S101 - its absence is a blocker
    rendered = content.render(campaign)
    return translated_draft(
        test.connection,
        marker=test.marker,
        name=test.remote_name,
        texts={
            "subject": campaign.subject,
            "preview_text": campaign.preview_text,
            "html": rendered.html,
            "text": rendered.text,
        },
        literals=people.workspace_values(campaign.workspace),
        sender=(campaign.sender.name, campaign.sender.email),
        sender_id=campaign.sender.pk,
        reply_to=campaign.reply_to,
        list_ids=(test.remote_list_id,) if test.remote_list_id else (),
    )


def _end(test: TestSend, state: str, note: str, *, refused: dict[str, str] | None = None) -> None:
    test.store(state=state, note=note[:500], refused=refused or {}, ended_at=timezone.now())

"""A test mail at the account: a draft of its own, then the one call that mails.

    WAITING → SENDING → SENT | REFUSED | UNKNOWN

SENDING is committed before the call leaves. Whoever finds it later knows that the call may have been made, and says
so instead of calling again.
"""

from datetime import timedelta

from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, OutboxEntry
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
from accounts.providers.records import CampaignDraft
from campaigns import content, merge_tags
from campaigns.models import Campaign, TestSend
from campaigns.queries import people

State = TestSend.State
# Nobody waits longer for a test; a forgotten one must not arrive hours later.
PATIENCE = timedelta(minutes=15)
CLOCK_DIFFERENCE = timedelta(minutes=10)


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
        _make_draft(test, provider)
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
    _mail(test, provider)


def _mail(test: TestSend, provider: Provider) -> None:
    if not test.store(only_from=State.WAITING, state=State.SENDING):
        return
    try:
        result = provider.send_test(remote_id=test.remote_id, emails=test.emails)
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
        _end(test, State.SENT if result.accepted else State.REFUSED, "", refused=dict(result.refused))


def _make_draft(test: TestSend, provider: Provider) -> None:
    """The draft with this content, made or brought up to date; found by its marker if an answer was lost."""
    draft = draft_of(test)
    if not test.remote_id and test.creating_at is not None:
        found = provider.find_campaigns(marker=test.marker, created_after=test.creating_at - CLOCK_DIFFERENCE)
        if found:
            test.store(remote_id=found[0].remote_id)
    if test.remote_id:
        try:
            provider.update_campaign(draft, remote_id=test.remote_id)
            return
        except Missing:  # deleted over there
            test.store(remote_id="")
    test.store(creating_at=timezone.now())
    test.store(remote_id=provider.create_campaign(draft))


def draft_of(test: TestSend) -> CampaignDraft:
    """What the account is asked to hold. Raises CannotTranslate."""
    campaign: Campaign = test.campaign
    assert campaign.sender is not None  # noqa: S101 - its absence is a blocker
    names = people.field_names(test.connection)
    literals = people.workspace_values(campaign.workspace)

    def translated(text: str, *, html: bool) -> str:
        return merge_tags.translate(text, test.connection.provider_class, names, literals=literals, html=html)

    sender = MirrorRow.objects.filter(
        connection=test.connection, kind=MirrorKind.SENDER, object_id=campaign.sender.pk
    )
    return CampaignDraft(
        name=test.remote_name,
        subject=translated(campaign.subject, html=False),
        preview_text=translated(campaign.preview_text, html=False),
        html=translated(content.render(campaign).html, html=True),
        sender_name=campaign.sender.name,
        sender_email=campaign.sender.email,
        sender_remote_id=sender.values_list("remote_id", flat=True).first() or "",
        reply_to=campaign.reply_to,
    )


def _end(test: TestSend, state: str, note: str, *, refused: dict[str, str] | None = None) -> None:
    test.store(state=state, note=note[:500], refused=refused or {}, ended_at=timezone.now())

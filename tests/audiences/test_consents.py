"""What a person said, written down by a member, and what follows from it at once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, User
from audiences import queries, services
from audiences.models import Consent, ConsentBasis, Contact, Subscription, Suppression
from tests.audiences.importing import bring
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def say(contact, by, purpose="mail", kind="given", *, at=None, **values):
    return services.record_consent(
        contact=contact, by=by, purpose=purpose, kind=kind, source="Phone", at=at or timezone.now(), **values
    )


def test_a_consent_is_written_down_with_its_proof(ana, by, workspace):
    at = timezone.now() - DAY
    consent = say(ana, by, wording="I want it", at=at)
    assert (consent.contact, consent.kind, consent.purpose, consent.at) == (ana, "given", "mail", at)
    assert (consent.basis.source, consent.basis.wording, consent.basis.by) == ("Phone", "I want it", by)
    entry = ActivityEntry.objects.get()
    assert (entry.verb, entry.sentence) == (
        "contact.consent", "Recorded that a person agreed to be written to.",
    )  # fmt: skip


def test_a_consent_lifts_nothing_and_puts_nobody_on_a_list(ana, by, workspace):
    SuppressionFactory(contact=ana)
    news = ListFactory(workspace=workspace)
    say(ana, by)
    say(ana, by, on_list=news)
    assert queries.is_suppressed(ana)
    assert not Subscription.objects.exists()


def test_mail_taken_back_suppresses(ana, by):
    at = timezone.now() - DAY
    consent = say(ana, by, kind="withdrawn", at=at)
    row = Suppression.objects.get()
    assert (row.contact, row.reason, row.connection, row.at, row.created_by, row.evidence) == (
        ana, "unsubscribed", None, at, by, {"consent": consent.pk, "reason": "Phone"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "days", "after"),
    [("subscribed", 3, "unsubscribed"), ("pending", 3, "unsubscribed"), ("removed", 3, "unsubscribed"),
     ("subscribed", 0, "subscribed"), (None, 0, "unsubscribed")],
)  # fmt: skip
def test_one_list_taken_back_leaves_that_list_alone(status, days, after, ana, by, workspace):
    news, other = ListFactory(workspace=workspace), ListFactory(workspace=workspace)
    SubscriptionFactory(list=other, contact=ana)
    if status:
        SubscriptionFactory(list=news, contact=ana, status=status, changed_at=timezone.now() - days * DAY)
    say(ana, by, kind="withdrawn", on_list=news, at=timezone.now() - DAY)
    assert Subscription.objects.get(list=news).status == after
    assert Subscription.objects.get(list=other).status == "subscribed"
    assert not Suppression.objects.exists()
    news.refresh_from_db()
    assert news.subscribed_count == (1 if after == "subscribed" else 0)


@pytest.mark.parametrize(
    ("words", "tracking"),
    [
        ([], "unknown"),
        ([("given", 2)], "granted"),
        ([("given", 2), ("withdrawn", 1)], "denied"),
        # Written down later, said earlier.
        ([("withdrawn", 1), ("given", 2)], "denied"),
        ([("given", 1), ("withdrawn", 2)], "granted"),
        ([("withdrawn", 1), ("given", 1)], "denied"),
    ],
)
def test_whether_opens_are_counted_follows_the_newest_word_by_its_own_time(words, tracking, ana, by):
    now = timezone.now()
    say(ana, by, kind="withdrawn", on_list=None, at=now - 9 * DAY)  # to be written to is another matter
    for kind, days in words:
        say(ana, by, "tracking", kind, at=now - days * DAY)
    assert Contact.objects.get().tracking == tracking


@pytest.mark.parametrize(("purpose", "kinds"), [("mail", [False]), ("tracking", [True, False])])
@pytest.mark.parametrize("kind", ["given", "withdrawn"])
def test_every_word_holds_the_audience_and_one_on_counting_what_is_rolled_up_first(
    purpose, kinds, kind, ana, by, workspace
):
    ConnectionFactory(workspace=workspace)
    with CaptureQueriesContext(database) as told:
        say(ana, by, purpose, kind)
    locks = ["roll_up" in query["sql"] for query in told if "advisory_xact_lock" in query["sql"]]
    assert locks[: len(kinds)] == kinds


def test_somebody_who_is_gone_meanwhile_says_nothing(ana, by):
    Contact.objects.filter(pk=ana.pk).delete()
    with pytest.raises(services.CannotConsent, match="gone"):
        say(ana, by)
    assert not ConsentBasis.objects.exists()


def test_what_has_not_happened_is_refused(ana, by, workspace):
    with pytest.raises(services.CannotConsent) as refusal:
        say(ana, by, at=timezone.now() + DAY)
    assert list(refusal.value.fields) == ["at"]
    with pytest.raises(services.CannotConsent):
        say(ana, by, "tracking", on_list=ListFactory(workspace=workspace))
    assert not Consent.objects.exists()


def test_a_day_is_shown_as_a_day_and_a_time_as_a_time_wherever_somebody_looks(browse, workspace, by):
    client = browse("approver")
    User.objects.update(time_zone="America/New_York")
    news = ListFactory(workspace=workspace)
    bring(workspace, by, "Email\nana@x.test\n", on_list=news, consent_date=date(2025, 3, 4))
    ana = Contact.objects.get()
    page = f"/w/acme/contacts/{ana.pk}/"

    # 20:00 in New York is midnight in UTC.
    client.post(
        f"{page}consents/", {"purpose": "mail", "kind": "given", "source": "Letter", "at": "2025-06-05T20:00"}
    )

    shown = client.get(page).content.decode()
    assert '<time datetime="2025-03-04">4 Mar 2025</time>' in shown
    assert "5 Jun 2025, 20:00 EDT" in shown


def test_a_yes_loses_against_a_no_of_that_very_moment_or_day(browse, workspace):
    client = browse("approver")
    User.objects.update(time_zone="UTC")
    ana = ContactFactory(workspace=workspace)
    block = SuppressionFactory(contact=ana, at=datetime(2026, 3, 1, tzinfo=UTC))
    midnight = "2026-03-01T00:00"

    reply = client.post(
        f"/w/acme/suppressions/{block.pk}/lift/",
        {"reason": "Asked", "consent_source": "Letter", "agreed_at": midnight},
    )
    for kind in ("withdrawn", "given"):
        client.post(
            f"/w/acme/contacts/{ana.pk}/consents/",
            {"purpose": "tracking", "kind": kind, "source": "Letter", "at": midnight},
        )

    ana.refresh_from_db()
    assert (reply.status_code, [*reply.context["form"].errors]) == (422, ["agreed_at"])
    assert [*Consent.objects.order_by("-at").values_list("kind", flat=True)] == ["withdrawn", "given"]
    assert ana.tracking == "denied"
    shown = client.get(f"/w/acme/contacts/{ana.pk}/").content.decode()
    assert shown.count("1 Mar 2026, 00:00 UTC") == 2

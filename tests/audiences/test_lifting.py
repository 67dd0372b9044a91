"""Lifting: a consent given after the block, by an approver; the block that was lifted comes back from nowhere."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import ActivityEntry, Connection, MirrorKind, MirrorRow, OutboxEntry
from accounts.providers.records import ContactRecord, LeaveRecord, Page
from audiences import queries, services
from audiences.mirror import leaves, merge
from audiences.mirror.contacts import Reader, sift
from audiences.models import Consent, Contact, Suppression
from tests.audiences.importing import bring
from tests.factories import ConnectionFactory, ContactFactory, MembershipFactory, SuppressionFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def by(member):
    return member("approver")


@pytest.fixture
def connection(workspace):
    return ConnectionFactory(workspace=workspace)


def lift(row, by, *, agreed_at=None, **values):
    said = {"reason": "She called", "consent_source": "Phone"} | values
    return services.lift(suppression=row, by=by, agreed_at=agreed_at or timezone.now(), **said)


def pull(connection, *, blocked, modified_at=None, name=""):
    record = ContactRecord(
        remote_id="1",
        email="ana@example.org",
        blocked=blocked,
        modified_at=modified_at,
        fields={"NAME": name},
    )
    page = Reader(columns={"NAME": "first_name"}, keys={}, lists={}).read(Page(items=(record,), cursor=None))
    merge.merge_contacts(connection, sift([page]).rows, pull=None)


def is_out(contact):
    return queries.is_suppressed(contact)


def pattern(workspace, text="*@example.org", **values):
    at = timezone.now() - 5 * DAY
    services.suppress_patterns(
        workspace=workspace, facts=[services.Fact(text, "by_hand", at)], **({"connection": None} | values)
    )
    return Suppression.objects.get(email=text, is_pattern=True, lifted_at=None)


def test_lifting_ends_every_block_of_a_person_on_one_consent(workspace, by, ana, connection, now):
    first = SuppressionFactory(contact=ana, at=now - 3 * DAY)
    SuppressionFactory(contact=ana, at=now - 2 * DAY, connection=connection, reason="blocked")

    assert lift(first, by, agreed_at=now - DAY, consent_wording="Yes please") == ana

    consent = Consent.objects.select_related("basis").get()
    assert (consent.contact, consent.kind, consent.purpose, consent.list, consent.at) == (
        ana, "given", "mail", None, now - DAY,
    )  # fmt: skip
    assert (consent.basis.source, consent.basis.wording, consent.basis.by) == ("Phone", "Yes please", by)
    assert {(row.lifted_by, row.lifted_at is None) for row in Suppression.objects.all()} == {(by, False)}
    assert Suppression.objects.get(pk=first.pk).lift_evidence == {
        "reason": "She called", "role": "approver", "consent": consent.pk, "agreed_at": (now - DAY).isoformat(),
    }  # fmt: skip
    assert not is_out(ana)
    entry = ActivityEntry.objects.get()
    assert (entry.verb, entry.actor, "Approver" in entry.sentence, "@" in entry.sentence) == (
        "contact.lifted", by, True, False,
    )  # fmt: skip
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "editor", None])
def test_only_an_approver_lifts(role, workspace, member, ana):
    row = SuppressionFactory(contact=ana, at=timezone.now() - DAY)
    someone = member(role) if role else MembershipFactory().user
    with pytest.raises(services.CannotLift, match="approver"):
        lift(row, someone)
    assert is_out(ana)


@pytest.mark.parametrize(
    ("days", "says"), [(2, "A consent given after it is needed"), (0, "given after it"), (-2, "to come")]
)
def test_a_consent_is_given_after_the_newest_block_and_before_now(days, says, by, ana, now):
    SuppressionFactory(contact=ana, at=now - 5 * DAY)
    row = SuppressionFactory(contact=ana, at=now - DAY, connection=ConnectionFactory(workspace=ana.workspace))
    agreed_at = {2: now - 2 * DAY, 0: now - DAY, -2: now + 2 * DAY}[days]
    with pytest.raises(services.CannotLift, match=says) as refusal:
        lift(row, by, agreed_at=agreed_at)
    assert list(refusal.value.fields) == ["agreed_at"]
    assert not Consent.objects.exists()


def test_a_complaint_asks_for_the_address(by, ana, now):
    row = SuppressionFactory(contact=ana, at=now - DAY, reason="complained")
    for typed in ("", "ben@example.org"):
        with pytest.raises(services.CannotLift) as refusal:
            lift(row, by, typed=typed)
        assert list(refusal.value.fields) == ["typed"]
    with pytest.raises(services.CannotLift) as both:
        lift(row, by, agreed_at=now - 2 * DAY)
    assert sorted(both.value.fields) == ["agreed_at", "typed"]
    lift(row, by, typed=" Ana@Example.org ")
    assert not is_out(ana)


def test_somebody_unknown_who_agreed_becomes_known(workspace, by, now):
    services.suppress_patterns(
        workspace=workspace, connection=None, facts=[services.Fact("*@example.org", "by_hand", now - 2 * DAY)]
    )
    row = Suppression.objects.create(workspace=workspace, email="new@example.org", reason="blocked", at=now - DAY,
                                     connection=ConnectionFactory(workspace=workspace))  # fmt: skip
    contact = lift(row, by)
    assert contact == Contact.objects.get(email="new@example.org")
    assert services.resolve_patterns(workspace=workspace) == 0
    assert not is_out(contact)
    # A file may tell of them again.
    made = bring(workspace, by, "Email,Vorname\nnew@example.org,Nora\nelse@example.org,E\n")
    assert (made.counts["changed"], made.counts["suppressed"]) == (1, 1)


def merged_away(workspace, kept, by, at):
    """The block of an address that went into another person, who is suppressed as well from then on."""
    other = ContactFactory(workspace=workspace, email="other@example.org")
    SuppressionFactory(contact=other, at=at, reason="complained")
    services.merge_people(kept=kept, other=other, by=by, picks={}, versions=(1, 1))
    Suppression.objects.update(at=at)
    return Suppression.objects.get(email=other.email), Suppression.objects.get(email=kept.email)


def test_an_address_that_went_into_another_person_is_lifted_alone(workspace, by, ana, now):
    gone, kept = merged_away(workspace, ana, by, now - 3 * DAY)
    assert queries.blocks_of(gone) == [gone]

    assert lift(gone, by, agreed_at=now - DAY, typed="other@example.org") == ana

    assert [*Contact.objects.values_list("email", flat=True)] == ["ana@example.org"]
    assert Consent.objects.get().contact == ana
    assert [*Suppression.objects.filter(lifted_at=None)] == [kept]
    assert is_out(ana)


def test_a_person_is_lifted_without_the_address_that_went_into_them(workspace, by, ana, now):
    gone, kept = merged_away(workspace, ana, by, now - 3 * DAY)
    assert queries.blocks_of(kept) == [kept]

    lift(kept, by, agreed_at=now - DAY, typed="ana@example.org")

    assert [*Suppression.objects.filter(lifted_at=None)] == [gone]
    assert not is_out(ana)


def test_every_block_of_an_address_that_went_into_another_person_ends_by_a_consent_after_all(
    workspace, by, ana, connection, now
):
    other = ContactFactory(workspace=workspace, email="other@example.org")
    SuppressionFactory(contact=other, at=now - 3 * DAY, connection=connection)
    services.merge_people(kept=ana, other=other, by=by, picks={}, versions=(1, 1))
    told, merged = Suppression.objects.filter(email=other.email).order_by("at")
    Suppression.objects.filter(pk=merged.pk).update(at=now - 2 * DAY)
    Suppression.objects.filter(pk=told.pk).update(at=now - DAY)
    assert {*queries.blocks_of(merged)} == {*queries.blocks_of(told)} == {told, merged}

    with pytest.raises(services.CannotLift, match="newest no"):
        lift(merged, by, agreed_at=now - 1.5 * DAY)
    lift(merged, by, agreed_at=now)

    assert not Suppression.objects.filter(email=other.email, lifted_at=None).exists()
    assert is_out(ana)


def test_what_is_told_of_a_merged_address_anew_ends_with_the_blocks_of_the_person_alone(
    workspace, by, ana, connection, now
):
    other = ContactFactory(workspace=workspace, email="other@example.org")
    services.merge_people(kept=ana, other=other, by=by, picks={}, versions=(1, 1))
    SuppressionFactory(contact=ana, email=ana.email, at=now - DAY)
    services.suppress_all(
        workspace=workspace,
        connection=connection,
        facts=[services.Fact(other.email, "unsubscribed", now - DAY)],
    )
    row = Suppression.objects.get(email=other.email, contact=ana)
    offered = queries.blocks_of(row)

    lift(row, by)

    assert sorted(one.pk for one in offered) == sorted(
        Suppression.objects.exclude(lifted_at=None).values_list("pk", flat=True)
    )
    assert len(offered) == 2


@pytest.mark.parametrize("text", ["*@gone.test", "other@*"])
def test_a_merged_address_is_lifted_only_by_a_consent_after_the_patterns_that_catch_it(
    text, workspace, by, ana, now
):
    other = ContactFactory(workspace=workspace, email="other@gone.test")
    SuppressionFactory(contact=other, at=now - 9 * DAY)
    services.merge_people(kept=ana, other=other, by=by, picks={}, versions=(1, 1))
    Suppression.objects.update(at=now - 9 * DAY)
    pattern(workspace, text)
    gone, kept = (Suppression.objects.get(email=email) for email in (other.email, ana.email))

    with pytest.raises(services.CannotLift) as refusal:
        lift(gone, by, agreed_at=now - 6 * DAY)

    assert list(refusal.value.fields) == ["agreed_at"]
    lift(kept, by, agreed_at=now - 6 * DAY)
    services.edit_person(contact=ana, by=by, email=other.email, fields={}, seen={}, version=0)
    assert is_out(ana)


def test_a_block_read_before_a_merge_is_lifted_as_it_is_now(workspace, by, ana, now):
    gone, _ = merged_away(workspace, ana, by, now - 3 * DAY)
    before = Suppression.objects.get(pk=gone.pk)
    before.contact = Contact(pk=ana.pk + 1, workspace=workspace, email="other@example.org")
    assert lift(before, by, agreed_at=now - DAY, typed="other@example.org") == ana
    assert is_out(ana)


def test_the_block_of_somebody_erased_meanwhile_is_gone(workspace, by, ana, now):
    row = SuppressionFactory(contact=ana, at=now - DAY)
    Suppression.objects.all().delete()
    with pytest.raises(services.CannotLift, match="gone"):
        lift(row, by)


def test_what_was_lifted_already_is_told(by, ana, now):
    row = SuppressionFactory(contact=ana, at=now - DAY)
    lift(row, by)
    with pytest.raises(services.CannotLift, match="no longer"):
        lift(row, by)


def test_a_consent_cannot_be_changed_afterwards(by, ana, now):
    lift(SuppressionFactory(contact=ana, at=now - DAY), by)
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        Consent.objects.update(at=now)


# The block that an account goes on telling of


@pytest.mark.parametrize("told_at", [None, -3, 0], ids=["no time", "its time", "time of another change"])
def test_the_same_block_in_an_account_does_not_come_back(told_at, connection, by, now):
    blocked_at = now - 3 * DAY if told_at is not None else None
    pull(connection, blocked=True, modified_at=blocked_at)
    contact = Contact.objects.get()
    Suppression.objects.update(at=now - 3 * DAY)
    lift(Suppression.objects.get(), by, agreed_at=now - DAY)

    pull(connection, blocked=True, modified_at=None if told_at is None else now + told_at * DAY, name="Ana")

    assert (is_out(contact), Contact.objects.get().first_name) == (False, "Ana")


def test_a_new_block_in_the_account_holds(connection, by, now):
    pull(connection, blocked=True)
    contact = Contact.objects.get()
    Suppression.objects.update(at=now - 3 * DAY)
    lift(Suppression.objects.get(), by, agreed_at=now - DAY)
    pull(connection, blocked=False)
    assert not is_out(contact)
    pull(connection, blocked=True)
    assert is_out(contact)


def test_a_leave_after_the_consent_holds_even_if_it_is_told_after_the_lift(connection, by, ana, now):
    other = ConnectionFactory(workspace=ana.workspace)
    SuppressionFactory(contact=ana, at=now - 3 * DAY, connection=connection)
    lift(Suppression.objects.get(), by, agreed_at=now - 2 * DAY)
    for source in (connection, other):
        told = [services.Fact(ana.email, "unsubscribed", now - 3 * DAY)]
        assert services.suppress_all(workspace=ana.workspace, connection=source, facts=told) == 0
    told = [services.Fact(ana.email, "unsubscribed", now - DAY)]
    assert services.suppress_all(workspace=ana.workspace, connection=other, facts=told) == 1
    assert is_out(ana)


def test_a_leave_without_a_time_comes_back_only_after_a_look_without_it(connection, by, ana, now):
    def look(*, began, told):
        """One whole walk through those the account mails no more."""
        connection.refresh_from_db()
        leaves.take_leaves(connection, [LeaveRecord(ana.email)] if told else [])
        Connection.objects.filter(pk=connection.pk).update(followed_to_at=began)

    look(began=now, told=True)
    Suppression.objects.update(at=now - 3 * DAY)
    lift(Suppression.objects.get(), by)
    for _ in range(3):
        look(began=timezone.now(), told=True)
        assert not is_out(ana)
    look(began=timezone.now(), told=False)
    assert not is_out(ana)
    look(began=timezone.now(), told=True)
    assert is_out(ana)


@pytest.mark.parametrize("at", [None, "ours"])
def test_an_account_that_refuses_at_our_word_is_no_news_after_the_lift(
    at, workspace, connection, by, ana, now
):
    other = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=other, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="9", theirs={"blocked": True, "by_us": True}
    )  # fmt: skip
    row = SuppressionFactory(contact=ana, at=now - 3 * DAY, connection=connection)
    lift(row, by, agreed_at=now - 2 * DAY)

    assert sorted(Suppression.objects.values_list("connection", "evidence")) == [
        (connection.pk, {}), (other.pk, {"told": "at our word"}),
    ]  # fmt: skip
    # Our own word reached it after she had agreed.
    leaves.take_leaves(other, [LeaveRecord(ana.email, at=None if at is None else now - DAY)])
    assert not is_out(ana)
    leaves.take_leaves(other, [LeaveRecord(ana.email, reason="unsubscribed", at=timezone.now())])
    assert is_out(ana)


@pytest.mark.parametrize("has_block", [True, False])
def test_what_is_told_late_of_a_merged_address_suppresses_the_person_only_if_it_is_newer_than_their_consent(
    has_block, workspace, connection, by, ana, now
):
    other = ContactFactory(workspace=workspace, email="other@example.org")
    SuppressionFactory(contact=ana, at=now - 9 * DAY)
    if has_block:
        SuppressionFactory(contact=other, at=now - 9 * DAY, connection=connection, reason="blocked")
    services.merge_people(kept=ana, other=other, by=by, picks={}, versions=(1, 1))
    lift(Suppression.objects.get(email=ana.email, connection=None), by, agreed_at=now - 2 * DAY)

    def told(days, **values):
        fact = services.Fact(other.email, "unsubscribed", now - days * DAY, **values)
        services.suppress_all(workspace=workspace, connection=connection, facts=[fact])
        block = Suppression.objects.get(email=other.email, connection=connection)
        return is_out(ana), block.reason, block.at, block.lifted_at

    # The address stays blocked, for what was told last.
    assert told(3) == (False, "unsubscribed", now - 3 * DAY, None)
    assert told(1) == (True, "unsubscribed", now - DAY, None)


def test_the_consent_for_a_merged_address_answers_nothing_that_is_told_of_another(
    workspace, connection, by, ana, now
):
    first, second = (
        ContactFactory(workspace=workspace, email=email) for email in ("first@gone.test", "second@gone.test")
    )
    for other in (first, second):
        ana.refresh_from_db()
        services.merge_people(kept=ana, other=other, by=by, picks={}, versions=(ana.version, 1))
    Suppression.objects.update(at=now - 9 * DAY)
    lift(Suppression.objects.get(email=first.email), by, agreed_at=now - 2 * DAY)

    told = [services.Fact(second.email, "unsubscribed", now - 3 * DAY)]
    services.suppress_all(workspace=workspace, connection=connection, facts=told)

    assert is_out(ana)

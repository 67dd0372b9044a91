"""Lifting a pattern: it catches nobody new, and whom it caught goes free only by a consent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from accounts.providers.records import LeaveRecord
from audiences import services
from audiences.mirror import leaves
from audiences.mirror.contacts import block
from audiences.models import Consent, Suppression
from audiences.queries.patterns import Alike, alike, held
from tests.audiences.test_lifting import DAY, is_out, pattern
from tests.factories import ConnectionFactory, ContactFactory, SuppressionFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(member):
    return member("approver")


@pytest.fixture
def connection(workspace):
    return ConnectionFactory(workspace=workspace)


def test_a_lifted_pattern_catches_nobody_new_and_frees_nobody_by_itself(workspace, by, ana):
    row = pattern(workspace)
    assert alike(row) == Alike(people=1, otherwise=0, free=0)
    assert services.lift_pattern(suppression=row, by=by, reason="A mistake") == 0
    assert is_out(ana)
    ContactFactory(workspace=workspace, email="new@example.org")
    assert services.resolve_patterns(workspace=workspace) == 0
    assert not Consent.objects.exists()


@pytest.mark.parametrize("told", [{"consent_source": "The form of 2024"}, {"agreed_at": timezone.now()}])
def test_a_consent_for_nobody_lifts_no_pattern(workspace, by, ana, told):
    row = pattern(workspace)

    with pytest.raises(services.CannotLift) as refusal:
        services.lift_pattern(suppression=row, by=by, reason="A mistake", **told)

    assert list(refusal.value.fields) == ["people"]
    row.refresh_from_db()
    assert (row.lifted_at, is_out(ana)) == (None, True)


def test_whom_a_pattern_caught_goes_free_with_a_consent_unless_something_else_speaks_against_it(
    workspace, by, ana, now
):
    twice, left = (
        ContactFactory(workspace=workspace, email=email) for email in ("info@example.org", "left@example.org")
    )
    row = pattern(workspace)
    pattern(workspace, "info@*")
    SuppressionFactory(contact=left, at=now, connection=ConnectionFactory(workspace=workspace))
    assert alike(row) == Alike(people=3, otherwise=2, free=0)

    with pytest.raises(services.CannotLift) as refusal:
        services.lift_pattern(suppression=row, by=by, reason="A mistake", people=True)
    assert sorted(refusal.value.fields) == ["agreed_at", "consent_source"]
    told = {"people": True, "consent_source": "The form of 2024", "agreed_at": now - DAY}
    assert services.lift_pattern(suppression=row, by=by, reason="A mistake", **told) == 2

    assert [is_out(person) for person in (ana, twice, left)] == [False, True, True]
    assert services.resolve_patterns(workspace=workspace) == 0
    assert sorted(Consent.objects.values_list("contact__email", "basis__source")) == [
        ("ana@example.org", "The form of 2024"), ("left@example.org", "The form of 2024"),
    ]  # fmt: skip


def test_who_is_held_by_a_pattern_under_another_address_is_counted_and_goes_free_with_it(
    workspace, by, ana, now
):
    ContactFactory(workspace=workspace, email="bea@example.org")
    row = pattern(workspace)
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=0)
    assert alike(row) == Alike(people=1, otherwise=0, free=0, elsewhere=1)

    told = {"people": True, "consent_source": "Form", "reason": "A mistake", "agreed_at": now - DAY}
    assert services.lift_pattern(suppression=row, by=by, **told) == 2

    row.refresh_from_db()
    assert (is_out(ana), held(row)) == (False, (0, 2))


def test_who_is_held_under_another_address_by_another_block_too_stays_suppressed(workspace, by, ana, now):
    row = pattern(workspace)
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=0)
    pattern(workspace, "*@new.test")
    assert alike(row) == Alike(people=0, otherwise=1, free=0, elsewhere=1)

    told = {"people": True, "consent_source": "Form", "reason": "A mistake", "agreed_at": now - DAY}
    services.lift_pattern(suppression=row, by=by, **told)

    assert is_out(ana)


def test_people_of_a_pattern_go_free_only_by_a_consent_after_the_newest_block(workspace, by, ana, now):
    row = pattern(workspace)
    # As after a merge: a later no of the person themselves.
    Suppression.objects.filter(contact=ana).update(at=now - 2 * DAY)
    told = {"people": True, "consent_source": "Form", "reason": "A mistake"}
    for days in (9, 5, 2):
        with pytest.raises(services.CannotLift, match="A consent given after it is needed") as refusal:
            services.lift_pattern(suppression=row, by=by, agreed_at=now - days * DAY, **told)
        assert list(refusal.value.fields) == ["agreed_at"]
    assert services.lift_pattern(suppression=row, by=by, agreed_at=now - DAY, **told) == 1


@pytest.mark.parametrize("who", ["pattern", "person"])
def test_people_of_a_pattern_with_a_complaint_go_free_by_typing_it(who, workspace, by, ana, now):
    row = pattern(workspace)
    mine = row if who == "pattern" else Suppression.objects.get(contact=ana)
    Suppression.objects.filter(pk=mine.pk).update(reason="complained")
    told = {"people": True, "consent_source": "Form", "reason": "A mistake", "agreed_at": now - DAY}
    for typed in ("", "example.org"):
        with pytest.raises(services.CannotLift) as refusal:
            services.lift_pattern(suppression=row, by=by, typed=typed, **told)
        assert list(refusal.value.fields) == ["typed"]
    assert services.lift_pattern(suppression=row, by=by, typed=" *@Example.org ", **told) == 1
    assert not is_out(ana)


def test_a_pattern_an_account_goes_on_telling_stays_lifted(workspace, connection, by):
    row = pattern(workspace, connection=connection)
    services.lift_pattern(suppression=row, by=by, reason="Ours")
    leaves.take_leaves(connection, [LeaveRecord("*@example.org")])
    assert not Suppression.objects.filter(lifted_at=None).exists()


def is_held_there(connection, *people):
    for person in people:
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.CONTACT, object_id=person.pk, remote_id=str(person.pk), theirs={}
        )  # fmt: skip


@pytest.mark.parametrize("state", ["done", "claimed"])
@pytest.mark.parametrize("at", [None, "dated"])
def test_an_account_that_refused_at_our_word_is_no_news_after_the_pattern_is_lifted(
    state, at, workspace, connection, by, ana, now
):
    bea, left = (ContactFactory(workspace=workspace, email=f"{name}@example.org") for name in ("bea", "left"))
    is_held_there(connection, ana, left)
    SuppressionFactory(contact=left, connection=ConnectionFactory(workspace=workspace))
    row = pattern(workspace)
    OutboxEntry.objects.update(state=state)
    told = {"people": True, "consent_source": "Form", "agreed_at": now - DAY}
    services.lift_pattern(suppression=row, by=by, reason="A mistake", **told)

    def hears(at):
        facts = [LeaveRecord(person.email, reason="blocked", at=at) for person in (ana, bea)]
        leaves.take_leaves(connection, facts)
        return is_out(ana), is_out(bea)

    # Nobody asked it to refuse the other one.
    assert hears(at and now) == (False, True)
    at_our_word = Suppression.objects.filter(evidence={"told": "at our word"})
    assert [(each.contact, each.connection, each.lifted_by) for each in at_our_word] == [
        (ana, connection, by)
    ]
    assert hears(timezone.now()) == (True, True)


def test_an_account_that_confirms_our_word_after_the_lift_is_no_news_either(
    workspace, connection, by, ana, now, monkeypatch
):
    is_held_there(connection, ana)
    row = pattern(workspace)

    class Slow:
        def block_contact(self, *, email):
            """Asked before the lift, it answers after that."""
            OutboxEntry.objects.update(state="claimed")
            told = {"people": True, "consent_source": "Form", "agreed_at": now - DAY}
            services.lift_pattern(suppression=row, by=by, reason="A mistake", **told)
            self.at = timezone.now()

    slow = Slow()
    monkeypatch.setattr("accounts.models.Connection.open", lambda self: slow)
    block(OutboxEntry.objects.get())

    leaves.take_leaves(connection, [LeaveRecord(ana.email, reason="blocked", at=slow.at)])
    assert not is_out(ana)
    later = slow.at + timedelta(hours=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    leaves.take_leaves(connection, [LeaveRecord(ana.email, reason="blocked", at=later)])
    assert is_out(ana)


def test_a_fact_of_ones_own_outlives_the_pattern(workspace, by, ana, now):
    row = pattern(workspace)
    services.suppress(
        workspace=workspace, email=ana.email, reason="unsubscribed", connection=None, at=now, evidence={"said": "no"}
    )  # fmt: skip
    assert alike(row) == Alike(people=1, otherwise=1, free=0)
    assert Suppression.objects.get(contact=ana).evidence == {"said": "no"}


def test_many_whom_a_pattern_catches_are_named_in_the_background(workspace, monkeypatch):
    monkeypatch.setattr("audiences.services.suppressions.RESOLVED_AT_ONCE", 2)
    for number in range(5):
        ContactFactory(workspace=workspace, email=f"p{number}@example.org")
    pattern(workspace)
    assert Suppression.objects.filter(is_pattern=False).count() == 2
    assert run_outbox("audiences.resolve_patterns") == ["audiences.resolve_patterns"]
    assert Suppression.objects.filter(is_pattern=False).count() == 5

"""The newest no holds, whoever told it and in whatever order it came; only a consent younger than it lifts it."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import MirrorKind, MirrorRow, OutboxEntry, Role
from accounts.providers.records import LeaveRecord
from audiences import privacy, services
from audiences.mirror import leaves, merge
from audiences.mirror.reading import STANDARD
from audiences.models import Consent, ConsentBasis, Contact, Erasure, Subscription, Suppression
from audiences.models.suppressions import BLOCK_TASK
from audiences.queries.suppressions import is_suppressed
from audiences.services.suppressions import Fact
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    MembershipFactory,
    SubscriptionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def ago(days):
    return NOW - timedelta(days=days)


@pytest.fixture
def account(workspace):
    return ConnectionFactory(workspace=workspace)


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email="ana@x.example")


@pytest.fixture
def lift(member):
    """Lift a block on a consent of some days ago; the sentence of a refusal, or nothing."""
    by = member("approver")

    def lift(days, *, people=False, **typed):
        row = Suppression.objects.get(lifted_at=None, is_pattern=people)
        how = services.lift_pattern if people else services.lift
        more = {"people": True} if people else {}
        try:
            how(suppression=row, by=by, reason="r", consent_source="s", agreed_at=ago(days), **more, **typed)
        except services.CannotLift as refusal:
            return refusal.sentence
        return ""

    return lift


def tell(person, reason, days, source=None, *, is_dated=True):
    fact = Fact(person.email, reason, ago(days), is_dated=is_dated)
    return services.suppress_all(workspace=person.workspace, connection=source, facts=[fact])


def take_back(person, by, days, *, purpose="mail", on_list=None):
    services.record_consent(
        contact=person,
        by=by,
        purpose=purpose,
        kind="withdrawn",
        source="phone",
        at=ago(days),
        on_list=on_list,
    )


def pulled(account, email, digest, *, days=0, on=(), blocked=False):
    """A page of one person, as the account tells of them."""
    row = (
        "1", email, *[None] * len(STANDARD), "{}", f"{{{','.join(str(one.pk) for one in on)}}}", "{}", "{}",
        blocked, ago(days).isoformat(), digest,
    )  # fmt: skip
    return merge.merge_contacts(account, [row], pull=None)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([("unsubscribed", 10), ("complained", 2)], ("complained", 2)),
        ([("complained", 10), ("unsubscribed", 2)], ("complained", 2)),
        ([("complained", 2), ("unsubscribed", 10)], ("complained", 2)),
        ([("blocked", 10), ("bounced", 4), ("blocked", 1)], ("bounced", 4)),
        ([("blocked", 10), ("blocked", 1)], ("blocked", 10)),
    ],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_of_one_source_the_worst_reason_and_the_newest_no_hold(ana, account, told, kept, at_once):
    if at_once:
        facts = [Fact(ana.email, reason, ago(days)) for reason, days in told]
        assert services.suppress_all(workspace=ana.workspace, connection=account, facts=facts) == 1
    else:
        assert [tell(ana, reason, days, account) for reason, days in told] == [1, *[0] * (len(told) - 1)]
    row = Suppression.objects.get()
    reason, days = kept
    if at_once and reason == "blocked":
        days = 1  # of two the same, the later
    assert (row.reason, row.at) == (reason, ago(days))


def test_what_is_told_again_without_a_time_is_written_no_second_time(ana, account):
    tell(ana, "unsubscribed", 10, account, is_dated=False)
    tell(ana, "unsubscribed", 1, account, is_dated=False)
    assert Suppression.objects.get().at == ago(10)


def test_a_complaint_after_a_leave_is_not_lifted_by_a_consent_between_them(ana, account, lift):
    tell(ana, "unsubscribed", 10, account)
    tell(ana, "complained", 2, account)
    assert "A consent given after it is needed" in lift(5, typed=ana.email)
    assert is_suppressed(ana)


def test_a_withdrawal_after_a_block_is_not_lifted_by_a_consent_between_them(ana, lift, member):
    tell(ana, "by_hand", 10)
    take_back(ana, member("editor"), 2)
    assert "A consent given after it is needed" in lift(5)
    assert is_suppressed(ana)


def test_a_withdrawal_recorded_after_a_pattern_was_lifted_counts_by_its_own_time(ana, lift, member):
    fact = Fact("*@x.example", "by_hand", ago(10))
    services.suppress_patterns(workspace=ana.workspace, connection=None, facts=[fact])
    assert lift(5, people=True) == ""
    assert not is_suppressed(ana)
    take_back(ana, member("editor"), 6)
    assert not is_suppressed(ana)
    take_back(ana, member("editor"), 2)
    assert is_suppressed(ana)


def test_what_an_account_blocked_itself_outlives_the_pattern_that_caught_the_person(ana, account, lift):
    fact = Fact("*@x.example", "blocked", ago(10))
    services.suppress_patterns(workspace=ana.workspace, connection=account, facts=[fact])
    assert pulled(account, ana.email, b"1", days=2, blocked=True)["suppressed"] == 0
    row = Suppression.objects.get(is_pattern=False)
    assert (row.at, "pattern" in row.evidence) == (ago(2), False)
    lift(5, people=True)
    assert is_suppressed(ana)


@pytest.mark.parametrize(
    ("reason", "days", "holds"),
    [
        # Our own word coming back, and a complaint from before the consent.
        ("blocked", 8, False), ("unsubscribed", 9, False), ("complained", 6, False),
        ("complained", 2, True), ("unsubscribed", 2, True), ("bounced", 2, True),
    ],
)  # fmt: skip
def test_an_account_that_refused_at_our_word_is_believed_about_what_came_after_the_consent(
    ana, account, lift, reason, days, holds
):
    tell(ana, "by_hand", 10)
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="1", version=1,
        theirs={"blocked": True, "by_us": True}, seen_at=ago(9),
    )  # fmt: skip
    assert lift(5) == ""
    tell(ana, reason, days, account)
    assert is_suppressed(ana) is holds


def test_who_returns_is_caught_by_the_patterns_that_hold(ana, member, workspace):
    erasure = services.erase_person(
        person=privacy.person(workspace, ana.email), by=member("admin"), typed=ana.email
    )
    Erasure.objects.filter(pk=erasure.pk).update(at=ago(10))
    services.suppress_patterns(
        workspace=workspace, connection=None, facts=[Fact("*@x.example", "by_hand", ago(1))]
    )
    back = services.record_return(
        workspace=workspace, by=member("approver"), email="ana@x.example", source="s", agreed_on=ago(5).date()
    )
    assert is_suppressed(back)


def test_a_new_address_over_there_takes_along_what_was_left_and_taken_back(account, member, workspace):
    news = ListFactory(workspace=workspace)
    by = member("editor")
    pulled(account, "old@x.example", b"1", days=10, on=[news])
    old = Contact.objects.get()
    take_back(old, by, 5, on_list=news)
    take_back(old, by, 5, purpose="tracking")
    services.record_consent(contact=old, by=by, purpose="mail", kind="withdrawn", source="fax", at=ago(7))
    services.record_consent(contact=old, by=by, purpose="mail", kind="given", source="shop", at=ago(6))
    pulled(account, "new@x.example", b"2", days=2, on=[news])
    new = Contact.objects.get(email="new@x.example")
    assert (Subscription.objects.get(contact=new).status, new.tracking) == ("unsubscribed", "denied")
    # What was given again since is not taken back once more.
    assert sorted(Consent.objects.filter(contact=new).values_list("purpose", "kind", "list", "at")) == [
        ("mail", "withdrawn", news.pk, ago(5)), ("tracking", "withdrawn", None, ago(5)),
    ]  # fmt: skip


def test_who_was_taken_off_a_list_here_is_not_put_back_by_a_pull(account, member, workspace):
    news = ListFactory(workspace=workspace)
    pulled(account, "ana@x.example", b"1", days=10, on=[news])
    ana = Contact.objects.get()
    services.change_subscription(
        contact=ana, on_list=news, by=member("editor"), status="removed", was="subscribed"
    )
    pulled(account, "ana@x.example", b"2", days=-1, on=[news])
    assert Subscription.objects.get().status == "removed"


def test_who_was_taken_off_over_there_comes_back_by_being_put_on_again(account, workspace):
    news = ListFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.LIST, object_id=news.pk, remote_id="7", version=1, seen_at=NOW
    )
    for days, digest, on in ((10, b"1", [news]), (9, b"2", []), (8, b"3", [news])):
        pulled(account, "ana@x.example", digest, days=days, on=on)
    assert Subscription.objects.get().status == "subscribed"


def test_an_address_stays_while_its_block_could_not_be_told(ana, account, member):
    MirrorRow.objects.create(connection=account, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="7")
    tell(ana, "by_hand", 1)
    OutboxEntry.objects.filter(task=BLOCK_TASK).update(state=OutboxEntry.State.SET_ASIDE)
    with pytest.raises(services.CannotEdit) as refused:
        services.edit_person(
            contact=ana, by=member("editor"), email="new@x.example", fields={}, seen={}, version=1
        )
    assert "has not confirmed yet" in refused.value.fields["email"]


@pytest.mark.django_db(transaction=True)
def test_a_leave_waits_for_whoever_holds_the_audience(ana, account, workspace):
    """Who was told apart before a leave would be written as subscribed after it."""
    news = ListFactory(workspace=workspace)
    SubscriptionFactory(list=news, contact=ana, changed_at=ago(9))
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.LIST, object_id=news.pk, remote_id="7", version=1, seen_at=NOW
    )
    with transaction.atomic():
        leaves.take_leaves(account, [LeaveRecord(ana.email, "unsubscribed", list_id="7", at=NOW)])
        with database.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            )
            assert cursor.fetchone()[0] == 1
    assert Subscription.objects.get().status == "unsubscribed"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["complained", "unsubscribed", "bounced", "take back", "lift"]),
            st.integers(1, 20),
            st.integers(0, 2),
        ),
        min_size=3,
        max_size=9,
    )
)
def test_a_consent_lifts_what_is_older_and_nothing_else(steps):
    """Facts in any order of their own times, by hand and from two accounts; a lift only where all of them are older."""
    workspace = WorkspaceFactory()
    by = MembershipFactory(workspace=workspace, role=Role.APPROVER).user
    ana = ContactFactory(workspace=workspace)
    sources = [None, *(ConnectionFactory(workspace=workspace) for _ in range(2))]
    holding, agreed = set(), 99
    for kind, days, source in steps:
        if kind == "lift":
            row = Suppression.objects.filter(contact=ana, lifted_at=None).first()
            with suppress(services.CannotLift):
                if row is not None:
                    services.lift(
                        suppression=row,
                        by=by,
                        reason="r",
                        consent_source="s",
                        agreed_at=ago(days),
                        typed=ana.email,
                    )
            if holding and days < min(holding):
                holding, agreed = set(), days
        else:
            if kind == "take back":
                take_back(ana, by, days)
            else:
                tell(ana, kind, days, sources[source])
            if days < agreed:
                holding.add(days)
        assert is_suppressed(ana) is bool(holding), (kind, days)


@pytest.mark.parametrize("told_by", ["pull", "leaves", "member"])
def test_a_leave_that_is_told_late_counts_where_the_person_was_only_taken_off(ana, account, member, told_by):
    """Left at ten, taken off by us at eleven, told of the leave at twelve: else an undo would put them back."""
    news = ListFactory(workspace=ana.workspace)
    SubscriptionFactory(list=news, contact=ana, status="removed", changed_at=ago(1))
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.LIST, object_id=news.pk, remote_id="7", version=1, seen_at=NOW
    )
    if told_by == "leaves":
        leaves.take_leaves(account, [LeaveRecord(ana.email, "unsubscribed", list_id="7", at=ago(2))])
    elif told_by == "member":
        take_back(ana, member("editor"), 2, on_list=news)
    else:
        row = (
            "1",
            ana.email,
            *[None] * len(STANDARD),
            "{}",
            "{}",
            f"{{{news.pk}}}",
            "{}",
            False,
            ago(2).isoformat(),
            b"1",
        )
        merge.merge_contacts(account, [row], pull=None)
    row = Subscription.objects.get()
    assert (row.status, row.changed_at) == ("unsubscribed", ago(2))


@pytest.mark.parametrize(("left", "status"), [(5, "unsubscribed"), (9, "subscribed")])
@pytest.mark.parametrize("told_by", ["leaves", "member"])
def test_a_leave_is_compared_with_the_consent_of_a_membership_not_with_the_day_it_was_written(
    ana, account, member, left, status, told_by
):
    """A file of today with consents of a week ago does not outweigh a leave of five days ago."""
    news = ListFactory(workspace=ana.workspace)
    SubscriptionFactory(list=news, contact=ana, changed_at=ago(1))
    basis = ConsentBasis.objects.create(workspace=ana.workspace, source="Fair")
    Consent.objects.create(contact=ana, basis=basis, list=news, at=ago(7))
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.LIST, object_id=news.pk, remote_id="7", version=1, seen_at=NOW
    )
    if told_by == "leaves":
        leaves.take_leaves(account, [LeaveRecord(ana.email, "unsubscribed", list_id="7", at=ago(left))])
    else:
        take_back(ana, member("editor"), left, on_list=news)
    assert Subscription.objects.get().status == status


def test_of_two_leaves_told_at_once_the_newer_holds(ana, account):
    news = ListFactory(workspace=ana.workspace)
    SubscriptionFactory(list=news, contact=ana, changed_at=ago(5))
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.LIST, object_id=news.pk, remote_id="7", version=1, seen_at=NOW
    )
    told = [LeaveRecord(ana.email, "unsubscribed", list_id="7", at=ago(days)) for days in (9, 2)]
    leaves.take_leaves(account, told)
    assert Subscription.objects.get().status == "unsubscribed"


def test_a_pattern_younger_than_the_consent_holds(ana, lift):
    tell(ana, "by_hand", 20)
    services.suppress_patterns(
        workspace=ana.workspace, connection=None, facts=[Fact("*@x.example", "by_hand", ago(2))]
    )
    assert "A consent given after it is needed" in lift(5)
    assert is_suppressed(ana)
    assert lift(1) == ""


def test_an_undated_complaint_told_with_a_dated_leave_has_the_date_of_the_leave(ana, account, lift):
    tell(ana, "complained", 20, account)
    assert lift(10, typed=ana.email) == ""
    facts = [Fact(ana.email, "complained", NOW, is_dated=False), Fact(ana.email, "unsubscribed", ago(2))]
    services.suppress_all(workspace=ana.workspace, connection=account, facts=facts)
    row = Suppression.objects.get(lifted_at=None)
    assert (row.reason, row.at) == ("complained", ago(2))


def test_an_account_that_is_disconnected_bars_no_new_address(ana, account, member):
    MirrorRow.objects.create(connection=account, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="7")
    tell(ana, "by_hand", 1)
    OutboxEntry.objects.filter(task=BLOCK_TASK).update(state=OutboxEntry.State.SET_ASIDE)
    account.status = "disconnected"
    account.save()
    services.edit_person(
        contact=ana, by=member("editor"), email="new@x.example", fields={}, seen={}, version=1
    )
    assert Contact.objects.get().email == "new@x.example"

"""Several works over the same memberships, taken back in any order: what was taken back is nobody's word any more."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audiences import services
from audiences.models import BulkAction, Consent, Contact, Import, Subscription
from audiences.queries.contacts import People
from tests.audiences.importing import bring, left_before, state_of, undo
from tests.factories import ContactFactory, ListFactory, MembershipFactory

pytestmark = pytest.mark.django_db

FILES = {
    "import": "Email,City\nana@x.test,{0}\nnew@x.test,{0}\n",
    "import new": "Email,City\nnew@x.test,{0}\n",
    "import again": "Email\nana@x.test\nnew@x.test\n",
}
AGAIN = {"resubscribes": True, "consent_date": (timezone.now() - timedelta(days=1)).date()}
works = st.lists(st.sampled_from([*FILES, "add", "remove", "merge", "leave"]), min_size=3, max_size=5)


def taken_back(workspace):
    """The bases of the work that was taken back."""
    works = Import.objects, BulkAction.objects.exclude(basis=None)
    return {
        basis for of in works for basis in of.filter(workspace=workspace, state="undone").values_list("basis", flat=True)
    }  # fmt: skip


def merge(workspace, by):
    """Whoever came with a file into Ana, while there is somebody."""
    kept = Contact.objects.get(workspace=workspace, email="ana@x.test")
    other = Contact.objects.filter(workspace=workspace, email="new@x.test").first()
    if other:
        versions = kept.version, other.version
        services.merge_people(kept=kept, other=other, by=by, picks={}, versions=versions)


def basis_of(evidence):
    if "import" in evidence:
        return Import.objects.get(pk=evidence["import"]).basis_id
    return BulkAction.objects.get(pk=evidence["bulk"]).basis_id


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(works, st.randoms(use_true_random=False))
@example(["import", "remove"], None)
@example(["add", "remove", "import", "remove"], None)
@example(["import new", "merge"], None)
@example(["import new", "import new", "merge"], None)
@example(["import new", "remove", "merge", "add"], None)
@example(["add", "import new", "merge"], None)
@example(["leave", "import again", "import"], None)
@example(["import", "leave", "import again", "import"], None)
def test_nobody_is_on_a_list_nor_counted_as_agreed_by_what_was_taken_back(kinds, order):
    membership = MembershipFactory(role="approver")
    workspace, by = membership.workspace, membership.user
    news = ListFactory(workspace=workspace)
    ana = ContactFactory(workspace=workspace, email="ana@x.test")
    done, agreed_again, has_left = [], set(), False
    for number, kind in enumerate(kinds):
        # The clock stands within a transaction.
        Subscription.objects.filter(list=news).update(changed_at=F("changed_at") - timedelta(hours=1))
        if kind == "merge":
            merge(workspace, by)
        elif kind == "leave":
            at = timezone.now() - timedelta(days=10)
            left = {"status": "unsubscribed", "evidence": {}, "changed_at": at}
            Subscription.objects.update_or_create(list=news, contact=ana, defaults=left)
            has_left = True
        elif kind in FILES:
            more = AGAIN if kind == "import again" else {}
            done.append(bring(workspace, by, FILES[kind].format(f"C{number}"), on_list=news, **more))
            if more:
                agreed_again.add(done[-1].basis_id)
        else:
            action = "add_to_list" if kind == "add" else "remove_from_list"
            done.append(
                services.begin_bulk(
                    workspace=workspace, by=by, action=action, people=People(workspace),
                    arguments={"list": news.pk}, consent_source="Fair",
                )
            )  # fmt: skip
    if order:
        order.shuffle(done)
    subscribed = Subscription.objects.filter(list=news, status="subscribed")
    for mine in done:
        if isinstance(mine, Import):
            undo(mine, by)
        else:
            mine.refresh_from_db()
            if mine.can_be_undone:  # it changed somebody
                services.undo_bulk(mine=mine, by=by)

        gone = taken_back(workspace)
        standing = Consent.objects.standing().filter(list=news).values_list("basis", flat=True)
        assert not {*standing} & gone
        assert not {basis_of(row.evidence) for row in subscribed.all()} & gone
        if has_left:
            assert {basis_of(row.evidence) for row in subscribed.filter(contact=ana)} <= agreed_again
    assert not subscribed.exists()


PEOPLE = (
    "Email,City\nana@x.test,Ulm\nnew@x.test,Ulm\nleft@x.test,Ulm\n",
    "Email,City\nnew@x.test,Ulm\n",
    "Email,City\nana@x.test,Bern\nnew@x.test,Bern\nleft@x.test,Bern\n",
    "Email\nana@x.test\nnew@x.test\nleft@x.test\n",
)
brought = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.booleans(), st.sampled_from(Import.Policy.values)),
    min_size=2,
    max_size=4,
)
ULM, NEW, BERN, PLAIN = PEOPLE


def undo_all(files, by):
    for mine in files:
        mine.refresh_from_db()
        undo(mine, by)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(brought, st.booleans(), st.integers(1, 4), st.randoms(use_true_random=False))
@example([(PLAIN, False, "take"), (PLAIN, False, "take")], False, 2, None)
@example([(PLAIN, True, "take"), (ULM, True, "fill")], True, 2, None)
@example([(ULM, True, "take"), (BERN, False, "leave"), (ULM, True, "take")], False, 2, None)
@example([(BERN, True, "take"), (BERN, True, "take"), (PLAIN, True, "take")], False, 2, None)
@example([(ULM, False, "take"), (BERN, False, "take"), (ULM, True, "take")], True, 2, None)
def test_files_taken_back_in_whatever_order_end_alike_and_all_of_them_as_before_the_first(
    files, is_tagged, number, order
):
    membership = MembershipFactory(role="approver")
    workspace, by = membership.workspace, membership.user
    news = ListFactory(workspace=workspace)
    ContactFactory(workspace=workspace, email="ana@x.test", city="Old")
    left_before(workspace, news, 10)
    before = state_of(workspace)
    done = [
        bring(workspace, by, text, on_list=news if on_list else None, policy=policy)
        for text, on_list, policy in files
    ]
    if is_tagged:
        services.tag_person(
            contact=Contact.objects.get(email="new@x.test", workspace=workspace), by=by, name="VIP"
        )
    if order:
        order.shuffle(done)
    some, others = done[:number], done[number:]

    with transaction.atomic():
        undo_all(some[::-1], by)
        other_way_round = state_of(workspace)
        transaction.set_rollback(True)
    undo_all(some, by)

    assert state_of(workspace) == other_way_round
    undo_all(others, by)
    after = state_of(workspace)
    if is_tagged:  # whom somebody has tagged stays
        after["people"] = [values for values in after["people"] if values[0] != "new@x.test"]
    assert after == before

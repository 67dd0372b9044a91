"""Erasing one person leaves everybody else as they are, however near they stand."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from audiences import services
from audiences.erased import Erased, digest_of
from audiences.importing import running
from audiences.models import (
    BulkAction,
    Consent,
    ConsentBasis,
    Contact,
    ErasedThere,
    Erasure,
    Field,
    FieldChange,
    FormerAddress,
    List,
    Segment,
    Suppression,
)
from audiences.queries.privacy import still_held
from campaigns.models import Recipient, TestSend
from tests.audiences.erasing import ANA, erase, mentions
from tests.audiences.importing import begin, preview
from tests.factories import CampaignFactory, ConnectionFactory, ContactFactory, SuppressionFactory
from tests.reporting.calls import SENT_AT, make_delivery

pytestmark = pytest.mark.django_db

OLD = "shop@example.com"


@pytest.fixture
def by(member):
    return member("admin")


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email=ANA)


def test_an_address_of_theirs_that_is_somebody_elses_by_now_stays(workspace, by, ana):
    FormerAddress.objects.create(workspace=workspace, email=OLD, contact=ana)
    ben = ContactFactory(workspace=workspace, email=OLD)
    SuppressionFactory(contact=ben)
    SuppressionFactory(contact=ana, email=OLD, lifted_at=timezone.now(), lift_evidence={})
    SuppressionFactory(contact=ana)

    erase(workspace, by)

    assert list(Contact.objects.all()) == [ben]
    assert (OLD in Erased(workspace), ANA in Erased(workspace)) == (False, True)
    assert set(Suppression.objects.values_list("email", "contact")) == {(OLD, ben.pk), (OLD, None)}


def test_with_a_file_that_is_thrown_away_go_the_fields_and_the_list_made_for_it(workspace, by):
    mapping = [{"to": "email", "as": "text"}, {"to": "new", "as": "text"}]
    mine = preview(
        begin(workspace, by, f"Email,Size\n{ANA},38\n"), by, mapping, new_list="Shop", consent_source="Fair"
    )
    services.start_import(mine=mine, by=by, version=mine.version)
    running.fail(mine, "No.")
    there = Field.objects.count(), List.objects.count()

    erase(workspace, by)

    mine.refresh_from_db()
    assert (there, (Field.objects.count(), List.objects.count())) == ((1, 1), (0, 0))
    assert (mine.state, mine.has_rows, mine.bodies.count()) == ("cancelled", False, 0)


def test_who_has_an_erased_address_can_leave(workspace, ana):
    gone = "gone@example.com"
    for email in (ANA, gone):
        Erasure.objects.create(workspace=workspace, digest=digest_of(workspace, email))
    facts = [services.Fact(email, "unsubscribed", timezone.now()) for email in (ANA, gone)]

    news = services.suppress_all(workspace=workspace, connection=None, facts=facts)

    assert (news, list(Suppression.objects.values_list("email", "contact"))) == (1, [(ANA, ana.pk)])


def test_nobody_takes_an_erased_address(workspace, by):
    erase(workspace, by)
    ben = ContactFactory(workspace=workspace, email="ben@example.com")

    with pytest.raises(services.CannotEdit, match="Erased at their request") as refusal:
        services.edit_person(
            contact=ben, by=by, email=ANA, fields={}, seen={"email": ben.email}, version=ben.version
        )

    ben.refresh_from_db()
    assert (set(refusal.value.fields), ben.email) == ({"email"}, "ben@example.com")


def test_choices_of_fields_lose_the_address(workspace, by):
    choices = ["Basel", f"Ask {ANA}"]
    field = Field.objects.create(
        workspace=workspace, key="branch", label="Branch", kind="choice", choices=choices
    )
    change = FieldChange.objects.create(
        workspace=workspace, field=field, action="clear", state="done", arguments={"choices": choices}
    )

    erase(workspace, by)

    field.refresh_from_db()
    change.refresh_from_db()
    assert (field.choices, change.arguments) == (["Basel", "Ask …"], {"choices": ["Basel", "Ask …"]})
    assert mentions(ANA) == set()


@pytest.mark.parametrize(("total", "stays"), [(1, 0), (2, 1)])
def test_what_was_said_of_one_person_alone_goes(workspace, by, ana, total, stays):
    basis = ConsentBasis.objects.create(workspace=workspace, source=f"{ANA} on the phone", by=by)
    Consent.objects.create(contact=ana, basis=basis, at=timezone.now())
    BulkAction.objects.create(
        workspace=workspace, action="add_to_list", people={}, basis=basis, total=total, until=1, state="done"
    )

    erase(workspace, by)

    assert (ConsentBasis.objects.count(), BulkAction.objects.filter(basis=basis).count()) == (stays, stays)


def test_no_account_deletes_who_came_back(workspace, by, ana):
    """Whether it knew them by a number or by the address; another address of theirs goes there as was asked."""
    FormerAddress.objects.create(workspace=workspace, email=OLD, contact=ana)
    shared = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(connection=shared, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="17")
    erasure = erase(workspace, by)
    ErasedThere.objects.create(erasure=erasure, connection=shared, remote_id=ANA.title(), state="held")
    Erasure.objects.update(at=timezone.now() - timedelta(days=1))

    services.record_return(
        workspace=workspace, by=by, email=ANA, source="In the shop", agreed_on=timezone.localdate()
    )

    assert list(erasure.accounts.order_by("pk").values_list("remote_id", "state")) == [
        ("", "returned"), (OLD, "asked"), ("", "returned"),
    ]  # fmt: skip
    work = OutboxEntry.objects.filter(task="audiences.erase_there").order_by("pk")
    assert list(work.values_list("state", flat=True)) == ["cancelled", "waiting"]
    assert list(still_held(workspace)) == []


def test_a_test_mail_to_another_address_of_theirs_is_waited_for(workspace, by, ana):
    FormerAddress.objects.create(workspace=workspace, email=OLD, contact=ana)
    connection = ConnectionFactory(workspace=workspace)
    campaign = CampaignFactory(workspace=workspace, connection=connection)
    TestSend.objects.create(campaign=campaign, connection=connection, emails=[OLD.title()])

    with pytest.raises(services.CannotErase, match="A test mail to this address"):
        erase(workspace, by)


def test_a_hand_over_to_an_address_of_theirs_is_waited_for(workspace, by, ana):
    """Its row may be of nobody, since another contact went into this one."""
    FormerAddress.objects.create(workspace=workspace, email=OLD, contact=ana)
    connection = ConnectionFactory(workspace=workspace)
    campaign = CampaignFactory(workspace=workspace, connection=connection, name="November")
    delivery = make_delivery(campaign, connection, state="preparing")
    Recipient.objects.create(delivery=delivery, planned_on=SENT_AT.date(), contact=None, email=OLD)

    with pytest.raises(services.CannotErase, match="“November” is being handed over"):
        erase(workspace, by)


def test_what_lost_the_address_is_of_a_new_version(workspace, by):
    segments = [
        Segment.objects.create(workspace=workspace, name=name, rule={"value": value})
        for name, value in (("Hers", ANA), ("Others", f"b{ANA}"))
    ]
    field = Field.objects.create(workspace=workspace, key="branch", label="Branch", choices=[ANA])

    erase(workspace, by)

    for row in (*segments, field):
        row.refresh_from_db()
    assert [(row.rule, row.version) for row in segments] == [({"value": "…"}, 2), ({"value": f"b{ANA}"}, 1)]
    assert (field.choices, field.version) == (["…"], 2)

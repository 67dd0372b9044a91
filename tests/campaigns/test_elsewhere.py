"""What other pages show of campaigns."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import OutboxEntry
from accounts.providers.records import LeaveRecord, ListRecord
from audiences.services import propagate, suppress
from campaigns.models import Delivery, Recipient
from campaigns.queries import elsewhere
from tests.factories import CampaignFactory, ContactFactory, TemplateFactory, WorkspaceFactory


@pytest.fixture
def delivery(workspace):
    campaign = CampaignFactory(workspace=workspace, name="Bells", status="attention")
    return Delivery.objects.create(
        campaign=campaign, connection=campaign.connection, subject="S", html="H", sender_name="N",
        sender_email="n@e.test", fingerprint="f", send_at=datetime(2026, 11, 21, tzinfo=UTC), zone="UTC",
        content_hash="", released_by=None, state="attention", note="Two are alive.",
    )  # fmt: skip


def test_home_says_what_goes_out_next(browse, workspace):
    CampaignFactory(
        workspace=workspace, name="Planned", status="scheduled", send_at=timezone.now() + timedelta(days=1)
    )
    CampaignFactory(workspace=workspace, name="Half written")
    CampaignFactory(workspace=workspace, name="Theirs", is_imported=True)
    CampaignFactory(workspace=WorkspaceFactory(), name="Foreign")

    shown = browse("viewer").get("/w/acme/").content.decode()

    assert [name in shown for name in ("Planned", "Half written", "Theirs", "Foreign")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_search_finds_campaigns_and_templates(browse, workspace):
    CampaignFactory(workspace=workspace, name="Bells in June")
    TemplateFactory(workspace=workspace, name="Bells template")
    CampaignFactory(workspace=WorkspaceFactory(), name="Bells elsewhere")

    shown = browse("viewer").get("/w/acme/search/?q=bells").content.decode()

    assert [name in shown for name in ("Bells in June", "Bells template", "Bells elsewhere")] == [
        True,
        True,
        False,
    ]


def test_what_needs_a_person_is_in_the_bar(browse, delivery):
    shown = browse("viewer").get("/w/acme/").content.decode()

    assert "Two are alive." in shown


def test_a_persons_page_says_what_they_received(browse, delivery, workspace):
    contact = ContactFactory(workspace=workspace)
    Recipient.objects.create(
        delivery=delivery,
        contact=contact,
        email=contact.email,
        planned_on=timezone.now().date(),
        state="delivered",
    )

    shown = browse("editor").get(f"/w/acme/contacts/{contact.pk}/").content.decode()

    assert "Bells" in shown
    assert "Delivered" in shown


def put_on_ledger(delivery, contact, state="handed_over"):
    now = timezone.now()
    if not delivery.frozen_at:
        delivery.frozen_at = now
        delivery.save()
    return Recipient.objects.create(
        planned_on=delivery.frozen_at.date(), delivery=delivery, contact=contact, email=contact.email,
        state=state, changed_at=now,
    )  # fmt: skip


def test_all_lists_of_one_marker_are_the_work_of_a_delivery(delivery):
    """Also the twin that a lost answer left behind."""
    names = {"1": f"Bells · {delivery.marker}", "2": f"Bells · {delivery.marker}", "3": "Bells · somebody's"}
    records = [ListRecord(remote_id=remote_id, name=name) for remote_id, name in names.items()]

    assert elsewhere.lists_of_deliveries(delivery.connection, records) == {"1", "2"}


@pytest.mark.parametrize(("minutes", "left"), [(5, []), (None, []), (-5, ["ana@example.test"])])
def test_leaving_the_list_of_a_delivery_is_leaving_once_it_has_started(delivery, workspace, minutes, left):
    put_on_ledger(delivery, ContactFactory(workspace=workspace, email="ana@example.test"))
    delivery.remote_list_id = "7"
    delivery.armed_for_at = None if minutes is None else timezone.now() + timedelta(minutes=minutes)
    delivery.save()
    told = LeaveRecord(email="Ana@example.test", list_id="7", reason="unsubscribed", at=None)

    found = elsewhere.leaves_through_deliveries(delivery.connection, [told])

    assert [record.email.lower() for record in found] == left


def test_an_account_that_a_delivery_put_somebody_into_is_told_that_they_left(delivery, workspace):
    """Its mirror shows them only after the next pull."""
    ana, ben = (ContactFactory(workspace=workspace, email=f"{name}@example.test") for name in ("ana", "ben"))
    put_on_ledger(delivery, ana)
    put_on_ledger(delivery, ben, state="excluded")

    def leave():
        for contact in (ana, ben):
            suppress(
                workspace=workspace, email=contact.email, reason="by_hand", connection=None,
                at=timezone.now(), evidence={},
            )  # fmt: skip
        return list(OutboxEntry.objects.order_by("pk").values_list("task", "subject_id", "connection_id"))

    def told_again():
        return propagate(workspace=workspace, contact_ids=[ana.pk, ben.pk])

    asked = [("audiences.block", ana.pk, delivery.connection_id)]
    assert leave() == asked
    assert told_again() == 0  # it has been asked
    OutboxEntry.objects.update(state="done", ended_at=timezone.now())
    assert told_again() == 0  # it knows
    ana.suppressions.update(lifted_at=timezone.now())
    assert leave() == asked * 2  # they came back and left again


def test_subjects_are_shown_as_somebody_reads_them():
    assert Delivery(subject='Hello {{ contact.first_name|default:"friend" }}').shown_subject == "Hello friend"

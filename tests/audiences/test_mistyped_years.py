"""A year that nobody can have meant: refused wherever a day is typed or read, and borne where one is stored already."""

from datetime import UTC, datetime

import pytest

from accounts.models import User
from audiences import services
from audiences.models import Consent, ConsentBasis, Contact, Import, Segment, Suppression
from audiences.services import segments
from tests.audiences.importing import start, work
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory, SuppressionFactory

pytestmark = pytest.mark.django_db
ZONES = pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
START = datetime.min.replace(tzinfo=UTC)
REFUSAL = "This is before 1900. Is the year right?"
TOO_LATE = "This is after 2200. Is the year right?"


@pytest.fixture
def client(zone, workspace, browse):
    client = browse("approver")
    User.objects.update(time_zone=zone)
    type(workspace).objects.update(time_zone=zone)
    return client


@ZONES
@pytest.mark.parametrize("kind", ["given", "withdrawn"])
def test_of_a_consent(client, workspace, kind):
    ana = ContactFactory(workspace=workspace)
    said = {"purpose": "mail", "kind": kind, "source": "Letter", "at": "0001-01-01T00:00"}

    reply = client.post(f"/w/acme/contacts/{ana.pk}/consents/", said)

    assert (reply.status_code, reply.context["consent"].errors["at"]) == (422, [REFUSAL])
    assert (Consent.objects.count(), Suppression.objects.count()) == (0, 0)


@ZONES
def test_of_the_consent_that_lifts(client, workspace):
    blocked = SuppressionFactory(workspace=workspace, contact=ContactFactory(workspace=workspace))
    said = {"reason": "Asked", "consent_source": "Letter", "agreed_at": "0001-01-01T00:00"}

    reply = client.post(f"/w/acme/suppressions/{blocked.pk}/lift/", said)

    assert (reply.status_code, REFUSAL in reply.content.decode()) == (422, True)


@ZONES
def test_of_a_person_typed_in_or_put_on_a_list(client, workspace):
    news, ana = ListFactory(workspace=workspace), ContactFactory(workspace=workspace)
    said = {
        "on_list": news.pk,
        "consent_source": "Fair",
        "consent_date": "0001-01-01",
        "status": "subscribed",
    }

    added = client.post("/w/acme/contacts/new/", said | {"email": "bo@example.org"})
    joined = client.post(f"/w/acme/contacts/{ana.pk}/lists/", said)

    assert [(reply.status_code, REFUSAL in reply.content.decode()) for reply in (added, joined)] == [
        (422, True), (422, True),
    ]  # fmt: skip
    assert (Contact.objects.count(), news.subscriptions.count()) == (1, 0)


@ZONES
def test_of_a_row_in_a_file_of_suppressions(client, by, workspace):
    mine, _ = services.begin_import(
        workspace=workspace, by=by, name="blocks.csv", aim=Import.Aim.SUPPRESSIONS,
        blocks=[b"email,date\nana@example.org,0001-01-01\nbo@example.org,2020-01-01\n"],
    )  # fmt: skip
    work()
    mine.refresh_from_db()
    services.preview_blocks(mine=mine, version=mine.version, mapping=mine.mapping, reason="by_hand")
    work()
    mine.refresh_from_db()

    preview = client.get(f"/w/acme/imports/{mine.pk}/")
    mine = start(mine, by)

    assert (preview.status_code, mine.counts) == (200, {"read": 2, "new": 2})
    assert client.get("/w/acme/suppressions/").status_code == 200
    assert Suppression.objects.get(email="ana@example.org").at.year >= 2026


@ZONES
def test_stored_already_it_is_shown_all_the_same(client, workspace):
    ana = ContactFactory(workspace=workspace)
    Contact.objects.update(created_at=START)
    Consent.objects.create(contact=ana, basis=ConsentBasis.objects.create(workspace=workspace), at=START)
    blocked = SuppressionFactory(workspace=workspace, contact=ana, at=START)
    on = SubscriptionFactory(contact=ana, list__workspace=workspace, changed_at=START)
    pages = (
        "contacts/",
        f"contacts/{ana.pk}/",
        "suppressions/",
        f"suppressions/{blocked.pk}/",
        f"lists/{on.list_id}/",
    )

    assert [client.get(f"/w/acme/{page}").status_code for page in pages] == [200] * len(pages)


@pytest.mark.parametrize("zone", ["UTC"])
def test_a_place_to_go_back_to_is_an_address_and_no_name_of_a_page(client, workspace):
    lists = [ListFactory(workspace=workspace).pk]
    said = {"ids": lists, "action": "archive", "confirmed": "yes"}

    gone = [
        client.post("/w/acme/lists/change/", said | {"next": there}).url
        for there in ("foo", "//x.example", "/w/acme/")
    ]

    assert gone == ["/w/acme/lists/", "/w/acme/lists/", "/w/acme/"]


def test_of_a_rule_it_is_refused_where_typed_and_borne_where_stored(browse, workspace):
    ContactFactory(workspace=workspace)
    field = {"kind": "field", "of": "@added", "op": "before", "value": "2300-01-01"}
    stored = Segment.objects.create(workspace=workspace, name="All", rule={"join": "all", "rules": [field]})
    editor = browse("editor")

    page = editor.get(f"/w/acme/segments/{stored.pk}/").content.decode()
    segments.count_segment(segment=stored)
    builder = editor.get(f"/w/acme/segments/{stored.pk}/edit/").content.decode()

    assert ("can no longer be read" in page, "before 1 Jan 2300" in page) == (False, True)
    assert stored.mailable_count == 1
    assert TOO_LATE in builder

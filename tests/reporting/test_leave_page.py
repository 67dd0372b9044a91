"""The page to leave of mails whose provider writes no such link."""

import pytest
from django.core.cache import cache
from django.test import Client

from audiences.models import Suppression
from campaigns.models import Recipient, TestSend
from reporting.models import Event, Figures
from reporting.views import leaving
from tests.factories import CampaignFactory, ConnectionFactory, SubscriptionFactory, SuppressionFactory
from tests.reporting.calls import make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unmetered():
    cache.clear()


@pytest.fixture
def delivery(workspace):
    """To Ana, who got it, and Ben, who was left out."""
    connection = ConnectionFactory(workspace=workspace)
    campaign = CampaignFactory(workspace=workspace, connection=connection, status="sent")
    delivery = make_delivery(campaign, connection, remote_id="7")
    for name, state in (("ana", "handed_over"), ("ben", "excluded")):
        contact = SubscriptionFactory(
            list__workspace=workspace, contact__email=f"{name}@example.test"
        ).contact
        Recipient.objects.create(
            delivery=delivery,
            planned_on=delivery.planned_on,
            contact=contact,
            email=contact.email,
            state=state,
        )
    return delivery


def page(marker):
    return f"/leave/{marker}/"


def suppressed():
    return sorted(Suppression.objects.values_list("email", "reason", "connection"))


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(client, delivery, method):
    answer = getattr(client, method)(page(delivery.marker))

    assert (answer.status_code, suppressed(), Event.objects.count()) == (200, [], 0)
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_got_it_leaves_once_however_often_they_press(delivery):
    client = Client(enforce_csrf_checks=True)  # without a cookie
    for typed in (" Ana@Example.test ", "ana@example.test"):
        answer = client.post(page(delivery.marker), {"email": typed})
        assert answer.status_code == 200
        assert "we will not write to this address any more" in answer.content.decode()

    assert suppressed() == [("ana@example.test", "unsubscribed", None)]
    assert list(Event.objects.values_list("kind", "delivery", "contact__email")) == [
        ("unsubscribed", delivery.pk, "ana@example.test")
    ]
    assert Figures.objects.get(delivery=delivery, source="events").counts["unsubscribed"] == 1


@pytest.mark.parametrize("typed", ["ben@example.test", "stranger@example.test"])
def test_who_did_not_get_it_reads_the_same_and_changes_nothing(client, delivery, typed):
    answer = client.post(page(delivery.marker), {"email": typed})
    mine = client.post(page(delivery.marker), {"email": "ana@example.test"})

    assert suppressed() == [("ana@example.test", "unsubscribed", None)]
    assert words(answer).replace(typed, "X") == words(mine).replace("ana@example.test", "X")


def words(answer):
    return answer.content.decode().partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize("typed", ["", "ana", "ſ@example.test", "a" * 400, "<script>@x.example"])
def test_what_is_no_address_is_given_back(client, delivery, typed):
    answer = client.post(page(delivery.marker), {"email": typed})

    assert (answer.status_code, suppressed()) == (422, [])
    assert "<script>@" not in answer.content.decode()


def test_an_unknown_link_leads_nowhere(client, delivery):
    answer = client.post(page("nothing"), {"email": "ana@example.test"})

    assert (answer.status_code, suppressed()) == (404, [])


def test_the_link_of_a_test_says_that_it_is_one(client, delivery):
    test = TestSend.objects.create(campaign=delivery.campaign, connection=delivery.connection, emails=[])
    answer = client.post(page(test.marker), {"email": "ana@example.test"})

    assert (answer.status_code, suppressed()) == (200, [])
    assert "This was a test" in answer.content.decode()


def test_who_got_it_leaves_however_many_others_were_tried_from_there(client, delivery):
    answers = [
        client.post(page(delivery.marker), {"email": f"x{number}@example.test"})
        for number in range(leaving.MISSES_AN_HOUR)
    ]
    assert ({answer.status_code for answer in answers}, suppressed()) == ({200}, [])

    mine = client.post(page(delivery.marker), {"email": "ana@example.test"})
    assert suppressed() == [("ana@example.test", "unsubscribed", None)]
    assert words(answers[-1]).replace("x99@example.test", "X") == words(mine).replace("ana@example.test", "X")


def test_many_misses_are_warned_of_once_and_answered_as_ever(client, delivery, monkeypatch):
    warned = []
    monkeypatch.setattr(leaving.log, "warning", lambda event, **values: warned.append((event, values)))
    monkeypatch.setattr(leaving, "MISSES_AN_HOUR", 1)
    answers = {
        client.post(page(delivery.marker), {"email": f"{name}@example.test"}).status_code for name in "abcd"
    }

    assert (answers, warned) == ({200}, [("leave.many_misses", {"marker": delivery.marker, "misses": 2})])


def test_the_page_bears_the_name_of_the_sender(client, delivery):
    answer = client.get(page(delivery.marker)).content.decode()

    brand = answer.partition("entrance__brand")[2].partition("</header>")[0]
    assert "News" in brand
    assert "Campanile" not in brand
    assert ">Unsubscribe</button>" in answer


def test_leaving_here_is_told_to_the_accounts_that_hold_the_person(client, delivery):
    from accounts.models import MirrorKind, MirrorRow, OutboxEntry

    contact = Recipient.objects.get(email="ana@example.test").contact
    MirrorRow.objects.create(
        connection=delivery.connection, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id="1"
    )
    client.post(page(delivery.marker), {"email": contact.email})

    assert list(OutboxEntry.objects.values_list("task", "connection")) == [
        ("audiences.block", delivery.connection_id)
    ]


def test_who_left_before_stays_left(client, delivery):
    contact = Recipient.objects.get(email="ana@example.test").contact
    SuppressionFactory(contact=contact, reason="complained")
    client.post(page(delivery.marker), {"email": contact.email})

    assert suppressed() == [("ana@example.test", "complained", None)]

"""Calls → events, figures, ledger. Whatever their order and number, the end is the same."""

import json
import random
import threading
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import outbox
from accounts.models import Connection, OutboxEntry
from accounts.providers.base import Effect
from audiences.models import Contact, Engagement, Suppression
from audiences.services import suppress
from campaigns.models import Recipient
from reporting import rollups
from reporting.mirror import inbox
from reporting.models import DomainFigures, Event, Figures, InboxCall, LinkFigures, Seen, SpanFigures
from tests.factories import ContactFactory
from tests.reporting.calls import SENT_AT, brevo_call, hand_over

pytestmark = pytest.mark.django_db

NEWS, SHOP = "https://example.test/news", "https://example.test/shop"


def scripted():
    """Six people: five arrive, one does not exist; what they do afterwards is written down here."""
    return [
        *(
            brevo_call("delivered", f"reader{n}@{'example.test' if n % 2 else 'mail.test'}", after=n)
            for n in range(4)
        ),
        # reader4's delivery was never told, but they opened
        brevo_call("hard_bounce", "reader5@example.test", after=5, reason="550 no such user"),
        brevo_call("soft_bounce", "reader3@example.test", after=1, reason="452 full"),
        brevo_call("proxy_open", "reader0@mail.test", after=30),
        brevo_call("proxy_open", "reader1@example.test", after=30),
        brevo_call("opened", "Reader0@Mail.test ", after=100),
        brevo_call("opened", "reader0@mail.test", after=4000),
        brevo_call("opened", "reader4@mail.test", after=200),
        brevo_call("click", "reader0@mail.test", after=110, URL=NEWS),
        brevo_call("click", "reader0@mail.test", after=120, URL=NEWS),
        brevo_call("click", "reader0@mail.test", after=130, URL=SHOP),
        brevo_call("click", "reader4@mail.test", after=210, URL=NEWS),
        brevo_call("unsubscribe", "reader4@mail.test", after=220, list_id=[3]),
        brevo_call("spam", "reader2@mail.test", after=300, reason="complaint"),
        # somebody we do not know, and a campaign we do not know
        brevo_call("opened", "stranger@example.test", after=10),
        brevo_call("opened", "reader1@example.test", after=10, camp_id=999),
    ]


COUNTS = {
    "delivered": 5, "opened": 3, "opened_by_human": 2, "opens": 6, "clicked": 2, "clicks": 4, "unsubscribed": 1,
    "complained": 1, "hard_bounced": 1, "soft_bounced": 1, "deferred": 0, "blocked": 0,
}  # fmt: skip


def figures(delivery):
    return Figures.objects.get(delivery=delivery, source="events").counts


def tables():
    """All that is drawn from events, without ids and the times of our own work."""
    return {
        "events": sorted(Event.objects.values_list("key", "at", "kind", "delivery", "contact", "is_machine", "link"), key=repr),
        "recipients": list(
            Recipient.objects.order_by("email").values_list(
                "email", "state", "reason", "changed_at", "first_open_at", "first_machine_open_at", "first_click_at",
                "left_at", "complained_at",
            )
        ),
        "seen": sorted(Seen.objects.values_list("delivery", "contact", "kind", "link_digest", "is_machine", "first_at"), key=repr),
        "figures": sorted(Figures.objects.values_list("delivery", "source", "counts"), key=repr),
        "links": sorted(LinkFigures.objects.values_list("delivery", "url", "clicks", "people")),
        "domains": sorted(DomainFigures.objects.values_list("delivery", "domain", "counts"), key=repr),
        "time line": sorted(SpanFigures.objects.values_list("start_at", "delivered", "opens", "machine_opens", "clicks")),
        "engagement": sorted(Engagement.objects.values_list("contact", "received", "opens", "clicks", "last_open_at", "last_click_at"), key=repr),
        "suppressed": sorted(Suppression.objects.values_list("email", flat=True)),
    }  # fmt: skip


def test_a_scripted_set_gives_exact_figures(delivery, people, store):
    store(*scripted())

    inbox.apply_inbox()

    assert figures(delivery) == COUNTS
    assert sorted(LinkFigures.objects.values_list("url", "clicks", "people")) == [(NEWS, 3, 2), (SHOP, 1, 1)]
    assert dict(DomainFigures.objects.values_list("domain", "counts")) == {
        "mail.test": {"delivered": 3, "opened": 2, "opened_by_human": 2, "clicked": 2, "unsubscribed": 1,
                      "complained": 1, "hard_bounced": 0, "soft_bounced": 0},
        "example.test": {"delivered": 2, "opened": 1, "opened_by_human": 0, "clicked": 0, "unsubscribed": 0,
                         "complained": 0, "hard_bounced": 1, "soft_bounced": 1},
    }  # fmt: skip
    assert list(
        SpanFigures.objects.order_by("start_at").values_list(
            "start_at", "delivered", "opens", "machine_opens", "clicks"
        )
    ) == [(SENT_AT, 4, 3, 2, 4), (SENT_AT + timedelta(seconds=3900), 0, 1, 0, 0)]
    states = dict(Recipient.objects.values_list("email", "state"))
    assert states == {contact.email: "delivered" for contact in people} | {"reader5@example.test": "bounced"}
    assert set(InboxCall.objects.values_list("state", flat=True)) == {"applied"}


def test_every_figure_of_people_is_the_number_of_people_seen(delivery, people, store):
    store(*scripted())
    inbox.apply_inbox()

    for name in ("delivered", "unsubscribed", "complained", "hard_bounced", "soft_bounced"):
        assert Seen.objects.filter(delivery=delivery, kind=name).count() == COUNTS[name], name
    opened = Seen.objects.filter(delivery=delivery, kind="opened")
    assert opened.filter(is_machine=False).count() == COUNTS["opened_by_human"]
    assert opened.values("contact").distinct().count() == COUNTS["opened"]
    assert (
        Seen.objects.filter(delivery=delivery, kind="clicked", link_digest=b"").count() == COUNTS["clicked"]
    )
    for url, people_ in LinkFigures.objects.values_list("url", "people"):
        assert Seen.objects.filter(delivery=delivery, link_digest=rollups.link_digest(url)).count() == people_


def test_the_ledger_tells_when_each_thing_first_happened(delivery, people, store):
    store(*scripted())
    inbox.apply_inbox()

    row = Recipient.objects.get(email="reader0@mail.test")
    assert (row.first_open_at, row.first_machine_open_at, row.first_click_at) == (
        SENT_AT + timedelta(seconds=100), SENT_AT + timedelta(seconds=30), SENT_AT + timedelta(seconds=110),
    )  # fmt: skip
    row = Recipient.objects.get(email="reader5@example.test")
    assert (row.state, row.reason) == ("bounced", "550 no such user")
    assert Recipient.objects.get(email="reader4@mail.test").left_at == SENT_AT + timedelta(seconds=220)


def test_leaving_complaining_and_not_existing_block_at_once(delivery, people, connection, store):
    store(*scripted())
    inbox.apply_inbox()

    assert dict(Suppression.objects.values_list("email", "reason")) == {
        "reader4@mail.test": "unsubscribed", "reader2@mail.test": "complained", "reader5@example.test": "bounced",
    }  # fmt: skip
    row = Suppression.objects.get(email="reader4@mail.test")
    assert (row.contact, row.connection, row.at) == (people[4], connection, SENT_AT + timedelta(seconds=220))


@pytest.mark.parametrize(("event", "sources"), [("blocked", [None]), ("complaint", [None, "account"])])
def test_an_account_that_confirms_our_own_block_is_no_second_source(
    delivery, people, connection, store, event, sources
):
    """Else a block lifted here would be held by its own echo. A complaint is nobody's echo."""
    suppress(
        workspace=connection.workspace, email=people[0].email, reason="by_hand", connection=None,
        at=timezone.now() - timedelta(hours=1), evidence={},
    )  # fmt: skip
    OutboxEntry.objects.filter(task="audiences.block").delete()
    OutboxEntry.objects.create(
        workspace=connection.workspace, connection=connection, task="audiences.block", effect="converge",
        subject_type=ContentType.objects.get_for_model(Contact), subject_id=people[0].pk, order_key="block:1", state="done",
    )  # fmt: skip
    store(brevo_call(event, people[0].email))
    inbox.apply_inbox()
    rows = Suppression.objects.filter(contact=people[0], lifted_at=None).order_by("connection__id")
    told_by = [row.connection and "account" for row in rows]
    assert sorted(told_by, key=str) == sorted(sources, key=str)


def test_somebody_unknown_who_leaves_is_blocked_by_address(delivery, store):
    store(brevo_call("unsubscribe", "Stranger@Example.test", camp_id=999))

    inbox.apply_inbox()

    assert list(Suppression.objects.values_list("email", "contact")) == [("stranger@example.test", None)]
    assert list(Event.objects.values_list("kind", "delivery", "contact")) == [("unsubscribed", None, None)]


def test_a_repeat_changes_nothing(delivery, people, connection, store):
    store(*scripted())
    inbox.apply_inbox()
    before = tables()

    # the same events in other bodies: a second webhook, a batch, other white space
    store(scripted(), json.dumps(scripted(), indent=2).encode())
    inbox.apply_inbox()

    assert tables() == before


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_order_and_repetition_ends_in_the_same_tables(data, delivery, people, connection):
    script = [
        *scripted(),
        brevo_call("hard_bounce", "reader5@example.test", after=9, reason="550 still not"),
        brevo_call("delivered", "reader3@example.test", after=0),
        brevo_call("soft_bounce", "reader5@example.test", after=2, reason="452 full"),
        brevo_call("request", "reader2@mail.test", after=0),
    ]
    order = data.draw(st.permutations(script)) + data.draw(st.lists(st.sampled_from(script), max_size=8))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=4)))
    batches = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]

    def outcome(batches):
        with transaction.atomic():
            for batch in batches:
                InboxCall.objects.all().delete()
                if batch:
                    body = json.dumps(batch).encode()
                    InboxCall.objects.create(connection=connection, body=body, digest=b"x")
                inbox.apply_inbox()
            found = tables()
            transaction.set_rollback(True)
        return found

    assert outcome(batches) == outcome([script])


def test_a_late_event_counts_at_its_own_time(delivery, people, store):
    store(brevo_call("opened", people[0].email, after=9000))
    inbox.apply_inbox()
    store(brevo_call("opened", people[0].email, after=60))
    inbox.apply_inbox()

    assert list(SpanFigures.objects.order_by("start_at").values_list("start_at", "opens")) == [
        (SENT_AT, 1), (SENT_AT + timedelta(hours=2.5), 1),
    ]  # fmt: skip
    assert Recipient.objects.get(contact=people[0]).first_open_at == SENT_AT + timedelta(seconds=60)


def test_clocks_that_go_wrong_break_nothing(delivery, people, store):
    store(
        brevo_call("opened", people[0].email, ts_event=1, ts=1),
        brevo_call("opened", people[1].email, ts_event=3_999_999_999),
        brevo_call("opened", people[2].email, ts_event=0, ts=0, date_event="", date=""),
    )
    inbox.apply_inbox()

    assert figures(delivery)["opened_by_human"] == 3
    received_at = InboxCall.objects.latest("pk").received_at
    assert Recipient.objects.get(contact=people[2]).first_open_at == received_at


def test_what_is_not_understood_is_set_aside_with_a_sentence(delivery, people, connection, store):
    store(b"not json", b'{"hello": 1}', b"\xff\xfe", brevo_call("opened", people[0].email))

    inbox.apply_inbox()

    assert list(InboxCall.objects.order_by("pk").values_list("state", flat=True)) == ["set_aside"] * 3 + [
        "applied"
    ]
    assert all(InboxCall.objects.filter(state="set_aside").values_list("note", flat=True))
    assert figures(delivery)["opened_by_human"] == 1


def test_hostile_text_is_stored_as_text(delivery, people, store):
    nasty = "https://example.test/<script>alert(1)</script>?q='\";drop table--\u0000\ud800"
    store(
        brevo_call("click", people[0].email, URL=nasty),
        brevo_call("hard_bounce", people[1].email, reason="<img src=x onerror=alert(1)>\u0000" + "x" * 5000),
        brevo_call("some_new_word" * 30, people[2].email),
        brevo_call("opened", "a" * 5000 + "@example.test"),
        brevo_call("opened", "\u0000@example.test"),
    )
    inbox.apply_inbox()

    assert not InboxCall.objects.filter(state="set_aside").exists()
    assert LinkFigures.objects.get().url.startswith("https://example.test/<script>")
    assert len(Recipient.objects.get(contact=people[1]).reason) == 200


def test_a_call_the_database_refuses_is_set_aside_alone(delivery, people, store, monkeypatch):
    """Whatever slips through our cleaning must not stop the others."""
    monkeypatch.setattr(rollups, "clean", lambda text, limit: text)
    store(
        *(brevo_call("opened", contact.email) for contact in people[:2]),
        brevo_call("word that is far too long for its column", people[2].email),
        *(brevo_call("opened", contact.email) for contact in people[3:]),
    )
    inbox.apply_inbox()

    assert list(InboxCall.objects.order_by("pk").values_list("state", flat=True)) == [
        "applied", "applied", "set_aside", "applied", "applied", "applied",
    ]  # fmt: skip
    assert figures(delivery)["opened_by_human"] == 5


def test_reading_that_stumbles_sets_the_call_aside(delivery, people, connection, store, monkeypatch):
    monkeypatch.setattr(connection.provider_class, "read_webhook", lambda *, body: 1 / 0)
    store(brevo_call("opened", people[0].email))

    inbox.apply_inbox()

    assert InboxCall.objects.get().note == "Reading this call failed (ZeroDivisionError)."


def test_a_change_of_people_over_there_is_followed_now(connection, store):
    later = SENT_AT + timedelta(days=900)
    entry = outbox.record(
        task="audiences.follow",
        subject=connection,
        effect=Effect.READ,
        connection=connection,
        not_before=later,
    )
    store({"id": 7, "event": "contact_deleted", "email": "ana@example.test", "ts": 1795000000})

    inbox.apply_inbox()

    assert OutboxEntry.objects.get(pk=entry.pk).not_before < later
    assert not Event.objects.exists()


def test_accounts_do_not_mix(workspace, campaign, delivery, people, store):
    from tests.factories import ConnectionFactory

    other = ConnectionFactory(workspace=workspace)
    body = json.dumps(brevo_call("opened", people[0].email)).encode()
    InboxCall.objects.create(connection=other, body=body, digest=b"1")
    store(brevo_call("opened", people[0].email))

    inbox.apply_inbox()

    assert sorted(Event.objects.values_list("connection", "delivery"), key=repr) == sorted(
        [(other.pk, None), (delivery.connection_id, delivery.pk)], key=repr
    )
    assert figures(delivery)["opens"] == 1


def test_people_of_another_workspace_are_not_touched(delivery, people, store):
    twin = ContactFactory(email=people[0].email)
    store(brevo_call("unsubscribe", twin.email))

    inbox.apply_inbox()

    assert not Engagement.objects.filter(contact=twin).exists()
    assert list(Suppression.objects.values_list("contact", flat=True)) == [people[0].pk]


def test_a_worker_killed_in_the_middle_loses_nothing(delivery, people, store, monkeypatch):
    store(*scripted())
    with monkeypatch.context() as patch:
        patch.setattr(rollups, "_ENGAGEMENT", "select 1 / 0 from reporting_event")
        patch.setattr(inbox, "DataError", ZeroDivisionError)  # as an end that nobody catches
        with pytest.raises(DataError):
            inbox.apply_inbox()
    assert (Event.objects.count(), set(InboxCall.objects.values_list("state", flat=True))) == (0, {"new"})

    inbox.apply_inbox()

    assert figures(delivery) == COUNTS


def test_the_connection_remembers_when_it_was_last_called(connection, people, store):
    store(brevo_call("opened", people[0].email))
    inbox.apply_inbox()

    assert Connection.objects.get(pk=connection.pk).last_event_at == InboxCall.objects.get().received_at


def test_old_calls_are_pruned(connection, store):
    store(*scripted())
    inbox.apply_inbox()
    InboxCall.objects.update(received_at=SENT_AT - timedelta(days=365))
    store(b"new")

    inbox.prune()

    assert [bytes(body) for body in InboxCall.objects.values_list("body", flat=True)] == [b"new"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_count_everything_once(delivery, connection):
    people = hand_over(delivery, 40)
    calls = [
        brevo_call(kind, contact.email)
        for contact in people
        for kind in ("delivered", "opened", "proxy_open")
    ]
    random.Random(1).shuffle(calls)
    for n, call in enumerate(calls):
        InboxCall.objects.create(connection=connection, body=json.dumps(call).encode(), digest=bytes([n]))

    def work():
        try:
            while InboxCall.objects.filter(state="new").exists():
                inbox.apply_some(Connection.objects.select_related("workspace").get(pk=connection.pk), most=7)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = figures(delivery)
    assert (found["delivered"], found["opened"], found["opened_by_human"], found["opens"]) == (40, 40, 40, 80)

import base64
import hmac
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from accounts.providers.errors import UnexpectedReply, Unsupported
from accounts.providers.especial import mapping, provider, results, segments
from accounts.providers.especial.provider import Especial
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    DomainRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    LeaveRecord,
    ListRecord,
    SegmentRecord,
    SenderRecord,
    TemplateRecord,
)
from tests.providers.especial import replies

NOW = datetime(2026, 6, 2, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def nothing_in(raw: dict) -> dict:
    """The same reply with nulls for all but its id."""
    return {name: value if name == "id" else None for name, value in raw.items()}


# Account, lists, people


def test_account():
    found = mapping.account_record(replies.ACCOUNT, "ida@example.com")

    assert found == AccountRecord(
        fingerprint=found.fingerprint,
        name="Moor & Daughters",
        email="ida@example.com",
        plan="active",
        details={"country": "CH", "mails_a_month": "50000", "contacts_at_most": "-1"},
    )
    assert len(found.fingerprint) == 32
    assert mapping.account_record({"id": 283672}).fingerprint == found.fingerprint
    assert mapping.account_record({"id": "1"}).fingerprint != found.fingerprint
    assert mapping.account_record(nothing_in(replies.ACCOUNT)).name == "Account 283672"


def test_list():
    assert mapping.list_record(replies.LIST) == ListRecord("12", "News")
    assert [mapping.is_gone({"status": word}) for word in ("active", "Archived", "deleted", None)] == [
        False,
        True,
        True,
        False,
    ]


def test_contact():
    assert mapping.contact_record(replies.CONTACT, "12") == ContactRecord(
        remote_id="12:4001",
        email="ana@example.com",
        fields={
            "tags": "vip, old",
            "interests": "wine",
            "FirstName": "Ana",
            "born": "1980-05-02",
            "seen": "2026-05-02 12:30:00",
            "orders": "",
        },
        list_ids=("12",),
        created_at=at(1760000000),
    )
    assert mapping.contact_record(nothing_in(replies.CONTACT), "12") == ContactRecord("12:4001", "")


@pytest.mark.parametrize(
    ("status", "where"),
    [
        ("active", "list_ids"),
        ("Subscribed", "list_ids"),
        ("active_bounced", "list_ids"),
        ("unsubscribed", "left_list_ids"),
        ("spam", "left_list_ids"),
        ("pending", "pending_list_ids"),
        ("inactive_bounced", None),
        ("deleted", None),
        ("flagged", None),
        ("something new", None),
        (None, None),
    ],
)
def test_a_person_is_in_one_place_at_most(status, where):
    record = mapping.contact_record({**replies.CONTACT, "status": status}, "12")
    places = {name: getattr(record, name) for name in ("list_ids", "left_list_ids", "pending_list_ids")}

    assert places == {name: ("12",) if name == where else () for name in places}


def test_fields():
    assert mapping.field_record("FirstName", ["text", "mediumtext"]) == FieldRecord(
        "FirstName", "FirstName", "text"
    )
    assert mapping.field_record("n", ["integer"]).kind == "number"
    assert mapping.field_record("n", ["integer", "datetime"]).kind == "text"
    assert mapping.field_record("n", ["hologram"]).kind == "hologram"
    assert mapping.field_record("n", [""]).kind == "text"
    assert [(field.name, field.writable) for field in mapping.extra_fields()] == [
        ("tags", False),
        ("interests", False),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        ("Ana", "text", "Ana"),
        ("", "text", ""),
        (True, "text", "true"),
        (12, "text", "12"),
        (Decimal("12.50"), "text", "12.50"),
        (Decimal("12.0"), "text", "12"),
        (2.5, "text", "2.5"),
        (["a", "b"], "text", "a, b"),
        (12, "integer", "12"),
        ("12.0", "integer", "12"),
        ("12.5", "integer", None),
        ("twelve", "integer", None),
        ("", "integer", ""),
        (date(1980, 5, 2), "datetime", "1980-05-02 00:00:00"),
        (date(1980, 5, 2), "text", "1980-05-02"),
        ("1980-05-02", "datetime", "1980-05-02 00:00:00"),
        ("1980-05-02", "text", "1980-05-02"),
        ("2026-06-02T12:00:00+02:00", "datetime", "2026-06-02 10:00:00"),
        ("2026-06-02 12:00", "timestamp", "2026-06-02 12:00:00"),
        ("soon", "datetime", None),
        ("1980-13-41", "text", "1980-13-41"),
        ("", "datetime", ""),
        (datetime(2026, 6, 2, 12, tzinfo=timezone(timedelta(hours=2))), "datetime", "2026-06-02 10:00:00"),
        (datetime(2026, 6, 2, 12), "text", "2026-06-02 12:00:00"),  # noqa: DTZ001 - without a zone
        (float("nan"), "text", "nan"),
        (Decimal("Infinity"), "text", "Infinity"),
    ],
)
def test_values_are_written_as_their_attribute_takes_them(value, kind, told):
    assert mapping.attribute_value(value, kind) == told


def test_import_row():
    person = ContactRecord("", " ana@example.com ", {"a": "1", "b": None, "c": 2.5, "tags": "vip"})

    assert mapping.import_row(person, {"a": "text", "b": "text", "c": "integer"}) == (
        {"email": "ana@example.com", "custom_attributes": [{"name": "a", "value": "1"}]},
        1,
    )
    # An empty array is refused.
    assert mapping.import_row(person, {}) == ({"email": "ana@example.com"}, 0)


def test_leaves():
    assert [mapping.leave_record(raw) for raw in replies.SUPPRESSED] == [
        LeaveRecord("a@example.com", "complained"),
        LeaveRecord("*@example.net", "blocked"),
        LeaveRecord("name@*", "blocked"),
        LeaveRecord("b@example.com", "bounced"),
        LeaveRecord("c@example.com", "unsubscribed"),
    ]


# Segments


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"field": "city", "is": "equal", "value": "Bern"}, {"json": {"eq": {"city": "Bern"}}}),
        ({"field": "n", "is": "less", "value": 3}, {"json": {"lt": {"n": "3"}}}),
        ({"not": {"field": "n", "is": "less", "value": 3}}, {"json": {"gte": {"n": "3"}}}),
        ({"field": "n", "is": "more", "value": 3}, {"json": {"gt": {"n": "3"}}}),
        ({"field": "city", "is": "contains", "value": "er"}, {"json": {"like": {"city": "*er*"}}}),
        ({"not": {"field": "city", "is": "begins", "value": "B"}}, {"json": {"unlike": {"city": "B*"}}}),
        ({"tag": "vip"}, {"query": 'TAG IS "vip"'}),
        ({"not": {"tag": "vip"}}, {"query": 'TAG IS NOT "vip"'}),
        ({"not": {"not": {"tag": "vip"}}}, {"query": 'TAG IS "vip"'}),
        ({"all": [{"any": [{"tag": "vip"}]}]}, {"query": 'TAG IS "vip"'}),
    ],
)
def test_segment_of_one_condition(rule, told):
    assert segments.segment_body("Ours", rule) == {"name": "Ours", **told}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"moon": "full"},
        {"all": []},
        {"all": [{"tag": "a"}, {"tag": "b"}]},
        {"any": "tag"},
        {"tag": ""},
        {"tag": 'a" OR "b'},
        {"field": "city", "is": "empty", "value": ""},
        {"field": "city", "is": "near", "value": "Bern"},
        {"field": "city", "is": "contains", "value": "a*b"},
        {"field": "city", "is": "begins", "value": ""},
    ],
)
def test_segment_that_cannot_be_said_for_certain(rule):
    with pytest.raises(ValueError):
        segments.segment_body("Ours", rule)


def test_segment_shows_its_rule_in_whichever_language_it_has():
    rules = [{"query": "a"}, {"query": None, "fiql": "b"}, {"json": {"eq": {"city": "Zürich"}}}, {}]

    assert [segments.segment_record({"id": 3, "name": "S", **rule}, "12") for rule in rules] == [
        SegmentRecord("3", "S", "12", "a"),
        SegmentRecord("3", "S", "12", "b"),
        SegmentRecord("3", "S", "12", '{"eq": {"city": "Zürich"}}'),
        SegmentRecord("3", "S", "12", ""),
    ]


# Senders, domains, templates


def test_sender():
    found = mapping.sender_record(replies.SENDER)

    assert found == SenderRecord("b456fc41", "Ida", "Ida@example.com", False, found.problems)
    assert len(found.problems) == 1
    assert mapping.sender_record({**replies.SENDER, "confirmed": True}).problems == ()


@pytest.mark.parametrize(
    ("pasted", "told"),
    [
        (" abc-123 ", "abc-123"),
        ("https://app.example.com/confirm?confirmation_id=abc&lang=en", "abc"),
        ("https://app.example.com/confirm/abc/", "abc"),
        ("https://app.example.com/confirm?id=", "confirm"),
        ("12 34", ""),
        ("", ""),
        ("größe", ""),
    ],
)
def test_confirmation_is_found_in_what_was_pasted(pasted, told):
    assert provider._confirmation(pasted) == told


def test_domain():
    assert mapping.domain_record("example.com", [replies.DKIM]) == DomainRecord(
        name="example.com",
        is_verified=False,
        is_authenticated=False,
        dns=(
            {
                "kind": "TXT",
                "host": "mail._domainkey.example.com",
                "value": "v=DKIM1; k=rsa; p=MIGfMA0GCSqG==",
                "is_published": False,
            },
        ),
        remote_id="7",
    )
    good = {**replies.DKIM, "status": "Active", "public_key": "v=DKIM1; p=x"}
    found = mapping.domain_record("example.com", [replies.DKIM, good])
    assert (found.is_authenticated, found.dns[1]["value"]) == (True, "v=DKIM1;p=x")


def test_template():
    assert mapping.template_record(replies.TEMPLATE) == TemplateRecord(
        "31", "Basic", "", "<p>Hello</p>", modified_at=at(1760000000)
    )


# Campaigns


def test_campaign():
    assert mapping.campaign_record(replies.CAMPAIGN) == CampaignRecord(
        remote_id="555",
        name="June news k3v9x0q2m7zt",
        status="scheduled",
        phase="scheduled",
        subject="June in Zürich",
        html="<p>Hello</p>",
        sender_name="Ida",
        sender_email="ida@example.com",
        list_ids=("12",),
        send_at=at(1780003600),
        created_at=at(1780000000),
        modified_at=at(1780000200),
    )
    empty = mapping.campaign_record(nothing_in(replies.CAMPAIGN))
    assert empty == CampaignRecord("555", "", "", "unknown")


@pytest.mark.parametrize(
    ("told", "phase"),
    [
        ({"status": "incomplete"}, "draft"),
        ({"status": "incomplete", "suspended": True}, "draft"),
        ({"status": "scheduled"}, "scheduled"),
        ({"status": "scheduled", "suspended": True}, "stopped"),
        ({"status": "delivering"}, "sending"),
        ({"status": "delivering", "suspended": True}, "stopped"),
        ({"status": "delivered", "suspended": None}, "sent"),
        ({"status": "delivered", "suspended": True}, "sent"),
        ({"status": "deleted"}, "gone"),
        ({"status": "cancelled"}, "stopped"),
        ({"status": "active"}, "unknown"),
        ({"status": "under_review"}, "unknown"),
        # The campaign itself tells when its delivery ended, or that it did not.
        ({"status": "archived", "delivery_finished_on": 1780003700, "scheduled_for": 1780003600}, "sent"),
        ({"status": "archived", "delivery_finished_on": None, "scheduled_for": 1580003600}, "stopped"),
        # Lists of campaigns do not.
        ({"status": "archived", "scheduled_for": 1580003600}, "sent"),
        ({"status": "archived", "scheduled_for": 1980003600}, "stopped"),
        ({"status": "archived", "scheduled_for": None}, "stopped"),
    ],
)
def test_phases(told, phase):
    assert mapping.phase(told, NOW) == phase


def test_suspension_shows_in_the_status():
    assert mapping.campaign_record({**replies.CAMPAIGN, "suspended": True}).status == "scheduled, suspended"


def test_draft_that_was_taken_back_has_no_instant():
    assert mapping.campaign_record({**replies.CAMPAIGN, "status": "incomplete"}).send_at is None


def draft(**changes: object) -> CampaignDraft:
    values = {
        "name": "June k3v9x0q2m7zt",
        "subject": "June",
        "preview_text": "",
        "html": "<p>Hello</p>\r\n",
        "sender_name": "Ida",
        "sender_email": "Ida@Example.com",
        "list_ids": ("12",),
    }
    return CampaignDraft(**{**values, **changes})


def test_campaign_body():
    assert mapping.campaign_body(draft(reply_to="re@example.com", text="Hello"), sender_id="b4") == {
        "name": "June k3v9x0q2m7zt",
        "sender": {"id": "b4", "name": "Ida"},
        "content": {
            "type": "html",
            "encoding": "utf-8",
            "subject": "June",
            "html": "<p>Hello</p>\r\n",
            "text": "Hello",
        },
        "reply_to_email": "re@example.com",
        "audience": {"list_id": 12},
    }
    bare = mapping.campaign_body(draft(sender_name="", html="", subject="", list_ids=()), sender_id="b4")
    assert bare == {
        "name": "June k3v9x0q2m7zt",
        "sender": {"id": "b4"},
        "content": {"type": "html", "encoding": "utf-8"},
    }


@pytest.mark.parametrize("reply_to", ["", "ida@example.com", "re@example.com"])
def test_comparable_is_what_a_read_back_shows(reply_to):
    ours = draft(reply_to=reply_to)
    body = mapping.campaign_body(ours, sender_id="b4")
    # Without a reply address the sender's own may stand there.
    shown = {
        **body,
        "id": 1,
        "status": "incomplete",
        "sender": {"name": "Ida", "email": "Ida@example.com"},
        "reply_to_email": body.get("reply_to_email", "Ida@example.com"),
    }
    read = mapping.campaign_record(shown)

    assert mapping.comparable_record(ours) == CampaignRecord(
        "", read.name, read.status, read.phase, read.subject, "", read.html, read.sender_name, read.sender_email,
        read.reply_to, read.list_ids,
    )  # fmt: skip


# Results


def test_figures():
    assert results.figures_record(NOW, replies.REPORT, replies.LINKS) == FiguresRecord(
        read_at=NOW,
        sent=100,
        delivered=92,
        opened=50,
        opens=80,
        clicked=20,
        clicks=30,
        unsubscribed=4,
        complained=1,
        hard_bounced=3,
        soft_bounced=5,
        links={"https://example.com/a": 22, "https://example.com/b": 8},
    )


def test_figures_that_did_not_come_are_none():
    assert results.figures_record(NOW, {"sent_emails": None, "opens": "x"}, []) == FiguresRecord(read_at=NOW)


def test_log_row():
    found = results.log_event(replies.LOG, kind="clicked", campaign_id="555", read_at=NOW)

    assert found == EventRecord(
        kind="clicked",
        email="ana@example.com",
        at=at(1780003700),
        key=found.key,
        campaign_remote_id="555",
        is_machine=True,
        link="https://example.com/a",
        details={"source": "log", "type": "clickthru", "is_dated": True},
    )
    later = results.log_event(
        {**replies.LOG, "id": 2, "timestamp": None}, kind="clicked", campaign_id="555", read_at=NOW
    )
    assert (later.key, later.at, later.details["is_dated"]) == (found.key, NOW, False)
    by_person = results.log_event(
        {**replies.LOG, "user_agent": None}, kind="clicked", campaign_id="555", read_at=NOW
    )
    assert (by_person.key == found.key, by_person.is_machine) == (False, False)
    other = results.log_event(
        {**replies.LOG, "contact_id": 2}, kind="clicked", campaign_id="555", read_at=NOW
    )
    assert other.key != found.key
    assert (
        results.log_event({**replies.LOG, "email": None}, kind="clicked", campaign_id="555", read_at=NOW)
        is None
    )


# Webhook calls


def sign(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


@pytest.mark.parametrize("header", ["x-signature", "x-cakemail-signature"])
def test_call_is_proven_by_any_of_the_secrets(header):
    body = json.dumps(replies.CALL).encode()
    headers = {header: sign(body, "two")}

    assert Especial.verify_webhook(body=body, headers=headers, secrets=["one", "two"])
    assert not Especial.verify_webhook(body=body + b" ", headers=headers, secrets=["one", "two"])
    assert not Especial.verify_webhook(body=body, headers=headers, secrets=["one", ""])
    assert not Especial.verify_webhook(body=body, headers={}, secrets=["one", "two"])
    assert not Especial.verify_webhook(body=body, headers={header: "größe"}, secrets=["one"])
    assert not Especial.verify_webhook(body=body, headers={header: sign(body, "")}, secrets=[""])


def call(**changes: object) -> list[EventRecord]:
    return Especial.read_webhook(body=json.dumps({**replies.CALL, **changes}).encode())


def test_call_says_that_something_changed():
    (event,) = call()

    assert event == EventRecord(
        kind="contact_changed",
        email="ana@example.com",
        at=at(1780003700),
        key=event.key,
        list_ids=("12",),
        details={"event": "Contact.Updated", "is_dated": True},
    )
    assert call()[0].key == event.key
    assert call(created_on=1780003701)[0].key != event.key


@pytest.mark.parametrize(
    ("changes", "kind", "email"),
    [
        ({"event": "Contact.Removed"}, "contact_deleted", "ana@example.com"),
        ({"event": "SuppressedEmail.Added"}, "blocked", "ana@example.com"),
        ({"event": "SuppressedEmail.Added", "data": {"email": "*@x.ch"}}, "contact_changed", "*@x.ch"),
        ({"event": "SuppressedEmail.Added", "data": None}, "contact_changed", ""),
        ({"event": "Campaign.Canceled"}, "Campaign.Canceled", "ana@example.com"),
        ({"data": {"id": None}}, "contact_changed", ""),
    ],
)
def test_kinds_of_calls(changes, kind, email):
    (event,) = call(**changes)

    assert (event.kind, event.email) == (kind, email)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"[1]", b'{"event": null}', b"\xff", b'"text"'])
def test_what_is_no_call_is_unexpected(body):
    with pytest.raises(UnexpectedReply):
        Especial.read_webhook(body=body)


# Merge tags


def test_merge_tags():
    tags = [
        Especial.merge_tag(name=name, fallback=fallback)
        for name, fallback in [
            ("contact.first_name", None),
            ("contact.first_name", "friend"),
            ("unsubscribe_url", None),
            ("view_url", None),
        ]
    ]

    assert tags == ["[first_name]", "[first_name]", "[GLOBAL_UNSUBSCRIBE]", "[SHOWEMAIL]"]
    assert all(Especial.tag_pattern.fullmatch(tag) for tag in tags)


@pytest.mark.parametrize("name", ["no.such", "contact.", "contact.größe", "contact.a b", "preferences_url"])
def test_tags_there_are_not(name):
    with pytest.raises(Unsupported):
        Especial.merge_tag(name=name, fallback=None)


def test_tags_are_found_in_texts_and_conditional_comments_are_not():
    text = "Dear [FirstName,friend of ours], [CLIENTS.ADDRESS] <!--[if mso]>x<![endif]--> [12] [a b] [] <!--[endif]-->"

    assert Especial.tag_pattern.findall(text) == ["[FirstName,friend of ours]", "[CLIENTS.ADDRESS]"]

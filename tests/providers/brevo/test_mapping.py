import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.providers import reading
from accounts.providers.brevo import mapping
from accounts.providers.brevo.provider import Brevo
from accounts.providers.errors import UnexpectedReply, Unsupported
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    DomainRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    ListRecord,
    SenderRecord,
)
from tests.providers.brevo import replies

NOW = datetime(2026, 6, 2, tzinfo=UTC)

# Account and audience


def test_account():
    assert mapping.account_record(replies.ACCOUNT) == AccountRecord(
        fingerprint=mapping.account_record({"email": "office@example.com"}).fingerprint,
        name="Moor & Daughters",
        email="Office@Example.com",
        plan="subscription",
        credits_left=8755,
        details={"person": "Ida Moor", "country": "Switzerland", "plan_ends_at": "2026-12-31"},
    )


def test_account_fingerprint_follows_the_organization_where_it_is_told():
    ida = mapping.account_record({**replies.ACCOUNT, "organization_id": "o-1"})
    ben = mapping.account_record({**replies.ACCOUNT, "organization_id": "o-1", "email": "ben@example.com"})
    other = mapping.account_record({**replies.ACCOUNT, "organization_id": "o-2"})

    assert ida.fingerprint == ben.fingerprint != other.fingerprint


def test_fields():
    assert [mapping.field_record(raw) for raw in replies.ATTRIBUTES["attributes"]] == [
        FieldRecord("FIRSTNAME", "FIRSTNAME", "text"),
        FieldRecord("BORN", "BORN", "date"),
        FieldRecord("ORDERS", "ORDERS", "number"),
        FieldRecord("GUEST", "GUEST", "boolean"),
        FieldRecord("TASTES", "TASTES", "multiple-choice", ("red", "white")),
        FieldRecord("TIER", "TIER", "choice", ("gold", "tin")),
        FieldRecord("ORDER_ID", "ORDER_ID", "id", writable=False),
        FieldRecord("TURNOVER", "TURNOVER", "text", writable=False),
    ]


def test_contact():
    assert mapping.contact_record(replies.CONTACT) == ContactRecord(
        remote_id="42",
        email="ana@example.com",
        fields=replies.CONTACT["attributes"],
        list_ids=("40", "7"),
        left_list_ids=(),
        blocked=True,
        created_at=datetime(2026, 5, 2, 16, 40, 31, tzinfo=UTC),
        modified_at=datetime(2026, 5, 2, 16, 40, 31, 250_000, tzinfo=UTC),
    )


def test_contact_known_by_phone_has_no_address():
    record = mapping.contact_record(replies.PHONE_CONTACT)

    assert (record.email, record.left_list_ids) == ("", ("9",))


def test_list_counts_unique_people_not_the_retired_totals():
    assert mapping.list_record(replies.LIST) == ListRecord("7", "News", "3", size=1250)


def test_import_never_touches_a_block():
    contacts = [
        ContactRecord(
            "",
            "ana@example.com",
            fields={
                "BORN": date(1986, 4, 13),
                "SEEN": datetime(2026, 6, 1, 23, 30, tzinfo=UTC),
                "ORDERS": Decimal("3.50"),
                "COUNT": Decimal("3"),
                "GUEST": False,
                "TASTES": ("red",),
                "EMPTY": None,
            },
            blocked=True,
        )
    ]
    attributes = {
        "BORN": "1986-04-13",
        "SEEN": "2026-06-01",
        "ORDERS": 3.5,
        "COUNT": 3,
        "GUEST": False,
        "TASTES": ["red"],
    }

    assert mapping.import_body(contacts, ["7"]) == {
        "jsonBody": [{"email": "ana@example.com", "attributes": attributes}],
        "listIds": [7],
        "updateExistingContacts": True,
        "emptyContactsAttributes": False,
        "disableNotification": True,
    }


def test_sender_tells_what_is_wrong_with_its_domain():
    assert mapping.sender_record(replies.SENDER) == SenderRecord(
        "5", "Ida", "ida@example.com", is_active=True
    )
    assert mapping.sender_record(replies.NEW_SENDER).problems == (
        "The domain's SPF record does not name Brevo.",
    )


def test_domain_with_its_records_under_old_and_new_names():
    assert mapping.domain_record(replies.DOMAIN, replies.DOMAIN_CONFIGURATION) == DomainRecord(
        name="example.com",
        is_verified=True,
        is_authenticated=False,
        dns=(
            {"kind": "TXT", "host": "mail._domainkey", "value": "k=rsa;p=MIG", "is_published": True},
            {"kind": "TXT", "host": "@", "value": "sendinblue-code:1", "is_published": False},
        ),
        remote_id="5f0c1c7bb4a3f95c1c4b2a11",
    )


# Campaigns


def test_campaign():
    assert mapping.campaign_record(replies.CAMPAIGN) == CampaignRecord(
        remote_id="12",
        name="June news 7k2m9q4x1b0z",
        status="in_process",
        phase="sending",
        subject="June",
        preview_text="What is new",
        html="<p>Hello</p>",
        sender_name="Ida",
        sender_email="ida@example.com",
        reply_to="",
        list_ids=("7", "40"),
        send_at=datetime(2026, 6, 1, 12, 30, tzinfo=UTC),
        created_at=datetime(2026, 5, 31, 12, 30, tzinfo=UTC),
        modified_at=datetime(2026, 5, 31, 12, 31, tzinfo=UTC),
    )


def test_draft_without_a_date():
    assert mapping.campaign_record(replies.DRAFT).send_at is None


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("draft", "draft"),
        ("queued", "scheduled"),
        ("in_process", "sending"),
        ("inProcess", "sending"),
        ("SENT", "sent"),
        ("suspended", "stopped"),
        ("in_review", "held"),
        ("cancelling", "sending"),
        ("cancelled", "stopped"),
        ("archive", "stopped"),
        ("levitating", "unknown"),
        ("", "unknown"),
    ],
)
def test_phases(status, phase):
    record = mapping.campaign_record({**replies.CAMPAIGN, "status": status})

    assert (record.phase, record.status) == (phase, status)


def test_archived_after_it_was_sent_counts_as_sent():
    raw = {**replies.CAMPAIGN, "status": "archive", "sentDate": "2026-06-01T12:45:00.000Z"}

    assert mapping.campaign_record(raw).phase == "sent"


DRAFT = CampaignDraft(
    name="June news 7k2m9q4x1b0z",
    subject="June",
    preview_text="What is new",
    html="<p>Hello</p>",
    sender_name="Ida",
    sender_email="ida@example.com",
    sender_remote_id="5",
    list_ids=("40", "7"),
)


def test_campaign_body_leaves_out_what_is_not_set():
    assert mapping.campaign_body(DRAFT) == {
        "name": "June news 7k2m9q4x1b0z",
        "subject": "June",
        "previewText": "What is new",
        "htmlContent": "<p>Hello</p>",
        "sender": {"name": "Ida", "email": "ida@example.com"},
        "recipients": {"listIds": [40, 7]},
    }


def test_campaign_reads_back_as_the_draft_it_was_made_from():
    read = mapping.campaign_record({**replies.DRAFT, "createdAt": None, "modifiedAt": None, "id": 12})

    assert mapping.comparable_record(DRAFT) == CampaignRecord(
        **{**{name: getattr(read, name) for name in CampaignRecord.__slots__}, "remote_id": ""}
    )


def test_instants_are_written_in_utc_and_rounded_up_to_seconds():
    moment = datetime(2026, 6, 1, 14, 30, 0, 1, tzinfo=UTC).astimezone(tz=None)

    assert mapping.iso(reading.whole_second(moment)) == "2026-06-01T14:30:01.000Z"
    assert mapping.iso(datetime(2026, 6, 1, 14, 30, 0, 250_999, tzinfo=UTC)) == "2026-06-01T14:30:00.250Z"


# Results


def test_figures_take_from_each_read_only_what_it_was_asked_for():
    assert mapping.figures_record(
        NOW, totals=replies.TOTALS, links=replies.LINKS, domains=replies.DOMAINS
    ) == FiguresRecord(
        read_at=NOW,
        sent=19887,
        delivered=19886,
        opened=7779,
        opened_by_human=5661,
        opens=11534,
        clicked=2300,
        clicks=2665,
        unsubscribed=12,
        complained=1,
        hard_bounced=87,
        soft_bounced=100,
        deferred=5,
        remaining=45,
        links={"https://example.com/a": 30, "https://example.com/b": 4},
        domains={"gmail.com": {"sent": 300, "opened": 90, "hard_bounced": 1}},
    )


def test_figures_that_did_not_come_are_unknown_not_zero():
    assert mapping.figures_record(NOW, totals={"globalStats": {}}) == FiguresRecord(read_at=NOW)


def test_each_figure_has_a_definition():
    assert set(Brevo.definitions) == set(FiguresRecord.__slots__) - {"read_at", "rates"}


@pytest.mark.parametrize(
    "value",
    [
        "https://files.brevo.com/x.csv?a=1&b=2",
        '<a href="https://files.brevo.com/x.csv?a=1&amp;b=2">Download</a>',
        "<A target=_blank HREF = 'https://files.brevo.com/x.csv?a=1&b=2' >here</A>",
    ],
)
def test_export_address_may_be_wrapped_in_an_anchor(value):
    assert mapping.export_address(value) == "https://files.brevo.com/x.csv?a=1&b=2"


def people(content: str) -> list[EventRecord]:
    file = io.BytesIO(content.encode())
    return list(mapping.exported_people(file, kind="opened", campaign_id="12", read_at=NOW))


def test_exported_people_with_dates():
    (ana,) = people('\ufeffEmail_ID;Open_Date;Reason\n"ana@example.com";2026-06-01 12:35:05;"a; b"\n;;\n')

    assert (ana.kind, ana.email, ana.at) == (
        "opened",
        "ana@example.com",
        datetime(2026, 6, 1, 12, 35, 5, tzinfo=UTC),
    )
    assert (ana.campaign_remote_id, ana.reason, ana.details) == (
        "12",
        "a; b",
        {"source": "export", "is_dated": True},
    )


def test_exported_people_without_dates_keep_their_key():
    (once,) = people("EMAIL\nana@example.com\n")
    (again,) = people("FIRSTNAME,EMAIL\nAna,Ana@Example.com\n")

    assert (once.at, once.details["is_dated"]) == (NOW, False)
    assert once.key == again.key


def test_empty_export_has_no_people():
    assert people("") == []


def test_export_without_addresses_is_a_misreading():
    with pytest.raises(ValueError, match="addresses"):
        people("a;b\n1;2\n")


# Webhooks


def read(payload: object) -> list[EventRecord]:
    return Brevo.read_webhook(body=json.dumps(payload).encode())


def test_click():
    (event,) = read(replies.CLICK_CALL)

    assert event == EventRecord(
        kind="clicked",
        email="ana@example.com",
        at=datetime.fromtimestamp(1780317305, UTC),
        key=event.key,
        campaign_remote_id="12",
        link="https://example.com/a",
        details={"event": "click", "tag": "", "is_dated": True},
    )


@pytest.mark.parametrize(
    ("word", "kind", "is_machine"),
    [
        ("delivered", "delivered", False),
        ("request", "accepted", False),
        ("opened", "opened", False),
        ("unique_opened", "opened", False),
        ("proxy_open", "opened", True),
        ("unique_proxy_open", "opened", True),
        ("click", "clicked", False),
        ("hard_bounce", "hard_bounced", False),
        ("hardBounces", "hard_bounced", False),
        ("soft_bounce", "soft_bounced", False),
        ("invalid_email", "hard_bounced", False),
        ("spam", "complained", False),
        ("complaint", "complained", False),
        ("unsubscribe", "unsubscribed", False),
        ("deferred", "deferred", False),
        ("blocked", "blocked", False),
        ("list_addition", "list_added", False),
        ("contact_deleted", "contact_deleted", False),
        ("levitated", "levitated", False),
    ],
)
def test_words_of_events(word, kind, is_machine):
    (event,) = read({**replies.CLICK_CALL, "event": word})

    assert (event.kind, event.is_machine) == (kind, is_machine)


def test_contact_updated_names_its_people_inside():
    assert [(event.kind, event.email) for event in read(replies.CONTACT_UPDATED_CALL)] == [
        ("contact_changed", "ana@example.com"),
        ("contact_changed", "ben@example.com"),
    ]


def test_batches_keep_what_can_be_read():
    batch = [replies.CLICK_CALL, None, "x", {"event": "click"}, {**replies.CLICK_CALL, "event": "opened"}]

    assert [event.kind for event in read(batch)] == ["clicked", "opened"]


def test_key_is_the_same_for_a_repeated_report_and_for_a_first_open_under_both_names():
    opened = {**replies.CLICK_CALL, "event": "opened"}
    unique = {**opened, "event": "unique_opened", "email": "Ana@Example.com"}
    later = {**opened, "ts_event": 1780317306}
    proxied = {**opened, "event": "proxy_open"}

    keys = [read(call)[0].key for call in (opened, opened, unique, later, proxied)]
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("stamp", [1780317305, 1780317305000, "1780317305", 1780317305.0])
def test_stamps_in_seconds_or_milliseconds(stamp):
    (event,) = read({**replies.CLICK_CALL, "ts_event": stamp})

    assert event.at == datetime.fromtimestamp(1780317305, UTC)


def test_event_without_a_usable_time_is_dated_now_and_says_so():
    before = datetime.now(UTC)
    (event,) = read(
        {"event": "opened", "email": "ana@example.com", "ts_event": 10**30, "ts": -1, "date": "yesterday"}
    )

    assert before <= event.at <= datetime.now(UTC)
    assert event.details["is_dated"] is False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"7",
        b'"x"',
        b"[1]",
        b"<html>",
        b"\xff",
        b'{"event":"click"}',
        b'{"event":{},"email":[]}',
        b"[" * 50_000,
    ],
)
def test_unreadable_calls_say_so(body):
    with pytest.raises(UnexpectedReply):
        Brevo.read_webhook(body=body)


def test_empty_batch_is_nothing():
    assert Brevo.read_webhook(body=b"[]") == []


def test_texts_that_no_database_takes_are_cleaned():
    (event,) = read({**replies.CLICK_CALL, "reason": "a\x00b\ud800c"})

    assert event.reason == "abc"


SECRETS = ("new-secret", "old-secret")


@pytest.mark.parametrize(
    ("headers", "is_genuine"),
    [
        ({"authorization": "Bearer new-secret"}, True),
        ({"authorization": "bearer old-secret"}, True),
        ({"x-campanile-secret": "old-secret"}, True),
        ({"authorization": "Basic new-secret"}, False),
        ({"authorization": "Bearer "}, False),
        ({"authorization": "Bearer nëw"}, False),
        ({"authorization": "Bearer new-secret2"}, False),
        ({}, False),
    ],
)
def test_webhook_secret(headers, is_genuine):
    assert Brevo.verify_webhook(body=b"{}", headers=headers, secrets=SECRETS) is is_genuine


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_no_secret_opens_nothing(secrets):
    assert not Brevo.verify_webhook(body=b"{}", headers={"authorization": "Bearer "}, secrets=secrets)


# Merge tags


@pytest.mark.parametrize(
    ("name", "fallback", "tag"),
    [
        ("contact.FIRSTNAME", None, "{{ contact.FIRSTNAME }}"),
        ("contact.FIRSTNAME", "friend", '{{ contact.FIRSTNAME | default : "friend" }}'),
        ("contact.FIRSTNAME", "", '{{ contact.FIRSTNAME | default : "" }}'),
        ("contact.FIRSTNAME", 'a "b" \\', '{{ contact.FIRSTNAME | default : "a \\"b\\" \\\\" }}'),
        ("unsubscribe_url", None, "{{ unsubscribe }}"),
        ("view_url", "ignored", "{{ mirror }}"),
        ("preferences_url", None, "{{ update_profile }}"),
    ],
)
def test_merge_tags(name, fallback, tag):
    assert Brevo.merge_tag(name=name, fallback=fallback) == tag


@pytest.mark.parametrize(
    ("name", "fallback"),
    [
        ("contact.FIRST NAME", None),
        ("contact.A }}{{ x", None),
        ("order.total", None),
        ("contact.A", "}}"),
        ("contact.A", "{% if %}"),
        ("contact.A", "a\nb"),
    ],
)
def test_merge_tags_that_cannot_be_written(name, fallback):
    with pytest.raises(Unsupported):
        Brevo.merge_tag(name=name, fallback=fallback)


# Leniency

# The machine may be busy: how long an example takes says nothing here.
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def bent(sample: dict) -> st.SearchStrategy[dict]:
    """The sample with some fields missing and some of another kind, but its id."""
    fields = st.fixed_dictionaries(
        {}, optional={name: st.just(value) | JSON for name, value in sample.items()}
    )
    kept = {name: sample[name] for name in ("id", "name", "email") if name in sample}
    return st.builds(lambda some: {**some, **kept}, fields)


@pytest.mark.parametrize(
    ("read_one", "sample"),
    [
        (mapping.account_record, replies.ACCOUNT),
        (mapping.field_record, replies.ATTRIBUTES["attributes"][5]),
        (mapping.list_record, replies.LIST),
        (mapping.contact_record, replies.CONTACT),
        (mapping.sender_record, replies.SENDER),
        (mapping.domain_record, replies.DOMAIN),
        (lambda raw: mapping.domain_record(replies.DOMAIN, raw), replies.DOMAIN_CONFIGURATION),
        (mapping.campaign_record, replies.CAMPAIGN),
        (mapping.template_record, {**replies.CAMPAIGN, "isActive": True}),
        (mapping.webhook_record, {"id": 1, "url": "https://example.com", "events": ["opened"]}),
        (
            lambda raw: mapping.figures_record(NOW, totals=raw, links=raw, domains=raw),
            {**replies.DOMAINS, **replies.TOTALS},
        ),
    ],
)
def test_odd_and_missing_values_are_read_leniently(read_one, sample):
    @unhurried
    @given(bent(sample))
    def check(raw: dict) -> None:
        read_one(raw)

    check()


@unhurried
@given(JSON | bent({**replies.CLICK_CALL, **replies.CONTACT_UPDATED_CALL}))
def test_any_webhook_body_is_read_or_refused(payload):
    try:
        events = Brevo.read_webhook(body=json.dumps(payload).encode())
    except UnexpectedReply:
        return
    assert all(event.kind and event.email and event.at.utcoffset() == timedelta(0) for event in events)


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    try:
        Brevo.read_webhook(body=body)
    except UnexpectedReply:
        return

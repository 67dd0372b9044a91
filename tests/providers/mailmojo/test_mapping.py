from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.providers.mailmojo import mapping
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
)
from tests.providers.mailmojo import replies

NOW = datetime(2026, 6, 3, tzinfo=UTC)

# Account


def test_account_is_known_by_its_username():
    assert mapping.account_record(replies.ACCOUNT) == AccountRecord(
        fingerprint="fernweh",
        name="Fernweh Reisen",
        email="post@fernweh.example",
        plan="Trial until 2026-12-31",
        details={
            "username": "fernweh",
            "person": "Ida Moor",
            "city": "Oslo",
            "partner": "",
            "contacts": 1250,
        },
    )


def test_domain():
    assert mapping.domain_record(replies.DOMAIN) == DomainRecord(
        name="fernweh.example", is_verified=True, is_authenticated=True, remote_id="3"
    )


# Lists


def test_list_has_its_sender():
    assert mapping.list_record(replies.LIST) == ListRecord(
        remote_id="7", name="News", sender_name="Fernweh", sender_email="Post@fernweh.example"
    )


def test_senders_are_the_distinct_ones_of_lists():
    first = mapping.list_record(replies.LIST)
    again = ListRecord("8", "Other", sender_name="Shop", sender_email="post@FERNWEH.example")
    other = ListRecord("9", "Third", sender_name="Ida", sender_email="ida@fernweh.example")

    assert list(mapping.sender_records([first, again, ListRecord("10", "None"), other])) == [
        SenderRecord("post@fernweh.example", "Fernweh", "Post@fernweh.example", is_active=True),
        SenderRecord("ida@fernweh.example", "Ida", "ida@fernweh.example", is_active=True),
    ]


def test_list_made_for_a_delivery_is_left_with_all_others():
    assert mapping.list_body("June", "", "ida@fernweh.example") == {
        "name": "June",
        "from_name": "ida@fernweh.example",
        "from_email": "ida@fernweh.example",
        "unsubscribe_cascades": False,
    }


def test_segment():
    assert mapping.segment_record(replies.SEGMENT, "7") == SegmentRecord("12", "Climbers", "7")


HAS, LACKS = {"tag_name": "a", "type": "has_tag"}, {"tag_name": "b", "type": "not_has_tag"}


@pytest.mark.parametrize(
    ("rule", "predicates"),
    [
        ({"tag": "a"}, [HAS]),
        ({"not": {"tag": "b"}}, [LACKS]),
        ({"not": {"not": {"tag": "a"}}}, [HAS]),
        ({"all": [{"tag": "a"}, {"not": {"tag": "b"}}]}, [HAS, LACKS]),
        ({"any": [{"tag": "a"}]}, [HAS]),
        ({"all": [{"tag": "a"}, {"not": {"any": [{"tag": "b"}, {"not": {"tag": "a"}}]}}]}, [HAS, LACKS, HAS]),
    ],
)
def test_rules_of_tags_that_must_all_hold(rule, predicates):
    assert mapping.predicates(rule) == predicates


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"tag": ""},
        {"tag": "a", "all": []},
        {"all": []},
        {"any": [{"tag": "a"}, {"tag": "b"}]},
        {"not": {"all": [{"tag": "a"}, {"tag": "b"}]}},
        {"field": "town", "is": "equal", "value": "Bergen"},
        {"all": [{"tag": "a"}, {"field": "town", "is": "empty"}]},
    ],
)
def test_rules_that_tags_cannot_say(rule):
    with pytest.raises(ValueError):
        mapping.predicates(rule)


# People


def test_contact():
    assert mapping.contact_record(replies.CONTACT) == ContactRecord(
        remote_id="ana@example.com",
        email="ana@example.com",
        fields={
            "first_name": "Ana",
            "last_name": "Moor",
            "phone": "+4790000000",
            "tags": "climber, vip",
            "shoe_size": 38,
            "member": True,
            "town": "Bergen",
            "cards": ["gold"],
        },
        list_ids=("7", "40"),
        left_list_ids=("9",),
        blocked=False,
        created_at=datetime(2025, 1, 2, 10, tzinfo=UTC),
        modified_at=datetime(2025, 6, 1, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "blocked"),
    [("a", False), ("u", True), ("b", True), ("d", True), ("U", True), ("x", False), (None, False)],
)
def test_who_is_gone_from_the_account_is_blocked(status, blocked):
    assert mapping.contact_record({**replies.CONTACT, "status": status}).blocked is blocked


def test_subscriber_tells_of_one_list():
    assert mapping.subscriber_record(replies.SUBSCRIBER, "7") == ContactRecord(
        remote_id="ben+x@example.com",
        email="ben+x@example.com",
        fields={"first_name": "Ben"},
        list_ids=("7",),
        created_at=datetime(2025, 2, 1, 8, tzinfo=UTC),
    )


@pytest.mark.parametrize("custom", [None, "x", ["x"], 7, {"first_name": "Other"}])
def test_odd_custom_values_hide_no_standard_field(custom):
    record = mapping.contact_record({"email": " ana@example.com\0 ", "first_name": "Ana", "custom": custom})

    assert (record.email, record.fields) == ("ana@example.com", {"first_name": "Ana"})


@pytest.mark.parametrize("raw", [{}, {"email": None}, {"email": "  "}])
def test_person_without_an_address_is_a_misreading(raw):
    with pytest.raises(LookupError):
        mapping.contact_record(raw)


def test_leaving_one_list():
    assert mapping.leave_records(replies.CONTACT, "9") == [
        LeaveRecord("ana@example.com", "unsubscribed", "9", datetime(2025, 6, 1, 10, tzinfo=UTC))
    ]


def test_leaving_the_account():
    gone = {**replies.CONTACT, "status": "b"}

    assert mapping.leave_records(gone, "10") == [
        LeaveRecord("ana@example.com", "bounced", "10", datetime(2025, 3, 1, 10, tzinfo=UTC)),
        LeaveRecord("ana@example.com", "bounced", "", datetime(2025, 3, 1, 10, tzinfo=UTC)),
    ]


def test_leaving_without_details():
    assert mapping.leave_records({"email": "cy@example.com"}, "9") == [
        LeaveRecord("cy@example.com", "unsubscribed", "9")
    ]


def test_fields_are_those_somebody_has():
    people = [
        replies.CONTACT,
        {"email": "b@example.com", "custom": {"shoe_size": 40.5, "member": "yes", "empty": None}},
        {"email": "c@example.com", "custom": {"first_name": "x"}},
        None,
    ]

    assert list(mapping.field_records(people)) == [
        FieldRecord("first_name", "first_name", "text"),
        FieldRecord("last_name", "last_name", "text"),
        FieldRecord("phone", "phone", "text", writable=False),
        FieldRecord("tags", "tags", "text", writable=False),
        FieldRecord("shoe_size", "shoe_size", "number", writable=False),
        FieldRecord("member", "member", "text", writable=False),
        FieldRecord("town", "town", "text", writable=False),
        FieldRecord("cards", "cards", "text", writable=False),
    ]


def test_no_name_is_erased_by_an_empty_cell():
    people = [
        ContactRecord("", "ana@example.com", {"first_name": "Ana", "last_name": 'Moor, "the" first'}),
        ContactRecord("", "ben@example.com", {"last_name": None, "town": "Bergen"}),
        ContactRecord("", "cy@example.com", {"last_name": "Cy"}),
    ]

    assert list(mapping.import_tables(people)) == [
        b'email,name\r\nana@example.com,"Ana Moor, ""the"" first"\r\ncy@example.com,Cy\r\n',
        b"email\r\nben@example.com\r\n",
    ]
    assert list(mapping.import_tables([])) == []


# Newsletters


def test_draft():
    assert mapping.campaign_record(replies.NEWSLETTER) == CampaignRecord(
        remote_id="501",
        name="June news · k3v9x0q2m7zt",
        status="draft",
        phase="draft",
        subject="June in Zürich",
        preview_text="What is new",
        html="<p>Hello</p>",
        sender_name="Fernweh",
        sender_email="post@fernweh.example",
        list_ids=("7",),
        modified_at=datetime(2026, 6, 1, 8, tzinfo=UTC),
    )


def test_sent_newsletter_has_the_instant_it_was_done():
    record = mapping.campaign_record(replies.SENT_NEWSLETTER)

    assert (record.phase, record.sent_at, record.send_at) == (
        "sent",
        datetime(2026, 6, 2, 8, 5, tzinfo=UTC),
        None,
    )


@pytest.mark.parametrize(
    ("flags", "status", "phase"),
    [
        (("draft",), "draft", "draft"),
        (("scheduled",), "scheduled", "scheduled"),
        (("draft", "scheduled"), "scheduled, draft", "scheduled"),
        (("sending",), "sending", "sending"),
        (("sending", "sent"), "sending, sent", "sending"),
        (("sent", "scheduled"), "sent, scheduled", "sent"),
        (("aborted", "sent"), "aborted, sent", "stopped"),
        ((), "", "unknown"),
    ],
)
def test_phase_by_flags(flags, status, phase):
    record = mapping.campaign_record({"id": 1, **{f"is_{flag}": True for flag in flags}})

    assert (record.status, record.phase) == (status, phase)


@pytest.mark.parametrize(
    ("raw", "counts"),
    [
        ({}, True),
        ({"medium": None}, True),
        ({"medium": 1}, True),
        ({"medium": "email"}, True),
        ({"medium": "SMS"}, False),
        ({"is_in_automation": True}, False),
    ],
)
def test_text_messages_and_automations_are_no_campaigns(raw, counts):
    assert mapping.is_campaign(raw) is counts


DRAFT = CampaignDraft(
    name="June news · k3v9x0q2m7zt",
    subject="June in Zürich",
    preview_text="",
    html="<p>Hello</p>\r\n",
    sender_name="Fernweh",
    sender_email="Post@fernweh.example",
    reply_to="reply@fernweh.example",
    list_ids=("7",),
)


def test_body_clears_what_is_empty():
    assert mapping.newsletter_body(DRAFT, "7") == {
        "list_id": 7,
        "title": DRAFT.name,
        "subject": DRAFT.subject,
        "preview_text": "",
        "html": DRAFT.html,
    }


def test_draft_compares_as_it_is_read_back():
    read = mapping.campaign_record({**replies.NEWSLETTER, "preview_text": None, "saved": None})

    assert mapping.comparable_record(DRAFT) == CampaignRecord(
        **{name: getattr(read, name) for name in CampaignRecord.__slots__ if name != "remote_id"},
        remote_id="",
    )


def test_instants_are_written_in_utc():
    assert mapping.iso(datetime.fromisoformat("2026-06-02T10:00:00+02:00")) == "2026-06-02T08:00:00Z"


# Results


def test_figures_are_rates_and_one_count():
    assert mapping.figures_record(NOW, replies.SENT_NEWSLETTER) == FiguresRecord(
        read_at=NOW, sent=1250, rates={"opened": 0.42, "clicked": 0.125}
    )


def test_recipients_of_what_has_not_left_are_no_count():
    assert mapping.figures_record(NOW, replies.NEWSLETTER).sent is None


@pytest.mark.parametrize(
    ("started", "sent"), [(None, None), ("2026-06-02T08:00:00Z", 1250), ("2026-07-02T08:00:00Z", None)]
)
def test_stopped_newsletter_that_had_begun_is_not_told_as_unsent(started, sent):
    raw = {**replies.NEWSLETTER, "is_draft": False, "is_aborted": True, "started": started}

    assert mapping.figures_record(NOW, raw).sent == sent


@pytest.mark.parametrize(
    ("value", "share"),
    [
        (0, 0.0), (0.5, 0.5), (1, 1.0), (42, 0.42), (100, 1.0), (1.5, 0.015),
        (101, None), (-1, None), (None, None), ("0.5", None), (True, None), (float("nan"), None),
    ],
)  # fmt: skip
def test_rates_above_one_are_percent(value, share):
    assert mapping.rates({"open_rate": value}) == ({} if share is None else {"opened": share})


@pytest.mark.parametrize(
    ("told", "shares"),
    [
        ((48.2, 0.5, 0), (0.482, 0.005, 0.0)),
        ((0.482, 0.5, 1), (0.482, 0.5, 1.0)),
        ((48.2, 1, None), (0.482, 0.01)),
        ((101, 0.5, 0.25), (0.5, 0.25)),
    ],
)
def test_one_rate_above_one_tells_the_unit_of_all(told, shares):
    figures = mapping.rates(dict(zip(("open_rate", "click_rate", "bounce_rate"), told, strict=True)))

    assert tuple(figures.values()) == pytest.approx(shares)


def test_each_figure_has_its_definition():
    figures = mapping.figures_record(NOW, {**replies.SENT_NEWSLETTER, "statistics": {"bounce_rate": 0.1}})

    assert {"sent", *mapping.RATES} == set(mapping.DEFINITIONS)
    assert figures.rates == {"bounced": 0.1}


# Webhooks


@pytest.mark.parametrize(
    ("call", "email", "at"),
    [
        ({"topic": "contacts/subscribed", "contact": {"email": "ana@example.com"}}, "ana@example.com", None),
        (
            {
                "event": "contacts/unsubscribed",
                "data": {"contact": {"email": "ana@example.com"}, "created_at": "2026-06-02T08:00:00Z"},
            },
            "ana@example.com",
            datetime(2026, 6, 2, 8, tzinfo=UTC),
        ),
        ({"topic": "contacts/unsubscribed"}, "", None),
    ],
)
def test_calls_are_hints_to_look_again(call, email, at):
    record = mapping.event_record(call, read_at=NOW)

    assert record == EventRecord(
        kind="contact_changed",
        email=email,
        at=at or NOW,
        key=record.key,
        details={"event": mapping.topic(call), "is_dated": at is not None},
    )


def test_dated_call_told_twice_has_one_key():
    call = {
        "topic": "contacts/unsubscribed",
        "created_at": "2026-06-02T08:00:00Z",
        "email": "ana@example.com",
    }
    first = mapping.event_record(call, read_at=NOW)
    again = mapping.event_record(call, read_at=NOW + timedelta(minutes=5))
    other = mapping.event_record({**call, "email": "ben@example.com"}, read_at=NOW)

    assert first.key == again.key != other.key


@pytest.mark.parametrize("call", [None, [], "x", {}, {"topic": None}, {"topic": "contacts/deleted"}])
def test_calls_of_no_topic_of_ours(call):
    assert mapping.event_record(call, read_at=NOW) is None


# Whatever comes

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(
    {
        *replies.CONTACT,
        *replies.NEWSLETTER,
        *replies.LIST,
        *replies.ACCOUNT,
        *replies.DOMAIN,
        "email",
        "topic",
    }
)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=8))
def test_reading_raises_for_a_missing_key_alone(raw):
    for record in (
        mapping.account_record,
        mapping.list_record,
        mapping.contact_record,
        mapping.campaign_record,
        mapping.domain_record,
        lambda row: mapping.subscriber_record(row, "7"),
        lambda row: mapping.leave_records(row, "7"),
        lambda row: mapping.segment_record(row, "7"),
        lambda row: mapping.figures_record(NOW, row),
        lambda row: mapping.event_record(row, read_at=NOW),
        lambda row: list(mapping.field_records([row])),
    ):
        try:
            record(raw)
        except LookupError as error:
            assert str(error).strip("'") in ("id", "email", "username")  # noqa: PT017

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.providers.errors import Unsupported
from accounts.providers.leadfox import mapping
from accounts.providers.leadfox.provider import Leadfox
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    FieldRecord,
    FiguresRecord,
    LeaveRecord,
    Tokens,
)
from tests.providers.leadfox import replies

NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)
START = datetime(2026, 6, 2, 8, tzinfo=UTC)
DRAFT = CampaignDraft(
    name="June news · k3v9x0q2m7zt",
    subject="June in Zürich",
    preview_text="",
    html="<p>Hello</p>\r\n",
    sender_name="Ida",
    sender_email="Ida@Example.com",
    list_ids=("b", "a"),
)

# Tokens and account


def test_tokens_end_when_the_token_says():
    assert mapping.tokens(replies.AUTHENTICATED) == Tokens(
        access=replies.AUTHENTICATED["jwt"],
        expires_at=datetime.fromtimestamp(1_790_000_000, UTC),
        details={"clientid": replies.CLIENT_ID, "client": "Moor & Daughters", "mode": "apikey"},
    )


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.!!.c", replies.jwt(), replies.jwt(exp="soon")])
def test_tokens_without_a_readable_end_last_until_they_are_refused(token):
    assert mapping.tokens({"jwt": token}) == Tokens(access=token)


@pytest.mark.parametrize("raw", [{}, {"jwt": ""}, {"jwt": None}])
def test_answer_without_a_token_is_misread(raw):
    with pytest.raises(LookupError):
        mapping.tokens(raw)


def test_account_is_the_client_whoever_acts_for_it():
    told = mapping.account_record(mapping.tokens(replies.AUTHENTICATED).details, "")

    assert told == AccountRecord(
        fingerprint=told.fingerprint, name="Moor & Daughters", details={"mode": "apikey"}
    )
    assert mapping.account_record({}, replies.CLIENT_ID).fingerprint == told.fingerprint
    assert mapping.account_record({}, "another").fingerprint != told.fingerprint
    with pytest.raises(LookupError):
        mapping.account_record({}, "")


# Audience


def test_fields_are_known_by_their_shortcode():
    assert [mapping.field_record(raw) for raw in replies.PROPERTIES] == [
        FieldRecord("email", "Email", "text"),
        FieldRecord("firstname", "Prénom", "text"),
        FieldRecord("tier", "tier", "text"),
    ]


def test_mailing_list_is_consent_and_not_ours_to_write():
    assert mapping.consent_field(replies.MAILING_LIST) == FieldRecord(
        "mailinglist:5f0c4bd0c3a1e20008a1b301", "Consent: Promotions", "text", writable=False
    )


def test_contact():
    assert mapping.contact_record(replies.CONTACT) == ContactRecord(
        remote_id="64400000f00000a0000fffff",
        email="Ana@Example.com",
        fields={
            "firstname": "Ana",
            "tier": "",
            "age": "",
            "born": "1984",
            "mailinglist:5f0c4bd0c3a1e20008a1b301": "opt-in",
            "mailinglist:5f0c4bd0c3a1e20008a1b302": "opt-out",
        },
        list_ids=("6399df0e894922000836a9c6",),
        blocked=False,
        created_at=datetime(2026, 5, 2, 16, 40, 31, tzinfo=UTC),
        modified_at=datetime.fromtimestamp(1_777_740_031.25, UTC),
    )
    assert mapping.contact_record(replies.BARE_CONTACT) == ContactRecord("64400000f00000a0000ffffe", "")


@pytest.mark.parametrize(
    ("subscribed", "blocked"), [(False, True), (True, False), (None, False), ("false", False)]
)
def test_only_a_plain_no_is_a_refusal_of_all_mail(subscribed, blocked):
    assert mapping.contact_record({**replies.CONTACT, "subscribed": subscribed}).blocked is blocked


def test_leaves_hold_nobody_whom_a_filter_let_through():
    rows = [
        {**replies.CONTACT, "subscribed": False},
        replies.CONTACT,
        {**replies.BARE_CONTACT, "subscribed": False},
    ]

    assert [mapping.leave_record(raw) for raw in rows] == [
        LeaveRecord("Ana@Example.com", "unsubscribed"),
        None,
        None,
    ]


def test_person_is_sent_as_text_without_consent_address_or_state():
    fields = {
        "firstname": "Ana",
        "tier": "",
        "age": None,
        "email": "other@example.com",
        "mailinglist:5f0c4bd0c3a1e20008a1b301": "opt-in",
        "guest": True,
        "born": date(1984, 5, 2),
        "seen": datetime(2026, 5, 2, 16, tzinfo=UTC),
        "orders": Decimal("3.50"),
        "tastes": ("red", "white"),
        "count": 7,
    }

    assert mapping.contact_body(ContactRecord("", "ana@example.com", fields, blocked=True)) == {
        "email": "ana@example.com",
        "properties": {
            "firstname": "Ana",
            "tier": "",
            "guest": "true",
            "born": "1984-05-02",
            "seen": "2026-05-02",
            "orders": "3.50",
            "tastes": "red, white",
            "count": "7",
        },
    }


@pytest.mark.parametrize(
    ("values", "filters"),
    [
        (("ana+x@example.com",), "email = ana+x@example.com"),
        (("a@example.com", "b@example.com"), "email = a@example.com|b@example.com"),
        (("a,b@example.com",), ""),
        (("a@example.com", "a|b@example.com"), ""),
        (("a=b@example.com",), ""),
        (('"a b"@example.com',), ""),
        (("",), ""),
    ],
)
def test_filters_hold_only_what_they_can_say(values, filters):
    assert mapping.equal("email", *values) == filters


# Campaigns


def test_campaign_with_its_heaviest_variant():
    assert mapping.design_id(replies.CAMPAIGN) == replies.EMAIL["_id"]
    assert mapping.campaign_record(replies.CAMPAIGN, replies.EMAIL, now=NOW) == CampaignRecord(
        remote_id="63baef44126ecb0008a89a50",
        name="June news · k3v9x0q2m7zt",
        status="active",
        phase="sent",
        subject="June in Zürich",
        preview_text="What is new",
        html="<p>Hello</p>",
        sender_name="Ida",
        sender_email="ida@example.com",
        list_ids=("6399df0e894922000836a9c6", "6399df0e894922000836a9c7"),
        send_at=START,
        sent_at=START,
    )


def test_deleted_campaign_is_gone():
    assert mapping.campaign_record({**replies.CAMPAIGN, "deleted": True}, now=NOW).phase == "gone"


@pytest.mark.parametrize(
    ("status", "start", "sent", "is_complete", "phase"),
    [
        ("d", None, None, False, "draft"),
        ("d", START, None, False, "draft"),
        ("i", START, 12, False, "stopped"),
        ("a", NOW + timedelta(minutes=1), None, False, "scheduled"),
        ("a", NOW + timedelta(minutes=1), 0, False, "scheduled"),
        # Their clock is ahead of ours: what has gone out counts.
        ("a", NOW + timedelta(minutes=1), 3, False, "sending"),
        ("a", NOW - timedelta(minutes=1), None, False, "sending"),
        ("a", NOW - timedelta(minutes=1), 3, False, "sending"),
        ("a", NOW - timedelta(minutes=1), 3, True, "sent"),
        ("a", NOW - timedelta(hours=1), None, False, "sent"),
        # Sent at once, in Leadfox itself.
        ("a", None, None, False, "sending"),
        ("a", None, 3, False, "sent"),
        ("x", START, None, False, "unknown"),
        ("", None, None, False, "unknown"),
    ],
)
def test_phases(status, start, sent, is_complete, phase):
    assert mapping.phase(status, start=start, now=NOW, sent=sent, is_complete=is_complete) == phase


@pytest.mark.parametrize(
    ("lists", "is_to_everybody"),
    [
        ([{"list": "a"}], False),
        ([], True),
        (None, True),
        ([{"list": None}], True),
        ([{"list": "a"}, {"list": None}], True),
        (["a"], True),  # not how lists stand there: better asked than sent
    ],
)
def test_campaign_to_everybody_is_seen(lists, is_to_everybody):
    assert mapping.is_to_everybody({**replies.CAMPAIGN, "lists": lists}) is is_to_everybody


@pytest.mark.parametrize(("kind", "is_ours"), [(2, True), ("2", True), (None, True), (1, False), (7, False)])
def test_only_email_campaigns_are_ours(kind, is_ours):
    assert mapping.is_email_campaign({**replies.CAMPAIGN, "type": kind}) is is_ours


def test_draft_is_sent_with_its_lists_and_neither_start_nor_release():
    assert mapping.campaign_body(DRAFT, folder_id="f", email_id="e") == {
        "name": "June news · k3v9x0q2m7zt",
        "folder": "f",
        "type": 2,
        "status": "d",
        "batchConfiguration": {"type": "none"},
        "emails": [{"email": "e", "weight": 100}],
        "lists": [{"list": "b"}, {"list": "a"}],
    }


def test_draft_without_lists_says_nothing_of_lists():
    assert mapping.audience((), "e") == {"emails": [{"email": "e", "weight": 100}]}


def test_email_is_sent_whole_with_a_document_for_the_editor():
    body = mapping.email_body(DRAFT)
    document = json.loads(body.pop("json"))

    assert body == {
        "name": "June news · k3v9x0q2m7zt",
        "subject": "June in Zürich",
        "preheader": "",
        "fromemail": "Ida@Example.com",
        "fromname": "Ida",
        "editor": "bee",
        "body": "<p>Hello</p>\r\n",
    }
    (row,) = document["page"]["rows"]
    (block,) = row["columns"][0]["modules"]
    assert block["descriptor"]["html"]["html"] == DRAFT.html


def test_comparable_is_what_is_read_back():
    design = {"_id": "e", **mapping.email_body(DRAFT)}
    raw = {"_id": "c", **mapping.campaign_body(DRAFT, folder_id="f", email_id="e")}
    read = mapping.campaign_record(raw, design, now=NOW)

    assert mapping.comparable_record(DRAFT) == CampaignRecord(
        remote_id="",
        name="June news · k3v9x0q2m7zt",
        status="draft",
        phase="draft",
        subject="June in Zürich",
        html="<p>Hello</p>",
        sender_name="Ida",
        sender_email="ida@example.com",
        list_ids=("a", "b"),
    )
    assert {**_values(read), "remote_id": ""} == _values(mapping.comparable_record(DRAFT))


def _values(record):
    return {name: getattr(record, name) for name in type(record).__slots__}


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("June news · k3v9x0q2m7zt", "k3v9x0q2m7zt"),
        ("k3v9x0q2m7zt", "k3v9x0q2m7zt"),
        ("Newsletterjune", ""),
        ("June", ""),
        ("", ""),
    ],
)
def test_marker_stands_at_the_end_of_a_name(name, marker):
    assert mapping.marker(name) == marker


def test_own_ids_are_the_same_on_each_try_and_look_like_theirs():
    one = mapping.own_id("owner", "k3v9x0q2m7zt")

    assert one == mapping.own_id("owner", "k3v9x0q2m7zt")
    others = {mapping.own_id("other", "k3v9x0q2m7zt"), mapping.own_id("owner", "k3v9x0q2m7zu")}
    unmarked = {mapping.own_id("owner", "") for _ in range(3)}
    assert len({one, *others, *unmarked}) == 6
    assert all(len(found) == 24 and int(found, 16) for found in (one, *others, *unmarked))


# Results


def test_figures_are_summed_and_what_did_not_come_is_none():
    assert mapping.figures_record(NOW, replies.METRICS) == FiguresRecord(
        read_at=NOW,
        sent=40,
        opened=23,
        opens=35,
        clicked=4,
        clicks=6,
        unsubscribed=1,
        complained=0,
        hard_bounced=1,
    )
    assert mapping.figures_record(NOW, []) == FiguresRecord(read_at=NOW)
    assert mapping.sent_count(replies.METRICS[1:]) == 0
    assert mapping.sent_count([]) is None


def test_each_figure_has_its_definition():
    assert set(mapping.COUNTERS.values()) == set(mapping.DEFINITIONS)


# Merge tags


@pytest.mark.parametrize("name", ["unsubscribe_url", "view_url", "contact.firstname"])
def test_no_tag_is_written(name):
    """One program of somebody else's writes a link to leave; that is no proof that it is one."""
    assert not Leadfox.capabilities.links_unsubscribe
    with pytest.raises(Unsupported):
        Leadfox.merge_tag(name=name, fallback=None)


def test_tags_in_texts_of_theirs_are_known():
    assert Leadfox.tag_pattern.fullmatch("{{email_unsubscribe}}")


# Whatever comes

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_odd_values_are_read_all_the_same(data):
    """Only the id and what a record is known by must be there."""
    samples = (
        (mapping.contact_record, replies.CONTACT, {"_id"}),
        (mapping.leave_record, replies.CONTACT, {"_id"}),
        (mapping.field_record, replies.PROPERTIES[1], {"shortcode"}),
        (mapping.consent_field, replies.MAILING_LIST, {"_id"}),
        (mapping.list_record, replies.MAILING_LIST, {"_id"}),
        (mapping.tokens, replies.AUTHENTICATED, {"jwt"}),
        (
            lambda raw: mapping.campaign_record(raw, raw, now=NOW, sent=1),
            {**replies.EMAIL, **replies.CAMPAIGN},
            {"_id"},
        ),
        (lambda raw: mapping.figures_record(NOW, [raw]), replies.METRICS[0], set()),
        (lambda raw: (mapping.design_id(raw), mapping.is_to_everybody(raw)), replies.CAMPAIGN, set()),
    )
    record, sample, needed = data.draw(st.sampled_from(samples))
    odd = {name: data.draw(ANYTHING) for name in sample if name not in needed}

    assert record({**sample, **odd}) is not None or record is mapping.leave_record

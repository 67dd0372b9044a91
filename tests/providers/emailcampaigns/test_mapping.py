import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.providers.bodies import table
from accounts.providers.emailcampaigns import mapping, results
from accounts.providers.emailcampaigns.mapping import PeopleFile
from accounts.providers.emailcampaigns.results import Tally
from accounts.providers.records import (
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    LeaveRecord,
    ListRecord,
    SenderRecord,
    Tokens,
)
from tests.providers.emailcampaigns import replies

NOW = datetime(2016, 8, 24, 15, tzinfo=UTC)
GROUP = "57bafe5319a54b3df3dfbe13"

# Values


@pytest.mark.parametrize(
    "raw", [{"$_id": {"$oid": "a1"}}, {"_id": {"$oid": "a1"}}, {"_id": "a1"}, {"$_id": None, "_id": "a1"}]
)
def test_ids_are_read_in_all_forms(raw):
    assert mapping.remote_id(raw) == "a1"


@pytest.mark.parametrize("raw", [{}, {"$_id": None}, {"$_id": {}}, {"_id": ""}])
def test_an_object_without_its_id_is_a_misreading(raw):
    with pytest.raises(LookupError):
        mapping.remote_id(raw)


def test_messages_of_an_error_are_told_by_field():
    assert mapping.complaints({"email": ["Enter a valid address.", "Too long."], "odd": {"a": 1}}) == (
        "email: Enter a valid address. Too long."
    )
    assert mapping.complaints({"non_field_errors": ["No such user."]}) == "No such user."


# Account


def test_token_comes_with_the_account():
    assert mapping.tokens(replies.TOKEN) == Tokens(
        replies.TOKEN["token"], details={"client_id": "57bafe0319a54b3df3dfbe10"}
    )
    assert mapping.tokens({"token": "x", "client_id": None}) == Tokens("x")
    with pytest.raises(LookupError):
        mapping.tokens({"client_id": "x"})


# Audience


def test_group_is_a_list():
    assert mapping.list_record(replies.GROUP) == ListRecord(GROUP, "News")
    assert mapping.list_record({"$_id": replies.GROUP["$_id"], "tag": None}) == ListRecord(GROUP, "")


def test_person_in_a_group():
    ana, ben = replies.GROUP["contacts"]

    assert mapping.contact_record(ana, group_id=GROUP, position=1) == ContactRecord(
        remote_id=f"{GROUP}:ana@example.com",
        email="Ana@example.com",
        fields={"name": "Ana Moor", "Town": "Zürich"},
        list_ids=(GROUP,),
    )
    assert mapping.contact_record(ben, group_id=GROUP, position=2, blocked=True) == ContactRecord(
        remote_id=f"{GROUP}:ben+x@example.com",
        email="ben+x@example.com",
        fields={"name": None},
        list_ids=(GROUP,),
        blocked=True,
    )


@pytest.mark.parametrize("raw", [None, {}, {"email": None}, {"email": 7, "name": []}, "odd"])
def test_odd_people_have_a_place_of_their_own(raw):
    record = mapping.contact_record(raw, group_id=GROUP, position=7)

    assert record.remote_id in (f"{GROUP}:7",)
    assert record.list_ids == (GROUP,)


def test_fields_are_the_name_and_all_columns_seen():
    people = [*replies.GROUP["contacts"], None, {"email": "x@example.com", "Town": "", "Size": 4}]

    assert list(mapping.field_records(people)) == [
        FieldRecord("name", "name", "text"),
        FieldRecord("Town", "Town", "text"),
        FieldRecord("Size", "Size", "text"),
    ]


def test_opt_out_is_a_leave():
    assert mapping.leave_record(replies.OPT_OUT) == LeaveRecord(
        "gone@example.com", "unsubscribed", at=datetime(2016, 8, 23, 9, 30, tzinfo=UTC)
    )
    assert mapping.leave_record({}) == LeaveRecord("", "unsubscribed")


def written(file: PeopleFile, contacts: list[ContactRecord]) -> list[dict]:
    return list(csv.DictReader(io.StringIO(table(file.rows(contacts)).decode(), newline="")))


def test_people_file_has_a_column_for_all_that_is_told():
    contacts = [
        ContactRecord(
            "", "ana@example.com", {"first_name": "Ana", "Last Name": "Moor", "born": date(1986, 4, 13)}
        ),
        ContactRecord("", "not an address", {"name": "Nobody"}),
        ContactRecord("", "Ben@example.com", {"name": 'Ben "the" Best, Jr.', "guest": True, "none": None}),
    ]
    file = PeopleFile.of(contacts)

    assert written(file, contacts) == [
        {
            "name": "Ana Moor", "email": "ana@example.com",
            "first_name": "Ana", "Last Name": "Moor", "born": "1986-04-13", "guest": "",
        },
        {
            "name": 'Ben "the" Best, Jr.', "email": "Ben@example.com",
            "first_name": "", "Last Name": "", "born": "", "guest": "true",
        },
    ]  # fmt: skip
    assert (file.count, file.left_out, file.last) == (2, 1, "Ben@example.com")
    header = table(PeopleFile(()).rows([])).decode().strip().split(",")
    assert (header[PeopleFile.NAME], header[PeopleFile.EMAIL]) == ("name", "email")


def test_people_file_repeats_what_is_there_where_we_say_nothing():
    there = {"ana@example.com": {"name": "Ana Moor", "Town": "Zürich", "Size": 4}}
    contacts = [ContactRecord("", "Ana@example.com", {"name": None, "Size": 5})]

    assert written(PeopleFile.of(contacts, there), contacts) == [
        {"name": "Ana Moor", "email": "Ana@example.com", "Size": "5", "Town": "Zürich"}
    ]


def test_people_file_takes_no_value_without_a_column():
    with pytest.raises(ValueError, match="Town"):
        list(PeopleFile(()).rows([ContactRecord("", "ana@example.com", {"Town": "Zürich"})]))


# Senders


def test_sender():
    assert mapping.sender_record(replies.SENDER) == SenderRecord(
        "57bafe5319a54b3df3dfbe11", "Office", "Office@Example.com", is_active=True
    )


# Campaigns


def draft(**changes: object) -> CampaignDraft:
    values = {
        "name": "June · k3v9x0q2m7zt",
        "subject": "June in Zürich",
        "preview_text": "What is new",
        "html": "<p>Hello</p>\r\n",
        "sender_name": "Office",
        "sender_email": "Office@Example.com",
        "reply_to": "reply@example.com",
        "list_ids": (GROUP,),
    }
    return CampaignDraft(**{**values, **changes})


def test_campaign_is_put_together():
    record = mapping.campaign_record(
        replies.CAMPAIGN,
        phase="sent",
        subject="June in Zürich",
        html=replies.MESSAGE["email_message"],
        sender_email="Office@Example.com",
    )

    start = datetime(2016, 8, 24, 14, tzinfo=UTC)
    assert record == CampaignRecord(
        remote_id="57bafe5319a54b3df3dfbe15",
        name="June",
        status="active",
        phase="sent",
        subject="June in Zürich",
        html="<p>Hello</p>",
        sender_email="office@example.com",
        list_ids=(GROUP,),
        send_at=start,
        sent_at=start,
        created_at=datetime(2016, 8, 22, 12, 5, 39, 571_000, tzinfo=UTC),
        modified_at=datetime(2016, 8, 22, 12, 6, tzinfo=UTC),
    )
    assert mapping.campaign_record({"$_id": {"$oid": "a1"}}, phase="unknown") == CampaignRecord(
        "a1", "", "", "unknown"
    )


def test_comparable_leaves_out_what_does_not_exist_there():
    assert mapping.comparable_record(draft()) == CampaignRecord(
        remote_id="",
        name="June · k3v9x0q2m7zt",
        status="active",
        phase="scheduled",
        subject="June in Zürich",
        html="<p>Hello</p>",
        sender_email="office@example.com",
        list_ids=(GROUP,),
    )


def test_campaign_attributes():
    send_at = datetime(2026, 6, 1, 14, 30, 0, 1, tzinfo=UTC)

    assert mapping.campaign_attributes(draft(), sender_id="5e", send_at=send_at) == {
        "message": {"source": "new", "description": "June in Zürich", "email_message": "<p>Hello</p>\r\n"},
        "contact_group": {"type": "reuse", "_id": {"$oid": GROUP}},
        "schedule": {
            "name": "June · k3v9x0q2m7zt",
            "start_date": "2026-06-01 10:31",
            "timezone": "EST5EDT",
            "sender_id": {"$oid": "5e"},
        },
    }


@pytest.mark.parametrize(
    ("minute", "told"),
    [
        ("2026-01-15T14:30", ("2026-01-15 09:30", "EST5EDT")),
        ("2026-07-15T14:30", ("2026-07-15 10:30", "EST5EDT")),
        # Clocks go forward: the hour from two to three is missing, and no instant reads so.
        ("2026-03-08T06:59", ("2026-03-08 01:59", "EST5EDT")),
        ("2026-03-08T07:00", ("2026-03-08 03:00", "EST5EDT")),
        # Clocks go back: the hour from one to two comes twice in the east, and further west it is still plain.
        ("2026-11-01T04:59", ("2026-11-01 00:59", "EST5EDT")),
        ("2026-11-01T05:00", ("2026-11-01 00:00", "CST6CDT")),
        ("2026-11-01T05:30", ("2026-11-01 00:30", "CST6CDT")),
        # For an hour both have it.
        ("2026-11-01T06:00", ("2026-11-01 00:00", "MST7MDT")),
        ("2026-11-01T06:30", ("2026-11-01 00:30", "MST7MDT")),
        ("2026-11-01T07:00", ("2026-11-01 02:00", "EST5EDT")),
    ],
)
def test_start_is_told_where_its_reading_is_plain(minute, told):
    assert mapping.wall_clock(datetime.fromisoformat(minute).replace(tzinfo=UTC)) == told


@given(st.integers(min_value=29_000_000, max_value=45_000_000))
def test_every_minute_has_one_plain_reading(minutes):
    minute = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    start, zone = mapping.wall_clock(minute)
    local = datetime.fromisoformat(start)

    readings = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    assert readings == {minute}


def test_seconds_are_rounded_up():
    minute = datetime(2026, 6, 1, 14, 30, tzinfo=UTC)

    assert mapping.whole_minute(minute) == minute
    assert mapping.whole_minute(minute + timedelta(microseconds=1)) == minute + timedelta(minutes=1)
    assert mapping.whole_minute(minute + timedelta(seconds=59)) == minute + timedelta(minutes=1)


def test_a_start_is_read_both_ways():
    utc, local = mapping.starts(replies.CAMPAIGN)

    assert (utc.isoformat(), local.isoformat()) == ("2016-08-24T14:00:00+00:00", "2016-08-24T18:00:00+00:00")
    assert mapping.starts({**replies.CAMPAIGN, "start_date": "2016-08-24T14:00:00+00:00"}) == (utc,)
    assert mapping.starts({**replies.CAMPAIGN, "timezone": "Mars/Olympus"}) == (utc,)
    assert mapping.starts({"start_date": "soon"}) == ()


LATE = datetime(2016, 8, 24, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "now", "rows", "completed", "everybody", "phase"),
    [
        ("active", NOW - timedelta(days=1), 0, 0, False, "scheduled"),
        # Rows that wait prove nothing, and by the other reading the start is still ahead.
        ("active", NOW, 5, 0, False, "scheduled"),
        ("active", LATE, 0, 0, False, "sending"),
        # A mail that left proves more than a clock.
        ("active", NOW - timedelta(days=1), 5, 1, False, "sending"),
        ("Active", LATE, 5, 4, True, "sending"),
        ("active", LATE, 5, 5, False, "sending"),
        ("active", LATE, 5, 5, True, "sent"),
        ("active", NOW + timedelta(days=4), 0, 0, False, "sent"),
        ("paused", NOW, 5, 1, False, "stopped"),
        ("cancelled", NOW, 0, 0, False, "stopped"),
        ("Completed", NOW, 0, 0, False, "sent"),
        ("levitating", NOW, 5, 5, False, "unknown"),
        (None, NOW, 0, 0, False, "unknown"),
    ],
)
def test_phases(status, now, rows, completed, everybody, phase):
    raw = {**replies.CAMPAIGN, "status": status}

    assert mapping.phase(raw, rows=rows, completed=completed, everybody=everybody, now=now) == phase


# Results


def test_figures_count_rows():
    tally = Tally.of(
        [replies.RESULT, replies.RESULT, replies.BOUNCED, replies.OPTED_OUT, replies.QUEUED, None]
    )

    assert tally.figures(NOW) == FiguresRecord(
        read_at=NOW, sent=3, delivered=2, hard_bounced=1, soft_bounced=0
    )
    assert (tally.rows, tally.completed) == (6, 4)


def test_a_strange_word_is_counted_in_sent_alone_and_leaves_no_zero():
    assert Tally.of([replies.RESULT, replies.STRANGE]).figures(NOW) == FiguresRecord(
        read_at=NOW, sent=2, delivered=1
    )


def test_every_figure_has_its_definition():
    shown = Tally.of([{**replies.RESULT, "disposition": word} for word in results.DISPOSITIONS]).figures(NOW)

    names = set(FiguresRecord.__dataclass_fields__) - {"read_at", "links", "domains", "rates"}
    assert {name for name in names if getattr(shown, name) is not None} == set(results.DEFINITIONS)


def test_people_of_a_kind():
    def told(raw: object, kind: str) -> EventRecord | None:
        return results.event_record(raw, kind=kind, campaign_id="c1", read_at=NOW)

    delivered = told(replies.RESULT, "delivered")
    assert delivered == EventRecord(
        kind="delivered",
        email="ana@example.com",
        at=datetime(2016, 8, 24, 14, 0, 9, 250_000, tzinfo=UTC),
        key=delivered.key,
        campaign_remote_id="c1",
        details={"source": "export", "is_dated": True},
    )
    assert told(replies.BOUNCED, "hard_bounced").reason == "Hard Bounce"
    assert [told(replies.BOUNCED, kind) is not None for kind in results.PEOPLE] == [True, False, True, False]
    assert told(replies.STRANGE, "accepted").kind == "accepted"
    assert told({**replies.RESULT, "email_to": None}, "accepted").email == "ana@example.com"
    assert told(replies.QUEUED, "accepted") is None
    assert told(replies.OPTED_OUT, "accepted") is None
    assert told({"complete": True}, "accepted") is None
    assert told(None, "accepted") is None
    assert told({"complete": True, "email_to": "x@example.com"}, "accepted").details["is_dated"] is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from([*replies.CAMPAIGN, *replies.RESULT, *replies.GROUP, "description"]), JSON
    )
)
def test_reading_survives_whatever_comes(raw):
    whole = {**raw, "$_id": {"$oid": "a1"}}
    mapping.campaign_record(whole, phase=mapping.phase(whole, rows=1, completed=1, everybody=True, now=NOW))
    mapping.list_record(whole)
    mapping.sender_record(whole)
    mapping.leave_record(whole)
    record = mapping.contact_record(raw, group_id=GROUP, position=1)
    assert "\0" not in f"{record}"
    Tally.of([raw]).figures(NOW)
    results.event_record(raw, kind="accepted", campaign_id="c1", read_at=NOW)

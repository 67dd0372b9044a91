"""Campaigns: created scheduled, then active, paused, cancelled, completed."""

import json
from typing import Any

import pytest

from tests.sandbox.emailcampaigns.client import EmailCampaigns

PATH = "/email/campaign/"
UNKNOWN = {"$oid": "65a1b2c3d4e5f60718293a4b"}
REQUIRED = ["This field is required."]
PEOPLE = tuple(f"person{n}@example.com" for n in range(36))


def schedule(api: EmailCampaigns, start: str, zone: str) -> Any:
    part = api.attributes()["schedule"] | {"start_date": start, "timezone": zone}
    form = {"attributes": json.dumps(api.attributes(api.group(), schedule=part))}
    return api.call("POST", PATH, form=form)


def test_a_new_message_and_an_uploaded_group_are_made_with_the_campaign(api: EmailCampaigns) -> None:
    upload = {"type": "upload", "name_index": 1, "email_index": 0}
    made = api.new_campaign(contact_group=upload, file="email,name,seat\nann@example.com,Ann,A1\n")

    group, message = api.get("/email/contact/")[0], api.get("/email/message/")[0]
    assert made == {
        "$_id": made["$_id"],
        "client_id": group["client_id"],
        "contact_group_id": group["$_id"],
        "sender_id": {"$oid": api.sender()},
        "message_id": message["$_id"],
        "name": "Campaign",
        "start_date": "2030-01-16T12:02:00.000000",
        "timezone": "EST5EDT",
        "status": "active",
        "created_on": "2030-01-16T12:00:30.000000",
        "modified_on": "2030-01-16T12:00:30.000000",
    }
    assert (group["tag"], group["contacts"]) == ("Campaign", [{"name": "Ann", "email": "ann@example.com"}])
    assert (message["description"], message["email_message"]) == ("Subject", "<p>Hello</p>")
    api.wait(3600)
    assert [row["contact"] for row in api.results()] == [
        {"name": "Ann", "email": "ann@example.com", "seat": "A1"}
    ]


def test_a_message_and_a_group_can_be_used_again(api: EmailCampaigns) -> None:
    message = api.post("/email/message/", {"description": "Subject", "email_message": "Hello"})
    group = api.group("a@example.com")
    made = [api.new_campaign(group, message={"source": "reuse", "_id": message["$_id"]}) for _ in range(2)]

    assert [row["message_id"] for row in made] == [message["$_id"]] * 2
    assert [row["contact_group_id"] for row in made] == [{"$oid": group}] * 2
    assert (len(api.get("/email/message/")), len(api.get("/email/contact/"))) == (1, 1)


@pytest.mark.parametrize(
    ("start", "zone", "shown"),
    [
        ("2030-01-16 09:00", "EST5EDT", "2030-01-16T14:00:00.000000"),
        ("2030-01-16 09:00", "CST6CDT", "2030-01-16T15:00:00.000000"),
        ("2030-07-16 09:00", "MST7MDT", "2030-07-16T15:00:00.000000"),
        ("2030-07-16 09:00", "PST8PDT", "2030-07-16T16:00:00.000000"),
        ("2030-11-03 01:30", "EST5EDT", "2030-11-03T05:30:00.000000"),  # comes twice: the first
    ],
)
def test_the_start_is_local_when_asked_for_and_utc_when_shown(
    api: EmailCampaigns, start: str, zone: str, shown: str
) -> None:
    made = schedule(api, start, zone).json()
    assert (made["start_date"], made["timezone"]) == (shown, zone)


@pytest.mark.parametrize(
    ("start", "zone", "refusal"),
    [
        ("2030-01-16 07:01", "EST5EDT", {"schedule.start_date": ["The start must lie at least a minute ahead."]}),
        ("2030-01-15 09:00", "EST5EDT", {"schedule.start_date": ["The start must lie at least a minute ahead."]}),
        ("2030-03-10 02:30", "EST5EDT", {"schedule.start_date": ["This time does not exist in the time zone."]}),
        ("2030-01-17T09:00", "EST5EDT", {"schedule.start_date": ["Use the format yyyy-MM-dd HH:mm."]}),
        ("2030-01-17 09:00:00", "EST5EDT", {"schedule.start_date": ["Use the format yyyy-MM-dd HH:mm."]}),
        ("2030-01-17 09:00", "Europe/Zurich", {"schedule.timezone": ['"Europe/Zurich" is not a valid choice.']}),
        ("2030-01-17 09:00", "UTC", {"schedule.timezone": ['"UTC" is not a valid choice.']}),
    ],
)  # fmt: skip
def test_starts_that_are_refused(api: EmailCampaigns, start: str, zone: str, refusal: Any) -> None:
    reply = schedule(api, start, zone)
    assert (reply.status_code, reply.json()) == (400, refusal)
    assert api.get(PATH) == api.get("/email/message/") == []


@pytest.mark.parametrize(
    ("part", "change", "refusal"),
    [
        ("message", {"source": "upload"}, {"message.source": ['"upload" is not a valid choice.']}),
        ("message", {"source": None}, {"message.source": REQUIRED}),
        ("message", {"description": 7}, {"message.description": ["Not a valid string."]}),
        ("message", {"email_message": ""}, {"message.email_message": ["This field may not be blank."]}),
        ("message", {"source": "reuse"}, {"message._id": REQUIRED}),
        ("message", {"source": "reuse", "_id": UNKNOWN}, {"message._id": ["Invalid id: object does not exist."]}),
        ("contact_group", {"type": "all"}, {"contact_group.type": ['"all" is not a valid choice.']}),
        ("contact_group", {"_id": "65a1b2c3d4e5f60718293a4b"}, {"contact_group._id": ["Invalid id: object does not exist."]}),
        ("contact_group", {"_id": UNKNOWN}, {"contact_group._id": ["Invalid id: object does not exist."]}),
        ("contact_group", {"type": "upload"}, {"contact_group.email_index": REQUIRED}),
        ("contact_group", {"type": "upload", "email_index": "0"}, {"contact_group.email_index": ["A valid column index is required."]}),
        ("contact_group", {"type": "upload", "email_index": 0, "name_index": 1}, {"csv_file": ["No file was submitted."]}),
        ("schedule", {"name": " "}, {"schedule.name": ["This field may not be blank."]}),
        ("schedule", {"sender_id": None}, {"schedule.sender_id": REQUIRED}),
        ("schedule", {"sender_id": UNKNOWN}, {"schedule.sender_id": ["Invalid id: object does not exist."]}),
    ],
)  # fmt: skip
def test_a_refused_campaign_leaves_nothing_behind(
    api: EmailCampaigns, part: str, change: dict[str, Any], refusal: Any
) -> None:
    group = api.group()
    attributes = api.attributes(group)
    attributes[part] |= change
    answered = api.refused("POST", PATH, form={"attributes": json.dumps(attributes)})

    assert answered == (400, refusal)
    assert (api.get(PATH), api.get("/email/message/"), len(api.get("/email/contact/"))) == ([], [], 1)


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"x": "1"}, {"attributes": REQUIRED}),
        ({"attributes": "{"}, {"attributes": ["Value must be valid JSON."]}),
        ({"attributes": "[]"}, {"non_field_errors": ["Invalid data. Expected a dictionary."]}),
        ({"attributes": "{}"}, {"message": REQUIRED}),
        ({"attributes": '{"message": "x"}'}, {"message": ["Invalid data. Expected a dictionary."]}),
    ],
)
def test_attributes_that_cannot_be_read(api: EmailCampaigns, form: dict[str, str], refusal: Any) -> None:
    assert api.refused("POST", PATH, form=form, breaks_contract=True) == (400, refusal)


def test_a_campaign_is_a_multipart_form(api: EmailCampaigns) -> None:
    body = api.attributes(api.group())
    assert api.refused("POST", PATH, body, breaks_contract=True) == (
        415,
        {"detail": "Unsupported media type in request."},
    )


def test_it_waits_for_its_start_and_then_goes_out_in_waves(api: EmailCampaigns) -> None:
    campaign = api.campaign(*PEOPLE)
    seen = []
    for seconds in (80, 10, 45, 40, 3600):
        api.wait(seconds)
        seen.append((api.status(campaign), len(api.results(campaign))))

    assert seen == [("active", 0), ("active", 2), ("active", 20), ("completed", 36), ("completed", 36)]


@pytest.mark.parametrize(
    ("first", "then", "allowed"),
    [
        ("active", "active", True),
        ("active", "paused", True),
        ("active", "cancelled", True),
        ("paused", "paused", True),
        ("paused", "active", True),
        ("paused", "cancelled", True),
        ("cancelled", "cancelled", True),
        ("cancelled", "active", False),
        ("cancelled", "paused", False),
    ],
)
def test_moves_between_statuses(api: EmailCampaigns, first: str, then: str, allowed: bool) -> None:
    campaign = api.campaign("a@example.com")
    api.set_status(campaign, first)
    reply = api.call("PUT", PATH, {"status": then}, _id=campaign)

    complaint = {"status": [f"A campaign that is {first} cannot become {then}."]}
    assert (reply.status_code, reply.json() if reply.content else None, api.status(campaign)) == (
        (204, None, then) if allowed else (400, complaint, first)
    )


@pytest.mark.parametrize("then", ["active", "paused", "cancelled"])
def test_completed_is_final(api: EmailCampaigns, then: str) -> None:
    campaign = api.sent("a@example.com")
    assert api.refused("PUT", PATH, {"status": then}, _id=campaign) == (
        400,
        {"status": [f"A campaign that is completed cannot become {then}."]},
    )


def test_status_changes_that_make_no_sense(api: EmailCampaigns) -> None:
    campaign = api.campaign()
    wrong = {"breaks_contract": True}
    assert api.refused("PUT", PATH, {"status": "completed"}, _id=campaign, **wrong) == (
        400,
        {"status": ['"completed" is not a valid choice.']},
    )
    assert api.refused("PUT", PATH, {"name": "Other"}, _id=campaign, **wrong) == (400, {"status": REQUIRED})
    assert api.refused("PUT", PATH, {"status": "paused"}, _id=UNKNOWN["$oid"])[0] == 404
    assert api.refused("GET", PATH, _id=UNKNOWN["$oid"])[0] == 404


def test_paused_over_its_start_it_starts_when_active_again(api: EmailCampaigns) -> None:
    campaign = api.campaign("a@example.com")
    api.set_status(campaign, "paused")
    api.wait(3600)
    while_paused = api.results(campaign)
    api.set_status(campaign, "active")

    assert (while_paused, api.status(campaign), len(api.results(campaign))) == ([], "completed", 1)


def test_paused_and_active_again_before_its_start_it_starts_once(api: EmailCampaigns) -> None:
    campaign = api.campaign("a@example.com")
    for status in ("paused", "active", "paused", "active"):
        api.set_status(campaign, status)
    before = api.results(campaign)
    api.wait(120)

    assert (before, len(api.results(campaign))) == ([], 1)


def test_a_pause_holds_what_has_not_left_and_nobody_is_mailed_twice(api: EmailCampaigns) -> None:
    campaign = api.campaign(*PEOPLE)
    api.wait(90 + 45)
    api.set_status(campaign, "paused")
    api.wait(3600)
    held = len(api.results(campaign))
    for status in ("active", "paused", "active"):
        api.set_status(campaign, status)
    api.wait(3600)

    assert (held, api.status(campaign)) == (20, "completed")
    assert sorted(row["email_to"] for row in api.results(campaign)) == sorted(PEOPLE)


def test_a_short_pause_does_not_double_the_pace(api: EmailCampaigns) -> None:
    campaign = api.campaign(*PEOPLE)
    api.wait(90 + 47)
    for status in ("paused", "active"):
        api.set_status(campaign, status)
    seen = [len(api.results(campaign))]
    for seconds in (4, 1):  # a wave has left at once; the one planned before the pause is void
        api.wait(seconds)
        seen.append(len(api.results(campaign)))

    assert seen == [22, 22, 24]


def test_a_cancelled_campaign_mails_nobody_further(api: EmailCampaigns) -> None:
    campaign, early = api.campaign(*PEOPLE), api.campaign(*PEOPLE)
    api.set_status(early, "cancelled")
    api.wait(90 + 45)
    api.set_status(campaign, "cancelled")
    api.wait(3600)

    assert (api.status(campaign), len(api.results(campaign))) == ("cancelled", 20)
    state = api.control_read("state", provider="emailcampaigns", account=api.name)["state"]
    assert [row["waiting"] for row in state["campaigns"].values()] == [[], []]
    assert (api.status(early), api.results(early)) == ("cancelled", [])


def test_the_group_is_read_when_the_campaign_starts(api: EmailCampaigns) -> None:
    group = api.group("old@example.com")
    campaign = api.new_campaign(group)["$_id"]["$oid"]
    api.upload(
        "/email/contact/bulk/replace/",
        "new@example.com,New\n",
        record=group,
        email_index=0,
        name_index=1,
    )
    api.wait(120)

    assert list(api.dispositions(campaign)) == ["new@example.com"]


def test_what_a_campaign_used_can_be_deleted(api: EmailCampaigns) -> None:
    """Message and sender are known by then; without its group there is nobody to write to."""
    group, lost = api.group("a@example.com"), api.group("b@example.com")
    campaign, empty = (api.new_campaign(number) for number in (group, lost))
    for path, number in (
        ("/email/message/", campaign["message_id"]["$oid"]),
        ("/email/senderid/", api.sender()),
        ("/email/contact/", lost),
    ):
        api.delete(path, _id=number)
    api.wait(3600)

    rows = api.results(campaign["$_id"]["$oid"])
    assert [(row["email_to"], row["email_from_id"]) for row in rows] == [
        ("a@example.com", "owner@sandbox-test.example")
    ]
    assert (api.status(empty["$_id"]["$oid"]), api.results(empty["$_id"]["$oid"])) == ("completed", [])

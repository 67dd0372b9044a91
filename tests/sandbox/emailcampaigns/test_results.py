"""Results: one row per recipient, and what acts change in them."""

from collections import Counter
from typing import Any

import pytest

from tests.sandbox.emailcampaigns.client import EmailCampaigns

PATH = "/email/result/filter/"


def test_a_row_is_open_until_its_end_is_known(api: EmailCampaigns) -> None:
    campaign = api.campaign("a@example.com")
    api.wait(90)
    row = api.results(campaign)[0]
    open_row = {
        "$_id": row["$_id"],
        "client_id": api.get("/email/campaign/")[0]["client_id"],
        "queue_id": row["queue_id"],
        "campaign_id": {"$oid": campaign},
        "campaign_name": "Campaign",
        "email_from_id": "owner@sandbox-test.example",
        "email_to": "a@example.com",
        "contact": {"name": "Person 0", "email": "a@example.com"},
        "start_date": "2030-01-16T12:02:00.000000",
        "modified_on": "2030-01-16T12:02:00.000000",
        "disposition": "",
        "complete": False,
        "status": "queued",
    }
    api.wait(10)
    ended = api.results(campaign)[0]

    assert row == open_row
    assert "2030-01-16T12:02:01" <= ended["modified_on"] <= "2030-01-16T12:02:06"
    assert ended == open_row | {
        "modified_on": ended["modified_on"],
        "disposition": "delivered",
        "complete": True,
        "status": "completed",
    }


def test_addresses_choose_their_fate(api: EmailCampaigns) -> None:
    api.post("/email/optout/", {"email": "Out@example.com"})
    campaign = api.sent(
        "a@example.com", "bounce@example.com", "b@bounce.example", "soft@example.com", "out@example.com"
    )

    assert api.dispositions(campaign) == {
        "a@example.com": "delivered",
        "bounce@example.com": "bounced",
        "b@bounce.example": "bounced",
        "soft@example.com": "failed",
        "out@example.com": "opted_out",
    }


def test_who_opts_out_while_it_goes_out_is_not_mailed(api: EmailCampaigns) -> None:
    campaign = api.campaign(*(f"person{n}@example.com" for n in range(18)))
    api.wait(90)
    api.post("/email/optout/", {"email": "person17@example.com"})
    api.wait(3600)

    dispositions = api.dispositions(campaign)
    assert (dispositions["person0@example.com"], dispositions["person17@example.com"]) == (
        "delivered",
        "opted_out",
    )


def test_rows_add_up_and_readers_leave_for_all_campaigns(api: EmailCampaigns) -> None:
    made = api.control("seed", lists=1, contacts=3000, campaigns=[{"name": "First", "status": "sent"}])
    api.wait(86400)
    left = set(api.opted_out())
    second = api.control("seed", campaigns=[{"name": "Second", "status": "sent", "daysAgo": 0}])
    api.wait(86400)

    first_rows, second_rows = (api.results(some["campaigns"][0]) for some in (made, second))
    counts = [Counter(row["disposition"] for row in rows) for rows in (first_rows, second_rows)]
    assert [(len(rows), sum(count.values())) for rows, count in zip((first_rows, second_rows), counts, strict=True)] == [(3000, 3000)] * 2  # fmt: skip
    assert (counts[0]["opted_out"], counts[1]["opted_out"]) == (0, len(left))
    assert 5 < len(left) < 60
    assert {row["email_to"] for row in second_rows if row["disposition"] == "opted_out"} == left
    assert all(row["complete"] for row in first_rows + second_rows)
    assert len({row["$_id"]["$oid"] for row in first_rows + second_rows}) == 6000


@pytest.mark.parametrize(
    ("start", "end", "names"),
    [
        ("2030-01-16", "2030-01-16", ["Today"]),
        ("2030-01-12", "2030-01-16", ["Earlier", "Today"]),
        ("2030-01-13", "2030-01-14", ["Earlier"]),
        ("2030-01-12", "2030-01-13", ["Earlier"]),
        ("2030-01-14", "2030-01-15", []),
        ("2030-01-16", "2030-01-12", []),
    ],
)
def test_the_filter_takes_whole_days_the_last_one_included(
    api: EmailCampaigns, start: str, end: str, names: list[str]
) -> None:
    sent = [
        {"name": name, "status": "sent", "daysAgo": days} for name, days in (("Earlier", 3), ("Today", 0))
    ]
    campaigns = api.control("seed", lists=1, contacts=1, campaigns=sent)["campaigns"]
    period = {"start_date": start, "end_date": end}

    assert [row["campaign_name"] for row in api.get(PATH, **period)] == names
    assert len(api.get(PATH, **period, campaign_id=campaigns[0])) == names.count("Earlier")
    assert api.get(PATH, **period, campaign_id="65a1b2c3d4e5f60718293a4b") == []


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"end_date": "2030-01-16"}, {"start_date": ["This field is required."]}),
        ({"start_date": "2030-01-16"}, {"end_date": ["This field is required."]}),
        ({"start_date": "16.1.2030", "end_date": "2030-01-16"}, {"start_date": ["Use the format yyyy-MM-dd."]}),
        ({"start_date": "2030-01-16", "end_date": "2030-02-30"}, {"end_date": ["Use the format yyyy-MM-dd."]}),
    ],
)  # fmt: skip
def test_both_days_are_needed(api: EmailCampaigns, query: dict[str, str], refusal: Any) -> None:
    assert api.refused("GET", PATH, breaks_contract=True, **query) == (400, refusal)


@pytest.mark.parametrize(
    ("kind", "disposition", "opted_out", "more"),
    [
        ("open", "delivered", [], {"tracked": False}),
        ("proxy_open", "delivered", [], {"tracked": False}),
        ("click", "delivered", [], {"tracked": False}),
        ("unsubscribe", "delivered", ["a@example.com"], {}),
        ("complain", "delivered", ["a@example.com"], {}),
        ("bounce", "bounced", [], {}),
        ("soft_bounce", "failed", [], {}),
    ],
)
def test_acts(
    api: EmailCampaigns, kind: str, disposition: str, opted_out: list[str], more: dict[str, Any]
) -> None:
    campaign = api.sent("a@example.com", "b@example.com")
    done = api.control("act", kind=kind, campaign=campaign, email="A@example.com", link="https://example.com")

    assert done == {"done": kind, "at": api.now().timestamp()} | more
    assert api.dispositions(campaign) == {"a@example.com": disposition, "b@example.com": "delivered"}
    assert api.opted_out() == opted_out


def test_a_bounce_ends_a_row_that_is_still_open(api: EmailCampaigns) -> None:
    campaign = api.campaign("a@example.com")
    api.wait(90)
    api.control("act", kind="bounce", campaign=campaign, email="a@example.com")

    row = api.results(campaign)[0]
    assert (row["disposition"], row["complete"], row["modified_on"]) == (
        "bounced",
        True,
        "2030-01-16T12:02:02.000000",
    )


def test_who_leaves_a_list_is_off_it(api: EmailCampaigns) -> None:
    group = api.group("a@example.com", "b@example.com")
    api.control("act", kind="leave_list", list=group, email="A@example.com")

    assert (api.emails(group), api.opted_out()) == (["b@example.com"], [])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"kind": "fly"}, 400),
        ({"kind": "open", "email": "nobody@example.com"}, 404),
        ({"kind": "open", "campaign": "65a1b2c3d4e5f60718293a4b"}, 404),
        ({"kind": "leave_list", "list": "65a1b2c3d4e5f60718293a4b"}, 404),
    ],
)
def test_acts_that_make_no_sense(api: EmailCampaigns, asked: dict[str, str], status: int) -> None:
    deed = {"provider": "emailcampaigns", "account": api.name, "email": "a@example.com"}
    deed |= {"campaign": api.sent("a@example.com")} | asked
    reply = api.session.post("http://control/_control/act", json=deed)

    assert reply.status_code == status

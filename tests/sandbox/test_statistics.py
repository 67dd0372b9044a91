from collections import Counter
from typing import Any

import pytest

from accounts.sandbox.brevo.state import Event
from tests.sandbox.brevo_client import Brevo

HTML = (
    '<a href="https://example.com/one?x=1&amp;y=2">1</a> <a href="https://example.com/two">2</a>'
    '<a href="{{ mirror }}">mirror</a><a href="{{ unsubscribe }}">leave</a>'
)


@pytest.fixture
def sent(brevo: Brevo) -> int:
    """A campaign to 2,400 memberships of 2,000 people on two lists, a week ago."""
    brevo.control("seed", lists=2, contacts=2000)
    brevo.control(
        "seed", contacts=[{"email": f"{name}@example.com", "listIds": [2]} for name in ("bounce1", "soft1")]
    )
    number = brevo.new_campaign(2, 3, htmlContent=HTML)
    brevo.post(f"/emailCampaigns/{number}/sendNow")
    brevo.wait(7 * 86400)
    return number


def events_of(brevo: Brevo, number: int) -> list[Event]:
    return [Event(*row) for row in brevo.state()["events"][str(number)]]


def counters(events: list[Event]) -> dict[str, int]:
    """Counted here once more, from the definitions."""
    total = Counter(event.kind for event in events)
    people = {
        kind: {event.email for event in events if event.kind == kind}
        for kind in (*total, "spam", "proxy", "open")
    }
    return {
        "sent": len(people["sent"]),
        "delivered": len(people["delivered"]),
        "hardBounces": len(people.get("hard", ())),
        "softBounces": len(people.get("soft", ())),
        "uniqueViews": len(people["open"] | people["proxy"]),
        "trackableViews": len(people["open"]),
        "viewed": total["open"] + total["proxy"],
        "uniqueClicks": len(people.get("click", ())),
        "clickers": total["click"],
        "unsubscriptions": len(people.get("unsubscribe", ())),
        "complaints": len(people["spam"]),
    }


def read(brevo: Brevo, number: int, kind: str) -> Any:
    return brevo.get(f"/emailCampaigns/{number}", statistics=kind)["statistics"]


def test_statistics_equal_the_events(brevo: Brevo, sent: int) -> None:
    events = events_of(brevo, sent)
    statistics = read(brevo, sent, "globalStats")
    whole = statistics["globalStats"]

    assert {name: whole[name] for name in counters(events)} == counters(events)
    assert whole["sent"] == 2002 == whole["delivered"] + whole["hardBounces"] + whole["softBounces"]
    for row in statistics["campaignStats"]:
        expected = counters([event for event in events if event.list_id == row["listId"]])
        assert {name: row[name] for name in expected} == expected
    assert sum(row["sent"] for row in statistics["campaignStats"]) == whole["sent"]


def test_reactions_are_about_as_frequent_as_in_life(brevo: Brevo, sent: int) -> None:
    whole = read(brevo, sent, "globalStats")["globalStats"]
    share = {
        name: whole[name] / whole["delivered"]
        for name in ("trackableViews", "uniqueClicks", "unsubscriptions")
    }

    assert 0.30 < share["trackableViews"] < 0.40
    assert 0.06 < share["uniqueClicks"] < 0.11
    assert 0.001 < share["unsubscriptions"] < 0.012
    assert 0.008 < (whole["hardBounces"] + whole["softBounces"]) / whole["sent"] < 0.03


def test_every_kind_alone_and_each_adds_up(brevo: Brevo, sent: int) -> None:
    events = events_of(brevo, sent)
    domains = read(brevo, sent, "statsByDomain")
    assert domains["globalStats"]["sent"] == 0
    assert {domain: row["sent"] for domain, row in domains["statsByDomain"].items()} == Counter(
        event.email.partition("@")[2] for event in events if event.kind == "sent"
    )
    links = read(brevo, sent, "linksStats")
    assert links["linksStats"] == Counter(e.url for e in events if e.url.startswith("https://example"))
    assert set(links["linksStats"]) == {"https://example.com/one?x=1&y=2", "https://example.com/two"}
    assert links["mirrorClick"] == sum(event.url.startswith("https://mirror") for event in events) > 0
    devices = read(brevo, sent, "statsByDevice")["statsByDevice"]
    assert (
        sum(row["viewed"] for group in devices.values() for row in group.values())
        == counters(events)["viewed"]
    )
    browsers = read(brevo, sent, "statsByBrowser")["statsByBrowser"]
    assert sum(row["clickers"] for row in browsers.values()) == counters(events)["clickers"]
    plain = brevo.get(f"/emailCampaigns/{sent}")["statistics"]
    assert (plain["globalStats"]["sent"], plain["linksStats"], plain["campaignStats"][0]["sent"] > 0) == (
        0,
        {},
        True,
    )


def test_statistics_that_only_a_single_read_gives(brevo: Brevo) -> None:
    for kind in ("statsByDevice", "statsByBrowser"):
        refused = brevo.refused("GET", "/emailCampaigns", statistics=kind, breaks_schema=True)
        assert refused == (400, "invalid_parameter")


def test_the_list_forgets_after_six_months(brevo: Brevo, sent: int) -> None:
    def listed() -> int:
        row = brevo.get("/emailCampaigns", statistics="globalStats")["campaigns"][0]
        count: int = row["statistics"]["globalStats"]["sent"]
        return count

    assert listed() == 2002
    brevo.wait(200 * 86400)
    assert listed() == 0
    assert read(brevo, sent, "globalStats")["globalStats"]["sent"] == 2002


def test_addresses_choose_their_fate(brevo: Brevo, sent: int) -> None:
    fates = {event.email: event.kind for event in events_of(brevo, sent) if event.kind in ("hard", "soft")}
    assert (fates["bounce1@example.com"], fates["soft1@example.com"]) == ("hard", "soft")
    assert brevo.get("/contacts/bounce1%40example.com")["emailBlacklisted"] is True
    assert brevo.get("/contacts/soft1%40example.com")["emailBlacklisted"] is False


def test_whoever_leaves_or_complains_is_blocklisted_and_stays_on_the_list(brevo: Brevo, sent: int) -> None:
    left = next(event for event in events_of(brevo, sent) if event.kind == "unsubscribe")

    contact = brevo.get(f"/contacts/{left.contact_id}")

    assert (contact["emailBlacklisted"], left.list_id in contact["listIds"]) == (True, True)
    assert contact["statistics"]["unsubscriptions"]["userUnsubscription"][0]["campaignId"] == sent


def test_the_same_people_do_the_same_again(brevo: Brevo, sent: int) -> None:
    other = Brevo(brevo.sandbox, "sandbox-other")
    other.control("seed", limits="off", lists=2)
    rows = [event for event in events_of(brevo, sent) if event.kind == "sent"]
    other.control("seed", contacts=[{"email": row.email, "listIds": [row.list_id]} for row in rows])
    number = other.new_campaign(2, 3, htmlContent=HTML)
    other.post(f"/emailCampaigns/{number}/sendNow")
    other.wait(7 * 86400)

    again = read(other, number, "globalStats")["globalStats"]
    assert again == read(brevo, sent, "globalStats")["globalStats"]


def test_exports_hold_whom_the_statistics_count(brevo: Brevo, sent: int) -> None:
    expected = counters(events_of(brevo, sent))
    delivered, opened, clicked = expected["delivered"], expected["uniqueViews"], expected["uniqueClicks"]
    sizes = {
        "all": expected["sent"],
        "openers": opened,
        "nonOpeners": delivered - opened,
        "clickers": clicked,
        "nonClickers": delivered - clicked,
        "hardBounces": expected["hardBounces"],
        "softBounces": expected["softBounces"],
        "unsubscribed": expected["unsubscriptions"],
    }
    for kind, size in sizes.items():
        process = brevo.post(f"/emailCampaigns/{sent}/exportRecipients", {"recipientsType": kind})[
            "processId"
        ]
        assert (kind, len(brevo.file(brevo.process(process)["export_url"])) - 1) == (kind, size)


def test_acts_count_like_anything_else(brevo: Brevo) -> None:
    list_id = brevo.new_list("person@example.net")
    number = brevo.new_campaign(list_id)
    brevo.control("seed", pace={"react": 1})
    brevo.post(f"/emailCampaigns/{number}/sendNow")
    brevo.wait(3600)
    before = read(brevo, number, "globalStats")["globalStats"]

    for kind in ("open", "click", "unsubscribe", "complain"):
        brevo.control("act", campaign=number, email="person@example.net", kind=kind)

    after = read(brevo, number, "globalStats")["globalStats"]
    grown = {name for name in after if isinstance(after[name], int) and after[name] > before[name]}
    assert grown >= {"viewed", "clickers", "unsubscriptions", "complaints"}
    assert after["delivered"] == 1
    brevo.control("act", campaign=number, email="person@example.net", kind="bounce")
    bounced = read(brevo, number, "globalStats")["globalStats"]
    assert (bounced["sent"], bounced["delivered"], bounced["hardBounces"], bounced["returnBounce"]) == (
        1,
        0,
        1,
        1,
    )


def test_a_contact_shows_what_the_campaign_shows(brevo: Brevo, sent: int) -> None:
    click = next(
        event for event in events_of(brevo, sent) if event.kind == "click" and event.url.startswith("https")
    )
    mine = [event for event in events_of(brevo, sent) if event.contact_id == click.contact_id]

    shown = brevo.get(f"/contacts/{click.contact_id}/campaignStats")

    assert shown["messagesSent"][0]["campaignId"] == sent
    assert shown["opened"][0]["count"] == sum(event.kind in ("open", "proxy") for event in mine)
    links = {row["url"]: row["count"] for row in shown["clicked"][0]["links"]}
    assert links == Counter(event.url for event in mine if event.url)
    brevo.wait(100 * 86400)
    assert brevo.get(f"/contacts/{click.contact_id}")["statistics"]["messagesSent"] == []

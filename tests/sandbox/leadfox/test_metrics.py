"""Figures that add up."""

from typing import Any

import pytest

from tests.sandbox.leadfox.client import Leadfox

NOTHING = {
    "sent": 0, "open": 0, "uniqueopen": 0, "click": 0, "uniqueclick": 0, "bounce": 0, "unsubscribe": 0, "spam": 0,
}  # fmt: skip
EVE, MIDNIGHT, MORROW = "2025-03-10T00:00:00Z", "2025-03-11T00:00:00Z", "2025-03-12T00:00:00Z"


@pytest.fixture
def quiet(leadfox: Leadfox) -> Leadfox:
    """Nobody reacts by themselves for a year."""
    leadfox.seed(pace={"send": 0, "react": 365 * 86400})
    return leadfox


def reached(leadfox: Leadfox, *emails: str) -> str:
    campaign_id = leadfox.new_campaign(leadfox.new_list(*emails), status="a")
    leadfox.wait(0)
    return campaign_id


def test_each_act_is_counted(leadfox: Leadfox) -> None:
    campaign_id = reached(leadfox, "a@example.com")
    for kind in (
        "open",
        "proxy_open",
        "click",
        "click",
        "unsubscribe",
        "unsubscribe",
        "complain",
        "bounce",
        "soft_bounce",
    ):
        leadfox.act(kind, campaign=campaign_id, email="A@example.com", link="https://example.com/a")

    assert leadfox.metrics(campaign_id) == {
        "sent": 1, "open": 2, "uniqueopen": 1, "click": 2, "uniqueclick": 1, "bounce": 1, "unsubscribe": 1, "spam": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "subscribed"),
    [
        ("open", True),
        ("click", True),
        ("bounce", True),
        ("soft_bounce", True),
        ("unsubscribe", False),
        ("complain", False),
    ],
)
def test_what_an_act_does_to_the_person(leadfox: Leadfox, kind: str, subscribed: bool) -> None:
    campaign_id = reached(leadfox, "a@example.com")
    leadfox.act(kind, campaign=campaign_id, email="a@example.com")
    assert leadfox.contact("a@example.com")["subscribed"] is subscribed
    assert len(leadfox.get("/v1/contact", filters="subscribed=false")) == (not subscribed)


def test_acts_that_cannot_be(leadfox: Leadfox) -> None:
    campaign_id = reached(leadfox, "a@example.com")
    leadfox.new_contact("b@example.com")
    for act, status in (
        ({"kind": "open", "campaign": campaign_id, "email": "b@example.com"}, 404),
        ({"kind": "open", "campaign": "none", "email": "a@example.com"}, 404),
        ({"kind": "open", "campaign": campaign_id, "email": "nobody@example.com"}, 404),
        ({"kind": "leave_list", "list": "none", "email": "a@example.com"}, 404),
        ({"kind": "consent", "mailinglist": "none", "status": "opt-in", "email": "a@example.com"}, 404),
        ({"kind": "dance", "campaign": campaign_id, "email": "a@example.com"}, 400),
    ):
        asked = {"provider": "leadfox", "account": leadfox.apikey} | act
        assert leadfox.session.post("http://control/_control/act", json=asked).status_code == status, act


def test_leaving_a_list(leadfox: Leadfox) -> None:
    list_id = leadfox.new_list("a@example.com")
    leadfox.act("leave_list", email="a@example.com", list=list_id)
    assert leadfox.contact("a@example.com")["lists"] == []
    assert leadfox.contact("a@example.com")["subscribed"] is True


def test_who_refuses_to_be_followed_is_not(leadfox: Leadfox) -> None:
    leadfox.seed(contacts=[{"email": "a@example.com", "tracked": False}])
    since = "2025-03-10T08:00:00.000Z"
    assert leadfox.contact("a@example.com")["emailTrackingConsent"] == {"status": "DENIED", "updated": since}
    campaign_id = reached(leadfox, "a@example.com")
    for kind in ("open", "click", "unsubscribe"):
        leadfox.act(kind, campaign=campaign_id, email="a@example.com")

    assert leadfox.metrics(campaign_id) == NOTHING | {"sent": 1, "unsubscribe": 1}


def test_days_add_up_to_the_whole(quiet: Leadfox) -> None:
    campaign_id = reached(quiet, "a@example.com", "b@example.com")
    before = quiet.metrics(campaign_id)
    quiet.act("open", campaign=campaign_id, email="a@example.com")
    quiet.wait(86400)
    for email in ("a@example.com", "b@example.com"):
        quiet.act("open", campaign=campaign_id, email=email)

    rows = quiet.get(f"/v1/metric/campaign/{campaign_id}")
    assert [{name: row[name] for name in ("_id", "sent", "open", "uniqueopen")} for row in rows] == [
        {"_id": "2025-03-10", "sent": 2, "open": 1 + before["open"], "uniqueopen": 1 + before["uniqueopen"]},
        {"_id": "2025-03-11", "sent": 0, "open": 2, "uniqueopen": 1},
    ]
    whole = quiet.metrics(campaign_id)
    assert whole == {name: sum(row[name] for row in rows) for name in NOTHING}
    assert quiet.get(f"/v1/metric/campaign/{campaign_id}", compile="false") == rows

    def within(**window: str) -> dict[str, int]:
        return quiet.metrics(campaign_id, **window)

    assert within(startdate=EVE, enddate=MORROW) == whole
    assert within(enddate=MIDNIGHT) == {name: rows[0][name] for name in NOTHING}
    assert within(startdate="2025-03-11T01:00:00+01:00") == {name: rows[1][name] for name in NOTHING}
    assert within(startdate=MORROW) == NOTHING
    assert quiet.get(f"/v1/metric/campaign/{campaign_id}", startdate=MIDNIGHT) == rows[1:]


def test_what_was_never_sent_has_no_days_and_a_row_of_zeros(leadfox: Leadfox) -> None:
    campaign_id, design_id = leadfox.new_campaign(), leadfox.new_design()
    assert leadfox.get(f"/v1/metric/campaign/{campaign_id}") == []
    assert leadfox.metrics(campaign_id) == NOTHING
    assert leadfox.metrics(design_id, "target") == NOTHING


def test_a_design_counts_over_all_its_campaigns(quiet: Leadfox) -> None:
    design, list_id = quiet.new_design(), quiet.new_list("a@example.com")
    campaigns = [quiet.new_campaign(list_id, emails=[{"email": design}], status="a") for _ in range(2)]
    quiet.wait(0)
    for campaign_id in campaigns:
        quiet.act("open", campaign=campaign_id, email="a@example.com")

    one, two, whole = (*map(quiet.metrics, campaigns), quiet.metrics(design, "target"))
    assert whole == {name: one[name] + two[name] for name in NOTHING}
    assert (whole["sent"], whole["uniqueopen"]) == (2, 2)
    assert quiet.metrics(design, "target", startdate=EVE) == whole


def test_people_react_by_themselves(leadfox: Leadfox) -> None:
    leadfox.seed(
        lists=1, contacts=[{"email": f"{fate}@example.com", "lists": [0]} for fate in ("bounce1", "soft1")]
    )
    leadfox.seed(lists=1, contacts=500)
    campaign_id = leadfox.new_campaign(*(row["_id"] for row in leadfox.get("/v1/list")), status="a")
    leadfox.wait(86400)

    figures = leadfox.metrics(campaign_id)
    assert figures["sent"] == 502
    assert 2 <= figures["bounce"] < 30
    assert 150 < figures["uniqueopen"] < figures["open"]
    assert 10 < figures["uniqueclick"] < figures["click"] < figures["open"]
    assert 0 < figures["unsubscribe"] < 20
    gone = figures["unsubscribe"] + figures["spam"]
    assert len(leadfox.get("/v1/contact", filters="subscribed=false")) == gone


@pytest.mark.parametrize(
    ("path", "query", "refusal"),
    [
        ("list/{}", {}, (400, "element_type must be campaign or target")),
        ("target/{}", {}, (404, "Element not found")),
        ("campaign/1", {}, (404, "Element not found")),
        ("campaign/{}", {"compile": "yes"}, (400, "compile must be true or false")),
        ("campaign/{}", {"startdate": "soon"}, (400, "startdate must be an ISO 8601 date and time with its zone")),
        ("campaign/{}", {"enddate": "2025-03-10"}, (400, "enddate must be an ISO 8601 date and time with its zone")),
    ],
)  # fmt: skip
def test_metrics_that_are_refused(
    leadfox: Leadfox, path: str, query: dict[str, Any], refusal: tuple[int, str]
) -> None:
    path = "/v1/metric/" + path.format(leadfox.new_campaign())
    assert leadfox.refused("GET", path, outside_contract=True, **query) == refusal

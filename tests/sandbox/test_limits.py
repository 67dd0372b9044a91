import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import Brevo

PAGED = {
    "/contacts": (50, 1000),
    "/contacts/lists": (10, 50),
    "/contacts/folders": (10, 50),
    "/contacts/folders/1/lists": (10, 50),
    "/contacts/lists/2/contacts": (50, 500),
    "/contacts/segments": (10, 50),
    "/emailCampaigns": (50, 100),
    "/smtp/templates": (50, 1000),
    "/processes": (10, 50),
    "/smtp/statistics/reports": (10, 30),
    "/smtp/statistics/events": (2500, 5000),
}
NEED_BOTH = ("/contacts/folders",)  # the contract wants limit and offset named


def rows(answer: dict[str, object]) -> int:
    return len(next(value for value in answer.values() if isinstance(value, list)))


@pytest.mark.parametrize("path", PAGED)
def test_default_and_maximum_of_a_page(brevo: Brevo, path: str) -> None:
    default, maximum = PAGED[path]
    brevo.control("seed", transactional_daily=100)
    brevo.control("seed", lists=60, contacts=1100, campaigns=110)
    brevo.control("seed", templates=[{"name": "T", "subject": "S", "html": "<p>Hello there</p>"}] * 60)
    brevo.control(
        "seed", segments=[{"name": "S", "category": "", "attribute": "FIRSTNAME", "value": "Ann"}] * 60
    )
    for n in range(60 if path in ("/contacts/folders", "/processes") else 0):
        brevo.post("/contacts/folders", {"name": f"Folder {n}"})
        brevo.post("/contacts/import", {"fileBody": "EMAIL\na@example.com", "listIds": [2]})
    query = {"offset": 0} if path in NEED_BOTH else {}

    over = brevo.call("GET", path, limit=maximum + 1, breaks_schema=True, **query)
    assert (over.status_code, over.json()["code"]) == (400, "out_of_range")
    assert over.json()["message"] == "Limit exceeds max value"
    most = rows(brevo.get(path, limit=maximum, **query))
    found = rows(brevo.call("GET", path, breaks_schema=path in NEED_BOTH).json())
    assert found == min(default, most)
    assert rows(brevo.get(path, limit=3, offset=0)) == 3


def test_pages_join_without_gap_or_overlap(brevo: Brevo) -> None:
    brevo.control("seed", contacts=120)

    pages = [brevo.get("/contacts", limit=50, offset=offset, sort="asc") for offset in (0, 50, 100, 150)]

    assert [row["id"] for page in pages for row in page["contacts"]] == list(range(1, 121))
    assert {page["count"] for page in pages} == {120}


@pytest.mark.parametrize("query", [{"limit": "many"}, {"limit": -1}, {"offset": -1}, {"sort": "up"}])
def test_nonsense_in_a_page_is_refused(brevo: Brevo, query: dict[str, object]) -> None:
    assert brevo.call("GET", "/contacts", breaks_schema=True, **query).status_code == 400


def headers(brevo: Brevo, path: str) -> tuple[int, str, str, str]:
    response = brevo.call("GET", path)
    return response.status_code, *(
        response.headers[f"x-sib-ratelimit-{n}"] for n in ("limit", "remaining", "reset")
    )  # type: ignore[return-value]


@pytest.fixture
def limited(sandbox: Sandbox) -> Brevo:
    """An account under the published limits, on a clock that stands still."""
    sandbox.store.time = lambda: 1_800_000_000.0
    return Brevo(sandbox)


def test_everything_but_contacts_shares_a_hundred_calls_an_hour(limited: Brevo) -> None:
    for n in range(100):
        assert headers(limited, "/senders" if n % 2 else "/account") == (200, "100", str(99 - n), "3600")

    refused = limited.call("GET", "/webhooks")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert "Retry-After" not in refused.headers
    assert refused.headers["x-sib-ratelimit-reset"] == "3600"
    assert limited.call("GET", "/contacts").status_code == 200
    limited.wait(3600)
    assert limited.call("GET", "/webhooks").status_code == 200


def test_contacts_have_ten_calls_a_second(limited: Brevo) -> None:
    for n in range(10):
        assert headers(limited, "/contacts/lists") == (200, "10", str(9 - n), "1")
    assert headers(limited, "/contacts") == (429, "10", "0", "1")
    limited.wait(1)
    assert limited.call("GET", "/contacts").status_code == 200


def test_a_seed_can_switch_the_limits_off(limited: Brevo) -> None:
    limited.control("seed", limits="off")
    assert {limited.call("GET", "/account").status_code for _ in range(120)} == {200}


def test_forty_webhooks(brevo: Brevo) -> None:
    hook = {"url": "https://example.com/hook", "events": ["opened"], "type": "marketing"}
    for _ in range(40):
        brevo.post("/webhooks", hook)
    assert brevo.refused("POST", "/webhooks", hook) == (400, "out_of_range")


def test_a_hundred_and_fifty_scheduled_campaigns(brevo: Brevo) -> None:
    number = brevo.new_list("a@example.com")
    for _ in range(150):
        brevo.new_campaign(number, scheduledAt="2099-01-01T09:00:00.000Z")
    draft = brevo.new_campaign(number)
    later = {"scheduledAt": "2099-01-01T09:00:00.000Z"}
    assert brevo.refused("PUT", f"/emailCampaigns/{draft}", later) == (400, "out_of_range")
    assert brevo.status(draft) == "draft"


@pytest.mark.parametrize("path", ["/smtp/statistics/aggregatedReport", "/contacts/1"])
def test_windows_of_statistics(brevo: Brevo, path: str) -> None:
    brevo.post("/contacts", {"email": "a@example.com"})
    today, quarter, year = (brevo.later(days=-days)[:10] for days in (0, 89, 365))

    assert brevo.call("GET", path, startDate=quarter, endDate=today).status_code == 200
    assert brevo.refused("GET", path, startDate=year, endDate=today) == (400, "out_of_range")
    assert brevo.refused("GET", path, startDate=today, endDate=quarter) == (400, "invalid_parameter")
    assert brevo.refused("GET", path, startDate=quarter) == (400, "missing_parameter")
    assert brevo.refused("GET", path, startDate="soon", endDate=today, breaks_schema=True) == (
        400,
        "invalid_parameter",
    )


def test_days_exclude_dates(brevo: Brevo) -> None:
    path, today = "/smtp/statistics/reports", brevo.later()[:10]
    assert brevo.refused("GET", path, days=3, startDate=today, endDate=today) == (400, "invalid_parameter")
    assert brevo.refused("GET", path, days=91) == (400, "out_of_range")
    assert [row["date"] for row in brevo.get(path, days=1)["reports"]] == [today]

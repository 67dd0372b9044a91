from collections import Counter

import pytest

from tests.sandbox.especial.especial_client import Especial


def log(especial: Especial, path: str, **query: str) -> list[dict[str, object]]:
    """All lines, page after page."""
    lines: list[dict[str, object]] = []
    for number in range(1, 1000):
        page = especial.data(path, page=number, per_page=100, **query)
        lines += page
        if len(page) < 100:
            break
    return lines


def test_report_and_log_agree_to_the_unit(especial: Especial) -> None:
    list_id, number = especial.sent(people=600)
    report, lines = especial.data(f"/reports/campaigns/{number}"), log(especial, f"/logs/campaigns/{number}")
    total = Counter(str(line["type"]) for line in lines)
    people = {kind: {line["contact_id"] for line in lines if line["type"] == kind} for kind in total}
    bounced = people["bounce_hb"] | people["bounce_sb"]

    assert min(total[kind] for kind in ("open", "clickthru", "bounce_hb", "bounce_sb", "unsubscribe")) > 0
    assert (report["sent_emails"], total["sent"], report["sent_rate"]) == (600, 600, 1.0)
    assert (report["opens"], report["unique_opens"]) == (
        total["open"],
        len(people["open"] | people["clickthru"]),
    )
    assert (report["clicks"], report["unique_clicks"]) == (total["clickthru"], len(people["clickthru"]))
    assert (report["bounces"], report["bounces_hard"], report["bounces_soft"]) == (
        len(bounced),
        len(people["bounce_hb"]),
        len(people["bounce_sb"]),
    )
    assert report["active_emails"] == 600 - len(bounced) == len(people["received"])
    assert report["unopens"] == report["active_emails"] - report["unique_opens"]
    assert report["open_rate"] == round(report["unique_opens"] / report["active_emails"], 6)
    assert report["clickthru_rate"] == round(report["unique_clicks"] / report["unique_opens"], 6)
    links = especial.data(f"/reports/campaigns/{number}/links")
    assert sum(row["total"] for row in links) == total["clickthru"]
    of_list = especial.data(f"/reports/lists/{list_id}")
    assert of_list["unsubscribed_contacts"] == len(people["unsubscribe"]) == report["unsubscribes"]
    assert of_list["invalid_contacts"] == len(people["bounce_hb"])
    assert {name: of_list[name] for name in ("sent_emails", "open_rate", "click_rate")} == {
        name: report[name] for name in ("sent_emails", "open_rate", "click_rate")
    }
    account = especial.data("/reports/accounts/self")
    assert (account["sent_campaign_emails"], account["open_rate"]) == (600, report["open_rate"])


def test_log_filters(especial: Especial) -> None:
    _, number = especial.sent(people=300)
    path = f"/logs/campaigns/{number}"
    whole = log(especial, path)
    opens = [line for line in whole if line["type"] == "open"]
    clicks = [line for line in whole if line["type"] == "clickthru"]
    email = clicks[0]["email"]

    assert log(especial, path, filter="type==open") == opens
    assert log(especial, path, filter=f"email=={email};type==clickthru") == [
        c for c in clicks if c["email"] == email
    ]
    assert {line["type"] for line in log(especial, path, filter="type==bounce")} <= {"bounce_hb", "bounce_sb"}
    unique = log(especial, path, filter="type==open;uniques==1")
    assert len(unique) == len({line["contact_id"] for line in opens})
    assert sum(int(str(line["occurrences"])) for line in unique) == len(opens)
    assert len(log(especial, path, filter="group_by_contact==1")) == 300
    first = log(especial, path, filter="link_id==1")
    assert first == [line for line in clicks if line["clickthru_url"] == "https://example.com/a"]
    middle = int(str(whole[len(whole) // 2]["timestamp"]))
    later = log(especial, path, start_time=str(middle))
    assert len(later) == sum(int(str(line["timestamp"])) >= middle for line in whole)
    assert log(especial, path, sort="-log_id") == whole[::-1]
    assert especial.refused("GET", path, filter="contact_id==x")[0] == 400


def test_a_log_is_read_on_by_its_cursor(especial: Especial) -> None:
    _, number = especial.sent(people=100)
    path = f"/logs/campaigns/{number}"
    whole, seen, page = log(especial, path), [], especial.get(path)
    while cursor := page["pagination"]["cursor"]["next"]:
        seen += page["data"]
        page = especial.get(path, cursor=cursor)

    assert seen + page["data"] == whole


@pytest.mark.parametrize(
    ("kind", "logged", "status", "bounce"),
    [
        ("open", "open", "active", "none"),
        ("proxy_open", "open", "active", "none"),
        ("click", "clickthru", "active", "none"),
        ("unsubscribe", "unsubscribe", "unsubscribed", "none"),
        ("global_unsubscribe", "global_unsubscribe", "unsubscribed", "none"),
        ("complain", "spam", "spam", "none"),
        ("bounce", "bounce_hb", "inactive_bounced", "hard"),
        ("soft_bounce", "bounce_sb", "active", "soft"),
    ],
)
def test_control_acts_leave_their_traces(
    especial: Especial, kind: str, logged: str, status: str, bounce: str
) -> None:
    list_id = especial.new_list("a@example.com")
    number = especial.new_campaign(list_id)
    especial.control("seed", pace={"send": 0, "react": 0})
    especial.post(f"/campaigns/{number}/schedule")
    especial.wait(120)
    before = len(especial.data(f"/logs/campaigns/{number}"))
    especial.control("act", kind=kind, campaign=number, email="A@example.com", link="https://example.com/b")

    line = especial.data(f"/logs/campaigns/{number}")[before]
    assert (line["type"], line["clickthru_url"]) == (
        logged,
        "https://example.com/b" if kind == "click" else None,
    )
    assert line.get("user_agent", {}).get("is_bot") == {
        "proxy_open": True,
        "open": False,
        "click": False,
    }.get(kind)
    contact = especial.data(f"/lists/{list_id}/contacts/1")
    assert (contact["status"], contact["last_bounce_type"]) == (status, bounce)


def test_the_fourth_soft_bounce_removes_an_address(especial: Especial) -> None:
    list_id = especial.new_list("soft@example.com")
    seen = []
    for _ in range(4):
        number = especial.new_campaign(list_id)
        especial.post(f"/campaigns/{number}/schedule")
        especial.wait(60)
        contact = especial.data(f"/lists/{list_id}/contacts/1")
        seen.append((contact["status"], contact["bounces_count"]))

    assert seen == [("active", 1), ("active", 2), ("active", 3), ("inactive_bounced", 4)]


def test_a_complaint_suppresses_for_good_and_a_global_leave_everywhere(especial: Especial) -> None:
    contacts = [{"email": f"{name}@example.com", "lists": [0, 1]} for name in ("angry", "tired")]
    first, second = especial.control("seed", lists=2, contacts=contacts, pace={"send": 0, "react": 0})[
        "lists"
    ]
    number = especial.new_campaign(first)
    especial.post(f"/campaigns/{number}/schedule")
    especial.wait(120)
    especial.control("act", kind="complain", campaign=number, email="angry@example.com")
    especial.control("act", kind="global_unsubscribe", campaign=number, email="tired@example.com")

    assert especial.data("/suppressed-emails") == [
        {"email": "angry@example.com", "source": "spam"},
        {"email": "tired@example.com", "source": "global_unsubscribe"},
    ]
    statuses = [[row["status"] for row in especial.data(f"/lists/{n}/contacts")] for n in (first, second)]
    assert statuses == [["spam", "unsubscribed"], ["active", "unsubscribed"]]
    answer = especial.refused("DELETE", "/suppressed-emails/angry@example.com")
    assert answer == (400, "An address that complained stays suppressed")
    especial.delete("/suppressed-emails/tired@example.com")
    assert especial.refused("POST", "/suppressed-emails", {"email": "all@@"}) == (
        400,
        "Invalid email or pattern",
    )


def test_untracked_opens_and_clicks_are_not_seen(especial: Especial) -> None:
    list_id = especial.control("seed", lists=1, contacts=100)["lists"][0]
    number = especial.new_campaign(list_id, tracking={"opens": False, "clicks_html": False})
    especial.post(f"/campaigns/{number}/schedule")
    especial.wait(86400)

    report = especial.data(f"/reports/campaigns/{number}")
    assert (report["sent_emails"], report["opens"], report["clicks"]) == (100, 0, 0)

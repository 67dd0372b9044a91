from typing import Any

import pytest

from tests.sandbox.brevo_client import Brevo


@pytest.fixture
def list_id(brevo: Brevo) -> int:
    return brevo.new_list(*(f"person{n}@example.com" for n in range(20)))


def reach(brevo: Brevo, list_id: int, status: str) -> int:
    """A campaign in this status."""
    number = brevo.new_campaign(list_id)
    if status != "draft":
        brevo.put(f"/emailCampaigns/{number}", {"scheduledAt": brevo.later(hours=1)})
    if status in ("suspended", "archive"):
        brevo.put(f"/emailCampaigns/{number}/status", {"status": "suspended"})
    if status == "archive":
        brevo.put(f"/emailCampaigns/{number}/status", {"status": "archive"})
    if status == "cancelled":
        brevo.put(f"/emailCampaigns/{number}/status", {"status": "cancel"})
    if status == "in_process":
        brevo.wait(3600 + 20)
    if status == "sent":
        brevo.wait(3600 + 600)
    assert brevo.status(number) == status
    return number


DONE = (204, "")
NO, SENT, BUSY = (400, "bad_request"), (400, "campaign_sent"), (400, "campaign_processing")
WRONG, DENIED = (400, "invalid_parameter"), (403, "permission_denied")


CALLS: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "", {"subject": "Other"}),
    ("POST", "/sendNow", None),
    ("PUT", "/status", {"status": "suspended"}),
    ("PUT", "/status", {"status": "queued"}),
    ("PUT", "/status", {"status": "archive"}),
    ("DELETE", "", None),
)


@pytest.mark.parametrize(
    ("status", "answers"),
    [  #            change sendNow suspend queue archive delete
        ("draft", (DONE, DONE, WRONG, WRONG, WRONG, DONE)),
        ("queued", (DONE, BUSY, DONE, WRONG, WRONG, DENIED)),
        ("in_process", (BUSY, BUSY, DONE, WRONG, WRONG, DENIED)),
        ("sent", (SENT, SENT, WRONG, WRONG, DONE, DENIED)),
        ("suspended", (DONE, NO, WRONG, DONE, DONE, DENIED)),
        ("archive", (NO, NO, WRONG, WRONG, WRONG, DENIED)),
        ("cancelled", (NO, NO, WRONG, WRONG, WRONG, DENIED)),
    ],
)
def test_what_each_status_allows(brevo: Brevo, list_id: int, status: str, answers: tuple[Any, ...]) -> None:
    found = []
    for method, path, body in CALLS:
        number = reach(brevo, list_id, status)
        reply = brevo.call(method, f"/emailCampaigns/{number}{path}", body)
        found.append((reply.status_code, reply.json()["code"] if reply.content else ""))

    assert tuple(found) == answers


def test_a_scheduled_campaign_goes_out_when_its_time_comes(brevo: Brevo, list_id: int) -> None:
    number = brevo.new_campaign(list_id, scheduledAt=brevo.later(minutes=10))
    seen = [brevo.status(number)]
    for seconds in (595, 10, 300):
        brevo.wait(seconds)
        seen.append(brevo.status(number))

    assert seen == ["queued", "queued", "in_process", "sent"]


def test_putting_off_a_campaign_puts_it_off(brevo: Brevo, list_id: int) -> None:
    number = brevo.new_campaign(list_id, scheduledAt=brevo.later(minutes=10))
    brevo.put(f"/emailCampaigns/{number}", {"scheduledAt": brevo.later(hours=2)})
    brevo.wait(3600)
    assert brevo.status(number) == "queued"

    brevo.wait(2 * 3600)
    assert brevo.status(number) == "sent"


def test_a_campaign_sent_now_leaves_in_waves(brevo: Brevo, list_id: int) -> None:
    number = brevo.new_campaign(list_id)
    brevo.post(f"/emailCampaigns/{number}/sendNow")
    seen = []
    for _ in range(3):
        brevo.wait(45)
        statistics = brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"]
        seen.append((statistics["globalStats"]["sent"], statistics["remaining"]))

    assert all(sent + remaining == 20 for sent, remaining in seen)
    assert 0 < seen[0][0] < 20
    assert seen[-1] == (20, 0)


def test_a_paused_campaign_sends_nothing_and_goes_on_where_it_stopped(brevo: Brevo, list_id: int) -> None:
    number = reach(brevo, list_id, "in_process")
    brevo.put(f"/emailCampaigns/{number}/status", {"status": "suspended"})

    def sent() -> int:
        count: int = brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"][
            "globalStats"
        ]["sent"]
        return count

    before = sent()
    brevo.wait(3600)
    assert (brevo.status(number), sent()) == ("suspended", before)
    brevo.put(f"/emailCampaigns/{number}/status", {"status": "queued"})
    brevo.wait(600)
    assert (brevo.status(number), sent()) == ("sent", 20)
    addresses = [event[3] for event in brevo.state()["events"][str(number)] if event[1] == "sent"]
    assert len(addresses) == len(set(addresses)) == 20


def test_a_suspended_campaign_whose_time_has_passed_needs_a_new_one(brevo: Brevo, list_id: int) -> None:
    number = reach(brevo, list_id, "suspended")
    brevo.wait(7200)

    assert brevo.refused("PUT", f"/emailCampaigns/{number}/status", {"status": "queued"}) == WRONG
    brevo.put(f"/emailCampaigns/{number}", {"scheduledAt": brevo.later(hours=1)})
    assert brevo.status(number) == "queued"


def test_cancelling_stops_what_has_not_left(brevo: Brevo, list_id: int) -> None:
    number = reach(brevo, list_id, "in_process")
    brevo.put(f"/emailCampaigns/{number}/status", {"status": "cancel"})
    brevo.wait(3600)

    statistics = brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"]
    assert (brevo.status(number), statistics["remaining"]) == ("cancelled", 0)
    assert 0 < statistics["globalStats"]["sent"] < 20


def test_archiving_and_back(brevo: Brevo, list_id: int) -> None:
    number = reach(brevo, list_id, "sent")
    brevo.put(f"/emailCampaigns/{number}/status", {"status": "archive"})
    assert brevo.status(number) == "archive"
    brevo.put(f"/emailCampaigns/{number}/status", {"status": "darchive"})
    assert brevo.status(number) == "sent"


@pytest.mark.parametrize("word", ["draft", "sent", "replicateTemplate", "darchive"])
def test_status_words_without_a_known_effect_are_refused(brevo: Brevo, list_id: int, word: str) -> None:
    number = brevo.new_campaign(list_id)
    assert brevo.refused("PUT", f"/emailCampaigns/{number}/status", {"status": word}) == WRONG


def test_recipients_are_the_lists_without_excluded_blocked_and_those_who_left(brevo: Brevo) -> None:
    one = brevo.new_list("both@example.com", "one@example.com", "blocked@example.com", "left@example.com")
    two = brevo.new_list("both@example.com", "two@example.com", "out@example.com", name="two")
    out = brevo.new_list("out@example.com", name="out")
    brevo.put("/contacts/blocked%40example.com", {"emailBlacklisted": True})
    brevo.control("act", kind="leave_list", email="left@example.com", list=one)
    number = brevo.new_campaign(recipients={"listIds": [one, two], "exclusionListIds": [out]})
    brevo.post(f"/emailCampaigns/{number}/sendNow")
    brevo.wait(600)

    sent = [event[3] for event in brevo.state()["events"][str(number)] if event[1] == "sent"]
    assert sorted(sent) == ["both@example.com", "one@example.com", "two@example.com"]


def test_a_campaign_to_a_segment(brevo: Brevo) -> None:
    brevo.control(
        "seed", segments=[{"name": "Anns", "category": "", "attribute": "FIRSTNAME", "value": "Ann"}]
    )
    brevo.post("/contacts", {"email": "ann@example.com", "attributes": {"FIRSTNAME": "Ann"}})
    brevo.new_list("bob@example.com")
    number = brevo.new_campaign(recipients={"segmentIds": [1]})
    assert brevo.refused("PUT", f"/emailCampaigns/{number}", {"recipients": {"listIds": [2]}}) == WRONG
    brevo.post(f"/emailCampaigns/{number}/sendNow")
    brevo.wait(600)

    assert (
        brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"]["globalStats"]["sent"]
        == 1
    )


AB = {"abTesting": True, "subject": None, "subjectA": "A", "subjectB": "B", "splitRule": 50}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": None}, "missing_parameter"),
        ({"sender": None}, "missing_parameter"),
        ({"sender": {"name": "News"}}, "missing_parameter"),
        ({"sender": {"id": 1, "email": "owner@sandbox-test.example"}}, "invalid_parameter"),
        ({"sender": {"id": 99}}, "invalid_parameter"),
        ({"sender": {"email": "unknown@example.com"}}, "invalid_parameter"),
        ({"subject": None}, "missing_parameter"),
        ({"htmlContent": None}, "missing_parameter"),
        ({"templateId": 1}, "invalid_parameter"),
        ({"htmlContent": None, "templateId": 99}, "invalid_parameter"),
        ({"htmlContent": None, "htmlUrl": "https://example.com/mail.html"}, "invalid_parameter"),
        ({"recipients": {"listIds": [99]}}, "invalid_parameter"),
        ({"recipients": {"segmentIds": [99]}}, "invalid_parameter"),
        ({"scheduledAt": "2001-01-01T00:00:00.000Z"}, "invalid_parameter"),
        ({"scheduledAt": "tomorrow"}, "invalid_parameter"),
        ({"scheduledAt": "2099-01-01T00:00:00"}, "invalid_parameter"),
        ({"scheduledAt": "2099-01-01T00:00:00.000Z", "recipients": None}, "missing_parameter"),
        ({"replyTo": "nobody"}, "invalid_parameter"),
        (AB | {"subjectB": "A"}, "invalid_parameter"),
        (AB | {"subjectB": None}, "missing_parameter"),
        (AB | {"splitRule": None}, "missing_parameter"),
        (AB | {"splitRule": 51}, "out_of_range"),
        (AB | {"splitRule": 10}, "missing_parameter"),
        (AB | {"splitRule": 10, "winnerCriteria": "open"}, "missing_parameter"),
        (AB | {"splitRule": 10, "winnerCriteria": "luck", "winnerDelay": 1}, "invalid_parameter"),
        (AB | {"splitRule": 10, "winnerCriteria": "open", "winnerDelay": 169}, "out_of_range"),
        (AB | {"sendAtBestTime": True}, "invalid_parameter"),
        ({"ipWarmupEnable": True}, "missing_parameter"),
        ({"ipWarmupEnable": True, "initialQuota": 100}, "missing_parameter"),
        ({"ipWarmupEnable": True, "initialQuota": 1, "increaseRate": 1, "sendAtBestTime": True}, "invalid_parameter"),
        ({"scheduledAt": "2099-01-01T00:00:00.000Z", "inlineImageActivation": True, "htmlContent": "x" * (4 * 1024 * 1024 + 1)}, "invalid_parameter"),
    ],
)  # fmt: skip
def test_refused_campaigns_leave_nothing_behind(
    brevo: Brevo, list_id: int, fields: dict[str, Any], code: str
) -> None:
    body = {
        "name": "Campaign",
        "subject": "Subject",
        "sender": {"id": 1},
        "htmlContent": "<p>Hello</p>",
        "recipients": {"listIds": [list_id]},
    }
    body = {name: value for name, value in (body | fields).items() if value is not None}
    assert brevo.refused("POST", "/emailCampaigns", body, breaks_schema=True) == (400, code)
    assert brevo.get("/emailCampaigns")["count"] == 0


def test_inactive_senders_are_refused(brevo: Brevo, list_id: int) -> None:
    number = brevo.post("/senders", {"name": "New", "email": "new@example.com"})["id"]

    body = {"name": "C", "subject": "S", "sender": {"id": number}, "htmlContent": "<p>Hello</p>"}
    assert brevo.refused("POST", "/emailCampaigns", body) == WRONG


def test_a_refused_change_changes_nothing(brevo: Brevo, list_id: int) -> None:
    number = brevo.new_campaign(list_id)
    before = brevo.get(f"/emailCampaigns/{number}")
    body = {"subject": "Other", "scheduledAt": "2001-01-01T00:00:00.000Z"}

    assert brevo.refused("PUT", f"/emailCampaigns/{number}", body) == WRONG
    heavy = {"scheduledAt": brevo.later(hours=1), "inlineImageActivation": True, "htmlContent": "x" * 4194305}
    assert brevo.refused("PUT", f"/emailCampaigns/{number}", heavy) == WRONG
    assert brevo.get(f"/emailCampaigns/{number}") == before


def test_sending_now_needs_people_and_credits(brevo: Brevo, list_id: int) -> None:
    empty, none = brevo.new_campaign(brevo.new_list(name="empty")), brevo.new_campaign(recipients=None)
    assert brevo.refused("POST", f"/emailCampaigns/{empty}/sendNow") == WRONG
    assert brevo.refused("POST", f"/emailCampaigns/{none}/sendNow") == (400, "missing_parameter")
    brevo.control("seed", credits=19)
    number = brevo.new_campaign(list_id)
    assert brevo.refused("POST", f"/emailCampaigns/{number}/sendNow") == (402, "not_enough_credits")
    assert brevo.status(number) == "draft"


def test_sending_spends_credits_and_a_scheduled_campaign_without_them_is_suspended(
    brevo: Brevo, list_id: int
) -> None:
    brevo.control("seed", credits=30)
    first = brevo.new_campaign(list_id, scheduledAt=brevo.later(minutes=1))
    second = brevo.new_campaign(list_id, scheduledAt=brevo.later(minutes=2))
    brevo.wait(600)

    assert (brevo.status(first), brevo.status(second)) == ("sent", "suspended")
    assert brevo.get("/account")["plan"][0]["credits"] == 10


def test_the_content_of_a_template_is_copied(brevo: Brevo, list_id: int) -> None:
    template = {"templateName": "T", "subject": "S", "sender": {"id": 1}, "htmlContent": "<p>First words</p>"}
    number = brevo.post("/smtp/templates", template)["id"]
    inactive = {"name": "C", "subject": "S", "sender": {"id": 1}, "templateId": number}
    assert brevo.refused("POST", "/emailCampaigns", inactive) == WRONG
    brevo.put(f"/smtp/templates/{number}", {"isActive": True})
    campaign_id = brevo.new_campaign(list_id, htmlContent=None, templateId=number)
    brevo.put(f"/smtp/templates/{number}", {"htmlContent": "<p>Second words</p>"})

    assert brevo.get(f"/emailCampaigns/{campaign_id}")["htmlContent"] == "<p>First words</p>"
    assert brevo.refused("DELETE", f"/smtp/templates/{number}") == NO


def test_a_draft_shows_the_defaults_the_provider_fills_in(brevo: Brevo, list_id: int) -> None:
    draft = brevo.get(f"/emailCampaigns/{brevo.new_campaign(list_id)}", excludeHtmlContent="true")

    shown = {
        name: draft[name]
        for name in ("scheduledAt", "replyTo", "header", "footer", "htmlContent", "recipients")
    }
    assert shown == {
        "scheduledAt": "",
        "replyTo": "[DEFAULT_REPLY_TO]",
        "header": "[DEFAULT_HEADER]",
        "footer": "[DEFAULT_FOOTER]",
        "htmlContent": "",
        "recipients": {"lists": [list_id], "exclusionLists": []},
    }
    assert " " in draft["shareLink"]  # a sentence, not an address


def test_at_best_time_only_the_date_counts(brevo: Brevo, list_id: int) -> None:
    number = brevo.new_campaign(list_id, scheduledAt="2099-01-01T17:45:00.000+01:00", sendAtBestTime=True)

    assert brevo.get(f"/emailCampaigns/{number}")["scheduledAt"] == "2099-01-01T10:00:00.000Z"


def test_the_newest_campaign_stands_first_and_equal_names_make_two(brevo: Brevo, list_id: int) -> None:
    first, second = brevo.new_campaign(list_id, name="Same"), brevo.new_campaign(list_id, name="Same")

    assert [row["id"] for row in brevo.get("/emailCampaigns", limit=2, offset=0)["campaigns"]] == [
        second,
        first,
    ]
    assert [row["id"] for row in brevo.get("/emailCampaigns", sort="asc")["campaigns"]] == [first, second]


def test_lists_of_campaigns_by_status_and_sending_date(brevo: Brevo, list_id: int) -> None:
    sent, draft = reach(brevo, list_id, "sent"), brevo.new_campaign(list_id)
    window = {"startDate": brevo.later(days=-1), "endDate": brevo.later(days=1)}

    def found(**query: Any) -> list[int]:
        return [row["id"] for row in brevo.get("/emailCampaigns", **query)["campaigns"]]

    assert (found(status="draft"), found(status="sent"), found(status="inProcess")) == ([draft], [sent], [])
    assert found(**window) == [sent]
    assert found(type="trigger") == []
    assert brevo.refused("GET", "/emailCampaigns", startDate=window["startDate"]) == (
        400,
        "missing_parameter",
    )
    assert brevo.refused("GET", "/emailCampaigns", status="draft", **window) == WRONG
    assert brevo.refused("GET", "/emailCampaigns", status="in_process", breaks_schema=True) == WRONG


def test_test_mails_go_to_known_people_of_the_test_list(brevo: Brevo) -> None:
    brevo.control(
        "seed", lists=[{"name": "Testers", "test": True}], contacts=[{"email": "t@example.com", "lists": [0]}]
    )
    brevo.new_list("other@example.com", name="Others")
    brevo.post("/contacts", {"email": "blocked@example.com", "listIds": [2], "emailBlacklisted": True})
    number = brevo.new_campaign(2)
    wanted = ["t@example.com", "other@example.com", "none@example.com", "blocked@example.com"]

    refusal = brevo.call("POST", f"/emailCampaigns/{number}/sendTest", {"emailTo": wanted})

    assert refusal.status_code == 400
    assert {
        name: refusal.json()[name] for name in ("unexistingEmails", "withoutListEmails", "blackListedEmails")
    } == {
        "unexistingEmails": ["none@example.com"],
        "withoutListEmails": ["other@example.com"],
        "blackListedEmails": ["blocked@example.com"],
    }
    brevo.delete("/contacts/blocked%40example.com")
    brevo.post(f"/emailCampaigns/{number}/sendTest", {})
    assert [mail["to"] for mail in brevo.state()["test_mails"]] == ["t@example.com"]
    assert (
        brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"]["globalStats"]["sent"]
        == 0
    )


def test_fifty_test_mails_a_day(brevo: Brevo) -> None:
    list_id = brevo.new_list(*(f"t{n}@example.com" for n in range(25)))
    number = brevo.new_campaign(list_id)
    for _ in range(2):
        brevo.post(f"/emailCampaigns/{number}/sendTest", {"emailTo": []})

    one = {"emailTo": ["t1@example.com"]}
    assert brevo.refused("POST", f"/emailCampaigns/{number}/sendTest", one) == (400, "out_of_range")
    brevo.wait(86400)
    brevo.post(f"/emailCampaigns/{number}/sendTest", one)


def test_only_ab_tests_have_a_result_and_it_stays_open_until_the_winner_went_out(
    brevo: Brevo, list_id: int
) -> None:
    plain = brevo.new_campaign(list_id)
    assert brevo.refused("GET", f"/emailCampaigns/{plain}/abTestCampaignResult") == (
        405,
        "method_not_allowed",
    )
    number = brevo.new_campaign(
        list_id, **(AB | {"splitRule": 20, "winnerCriteria": "open", "winnerDelay": 2})
    )
    seen = []
    for seconds in (0, 3600, 7200):
        brevo.wait(seconds)
        result = brevo.get(f"/emailCampaigns/{number}/abTestCampaignResult")
        remaining = brevo.get(f"/emailCampaigns/{number}")["statistics"]["remaining"]
        seen.append((result["winningVersion"], remaining))
        if seconds == 0:
            brevo.post(f"/emailCampaigns/{number}/sendNow")

    assert seen[:2] == [("notAvailable", 0), ("pending", 12)]
    assert seen[2][0] in ("A", "B", "tie")
    assert (brevo.status(number), seen[2][1]) == ("sent", 0)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a.png", "https://example.com/a.svg", "https://example.com/"]
)
def test_images_of_other_kinds_are_refused(brevo: Brevo, url: str) -> None:
    assert brevo.refused("POST", "/emailCampaigns/images", {"imageUrl": url}) == WRONG

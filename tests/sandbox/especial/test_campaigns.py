from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.especial.especial_client import HTML, Especial

# How to bring a new campaign into a state.
STATES: dict[str, tuple[str, ...]] = {
    "incomplete": (),
    "scheduled": ("schedule later",),
    "delivering": ("schedule",),
    "suspended": ("schedule later", "suspend"),
    "halted": ("schedule", "suspend"),
    "delivered": ("schedule", "wait"),
    "archived": ("schedule", "wait", "archive"),
    "cancelled": ("schedule later", "cancel"),
}
SHOWN = {  # status and `suspended` of each state
    "incomplete": ("incomplete", False),
    "scheduled": ("scheduled", False),
    "delivering": ("delivering", False),
    "suspended": ("scheduled", True),
    "halted": ("delivering", True),
    "delivered": ("delivered", False),
    "archived": ("archived", False),
    "cancelled": ("archived", False),
}
MOVES: dict[
    str, dict[str, tuple[str, bool] | None]
] = {  # call → state it is made in → what follows; anything else is refused
    "schedule": {"incomplete": ("delivering", False)},
    "schedule later": {"incomplete": ("scheduled", False)},
    "reschedule later": {"scheduled": ("scheduled", False), "suspended": ("scheduled", True)},
    "unschedule": {"scheduled": ("incomplete", False), "suspended": ("incomplete", False)},
    "suspend": {"scheduled": ("scheduled", True), "delivering": ("delivering", True)},
    "resume": {"suspended": ("scheduled", False), "halted": ("delivering", False)},
    "cancel": dict.fromkeys(("scheduled", "delivering", "suspended", "halted"), ("archived", False)),
    "archive": {
        state: ("archived", SHOWN[state][1])
        for state in ("scheduled", "delivering", "suspended", "halted", "delivered")
    },
    "unarchive": {"archived": ("delivered", False)},
    "patch": {"incomplete": ("incomplete", False)},
    "delete": {"incomplete": None},
}


@pytest.fixture
def made(especial: Especial) -> int:
    """A complete campaign to thirty people."""
    number: int = especial.control(
        "seed", lists=1, contacts=30, campaigns=[{"name": "Campaign", "html": HTML}]
    )["campaigns"][0]
    return number


def attempt(especial: Especial, number: int, move: str) -> Any:
    path, later = f"/campaigns/{number}", {"date": especial.now() + 7200}
    if move == "wait":
        return especial.wait(3600)
    if move == "patch":
        return especial.call("PATCH", path, {"name": "Other"})
    if move == "delete":
        return especial.call("DELETE", path)
    word = move.split()[0]
    return especial.call("POST", f"{path}/{word}", later if "later" in move else None)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("move", MOVES)
def test_the_life_cycle(especial: Especial, made: int, state: str, move: str) -> None:
    for step in STATES[state]:
        attempt(especial, made, step)
    assert especial.status(made) == SHOWN[state]

    reply = attempt(especial, made, move)
    if state not in MOVES[move]:
        assert (reply.status_code, especial.status(made)) == (400, SHOWN[state])
    elif move == "delete":
        assert especial.refused("GET", f"/campaigns/{made}") == (400, "Campaign not found")
    else:
        assert (reply.status_code, especial.status(made)) == (200, MOVES[move][state])


def test_answers_hold_flags_as_odd_as_theirs(especial: Especial, made: int) -> None:
    path = f"/campaigns/{made}"
    plan = {"date": especial.now() + 3600}
    assert especial.post(f"{path}/schedule", plan) == {"id": made, "object": "campaign", "scheduled": True}
    assert especial.post(f"{path}/unschedule") == {"id": made, "object": "campaign", "scheduled": True}
    especial.post(f"{path}/schedule", plan)
    assert especial.post(f"{path}/archive") == {"id": made, "object": "campaign", "archived": True}
    assert especial.post(f"{path}/unarchive") == {"id": made, "object": "campaign", "archived": True}


def test_a_new_campaign_says_step_by_step_what_it_lacks(especial: Especial) -> None:
    number = especial.post("/campaigns", {"name": "Bare"})["id"]
    path, list_id = f"/campaigns/{number}", especial.new_list()
    steps = [
        {"audience": {"list_id": list_id}},
        {"sender": {"id": especial.sender, "name": "Somebody"}},
        {"content": {"subject": "Subject"}},
        {"content": {"html": HTML}},
    ]
    seen = []
    for step in steps:
        seen.append(especial.campaign(number)["next_building_step"])
        assert especial.refused("POST", f"{path}/schedule") == (
            400,
            f"The campaign is missing its {seen[-1]}",
        )
        especial.patch(path, step)

    assert seen == ["audience", "sender", "subject", "content"]
    campaign = especial.campaign(number)
    assert campaign["next_building_step"] is None
    assert campaign["sender"] == {"name": "Somebody", "email": "owner@sandbox-test.example"}
    assert campaign["content"]["encoding"] == "utf-8"


def test_what_a_campaign_names_must_exist(especial: Especial) -> None:
    number = especial.new_list()
    other = especial.new_list()
    segment = especial.post(f"/lists/{other}/segments", {"name": "S", "fiql": "email==x"})["id"]
    for fields, message in (
        ({"audience": {"list_id": 99}}, "List not found"),
        ({"audience": {"list_id": number, "segment_id": segment}}, "Segment not found"),
        ({"sender": {"id": "nobody"}}, "Sender not found"),
        ({"content": {"template": {"id": 99}}}, "Template not found"),
        ({"content": {"blueprint": {"id": 99}}}, "Blueprint not found"),
    ):
        assert especial.refused("POST", "/campaigns", {"name": "Campaign"} | fields) == (400, message)
    assert especial.data("/campaigns") == []
    assert especial.refused("POST", "/campaigns", {"name": ""}, breaks_schema=True)[0] == 422


def test_content_may_come_from_a_template_or_blueprint(especial: Especial) -> None:
    content = {"type": "text", "text": "Plain", "subject": "From template"}
    template = especial.post("/templates", {"name": "T", "content": content})["id"]
    for source, subject in (
        ({"template": {"id": template}}, "From template"),
        ({"blueprint": {"id": 2}}, "Invitation"),
    ):
        made = especial.post("/campaigns", {"name": "C", "content": source})["data"]["content"]
        assert (made["subject"], made["type"]) == (subject, "html")
    own = {"template": {"id": template}, "subject": "Mine"}
    assert especial.post("/campaigns", {"name": "C", "content": own})["data"]["content"]["subject"] == "Mine"


def _unaccepted(especial: Especial, number: int) -> str:
    body = {"name": "New", "default_sender": {"id": especial.sender}}
    list_id = especial.post("/lists", body)["id"]
    especial.patch(f"/campaigns/{number}", {"audience": {"list_id": list_id}})
    return "The policy of the list must be accepted first"


def _archived(especial: Especial, number: int) -> str:
    especial.post(f"/lists/{especial.campaign(number)['audience']['list_id']}/archive")
    return "The list is archived"


def _unconfirmed(especial: Especial, number: int) -> str:
    sender = especial.post("/brands/default/senders", {"name": "New", "email": "new@example.com"})["id"]
    especial.patch(f"/campaigns/{number}", {"sender": {"id": sender}})
    return "The sender is not confirmed"


@pytest.mark.parametrize("spoil", [_unaccepted, _archived, _unconfirmed])
def test_some_campaigns_may_not_go_out(especial: Especial, made: int, spoil: Callable[..., str]) -> None:
    message = spoil(especial, made)

    assert especial.refused("POST", f"/campaigns/{made}/schedule") == (400, message)
    assert especial.status(made) == ("incomplete", False)


def test_the_login_address_is_a_confirmed_sender_at_once(especial: Especial) -> None:
    made = especial.post("/brands/default/senders", {"name": "Me", "email": especial.user})
    assert made["data"]["confirmed"] is True
    again = {"name": "Me", "email": especial.user.upper()}
    assert especial.refused("POST", "/brands/default/senders", again) == (400, "This sender already exists")
    especial.post("/lists", {"name": "L", "default_sender": {"id": made["id"]}})
    answer = especial.refused("DELETE", f"/brands/default/senders/{made['id']}")
    assert answer == (400, "This sender is the default sender of a list")
    wrong = {"confirmation_id": "sandbox-test~none"}
    path = "/brands/default/senders/confirm-email"
    assert especial.refused("POST", path, wrong, public=True) == (400, "Invalid confirmation id")


def test_a_text_only_mail_has_to_say_so(especial: Especial) -> None:
    number = especial.new_campaign(especial.new_list("a@example.com"), {"subject": "S", "text": "Hello"})
    path = f"/campaigns/{number}/schedule"

    assert especial.refused("POST", path, {})[1] == "The HTML part is empty: confirm it with html_empty"
    assert especial.post(path, {"html_empty": True})["scheduled"] is True


@pytest.mark.parametrize(("date", "status"), [(-1, 400), (0, 400), (2**31, 422)])
def test_the_date_lies_ahead(especial: Especial, made: int, date: int, status: int) -> None:
    wanted = date if date > 2**30 else especial.now() + date
    answer = especial.refused("POST", f"/campaigns/{made}/schedule", {"date": wanted}, breaks_schema=True)
    assert answer[0] == status


def test_a_scheduled_campaign_starts_at_its_hour_and_goes_out_in_waves(especial: Especial, made: int) -> None:
    at = especial.now() + 3600
    especial.post(f"/campaigns/{made}/schedule", {"date": at})
    especial.wait(3590)
    assert especial.status(made) == ("scheduled", False)
    seen = []
    for _ in range(4):
        especial.wait(25)
        seen.append((especial.status(made)[0], especial.data(f"/reports/campaigns/{made}")["sent_emails"]))

    assert [status for status, _ in seen] == ["delivering", "delivering", "delivering", "delivered"]
    assert 0 < seen[0][1] < seen[1][1] < seen[2][1] < seen[3][1] == 30
    campaign = especial.campaign(made)
    assert campaign["scheduled_for"] == at
    assert at < campaign["delivery_finished_on"] <= at + 90
    assert especial.session.get(campaign["web_email_link"]).text.startswith("<p>Dear [first_name]</p>")


def test_a_campaign_that_was_put_off_does_not_start_at_its_old_hour(especial: Especial, made: int) -> None:
    especial.post(f"/campaigns/{made}/schedule", {"date": especial.now() + 60})
    especial.post(f"/campaigns/{made}/reschedule", {"date": especial.now() + 7200})
    especial.wait(600)
    assert especial.status(made) == ("scheduled", False)


def test_rescheduling_without_a_date_sends_now(especial: Especial, made: int) -> None:
    especial.post(f"/campaigns/{made}/schedule", {"date": especial.now() + 7200})
    especial.post(f"/campaigns/{made}/reschedule")
    assert especial.status(made) == ("delivering", False)


def test_a_pause_holds_back_what_has_not_left(especial: Especial, made: int) -> None:
    def sent() -> int:
        number: int = especial.data(f"/reports/campaigns/{made}")["sent_emails"]
        return number

    especial.post(f"/campaigns/{made}/schedule")
    especial.wait(30)
    especial.post(f"/campaigns/{made}/suspend")
    paused = sent()
    especial.wait(3600)
    assert (0 < paused < 30, sent()) == (True, paused)
    especial.post(f"/campaigns/{made}/resume")
    especial.wait(20)
    assert paused < sent() < 30
    especial.wait(70)
    assert (sent(), especial.status(made)) == (30, ("delivered", False))


def test_cancelling_keeps_the_rest_from_ever_leaving(especial: Especial, made: int) -> None:
    especial.post(f"/campaigns/{made}/schedule")
    especial.wait(30)
    especial.post(f"/campaigns/{made}/cancel")
    before = especial.data(f"/reports/campaigns/{made}")["sent_emails"]
    especial.wait(3600)

    assert 0 < before == especial.data(f"/reports/campaigns/{made}")["sent_emails"] < 30
    assert especial.refused("POST", f"/campaigns/{made}/unarchive") == (
        400,
        "A campaign that is cancelled cannot be unarchived",
    )


def test_a_campaign_whose_hour_passed_while_it_was_held_goes_out_on_resuming(
    especial: Especial, made: int
) -> None:
    path = f"/campaigns/{made}"
    for hold, release in (("suspend", "resume"), ("archive", "unarchive")):
        especial.post(f"{path}/{'re' if hold == 'archive' else ''}schedule", {"date": especial.now() + 60})
        especial.post(f"{path}/{hold}")
        if hold == "suspend":
            especial.wait(30)
            especial.post(f"{path}/{release}")
            assert especial.status(made) == ("scheduled", False)
            continue
        especial.wait(600)
        assert especial.data(f"/reports{path}")["sent_emails"] == 0
        especial.post(f"{path}/{release}")
        assert especial.status(made) == ("delivering", False)


def test_only_who_may_be_mailed_is_mailed(especial: Especial) -> None:
    names = ("stays", "left", "blocked", "pattern", "local", "pending", "goes", "late")
    number = especial.control(
        "seed",
        lists=1,
        contacts=[
            {"email": "stays@example.com", "lists": [0]},
            {"email": "left@example.com", "lists": [0], "left": [0]},
            {"email": "blocked@example.com", "lists": [0], "blocked": True},
            {"email": "pattern@example.org", "lists": [0]},
            {"email": "local@example.net", "lists": [0]},
        ],
        suppressed=["*@example.org", "local@*"],
    )["lists"][0]
    path = f"/lists/{number}/contacts"
    especial.post(path, {"email": "pending@example.com"}, send_double_opt_in="new")
    for name in ("goes", "late"):
        especial.post(path, {"email": f"{name}@example.com"})
    campaign = especial.new_campaign(number)
    especial.post(f"/campaigns/{campaign}/schedule")
    especial.post(f"{path}/{names.index('goes') + 1}/unsubscribe")
    especial.post("/suppressed-emails", {"email": "late@example.com"})
    especial.wait(200)

    logged = {(row["type"], row["email"]) for row in especial.data(f"/logs/campaigns/{campaign}")}
    assert {line for line in logged if line[0] in ("sent", "skipped")} == {
        ("sent", "stays@example.com"),
        ("skipped", "goes@example.com"),
        ("skipped", "late@example.com"),
    }


def test_a_segment_narrows_the_audience(especial: Especial) -> None:
    number = especial.new_list("a@example.com", "b@example.com")
    segment = especial.post(f"/lists/{number}/segments", {"name": "As", "json": {"like": {"email": "a*"}}})[
        "id"
    ]
    campaign = especial.new_campaign(number, audience={"list_id": number, "segment_id": segment})
    especial.post(f"/campaigns/{campaign}/schedule")
    especial.wait(100)

    assert especial.data(f"/reports/campaigns/{campaign}")["sent_emails"] == 1
    assert especial.data(f"/lists/{number}/segments/{segment}")["campaigns_count"] == 1
    assert especial.campaign(campaign)["audience"] == {
        "list_id": number,
        "name": "List",
        "segment_id": segment,
    }


def test_rendering_fills_tags_and_adds_what_the_law_wants(especial: Especial) -> None:
    contacts = [{"email": "ann@example.com", "fields": {"first_name": "Ann & Co"}, "lists": [0]}]
    number = especial.control("seed", lists=1, contacts=contacts)["lists"][0]
    content = {
        "subject": "S",
        "html": "<body><p>Hi [First_Name] [unknown]</p></body>",
        "text": "Hi [FIRST_NAME]",
    }
    campaign = especial.new_campaign(number, content)

    plain = especial.data(f"/campaigns/{campaign}/render")
    assert plain["text"] == "Hi [FIRST_NAME]"
    merged = especial.data(f"/campaigns/{campaign}/render", contact_id=1)
    assert merged["text"] == "Hi Ann & Co"
    assert merged["html"].startswith("<body><p>Hi Ann &amp; Co [unknown]</p>")
    assert "Unsubscribe</a></p><p>Hafenstrasse 12, Basel, Switzerland</p></body>" in merged["html"]
    assert especial.refused("GET", f"/campaigns/{campaign}/render", contact_id=9) == (
        400,
        "Contact not found",
    )


def test_a_list_takes_everything_built_on_it_along(especial: Especial) -> None:
    list_id, number = especial.sent(people=10)
    form = {"name": "F", "content": {"linked": "x"}, "list_id": list_id, "language": "en_US"}
    especial.post("/forms", form)
    especial.post("/workflows", {"audience": {"list_id": list_id}})
    especial.post(f"/lists/{list_id}/segments", {"name": "S", "fiql": "email==x"})
    especial.delete(f"/lists/{list_id}")

    assert [especial.data(path) for path in ("/lists", "/campaigns", "/forms", "/workflows")] == [
        [],
        [],
        [],
        [],
    ]
    assert especial.data("/reports/accounts/self")["sent_emails"] == 0
    assert especial.refused("GET", f"/reports/campaigns/{number}") == (400, "Campaign not found")


def test_transactional_mail_has_its_refusals_too(especial: Especial) -> None:
    new = especial.post("/brands/default/senders", {"name": "New", "email": "new@example.com"})["id"]
    especial.post("/suppressed-emails", {"email": "*@example.org"})
    content = {"subject": "S", "text": "T", "encoding": "utf-8"}
    usual: dict[str, Any] = {"email": "a@example.com", "sender": {"id": especial.sender}, "content": content}
    for fields, message in (
        ({"sender": {"id": new}}, "The sender is not confirmed"),
        ({"email": "a@example.org"}, "This email is suppressed"),
        ({"content": {"subject": "S", "encoding": "utf-8"}}, "The email has no content"),
        ({"content": content | {"template": {"id": 9}}}, "Template not found"),
    ):
        assert especial.refused("POST", "/emails", usual | fields) == (400, message)
    without = usual | {"content": {"subject": "S", "text": "T"}}
    assert especial.refused("POST", "/emails", without, breaks_schema=True) == (422, "field required")
    assert especial.data("/logs/emails", log_type="sent") == []

"""A campaign from draft to the last mail."""

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.leadfox.client import NOW, Leadfox

OWN_ID = "abcdef123456789000000000"
PEOPLE = [f"person{n}@example.com" for n in range(36)]  # two a wave


def later(**delta: float) -> str:
    """A moment from the beginning of the test on, as the provider writes it."""
    return (NOW + timedelta(**delta)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status(leadfox: Leadfox, campaign_id: str) -> str:
    found: str = leadfox.get(f"/v1/campaign/{campaign_id}")["status"]
    return found


def move(leadfox: Leadfox, campaign_id: str, **changes: Any) -> Any:
    return leadfox.put(f"/v1/campaign/{campaign_id}", changes)


@pytest.fixture
def list_id(leadfox: Leadfox) -> str:
    return leadfox.new_list(*PEOPLE)


def test_a_draft(leadfox: Leadfox, list_id: str) -> None:
    folder, design = leadfox.post("/v1/folder", {"name": "F"})["_id"], leadfox.new_design()
    body = {
        "name": "Letter",
        "folder": folder,
        "type": 2,
        "emails": [{"email": design}],
        "lists": [{"list": list_id}],
    }

    made = leadfox.call("POST", "/v1/campaign", body, outside_contract=True).json()

    assert made == {
        "_id": made["_id"],
        "_owner": leadfox.log_in()["clientid"],
        "batchConfiguration": {"type": "none"},
        "name": "Letter",
        "folder": folder,
        "type": 2,
        "emails": [{"email": design, "weight": 100}],
        "lists": [{"list": list_id}],
        "status": "d",
    }
    assert leadfox.get(f"/v1/campaign/{made['_id']}") == made
    assert leadfox.get("/v1/campaign") == [made]
    leadfox.wait(86400)
    assert leadfox.sent(made["_id"]) == 0


def test_ids_of_the_caller_s_own(leadfox: Leadfox, list_id: str) -> None:
    owner = leadfox.log_in()["clientid"]
    assert leadfox.new_campaign(list_id, _id=OWN_ID, _owner=owner) == OWN_ID

    body = {
        "_id": OWN_ID,
        "_owner": owner,
        "name": "C",
        "type": 2,
        "folder": leadfox.get("/v1/folder")[0]["_id"],
    }
    assert leadfox.refused("POST", "/v1/campaign", body) == (409, "A campaign with this _id exists already")
    assert leadfox.refused("POST", "/v1/campaign", body | {"_id": "1"}) == (
        400,
        "_id must be 24 hexadecimal digits",
    )
    assert leadfox.refused("POST", "/v1/campaign", body | {"_owner": OWN_ID}) == (
        400,
        "_owner is not this client",
    )
    assert [row["_id"] for row in leadfox.get("/v1/campaign")] == [OWN_ID]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"name": ""}, "name is required"),
        ({"folder": OWN_ID}, "folder does not exist"),
        ({"type": 1}, "type must be 2"),
        ({"type": "2"}, "type must be a number"),
        ({"status": "s"}, "status must be one of d, a, i"),
        ({"start": "2025-04-01"}, "start must be an ISO 8601 date and time with its zone"),
        ({"start": None}, "start must be a string"),
        ({"batchConfiguration": {"type": "fixed"}}, "batchConfiguration.type must be one of none"),
        ({"emails": [{"email": OWN_ID}]}, "emails[0].email does not exist"),
        ({"emails": {}}, "emails must be an array"),
        ({"lists": [{"list": OWN_ID}]}, "lists[0].list does not exist"),
        ({"lists": [{}]}, "lists[0].list must be a string"),
        ({"lists": [{"list": None, "exclude": True}]}, "lists[0].exclude is not known"),
        ({"mailinglist": {"mailinglist": OWN_ID}}, "mailinglist.mailinglist does not exist"),
    ],
)
def test_what_is_refused_on_creation_and_on_update(
    leadfox: Leadfox, list_id: str, changes: dict[str, Any], refusal: str
) -> None:
    campaign_id = leadfox.new_campaign(list_id)
    before = leadfox.get(f"/v1/campaign/{campaign_id}")
    body = {name: before[name] for name in ("name", "folder", "type")} | changes

    wrong = {"outside_contract": True}
    assert leadfox.refused("POST", "/v1/campaign", body, **wrong) == (400, refusal)
    assert leadfox.refused("PUT", f"/v1/campaign/{campaign_id}", changes, **wrong) == (400, refusal)
    assert leadfox.get("/v1/campaign") == [before]


@pytest.mark.parametrize("missing", ["name", "folder", "type"])
def test_what_a_new_campaign_needs(leadfox: Leadfox, missing: str) -> None:
    body = {"name": "C", "type": 2, "folder": leadfox.post("/v1/folder", {"name": "F"})["_id"]}
    del body[missing]
    assert leadfox.refused("POST", "/v1/campaign", body, outside_contract=True) == (
        400,
        f"{missing} is required",
    )


@pytest.mark.parametrize(
    ("weight", "refusal"), [(0, True), (101, True), (0.5, False)]
)  # fmt: skip
def test_weights(leadfox: Leadfox, weight: float, refusal: bool) -> None:
    campaign_id = leadfox.new_campaign()
    body = {"emails": [{"email": leadfox.new_design(), "weight": weight}]}
    reply = leadfox.call("PUT", f"/v1/campaign/{campaign_id}", body)
    assert reply.status_code == (400 if refusal else 200)


def test_only_the_status_filter_shown_is_known(leadfox: Leadfox) -> None:
    (news,) = leadfox.seed(mailinglists=["News"])["mailinglists"]
    campaign_id = leadfox.new_campaign()
    chosen = {"mailinglist": news, "statusFilter": 0, "language": "en"}

    assert move(leadfox, campaign_id, mailinglist=chosen)["mailinglist"] == chosen
    other = {"mailinglist": chosen | {"statusFilter": 1}}
    assert leadfox.refused("PUT", f"/v1/campaign/{campaign_id}", other) == (
        400,
        "mailinglist.statusFilter must be 0",
    )


def test_folder_and_type_stay(leadfox: Leadfox) -> None:
    campaign_id = leadfox.new_campaign()
    before = leadfox.get(f"/v1/campaign/{campaign_id}")
    other = leadfox.post("/v1/folder", {"name": "Other"})["_id"]

    assert move(leadfox, campaign_id, folder=before["folder"], type=2) == before
    refusal = leadfox.refused("PUT", f"/v1/campaign/{campaign_id}", {"folder": other})
    assert refusal == (400, "folder can no longer be changed")


def test_what_an_active_campaign_needs(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id)
    path, complete = f"/v1/campaign/{campaign_id}", leadfox.get(f"/v1/campaign/{campaign_id}")

    def activated_with(**changes: Any) -> tuple[int, str]:
        return leadfox.refused("PUT", path, {"status": "a"} | changes)

    assert activated_with(lists=[]) == (400, "lists must hold at least one before the campaign is activated")
    assert activated_with(emails=[]) == (
        400,
        "emails must hold at least one before the campaign is activated",
    )
    for needed in ("subject", "fromemail", "body"):
        design = leadfox.new_design(**{needed: ""})
        assert activated_with(emails=[{"email": design}]) == (400, f"The email {design} has no {needed}")
    assert leadfox.get(path) == complete


def test_it_sends_at_once_without_a_start(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id)

    assert move(leadfox, campaign_id, status="a")["status"] == "a"

    leadfox.wait(0)
    assert leadfox.sent(campaign_id) == 2
    leadfox.wait(45)
    assert leadfox.sent(campaign_id) == 20
    leadfox.wait(45)
    assert leadfox.sent(campaign_id) == 36
    assert status(leadfox, campaign_id) == "a"  # only the figures tell that it is done


@pytest.mark.parametrize("start", [later(days=-1), later()])
def test_a_start_that_has_passed_is_now(leadfox: Leadfox, list_id: str, start: str) -> None:
    campaign_id = leadfox.new_campaign(list_id, status="a", start=start)
    leadfox.wait(90)
    assert leadfox.sent(campaign_id) == 36


def test_a_start_alone_does_not_send(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id)
    assert move(leadfox, campaign_id, start="2025-03-10T10:00:00+01:00")["start"] == later(hours=1)
    leadfox.wait(86400)
    assert (status(leadfox, campaign_id), leadfox.sent(campaign_id)) == ("d", 0)


def test_it_waits_for_its_start(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id)
    move(leadfox, campaign_id, start=later(hours=1), status="a")
    leadfox.wait(3599)
    assert leadfox.sent(campaign_id) == 0
    leadfox.wait(1)
    assert leadfox.sent(campaign_id) == 2


def test_its_start_may_move_while_it_waits(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id, status="a", start=later(hours=1))
    move(leadfox, campaign_id, start=later(hours=2))
    leadfox.wait(7199)
    assert leadfox.sent(campaign_id) == 0
    leadfox.wait(91)
    assert leadfox.sent(campaign_id) == 36
    leadfox.wait(3600)
    assert leadfox.sent(campaign_id) == 36


def test_an_edit_that_leaves_the_start_alone_does_not_put_it_off(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id, status="a", start=later(hours=1))
    leadfox.wait(1800)
    other = leadfox.new_list("only@example.com")
    move(leadfox, campaign_id, name="Other", status="a", start=later(hours=1), lists=[{"list": other}])
    leadfox.wait(1800 + 90)
    assert leadfox.sent(campaign_id) == 1


@pytest.mark.parametrize("stop", ["i", "d"])
def test_stopped_before_its_start_it_sends_nothing(leadfox: Leadfox, list_id: str, stop: str) -> None:
    campaign_id = leadfox.new_campaign(list_id, status="a", start=later(hours=1))
    assert move(leadfox, campaign_id, status=stop)["status"] == stop
    leadfox.wait(7200)
    assert leadfox.sent(campaign_id) == 0

    move(leadfox, campaign_id, status="a", start=later(hours=3))
    leadfox.wait(3600 + 90)
    assert leadfox.sent(campaign_id) == 36


def test_made_inactive_while_going_out_it_stops_and_goes_on(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id, status="a")
    leadfox.wait(40)
    move(leadfox, campaign_id, status="i")
    half = leadfox.sent(campaign_id)
    assert half == 18
    leadfox.wait(3600)
    assert leadfox.sent(campaign_id) == half

    move(leadfox, campaign_id, status="a")
    leadfox.wait(0)
    assert leadfox.sent(campaign_id) == half + 2
    leadfox.wait(90)
    assert leadfox.sent(campaign_id) == 36


def test_nobody_is_written_to_twice(leadfox: Leadfox, list_id: str) -> None:
    campaign_id = leadfox.new_campaign(list_id, status="a")
    leadfox.wait(200)
    late = leadfox.new_contact("late@example.com")
    leadfox.post(f"/v1/list/{list_id}/contact/{late}")

    move(leadfox, campaign_id, status="i")
    move(leadfox, campaign_id, status="a")
    leadfox.wait(200)

    assert leadfox.sent(campaign_id) == 36


def test_moves_that_are_refused(leadfox: Leadfox, list_id: str) -> None:
    def refused(campaign_id: str, to: str) -> tuple[int, str]:
        return leadfox.refused("PUT", f"/v1/campaign/{campaign_id}", {"status": to})

    campaign_id = leadfox.new_campaign(list_id)
    assert refused(campaign_id, "i") == (400, "status cannot change from d to i")
    move(leadfox, campaign_id, status="a")
    leadfox.wait(10)
    assert refused(campaign_id, "d") == (400, "A campaign that has been sent cannot become a draft")
    move(leadfox, campaign_id, status="i")
    assert refused(campaign_id, "d") == (400, "status cannot change from i to d")


def test_what_can_be_changed_once_it_has_started(leadfox: Leadfox, list_id: str) -> None:
    (news,) = leadfox.seed(mailinglists=["News"])["mailinglists"]
    campaign_id = leadfox.new_campaign(list_id, status="a", start=later())
    leadfox.wait(10)
    path, before = f"/v1/campaign/{campaign_id}", leadfox.get(f"/v1/campaign/{campaign_id}")

    changes: dict[str, Any] = {
        "start": later(hours=1),
        "emails": [],
        "lists": [],
        "mailinglist": {"mailinglist": news},
    }
    for name, value in changes.items():
        assert leadfox.refused("PUT", path, {name: value}) == (400, f"{name} can no longer be changed")
    same = {name: before[name] for name in ("start", "emails", "lists", "status")}
    assert leadfox.put(path, same | {"name": "Other", "description": "D"}) == before | {
        "name": "Other",
        "description": "D",
    }


def test_who_is_written_to(leadfox: Leadfox) -> None:
    """Everybody once, whatever lists they are on; nobody who unsubscribed, before or while it goes out."""
    leadfox.seed(
        lists=["One", "Two"],
        contacts=[
            {"email": "both@example.com", "lists": [0, 1]},
            {"email": "two@example.com", "lists": [1]},
            {"email": "gone@example.com", "lists": [0], "left": [0]},
            {"email": "no@example.com", "lists": [0, 1], "blocked": True},
            {"email": "none@example.com"},
        ],
    )
    one, two = (row["_id"] for row in leadfox.get("/v1/list"))

    reach = {}
    for name, lists in {"one": [one], "both": [one, two], "all": [None], "all and one": [None, one]}.items():
        campaign_id = leadfox.new_campaign(*lists, status="a")
        leadfox.wait(90)
        reach[name] = leadfox.sent(campaign_id)

    assert reach == {"one": 1, "both": 2, "all": 4, "all and one": 4}


def test_a_mailing_list_keeps_those_who_opted_in(leadfox: Leadfox) -> None:
    made = leadfox.seed(
        mailinglists=["News", "Offers"],
        lists=1,
        contacts=[
            {"email": "yes@example.com", "lists": [0], "mailinglists": {"News": "opt-in"}},
            {"email": "no@example.com", "lists": [0], "mailinglists": {"News": "opt-out"}},
            {"email": "other@example.com", "lists": [0], "mailinglists": {"Offers": "opt-in"}},
            {"email": "left@example.com", "lists": [0], "mailinglists": {"News": "opt-in"}, "blocked": True},
            {"email": "elsewhere@example.com", "mailinglists": {"News": "opt-in"}},
        ],
    )
    news, (list_id,) = made["mailinglists"][0], made["lists"]
    campaign_id = leadfox.new_campaign(
        list_id, mailinglist={"mailinglist": news, "statusFilter": 0}, status="a"
    )
    leadfox.wait(90)
    assert leadfox.sent(campaign_id) == 1

    leadfox.act("consent", email="no@example.com", mailinglist="News", status="opt-in")
    leadfox.act("subscribe", email="left@example.com")
    campaign_id = leadfox.new_campaign(list_id, mailinglist={"mailinglist": news}, status="a")
    leadfox.wait(90)
    assert leadfox.sent(campaign_id) == 3


def test_who_leaves_while_it_goes_out_is_spared(leadfox: Leadfox, list_id: str) -> None:
    (news,) = leadfox.seed(mailinglists=["News"], pace={"react": 365 * 86400})["mailinglists"]
    for email in PEOPLE:
        leadfox.act("consent", email=email, mailinglist=news, status="opt-in")
    first = leadfox.new_campaign(list_id, status="a")
    leadfox.wait(90)

    second = leadfox.new_campaign(list_id, mailinglist={"mailinglist": news}, status="a")
    leadfox.wait(0)
    for email in (
        PEOPLE[0],
        PEOPLE[33],
    ):  # one has had the second campaign as well, one would get it towards the end
        leadfox.act("unsubscribe", campaign=first, email=email)
    leadfox.act("consent", email=PEOPLE[34], mailinglist="News", status="opt-out")
    leadfox.delete(f"/v1/contact/{leadfox.contact(PEOPLE[35])['_id']}")
    leadfox.wait(90)

    assert (leadfox.sent(first), leadfox.sent(second)) == (36, 33)


def test_variants_share_the_recipients_by_weight(leadfox: Leadfox) -> None:
    leadfox.seed(lists=1, contacts=400)
    (list_id,) = (row["_id"] for row in leadfox.get("/v1/list"))
    one, two = leadfox.new_design(), leadfox.new_design()
    variants = [{"email": one, "weight": 75}, {"email": two, "weight": 25}]
    campaign_id = leadfox.new_campaign(list_id, emails=variants, status="a")
    leadfox.wait(86400)

    first, second = leadfox.metrics(one, "target"), leadfox.metrics(two, "target")
    assert (first["sent"] + second["sent"], 60 < second["sent"] < 140) == (400, True)
    assert leadfox.metrics(campaign_id) == {name: first[name] + second[name] for name in first}

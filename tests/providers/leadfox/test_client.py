"""Paging, tokens, updates and refusals, apart from any server."""

import json
from collections.abc import Iterator

import pytest

from accounts.providers.base import Effect
from accounts.providers.errors import (
    Missing,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unauthorized,
    UnexpectedReply,
)
from accounts.providers.http import Reply
from accounts.providers.leadfox import client as module
from accounts.providers.leadfox.client import Client, Pages
from tests.providers.leadfox import replies


class Wire:
    """In place of the network: gives out replies in order and keeps what was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Effect, str, dict[str, str]]] = []

    def __call__(self, call, operation, effect, method, url, *, headers, **_) -> Reply:
        self.asked.append((operation, method, effect, url.removeprefix("https://rest.example"), headers))
        answer = self.answers.pop(0)
        if isinstance(answer, ProviderError):
            raise answer
        status, body = answer
        return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture(autouse=True)
def _nothing_learnt() -> Iterator[None]:
    module.UPDATE_METHODS.clear()
    yield
    module.UPDATE_METHODS.clear()


def opened(*answers: object) -> tuple[Client, Wire]:
    """A client that has its token already."""
    client = Client(api_key="key-1234", secret="secret-1234", base_url="https://rest.example")
    wire = Wire((200, replies.AUTHENTICATED | {"jwt": "a-token"}), *answers)
    client._exchange = wire
    client.tokens()
    wire.asked.clear()
    return client, wire


# Paging


class Source:
    def __init__(self, rows: list[object]) -> None:
        self.rows = rows
        self.asked: list[dict[str, object]] = []

    def __call__(self, **query) -> list:
        self.asked.append(query)
        return self.rows[query["skip"] : query["skip"] + query["limit"]]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 57])
@pytest.mark.parametrize("overlap", [0, 3])
def test_walk_finds_every_row(count, overlap):
    source = Source([{"_id": str(number)} for number in range(count)])

    assert {row["_id"] for row in Pages(source, overlap=overlap, size=10)} == set(map(str, range(count)))


def test_walk_asks_for_what_it_was_given():
    source = Source([])
    list(Pages(source, sort="-_id", filters="a = b", fields="name"))
    list(Pages(source))

    assert source.asked == [
        {"skip": 0, "limit": 100, "sort": "-_id", "filters": "a = b", "fields": "name"},
        {"skip": 0, "limit": 100, "sort": "_id"},
    ]


def test_deleted_and_odd_rows_are_left_out_and_end_no_walk():
    rows = [{"_id": "a"}, {"_id": "b", "deleted": True}, None, 7, {"_id": "c", "deleted": False}]
    source = Source([*rows, {"_id": "d"}])

    assert [row["_id"] for row in Pages(source, size=5)] == ["a", "c", "d"]


def test_rows_that_vanish_during_the_walk_hide_no_others():
    source = Source([{"_id": number} for number in range(40)])
    pages = Pages(source, overlap=3, size=10)
    first = pages.page(0)
    del source.rows[0:3]
    rest = pages.page(first.next_skip)

    assert {row["_id"] for row in (*first.items, *rest.items)} == set(range(20))


# Tokens


def test_token_stands_behind_leadfox_own_word():
    client, wire = opened((200, []))
    client.list_lists()

    assert wire.asked[0][4]["Authorization"] == "JWT a-token"


def test_refused_token_is_asked_for_once_more():
    client, wire = opened((401, {}), (200, {"jwt": "b-token"}), (200, []))
    client.list_lists()

    assert [(asked[0], asked[4].get("Authorization")) for asked in wire.asked] == [
        ("listLists", "JWT a-token"),
        ("authenticate", None),
        ("listLists", "JWT b-token"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"error": "Unknown key"}),
        (403, {"error": "Unknown key"}),
        (400, {"error": {"message": "Unknown key"}}),
        (200, {"error": ["Unknown key"]}),
    ],
)
def test_wrong_credentials_however_they_are_said(answer):
    client = Client(api_key="key-1234", secret="secret-1234", base_url="https://rest.example")
    client._exchange = Wire(answer)

    with pytest.raises(Unauthorized, match="Unknown key"):
        client.list_lists()


def test_without_both_credentials_nothing_is_asked():
    client = Client(api_key="key-1234", secret="", base_url="https://rest.example")
    client._exchange = Wire()

    with pytest.raises(Unauthorized):
        client.list_lists()


# Calls


def test_query_is_percent_encoded_spaces_too():
    client, wire = opened((200, []))
    client.list_contacts(filters="email = ana+x@example.com", limit=1)

    assert wire.asked[0][3] == "/v1/contact?filters=email%20%3D%20ana%2Bx%40example.com&limit=1"


def test_ids_stay_in_their_place_in_the_path():
    client, wire = opened((200, {"_id": "x"}))
    client.get_campaign("../contact?a=b")

    assert wire.asked[0][3] == "/v1/campaign/..%2Fcontact%3Fa%3Db"


@pytest.mark.parametrize(
    ("method", "args", "effect"),
    [
        ("create_contact", ({},), Effect.CREATE),
        ("upsert_contact", ({},), Effect.CONVERGE),
        ("create_campaign", ({"status": "d"},), Effect.CREATE),
        ("create_campaign", ({"status": "a"},), Effect.ONCE),
        ("update_campaign", ("x", {"status": "i"}), Effect.CONVERGE),
        ("update_campaign", ("x", {"status": "a", "start": "…"}), Effect.ONCE),
        ("update_campaign", ("x", {"start": "…"}), Effect.ONCE),
        ("update_email", ("x", {}), Effect.CONVERGE),
        ("add_contact_to_list", ("x", "y"), Effect.CONVERGE),
        ("delete_contact", ("x",), Effect.CONVERGE),
    ],
)
def test_each_call_has_its_own_effect(method, args, effect):
    client, wire = opened((200, {"_id": "x"}))
    getattr(client, method)(*args)

    assert wire.asked[0][2] is effect


@pytest.mark.parametrize("body", [b"", {}, {"_id": ""}, [], b"OK"])
def test_creation_without_an_id_is_unknown(body):
    client, _ = opened((201, body))

    with pytest.raises(OutcomeUnknown):
        client.create_list({"name": "June"})


@pytest.mark.parametrize("body", [b"", {}, {"_id": "x"}, True])
def test_membership_and_updates_succeed_whatever_is_answered(body):
    client, _ = opened((200, body), (204, body))
    client.add_contact_to_list("l", "c")
    client.update_list("l", {"name": "June"})


@pytest.mark.parametrize("body", [b"", b"null"])
def test_nothing_in_place_of_an_object_means_that_it_is_gone(body):
    client, _ = opened((200, body))

    with pytest.raises(Missing):
        client.get_campaign("x")


@pytest.mark.parametrize("body", [b"", b"null", {"rows": []}])
def test_nothing_in_place_of_a_list_is_no_empty_list(body):
    client, _ = opened((200, body))

    with pytest.raises(UnexpectedReply):
        client.list_contacts()


def test_error_under_a_successful_status_is_a_refusal_but_proves_nothing_of_a_send():
    no = (200, {"error": {"message": "No such list, ana@example.com, secret-1234"}})
    client, _ = opened(no, no, no)

    with pytest.raises(Refused, match="No such list, a…@e…, …") as caught:
        client.create_list({"name": "June"})
    assert "secret-1234" not in caught.value.detail
    with pytest.raises(Refused):
        client.list_lists()
    with pytest.raises(OutcomeUnknown):
        client.update_campaign("x", {"status": "a"})


# Updates

NO_ROUTE = (404, b"<html>Cannot PUT /v1/list/x</html>")


@pytest.mark.parametrize("no", [NO_ROUTE, (404, {"error": "Not found"}), (405, b""), (405, b"<html/>")])
@pytest.mark.parametrize("arms", [False, True])
def test_update_goes_by_patch_where_put_is_not_known(no, arms):
    body = {"status": "a"} if arms else {"name": "June"}
    client, wire = opened(no, (200, {}), (200, {}))
    client.update_campaign("x", body)
    client.update_campaign("x", body)

    assert [asked[1] for asked in wire.asked] == ["PUT", "PATCH", "PATCH"]


def test_what_updates_is_known_to_all_clients_of_an_address():
    first, _ = opened((405, b""), (200, {}))
    first.update_list("x", {"name": "June"})
    second, wire = opened((404, {"error": "Not found"}))

    with pytest.raises(Missing):
        second.update_list("y", {"name": "June"})
    assert [asked[1] for asked in wire.asked] == ["PATCH"]


def test_object_that_is_gone_is_missing_by_either_method():
    client, wire = opened(NO_ROUTE, (404, {"error": "Not found"}))

    with pytest.raises(Missing):
        client.update_list("x", {"name": "June"})
    assert [asked[1] for asked in wire.asked] == ["PUT", "PATCH"]
    assert module.UPDATE_METHODS == {}


def test_after_put_has_worked_it_is_the_only_way():
    client, wire = opened((200, {}), (404, {"error": "Not found"}))
    client.update_list("x", {"name": "June"})

    with pytest.raises(Missing):
        client.update_list("y", {"name": "June"})
    assert [asked[1] for asked in wire.asked] == ["PUT", "PUT"]


def test_lost_answer_to_the_second_way_stays_unknown():
    client, _ = opened((405, b""), OutcomeUnknown("lost"))

    with pytest.raises(OutcomeUnknown):
        client.update_campaign("x", {"status": "a"})


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_other_refusals_are_not_tried_another_way(status):
    client, wire = opened((status, {"error": "No"}))

    with pytest.raises(Refused):
        client.update_list("x", {"name": "June"})
    assert len(wire.asked) == 1

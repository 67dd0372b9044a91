"""What verbs do that is Especial's own, against the sandbox or against a client that answers oddly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.providers.errors import (
    Conflict,
    Missing,
    OutcomeUnknown,
    Refused,
    UnexpectedReply,
    Unsupported,
)
from accounts.providers.especial import results
from accounts.providers.records import CampaignDraft, ContactRecord, LeaveRecord
from tests.providers.conftest import Account

MARKER = "k3v9x0q2m7zt"


@pytest.fixture
def account() -> Account:
    account = Account("especial")
    account.seed(
        lists=["News", "Tests"],
        contacts=[
            {"email": "ana@example.com", "fields": {"first_name": "Ana"}, "lists": [0]},
            {"email": "ben+x@example.com", "fields": {"first_name": "Ben"}, "lists": [0, 1]},
            {"email": "dora@example.com", "lists": [0], "left": [0]},
        ],
    )
    return account


@pytest.fixture
def lists(account: Account) -> list[str]:
    return [found.remote_id for found in account.lists()]


def walk(verb: Any, **values: Any) -> list[Any]:
    found, cursor = [], None
    while True:
        page = verb(cursor=cursor, **values)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found


def draft(account: Account, lists: list[str], **changes: Any) -> CampaignDraft:
    sender = account.senders()[0]
    values = {
        "name": f"June {MARKER}",
        "subject": "June",
        "preview_text": "",
        "html": "<p>Hello [first_name]</p>",
        "sender_name": sender.name,
        "sender_email": sender.email,
        "sender_remote_id": sender.remote_id,
        "list_ids": tuple(lists[:1]),
    }
    return CampaignDraft(**{**values, **changes})


def asked(account: Account) -> list[str]:
    return [operation for operation, _ in account.operations]


def people(account: Account, list_id: str) -> dict[str, dict[str, Any]]:
    return {person.email: dict(person.fields) for person in walk(account.list_members, remote_id=list_id)}


# People


def test_walk_goes_from_list_to_list(account, lists):
    cursors, cursor, found = [], None, []
    while True:
        page = account.contacts(cursor=cursor)
        found += [(person.remote_id.split(":")[0], person.email) for person in page.items]
        cursor = page.cursor
        if cursor is None:
            break
        cursors.append(cursor)

    assert sorted(found) == [
        (lists[0], "ana@example.com"),
        (lists[0], "ben+x@example.com"),
        (lists[0], "dora@example.com"),
        (lists[1], "ben+x@example.com"),
    ]
    assert cursors == [f"{lists[1]}:"]


def test_walk_passes_over_a_list_that_went_away(account, lists):
    account.open().client.delete_list(lists[0])

    assert account.contacts(cursor=f"{lists[0]}:>7").cursor == f"{lists[1]}:"


def test_walk_of_an_account_without_lists(account, lists):
    for list_id in lists:
        account.delete_list(remote_id=list_id)

    assert walk(account.contacts) == []


@pytest.mark.parametrize("verb", ["contacts", "leaves"])
def test_walk_reads_the_lists_once(account, verb):
    account.seed(lists=[f"More {number}" for number in range(6)], contacts=[])
    account.open()
    account.operations.clear()
    walk(getattr(account, verb))

    assert asked(account).count("listLists") == 1
    assert asked(account).count("listContactsOfList") == 8


def test_each_walk_reads_the_lists_anew(account, lists):
    walk(account.contacts)
    account.open().client.delete_list(lists[1])
    account.seed(lists=["Later"], contacts=[{"email": "new@example.com", "lists": [0]}])
    found = {person.remote_id.split(":")[0] for person in walk(account.contacts)}

    assert lists[1] not in found
    assert len(found) == 2


def test_walk_meets_lists_made_and_put_away_meanwhile(account, lists):
    """By the object that walks: what it remembers of the lists is forgotten."""
    cursor = account.contacts().cursor
    assert cursor == f"{lists[1]}:"
    made = account.create_list(name="Made meanwhile")
    assert account.contacts(cursor=cursor).cursor == f"{made.remote_id}:"

    account.delete_list(remote_id=made.remote_id)
    assert account.contacts(cursor=cursor).cursor is None


def test_changes_cannot_be_asked_for(account):
    with pytest.raises(Unsupported, match="cannot be asked"):
        account.contacts(changed_since=datetime.now(UTC))


def test_only_those_on_the_list_are_its_members(account, lists):
    assert set(people(account, lists[0])) == {"ana@example.com", "ben+x@example.com"}
    assert account.list_size(remote_id=lists[0]) == 2


def test_long_list_is_counted_by_its_filter(account):
    crowd = [{"email": f"p{number}@example.org", "lists": [0]} for number in range(130)]
    left = [{"email": f"l{number}@example.org", "lists": [0], "left": [0]} for number in range(7)]
    (list_id,) = account.seed(lists=["Crowd"], contacts=[*crowd, *left])["lists"]
    account.open()
    account.operations.clear()

    assert account.list_size(remote_id=str(list_id)) == 130
    assert len(asked(account)) < 7


def unfiltered(account: Account) -> None:
    """Filters were switched off over there once: all rows come, whatever was asked for."""
    client = account.provider.client
    listed = client.list_contacts_of_list
    client.list_contacts_of_list = lambda *args, **query: listed(*args, **{**query, "filter": None})


def test_a_filter_that_is_not_heeded_is_noticed(account, lists):
    crowd = [{"email": f"p{number}@example.org", "lists": [0]} for number in range(130)]
    (list_id,) = account.seed(
        lists=["Crowd"], contacts=[*crowd, {"email": "l@example.org", "lists": [0], "left": [0]}]
    )["lists"]
    assert account.senders()  # opens the account
    unfiltered(account)

    assert account.list_size(remote_id=str(list_id)) == 130
    assert account.contact(email="p129@example.org").email == "p129@example.org"
    account.remove_from_list(list_id=str(list_id), emails=["p129@example.org", "nobody@example.org"])
    assert account.list_size(remote_id=str(list_id)) == 129


def test_person_is_found_on_the_list_they_are_on(account, lists):
    account.remove_from_list(list_id=lists[0], emails=["BEN+X@example.com"])

    assert account.contact(email="ben+x@example.com").list_ids == (lists[1],)
    assert account.contact(email="dora@example.com").left_list_ids == (lists[0],)
    with pytest.raises(Missing):
        account.contact(remote_id="4711")


def test_deleting_takes_a_person_off_one_list(account, lists):
    on_first = next(person for person in walk(account.contacts) if person.email == "ben+x@example.com")
    account.delete_contact(remote_id=on_first.remote_id)
    account.delete_contact(remote_id="odd")

    assert account.contact(email="ben+x@example.com").list_ids == (lists[1],)


# Saving


def test_saving_makes_the_attributes_a_list_lacks_once(account):
    made = account.create_list(name="Delivery").remote_id
    person = ContactRecord("", "eva@example.com", {"CITY": "Bern", "AGE": None, "tags": "vip"})
    account.operations.clear()
    for _ in range(2):
        assert account.save_contacts([person], list_ids=[made]).done

    assert asked(account).count("createCustomAttribute") == 1
    assert people(account, made) == {"eva@example.com": {"CITY": "Bern"}}


def test_attribute_made_by_somebody_else_meanwhile_is_as_good(account, lists):
    account.provider._known_attributes[lists[0]] = {}
    account.save_contacts([ContactRecord("", "ana@example.com", {"first_name": "Anna"})], list_ids=[lists[0]])

    assert people(account, lists[0])["ana@example.com"]["first_name"] == "Anna"


def test_values_their_attribute_would_lose_are_told(account, lists):
    account.open().client.create_custom_attribute(lists[0], "age", "integer")
    progress = account.save_contacts(
        [
            ContactRecord("", "ana@example.com", {"age": "12.5"}),
            ContactRecord("", "eva@example.com", {"age": "12"}),
        ],
        list_ids=[lists[0]],
    )

    assert (
        progress.detail
        == "1 values were not taken: their fields in Especial hold whole numbers or dates only."
    )
    assert people(account, lists[0])["eva@example.com"]["age"] == "12"


def test_saving_tells_how_many_were_not_taken(account, lists):
    rows = [ContactRecord("", "not an address"), ContactRecord("", "eva@example.com")]
    progress = account.save_contacts(rows, list_ids=[lists[0]])

    assert (progress.done, progress.reference) == (True, "")
    assert progress.detail == "1 of 2 people were not taken."
    assert "eva@example.com" in people(account, lists[0])


def test_a_row_that_fails_the_import_is_left_out(account, lists):
    account.senders()
    client = account.provider.client
    detail = [{"loc": ["body", "contacts", 1, "email"], "msg": "not an address", "type": "value_error"}]
    account.fault(kind="status", status=422, method="POST", path="*import-contacts", body={"detail": detail})
    sent: list[list[str]] = []
    imported = client.import_contacts

    def watched(list_id: str, rows: Any) -> Any:
        sent.append([row["email"] for row in rows])
        return imported(list_id, rows)

    client.import_contacts = watched
    rows = [ContactRecord("", f"{name}@example.com") for name in ("eva", "odd", "fritz")]
    progress = account.save_contacts(rows, list_ids=[lists[0]])

    assert sent == [
        ["eva@example.com", "odd@example.com", "fritz@example.com"],
        ["eva@example.com", "fritz@example.com"],
    ]
    assert progress.detail == "1 of 3 people were not taken."


@pytest.mark.parametrize(
    "detail", [[{"msg": "The list is locked"}], [{"loc": ["body", "contacts"], "msg": "too many"}], "odd"]
)
def test_a_refusal_that_points_to_no_row_is_told(account, lists, detail):
    account.senders()
    account.fault(kind="status", status=422, method="POST", path="*import-contacts", body={"detail": detail})

    with pytest.raises(Refused):
        account.save_contacts([ContactRecord("", "eva@example.com")], list_ids=[lists[0]])


def test_too_many_for_one_import(account, lists):
    rows = [ContactRecord("", f"p{number}@example.com") for number in range(1001)]
    with pytest.raises(ValueError):
        account.save_contacts(rows, list_ids=lists)
    with pytest.raises(ValueError):
        account.save_contacts(rows[:1], list_ids=[])
    assert account.save_contacts([], list_ids=[]).done


def test_saving_never_revives_who_left(account, lists):
    account.save_contacts([ContactRecord("", "dora@example.com", {"first_name": "D"})], list_ids=[lists[0]])

    assert account.contact(email="dora@example.com").left_list_ids == (lists[0],)
    imports = [call for call in account.calls() if call["path"].endswith("/import-contacts")]
    assert [set(call["body"]) for call in imports] == [{"contacts"}]


def test_leaves_are_addresses_and_patterns(account):
    account.open().client.create_suppressed_email("*@blocked.example")
    account.block_contact(email="ana@example.com")
    account.block_contact(email="ana@example.com")

    assert set(walk(account.leaves)) == {
        LeaveRecord("*@blocked.example"),
        LeaveRecord("ana@example.com"),
        LeaveRecord("dora@example.com", reason="unsubscribed", list_id="1"),
    }


def test_leaves_tell_who_left_which_list_over_many_pages(account):
    left = [{"email": f"p{number}@example.com", "lists": [0, 1], "left": [0]} for number in range(70)]
    first, second = account.seed(
        lists=["News", "Test"], contacts=[*left, {"email": "q@example.com", "lists": [1]}]
    )["lists"]
    account.block_contact(email="q@example.com")

    assert sorted(walk(account.leaves), key=lambda leave: (leave.list_id, leave.email)) == [
        LeaveRecord("q@example.com"),
        LeaveRecord("dora@example.com", reason="unsubscribed", list_id="1"),
        *sorted(
            (LeaveRecord(row["email"], reason="unsubscribed", list_id=str(first)) for row in left),
            key=lambda leave: leave.email,
        ),
    ]
    assert second != first


def test_block_that_is_refused_for_another_reason_is_told(account):
    account.senders()
    account.fault(kind="status", status=400, method="POST", body={"detail": [{"msg": "Too many"}]})

    with pytest.raises(Refused, match="Too many"):
        account.block_contact(email="new@example.com")


# Fields and lists


def test_field_is_made_on_every_list(account, lists):
    account.create_field(name="BORN", kind="date")
    api = account.open().client

    kinds = [api.get_custom_attribute(list_id, "BORN")["type"] for list_id in lists]
    assert kinds == ["datetime", "datetime"]
    assert [(field.name, field.writable) for field in account.fields()][-2:] == [
        ("tags", False),
        ("interests", False),
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("id", "text"), ("a b", "text"), ("größe", "text"), ("x", "hologram")]
)
def test_fields_there_cannot_be(account, name, kind):
    with pytest.raises(Unsupported):
        account.create_field(name=name, kind=kind)


def test_list_can_be_mailed_and_is_put_away_not_deleted(account):
    made = account.create_list(name="Trial").remote_id
    api = account.open().client
    assert api.get_list(made)["policy_accepted"] is True

    account.delete_list(remote_id=made)
    assert "deleteList" not in asked(account)
    assert api.get_list(made)["status"] == "archived"


def test_list_needs_a_confirmed_sender(account):
    account.create_sender(name="New", email="new@example.com")

    with pytest.raises(Refused, match=r"new@example.com is not among the confirmed senders"):
        account.create_list(name="Trial", sender_email="new@example.com")


def test_list_is_there_though_its_policy_could_not_be_accepted(account):
    account.senders()
    account.fault(kind="status", status=503, method="POST", path="*accept-policy", times=0)
    made = account.create_list(name="Trial")

    assert made in account.lists()


def test_list_whose_policy_was_left_open_is_opened_for_its_campaign(account):
    api = account.open().client
    sender = account.senders()[0].remote_id
    made = api.create_list({"name": "Trial", "default_sender": {"id": sender}})
    assert api.get_list(made)["policy_accepted"] is not True

    account.create_campaign(draft(account, [made]))
    assert api.get_list(made)["policy_accepted"] is True


# Campaigns


def test_campaign_goes_to_one_list(account, lists):
    with pytest.raises(Unsupported, match="one list"):
        account.create_campaign(draft(account, lists, list_ids=tuple(lists)))


def test_sender_is_found_by_its_address(account, lists):
    remote_id = account.create_campaign(draft(account, lists, sender_remote_id=""))
    assert account.campaign(remote_id=remote_id).sender_email == account.senders()[0].email

    with pytest.raises(Refused, match="confirmed senders"):
        account.create_campaign(draft(account, lists, sender_remote_id="", sender_email="no@example.com"))
    with pytest.raises(Refused, match="confirmed senders"):
        account.create_campaign(draft(account, lists, sender_remote_id="", sender_email=""))


def soon(minutes: int = 30) -> datetime:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).replace(microsecond=0)


def test_what_its_state_forbids_is_a_conflict(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())

    for call in (
        lambda: account.schedule_campaign(remote_id=remote_id, send_at=soon()),
        lambda: account.update_campaign(draft(account, lists), remote_id=remote_id),
        lambda: account.delete_campaign(remote_id=remote_id),
    ):
        with pytest.raises(Conflict):
            call()


def test_refusal_of_a_draft_stays_one(account, lists):
    remote_id = account.create_campaign(draft(account, lists, html=""))

    with pytest.raises(Refused) as caught:
        account.schedule_campaign(remote_id=remote_id, send_at=soon())
    assert type(caught.value) is Refused


def test_refusal_that_cannot_be_looked_into_is_a_conflict(account, lists):
    """So that it is looked up, not armed once more."""
    remote_id = account.create_campaign(draft(account, lists))
    account.fault(kind="status", status=400, method="POST", body={"detail": [{"msg": "Busy"}]})
    account.fault(kind="status", status=503, method="GET", times=0)

    with pytest.raises(Conflict, match="Busy"):
        account.schedule_campaign(remote_id=remote_id, send_at=soon())


def test_passed_instant_never_reaches_especial(account, lists):
    remote_id = account.create_campaign(draft(account, lists))

    with pytest.raises(Refused, match="passed"):
        account.schedule_campaign(remote_id=remote_id, send_at=soon(-1))
    assert "scheduleCampaign" not in asked(account)


def test_cancelled_campaign_stays_stopped_after_its_hour(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    account.cancel_campaign(remote_id=remote_id)
    account.cancel_campaign(remote_id=remote_id)

    (found,) = account.find_campaigns(marker=MARKER, created_after=soon(-60))
    assert found.phase == account.campaign(remote_id=remote_id).phase == "stopped"


def test_pausing_converges(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    account.pause_campaign(remote_id=remote_id)
    account.pause_campaign(remote_id=remote_id)
    assert account.campaign(remote_id=remote_id).phase == "stopped"

    account.resume_campaign(remote_id=remote_id)
    assert account.campaign(remote_id=remote_id).phase == "scheduled"


def test_cancelling_what_rests_goes_on_to_the_end(account, lists):
    """Suspended it could still be resumed."""
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    account.pause_campaign(remote_id=remote_id)
    account.fault(kind="status", status=400, method="POST", body={"detail": [{"msg": "Busy"}]})

    with pytest.raises(Refused, match="Busy"):
        account.cancel_campaign(remote_id=remote_id)
    account.cancel_campaign(remote_id=remote_id)
    account.advance(7200)
    assert account.figures(remote_id=remote_id).sent == 0


def test_finding_stops_at_a_page_of_older_ones(account, lists):
    account.seed(
        lists=["Crowd"],
        campaigns=[
            {"name": f"Old {n} {MARKER}", "status": "sent", "daysAgo": 30, "lists": [0]} for n in range(120)
        ],
    )
    remote_id = account.create_campaign(draft(account, lists))
    account.operations.clear()

    found = account.find_campaigns(marker=MARKER, created_after=datetime.now(UTC) - timedelta(hours=1))
    assert [row.remote_id for row in found] == [remote_id]
    assert asked(account).count("listCampaigns") <= 2


def test_rendered_for_somebody_and_for_nobody(account, lists):
    remote_id = account.create_campaign(draft(account, lists))

    assert "Hello Ana" in account.rendered(remote_id=remote_id, email="ana@example.com")
    assert "Hello" in account.rendered(remote_id=remote_id)
    with pytest.raises(Missing):
        account.rendered(remote_id=remote_id, email="nobody@example.com")


def test_links_are_filled_in(account, lists):
    tags = [account.merge_tag(name=name, fallback=None) for name in ("unsubscribe_url", "view_url")]
    links = "".join(f'<a href="{tag}">Here</a>' for tag in tags)
    remote_id = account.create_campaign(draft(account, lists, html=links))

    shown = account.rendered(remote_id=remote_id, email="ana@example.com")
    assert account.tag_pattern.findall(shown) == []


def test_test_mails_go_one_by_one(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    result = account.send_test(remote_id=remote_id, emails=["a@example.com", "b@example.com"])
    assert (result.accepted, dict(result.refused)) == (("a@example.com", "b@example.com"), {})

    account.fault(kind="drop_after", method="POST")
    with pytest.raises(OutcomeUnknown):
        account.send_test(remote_id=remote_id, emails=["a@example.com", "b@example.com"])
    account.fault(kind="status", status=400, method="POST", body={"detail": [{"msg": "No such mailbox"}]})
    result = account.send_test(remote_id=remote_id, emails=["b@example.com"])
    assert (result.accepted, dict(result.refused)) == ((), {"b@example.com": "No such mailbox"})
    with pytest.raises(Missing):
        account.send_test(remote_id="4711", emails=["a@example.com"])


def test_test_mail_lost_after_another_was_sent_is_not_repeated(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    client = account.provider.client
    send = client.send_test_email

    def odd(campaign_id: str, email: str) -> None:
        if email == "b@example.com":
            raise OutcomeUnknown("Lost.")
        if email == "c@example.com":
            raise Refused("Not this one.")
        send(campaign_id, email)

    client.send_test_email = odd
    result = account.send_test(
        remote_id=remote_id, emails=["c@example.com", "a@example.com", "b@example.com"]
    )

    assert result.accepted == ("a@example.com",)
    assert list(result.refused) == ["c@example.com", "b@example.com"]


# People of a campaign


def log_row(number: int, contact: int, kind: str = "open", *, is_bot: bool = False) -> dict[str, Any]:
    return {
        "id": number,
        "contact_id": contact,
        "email": f"p{contact}@example.com",
        "type": kind,
        "timestamp": 1780000000 + number,
        "user_agent": {"is_bot": is_bot},
    }


def test_each_person_comes_once_and_as_a_person_where_they_were_one(account):
    account.senders()
    rows = [log_row(1, 1, is_bot=True), log_row(2, 1), log_row(3, 2, is_bot=True), log_row(4, 2, is_bot=True)]
    rows += [log_row(5, 1), log_row(6, 3, "sent"), {**log_row(7, 4), "email": None}]
    account.provider.client.get_campaign_logs = lambda *_, **__: {"pagination": {}, "data": rows}

    found = account.people("opened:555")
    assert [(event.email, event.is_machine) for event in found] == [
        ("p1@example.com", False),
        ("p2@example.com", True),
    ]


def test_people_of_all_types_of_a_kind(account):
    account.senders()
    kinds = {
        "unsubscribe": [log_row(1, 1, "unsubscribe")],
        "global_unsubscribe": [log_row(2, 2, "global_unsubscribe")],
    }
    account.provider.client.get_campaign_logs = lambda *_, **query: {
        "pagination": {},
        "data": kinds[query["filter"].removeprefix("type==")],
    }

    assert [event.email for event in account.people("unsubscribed:555")] == [
        "p1@example.com",
        "p2@example.com",
    ]


# Webhooks

HOOK = "https://console.example/hooks/unguessable/"


def test_one_webhook_for_each_event_with_the_secrets_especial_chose(account):
    made = account.create_webhook(url=HOOK, secret="ours")

    assert len(made.remote_id.split(",")) == len(results.WEBHOOK_EVENTS) == len(made.secrets)
    (found,) = account.webhooks()
    assert set(found.events) == set(results.WEBHOOK_EVENTS)
    assert (found.url, found.remote_id, found.secrets) == (HOOK, made.remote_id, made.secrets)


@pytest.mark.parametrize("kind", ["drop_after", "status"])
def test_webhooks_of_which_one_failed_are_put_away(account, kind):
    account.senders()
    client = account.provider.client
    create = client.create_webhook

    def third_fails(body: Any) -> str:
        if body["event"] == results.WEBHOOK_EVENTS[2]:
            account.fault(
                kind=kind, status=400, method="POST", path="*webhooks", body={"detail": [{"msg": "No"}]}
            )
        return create(body)

    client.create_webhook = third_fails
    with pytest.raises((Refused, OutcomeUnknown)):
        account.create_webhook(url=HOOK, secret="ours")
    assert account.webhooks() == []


def test_collection_without_its_rows_is_no_end_of_the_walk(account):
    account.senders()
    account.fault(kind="status", status=200, method="GET", path="*lists", body={"pagination": {}}, times=0)

    with pytest.raises(UnexpectedReply):
        account.lists()

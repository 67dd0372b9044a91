"""Every core operation of the contract has a method of the client, and each is exercised against the sandbox.

Request and reply of each call are held against the contract on their way (see tests/providers/conftest.py).
"""

import ast
import dataclasses
import inspect
from datetime import UTC, datetime, timedelta

import pytest

from accounts.providers.base import Effect
from accounts.providers.bodies import table
from accounts.providers.emailcampaigns import client, mapping
from accounts.providers.emailcampaigns.provider import EmailCampaigns
from accounts.providers.errors import Missing, Refused, Unauthorized, UnexpectedReply, Unsupported
from accounts.providers.records import CampaignDraft, ContactRecord
from tests.providers import conftest
from tests.providers.conftest import Account
from tests.providers.wsgi import contract

MARKER = "k3v9x0q2m7zt"
NOBODY = "0" * 24
PEOPLE = [
    {"email": "ana@example.com", "fields": {"first_name": "Ana", "last_name": "Moor"}, "lists": [0]},
    {"email": "ben+x@example.com", "fields": {"first_name": "Ben"}, "lists": [0, 1]},
    {"email": "cy@example.com", "lists": [1], "blocked": True},
]


@pytest.fixture
def account() -> Account:
    return Account("emailcampaigns")


@pytest.fixture
def lists(account: Account) -> list[str]:
    """Ids of the groups News and Test, with Ana, Ben and Cy, who opted out."""
    return account.seed(lists=["News", "Test"], contacts=PEOPLE)["lists"]


def draft(lists: list[str], **changes: object) -> CampaignDraft:
    values = {
        "name": f"June {MARKER}",
        "subject": "June in Zürich",
        "preview_text": "",
        "html": "<p>Hello</p>",
        "sender_name": "Owner",
        "sender_email": "Owner@sandbox-contract.example",
        "list_ids": tuple(lists[:1]),
    }
    return CampaignDraft(**{**values, **changes})


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=20)


def posts(account: Account, path: str) -> list[dict]:
    return [call for call in account.calls() if call["method"] != "GET" and call["path"].endswith(path)]


# Operations


def test_every_core_operation_has_a_method():
    named = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(client)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert contract("emailcampaigns").core() <= named


def test_every_core_operation_keeps_the_contract(account):
    """One long walk, since most operations need what others made."""
    api = account.open().client
    assert api.obtain_token("sandbox-contract", "secret").details["client_id"]

    # Senders
    sender = api.create_sender({"description": "Ida", "email": "ida@example.com"})
    api.update_sender(sender, {"description": "Ida M.", "email": "ida@example.com"})
    assert api.get_sender(sender)["description"] == "Ida M."
    assert [mapping.remote_id(found) for found in api.list_senders()][-1] == sender

    # Opt-outs
    api.create_opt_out("gone@example.com")
    (opt_out,) = map(mapping.remote_id, api.list_opt_outs())
    api.update_opt_out(opt_out, "left@example.com")
    assert api.get_opt_out(opt_out)["email"] == "left@example.com"
    api.bulk_add_opt_outs(table([["email"], ["ana@example.com"], ["ben@example.com"]]))
    account.advance(10)
    api.bulk_delete_opt_outs(table([["email"], ["ana@example.com"]]))
    account.advance(10)
    api.delete_opt_out(opt_out)
    assert [found["email"] for found in api.list_opt_outs()] == ["ben@example.com"]

    # Groups
    group = api.create_contact_group({"tag": "Trial"})
    api.update_contact_group(group, {"tag": "Trial 2"})
    people = table([["name", "email"], ["Ana", "ana@example.com"], ["Cy", "cy@example.com"]])
    api.bulk_replace_contacts(group, people, name_index=0, email_index=1)
    account.advance(10)
    more = table([["email", "name"], ["dora@example.com", "Dora"]])
    api.bulk_update_contacts(group, more, name_index=1, email_index=0)
    api.bulk_delete_contacts(group, table([["email"], ["cy@example.com"]]), email_index=0)
    account.advance(10)
    assert [found["email"] for found in api.get_contact_group(group)["contacts"]] == [
        "ana@example.com",
        "dora@example.com",
    ]
    assert list(api.get_people(group)) == list(api.list_people())
    (listed,) = api.list_contact_groups()
    assert (listed["tag"], "contacts" in listed) == ("Trial 2", False)

    # Messages
    message = api.create_message({"description": "Hi", "email_message": "<p>Hello</p>"})
    api.update_message(message, {"description": "Hello", "email_message": "<p>Hello</p>"})
    assert api.get_message(message)["description"] == "Hello"
    assert [mapping.remote_id(found) for found in api.list_messages()] == [message]

    # Campaigns and results
    attributes = mapping.campaign_attributes(draft([group]), sender_id=sender, send_at=soon())
    campaign = api.create_campaign(attributes)
    reused = {"source": "reuse", "_id": {"$oid": message}}
    uploaded = {"type": "upload", "name_index": 0, "email_index": 1}
    other = api.create_campaign(attributes | {"message": reused, "contact_group": uploaded}, file=people)
    api.update_campaign_status(other, "cancelled")
    assert api.get_campaign(other)["status"] == "cancelled"
    assert {mapping.remote_id(found) for found in api.list_campaigns()} == {campaign, other}
    account.advance(7200)
    window = {"start_date": soon().date(), "end_date": soon().date() + timedelta(days=2)}
    assert len(list(api.list_results(campaign_id=campaign, **window))) == 2
    assert len(list(api.list_results(**window))) == 2

    # What is left to delete
    api.delete_message(message)
    api.delete_contact_group(group)
    api.delete_sender(sender)

    core = contract("emailcampaigns").core()
    assert core - {operation for operation, _ in account.operations} == set()


def test_effects_of_calls_that_differ_by_what_they_say(account, lists):
    api = account.open().client
    campaign = account.release_campaign(draft(lists), send_at=soon())
    for status in ("paused", "active", "cancelled"):
        api.update_campaign_status(campaign, status)

    made = [made for operation, made in account.operations if operation == "updateCampaignStatus"]
    assert made == [Effect.CONVERGE, Effect.ONCE, Effect.CONVERGE]
    assert ("createCampaign", Effect.ONCE) in account.operations


@pytest.mark.parametrize("remote_id", ["", "7", "x" * 24, f"{NOBODY}&a=b"])
def test_an_id_of_another_form_is_missing_without_a_call(account, remote_id):
    before = len(account.calls())
    for verb in ("campaign", "list_size", "update_list", "cancel_campaign", "figures"):
        values = {"name": "x"} if verb == "update_list" else {}
        with pytest.raises(Missing):
            getattr(account, verb)(remote_id=remote_id, **values)
    account.delete_list(remote_id=remote_id)

    assert len(account.calls()) == before


def test_what_is_gone_is_missing(account):
    for verb in ("campaign", "list_size", "list_members", "figures"):
        with pytest.raises(Missing):
            getattr(account, verb)(remote_id=NOBODY)
    with pytest.raises(Missing):
        account.people(f"delivered:{NOBODY}")
    with pytest.raises(Missing):
        account.save_contacts([ContactRecord("", "ana@example.com")], list_ids=[NOBODY])


@pytest.mark.parametrize(("status", "body"), [(200, {"detail": "odd"}), (404, {"detail": "Not found."})])
def test_another_api_at_the_address_is_a_misreading(account, status, body):
    for verb in ("lists", "senders", "campaigns", "leaves", "account"):
        account.fault(kind="status", method="GET", path="/email/", status=status, body=body)
        with pytest.raises(UnexpectedReply):
            getattr(account, verb)()


@pytest.mark.parametrize("body", [[{"tag": "News"}], [None], ["odd"], [{"$_id": {"$oid": ""}}]])
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("lists", "/email/contact/"),
        ("contacts", "/email/contact/"),
        ("senders", "/email/senderid/"),
        ("account", "/email/senderid/"),
        ("campaigns", "/email/campaign/"),
    ],
)
def test_objects_without_their_id_are_a_misreading(account, body, verb, path):
    account.fault(kind="status", method="GET", path=path, status=200, body=body)

    with pytest.raises(UnexpectedReply):
        getattr(account, verb)()


def test_refusals_are_told_in_the_accounts_words(account):
    body = {"tag": ["This field may not be blank."]}
    account.fault(kind="status", method="POST", path="/email/contact/", status=400, body=body)

    with pytest.raises(Refused, match="tag: This field may not be blank"):
        account.create_list(name="")


# Whose account it is


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """By user name and password in place of a token."""
    monkeypatch.setitem(
        conftest.CREDENTIALS,
        "emailcampaigns",
        lambda name: {"way": "login", "username": name, "password": "secret"},
    )


def test_both_ways_lead_to_the_same_account(account, login):
    by_login = account.account()
    by_token = EmailCampaigns(base_url=account.provider.base_url, credentials={"token": "sandbox-contract"})
    by_token.client.session = account.provider.client.session
    by_token.client._exchange = account.provider.client._exchange

    assert by_token.account() == by_login
    assert by_login.name == "sandbox-contract.example (email-campaigns.invalid)"


def test_account_stays_the_same_when_its_senders_change(account, lists):
    before = account.account().fingerprint
    (owner,) = account.senders()
    account.create_sender(name="Ida", email="ida@example.com")
    account.open().client.delete_sender(owner.remote_id)

    assert account.account().fingerprint == before


def test_account_without_a_sender_is_known_by_what_else_it_holds(account):
    before = account.account().fingerprint
    (owner,) = account.senders()
    account.open().client.delete_sender(owner.remote_id)
    with pytest.raises(Refused, match="Add a sender"):
        account.account()

    account.create_list(name="News")
    assert account.account().fingerprint == before
    assert account.account().name == "email-campaigns.invalid"


def test_password_is_asked_once_and_dropped(account, login):
    assert account.account().fingerprint
    assert account.lists() == []
    assert [operation for operation, _ in account.operations].count("obtainToken") == 1

    kept = EmailCampaigns.kept_credentials({"way": "login", "username": "ida", "password": "secret"})
    assert kept == {"way": "login", "username": "ida"}


def test_token_that_is_refused_needs_a_person_once_the_password_is_gone(account, login):
    account.account()
    account.provider.client._password = ""
    account.fault(kind="status", method="GET", path="/email/", status=401, body={"detail": "Invalid token."})

    with pytest.raises(Unauthorized, match="paste a token"):
        account.lists()


def test_wrong_password_is_unauthorized(account, monkeypatch):
    wrong = {"way": "login", "username": "sandbox-contract", "password": "wrong"}
    monkeypatch.setitem(conftest.CREDENTIALS, "emailcampaigns", lambda name: wrong)

    with pytest.raises(Unauthorized, match="Unable to log in"):
        account.account()


def test_nothing_given_is_unauthorized_without_a_call(account, monkeypatch):
    monkeypatch.setitem(conftest.CREDENTIALS, "emailcampaigns", lambda name: {"token": " "})

    with pytest.raises(Unauthorized):
        account.account()


@pytest.mark.parametrize("pasted", [" sandbox-contract\n", "Token sandbox-contract"])
def test_token_may_be_pasted_with_what_stands_around_it(account, monkeypatch, pasted):
    monkeypatch.setitem(conftest.CREDENTIALS, "emailcampaigns", lambda name: {"token": pasted})

    assert account.account().fingerprint


# People


def test_no_verb_ever_takes_an_opt_out_back(account, lists):
    people = [ContactRecord("", "cy@example.com", {"name": "Cy"}, blocked=False)]
    account.save_contacts(people, list_ids=lists)
    account.replace_members(people, list_id=lists[1])
    account.remove_from_list(list_id=lists[0], emails=["cy@example.com"])
    account.delete_contact(remote_id=f"{lists[1]}:cy@example.com")
    account.delete_contact(remote_id="cy@example.com")
    account.advance(60)

    assert [leave.email for leave in account.leaves().items] == ["cy@example.com"]
    assert not {"updateOptOut", "deleteOptOut", "bulkDeleteOptOuts"} & {
        name for name, _ in account.operations
    }


def test_people_come_group_by_group_and_opted_out_ones_are_blocked(account, lists):
    news, test = lists

    assert [(p.remote_id, p.fields, p.list_ids, p.blocked) for p in account.contacts().items] == [
        (f"{news}:ana@example.com", {"name": "Ana Moor"}, (news,), False),
        (f"{news}:ben+x@example.com", {"name": "Ben"}, (news,), False),
        (f"{test}:ben+x@example.com", {"name": "Ben"}, (test,), False),
        (f"{test}:cy@example.com", {"name": ""}, (test,), True),
    ]
    assert [p.blocked for p in account.list_members(remote_id=test).items] == [False, True]


def test_person_is_found_by_id_in_their_group(account, lists):
    ben = account.contact(remote_id=f"{lists[1]}:ben+x@example.com")

    assert ben.list_ids == (lists[1],)
    assert account.contact(email="BEN+x@example.com").list_ids == (lists[0],)
    assert account.contact(email="cy@example.com").blocked
    with pytest.raises(Missing):
        account.contact(remote_id=f"{lists[0]}:cy@example.com")


def test_a_file_counts_as_taken_in_when_its_last_person_is_there(account, lists):
    people = [ContactRecord("", f"person{n}@example.org", {"name": f"P {n}"}) for n in range(30)]
    progress = account.replace_members([*people, ContactRecord("", "odd")], list_id=lists[0])
    assert not progress.done
    assert "@" not in progress.reference
    assert not account.saving(progress.reference).done

    account.advance(10)
    after = account.saving(progress.reference)
    assert (after.done, after.reference) == (True, progress.reference)
    assert after.detail == "Left out for want of a usable address: 1."
    assert account.list_size(remote_id=lists[0]) == 30


def test_an_account_that_never_takes_a_person_in_is_waited_for_ten_minutes(account, lists, monkeypatch):
    account.seed(pace={"process": 10**9})
    progress = account.save_contacts([ContactRecord("", "dora@example.com")], list_ids=lists)
    assert not account.saving(progress.reference).done

    later = datetime.now(UTC).timestamp() + 601
    monkeypatch.setattr("accounts.providers.emailcampaigns.people.time.time", lambda: later)
    assert account.saving(progress.reference).done


def test_saving_keeps_a_name_we_do_not_tell(account, lists):
    account.save_contacts([ContactRecord("", "ana@example.com", {"name": None})], list_ids=lists[:1])
    account.advance(10)

    assert account.contact(email="ana@example.com").fields == {"name": "Ana Moor"}


def test_emptying_a_list_whole(account, lists):
    progress = account.replace_members([], list_id=lists[0])
    account.advance(10)

    assert account.saving(progress.reference).done
    assert account.list_size(remote_id=lists[0]) == 0


def test_opt_out_that_is_refused_because_there_is_one_is_done(account, lists):
    refusal = {"kind": "status", "method": "POST", "path": "/email/optout/", "status": 400}
    account.fault(**refusal, body={"email": ["This address is there already."]})
    account.block_contact(email="CY@example.com")

    account.fault(**refusal, body={"email": ["Enter a valid address."]})
    with pytest.raises(Refused, match="valid address"):
        account.block_contact(email="dora@example.com")


# Campaigns


def test_release_makes_one_campaign_for_one_group(account, lists):
    remote_id = account.release_campaign(draft(lists), send_at=soon())

    record = account.campaign(remote_id=remote_id)
    wanted = account.comparable(draft(lists))
    names = (
        "name",
        "status",
        "phase",
        "subject",
        "html",
        "sender_email",
        "list_ids",
        "sender_name",
        "reply_to",
    )
    assert [getattr(record, name) for name in names] == [getattr(wanted, name) for name in names]
    assert record.send_at == mapping.whole_minute(record.send_at) >= soon() - timedelta(minutes=1)
    assert len(posts(account, "/email/campaign/")) == 1


@pytest.mark.parametrize(
    ("changes", "send_in", "error"),
    [
        ({"list_ids": ()}, 20, Unsupported),
        ({"list_ids": (NOBODY, NOBODY)}, 20, Unsupported),
        ({"sender_email": "nobody@example.com"}, 20, Refused),
        ({}, -2, Refused),
    ],
)
def test_release_that_cannot_be_is_refused_before_the_call(account, lists, changes, send_in, error):
    with pytest.raises(error) as caught:
        account.release_campaign(
            draft(lists, **changes), send_at=datetime.now(UTC) + timedelta(minutes=send_in)
        )

    assert caught.value.detail
    assert posts(account, "/email/campaign/") == []


def test_campaign_is_sent_when_everybody_who_may_get_it_has_a_result(account, lists):
    """Cy opted out; and here the status stays active to the end, as it may over there."""
    remote_id = account.release_campaign(draft(lists[1:]), send_at=soon())
    account.advance(7200)
    api = account.provider.client
    api.get_campaign = lambda campaign_id, get=api.get_campaign: get(campaign_id) | {"status": "active"}

    assert account.campaign(remote_id=remote_id).phase == "sent"
    assert account.figures(remote_id=remote_id).sent == 1
    account.save_contacts([ContactRecord("", "dora@example.com")], list_ids=lists[1:])
    account.advance(10)
    assert account.campaign(remote_id=remote_id).phase == "sending"
    account.delete_list(remote_id=lists[1])
    assert account.campaign(remote_id=remote_id).phase == "sent"


def test_campaign_is_read_without_its_mail_and_sender_when_they_are_gone(account, lists):
    remote_id = account.release_campaign(draft(lists), send_at=soon())
    api = account.provider.client
    raw = api.get_campaign(remote_id)
    api.delete_message(mapping.oid(raw["message_id"]))
    api.delete_sender(mapping.oid(raw["sender_id"]))

    record = account.campaign(remote_id=remote_id)
    assert (record.subject, record.html, record.sender_email) == ("", "", "")


def test_stopping_what_is_stopped_converges(account, lists):
    remote_id = account.release_campaign(draft(lists), send_at=soon())
    refusal = {"kind": "status", "method": "PUT", "path": "/email/campaign/", "status": 400}
    account.cancel_campaign(remote_id=remote_id)
    account.fault(**refusal, body={"status": ["It is cancelled already."]})
    account.cancel_campaign(remote_id=remote_id)

    account.fault(**refusal, body={"status": ["A cancelled campaign cannot be paused."]})
    with pytest.raises(Refused, match="cannot be paused"):
        account.pause_campaign(remote_id=remote_id)


def test_campaigns_go_on_from_a_cursor_in_another_process(account, monkeypatch):
    monkeypatch.setattr("accounts.providers.emailcampaigns.campaigns.PAGE", 3)
    account.seed(lists=["News"], campaigns=8)
    first = account.campaigns()
    second = account.open().campaigns(cursor=first.cursor)
    third = account.open().campaigns(cursor=second.cursor)

    found = [record.name for page in (first, second, third) for record in page.items]
    assert found == [f"Campaign {number}" for number in range(8, 0, -1)]
    assert (third.cursor, first.total) == (None, 8)
    assert {record.sender_email for record in first.items} == {"owner@sandbox-contract.example"}
    assert [record.subject for record in first.items] == [record.name for record in first.items]


def test_marker_finds_a_campaign_whose_creation_is_written_in_another_zone(account, lists):
    remote_id = account.release_campaign(draft(lists), send_at=soon())
    now = datetime.now(UTC)

    for created_after in (now - timedelta(minutes=1), now + timedelta(hours=8)):
        (found,) = account.find_campaigns(marker=MARKER, created_after=created_after)
        assert found.remote_id == remote_id
    assert account.find_campaigns(marker=MARKER, created_after=now + timedelta(days=2)) == ()


# Results


def test_figures_of_what_has_begun(account, lists):
    account.seed(lists=["Many"], contacts=40, campaigns=[{"name": "Old", "status": "sent", "daysAgo": 9}])
    account.release_campaign(draft(lists), send_at=soon())

    ((remote_id, figures),) = account.all_figures()
    assert dataclasses.replace(account.figures(remote_id=remote_id), read_at=figures.read_at) == figures
    assert figures.sent == 40
    assert figures.delivered > 0
    assert (figures.opened, figures.opens, figures.clicked, figures.unsubscribed) == (None,) * 4


@pytest.mark.parametrize("kind", ["opened", "clicked", "unsubscribed", "levitated"])
def test_people_of_other_kinds_are_told_nowhere(account, kind):
    with pytest.raises(Unsupported, match="does not tell"):
        account.request_people(remote_id=NOBODY, kind=kind)

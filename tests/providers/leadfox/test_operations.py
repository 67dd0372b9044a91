"""Every core operation of the contract has a method of the client, and each is exercised against the sandbox.

Request and reply of each call are held against the contract on their way (see tests/providers/conftest.py).
"""

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from accounts.providers.errors import (
    Conflict,
    Missing,
    OutcomeUnknown,
    Refused,
    Unauthorized,
    UnexpectedReply,
    Unsupported,
)
from accounts.providers.leadfox import client as client_module
from accounts.providers.leadfox import mapping
from accounts.providers.leadfox.client import PATHS
from accounts.providers.records import CampaignDraft, CampaignRecord, ContactRecord
from tests.providers.conftest import Account
from tests.providers.wsgi import contract

MARKER = "k3v9x0q2m7zt"


@pytest.fixture(autouse=True)
def _nothing_learnt() -> Iterator[None]:
    client_module.UPDATE_METHODS.clear()
    yield
    client_module.UPDATE_METHODS.clear()


@pytest.fixture
def account() -> Account:
    return Account("leadfox")


@pytest.fixture
def news(account) -> str:
    """The list News with Ana and Ben, and Cy who unsubscribed from everything."""
    people = [
        {"email": "ana@example.com", "fields": {"first_name": "Ana"}, "lists": [0]},
        {"email": "ben+x@example.com", "lists": [0]},
        {"email": "cy@example.com", "blocked": True, "lists": [0]},
    ]
    (list_id,) = account.seed(lists=["News"], contacts=people)["lists"]
    return list_id


def draft(*list_ids: str, **changes: object) -> CampaignDraft:
    values = {
        "name": f"June news · {MARKER}",
        "subject": "June in Zürich",
        "preview_text": "What is new",
        "html": "<p>Hello</p>",
        "sender_name": "Ida",
        "sender_email": "ida@example.com",
        "list_ids": list_ids,
    }
    return CampaignDraft(**{**values, **changes})


def soon() -> datetime:
    return (datetime.now(UTC) + timedelta(minutes=10)).replace(microsecond=0)


def asked(account: Account, method: str, end: str) -> list[dict]:
    return [call for call in account.calls() if call["method"] == method and call["path"].endswith(end)]


# The contract


def test_every_core_operation_has_a_path_as_in_the_contract():
    book = contract("leadfox")

    assert {name: re.sub(r"\{\w+\}", "{}", book.operations[name][0]) for name in book.core()} == PATHS


def test_every_core_operation_keeps_the_contract(account):
    account.seed(mailinglists=["Promotions"])
    api = account.open().client

    # Folders, lists, properties, mailing lists
    folder = api.create_folder({"name": "Trials"})
    api.update_folder(folder, {"name": "Tests", "description": "Ours"})
    assert api.get_folder(folder)["name"] == "Tests"
    assert folder in [raw["_id"] for raw in api.list_folders(sort="name", fields="name")]
    made = api.create_list({"name": "Trial"})
    api.update_list(made, {"name": "Trial 2"})
    assert api.get_list(made)["name"] == "Trial 2"
    assert [raw["name"] for raw in api.list_lists(filters="name = Trial 2")] == ["Trial 2"]
    tier = api.create_property({"name": "Tier", "shortcode": "tier"})
    api.update_property(tier, {"name": "Tier of membership"})
    assert api.get_property(tier)["shortcode"] == "tier"
    assert "tier" in [raw["shortcode"] for raw in api.list_properties()]
    (consent,) = api.list_mailing_lists()
    assert api.get_mailing_list(consent["_id"])["name"] == "Promotions"

    # Contacts
    ana = api.create_contact({"email": "ana@example.com", "properties": {"tier": "gold"}})
    assert api.upsert_contact({"email": "ana@example.com", "properties": {"firstname": "Ana"}}) == ana
    api.update_contact(ana, {"properties": {"tier": "tin"}})
    assert api.get_contact(ana)["properties"] == {"tier": "tin", "firstname": "Ana"}
    api.add_contact_to_list(made, ana)
    assert [raw["_id"] for raw in api.list_list_contacts(made, skip=0, limit=10)] == [ana]
    assert [raw["_id"] for raw in api.list_contacts(filters="email = ana@example.com")] == [ana]

    # E-mails and campaigns
    email = api.create_email(mapping.email_body(draft()))
    api.update_email(email, {"subject": "July"})
    assert api.get_email(email)["subject"] == "July"
    assert [raw["_id"] for raw in api.list_emails(fields="name")] == [email]
    body = mapping.campaign_body(draft(made), folder_id=folder, email_id=email)
    owner = api.tokens().details["clientid"]
    campaign = api.create_campaign(body | {"_id": mapping.own_id(owner, MARKER), "_owner": owner})
    assert campaign == mapping.own_id(owner, MARKER)
    api.update_campaign(campaign, {"status": "a", "start": mapping.iso(soon())})
    account.advance(7200)
    assert api.get_campaign(campaign)["status"] == "a"
    assert [raw["_id"] for raw in api.list_campaigns(sort="-_id", limit=5)] == [campaign]
    day = {"start_date": "2020-01-01T00:00:00.000Z", "end_date": "2099-01-01T00:00:00.000Z"}
    assert mapping.sent_count(api.get_metrics("campaign", campaign, is_compiled=False, **day)) == 1
    assert mapping.sent_count(api.get_metrics("target", email)) == 1

    # What is left to delete
    api.remove_contact_from_list(made, ana)
    api.delete_contact(ana)

    assert contract("leadfox").core() - {operation for operation, _ in account.operations} == set()


# People


def test_mailing_lists_are_fields_nobody_writes_and_no_lists(account):
    account.seed(
        lists=["News"],
        mailinglists=["Promotions"],
        contacts=[{"email": "ana@example.com", "lists": [0], "mailinglists": {"Promotions": "opt-in"}}],
    )
    (consent,) = (field for field in account.fields() if not field.writable)
    (ana,) = account.contacts().items

    assert (consent.name, ana.fields[consent.remote_id]) == ("Consent: Promotions", "opt-in")
    assert [found.name for found in account.lists()] == ["News"]
    assert list(ana.list_ids) == [found.remote_id for found in account.lists()]
    account.save_contacts([dataclasses.replace(ana, blocked=True)], list_ids=[])
    assert asked(account, "POST", "/contact/upsert")[0]["body"] == {
        "email": "ana@example.com",
        "properties": {},
    }
    (again,) = account.contacts().items
    assert dataclasses.replace(again, modified_at=ana.modified_at) == ana


def test_saving_never_says_whether_somebody_is_subscribed(account, news):
    account.save_contacts([ContactRecord("", "cy@example.com", {"firstname": "Cy"})], list_ids=[news])

    (call,) = asked(account, "POST", "/contact/upsert")
    assert call["body"] == {"email": "cy@example.com", "properties": {"firstname": "Cy"}}
    assert account.contact(email="cy@example.com").blocked


def test_none_leaves_a_value_and_an_empty_text_clears_it(account, news):
    account.save_contacts([ContactRecord("", "ana@example.com", {"firstname": None})], list_ids=[])
    assert account.contact(email="ana@example.com").fields["firstname"] == "Ana"

    account.save_contacts([ContactRecord("", "ana@example.com", {"firstname": ""})], list_ids=[])
    assert not account.contact(email="ana@example.com").fields.get("firstname")


def test_people_are_saved_once_each_and_put_on_every_list(account, news):
    other = account.create_list(name="Other").remote_id
    people = [ContactRecord("", f"person{number}@example.org") for number in range(40)]
    progress = account.save_contacts([*people, people[0]], list_ids=[news, other])

    assert (progress.done, progress.detail) == (True, "")
    assert account.list_size(remote_id=other) == 40
    assert account.list_size(remote_id=news) == 43
    assert len(asked(account, "POST", "/contact/upsert")) == 40


def test_saving_tells_of_those_turned_away(account, news):
    people = [ContactRecord("", "not an address"), ContactRecord("", "dora@example.com")]
    progress = account.save_contacts(people, list_ids=[news])

    assert progress.done
    assert progress.detail.startswith("1 of 2 people were turned away: ")
    assert account.saving("").done
    assert "dora@example.com" in [person.email for person in account.list_members(remote_id=news).items]


def test_more_people_than_fit_into_one_call(account, news):
    people = [ContactRecord("", f"person{number}@example.org") for number in range(101)]

    with pytest.raises(ValueError, match="101 people"):
        account.save_contacts(people, list_ids=[news])


def test_a_role_that_may_not_write_is_nobodys_bad_address(account, news):
    account.fault(kind="status", method="POST", path="/v1/contact", status=403, body={"error": "No"}, times=0)

    with pytest.raises(Refused, match="No"):
        account.save_contacts([ContactRecord("", "dora@example.com")], list_ids=[news])


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 199, 200, 201, 350])
def test_lists_are_counted_to_the_last_person(account, count):
    (list_id,) = account.seed(lists=["Many"], contacts=count)["lists"]

    assert account.list_size(remote_id=list_id) == count


def test_counting_a_long_list_takes_few_calls(account):
    (list_id,) = account.seed(lists=["Many"], contacts=5000)["lists"]
    account.list_size(remote_id=list_id)

    assert len(asked(account, "GET", "/contact")) < 25


def test_walk_foretells_the_next_pages_and_goes_in_the_order_of_ids(account):
    account.seed(lists=["Many"], contacts=300)
    page = account.contacts()

    assert (page.cursor, page.ahead) == ("90", ("180", "270", "360"))
    assert asked(account, "GET", "/contact")[0]["query"] == {"skip": "0", "limit": "100", "sort": "_id"}
    assert account.contacts(cursor="360").items == ()
    assert account.contacts(cursor="360").cursor is None


def test_changes_alone_cannot_be_asked_for(account):
    with pytest.raises(Unsupported, match="Leadfox cannot be asked for changes alone"):
        account.contacts(changed_since=datetime.now(UTC))


def test_leaves_are_asked_for_and_checked(account, news):
    assert [(leave.email, leave.reason) for leave in account.leaves().items] == [
        ("cy@example.com", "unsubscribed")
    ]
    assert asked(account, "GET", "/contact")[0]["query"]["filters"] == "subscribed = false"


def test_address_is_found_and_taken_off_in_other_letters(account, news):
    """A filter tells capitals apart, so it is given both spellings."""
    assert account.contact(email="Ana@Example.com").email == "ana@example.com"
    account.remove_from_list(list_id=news, emails=["Ana@Example.com"])

    members = [person.email for person in account.list_members(remote_id=news).items]
    assert members == ["ben+x@example.com", "cy@example.com"]


def test_addresses_that_no_filter_can_say_are_found_among_all_people(account, news, monkeypatch):
    monkeypatch.setattr(mapping, "equal", lambda *_: "")
    account.remove_from_list(list_id=news, emails=["ana@example.com"])

    assert account.contact(email="ana@example.com").list_ids == ()
    with pytest.raises(Missing):
        account.contact(email="nobody@example.com")


def test_filter_that_is_not_understood_takes_nobody_off(account, news, monkeypatch):
    """All people come back for it; only those meant are taken off."""
    monkeypatch.setattr(mapping, "equal", lambda *_: "subscribed exists true")
    account.remove_from_list(list_id=news, emails=["ana@example.com"])

    members = [person.email for person in account.list_members(remote_id=news).items]
    assert members == ["ben+x@example.com", "cy@example.com"]


def test_person_whom_filters_miss_is_found_on_the_list(account, news, monkeypatch):
    """As where Leadfox keeps the capitals of an address."""
    monkeypatch.setattr(mapping, "equal", lambda *_: "email = nobody")
    account.remove_from_list(list_id=news, emails=["ana@example.com", "nobody@example.com"])

    members = [person.email for person in account.list_members(remote_id=news).items]
    assert members == ["ben+x@example.com", "cy@example.com"]


def test_not_found_is_believed_only_of_people_who_are_off_the_list(account, news):
    account.fault(kind="status", method="DELETE", path="", status=404, body={"error": "Not found"}, times=2)
    account.remove_from_list(list_id=account.create_list(name="Empty").remote_id, emails=["ana@example.com"])

    with pytest.raises(UnexpectedReply):
        account.remove_from_list(list_id=news, emails=["ana@example.com"])


# Campaigns


def test_campaign_is_made_in_our_folder_and_under_our_id(account, news):
    remote_id = account.create_campaign(draft(news))

    (folder,) = account.open().client.list_folders(filters="name = Campanile")
    (call,) = asked(account, "POST", "/campaign")
    assert remote_id == mapping.own_id(folder["_owner"], MARKER)
    assert {name: call["body"][name] for name in ("_id", "_owner", "folder", "status", "lists")} == {
        "_id": remote_id,
        "_owner": folder["_owner"],
        "folder": folder["_id"],
        "status": "d",
        "lists": [{"list": news}],
    }
    account.create_campaign(draft(news, name="Another · mn4b8c1x5z7k"))
    assert len(asked(account, "POST", "/folder")) == 1


@pytest.mark.parametrize("path", ["/v1/folder", "/v1/email", "/v1/campaign"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "garbage"])
def test_creation_goes_on_where_an_answer_was_lost(account, news, path, kind):
    account.lists()  # opens the account
    account.fault(kind=kind, method="POST", path=path)
    with pytest.raises(OutcomeUnknown):
        account.create_campaign(draft(news))
    remote_id = account.create_campaign(draft(news, subject="July"))

    state = account.open().client
    assert [raw["_id"] for raw in state.list_campaigns()] == [remote_id]
    assert len(state.list_emails()) == 1
    assert len(state.list_folders()) == 1
    assert account.campaign(remote_id=remote_id).subject == "July"


@pytest.mark.parametrize("own_ids", [True, False])
def test_creation_repeated_finds_the_first(account, news, monkeypatch, own_ids):
    monkeypatch.setattr(mapping, "OWN_IDS", own_ids)
    account.is_held_to_contract = own_ids  # it says that both are required
    first, second = account.create_campaign(draft(news)), account.create_campaign(draft(news))

    assert first == second
    assert len(asked(account, "POST", "/campaign")) == 1
    assert ("_id" in asked(account, "POST", "/campaign")[0]["body"]) is own_ids


def test_creation_repeated_leaves_a_planned_campaign_alone(account, news):
    remote_id = account.create_campaign(draft(news))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())

    assert account.create_campaign(draft(news, subject="July")) == remote_id
    assert account.campaign(remote_id=remote_id).subject == "June in Zürich"


def test_campaigns_without_a_marker_are_each_their_own(account, news):
    wanted = draft(news, name="June")

    assert account.create_campaign(wanted) != account.create_campaign(wanted)


def test_campaign_is_found_by_our_id_under_another_name(account, news):
    remote_id = account.create_campaign(draft(news))
    account.open().client.update_campaign(remote_id, {"name": "Renamed by somebody"})

    (found,) = account.find_campaigns(marker=MARKER, created_after=datetime.now(UTC))
    assert (found.remote_id, found.name) == (remote_id, "Renamed by somebody")


def test_listed_campaigns_bring_subject_and_sender_but_no_body(account, news):
    account.create_campaign(draft(news))
    account.create_campaign(draft(news, name="July · mn4b8c1x5z7k", subject="July"))
    listed = account.campaigns().items

    assert {(found.name, found.subject, found.sender_email, found.html) for found in listed} == {
        (f"June news · {MARKER}", "June in Zürich", "ida@example.com", ""),
        ("July · mn4b8c1x5z7k", "July", "ida@example.com", ""),
    }
    assert len(asked(account, "GET", "/v1/email")) - 2 == 1  # two looked for their own e-mail before


def test_designs_that_no_filter_brings_are_read_one_by_one(account, news, monkeypatch):
    account.create_campaign(draft(news))
    monkeypatch.setattr(mapping, "equal", lambda *_: "name = nothing")

    assert [(found.subject, found.html) for found in account.campaigns().items] == [("June in Zürich", "")]


def test_scheduling_is_one_call_with_start_and_status(account, news):
    remote_id = account.create_campaign(draft(news))
    send_at = soon() + timedelta(milliseconds=250)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)

    (call,) = asked(account, "PUT", f"/campaign/{remote_id}")
    rounded_up = send_at.replace(microsecond=0) + timedelta(seconds=1)
    assert call["body"] == {"start": f"{rounded_up:%Y-%m-%dT%H:%M:%S}.000Z", "status": "a"}


@pytest.mark.parametrize("lists", [[], [{"list": None}]])
def test_campaign_that_would_reach_everybody_is_not_released(account, news, lists):
    remote_id = account.create_campaign(draft(news))
    account.open().client.update_campaign(remote_id, {"lists": lists})

    with pytest.raises(Refused, match="names no list"):
        account.schedule_campaign(remote_id=remote_id, send_at=soon())
    assert account.campaign(remote_id=remote_id).phase == "draft"


def test_past_instant_is_refused_before_anything_is_said(account, news):
    remote_id = account.create_campaign(draft(news))

    with pytest.raises(Refused, match="has passed"):
        account.schedule_campaign(remote_id=remote_id, send_at=datetime.now(UTC))
    assert asked(account, "PUT", f"/campaign/{remote_id}") == []


def test_campaign_is_sending_until_all_who_may_get_it_have_it(account):
    (list_id,) = account.seed(lists=["Many"], contacts=200)["lists"]
    remote_id = account.create_campaign(draft(list_id))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    phases = []
    account.advance(570)
    for _ in range(40):
        phase = account.campaign(remote_id=remote_id).phase
        if phases[-1:] != [phase]:
            phases.append(phase)
        account.advance(10)

    assert phases == ["scheduled", "sending", "sent"]
    assert account.figures(remote_id=remote_id).sent == 200


def test_who_unsubscribed_does_not_keep_a_campaign_from_being_sent(account, news):
    remote_id = account.create_campaign(draft(news))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    account.advance(1200)

    assert account.campaign(remote_id=remote_id).phase == "sent"
    assert account.figures(remote_id=remote_id).sent == 2


def test_campaign_that_has_gone_out_is_not_made_inactive(account, news):
    old = {"name": "Old", "status": "sent", "daysAgo": 2, "lists": [0]}
    (remote_id,) = account.seed(lists=["Crowd"], campaigns=[old])["campaigns"]

    with pytest.raises(Conflict):
        account.cancel_campaign(remote_id=remote_id)
    assert asked(account, "PUT", remote_id) == []


def test_campaign_of_another_kind_is_none_of_ours(account, news, monkeypatch):
    account.create_campaign(draft(news))
    monkeypatch.setattr(mapping, "EMAIL_CAMPAIGN", 7)

    assert account.campaigns().items == ()
    assert account.all_figures() == []


def test_updates_go_by_patch_where_the_account_wants_it(account, news):
    account.seed(updates="patch")
    account.is_held_to_contract = False  # it describes PUT
    remote_id = account.create_campaign(draft(news))
    account.update_campaign(draft(news, subject="July"), remote_id=remote_id)
    account.schedule_campaign(remote_id=remote_id, send_at=soon())

    read = account.campaign(remote_id=remote_id)
    assert (read.subject, read.phase) == ("July", "scheduled")
    assert len([call for call in account.calls() if call["method"] == "PUT"]) == 1


# Results


def test_figures_of_a_campaign_that_has_sent_nothing(account, news):
    remote_id = account.create_campaign(draft(news))

    assert not account.figures(remote_id=remote_id).sent
    assert account.all_figures() == []
    with pytest.raises(Missing):
        account.figures(remote_id="5f0c4bd0c3a1e20008a1b2c3")


def test_a_metric_path_that_is_not_there_leaves_a_campaign_to_the_clock(account, news):
    remote_id = account.create_campaign(draft(news))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    account.fault(kind="status", method="GET", path="*metric*", status=404, body={"error": "No"}, times=0)

    assert account.campaign(remote_id=remote_id).phase == "scheduled"
    assert account.figures(remote_id=remote_id).sent is None


def test_comparable_leaves_out_the_reply_address(account):
    read = account.open().comparable(draft(reply_to="reply@example.com"))

    assert (type(read), read.reply_to) == (CampaignRecord, "")


def test_account_without_a_client_id_is_known_by_what_it_owns(account):
    known = account.account()
    provider = account.open()
    provider.client.tokens()
    provider.keyring._tokens = dataclasses.replace(provider.keyring.tokens(), details={})

    assert provider.account().fingerprint == known.fingerprint


def test_new_secret_ends_the_old_one(account):
    account.lists()
    account.seed(secret="another")
    account.is_held_to_contract = False

    with pytest.raises(Unauthorized):
        account.open().account()

"""What Mailmojo's verbs do in its own way, against the sandbox; what all providers share is in test_contract.py."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accounts.providers.errors import Conflict, Missing, Refused, UnexpectedReply, Unsupported
from accounts.providers.mailmojo import paging
from accounts.providers.mailmojo.provider import Mailmojo
from accounts.providers.records import CampaignDraft, ContactRecord, FieldRecord
from tests.providers.conftest import Account
from tests.providers.test_contract import walk

MARKER = "k3v9x0q2m7zt"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def account() -> Account:
    return Account("mailmojo")


@pytest.fixture
def lists(account: Account) -> list[str]:
    people = [
        {"email": "ana@example.com", "fields": {"first_name": "Ana", "shoe_size": 38}, "lists": [0]},
        {"email": "ben@example.com", "lists": [0, 1]},
        {"email": "cy@example.com", "lists": [0, 1], "left": [1]},
    ]
    return [str(list_id) for list_id in account.seed(lists=["News", "Test"], contacts=people)["lists"]]


def draft(account: Account, *list_ids: str) -> CampaignDraft:
    sender = account.senders()[0]
    return CampaignDraft(
        name=f"June {MARKER}",
        subject="June",
        preview_text="New",
        html="<p>Hello</p>",
        sender_name=sender.name,
        sender_email=sender.email,
        list_ids=list_ids,
    )


def in_an_hour() -> datetime:
    return (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)


# People and lists


def test_senders_of_an_account_without_lists(account):
    owner = account.account()

    assert [(sender.name, sender.email) for sender in account.senders()] == [(owner.name, owner.email)]
    made = account.create_list(name="First")
    assert (made.sender_name, made.sender_email) == (owner.name, owner.email)


def test_fields_are_found_in_people(account, lists):
    assert account.fields()[-1] == FieldRecord("shoe_size", "shoe_size", "number", writable=False)


def test_contacts_are_read_once_however_many_pages(account, monkeypatch):
    monkeypatch.setattr(paging, "PAGE_ROWS", 10)
    account.seed(lists=["Many"], contacts=35)

    assert len(walk(account.contacts)) == 35
    assert [operation for operation, _ in account.operations].count("getContacts") == 1


def test_contacts_are_not_asked_for_by_date(account, lists):
    with pytest.raises(Unsupported, match="all contacts at once"):
        account.contacts(changed_since=LONG_AGO)


def test_renaming_a_list_keeps_its_sender(account):
    made = account.create_list(name="June", sender_name="Ida", sender_email="ida@example.com")
    account.update_list(remote_id=made.remote_id, name="(used) June")

    (found,) = account.lists()
    assert found == replace(made, name="(used) June")
    assert account.calls()[-2]["body"] == {
        "name": "(used) June",
        "from_name": "Ida",
        "from_email": "ida@example.com",
    }


def test_leaves_are_walked_list_after_list(account, monkeypatch):
    monkeypatch.setattr(paging, "PAGE_ROWS", 2)
    people = [{"email": f"p{number}@example.com", "lists": [0, 1, 2], "left": [0, 2]} for number in range(5)]
    first, _, third = (
        str(number) for number in account.seed(lists=["A", "B", "C"], contacts=people)["lists"]
    )

    left = walk(account.leaves)
    assert {(record.email, record.list_id) for record in left} == {
        (f"p{number}@example.com", list_id) for number in range(5) for list_id in (first, third)
    }
    assert {record.reason for record in left} == {"unsubscribed"}
    assert all(record.at for record in left)


def test_leaves_go_on_in_another_process(account, monkeypatch):
    monkeypatch.setattr(paging, "PAGE_ROWS", 2)
    monkeypatch.setattr(paging, "OVERLAP", 1)
    people = [{"email": f"p{number}@example.com", "lists": [0, 1], "left": [0, 1]} for number in range(5)]
    account.seed(lists=["A", "B"], contacts=people)
    cursor, found = None, set()
    while True:
        page = account.open().leaves(cursor=cursor)
        found |= {(record.email, record.list_id) for record in page.items if record.list_id}
        cursor = page.cursor
        if cursor is None:
            break

    assert len(found) == 10


def test_leaves_of_an_account_without_lists(account):
    assert walk(account.leaves) == []


def test_leaving_all_lists_is_leaving_the_account(account, lists):
    account.act(kind="leave_list", email="ana@example.com", list=int(lists[0]))

    assert {(record.email, record.list_id) for record in walk(account.leaves)} == {
        ("ana@example.com", lists[0]),
        ("ana@example.com", ""),
        ("cy@example.com", lists[1]),
    }
    assert account.contact(email="ana@example.com").blocked
    assert not account.contact(email="cy@example.com").blocked


def test_import_leaves_out_who_left_the_list(account, lists):
    people = [ContactRecord("", f"{name}@example.com") for name in ("ben", "CY", "dora")]
    progress = account.save_contacts(people, list_ids=[lists[1]])

    assert progress.done
    assert progress.detail == "Mailmojo took 2 of 3 people."
    assert account.calls()[-1]["body"].split() == ["email", "ben@example.com", "dora@example.com"]
    assert account.list_size(remote_id=lists[1]) == 2


GONE = [
    {"email": "gone-left@example.com", "lists": [0], "left": [0]},
    {"email": "gone-bounced@example.com", "lists": [0], "bounced": True},
    {"email": "gone-deleted@example.com", "lists": [0], "deleted": True},
    # Left one list, and is still on another: the account mails them.
    {"email": "stays@example.com", "lists": [0, 1], "left": [0]},
]


@pytest.mark.parametrize("asks_one_by_one", [True, False])
def test_import_leaves_out_whom_the_account_mails_no_more(account, monkeypatch, asks_one_by_one):
    if not asks_one_by_one:
        monkeypatch.setattr("accounts.providers.mailmojo.provider.FEW", 1)
    account.seed(lists=["A", "B"], contacts=GONE)
    made = account.create_list(name="A delivery's own")
    names = ("gone-left", "gone-BOUNCED", "gone-deleted", "stays", "new")
    people = [ContactRecord("", f"{name}@example.com") for name in names]
    progress = account.save_contacts(people, list_ids=[made.remote_id])

    assert progress.detail == "Mailmojo took 2 of 5 people."
    assert account.calls()[-1]["body"].split() == ["email", "stays@example.com", "new@example.com"]


@pytest.mark.parametrize("asks_one_by_one", [True, False])
@pytest.mark.parametrize("status", ["b", "d"])
def test_import_leaves_out_who_is_gone_from_the_list_alone(
    account, lists, monkeypatch, status, asks_one_by_one
):
    """No reply about the list tells of them; what is known of the person does."""
    if not asks_one_by_one:
        monkeypatch.setattr("accounts.providers.mailmojo.provider.FEW", 0)
    raw = {
        "email": "Ana@example.com",
        "status": "a",
        "list_associations": [{"list_id": int(lists[0]), "status": status}, {"list_id": 99, "status": "a"}],
    }
    provider = account.open()
    monkeypatch.setattr(provider.client, "get_contact", lambda _: raw)
    monkeypatch.setattr(provider.client, "get_contacts", lambda: iter([raw, "odd"]))
    ana = [ContactRecord("", "ana@example.com")]

    assert provider.save_contacts(ana, list_ids=lists[:1]).detail == "Mailmojo took 0 of 1 people."
    assert provider.save_contacts(ana, list_ids=lists[1:]).detail == ""


def test_import_in_parts_reads_everybody_once(account, lists, monkeypatch):
    monkeypatch.setattr("accounts.providers.mailmojo.provider.FEW", 1)
    for part in ("p1", "p2"):
        people = [ContactRecord("", f"{part}-{number}@example.com") for number in range(3)]
        account.save_contacts(people, list_ids=[lists[1]])

    assert [operation for operation, _ in account.operations].count("getContacts") == 1
    assert account.list_size(remote_id=lists[1]) == 7


def test_import_keeps_names_it_does_not_know(account, lists):
    account.save_contacts(
        [ContactRecord("", "ana@example.com"), ContactRecord("", "ben@example.com", {"first_name": "Ben"})],
        list_ids=[lists[1]],
    )
    names = {record.email: record.fields.get("first_name") for record in walk(account.contacts)}

    assert (names["ana@example.com"], names["ben@example.com"]) == ("Ana", "Ben")


def test_import_takes_so_many_people_at_once(account, lists):
    with pytest.raises(ValueError):
        account.save_contacts([ContactRecord("", "a@example.com")] * 10_001, list_ids=lists[:1])


def test_blocking_takes_the_person_off_every_list(account, lists):
    account.block_contact(email="ben@example.com")
    account.block_contact(email="nobody@example.com")

    assert account.contact(email="ben@example.com").list_ids == ()
    with pytest.raises(Missing):
        account.contact(email="nobody@example.com")


def test_segments_stand_with_their_list(account, lists):
    made = account.create_segment(
        name="Ours", list_remote_id=lists[1], rule={"all": [{"tag": "a"}, {"not": {"tag": "b"}}]}
    )

    assert account.segments() == [made]
    with pytest.raises(Unsupported, match="tags"):
        account.create_segment(name="x", list_remote_id=lists[1], rule={"any": [{"tag": "a"}, {"tag": "b"}]})


# Newsletters


def test_newsletter_goes_to_one_list(account, lists):
    with pytest.raises(Unsupported, match="one list"):
        account.create_campaign(draft(account, *lists))


def test_draft_of_a_test_takes_a_list_with_its_sender(account, lists):
    account.create_list(name="Alike", sender_name="Shop", sender_email="ida@example.com")
    other = account.create_list(name="Other", sender_name="Ida", sender_email="ida@example.com")
    wanted = replace(draft(account), sender_name="Ida", sender_email="IDA@example.com")
    remote_id = account.create_campaign(wanted)

    read = account.campaign(remote_id=remote_id)
    assert (read.list_ids, read.sender_email) == ((other.remote_id,), "ida@example.com")
    account.update_campaign(replace(wanted, subject="July"), remote_id=remote_id)
    assert account.send_test(remote_id=remote_id, emails=["x@example.com"]).accepted == ("x@example.com",)


def test_draft_of_a_test_without_such_a_sender(account, lists):
    with pytest.raises(Refused, match="No list in Mailmojo has this sender"):
        account.create_campaign(replace(draft(account), sender_email="nobody@example.com"))


def test_changing_what_is_no_draft_is_a_conflict(account, lists):
    wanted = draft(account, lists[0])
    remote_id = account.create_campaign(wanted)
    account.schedule_campaign(remote_id=remote_id, send_at=in_an_hour())

    with pytest.raises(Conflict, match="scheduled"):
        account.update_campaign(wanted, remote_id=remote_id)
    with pytest.raises(Missing):
        account.update_campaign(wanted, remote_id="99999")


def test_arming_is_for_a_second_ahead(account, lists):
    remote_id = account.create_campaign(draft(account, lists[0]))
    with pytest.raises(Refused, match="passed"):
        account.schedule_campaign(remote_id=remote_id, send_at=datetime.now(UTC) - timedelta(seconds=2))
    send_at = in_an_hour()
    account.schedule_campaign(remote_id=remote_id, send_at=send_at - timedelta(milliseconds=1))

    (call,) = (call for call in account.calls() if call["method"] == "PUT")
    assert call["body"] == {"send_date": f"{send_at:%Y-%m-%dT%H:%M:%S}Z"}


def test_arming_what_is_armed_is_a_conflict_and_what_is_wrong_a_refusal(account, lists):
    armed = account.create_campaign(draft(account, lists[0]))
    account.schedule_campaign(remote_id=armed, send_at=in_an_hour())
    with pytest.raises(Conflict, match="scheduled"):
        account.schedule_campaign(remote_id=armed, send_at=in_an_hour())

    empty = account.create_campaign(replace(draft(account, lists[0]), html=""))
    with pytest.raises(Refused) as caught:
        account.schedule_campaign(remote_id=empty, send_at=in_an_hour())
    assert type(caught.value) is Refused


def test_cancelling_converges(account, lists):
    remote_id = account.create_campaign(draft(account, lists[0]))
    account.cancel_campaign(remote_id=remote_id)
    account.schedule_campaign(remote_id=remote_id, send_at=in_an_hour())
    account.cancel_campaign(remote_id=remote_id)
    account.cancel_campaign(remote_id=remote_id)

    assert account.campaign(remote_id=remote_id).phase == "draft"


@pytest.mark.parametrize("seconds", [0, 3605, 90_000])
def test_campaign_is_found_by_its_marker_in_every_state(account, lists, seconds):
    """Planned, going out, sent; and among others of every kind."""
    account.seed(lists=["Many"], contacts=500, pace={"send": 600})
    (many,) = (found.remote_id for found in account.lists() if found.name == "Many")
    remote_id = account.create_campaign(draft(account, many))
    account.schedule_campaign(remote_id=remote_id, send_at=in_an_hour())
    account.advance(seconds)

    (found,) = account.find_campaigns(marker=MARKER, created_after=LONG_AGO)
    assert (found.remote_id, found.phase) == (
        remote_id,
        {0: "scheduled", 3605: "sending", 90_000: "sent"}[seconds],
    )


def test_stopped_on_its_way(account):
    (many,) = account.seed(lists=["Many"], contacts=500, pace={"send": 600})["lists"]
    remote_id = account.create_campaign(draft(account, str(many)))
    account.schedule_campaign(remote_id=remote_id, send_at=in_an_hour())
    account.advance(3800)
    assert account.figures(remote_id=remote_id).sent is None
    account.cancel_campaign(remote_id=remote_id)

    assert account.campaign(remote_id=remote_id).phase == "stopped"
    (found,) = account.find_campaigns(marker=MARKER, created_after=LONG_AGO)
    assert found.phase == "stopped"


def test_draft_that_mailed_nobody_counts_nobody(account, lists):
    remote_id = account.create_campaign(draft(account, lists[0]))

    assert account.figures(remote_id=remote_id).sent is None
    assert list(account.all_figures()) == []


# Webhooks

URL = "https://console.example/hooks/unguessable/"


def test_webhooks_are_one_for_each_topic(account):
    made = account.create_webhook(url=URL, secret="ours")

    hooks = account.state()["webhooks"]
    assert made.remote_id.split(",") == list(hooks)
    assert len(set(made.secrets)) == 2
    assert made.events == ("contacts/subscribed", "contacts/unsubscribed")
    account.delete_webhook(remote_id=made.remote_id)
    assert account.state()["webhooks"] == {}


def test_half_a_webhook_is_taken_back(account):
    api = account.client
    make = api.create_webhook

    def make_one_kind(topic: str, url: str) -> dict:
        if topic == "contacts/unsubscribed":
            raise Refused("no")
        return make(topic, url)

    api.create_webhook = make_one_kind
    with pytest.raises(Refused):
        account.create_webhook(url=URL, secret="ours")
    assert [operation for operation, _ in account.operations][-2:] == ["createWebhook", "deleteWebhook"]
    assert account.state()["webhooks"] == {}


@pytest.mark.parametrize(
    ("body", "is_theirs"),
    [
        ({"topic": "contacts/subscribed"}, True),
        ([{"topic": "contacts/subscribed"}, {"event": "contacts/unsubscribed"}], True),
        ([{"topic": "contacts/subscribed"}, {}], False),
        ([], False),
        ({"topic": "contacts/erased"}, False),
        ("x", False),
    ],
)
def test_call_must_name_a_topic_of_ours(body, is_theirs):
    raw = json.dumps(body).encode()

    assert Mailmojo.verify_webhook(body=raw, headers={}, secrets=["s"]) is is_theirs


def test_leave_by_a_call_is_read_from_the_account_instead(account, lists):
    account.create_webhook(url=URL, secret="ours")
    account.act(kind="leave_list", email="ana@example.com", list=int(lists[0]))
    account.sandbox.tick()

    (posted,) = account.posted
    (event,) = Mailmojo.read_webhook(body=json.dumps(posted[2]).encode())
    assert (event.kind, event.email) == ("contact_changed", "ana@example.com")
    assert account.contact(email="ana@example.com").blocked


@pytest.mark.parametrize("body", [b"", b"{", b'{"topic": "x"}', b"7"])
def test_call_that_cannot_be_read(body):
    with pytest.raises(UnexpectedReply):
        Mailmojo.read_webhook(body=body)


# What pages show


def test_refusals_are_told_in_mailmojos_words(account):
    account.is_held_to_contract = False
    with pytest.raises(Refused) as caught:
        account.create_list(name="", sender_name="Ida", sender_email="no address")

    assert "from_email" in caught.value.detail
    assert "no address" not in caught.value.detail

"""One suite over every provider: what a verb promises in `base.py` must hold at each of them.

Every request and every reply is held against the provider's contract on its way (see conftest and wsgi). Accounts are
filled in words that every provider's sandbox understands; what differs by design is told by a flag, and each flag has a
case for those who claim it and one for those who do not.
"""

import dataclasses
import inspect
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from accounts.providers import PROVIDERS, provider_class
from accounts.providers.base import Provider
from accounts.providers.capabilities import Capabilities
from accounts.providers.errors import (
    Conflict,
    Missing,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UnexpectedReply,
    Unsupported,
)
from accounts.providers.records import (
    AudienceProgress,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    Page,
)
from tests.providers.conftest import Account

Test = TypeVar("Test", bound=Callable[..., None])
TESTED_FLAGS: set[str] = set()
FLAGS = {field.name for field in dataclasses.fields(Capabilities)} - {"because"}
MARKER = "k3v9x0q2m7zt"
PEOPLE = [
    {"email": "ana@example.com", "fields": {"first_name": "Ana"}, "lists": [0]},
    {"email": "ben+x@example.com", "fields": {"first_name": "Ben"}, "lists": [0, 1]},
    {"email": "cy@example.com", "blocked": True, "lists": [1]},
]
# What each provider calls the first name of a person; where it keeps one name, the whole stands there.
FIRST_NAME = {
    "brevo": "FIRSTNAME",
    "especial": "first_name",
    "mailmojo": "first_name",
    "leadfox": "firstname",
    "emailcampaigns": "name",
}


def requires(flag: str) -> Callable[[Test], Test]:
    """Run the case only for providers that claim `flag`."""
    assert flag in FLAGS
    TESTED_FLAGS.add(flag)

    def mark(test: Test) -> Test:
        test.requires = (*getattr(test, "requires", ()), flag)  # type: ignore[attr-defined]
        return test

    return mark


def lacking(flag: str) -> Callable[[Test], Test]:
    """Run the case only for providers that do not claim `flag`."""
    assert flag in FLAGS

    def mark(test: Test) -> Test:
        test.lacking = (*getattr(test, "lacking", ()), flag)  # type: ignore[attr-defined]
        return test

    return mark


def walk(verb: Callable[..., Page], **values: Any) -> list[Any]:
    """All rows of a paged verb."""
    found, cursor = [], None
    while True:
        page = verb(cursor=cursor, **values)
        found += page.items
        if page.cursor is None:
            return found
        cursor = page.cursor


def people_on(account: Account) -> dict[str, set[str]]:
    """Address → lists, of everybody who is on one, however the account tells it."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in walk(account.contacts):
        found[record.email] |= set(record.list_ids)
    return {email: lists for email, lists in found.items() if lists}


def refused_people(account: Account) -> set[str]:
    """Addresses the account mails no more at all."""
    told = {record.email for record in walk(account.contacts) if record.blocked}
    if account.open().capabilities.lists_leaves:
        told |= {record.email for record in walk(account.leaves) if not record.list_id}
    return told


def is_reachable(account: Account, email: str) -> bool:
    """Whether a campaign to the person's lists would reach them."""
    return email in people_on(account) and email not in refused_people(account)


@pytest.fixture
def lists(account: Account) -> list[str]:
    """Ids of the lists News and Test, with Ana, Ben and Cy, who is blocked."""
    return [str(list_id) for list_id in account.seed(lists=["News", "Test"], contacts=PEOPLE)["lists"]]


def sender_of(account: Account) -> tuple[str, str, str]:
    """(name, address, their id) of one the account takes."""
    if not account.open().capabilities.has_senders:
        return "Owner", "owner@sandbox-contract.example", ""
    sender = next(sender for sender in account.senders() if sender.is_active)
    return sender.name, sender.email, sender.remote_id


def draft(account: Account, lists: list[str], **changes: Any) -> CampaignDraft:
    name, email, remote_id = sender_of(account)
    provider = account.open()
    leave = (
        provider.merge_tag(name="unsubscribe_url", fallback=None)
        if provider.capabilities.links_unsubscribe
        else "https://example.com/leave"
    )
    values = {
        "name": f"June news {MARKER}",
        "subject": "June in Zürich",
        "preview_text": "What is new",
        "html": f'<p>Hello</p>\r\n<a href="https://example.com/a">Read</a> <a href="{leave}">Leave</a>\r\n',
        "sender_name": name,
        "sender_email": email,
        "sender_remote_id": remote_id,
        "list_ids": tuple(lists[:1]),
    }
    return CampaignDraft(**{**values, **changes})


def soon(account: Account, minutes: float = 10) -> datetime:
    """An instant at which a campaign can be armed, in whole minutes."""
    lead = account.open().least_lead + timedelta(minutes=minutes)
    return (datetime.now(UTC) + lead).replace(second=0, microsecond=0)


def arm(account: Account, lists: list[str], send_at: datetime, **changes: Any) -> str:
    """A campaign that goes out at `send_at`, the way the account has it. Returns its remote id."""
    wanted = draft(account, lists, **changes)
    if not account.open().capabilities.drafts_campaigns:
        return account.release_campaign(wanted, send_at=send_at)
    remote_id = account.create_campaign(wanted)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)
    return remote_id


# The account


def test_account_is_the_same_on_each_look_and_another_for_another_key(account):
    first, again = account.account(), account.account()

    assert first == again
    assert first.name
    assert first.fingerprint != account.open("sandbox-other").account().fingerprint


def test_wrong_credentials_are_unauthorized(account):
    account.is_held_to_contract = False
    with pytest.raises(Unauthorized) as caught:
        account.open("no-such-key").account()

    assert caught.value.detail


def test_closed_account_is_refused_with_a_sentence(account):
    account.is_held_to_contract = False
    with pytest.raises((Refused, Unauthorized)) as caught:
        account.open("sandbox-suspended").account()

    assert caught.value.detail


def test_quota_of_each_reply_reaches_the_gate(account):
    if not account.open().rates:
        pytest.skip("no limits are published")
    account.control("reset")
    provider = account.open()
    seen = []
    provider.client.gate.saw = seen.append
    provider.account()
    provider.contacts()

    assert {quota.name for quota in seen} == set(provider.rates)
    assert all(quota.remaining < quota.limit and quota.reset_at for quota in seen)


def test_limit_reached_says_when_to_come_back(account):
    if not account.open().rates:
        pytest.skip("no limits are published")
    account.control("reset")
    provider = account.open()
    with pytest.raises(RateLimited) as caught:
        [provider.account() for _ in range(101)]

    assert 0 < caught.value.retry_after <= 3600


# People and lists


def test_people_come_with_their_lists_and_names(account, lists):
    names = {record.email: record.fields.get(FIRST_NAME[account.slug]) for record in walk(account.contacts)}

    on = people_on(account)
    assert {email: on[email] for email in ("ana@example.com", "ben+x@example.com")} == {
        "ana@example.com": {lists[0]},
        "ben+x@example.com": set(lists),
    }
    assert (names["ana@example.com"], names["ben+x@example.com"]) == ("Ana", "Ben")
    assert [is_reachable(account, f"{name}@example.com") for name in ("ana", "ben+x", "cy")] == [
        True,
        True,
        False,
    ]
    assert all(record.remote_id for record in walk(account.contacts))


def test_who_left_one_list_is_not_on_it(account):
    dora = {"email": "dora@example.com", "lists": [0, 1], "left": [1]}
    first, second = (str(number) for number in account.seed(lists=["News", "Test"], contacts=[dora])["lists"])
    records = [record for record in walk(account.contacts) if record.email == "dora@example.com"]

    left = {number for record in records for number in record.left_list_ids}
    assert {number for record in records for number in record.list_ids} - left == {first}
    assert left <= {second}


@requires("shares_contacts")
def test_a_person_stands_once_with_all_their_lists(account, lists):
    ben = [record for record in walk(account.contacts) if record.email == "ben+x@example.com"]

    assert [set(record.list_ids) for record in ben] == [set(lists)]


@lacking("shares_contacts")
def test_a_person_stands_once_for_each_list(account, lists):
    ben = [record for record in walk(account.contacts) if record.email == "ben+x@example.com"]

    assert sorted(record.list_ids for record in ben) == sorted((number,) for number in lists)
    assert len({record.remote_id for record in ben}) == 2


def test_contacts_are_walked_completely_over_many_pages(account):
    account.seed(lists=["Many"], contacts=2345)

    assert len({record.email for record in walk(account.contacts)}) == 2345


def test_a_walk_goes_on_from_a_cursor_in_another_process(account):
    account.seed(lists=["Many"], contacts=2345)
    first = account.contacts()
    found, cursor = [record.email for record in first.items], first.cursor
    while cursor is not None:
        page = account.open().contacts(cursor=cursor)  # nothing remembered
        found += [record.email for record in page.items]
        cursor = page.cursor

    assert len(set(found)) == 2345


@requires("lists_changed_contacts")
def test_contacts_changed_since_are_those_alone(account, lists):
    account.advance(3600)
    account.block_contact(email="ana@example.com")
    changed = walk(account.contacts, changed_since=datetime.now(UTC) + timedelta(minutes=30))

    assert [(person.email, person.blocked) for person in changed] == [("ana@example.com", True)]


def test_contact_is_found_by_address(account, lists):
    ben = account.contact(email="ben+x@example.com")

    assert (ben.email, bool(ben.remote_id)) == ("ben+x@example.com", True)
    assert account.contact(remote_id=ben.remote_id).email == "ben+x@example.com"
    with pytest.raises(Missing):
        account.contact(email="nobody@example.com")


@requires("lists_leaves")
def test_leaves_are_told_apart_from_people(account, lists):
    if account.open().capabilities.blocks_contacts:
        account.block_contact(email="ana@example.com")
        assert "ana@example.com" in {record.email for record in walk(account.leaves)}
    told = walk(account.leaves)

    assert "cy@example.com" in {record.email for record in told}
    assert "ben+x@example.com" not in {record.email for record in told}
    assert {record.reason for record in told} <= {"unsubscribed", "complained", "bounced", "blocked"}


@requires("has_folders")
def test_folders(account):
    made = account.create_folder(name="Ours")

    assert made in account.folders()


def make_list(account: Account, name: str) -> str:
    sender_name, sender_email, _ = sender_of(account)
    return account.create_list(name=name, sender_name=sender_name, sender_email=sender_email).remote_id


def test_list_life(account):
    made = make_list(account, f"June {MARKER}")
    assert [(found.remote_id, found.name) for found in account.find_lists(marker=MARKER)] == [
        (made, f"June {MARKER}")
    ]

    account.update_list(remote_id=made, name="July")
    account.update_list(remote_id=made, name="July")
    assert account.find_lists(marker=MARKER) == ()
    assert "July" in [found.name for found in account.lists()]


def test_list_whose_creation_was_lost_is_found_by_its_marker(account):
    make_list(account, "Another")
    account.fault(kind="drop_after", method="POST", path="*list*" if account.slug != "emailcampaigns" else "")
    with pytest.raises(OutcomeUnknown):
        make_list(account, f"June {MARKER}")

    assert [found.name for found in account.find_lists(marker=MARKER)] == [f"June {MARKER}"]


@requires("deletes_lists")
def test_deleting_a_list_converges(account):
    made = make_list(account, "July")
    account.delete_list(remote_id=made)
    account.delete_list(remote_id=made)

    assert "July" not in [found.name for found in account.lists()]


@requires("lists_carry_sender")
def test_lists_tell_their_sender(account):
    account.create_list(name="June", sender_name="Ida", sender_email="ida@example.com")

    (june,) = (found for found in account.lists() if found.name == "June")
    assert (june.sender_name, june.sender_email) == ("Ida", "ida@example.com")


@lacking("lists_carry_sender")
def test_lists_without_a_sender_tell_none(account, lists):
    assert {(found.sender_name, found.sender_email) for found in account.lists()} == {("", "")}


def test_all_lists_are_found_over_many_pages(account):
    before = len(account.lists())
    account.seed(lists=120)

    assert len(account.lists()) == before + 120


def save(account: Account, people: list[ContactRecord], list_id: str) -> str:
    """Hand people over and wait until they are taken in; what there was to say."""
    return settled(account, account.save_contacts(people, list_ids=[list_id])).detail


def settled(account: Account, progress: AudienceProgress) -> AudienceProgress:
    """What goes on in the background, at its end."""
    while not progress.done:
        account.advance(5)
        progress = account.saving(progress.reference)
    return progress


def test_saving_people_adds_and_never_lifts_a_block(account, lists):
    made = make_list(account, "Delivery")
    name = FIRST_NAME[account.slug]
    people = [
        ContactRecord("", "ana@example.com", {name: "Anna"}),
        ContactRecord("", "cy@example.com", {name: "Cy"}),
        ContactRecord("", "dora@example.com", {name: "Dora"}),
    ]
    save(account, people, made)
    save(account, people, made)

    assert {"ana@example.com", "dora@example.com"} <= {
        record.email for record in walk(account.list_members, remote_id=made)
    }
    assert [is_reachable(account, f"{name}@example.com") for name in ("ana", "cy", "dora")] == [
        True,
        False,
        True,
    ]
    assert account.list_size(remote_id=made) == len(walk(account.list_members, remote_id=made))


@requires("personalises")
def test_saving_people_updates_what_mails_are_filled_with(account, lists):
    name = FIRST_NAME[account.slug]
    save(account, [ContactRecord("", "ana@example.com", {name: "Anna"})], lists[0])

    (ana,) = (
        record
        for record in walk(account.list_members, remote_id=lists[0])
        if record.email == "ana@example.com"
    )
    assert ana.fields[name] == "Anna"


def test_saving_nobody_is_done(account, lists):
    assert account.save_contacts([], list_ids=lists[:1]).done


def test_saving_leaves_out_what_is_no_address(account, lists):
    made = make_list(account, "Delivery")
    try:
        save(account, [ContactRecord("", "not an address"), ContactRecord("", "ok@example.com")], made)
    except Refused:
        return  # the account says so at once

    assert [record.email for record in walk(account.list_members, remote_id=made)] == ["ok@example.com"]


@requires("replaces_members")
def test_a_list_is_filled_whole(account, lists):
    settled(account, account.replace_members([ContactRecord("", "dora@example.com")], list_id=lists[0]))

    assert [record.email for record in walk(account.list_members, remote_id=lists[0])] == ["dora@example.com"]
    assert account.list_size(remote_id=lists[0]) == 1


def test_removing_from_a_list_converges(account, lists):
    emails = ["ana@example.com", "ben+x@example.com", "nobody@example.com"]
    account.remove_from_list(list_id=lists[0], emails=emails)
    account.remove_from_list(list_id=lists[0], emails=emails)
    account.advance(5)

    assert lists[0] not in {number for numbers in people_on(account).values() for number in numbers}
    assert people_on(account)["ben+x@example.com"] == {lists[1]}


@requires("blocks_contacts")
def test_blocking_converges(account, lists):
    for email in ("ana@example.com", "ana@example.com", "new@example.com"):
        account.block_contact(email=email)

    assert not is_reachable(account, "ana@example.com")
    assert is_reachable(account, "ben+x@example.com")


@requires("deletes_contacts")
def test_deleting_a_contact_converges(account, lists):
    ana = account.contact(email="ana@example.com")
    account.delete_contact(remote_id=ana.remote_id)
    account.delete_contact(remote_id=ana.remote_id)
    account.advance(5)

    with pytest.raises(Missing):
        account.contact(email="ana@example.com")


@requires("deletes_contacts")
def test_deleting_by_address_takes_a_person_off_all_lists(account, lists):
    account.delete_contact(email="ben+x@example.com")
    account.delete_contact(email="ben+x@example.com")
    account.delete_contact(email="nobody@example.com")
    account.advance(5)

    with pytest.raises(Missing):
        account.contact(email="ben+x@example.com")
    assert account.contact(email="ana@example.com").email == "ana@example.com"


@requires("creates_fields")
@pytest.mark.parametrize(
    ("kind", "choices"), [("text", ()), ("number", ()), ("date", ()), ("boolean", ()), ("choice", ("a", "b"))]
)
def test_created_fields_are_read_back(account, lists, kind, choices):
    try:
        account.create_field(name="TRIAL", kind=kind, choices=choices)
    except Unsupported:
        assert kind != "text"
        return

    (field,) = (field for field in account.fields() if field.name.upper() == "TRIAL")
    assert field.writable
    assert (field.kind, field.choices) in [(kind, tuple(choices)), ("text", ())]


@requires("creates_fields")
def test_fields_that_cannot_be_made(account, lists):
    with pytest.raises((Unsupported, Refused)):
        account.create_field(name="größe & gewicht", kind="text")


@requires("has_segments")
def test_segments(account, lists):
    account.seed(lists=["Crowd"], segments=SEGMENTS[account.slug](lists))

    assert "Locals" in [segment.name for segment in account.segments()]


# A segment in the words of each sandbox.
SEGMENTS: dict[str, Callable[[list[str]], list[dict[str, Any]]]] = {
    "brevo": lambda _: [{"name": "Locals", "category": "", "attribute": "FIRSTNAME", "value": "Ana"}],
    "especial": lambda lists: [{"name": "Locals", "list": lists[0], "json": {"eq": {"first_name": "Ana"}}}],
    "mailmojo": lambda _: [{"name": "Locals", "predicates": [{"type": "has_tag", "tag_name": "local"}]}],
}


@requires("creates_segments")
def test_made_segments_are_read_back(account, lists):
    rule = RULES[account.slug]
    made = account.create_segment(name="Ours", list_remote_id=lists[0], rule=rule)

    assert (made.remote_id, "Ours") in [(found.remote_id, found.name) for found in account.segments()]
    with pytest.raises(Unsupported):
        account.create_segment(name="Odd", list_remote_id=lists[0], rule={"moon": "full"})


RULES = {
    "especial": {"field": "first_name", "is": "equal", "value": "Ana"},
    "mailmojo": {"tag": "local"},
}


# Senders, domains, templates


@requires("has_senders")
def test_senders(account):
    senders = account.senders()

    assert senders
    assert all(sender.email and sender.remote_id for sender in senders)


@requires("manages_senders")
def test_added_sender_is_active_once_confirmed(account):
    made = account.create_sender(name="Ida", email="ida@example.com")
    if not made.is_active:
        assert made.problems
        with pytest.raises(Refused):
            account.confirm_sender(remote_id=made.remote_id, code="12 34")
        account.confirm_sender(remote_id=made.remote_id, code=f" {confirmation_of(account, made.remote_id)} ")

    assert [s.is_active for s in account.senders() if s.email == "ida@example.com"] == [True]


def confirmation_of(account: Account, remote_id: str) -> str:
    """What stands in the mail that asks a new sender to confirm."""
    sender = account.state()["senders"][remote_id]
    return str(next(sender[name] for name in ("otp", "confirmation") if name in sender))


@requires("has_domains")
def test_domains(account):
    account.seed(domains=[{"name": "example.com", "authenticated": True}])

    assert ("example.com", True) in [(domain.name, domain.is_authenticated) for domain in account.domains()]


@requires("manages_domains")
def test_domain_is_added_then_authenticated_once_its_records_stand(account):
    added = account.authenticate_domain(name="example.com")
    assert not added.is_authenticated
    assert added.dns
    assert all(record["value"] and not record["is_published"] for record in added.dns)

    with pytest.raises(Refused):
        account.authenticate_domain(name="example.com")
    account.act(kind="publish_dns", domain="example.com")
    assert account.authenticate_domain(name="example.com").is_authenticated
    assert [(domain.name, domain.is_authenticated) for domain in account.domains()] == [("example.com", True)]


@requires("has_templates")
def test_templates(account):
    account.seed(templates=[{"name": "Basic", "subject": "Hello", "html": "<p>Hello there</p>"}])

    assert ("Basic", "<p>Hello there</p>") in [
        (template.name, template.html) for template in account.templates()
    ]


# Campaigns

# What we decide and the provider must keep.
KEPT = (
    "name",
    "phase",
    "subject",
    "preview_text",
    "html",
    "sender_name",
    "sender_email",
    "reply_to",
    "list_ids",
)


def kept(record: CampaignRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in KEPT}


@requires("drafts_campaigns")
@pytest.mark.parametrize("changes", [{}, {"preview_text": "", "reply_to": "reply@example.com"}])
def test_draft_reads_back_as_it_was_meant(account, lists, changes):
    wanted = draft(account, lists, **changes)
    remote_id = account.create_campaign(wanted)

    read = account.campaign(remote_id=remote_id)
    assert kept(read) == kept(account.comparable(wanted))
    assert (read.remote_id, read.sent_at) == (remote_id, None)

    changed = dataclasses.replace(wanted, subject="July", html="<p>Other content</p>")
    account.update_campaign(changed, remote_id=remote_id)
    account.update_campaign(changed, remote_id=remote_id)
    assert kept(account.campaign(remote_id=remote_id)) == kept(account.comparable(changed))


@lacking("drafts_campaigns")
def test_released_campaign_reads_back_as_it_was_meant(account, lists):
    send_at = soon(account)
    wanted = draft(account, lists)
    remote_id = account.release_campaign(wanted, send_at=send_at)

    read = account.campaign(remote_id=remote_id)
    assert kept(read) == {**kept(account.comparable(wanted)), "phase": "scheduled"}
    assert read.send_at == send_at


@requires("drafts_campaigns")
def test_campaign_whose_creation_was_lost_is_found_by_its_marker(account, lists):
    started_at = datetime.now(UTC) - timedelta(seconds=5)
    older = {"name": f"Older {MARKER}x", "status": "sent", "daysAgo": 2, "lists": [0]}
    account.seed(lists=["Crowd"], campaigns=[older])
    wanted = draft(account, lists)
    account.fault(kind="drop_after", method="POST", path=CREATES.get(account.slug, ""))
    with pytest.raises(OutcomeUnknown):
        account.create_campaign(wanted)
    account.create_campaign(dataclasses.replace(wanted, name="Another mn4b8c1x5z7k"))

    (found,) = account.find_campaigns(marker=MARKER, created_after=started_at)
    assert found.name == wanted.name
    assert account.find_campaigns(marker="nonsense", created_after=started_at) == ()


# Where more than one call makes a campaign: the path of the last.
CREATES = {"leadfox": "/v1/campaign"}


@requires("drafts_campaigns")
def test_creation_repeated_after_a_lost_answer_is_one_campaign_or_found_twice(account, lists):
    """Whoever repeats blindly must be able to see it."""
    wanted = draft(account, lists)
    first, second = account.create_campaign(wanted), account.create_campaign(wanted)

    found = account.find_campaigns(marker=MARKER, created_after=datetime.now(UTC) - timedelta(minutes=5))
    assert {record.remote_id for record in found} == {first, second}


@requires("deletes_drafts")
def test_deleting_a_draft_converges(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.delete_campaign(remote_id=remote_id)
    account.delete_campaign(remote_id=remote_id)

    with pytest.raises(Missing):
        account.campaign(remote_id=remote_id)


def test_campaigns_come_over_many_pages(account, lists):
    account.seed(
        lists=["Crowd"],
        campaigns=[
            {"name": f"Campaign {number}", "lists": [0], "status": "scheduled", "inSeconds": 86400}
            for number in range(130)
        ],
    )

    found = walk(account.campaigns)
    assert len({campaign.remote_id for campaign in found if campaign.name.startswith("Campaign ")}) == 130


@requires("renders_campaigns")
def test_draft_is_shown_as_a_person_would_get_it(account, lists):
    tag = account.open().merge_tag(name=f"contact.{FIRST_NAME[account.slug]}", fallback=None)
    remote_id = account.create_campaign(draft(account, lists, html=f"<p>Hello {tag}</p>"))

    assert "Hello Ana" in account.rendered(remote_id=remote_id, email="ana@example.com")


@requires("schedules_campaigns")
def test_armed_campaign_shows_its_instant(account, lists):
    send_at = soon(account)
    remote_id = arm(account, lists, send_at)

    read = account.campaign(remote_id=remote_id)
    assert (read.phase, read.send_at) == ("scheduled", None if account.slug in HIDE_INSTANT else send_at)


# Those whose replies name no instant for a planned campaign.
HIDE_INSTANT = {"mailmojo"}


@requires("schedules_campaigns")
def test_instants_between_are_rounded_up(account, lists):
    if account.slug in HIDE_INSTANT:
        pytest.skip("the instant cannot be read back")
    send_at = soon(account) + timedelta(seconds=12, milliseconds=250)
    read = account.campaign(remote_id=arm(account, lists, send_at))

    assert timedelta(0) <= read.send_at - send_at < timedelta(minutes=1)


@requires("schedules_campaigns")
def test_scheduling_into_the_past_mails_nobody_late(account, lists):
    with pytest.raises(Refused) as caught:
        arm(account, lists, datetime.now(UTC) - timedelta(hours=1))

    assert caught.value.detail
    assert {campaign.phase for campaign in walk(account.campaigns)} <= {"draft"}


@requires("drafts_campaigns")
@pytest.mark.parametrize(
    ("kind", "phase"),
    [("drop_before", "draft"), ("drop_after", "scheduled"), ("status", "draft"), ("garbage", "draft")],
)
def test_lost_answer_to_a_send_is_unknown_and_can_be_looked_up(account, lists, kind, phase):
    remote_id = account.create_campaign(draft(account, lists))
    account.fault(
        kind=kind, method=ARMS.get(account.slug, "PUT"), **({"status": 500} if kind == "status" else {})
    )

    with pytest.raises(OutcomeUnknown):
        account.schedule_campaign(remote_id=remote_id, send_at=soon(account))
    assert account.campaign(remote_id=remote_id).phase == phase


# The method of the call that arms, where it is not PUT.
ARMS = {"especial": "POST", "emailcampaigns": "POST"}


@lacking("drafts_campaigns")
@pytest.mark.parametrize(
    ("kind", "there"), [("drop_before", 0), ("drop_after", 1), ("status", 0), ("garbage", 0)]
)
def test_lost_answer_to_a_release_is_unknown_and_can_be_looked_up(account, lists, kind, there):
    wanted = draft(account, lists)
    account.fault(
        kind=kind, method="POST", path="*campaign*", **({"status": 500} if kind == "status" else {})
    )

    with pytest.raises(OutcomeUnknown):
        account.release_campaign(wanted, send_at=soon(account))
    found = account.find_campaigns(marker=MARKER, created_after=datetime.now(UTC) - timedelta(minutes=5))
    assert [record.phase for record in found] == ["scheduled"] * there


@requires("arms_by_value")
def test_arming_twice_for_one_instant_mails_once(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    send_at = soon(account)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)

    assert account.campaign(remote_id=remote_id).send_at == send_at
    account.advance(7200)
    assert account.figures(remote_id=remote_id).sent == 2


@requires("refuses_second_arm")
def test_second_arming_is_refused(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon(account))

    with pytest.raises(Conflict):
        account.schedule_campaign(remote_id=remote_id, send_at=soon(account))


def test_armed_campaign_goes_to_everybody_who_may_get_it(account, lists):
    remote_id = arm(account, lists, soon(account))
    account.advance(account.open().least_lead.total_seconds() + 7200)

    assert account.campaign(remote_id=remote_id).phase == "sent"
    if account.open().capabilities.reports_figures:
        assert account.figures(remote_id=remote_id).sent == 2


@requires("unschedules_campaigns")
def test_planned_campaign_is_taken_back_before_it_starts(account, lists):
    remote_id = arm(account, lists, soon(account))
    account.cancel_campaign(remote_id=remote_id)

    assert account.campaign(remote_id=remote_id).phase in {"stopped", "draft"}
    account.advance(account.open().least_lead.total_seconds() + 7200)
    assert not account.figures(remote_id=remote_id).sent
    assert account.campaign(remote_id=remote_id).phase in {"stopped", "draft"}


@requires("unschedules_campaigns")
def test_what_is_sent_stays_sent(account, lists):
    old = {"name": "Old", "status": "sent", "daysAgo": 2, "lists": [0]}
    (remote_id,) = account.seed(lists=["Crowd"], campaigns=[old])["campaigns"]
    before = account.campaign(remote_id=str(remote_id)).phase

    try:
        account.cancel_campaign(remote_id=str(remote_id))
    except Refused:
        assert account.campaign(remote_id=str(remote_id)).phase == before


@requires("pauses_campaigns")
def test_campaign_going_out_is_paused_and_resumed(account):
    lists = [str(list_id) for list_id in account.seed(lists=["Many"], contacts=200)["lists"]]
    send_at = soon(account)
    remote_id = arm(account, lists, send_at)
    account.advance((send_at - datetime.now(UTC)).total_seconds() + 30)
    assert account.campaign(remote_id=remote_id).phase == "sending"

    account.pause_campaign(remote_id=remote_id)
    account.advance(3600)
    paused = account.figures(remote_id=remote_id)
    assert account.campaign(remote_id=remote_id).phase == "stopped"
    assert 0 < paused.sent < 200

    account.resume_campaign(remote_id=remote_id)
    account.advance(3600)
    assert account.campaign(remote_id=remote_id).phase == "sent"
    assert account.figures(remote_id=remote_id).sent == 200


@requires("sends_tests")
def test_test_mail_leaves_the_draft_a_draft(account, lists):
    remote_id = account.create_campaign(draft(account, lists))

    result = account.send_test(remote_id=remote_id, emails=["ana@example.com"])
    assert (result.accepted, result.refused) == (("ana@example.com",), {})
    assert account.campaign(remote_id=remote_id).phase == "draft"


# Results


@pytest.fixture
def sent(account: Account) -> str:
    """Id of a campaign to forty people, sent two days ago: Ana opened, clicked and left, Ben complained."""
    people = [{"email": f"person{number}@example.org", "lists": [0]} for number in range(38)]
    made = account.seed(
        lists=["News"],
        contacts=[*people, *({**row, "lists": [0]} for row in PEOPLE[:2])],
        campaigns=[{"name": "Old", "status": "sent", "daysAgo": 2, "lists": [0]}],
    )
    (campaign,) = made["campaigns"]
    for kind in ("open", "proxy_open", "click", "unsubscribe"):
        account.may_act(campaign=campaign, email="ana@example.com", kind=kind)
    account.may_act(campaign=campaign, email="ben+x@example.com", kind="complain")
    return str(campaign)


@requires("reports_figures")
def test_figures_are_counts_of_people(account, sent):
    figures = account.figures(remote_id=sent)
    told = {
        name
        for name in type(figures).__slots__
        if name != "read_at" and getattr(figures, name) not in (None, {})
    }

    assert figures.sent == 40
    chain = [
        count
        for count in (figures.sent, figures.delivered, figures.opened, figures.opened_by_human)
        if count is not None
    ]
    assert chain == sorted(chain, reverse=True)
    for most, least in (("opens", "opened"), ("clicks", "clicked")):
        if {most, least} <= told:
            assert getattr(figures, most) >= getattr(figures, least)
    for name in ("clicked", "unsubscribed", "complained"):
        assert getattr(figures, name) is None or getattr(figures, name) >= 1
    assert sum(counts["sent"] for counts in figures.domains.values()) in (0, 40)
    assert all(0 <= rate <= 1 for rate in figures.rates.values())
    assert told - {"links", "domains", "rates", "deferred", "remaining"} <= set(account.open().definitions)
    assert set(figures.rates) <= set(account.open().definitions)


@requires("reports_figures")
def test_figures_of_all_campaigns_equal_those_of_each(account, sent):
    listed = dict(account.all_figures())[sent]

    assert listed == dataclasses.replace(account.figures(remote_id=sent), read_at=listed.read_at)


@requires("tells_machine_opens")
def test_opens_by_machines_are_told_apart(account, sent):
    account.act(campaign=sent, email="person1@example.org", kind="proxy_open")
    opened = [
        event for event in people_behind(account, sent, "opened") if event.email == "person1@example.org"
    ]

    assert opened
    assert account.figures(remote_id=sent).opens


def people_behind(account: Account, campaign: str, kind: str) -> list[Any]:
    """The people of a kind, when the account has gathered them."""
    reference = account.request_people(remote_id=campaign, kind=kind)
    people = account.people(reference)
    if people is None:
        account.advance(60)
        people = account.people(reference)
    return people


# Which of these can be asked for is the provider's; a provider that reports people tells at least who got it.
@requires("reports_people")
@pytest.mark.parametrize(
    ("kind", "email"),
    [
        ("opened", "ana@example.com"),
        ("clicked", "ana@example.com"),
        ("unsubscribed", "ana@example.com"),
        ("accepted", "ben+x@example.com"),
    ],
)
def test_people_behind_a_figure(account, sent, kind, email):
    try:
        people = people_behind(account, sent, kind)
    except Unsupported:
        assert kind != "accepted"
        return
    again = people_behind(account, sent, kind)

    assert email in [person.email for person in people]
    assert {(person.kind, person.campaign_remote_id) for person in people} == {(kind, sent)}
    assert len({person.key for person in people}) == len(people)
    assert {person.key for person in people} == {person.key for person in again}
    figure = {"accepted": "sent"}.get(kind, kind)
    assert len({person.email for person in people}) == getattr(account.figures(remote_id=sent), figure)


@requires("reports_people")
def test_people_of_an_unknown_kind(account, sent):
    with pytest.raises(Unsupported):
        account.request_people(remote_id=sent, kind="levitated")


# Webhooks

HOOK = "http://127.0.0.1:8000/hooks/unguessable/"


@requires("has_webhooks")
def test_webhook_is_made_and_deleted(account):
    made = account.create_webhook(url=HOOK, secret="s3cret")

    assert (bool(made.remote_id), made.url) == (True, HOOK)
    account.delete_webhook(remote_id=made.remote_id)
    account.delete_webhook(remote_id=made.remote_id)


@requires("lists_webhooks")
def test_webhooks_are_found_by_their_address(account):
    assert account.webhooks() == []
    made = account.create_webhook(url=HOOK, secret="s3cret")

    assert [(hook.remote_id, hook.url) for hook in account.webhooks()] == [(made.remote_id, HOOK)]
    account.delete_webhook(remote_id=made.remote_id)
    assert account.webhooks() == []


@requires("has_webhooks")
def test_events_are_proven_and_read(account, sent):
    made = account.create_webhook(url=HOOK, secret="s3cret")
    secrets = [*made.secrets] or ["s3cret"]
    for kind in ("open", "proxy_open", "click", "bounce", "soft_bounce", "complain", "unsubscribe"):
        account.may_act(campaign=sent, email="person2@example.org", kind=kind)
    # Whose address is dead elsewhere leaves nothing any more.
    account.may_act(campaign=sent, email="person3@example.org", kind="unsubscribe")
    account.advance(5)
    account.sandbox.tick()

    assert account.posted
    events, bodies = [], set()
    for _, head, payload in account.posted:
        # Text and bytes leave as they are, since they may have been signed.
        written = payload if isinstance(payload, str | bytes) else json.dumps(payload, ensure_ascii=False)
        body = written if isinstance(written, bytes) else written.encode()
        headers = {name.lower(): value for name, value in head.items()}
        assert account.verify_webhook(body=body, headers=headers, secrets=["new", *secrets])
        assert not account.verify_webhook(body=b"something else", headers={}, secrets=["new", *secrets])
        if body not in bodies:  # one body is one call, however often it comes
            bodies.add(body)
            events += account.read_webhook(body=body)
    assert events
    assert {event.campaign_remote_id for event in events} <= {sent, ""}
    assert len({event.key for event in events}) == len(events)
    told = {(event.kind, event.email, event.is_machine) for event in events}
    assert told >= EVENTS.get(account.slug, set())
    clicks = [event.link for event in events if event.kind == "clicked"]
    assert all(link.startswith("http") for link in clicks)


# What the calls of a provider say of it all, where they say more than "look again".
EVENTS = {
    "brevo": {
        ("opened", "person2@example.org", False),
        ("opened", "person2@example.org", True),
        ("clicked", "person2@example.org", False),
        ("hard_bounced", "person2@example.org", False),
        ("soft_bounced", "person2@example.org", False),
        ("complained", "person2@example.org", False),
        ("unsubscribed", "person2@example.org", False),
    },
}


# Merge tags


@requires("personalises")
def test_merge_tags_of_people_are_written(account):
    provider = account.open()
    name = f"contact.{FIRST_NAME[account.slug]}"
    plain, filled = (
        provider.merge_tag(name=name, fallback=fallback) for fallback in (None, 'the "best" friend')
    )

    assert all(provider.tag_pattern.fullmatch(tag) for tag in (plain, filled))
    with pytest.raises(Unsupported):
        provider.merge_tag(name="no.such thing", fallback=None)


@requires("writes_fallbacks")
def test_fallbacks_are_written(account):
    tag = account.open().merge_tag(name=f"contact.{FIRST_NAME[account.slug]}", fallback="friend")

    assert "friend" in tag


@requires("takes_preview_text")
def test_preview_text_is_kept(account, lists):
    assert account.open().comparable(draft(account, lists)).preview_text == "What is new"


@requires("takes_reply_to")
def test_reply_address_is_kept(account, lists):
    wanted = draft(account, lists, reply_to="reply@example.com")

    assert account.open().comparable(wanted).reply_to == "reply@example.com"


@requires("links_unsubscribe")
def test_link_to_leave_is_written(account):
    assert account.open().merge_tag(name="unsubscribe_url", fallback=None)


@requires("links_view")
def test_link_to_the_web_version_is_written(account):
    assert account.open().merge_tag(name="view_url", fallback=None)


# Failures every provider shares


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 503, "times": 3}, Unavailable),
        ({"kind": "drop_before", "times": 3}, Unavailable),
        ({"kind": "drop_after", "times": 3}, Unavailable),
        ({"kind": "garbage"}, UnexpectedReply),
        ({"kind": "html", "status": 200}, UnexpectedReply),
        ({"kind": "html", "status": 502, "times": 3}, Unavailable),
        ({"kind": "truncate", "times": 3}, Unavailable),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "5"}}, RateLimited),
        ({"kind": "status", "status": 429}, RateLimited),
    ],
)
def test_reads_that_fail(account, fault, kind):
    provider = account.open()
    list(provider.lists())  # whatever opens the account has been asked
    account.fault(**fault)

    with pytest.raises(ProviderError) as caught:
        list(provider.lists())
    assert type(caught.value) is kind
    list(provider.lists())


# Tokens


def test_a_token_that_is_refused_is_renewed_once(account):
    provider = account.open()
    list(provider.lists())
    if provider.keyring.tokens() is None:
        pytest.skip("the credentials go with each call")
    account.fault(kind="status", status=401, method="GET", body={"detail": "expired", "error": "expired"})

    assert list(provider.lists()) == list(account.open().lists())


def test_a_token_that_is_refused_again_needs_a_person(account):
    provider = account.open()
    list(provider.lists())
    account.fault(
        kind="status", status=401, method="GET", body={"detail": "expired", "error": "expired"}, times=0
    )

    with pytest.raises(Unauthorized):
        list(provider.lists())


# Capabilities


def test_each_flag_has_a_case():
    assert TESTED_FLAGS == FLAGS


class Bare(Provider):
    slug, name, default_base_url = "bare", "Bare", "https://api.example"
    capabilities = Capabilities(because={"has_folders": "Bare keeps no folders."})


VERBS = [name for name, verb in vars(Provider).items() if hasattr(verb, "effect")]
# flag → the verbs that a provider without it does not answer to.
NEEDED_FOR: dict[str, tuple[str, ...]] = {
    "lists_leaves": ("leaves",),
    "blocks_contacts": ("block_contact",),
    "deletes_contacts": ("delete_contact",),
    "creates_fields": ("create_field",),
    "has_folders": ("folders", "create_folder"),
    "deletes_lists": ("delete_list",),
    "replaces_members": ("replace_members",),
    "has_segments": ("segments",),
    "creates_segments": ("create_segment",),
    "has_senders": ("senders",),
    "manages_senders": ("create_sender", "confirm_sender"),
    "has_domains": ("domains",),
    "manages_domains": ("authenticate_domain",),
    "has_templates": ("templates",),
    "drafts_campaigns": ("create_campaign", "update_campaign"),
    "deletes_drafts": ("delete_campaign",),
    "sends_tests": ("send_test",),
    "renders_campaigns": ("rendered",),
    "unschedules_campaigns": ("cancel_campaign",),
    "pauses_campaigns": ("pause_campaign", "resume_campaign"),
    "reports_figures": ("figures", "all_figures"),
    "reports_people": ("request_people", "people"),
    "has_webhooks": ("create_webhook", "delete_webhook"),
    "lists_webhooks": ("webhooks",),
}
TAGS = {
    "personalises": "contact.name",
    "links_unsubscribe": "unsubscribe_url",
    "links_view": "view_url",
}


def call_blindly(provider: Provider, verb: str) -> Any:
    """With something for each argument; what is asked does not matter."""
    bound = getattr(provider, verb)
    needed = [p for p in inspect.signature(bound).parameters.values() if p.default is p.empty]
    result = bound(
        *["x" for p in needed if p.kind is p.POSITIONAL_OR_KEYWORD],
        **{p.name: "x" for p in needed if p.kind is p.KEYWORD_ONLY},
    )
    return list(result) if isinstance(result, Iterator) else result


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_provider_does_not_claim_is_unsupported(verb):
    with pytest.raises(Unsupported) as caught:
        call_blindly(Bare(base_url="", credentials={}), verb)

    assert caught.value.detail


@pytest.mark.parametrize("slug", PROVIDERS)
@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_a_flag_that_is_not_claimed_has_its_sentence_and_no_verb(slug, flag):
    """Before any call: there is nothing at this address."""
    cls = provider_class(slug)
    if getattr(cls.capabilities, flag):
        pytest.skip(f"{slug} claims {flag}")
    provider = cls(base_url="https://nowhere.invalid", credentials={})

    sentence = cls.capabilities.because[flag]
    assert sentence.endswith((".", "!", "?"))
    for verb in NEEDED_FOR.get(flag, ()):
        with pytest.raises(Unsupported) as caught:
            call_blindly(provider, verb)
        assert caught.value.detail == sentence
    if flag in TAGS:
        with pytest.raises(Unsupported):
            provider.merge_tag(name=TAGS[flag], fallback=None)


def test_unsupported_shows_the_providers_own_sentence():
    with pytest.raises(Unsupported, match="Bare keeps no folders"):
        Bare(base_url="", credentials={}).folders()

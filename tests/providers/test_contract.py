"""One suite over every provider: what a verb promises in `base.py` must hold at each of them.

Every request and every reply is held against the provider's contract on its way (see conftest and wsgi).
"""

import dataclasses
import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

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
from accounts.providers.records import CampaignDraft, CampaignRecord, ContactRecord, Page
from tests.providers.conftest import Account

Test = TypeVar("Test", bound=Callable[..., None])
TESTED_FLAGS: set[str] = set()
FLAGS = {field.name for field in dataclasses.fields(Capabilities)} - {"because"}
MARKER = "k3v9x0q2m7zt"
PEOPLE = [
    {"email": "ana@example.com", "attributes": {"FIRSTNAME": "Ana"}, "lists": [0]},
    {"email": "ben+x@example.com", "attributes": {"FIRSTNAME": "Ben"}, "lists": [0, 1]},
    {"email": "cy@example.com", "emailBlacklisted": True, "lists": [1], "unsubscribed": [0]},
]


def requires(flag: str) -> Callable[[Test], Test]:
    """Run the case only for providers that claim `flag`."""
    assert flag in FLAGS
    TESTED_FLAGS.add(flag)

    def mark(test: Test) -> Test:
        test.requires = flag  # type: ignore[attr-defined]
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


@pytest.fixture
def lists(account: Account) -> list[str]:
    """Ids of the lists News and Test, with Ana, Ben and Cy."""
    return [str(list_id) for list_id in account.seed(lists=["News", "Test"], contacts=PEOPLE)["lists"]]


def draft(account: Account, lists: list[str], **changes: Any) -> CampaignDraft:
    (sender,) = account.senders()
    values = {
        "name": f"June news {MARKER}",
        "subject": "June in Zürich",
        "preview_text": "What is new",
        "html": '<p>Hello</p>\r\n<a href="https://example.com/a">Read</a> <a href="{{ unsubscribe }}">Leave</a>\r\n',
        "sender_name": sender.name,
        "sender_email": sender.email,
        "sender_remote_id": sender.remote_id,
        "list_ids": tuple(lists),
    }
    return CampaignDraft(**{**values, **changes})


def soon(minutes: float = 10) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


# The account


def test_account_is_the_same_on_each_look_and_another_for_another_key(account):
    first, again = account.account(), account.account()

    assert first == again
    assert first.name
    assert first.fingerprint != account.open("sandbox-other").account().fingerprint


def test_wrong_credentials_are_unauthorized(account):
    with pytest.raises(Unauthorized) as caught:
        account.open("no-such-key").account()

    assert caught.value.detail


def test_closed_account_is_refused_with_a_sentence(account):
    account.is_held_to_contract = False
    with pytest.raises(Refused, match="suspended"):
        account.open("sandbox-suspended").account()


def test_quota_of_each_reply_reaches_the_gate(account):
    account.control("reset")
    provider = account.open()
    seen = []
    provider.client.gate.saw = seen.append
    provider.account()
    provider.contacts()

    assert {quota.name for quota in seen} == set(provider.rates)
    assert all(quota.remaining < quota.limit and quota.reset_at for quota in seen)


def test_limit_reached_says_when_to_come_back(account):
    account.control("reset")
    provider = account.open()
    with pytest.raises(RateLimited) as caught:
        [provider.account() for _ in range(101)]

    assert 0 < caught.value.retry_after <= 3600


# People and lists


def test_contacts_come_oldest_first_with_all_they_have(account, lists):
    people = walk(account.contacts)

    assert [(p.email, p.fields.get("FIRSTNAME"), p.list_ids, p.left_list_ids, p.blocked) for p in people] == [
        ("ana@example.com", "Ana", (lists[0],), (), False),
        ("ben+x@example.com", "Ben", tuple(lists), (), False),
        ("cy@example.com", None, (lists[1],), (lists[0],), True),
    ]
    assert all(person.created_at and person.modified_at and person.remote_id for person in people)


def test_contacts_are_walked_completely_over_many_pages(account):
    account.seed(lists=["Many"], contacts=2345)

    people = walk(account.contacts)
    assert len({person.remote_id for person in people}) == 2345
    assert account.contacts().total == 2345


@requires("lists_changed_contacts")
def test_contacts_changed_since_are_those_alone(account, lists):
    account.advance(3600)
    account.block_contact(email="ana@example.com")
    changed = walk(account.contacts, changed_since=datetime.now(UTC) + timedelta(minutes=30))

    assert [(person.email, person.blocked) for person in changed] == [("ana@example.com", True)]


def test_contact_is_found_by_address_and_by_id(account, lists):
    ben = account.contact(email="ben+x@example.com")

    assert account.contact(remote_id=ben.remote_id) == ben
    with pytest.raises(Missing):
        account.contact(email="nobody@example.com")


@requires("has_folders")
def test_folders(account):
    made = account.create_folder(name="Ours")

    assert made in account.folders()


def test_list_life(account):
    made = account.create_list(name=f"June {MARKER}")
    assert [(found.remote_id, found.name) for found in account.find_lists(marker=MARKER)] == [
        (made.remote_id, made.name)
    ]

    account.update_list(remote_id=made.remote_id, name="July")
    assert account.find_lists(marker=MARKER) == ()
    assert "July" in [found.name for found in account.lists()]

    account.delete_list(remote_id=made.remote_id)
    account.delete_list(remote_id=made.remote_id)
    assert "July" not in [found.name for found in account.lists()]


def test_all_lists_are_found_over_many_pages(account):
    account.seed(lists=120)

    assert len(account.lists()) == 120


def test_saving_people_adds_updates_and_never_lifts_a_block(account, lists):
    made = account.create_list(name="Delivery")
    people = [
        ContactRecord("", "ana@example.com", {"FIRSTNAME": "Anna", "LASTNAME": None}),
        ContactRecord("", "cy@example.com", {"FIRSTNAME": "Cy"}),
        ContactRecord("", "dora@example.com", {"FIRSTNAME": "Dora"}),
    ]
    progress = account.save_contacts(people, list_ids=[made.remote_id])
    while not progress.done:
        account.advance(5)
        progress = account.saving(progress.reference)

    members = walk(account.list_members, remote_id=made.remote_id)
    assert [(p.email, p.fields["FIRSTNAME"], p.blocked) for p in members] == [
        ("ana@example.com", "Anna", False),
        ("cy@example.com", "Cy", True),
        ("dora@example.com", "Dora", False),
    ]
    assert account.list_size(remote_id=made.remote_id) == 3


def test_saving_nobody_is_done(account, lists):
    assert account.save_contacts([], list_ids=lists).done


def test_saving_tells_of_rows_that_were_turned_away(account, lists):
    people = [ContactRecord("", "not an address"), ContactRecord("", "ok@example.com")]
    progress = account.save_contacts(people, list_ids=lists[:1])
    account.advance(60)
    progress = account.saving(progress.reference)

    assert progress.done
    assert progress.detail


def test_removing_from_a_list_converges(account, lists):
    emails = ["ana@example.com", "ben+x@example.com", "nobody@example.com"]
    account.remove_from_list(list_id=lists[0], emails=emails)
    account.remove_from_list(list_id=lists[0], emails=emails)

    assert account.list_size(remote_id=lists[0]) == 0
    assert account.contact(email="ben+x@example.com").list_ids == (lists[1],)


def test_blocking_converges_and_makes_unknown_people(account, lists):
    for email in ("ana@example.com", "ana@example.com", "new@example.com"):
        account.block_contact(email=email)

    assert account.contact(email="ana@example.com").blocked
    assert account.contact(email="ana@example.com").list_ids == (lists[0],)
    assert account.contact(email="new@example.com").blocked


def test_deleting_a_contact_converges(account, lists):
    ana = account.contact(email="ana@example.com")
    account.delete_contact(remote_id=ana.remote_id)
    account.delete_contact(remote_id=ana.remote_id)

    with pytest.raises(Missing):
        account.contact(email="ana@example.com")


@requires("creates_fields")
@pytest.mark.parametrize(
    ("kind", "choices"), [("text", ()), ("number", ()), ("date", ()), ("boolean", ()), ("choice", ("a", "b"))]
)
def test_created_fields_are_read_back(account, kind, choices):
    account.create_field(name="TRIAL", kind=kind, choices=choices)

    (field,) = (field for field in account.fields() if field.name == "TRIAL")
    assert (field.kind, field.choices, field.writable) == (kind, choices, True)


@requires("creates_fields")
def test_fields_that_cannot_be_made(account):
    with pytest.raises(Unsupported):
        account.create_field(name="TRIAL", kind="hologram")
    with pytest.raises(Unsupported):
        account.create_field(name="größe", kind="text")


@requires("has_segments")
def test_segments(account):
    account.seed(segments=[{"name": "Locals", "category": "", "attribute": "FIRSTNAME", "value": "Ana"}])

    assert [segment.name for segment in account.segments()] == ["Locals"]


# Senders, domains, templates


@requires("manages_senders")
def test_sender_is_inactive_until_confirmed(account):
    made = account.create_sender(name="Ida", email="ida@example.com")
    assert not made.is_active
    assert made.problems

    with pytest.raises(Refused):
        account.confirm_sender(remote_id=made.remote_id, code="12 34")
    with pytest.raises(Refused):
        account.confirm_sender(remote_id=made.remote_id, code="000000")
    code = account.state()["senders"][made.remote_id]["otp"]
    account.confirm_sender(remote_id=made.remote_id, code=f" {code} ")
    assert [s.is_active for s in account.senders() if s.remote_id == made.remote_id] == [True]


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
    account.seed(
        templates=[{"name": "Basic", "subject": "Hello", "html": "<p>Hello there</p>", "active": False}]
    )

    (template,) = account.templates()
    assert (template.name, template.subject, template.html, template.is_active) == (
        "Basic",
        "Hello",
        "<p>Hello there</p>",
        False,
    )


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
    assert (read.remote_id, read.send_at, read.sent_at) == (remote_id, None, None)

    changed = dataclasses.replace(wanted, subject="July", html="<p>Other content</p>")
    account.update_campaign(changed, remote_id=remote_id)
    account.update_campaign(changed, remote_id=remote_id)
    assert kept(account.campaign(remote_id=remote_id)) == kept(account.comparable(changed))


@requires("drafts_campaigns")
def test_campaign_whose_creation_was_lost_is_found_by_its_marker(account, lists):
    started_at = datetime.now(UTC) - timedelta(seconds=5)
    account.seed(campaigns=[{"name": f"Older {MARKER}", "status": "sent", "daysAgo": 2}])
    wanted = draft(account, lists)
    account.fault(kind="drop_after", method="POST")
    with pytest.raises(OutcomeUnknown):
        account.create_campaign(wanted)
    account.create_campaign(dataclasses.replace(wanted, name="Another"))

    (found,) = account.find_campaigns(marker=MARKER, created_after=started_at)
    assert found.name == wanted.name
    assert account.find_campaigns(marker="nonsense", created_after=started_at) == ()


@requires("drafts_campaigns")
def test_deleting_a_draft_converges(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.delete_campaign(remote_id=remote_id)
    account.delete_campaign(remote_id=remote_id)

    with pytest.raises(Missing):
        account.campaign(remote_id=remote_id)


@requires("drafts_campaigns")
def test_campaigns_come_newest_first_over_many_pages(account, lists):
    account.seed(
        campaigns=[
            {"name": f"Campaign {number}", "lists": [], "recipients": {"listIds": [int(lists[0])]}}
            for number in range(230)
        ]
    )

    found = walk(account.campaigns)
    assert len({campaign.remote_id for campaign in found}) == 230
    assert found[0].name == "Campaign 229"


@requires("schedules_campaigns")
def test_scheduling_sets_the_instant_rounded_up(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    send_at = soon().replace(microsecond=250_000)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)

    read = account.campaign(remote_id=remote_id)
    assert (read.phase, read.send_at) == ("scheduled", send_at.replace(microsecond=0) + timedelta(seconds=1))


@requires("schedules_campaigns")
def test_scheduling_into_the_past_is_refused(account, lists):
    remote_id = account.create_campaign(draft(account, lists))

    with pytest.raises(Refused) as caught:
        account.schedule_campaign(remote_id=remote_id, send_at=soon(-60))
    assert caught.value.detail
    assert account.campaign(remote_id=remote_id).phase == "draft"


@requires("schedules_campaigns")
@pytest.mark.parametrize(
    ("kind", "phase"),
    [("drop_before", "draft"), ("drop_after", "scheduled"), ("status", "draft"), ("garbage", "draft")],
)
def test_lost_answer_to_a_send_is_unknown_and_can_be_looked_up(account, lists, kind, phase):
    remote_id = account.create_campaign(draft(account, lists))
    account.fault(kind=kind, method="PUT", **({"status": 500} if kind == "status" else {}))

    with pytest.raises(OutcomeUnknown):
        account.schedule_campaign(remote_id=remote_id, send_at=soon())
    assert account.campaign(remote_id=remote_id).phase == phase


@requires("arms_by_value")
def test_arming_twice_for_one_instant_mails_once(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    send_at = soon().replace(microsecond=0)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)
    account.schedule_campaign(remote_id=remote_id, send_at=send_at)

    assert account.campaign(remote_id=remote_id).send_at == send_at
    account.advance(3600)
    assert account.figures(remote_id=remote_id).sent == 2


@requires("refuses_second_arm")
def test_second_arming_is_refused(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())

    with pytest.raises(Conflict):
        account.schedule_campaign(remote_id=remote_id, send_at=soon())


@requires("unschedules_campaigns")
def test_planned_campaign_is_taken_back_before_it_is_deleted(account, lists):
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    with pytest.raises(Conflict):
        account.delete_campaign(remote_id=remote_id)

    account.cancel_campaign(remote_id=remote_id)
    assert account.campaign(remote_id=remote_id).phase == "stopped"
    account.advance(3600)
    assert account.figures(remote_id=remote_id).sent == 0


@requires("unschedules_campaigns")
def test_cancelling_what_is_sent_is_refused(account, lists):
    (remote_id,) = account.seed(campaigns=[{"name": "Old", "status": "sent", "daysAgo": 2}])["campaigns"]

    with pytest.raises(Refused):
        account.cancel_campaign(remote_id=str(remote_id))
    assert account.campaign(remote_id=str(remote_id)).phase == "sent"


@requires("pauses_campaigns")
def test_campaign_going_out_is_paused_and_resumed(account):
    lists = [str(list_id) for list_id in account.seed(lists=["Many"], contacts=200)["lists"]]
    remote_id = account.create_campaign(draft(account, lists))
    account.schedule_campaign(remote_id=remote_id, send_at=soon())
    account.advance(630)
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
def test_test_mail_goes_to_known_people_only(account, lists):
    remote_id = account.create_campaign(draft(account, lists))

    result = account.send_test(remote_id=remote_id, emails=["ana@example.com"])
    assert (result.accepted, result.refused) == (("ana@example.com",), {})
    result = account.send_test(remote_id=remote_id, emails=["ana@example.com", "nobody@example.com"])
    assert (result.accepted, list(result.refused)) == ((), ["nobody@example.com"])
    assert account.campaign(remote_id=remote_id).phase == "draft"


# Results


@pytest.fixture
def sent(account: Account) -> str:
    """Id of a campaign to forty people, sent two days ago: Ana opened, clicked and left, Ben complained."""
    people = [{"email": f"person{number}@example.org", "lists": [0]} for number in range(38)]
    made = account.seed(
        lists=["News"],
        contacts=[*people, *({**row, "lists": [0]} for row in PEOPLE[:2])],
        campaigns=[{"name": "Old", "status": "sent", "daysAgo": 2}],
    )
    (campaign,) = made["campaigns"]
    for kind in ("open", "proxy_open", "click", "unsubscribe"):
        account.act(campaign=campaign, email="ana@example.com", kind=kind)
    account.act(campaign=campaign, email="ben+x@example.com", kind="complain")
    return str(campaign)


@requires("reports_figures")
def test_figures_are_counts_of_people(account, sent):
    figures = account.figures(remote_id=sent)

    assert figures.sent == 40
    assert figures.sent >= figures.delivered >= figures.opened >= figures.opened_by_human > 0
    assert figures.opens >= figures.opened
    assert figures.clicks >= figures.clicked > 0
    assert figures.unsubscribed >= 1
    assert figures.complained >= 1
    assert figures.links
    assert sum(counts["sent"] for counts in figures.domains.values()) == 40


@requires("reports_figures")
def test_figures_of_all_campaigns_equal_those_of_each(account, sent):
    ((remote_id, listed),) = account.all_figures()

    assert remote_id == sent
    assert listed == dataclasses.replace(account.figures(remote_id=sent), read_at=listed.read_at)


@requires("tells_machine_opens")
def test_opens_by_machines_are_told_apart(account, sent):
    before = account.figures(remote_id=sent)
    account.act(campaign=int(sent), email="person1@example.org", kind="proxy_open")
    after = account.figures(remote_id=sent)

    assert after.opens == before.opens + 1
    assert after.opened_by_human == before.opened_by_human


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
    reference = account.request_people(remote_id=sent, kind=kind)
    assert account.people(reference) is None
    account.advance(60)
    people, again = account.people(reference), account.people(reference)

    assert email in [person.email for person in people]
    assert {(person.kind, person.campaign_remote_id) for person in people} == {(kind, sent)}
    assert len({person.key for person in people}) == len(people)
    assert [person.key for person in people] == [person.key for person in again]
    figure = {"accepted": "sent"}.get(kind, kind)
    assert len(people) == getattr(account.figures(remote_id=sent), figure)


@requires("reports_people")
def test_people_of_an_unknown_kind(account, sent):
    with pytest.raises(Unsupported):
        account.request_people(remote_id=sent, kind="levitated")


# Webhooks

HOOK = "http://127.0.0.1:8000/hooks/unguessable/"


@requires("has_webhooks")
def test_webhook_life(account):
    assert account.webhooks() == []
    made = account.create_webhook(url=HOOK, secret="s3cret")

    assert [(hook.remote_id, hook.url) for hook in account.webhooks()] == [(made.remote_id, HOOK)]
    account.delete_webhook(remote_id=made.remote_id)
    account.delete_webhook(remote_id=made.remote_id)
    assert account.webhooks() == []


@requires("has_webhooks")
def test_events_are_proven_and_read(account, sent):
    account.create_webhook(url=HOOK, secret="s3cret")
    for kind in ("open", "proxy_open", "click", "bounce", "soft_bounce", "complain", "unsubscribe"):
        account.act(campaign=int(sent), email="person2@example.org", kind=kind)
    account.block_contact(email="person3@example.org")
    account.delete_contact(remote_id=account.contact(email="person4@example.org").remote_id)
    account.sandbox.tick()

    bodies = [json.dumps(payload).encode() for _, _, payload in account.posted]
    headers = [{name.lower(): value for name, value in head.items()} for _, head, _ in account.posted]
    assert all(account.verify_webhook(body=b"", headers=head, secrets=["new", "s3cret"]) for head in headers)
    assert not any(account.verify_webhook(body=b"", headers=head, secrets=["other"]) for head in headers)
    events = [event for body in bodies for event in account.read_webhook(body=body)]
    assert {(event.kind, event.email, event.is_machine) for event in events} >= {
        ("opened", "person2@example.org", False),
        ("opened", "person2@example.org", True),
        ("clicked", "person2@example.org", False),
        ("hard_bounced", "person2@example.org", False),
        ("soft_bounced", "person2@example.org", False),
        ("complained", "person2@example.org", False),
        ("unsubscribed", "person2@example.org", False),
        ("contact_changed", "person3@example.org", False),
        ("contact_deleted", "person4@example.org", False),
    }
    assert all(abs(event.at - datetime.now(UTC)) < timedelta(minutes=5) for event in events)
    assert {event.campaign_remote_id for event in events} <= {sent, ""}
    assert next(event.link for event in events if event.kind == "clicked").startswith("http")
    assert len({event.key for event in events}) == len(events)


# Merge tags


def test_merge_tags_are_written_or_unsupported(account):
    provider = account.open()
    tags = [
        provider.merge_tag(name="contact.FIRSTNAME", fallback=None),
        provider.merge_tag(name="contact.FIRSTNAME", fallback='the "best" friend'),
        provider.merge_tag(name="unsubscribe_url", fallback=None),
    ]

    assert len(set(tags)) == 3
    with pytest.raises(Unsupported):
        provider.merge_tag(name="no.such thing", fallback=None)


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
    account.fault(**fault)

    with pytest.raises(ProviderError) as caught:
        provider.account()
    assert type(caught.value) is kind
    assert provider.account()


# Capabilities


def test_each_flag_has_a_case():
    assert TESTED_FLAGS == FLAGS


class Bare(Provider):
    slug, name, default_base_url = "bare", "Bare", "https://api.example"
    capabilities = Capabilities(because={"has_folders": "Bare keeps no folders."})


VERBS = [name for name, verb in vars(Provider).items() if hasattr(verb, "effect")]


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


def test_unsupported_shows_the_providers_own_sentence():
    with pytest.raises(Unsupported, match="Bare keeps no folders"):
        Bare(base_url="", credentials={}).folders()

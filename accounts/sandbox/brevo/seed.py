"""Opening accounts and filling them, for the demo and for whoever steers the sandbox."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox.brevo import campaigns, clockwork, demo, people
from accounts.sandbox.brevo.attributes import default_attributes
from accounts.sandbox.brevo.lists import add_folder, add_list
from accounts.sandbox.brevo.senders import add_domain, add_sender
from accounts.sandbox.brevo.state import Account, Attribute, Campaign, Contact, Pace, Segment, Template
from accounts.sandbox.brevo.wire import Call, Fields, invalid, read_stamp, stamp
from accounts.sandbox.codec import unpack
from accounts.sandbox.http import Request
from accounts.sandbox.people import person
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import chance

DEMO = "sandbox-demo"
SETTINGS = (
    "credits",
    "transactional_daily",
    "utc_offset",
    "flat_list_results",
    "dedicated_ips",
    "owner_email",
    "company",
    "opened_at",
)


def open_account(name: str, store: Store) -> Account:
    """The account, opened on first use: with a folder and an active sender, as a new customer finds it. The demo full."""
    accounts = store.accounts.setdefault("brevo", {})
    if name not in accounts:
        account = accounts[name] = Account(name, store.now(), owner_email=f"owner@{name}.example")
        default_attributes(account)
        add_folder(account, "Your first folder")
        store.touch()
        if name == DEMO:
            fill(name, demo.wanted(store.now()), store)
        else:
            add_sender(account, "Owner", account.owner_email, active=True)
    found: Account = accounts[name]
    return found


def fill(name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Add what is wanted to the account. Returns the ids of the new lists, templates and campaigns, and the contacts' number.

    `lists`, `contacts` and `campaigns` are a number or a list. Lists: a name or {name, folder, test}. Contacts: as the API
    writes them, or a number to be made up and spread over the lists. Campaigns: as the API writes them, with `status: sent`
    and `daysAgo` for one that went out.
    """
    account, now = open_account(name, store), store.now()
    if "limits" in wanted:
        account.limits = wanted["limits"] not in ("off", False)
    for setting in SETTINGS:
        if setting in wanted:
            setattr(account, setting, wanted[setting])
    for pace, seconds in wanted.get("pace", {}).items():
        if not hasattr(Pace, pace):
            raise invalid(f"Unknown pace {pace}")
        setattr(account.pace, pace, float(seconds))
    for attribute in wanted.get("attributes", ()):
        account.attributes[attribute["name"]] = unpack(Attribute, attribute)
    for domain in wanted.get("domains", ()):
        added = add_domain(account, domain["name"], now)
        if domain.get("authenticated"):
            added.authenticated, added.published_at = True, now
    for sender in wanted.get("senders", ()):
        add_sender(account, sender["name"], sender["email"], active=sender.get("active"))
    lists = [_list(account, row, now) for row in _rows(wanted.get("lists", ()), "List {}")]
    contacts = _contacts(account, store, wanted.get("contacts", ()), lists, now)
    for segment in wanted.get("segments", ()):
        number = account.next_id("segment")
        account.segments[number] = Segment(number, **segment, updated_at=now)
    templates = [_template(account, row, now) for row in wanted.get("templates", ())]
    made = [
        _campaign(account, store, row, lists, now)
        for row in _rows(wanted.get("campaigns", ()), "Campaign {}")
    ]
    clockwork.advance(account, store, now)
    for campaign, status in made:
        if status == "suspended":
            campaign.status = status
    return {
        "lists": lists,
        "contacts": contacts,
        "templates": templates,
        "campaigns": [campaign.id for campaign, _ in made],
    }


def _rows(wanted: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(wanted, int):
        return [{"name": name.format(n + 1)} for n in range(wanted)]
    return [{"name": row} if isinstance(row, str) else row for row in wanted]


def _list(account: Account, row: Mapping[str, Any], now: float) -> int:
    folders = {folder.name: folder.id for folder in account.folders.values()}
    folder = row.get("folder") or next(iter(folders), "Folder")
    if folder not in folders:
        folders[folder] = add_folder(account, folder).id
    made = add_list(account, row["name"], folders[folder], now)
    if row.get("test"):
        account.test_list_id = made.id
    return made.id


def _contacts(account: Account, store: Store, wanted: Any, lists: list[int], now: float) -> int:
    if isinstance(wanted, int):
        make_up(account, wanted, lists or list(account.lists), now)
        return wanted
    for row in map(_in_brevos_words, wanted):
        known = people.find(account, row["email"], "email_id")
        contact = known or people.create(
            account, now, email=row["email"].lower(), ext_id=row.get("ext_id", "")
        )
        fields = {k: v for k, v in row.items() if k not in ("email", "ext_id", "lists", "unsubscribed")}
        # `lists` counts the seed's own lists from 0, for who cannot know their ids yet.
        fields.setdefault("listIds", [lists[n] for n in row.get("lists", ())])
        people.apply(account, store, contact, Fields(fields), now, new=True)
        if "createdAt" in row:
            contact.created_at = contact.modified_at = read_stamp(row["createdAt"], "createdAt")
        contact.unsubscribed_ids = tuple(lists[n] for n in row.get("unsubscribed", ()))
    return len(wanted)


def _in_brevos_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """The words every provider's seed understands, and Brevo's own beside them."""
    words = {"blocked": "emailBlacklisted", "left": "unsubscribed"}
    told = {words.get(name, name): value for name, value in row.items() if name != "fields"}
    if "fields" in row:
        told["attributes"] = {
            name.replace("_", "").upper(): value for name, value in row["fields"].items()
        } | row.get("attributes", {})
    return told


def make_up(account: Account, count: int, lists: list[int], now: float) -> None:
    """So many people with names, spread over the lists: everyone on one, every fifth on the next one too."""
    luck = chance("people", account.name, len(account.contacts))
    alone: list[tuple[int, ...]] = [(list_id,) for list_id in lists] or [()]
    both = [tuple(dict.fromkeys((*own, *alone[(n + 1) % len(alone)]))) for n, own in enumerate(alone)]
    for n in range(count):
        number = account.next_id("contact")
        who = person(luck, number)
        attributes = {"FIRSTNAME": who.first, "LASTNAME": who.last}
        memberships = (both if n % 5 == 0 else alone)[n % len(alone)]
        contact = Contact(number, who.email, now, now, attributes, memberships)
        account.contacts[number] = contact
        account.index(contact)


def _template(account: Account, row: Mapping[str, Any], now: float) -> int:
    number = account.next_id("template")
    sender_id = next(iter(account.senders))
    account.templates[number] = Template(
        number, row["name"], row["subject"], row["html"], sender_id, row.get("active", True), now, now
    )
    return number


def _campaign(
    account: Account, store: Store, row: Mapping[str, Any], lists: list[int], now: float
) -> tuple[Campaign, str]:
    """Written through the same rules as by the API. One already sent is queued for its day in the past."""
    status, body = row.get("status", "draft"), dict(row)
    if "html" in body:
        body["htmlContent"] = body.pop("html")
    if status == "scheduled":
        body["scheduledAt"] = stamp(now + body.pop("inSeconds", 3600))
    body.setdefault("subject", body["name"])
    body.setdefault("htmlContent", demo.newsletter(body["subject"]))
    body.setdefault("sender", {"id": next(iter(account.senders))})
    body.setdefault("recipients", {"listIds": [lists[n] for n in row.get("lists", range(len(lists)))]})
    request = Request("POST", "/emailCampaigns", {}, {}, b"", "http://localhost")
    campaign = Campaign(0, body["name"], now, now, {})
    campaigns.write(Call(account, store, request, {}, now), campaign, Fields(body))
    campaign.id = account.next_id("campaign")
    account.campaigns[campaign.id] = campaign
    if status == "sent":
        at = read_stamp(row["sentAt"], "sentAt") if "sentAt" in row else now - 86400 * row.get("daysAgo", 1)
        campaign.created_at, campaign.modified_at = at - 3 * 3600, at - 600
        campaigns.enqueue(account, campaign, at)
    elif campaign.scheduled_at is not None:
        campaigns.enqueue(account, campaign, campaign.scheduled_at)
    return campaign, status

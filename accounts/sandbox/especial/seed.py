"""Opening accounts and filling them, for the demo and for whoever steers the sandbox."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox.especial import (
    campaigns,
    clockwork,
    demo,
    people,
    segments,
    senders,
    sending,
    templates,
)
from accounts.sandbox.especial.lists import add as add_list
from accounts.sandbox.especial.records import Campaign, Pace
from accounts.sandbox.especial.rules import only_rule
from accounts.sandbox.especial.state import Account, Contact, ContactList
from accounts.sandbox.especial.wire import refuse
from accounts.sandbox.people import person
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import chance

DEMO = "sandbox-demo"
SETTINGS = ("company", "opened_on", "partner", "missing_status", "profile", "standing")
FIELDS = ("first_name", "last_name", "language", "city")  # attributes that every seeded list has
KINDS = {"text": "text", "number": "integer", "date": "datetime", "boolean": "text", "choice": "text"}


def open_account(name: str, store: Store, login: str = "") -> Account:
    """The account, opened on first use: with one confirmed sender and no list. The demo full."""
    accounts = store.accounts.setdefault("especial", {})
    if name not in accounts:
        account = accounts[name] = Account(name, store.now(), login=login or f"{name}@example.test")
        store.touch()
        if name == DEMO:
            fill(name, demo.wanted(store.now()), store)
        else:
            senders.add(account, "Owner", f"owner@{name}.example", store.now(), confirmed=True)
    found: Account = accounts[name]
    return found


def fill(name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Add what is wanted to the account. Returns the ids of the new lists, templates, segments and campaigns, and the
    number of people.

    `lists`, `contacts` and `campaigns` are a number or a list, in the words all providers' seeds understand. Besides:
    `missing_status` (400 or 404) for objects that are not there, `partner`, `interests` ([{list, name, alias}]),
    `contacts[].tags`, `.interests` and `.extra` (fields, on those lists only that have them), and for a campaign `status` also `suspended`, `delivering` or `archived`.
    """
    account, now = open_account(name, store), store.now()
    if "limits" in wanted:
        account.limits = wanted["limits"] not in ("off", False)
    for setting in SETTINGS:
        if setting in wanted:
            setattr(account, setting, wanted[setting])
    for pace, seconds in wanted.get("pace", {}).items():
        if not hasattr(Pace, pace):
            raise refuse(f"Unknown pace {pace}")
        setattr(account.pace, pace, float(seconds))
    for domain in wanted.get("domains", ()):
        authenticated = domain.get("authenticated", False)
        senders.add_key(account, domain["name"], senders.SELECTOR, "active" if authenticated else "pending")
        if authenticated:
            account.domains |= {"bounce": f"bounce.{domain['name']}", "tracking": f"click.{domain['name']}"}
            account.dns_published = True
    for sender in wanted.get("senders", ()):
        added = senders.add(
            account, sender["name"], sender["email"], now, confirmed=sender.get("active", True)
        )
        if not added.confirmed:
            senders.ask(account, store, added, now)
    lists = [_list(account, row, now) for row in _rows(wanted.get("lists", ()), "List {}")]
    for field in wanted.get("fields", ()):
        for row in lists or account.lists.values():
            row.attributes.setdefault(field["name"], KINDS[field.get("kind", "text")])
    for tag in wanted.get("tags", ()):
        account.tags.setdefault(tag if isinstance(tag, str) else tag["name"], now)
    for interest in wanted.get("interests", ()):
        lists[interest.get("list", 0)].interests[interest["name"]] = interest.get("alias")
    for pattern in wanted.get("suppressed", ()):
        people.suppress(account, store, pattern.lower(), "user", now)
    count = _contacts(account, store, wanted.get("contacts", ()), lists, now)
    made_segments = [_segment(account, row, lists, now) for row in wanted.get("segments", ())]
    made_templates = [
        templates.add(
            account, row["name"], {"type": "html", "subject": row["subject"], "html": row["html"]}, now
        ).id
        for row in wanted.get("templates", ())
    ]
    rows = _rows(wanted.get("campaigns", ()), "Campaign {}")
    made = [(_campaign(account, row, lists, now), row.get("status", "draft")) for row in rows]
    clockwork.advance(account, store, now)
    for campaign, status in made:
        if status == "suspended":
            campaign.suspended, campaign.lease = True, campaign.lease + 1
        elif status == "archived":
            campaign.previous_status, campaign.status = campaign.status, "archived"
    return {
        "lists": [row.id for row in lists],
        "contacts": count,
        "segments": made_segments,
        "templates": made_templates,
        "campaigns": [campaign.id for campaign, _ in made],
    }


def _rows(wanted: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(wanted, int):
        return [{"name": name.format(n + 1)} for n in range(wanted)]
    return [{"name": row} if isinstance(row, str) else row for row in wanted]


def _list(account: Account, row: Mapping[str, Any], now: float) -> ContactList:
    """Ready to be mailed, unless `policy_accepted` says otherwise."""
    accepted = row.get("policy_accepted", True)
    made = add_list(
        account,
        row["name"],
        next(iter(account.senders)),
        row.get("created_on", account.opened_on),
        accepted=accepted,
    )
    made.language = row.get("language", made.language)
    made.attributes = dict.fromkeys(FIELDS, "text") | row.get("attributes", {})
    return made


def _contacts(account: Account, store: Store, wanted: Any, lists: list[ContactList], now: float) -> int:
    """A contact is one of its lists only, so somebody on two lists is made twice, and nobody can be on none."""
    known = lists or list(account.lists.values())
    if isinstance(wanted, int):
        make_up(account, wanted, known, now)
        return wanted
    for row in wanted:
        fields = _texts(row.get("fields", {}))
        for n in row.get("lists", (0,) if known else ()):
            _contact(account, known[n], row, fields, now, left=n in row.get("left", ()))
        if row.get("blocked"):
            people.suppress(account, store, row["email"].lower(), "user", now)
    return len(wanted)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def _contact(
    account: Account,
    of: ContactList,
    row: Mapping[str, Any],
    fields: dict[str, str],
    now: float,
    *,
    left: bool,
) -> None:
    for name in fields:
        of.attributes.setdefault(name, "text")
    email, joined = row["email"].lower(), row.get("subscribed_on", now)
    contact = of.find(email)
    if contact is None:
        contact = Contact(of.next_contact_id(), email, "active", joined)
        of.add(contact)
    extra = {name: value for name, value in _texts(row.get("extra", {})).items() if name in of.attributes}
    people.set_values(of, contact, fields | extra)
    people.set_status(of, contact, "unsubscribed" if left else row.get("status", contact.status))
    if row.get("tags"):
        people.tag(account, of, contact, row["tags"], now)
    contact.interests = tuple(row.get("interests", contact.interests))


def make_up(account: Account, count: int, lists: list[ContactList], now: float) -> None:
    """So many people with names, spread over the lists: everyone on one, every fifth on the next one too."""
    luck = chance("people", account.name, account.ids.get("person", 0))
    for row in lists:
        for name in FIELDS:
            row.attributes.setdefault(name, "text")
    places = {row.id: [list(row.attributes).index(name) for name in FIELDS] for row in lists}
    plain = {row.id: places[row.id] == [0, 1, 2, 3] for row in lists}
    for n in range(count if lists else 0):
        who = person(luck, account.next_id("person"))
        values = (who.first, who.last, who.language, who.city)
        own = lists[n % len(lists)]
        for row in (own, lists[(n + 1) % len(lists)]) if n % 5 == 0 and len(lists) > 1 else (own,):
            kept = values
            if not plain[row.id]:
                spread = [""] * len(row.attributes)
                for place, value in zip(places[row.id], values, strict=True):
                    spread[place] = value
                kept = tuple(spread)  # type: ignore[assignment]
            contact = Contact(row.next_contact_id(), who.email, "active", now, kept)
            row.contacts[contact.id] = contact
            row.by_email[contact.email] = contact.id
    for row in lists:
        row.chosen.clear()


def _segment(account: Account, row: Mapping[str, Any], lists: list[ContactList], now: float) -> int:
    """`{name, list (index, or an id as text), json | fiql | query}`"""
    known, wanted = lists or list(account.lists.values()), row.get("list", 0)
    where = account.lists[int(wanted)] if isinstance(wanted, str) else known[wanted]
    return segments.add(account, where, row["name"], only_rule(row), now).id


def _campaign(account: Account, row: Mapping[str, Any], lists: list[ContactList], now: float) -> Campaign:
    """Written through the same rules as by the API. One already sent is queued for its day in the past.

    A campaign has one list: the first that is named. Without any in this seed, the first of the account.
    """
    status, name = row.get("status", "draft"), row["name"]
    known = lists or list(account.lists.values())
    chosen = [known[n] for n in row.get("lists", ())] or known[:1]
    content = {
        "subject": row.get("subject", name),
        "html": row.get("html") or demo.newsletter(row.get("subject", name)),
    }
    given: dict[str, Any] = {"name": name, "content": {"type": "html"} | content}
    given["sender"] = {"id": next(iter(account.senders))}
    if chosen:
        given["audience"] = {"list_id": chosen[0].id}
        if "segment" in row:
            given["audience"]["segment_id"] = row["segment"]
    at = None
    if status in ("sent", "archived"):
        at = row.get("at", now - 86400 * row.get("daysAgo", 1))
    elif status == "delivering":
        at = now
    elif status in ("scheduled", "suspended"):
        at = row.get("at", now + row.get("inSeconds", 86400))
    written = now if at is None or at >= now else at - 3 * 3600
    campaign = campaigns.add(account, given, written)
    if at is not None:
        campaign.scheduled_on = min(now, at)
        sending.enqueue(account, campaign, at)
    return campaign

"""Opening accounts and filling them, for the demo and for whoever steers the sandbox."""

import re
from collections.abc import Mapping
from typing import Any

from accounts.sandbox.leadfox import campaigns, contacts, deeds, demo, sending
from accounts.sandbox.leadfox.dates import stamp
from accounts.sandbox.leadfox.state import Account, Contact, Pace
from accounts.sandbox.leadfox.things import BUILT_IN, KINDS, add
from accounts.sandbox.leadfox.wire import Fields, read_email
from accounts.sandbox.people import person
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import chance

DEMO = "sandbox-demo"
SETTINGS = ("company", "secret", "updates")
FOLDER = "Newsletters"
STATUSES = {"draft": "d", "scheduled": "a", "sent": "a", "inactive": "i"}


def open_account(name: str, store: Store) -> Account:
    """The account, opened on first use: with the built-in properties and nothing else. The demo full."""
    accounts = store.accounts.setdefault("leadfox", {})
    if name not in accounts:
        account = accounts[name] = Account(name, store.now(), company=name)
        for shortcode, title in BUILT_IN.items():
            _add("property", account, store.now(), name=title, shortcode=shortcode)
        store.touch()
        if name == DEMO:
            fill(name, demo.wanted(), store)
    found: Account = accounts[name]
    return found


def fill(name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Add what is wanted to the account. Returns the new ids by kind, and the number of contacts.

    Besides the words every provider knows: `mailinglists` and `folders` (names), `secret` (the only one that opens the
    account), `updates` ("put" or "patch": the other method answers 405). A contact may have `mailinglists` ({name:
    status}), `lifecycle`, `tracked` (false: refuses that opens and clicks are followed), `daysAgo`. `templates` are
    e-mail designs; a campaign may name theirs (`designs`: indexes) and its `mailinglist`, or be "inactive".
    """
    account, now = open_account(name, store), store.now()
    for setting in SETTINGS:
        if setting in wanted:
            setattr(account, setting, wanted[setting])
    for pace, seconds in wanted.get("pace", {}).items():
        if not hasattr(Pace, pace):
            raise ValueError(f"Unknown pace {pace}")
        setattr(account.pace, pace, float(seconds))
    for row in wanted.get("fields", ()):
        ensure_property(account, row["name"], now)
    folders = [_add("folder", account, now, **row) for row in _rows(wanted.get("folders", ()), "Folder {}")]
    mailinglists = [
        _add("mailinglist", account, now, **row)
        for row in _rows(wanted.get("mailinglists", ()), "Mailing list {}")
    ]
    lists = [_add("list", account, now, **row) for row in _rows(wanted.get("lists", ()), "List {}")]
    people = wanted.get("contacts", ())
    if isinstance(people, int):
        make_up(account, people, lists or list(account.lists), now)
    else:
        for row in people:
            _contact(account, row, lists, now)
    templates = [
        _design(account, row["name"], row["subject"], row["html"], now) for row in wanted.get("templates", ())
    ]
    made = [
        _campaign(account, row, lists, templates, now)
        for row in _rows(wanted.get("campaigns", ()), "Campaign {}")
    ]
    sending.advance(account, store, now)
    account.changed()
    return {
        "folders": folders,
        "mailinglists": mailinglists,
        "lists": lists,
        "contacts": people if isinstance(people, int) else len(people),
        "templates": templates,
        "campaigns": made,
    }


def _rows(wanted: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(wanted, int):
        return [{"name": name.format(n + 1)} for n in range(wanted)]
    return [{"name": row} if isinstance(row, str) else row for row in wanted]


def _add(kind: str, account: Account, now: float, **fields: str) -> str:
    return add(KINDS[kind], account, Fields(fields), now).id


def ensure_property(account: Account, name: str, now: float) -> str:
    """The shortcode of the property that holds this field, made when there is none: `first_name` is `firstname`."""
    shortcode = re.sub(r"[^a-z0-9]", "", name.lower())
    if shortcode not in account.shortcodes():
        _add("property", account, now, name=name, shortcode=shortcode)
    return shortcode


def _contact(account: Account, row: Mapping[str, Any], lists: list[str], now: float) -> None:
    """`lists` and `left` count the seed's own lists from 0. Who left one is simply not on it: no list remembers."""
    email, since = read_email(row["email"]), now - 86400 * row.get("daysAgo", 0)
    contact = account.contact_by_email(email) or contacts.create(account, email, since)
    for name, value in row.get("fields", {}).items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            contact.properties[ensure_property(account, name, now)] = text
    for n in row.get("lists", ()):
        if n not in row.get("left", ()):
            contacts.join(account, contact, lists[n], since)
    for name, status in row.get("mailinglists", {}).items():
        deeds.consent(account, contact, name, status, since)
    contact.subscribed = contact.subscribed and not row.get("blocked", False)
    contact.tracked = row.get("tracked", contact.tracked)
    contact.lifecycle = row.get("lifecycle", contact.lifecycle)


def make_up(account: Account, count: int, lists: list[str], now: float) -> None:
    """So many people with names, spread over the lists: everyone on one, every fifth on the next one too."""
    luck = chance("people", account.name, len(account.contacts))
    for n in range(count):
        who = person(luck, account.last_number + 1)
        mine = {lists[k % len(lists)]: now for k in ((n, n + 1) if n % 5 == 0 else (n,)) if lists}
        properties = {"firstname": who.first, "lastname": who.last}
        contact = Contact(account.next_id(now), who.email, now, now, properties, mine)
        account.contacts[contact.id] = contact
        account.index(contact)


def _design(account: Account, name: str, subject: str, html: str, now: float) -> str:
    sender = {"fromname": account.company, "fromemail": f"owner@{account.name}.example"}
    return _add("email", account, now, name=name, subject=subject, body=html, **sender)


def _campaign(
    account: Account, row: Mapping[str, Any], lists: list[str], templates: list[str], now: float
) -> str:
    """Written through the same rules as by the API, but one already sent in its own present: its day in the past."""
    status, subject = row.get("status", "draft"), row.get("subject", row["name"])
    html = row.get("html") or demo.newsletter(subject)
    designs = [templates[n] for n in row.get("designs", ())] or [
        _design(account, row["name"], subject, html, now)
    ]
    chosen: list[str | None] = [lists[n] for n in row.get("lists", range(len(lists)))]
    body: dict[str, Any] = {
        "name": row["name"],
        "type": campaigns.EMAIL_CAMPAIGN,
        "folder": next(iter(account.folders), None) or _add("folder", account, now, name=FOLDER),
        "emails": [{"email": design, "weight": 100 / len(designs)} for design in designs],
        "lists": [{"list": list_id} for list_id in chosen or list(account.lists) or [None]],
        "status": STATUSES[status],
    }
    if "mailinglist" in row:
        number = deeds.mailinglist_id(account, row["mailinglist"])
        body["mailinglist"] = {"mailinglist": number, "statusFilter": 0}
    present = now - 86400 * row.get("daysAgo", 1) if status == "sent" else now
    if status != "draft":
        body["start"] = stamp(present if status == "sent" else now + row.get("inSeconds", 3600))
    return campaigns.create(account, account.next_id(now), Fields(body), present).id

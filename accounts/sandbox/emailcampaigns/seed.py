"""Opening accounts and filling them, for the demo and for whoever steers the sandbox."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox.emailcampaigns import campaigns, clockwork, demo
from accounts.sandbox.emailcampaigns.state import Account, Campaign, Contact, Group, Message, Pace, Sender
from accounts.sandbox.people import person
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import chance

DEMO = "sandbox-demo"
DAY = 86400.0
BODY = "<p>Hello</p><p>this is our news.</p>"


def open_account(name: str, store: Store) -> Account:
    """The account, opened on first use: with a sender, as a new customer finds it. The demo full."""
    accounts: dict[str, Account] = store.accounts.setdefault("emailcampaigns", {})
    if name not in accounts:
        accounts[name] = Account(name, store.now())
        store.touch()
        if name == DEMO:
            fill(name, demo.wanted(store.now()), store)
        else:
            _sender(accounts[name], {"name": "Owner", "email": f"owner@{name}.example"}, store.now())
    return accounts[name]


def fill(name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Add what is wanted. Returns the ids of what was made, and how many contacts.

    `limits`, `credits` and `company` are understood and change nothing: none of them exists here.
    """
    account, now = open_account(name, store), store.now()
    for pace, seconds in wanted.get("pace", {}).items():
        if not hasattr(Pace, pace):
            raise ValueError(f"Unknown pace {pace}")
        setattr(account.pace, pace, float(seconds))
    senders = [_sender(account, row, now) for row in wanted.get("senders", ())]
    # A pattern cannot be opted out here, an address only.
    account.opt_out([email.lower() for email in wanted.get("suppressed", ()) if "*" not in email], now)
    groups = [_group(account, row["name"], now) for row in _rows(wanted.get("lists", ()), "List {}")]
    contacts = _contacts(account, wanted.get("contacts", ()), groups, now)
    messages = [_message(account, row, now).number for row in wanted.get("messages", ())]
    made = [
        _campaign(account, row, groups, now)
        for row in _rows(wanted.get("campaigns", ()), "Campaign {}")
        if row.get("status") != "draft"  # there are none
    ]
    clockwork.advance(account, store, now)
    numbers = {
        "senders": senders,
        "lists": [group.number for group in groups],
        "messages": messages,
        "campaigns": [campaign.number for campaign in made],
    }
    ids = {kind: [account.id_of(number) for number in some] for kind, some in numbers.items()}
    return ids | {"contacts": contacts, "templates": []}


def _rows(wanted: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(wanted, int):
        return [{"name": name.format(n + 1)} for n in range(wanted)]
    return [{"name": row} if isinstance(row, str) else row for row in wanted]


def _sender(account: Account, row: Mapping[str, Any], now: float) -> int:
    """`active` means nothing here: a registered sender can be used."""
    return account.keep(account.senders, Sender(0, now, now, row["name"], row["email"].lower())).number


def _group(account: Account, name: str, now: float) -> Group:
    return account.keep(account.groups, Group(0, now, now, name))


def _message(account: Account, row: Mapping[str, Any], now: float) -> Message:
    message = Message(0, now, now, row["subject"], row.get("html", BODY))
    return account.keep(account.messages, message)


def _contacts(account: Account, wanted: Any, groups: list[Group], now: float) -> int:
    """How many there are now in the groups asked for. Nobody can be in an account without being in a group."""
    if isinstance(wanted, int):
        if wanted and not groups:
            groups = list(account.groups.values()) or [_group(account, "Contacts", now)]
        _make_up(account, wanted, groups)
        return wanted
    count = 0
    for row in wanted:
        fields = {name: str(value) for name, value in row.get("fields", {}).items() if value is not None}
        name = f"{fields.pop('first_name', '')} {fields.pop('last_name', '')}".strip()
        contact = Contact(row["email"].lower(), name, fields)
        staying = [n for n in row.get("lists", ()) if n not in row.get("left", ())]
        for n in staying:
            groups[n].contacts[contact.email] = contact
        count += bool(staying)
    account.opt_out([row["email"].lower() for row in wanted if row.get("blocked")], now)
    return count


def _make_up(account: Account, count: int, groups: list[Group]) -> None:
    """So many people with names, spread over the groups: everyone in one, every fifth in the next one too."""
    luck = chance("people", account.name, account.people_made)
    nothing: dict[str, str] = {}
    for n in range(count):
        account.people_made += 1
        who = person(luck, account.people_made)
        contact = Contact(who.email, f"{who.first} {who.last}", nothing)
        groups[n % len(groups)].contacts[who.email] = contact
        if n % 5 == 0:
            groups[(n + 1) % len(groups)].contacts[who.email] = contact


def _campaign(account: Account, row: Mapping[str, Any], groups: list[Group], now: float) -> Campaign:
    """To the first of its lists, as there can be only one. Without a status it is scheduled, for tomorrow.

    One already sent starts on its day in the past, and what came of it happens at once.
    """
    status = row.get("status", "scheduled")
    if status not in ("sent", "scheduled", "paused", "cancelled"):
        raise ValueError(f"A campaign is sent, scheduled, paused or cancelled, not {status}")
    at, created_at = round(now + row.get("inSeconds", DAY)), now
    if status == "sent":
        at = round(now - DAY * row.get("daysAgo", 1))
        created_at = at - 3 * 3600
    wanted = [groups[n] for n in row.get("lists", ())] or groups or list(account.groups.values())
    group = wanted[0] if wanted else Group(0, created_at, created_at, row["name"])
    message = Message(0, created_at, created_at, row.get("subject", row["name"]), row.get("html", BODY))
    sender = min(account.senders)
    campaign = campaigns.schedule_campaign(
        account, row["name"], group, message, sender, at, "EST5EDT", created_at
    )
    if status in ("paused", "cancelled"):
        campaigns.change_status(account, campaign, status, created_at)
    return campaign

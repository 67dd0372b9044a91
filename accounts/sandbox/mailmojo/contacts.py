"""Contacts over all lists: read, change, count by day. They come and go by their lists alone."""

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo import contact_wire, people
from accounts.sandbox.mailmojo.state import Contact
from accounts.sandbox.mailmojo.wire import Call, Guarded, day, not_found, read_day

routes = Guarded()

READ = ("contacts:read", "contacts")
DEFAULT_DAYS = 30  # of statistics, when no start is named. Not stated
DAY = 86400


def find(call: Call) -> Contact:
    contact = call.account.contacts.get(call.args["email"].lower())
    if contact is None:
        raise not_found()
    return contact


@routes.on("GET", "/contacts/", *READ)
def get_contacts(call: Call) -> Reply:
    """Everyone at once, whatever their status."""
    return contact_wire.array(map(contact_wire.encoded, call.account.contacts.values()))


@routes.on("GET", "/contacts/stats/", *READ)
def get_historical_contact_stats(call: Call) -> Reply:
    """A row for each day from the start to today. `sum` is how many were active when the day ended."""
    today = call.now - call.now % DAY
    start = read_day(call.query("start_date") or "")
    at = today - (DEFAULT_DAYS - 1) * DAY if start is None else start
    daily = call.account.daily
    total = sum(a - u - b - d for date, (a, u, b, d) in daily.items() if date < day(at))
    rows = []
    while at <= today:
        added, unsubscribed, bounced, deleted = daily.get(day(at), (0, 0, 0, 0))
        total += added - unsubscribed - bounced - deleted
        rows.append(
            {
                "date": day(at),
                "added": added,
                "unsubscribed": unsubscribed,
                "bounced": bounced,
                "deleted": deleted,
                "sum": total,
            }
        )
        at += DAY
    return Reply(200, rows)


@routes.on("GET", "/contacts/{email}/", *READ)
def get_contact_by_email(call: Call) -> Reply:
    return Reply(200, contact_wire.wire(find(call)))


@routes.on("PATCH", "/contacts/{email}/", "contacts")
def update_contact(call: Call) -> Reply:
    """What is given takes the place of what was there, `custom` and `tags` as a whole; another address moves the contact."""
    account, contact, fields = call.account, find(call), call.fields()
    values, email = people.read_values(fields), fields.email()
    if fields.has("email") and not email:
        fields.wrong("email", "This field may not be empty.")
    if email and email != contact.email and email in account.contacts:
        fields.wrong("email", "Another contact has this address.")
    fields.check()
    people.write(contact, values)
    if email and email != contact.email:
        account.unindex(contact)
        del account.contacts[contact.email]
        contact.email = email
        account.contacts[email] = contact
        account.index(contact)
    return Reply(200, contact_wire.base_wire(contact))

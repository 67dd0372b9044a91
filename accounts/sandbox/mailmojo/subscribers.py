"""Who is on a list: read, subscribe one or a file of them, unsubscribe."""

import csv
import io
from itertools import islice

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo import contact_wire, people
from accounts.sandbox.mailmojo.contacts import READ
from accounts.sandbox.mailmojo.contacts import find as find_contact
from accounts.sandbox.mailmojo.lists import find
from accounts.sandbox.mailmojo.state import UNSUBSCRIBED
from accounts.sandbox.mailmojo.wire import Call, Guarded, is_email, not_found, refuse

routes = Guarded()

# Columns of an import beside `email` and `name`. Not stated; any other is passed over.
COLUMNS = ("email", "name", "first_name", "last_name", "phone")


@routes.on("GET", "/lists/{list_id}/subscribers/", *READ)
def get_subscribers_on_list(call: Call) -> Reply:
    """The active ones, first come first, at most `limit`; there is no way to ask for the rest."""
    row, account = find(call), call.account
    found = map(account.contacts.__getitem__, islice(row.active, call.query_number("limit")))
    return contact_wire.array(contact_wire.encoded_subscriber(contact, row.id) for contact in found)


@routes.on("GET", "/lists/{list_id}/unsubscribed/", *READ)
def get_unsubscribed_on_list(call: Call) -> Reply:
    """Those who left. Who bounced is in neither array."""
    row, account = find(call), call.account
    left = (
        contact
        for contact in map(account.contacts.__getitem__, row.inactive)
        if (association := contact.on(row.id)) and association.status == UNSUBSCRIBED
    )
    return contact_wire.array(map(contact_wire.encoded, islice(left, call.query_number("limit"))))


@routes.on("POST", "/lists/{list_id}/subscribers/", "subscribe")
def subscribe_contact_to_list(call: Call) -> Reply:
    """201 whether or not the person is on the list now: who left before and is not forced stays away."""
    row, account, fields = find(call), call.account, call.fields("email")
    email, values = fields.email(), people.read_values(fields)
    force = fields.flag("force_subscribe", default=True)
    fields.check()
    contact = account.contacts.get(email) or people.create(account, email, call.now)
    people.add_to(contact, values)
    people.subscribe(account, call.store, contact, row.id, call.now, force=force)
    return Reply(201, contact_wire.wire(contact))


@routes.on("POST", "/lists/{list_id}/subscribers/import/", "subscribe")
def import_subscribers_to_list(call: Call) -> Reply:
    """Rows without a usable address are passed over, nobody who left is brought back, and webhooks stay silent."""
    row, account = find(call), call.account
    if call.request.headers.get("content-type", "").partition(";")[0].strip() != "text/csv":
        raise refuse(body="The Content-Type must be text/csv.")
    try:
        text = call.request.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse(body="The file must be UTF-8.") from None
    rows = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip().lower() for name in next(rows, [])]
    if "email" not in header:
        raise refuse(body="The first row must name the column email.")
    taken: set[str] = set()
    for cells in rows:
        values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        email = values.pop("email", "").lower()
        if not is_email(email):
            continue
        contact = account.contacts.get(email) or people.create(account, email, call.now)
        people.add_to(contact, {name: values[name] for name in COLUMNS if name in values})
        people.subscribe(account, call.store, contact, row.id, call.now, force=False, tell=False)
        taken.add(email)
    return Reply(200, {"num_contacts": len(taken)})


@routes.on("GET", "/lists/{list_id}/subscribers/{email}/", *READ)
def get_subscriber_on_list_by_email(call: Call) -> Reply:
    row, contact = find(call), find_contact(call)
    if contact.email not in row.active:
        raise not_found()
    return Reply(200, contact_wire.subscriber_wire(contact, row.id))


@routes.on("DELETE", "/lists/{list_id}/subscribers/{email}/", "subscribe", "contacts")
def unsubscribe_contact_on_list_by_email(call: Call) -> Reply:
    """The contact stays, with another status. Who is not on the list cannot leave it."""
    row, contact = find(call), find_contact(call)
    if not people.leave(call.account, call.store, contact, row.id, call.now):
        raise not_found()
    return Reply(200, contact_wire.wire(contact))

"""Contacts and opt-outs in bulk. A CSV is answered at once with a bare 200 and takes effect a little later."""

from accounts.sandbox.emailcampaigns.choices import HEADED
from accounts.sandbox.emailcampaigns.forms import addresses_of, check_column, contacts_of, read_form
from accounts.sandbox.emailcampaigns.state import JSON, Account, Contact
from accounts.sandbox.emailcampaigns.wire import Call
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()


def _later(call: Call, what: str, *details: JSON) -> Reply:
    call.account.pending.plan(call.now + call.account.pace.process, what, *details)
    return Reply(200)


def _contacts(call: Call, what: str) -> Reply:
    group, form = call.found(call.account.groups), read_form(call.request)
    columns = form.index("email_index"), form.index("name_index")
    return _later(call, what, group.number, contacts_of(form.csv_rows(), *columns, headed=what in HEADED))


@routes.route("POST", "/email/contact/bulk/replace")
def bulk_replace_contacts(call: Call) -> Reply:
    return _contacts(call, "replace")


@routes.route("POST", "/email/contact/bulk/update")
def bulk_update_contacts(call: Call) -> Reply:
    return _contacts(call, "update")


@routes.route("POST", "/email/contact/bulk/delete")
def bulk_delete_contacts(call: Call) -> Reply:
    group, form = call.found(call.account.groups), read_form(call.request)
    rows, email_index = form.csv_rows(), form.index("email_index")
    check_column(rows, "email_index", email_index)
    return _later(call, "remove", group.number, addresses_of(rows, email_index))


@routes.route("POST", "/email/optout/bulk/add")
def bulk_add_opt_outs(call: Call) -> Reply:
    return _later(call, "opt_out", addresses_of(read_form(call.request).csv_rows()))


@routes.route("POST", "/email/optout/bulk/delete")
def bulk_delete_opt_outs(call: Call) -> Reply:
    return _later(call, "opt_in", addresses_of(read_form(call.request).csv_rows()))


# What takes effect. A row is a `Contact`, or the list the state file made of one.


def replace(account: Account, now: float, group_number: int, rows: list[JSON]) -> None:
    if group := account.groups.get(group_number):
        group.contacts = {row[0]: Contact(*row) for row in rows}
        group.modified_at = now


def update(account: Account, now: float, group_number: int, rows: list[JSON]) -> None:
    """Who is there keeps the columns this file does not have."""
    if group := account.groups.get(group_number):
        for email, name, columns in rows:
            known = group.contacts.get(email)
            group.contacts[email] = Contact(email, name, known.columns | columns if known else columns)
        group.modified_at = now


def remove(account: Account, now: float, group_number: int, emails: list[str]) -> None:
    if group := account.groups.get(group_number):
        for email in emails:
            group.contacts.pop(email, None)
        group.modified_at = now


def opt_out(account: Account, now: float, emails: list[str]) -> None:
    account.opt_out(emails, now)


def opt_in(account: Account, now: float, emails: list[str]) -> None:
    leaving = set(emails)
    account.optouts = {n: row for n, row in account.optouts.items() if row.email not in leaving}

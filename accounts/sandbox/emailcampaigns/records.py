"""Senders, opt-outs, contact groups and messages: four kinds of record behind the same five calls each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.sandbox.emailcampaigns.choices import GROUP_SHOWS_COLUMNS
from accounts.sandbox.emailcampaigns.state import JSON, Account, Group, Message, OptOut, Sender
from accounts.sandbox.emailcampaigns.wire import Call, Fields, record_wire
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()


@dataclass(frozen=True, slots=True)
class Kind:
    path: str
    record: type
    table: str  # the account's
    inputs: dict[str, Callable[[Fields, str], str]]  # what create and update take, all of it required

    def rows(self, account: Account) -> dict[int, Any]:
        rows: dict[int, Any] = getattr(account, self.table)
        return rows

    def read(self, call: Call) -> dict[str, str]:
        fields = call.fields()
        return {name: read(fields, name) for name, read in self.inputs.items()}

    def wire(self, account: Account, record: Any) -> dict[str, JSON]:
        shown = {name: getattr(record, name) for name in self.inputs}
        if isinstance(record, Group):
            shown["contacts"] = contacts_wire(record)
        return record_wire(account, record, **shown)


KINDS = (
    Kind("/email/senderid", Sender, "senders", {"description": Fields.text, "email": Fields.email}),
    Kind("/email/optout", OptOut, "optouts", {"email": Fields.email}),
    Kind("/email/contact", Group, "groups", {"tag": Fields.text}),
    Kind("/email/message", Message, "messages", {"description": Fields.text, "email_message": Fields.text}),
)


def contacts_wire(group: Group) -> list[dict[str, str]]:
    """All of them, in every reply that shows the group: there is no paging."""
    if GROUP_SHOWS_COLUMNS:
        return [{"name": name, "email": email} | columns for email, name, columns in group.contacts.values()]
    return [{"name": name, "email": email} for email, name, _ in group.contacts.values()]


def add_routes(kind: Kind) -> None:
    @routes.route("GET", kind.path)
    def read(call: Call) -> Reply:
        rows = kind.rows(call.account)
        if "_id" in call.request.query:
            return Reply(200, kind.wire(call.account, call.found(rows)))
        return Reply(200, [kind.wire(call.account, record) for record in rows.values()])

    @routes.route("POST", kind.path)
    def create(call: Call) -> Reply:
        """An equal one is no obstacle: asked twice, the provider has two."""
        record = kind.record(0, call.now, call.now, **kind.read(call))
        call.account.keep(kind.rows(call.account), record)
        return Reply(201, kind.wire(call.account, record))

    @routes.route("PUT", kind.path)
    def update(call: Call) -> Reply:
        """Groups alone answer with the record."""
        record = call.found(kind.rows(call.account))
        for name, value in kind.read(call).items():
            setattr(record, name, value)
        record.modified_at = call.now
        return Reply(200, kind.wire(call.account, record)) if kind.record is Group else Reply(204)

    @routes.route("DELETE", kind.path)
    def delete(call: Call) -> Reply:
        """Allowed for what a campaign uses, too: it goes on with what it knows."""
        rows = kind.rows(call.account)
        del rows[call.found(rows).number]
        return Reply(204)


for _kind in KINDS:
    add_routes(_kind)

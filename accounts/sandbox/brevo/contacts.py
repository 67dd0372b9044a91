"""Contacts: list, read, create, update, delete, batch update, double opt-in."""

import re

from accounts.sandbox.brevo import hooks, people
from accounts.sandbox.brevo.attributes import read_value
from accounts.sandbox.brevo.contact_statistics import contact_statistics
from accounts.sandbox.brevo.segments import segment_members
from accounts.sandbox.brevo.state import Account, Contact
from accounts.sandbox.brevo.wire import Call, Fields, created, done, invalid, missing, not_found, read_email
from accounts.sandbox.http import Refusal, Reply, Routes

routes: Routes[Call] = Routes()

EQUALS = re.compile(r'equals\((\w+),\s*"?([^")]*)"?\)')


@routes.route("GET", "/contacts")
def get_contacts(call: Call) -> Reply:
    account, page = call.account, call.page(50, 1000)
    modified, since = call.query_stamp("modifiedSince"), call.query_stamp("createdSince")
    segment_id, list_ids, ids = (
        call.query_number("segmentId", low=1),
        call.query_numbers("listIds"),
        call.query_numbers("ids"),
    )
    if segment_id is not None and list_ids:
        raise invalid("Either listIds or segmentId can be passed")
    if len(ids) > 20:
        raise invalid("At most 20 ids can be passed")
    if not (modified or since or segment_id or list_ids or ids or call.query("filter")):
        rows, count = page.cut(account.contacts), len(account.contacts)
    else:
        chosen = list(account.contacts.values())
        if segment_id is not None:
            chosen = segment_members(account, segment_id)
        if list_ids:
            wanted = set(people.check_lists(account, list_ids))
            chosen = [contact for contact in chosen if wanted.intersection(contact.list_ids)]
        if ids:
            chosen = [contact for contact in chosen if contact.id in ids]
        if text := call.query("filter"):
            chosen = _filtered(account, chosen, text)
        chosen = [c for c in chosen if c.modified_at >= (modified or 0) and c.created_at >= (since or 0)]
        rows, count = page.cut(chosen), len(chosen)
    return Reply(200, {"contacts": [people.wire(account, contact) for contact in rows], "count": count})


def _filtered(account: Account, contacts: list[Contact], text: str) -> list[Contact]:
    match = EQUALS.fullmatch(text.strip())
    attribute = account.attributes.get(match.group(1)) if match else None
    if match is None or attribute is None:
        raise invalid("filter is not valid, use equals(ATTRIBUTE,value)")
    wanted = read_value(attribute, match.group(2))
    if isinstance(wanted, list):
        return [c for c in contacts if set(wanted) <= set(c.attributes.get(attribute.name, ()))]
    return [c for c in contacts if wanted is not None and c.attributes.get(attribute.name) == wanted]


@routes.route("POST", "/contacts")
def create_contact(call: Call) -> Reply:
    account, fields = call.account, call.fields()
    email = read_email(fields.text("email") or "") if fields.has("email") else ""
    ext_id, sms = fields.text("ext_id") or "", people.phone_of(fields)
    if not (email or ext_id or sms):
        raise missing("email")
    people.check_lists(account, fields.list_of("listIds", int))
    found = people.taken(account, None, email=email, sms=sms, ext_id=ext_id)
    if found:
        if not fields.flag("updateEnabled"):
            raise people.duplicate(*found)
        owner = account.by_email.get(email) or account.by_ext_id.get(ext_id) or account.by_sms[sms]
        body = _without_same_address(account, owner, fields)
        people.apply(account, call.store, account.contacts[owner], body, call.now)
        return done()
    contact = people.create(account, call.now, email=email, sms=sms, ext_id=ext_id)
    try:
        body = _without_same_address(account, contact.id, fields, new=True)
        people.apply(account, call.store, contact, body, call.now, new=True)
    except Refusal:
        people.remove(account, contact)
        raise
    return created({"id": contact.id})


def _without_same_address(account: Account, contact_id: int, fields: Fields, *, new: bool = False) -> Fields:
    """The body without what does not count here: the address it already has, and for a new contact sender blocks."""
    data = dict(fields.data)
    attributes = dict(data.get("attributes") or {})
    if str(attributes.get("EMAIL", "")).lower() == account.contacts[contact_id].email:
        attributes.pop("EMAIL", None)
    if new or not fields.flag("updateEnabled"):
        data.pop("smtpBlacklistSender", None)
    return Fields(data | {"attributes": attributes})


def _find(call: Call) -> Contact:
    kind = call.query("identifierType", people.IDENTIFIER_TYPES)
    contact = people.find(call.account, call.args["identifier"], kind)
    if contact is None:
        raise not_found("Contact does not exist")
    return contact


@routes.route("GET", "/contacts/{identifier}")
def get_contact_info(call: Call) -> Reply:
    contact, (start, end) = _find(call), call.days(90)
    statistics = contact_statistics(call.account, contact, start, end)
    return Reply(200, people.wire(call.account, contact) | {"statistics": statistics})


@routes.route("GET", "/contacts/{identifier}/campaignStats")
def get_contact_stats(call: Call) -> Reply:
    contact, (start, end) = _find(call), call.days(90)
    return Reply(200, contact_statistics(call.account, contact, start, end))


@routes.route("PUT", "/contacts/{identifier}")
def update_contact(call: Call) -> Reply:
    people.apply(call.account, call.store, _find(call), call.fields(), call.now)
    return done()


@routes.route("DELETE", "/contacts/{identifier}")
def delete_contact(call: Call) -> Reply:
    contact = _find(call)
    if contact.email and contact.email == call.account.owner_email:
        raise Refusal(
            405,
            {"code": "method_not_allowed", "message": "Contact is a registered user and cannot be deleted"},
        )
    people.remove(call.account, contact)
    hooks.contact_deleted(call.account, call.store, contact, call.now)
    return done()


@routes.route("POST", "/contacts/batch")
def update_batch_contacts(call: Call) -> Reply:
    """All or some: an unknown contact fails the whole call, a contact that cannot be changed only itself."""
    account = call.account
    items = [
        Fields(item, f"contacts[{n}]") for n, item in enumerate(call.fields().list_of("contacts", dict) or [])
    ]
    if not items:
        raise missing("contacts")
    found = [_batch_contact(account, item) for item in items]
    unknown = [str(n) for n, contact in enumerate(found) if contact is None]
    if unknown:
        raise not_found(f"Contacts do not exist at indexes: {', '.join(unknown)}")
    succeeded, failed = [], []
    for item, contact in zip(items, found, strict=True):
        assert contact is not None
        data = {
            name: value for name, value in item.data.items() if name not in ("email", "id", "sms", "ext_id")
        }
        try:
            people.apply(account, call.store, contact, Fields(data), call.now)
            succeeded.append(contact.id)
        except Refusal:
            failed.append(contact.id)
    return Reply(207, {"successIds": succeeded, "failureIds": failed}) if failed else done()


def _batch_contact(account: Account, item: Fields) -> Contact | None:
    for name, kind in (
        ("id", "contact_id"),
        ("email", "email_id"),
        ("ext_id", "ext_id"),
        ("sms", "phone_id"),
    ):
        if item.has(name):
            return people.find(account, str(item.data[name]), kind)
    raise missing(f"{item.where}email")


@routes.route("POST", "/contacts/doubleOptinConfirmation")
def create_doi_contact(call: Call) -> Reply:
    """The mail goes out; the contact joins the lists when the person confirms (control act `confirm`)."""
    account, fields = call.account, call.fields()
    fields.require("email", "includeListIds", "templateId", "redirectionUrl")
    email = read_email(fields.text("email") or "")
    template = account.templates.get(fields.number("templateId") or 0)
    if template is None or not template.is_active or "params.DOIurl" not in template.html:
        raise invalid("Template is not an active double opt-in template")
    include = people.check_lists(account, fields.list_of("includeListIds", int))
    if not include:
        raise missing("includeListIds")
    exclude = people.check_lists(account, fields.list_of("excludeListIds", int))
    fields.text("redirectionUrl")
    attributes = fields.inner("attributes")
    known = people.find(account, email)
    account.opt_ins[email] = {
        "includeListIds": list(include),
        "excludeListIds": list(exclude),
        "attributes": dict(attributes.data) if attributes else {},
    }
    return done() if known else created()


def confirm_opt_in(call: Call, email: str) -> Contact:
    account, wanted = call.account, call.account.opt_ins.pop(email)
    contact = people.find(account, email) or people.create(account, call.now, email=email)
    body = {
        "attributes": wanted["attributes"],
        "listIds": wanted["includeListIds"],
        "unlinkListIds": wanted["excludeListIds"],
        "emailBlacklisted": False,
    }
    people.apply(account, call.store, contact, Fields(body), call.now)
    return contact

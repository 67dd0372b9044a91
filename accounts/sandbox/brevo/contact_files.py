"""Contacts in bulk: importing CSV and JSON, exporting CSV, both as background processes."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from accounts.sandbox.brevo import people, processes
from accounts.sandbox.brevo.attributes import read_phone, show_value
from accounts.sandbox.brevo.campaign_life import recipients
from accounts.sandbox.brevo.lists import add_list
from accounts.sandbox.brevo.state import JSON, Account, Contact, Process
from accounts.sandbox.brevo.wire import EMAIL, Call, invalid, missing, refuse, stamp
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.outbound import is_loopback

routes: Routes[Call] = Routes()

LARGEST_BODY = 10 * 1024 * 1024
Row = dict[str, JSON]  # attribute names in upper case, EMAIL, SMS and EXT_ID among them


@routes.route("POST", "/contacts/import")
def import_contacts(call: Call) -> Reply:
    account, fields = call.account, call.fields()
    sources = [name for name in ("fileUrl", "fileBody", "jsonBody") if fields.has(name)]
    if len(sources) != 1:
        raise (
            missing("fileUrl")
            if not sources
            else invalid("Only one of fileUrl, fileBody or jsonBody can be passed")
        )
    if len(call.request.body) > LARGEST_BODY and sources[0] != "fileUrl":
        raise refuse("out_of_range", f"{sources[0]} should not exceed 10 MB")
    list_ids, new_list = people.check_lists(account, fields.list_of("listIds", int)), fields.inner("newList")
    if not list_ids and not (new_list and new_list.text("listName")):
        raise missing("listIds")
    file_url = fields.text("fileUrl")
    if file_url and not is_loopback(file_url):
        raise invalid("fileUrl could not be read: the sandbox reads files of this machine only")
    arguments: dict[str, JSON] = {
        "fileUrl": file_url,
        "fileBody": fields.text("fileBody"),
        "jsonBody": fields.list_of("jsonBody", dict),
        "emailBlacklist": fields.flag("emailBlacklist"),
        "smsBlacklist": fields.flag("smsBlacklist"),
        "update": fields.flag("updateExistingContacts", True),
        "empty": fields.flag("emptyContactsAttributes"),
    }
    if new_list and new_list.has("listName"):
        new_list.require("folderId")
        folder_id = new_list.number("folderId")
        if folder_id not in account.folders:
            raise invalid("Folder ID does not exist")
        list_ids += (add_list(account, new_list.text("listName") or "", folder_id, call.now).id,)
    arguments["listIds"] = list(list_ids)
    process = processes.start(call, "IMPORTUSER", "import_contacts", arguments, fields.text("notifyUrl"))
    return Reply(202, {"processId": process.id})


def _rows(arguments: dict[str, JSON], context: processes.Context) -> Iterator[Row]:
    if arguments["jsonBody"] is not None:
        yield from map(_json_row, arguments["jsonBody"])
        return
    text = arguments["fileBody"]
    if arguments["fileUrl"]:
        text = context.store.fetch(arguments["fileUrl"]).decode("utf-8-sig", "replace")
        if arguments["fileUrl"].partition("?")[0].endswith(".json"):
            yield from map(_json_row, json.loads(text))
            return
    for row in csv.DictReader(io.StringIO(text), delimiter=";"):
        yield {
            name.strip().upper(): value
            for name, value in row.items()
            if name and isinstance(value, str | None)
        }


def _json_row(item: dict[str, JSON]) -> Row:
    """Either {email, ext_id, attributes} or, as older samples have it, one flat map."""
    flat = {name.upper(): value for name, value in item.items() if name != "attributes"}
    return flat | {name.upper(): value for name, value in (item.get("attributes") or {}).items()}


@processes.work("import_contacts")
def run_import(account: Account, process: Process, context: processes.Context) -> None:
    wanted = process.arguments
    process.arguments = {
        "listIds": wanted["listIds"]
    }  # a 10 MB body has no place in the state once it is read
    list_ids = [list_id for list_id in wanted["listIds"] if list_id in account.lists]
    seen: set[int] = set()
    rejected: dict[str, list[str]] = {"invalid_emails": [], "duplicate_email_id": []}
    try:
        for row in _rows(wanted, context):
            contact, reason = _import_row(account, row, wanted, context, seen)
            if contact is None:
                rejected[reason].append(str(row.get("EMAIL") or row.get("SMS") or ""))
                continue
            for list_id in list_ids:
                if list_id not in contact.list_ids:
                    people.join(account, context.store, contact, list_id, context.now)
    except (OSError, ValueError, AttributeError):
        rejected["invalid_emails"].append("the file could not be read")
    for reason, addresses in rejected.items():
        if addresses:
            text = "\n".join(["email", *addresses, ""])
            process.import_info[reason] = processes.keep_file(account, process, reason, text)


def _import_row(
    account: Account, row: Row, wanted: dict[str, JSON], context: processes.Context, seen: set[int]
) -> tuple[Contact | None, str]:
    email, ext_id = str(row.get("EMAIL") or "").strip().lower(), str(row.get("EXT_ID") or "")
    sms = read_phone(row["SMS"]) if row.get("SMS") else ""
    if (email and not EMAIL.fullmatch(email)) or not (email or sms or ext_id):
        return None, "invalid_emails"
    index = ((account.by_email, email), (account.by_ext_id, ext_id), (account.by_sms, sms or ""))
    found = next((keys[value] for keys, value in index if value and value in keys), None)
    if found in seen:
        return None, "duplicate_email_id"
    if found is None:
        contact = people.create(account, context.now, email=email, sms=sms or "", ext_id=ext_id)
    else:
        contact = account.contacts[found]
    seen.add(contact.id)
    if found is None or wanted["update"]:
        values = people.read_attributes(account, row)
        people.set_attributes(contact, {k: v for k, v in values.items() if v is not None or wanted["empty"]})
        contact.email_blacklisted |= wanted["emailBlacklist"]
        contact.sms_blacklisted |= wanted["smsBlacklist"]
        contact.modified_at = context.now
    return contact, ""


ACTIONS = {
    "actionForContacts": ("allContacts", "subscribed", "unsubscribed", "unsubscribedPerList"),
    "actionForEmailCampaigns": (
        "openers",
        "nonOpeners",
        "clickers",
        "nonClickers",
        "unsubscribed",
        "hardBounces",
        "softBounces",
    ),
    "actionForSmsCampaigns": ("hardBounces", "softBounces", "unsubscribed"),
}


@routes.route("POST", "/contacts/export")
def request_contact_export(call: Call) -> Reply:
    account, fields = call.account, call.fields()
    wanted = fields.inner("customContactFilter")
    if wanted is None:
        raise missing("customContactFilter")
    given = [name for name in ACTIONS if wanted.has(name)]
    if len(given) != 1:
        raise (
            missing("customContactFilter.actionForContacts")
            if not given
            else invalid("Only one action can be passed")
        )
    action = wanted.text(given[0], ACTIONS[given[0]]) or ""
    arguments: dict[str, JSON] = {
        "action": action,
        "for": given[0],
        "attributes": fields.list_of("exportAttributes", str),
    }
    if given[0] == "actionForContacts":
        wanted.require("listId")
        arguments["listId"] = people.check_lists(account, [wanted.number("listId") or 0])[0]
    elif given[0] == "actionForEmailCampaigns":
        if action not in ("hardBounces", "softBounces"):
            wanted.require("emailCampaignId")
        arguments["campaignId"] = wanted.number("emailCampaignId")
        if arguments["campaignId"] is not None and arguments["campaignId"] not in account.campaigns:
            raise invalid("Campaign ID does not exist")
    process = processes.start(
        call, "SEARCH_EXPORT_USERS_API", "export_contacts", arguments, fields.text("notifyUrl")
    )
    return Reply(202, {"processId": process.id})


def _chosen(account: Account, wanted: dict[str, JSON]) -> Iterable[Contact]:
    if wanted["for"] == "actionForSmsCampaigns":
        return []
    if wanted["for"] == "actionForEmailCampaigns":
        campaigns = [wanted["campaignId"]] if wanted["campaignId"] else list(account.campaigns)
        ids = {contact_id for n in campaigns for contact_id in recipients(account, n, wanted["action"])}
        return [account.contacts[n] for n in sorted(ids) if n in account.contacts]
    list_id = wanted["listId"]
    if wanted["action"] == "unsubscribedPerList":
        return [c for c in account.contacts.values() if list_id in c.unsubscribed_ids]
    members = (
        [account.contacts[n] for n in sorted(account.lists[list_id].members)]
        if list_id in account.lists
        else []
    )
    if wanted["action"] == "allContacts":
        return members
    return [c for c in members if c.email_blacklisted == (wanted["action"] == "unsubscribed")]


@processes.work("export_contacts")
def run_export(account: Account, process: Process, context: processes.Context) -> None:
    names = process.arguments["attributes"]
    if names is None:
        names = [
            name
            for name, attribute in account.attributes.items()
            if attribute.category in ("normal", "category")
        ]
    known = [name.upper() for name in names if name.upper() in account.attributes]
    text = io.StringIO()
    table = csv.writer(text, delimiter=";", lineterminator="\n")
    table.writerow(["CONTACT ID", "EMAIL", *known, "EMAIL_BLACKLISTED", "ADDED_TIME", "MODIFIED_TIME"])
    for contact in _chosen(account, process.arguments):
        values = [_cell(account, contact, name) for name in known]
        blocked = "Yes" if contact.email_blacklisted else "No"
        table.writerow(
            [
                contact.id,
                contact.email,
                *values,
                blocked,
                stamp(contact.created_at),
                stamp(contact.modified_at),
            ]
        )
    process.export_url = processes.keep_file(account, process, "contacts", text.getvalue())


def _cell(account: Account, contact: Contact, name: str) -> JSON:
    value = contact.attributes.get(name, "")
    return (
        show_value(account.attributes[name], value)
        if value != "" and account.attributes[name].type != "date"
        else value
    )

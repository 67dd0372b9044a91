"""Exports of contacts and of campaign logs, and the tasks that both are."""

import csv
import io
import json
from collections.abc import Sequence

from accounts.sandbox.especial import campaigns, hooks, lists, people
from accounts.sandbox.especial.contacts import FILTER_TERMS, select
from accounts.sandbox.especial.records import Segment, Task
from accounts.sandbox.especial.sending import Context
from accounts.sandbox.especial.shapes import JSON
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, attribute, created, done, ordered, refuse, single
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

KEPT = 5 * 86400  # how long a file can be fetched
SORTS = ("status", "created_on", "expires_on")
CONTACTS, LOG = "contactsexport", "campaignlogexport"
TASK_STATUS = {"failed": "error"}  # the same failure has another name as a task


def _start(call: Call, kind: str, subject: int, **selection: JSON) -> Task:
    account = call.account
    task = Task(
        account.new_name("task"), kind, subject, call.now, call.now + KEPT, call.request.base_url,
        call.query("description"), selection, account.login,
    )  # fmt: skip
    account.tasks[task.id] = task
    account.pending.plan(call.now + account.pace.process, "export", task.id)
    account.pending.plan(task.expires_on, "export_expires", task.id)
    event = "ContactsExport.Created" if kind == CONTACTS else "CampaignLogExport.Created"
    hooks.post(account, call.store, event, {"id": task.id, "status": task.status}, call.now)
    return task


def finish(account: Account, task_id: str, context: Context) -> None:
    """Write the file. Without its list or campaign there is nothing to write."""
    task = account.tasks[task_id]
    if task.status != "pending":
        return
    rows = _contact_rows(account, task) if task.type == CONTACTS else _log_rows(account, task)
    if rows is None:
        task.status = "failed"
        return
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    task.file = f"{secret(account.name, task.id, 'file')}{secret(task.id, account.name)}.csv"
    account.files[task.file] = text.getvalue()
    task.status = "ready"


def expire(account: Account, task_id: str, context: Context) -> None:
    task = account.tasks.get(task_id)
    if task and task.file:
        account.files.pop(task.file, None)
        task.file, task.status = "", "deleted"


def _contact_rows(account: Account, task: Task) -> list[Sequence[JSON]] | None:
    row = account.lists.get(task.subject)
    if row is None:
        return None
    head = ["id", "email", "status", "subscribed_on", "last_bounce_type", "bounces_count", *row.attributes]
    rows: list[Sequence[JSON]] = [[*head, "tags", "interests"]]
    for number in task.selection["ids"]:
        contact = row.contacts.get(number)
        if contact is None:
            continue
        shown = people.wire(row, contact)
        values = [item["value"] for item in shown["custom_attributes"]]
        rows.append(
            [
                *(shown[name] for name in head[:6]),
                *values,
                ",".join(contact.tags),
                ",".join(contact.interests),
            ]
        )
    return rows


def _log_rows(account: Account, task: Task) -> list[Sequence[JSON]] | None:
    if task.subject not in account.campaigns:
        return None
    events = account.by_campaign.get(task.subject, [])
    rows: list[Sequence[JSON]] = [
        ["id", "contact_id", "email", "type", "timestamp", "clickthru_url", "is_bot"]
    ]
    rows += [(e.id, e.contact_id, e.email, e.type, int(e.at), e.url, str(e.bot).lower()) for e in events]
    return rows


def _progress(task: Task) -> int:
    return 0 if task.status == "pending" else 100


def _requested_by(account: Account, task: Task) -> dict[str, JSON]:
    return {"id": account.number + 1, "email": task.requested_by}


def _wire(account: Account, task: Task) -> dict[str, JSON]:
    shown: dict[str, JSON] = {
        "id": task.id,
        "status": task.status,
        "description": task.description,
        "created_on": int(task.created_on),
        "expires_on": int(task.expires_on),
        "progress": float(_progress(task)),
    }
    if task.type == LOG:
        return shown | {"campaign_id": task.subject, "requested_by": _requested_by(account, task)}
    return shown | {
        name: task.selection.get(name) for name in ("segment_id", "filter", "query", "fiql", "json")
    }


def _download(call: Call, task: Task) -> Reply:
    if task.status != "ready":
        raise refuse(f"The export is {task.status}")
    url = f"{task.base_url}/especial/files/{call.account.name}/{task.file}"
    return single({"url": url, "expires_on": int(task.expires_on)})


def _delete(call: Call, task: Task) -> None:
    call.account.files.pop(task.file, None)
    task.status, task.file = "deleted", ""
    if task.type == CONTACTS:
        hooks.post(call.account, call.store, "ContactsExport.Deleted", {"id": task.id}, call.now)


def _of(call: Call, kind: str, subject: int) -> list[Task]:
    return [task for task in call.account.tasks.values() if (task.type, task.subject) == (kind, subject)]


def _filtered(rows: list[Task], wanted: dict[str, str]) -> list[Task]:
    """`status` and `progress` alike for exports and tasks, each in its own words."""

    def fits(task: Task) -> bool:
        if wanted.get("status") not in (None, task.status, TASK_STATUS.get(task.status)):
            return False
        progress = wanted.get("progress")
        return progress is None or progress.removesuffix(".0") == str(_progress(task))

    return list(filter(fits, rows))


@routes.route("GET", "/lists/{list_id}/exports")
def list_contacts_exports(call: Call) -> Reply:
    rows = _filtered(_of(call, CONTACTS, lists.find(call).id), call.filters("status", "progress"))
    return call.collection(
        ordered(rows, call.order(*SORTS), attribute), lambda task: _wire(call.account, task)
    )


@routes.route("POST", "/lists/{list_id}/exports")
def export_contacts(call: Call) -> Reply:
    """What to export stands in the query; there is no body. Who is chosen is settled now, their values when it is done."""
    row, number = lists.find(call), call.query_number("segment_id", least=1)
    segment: Segment | None = call.account.segments.get(number or 0)
    if number is not None and (segment is None or segment.list_id != row.id):
        raise refuse("Segment not found", "query", "segment_id")
    call.filters(*FILTER_TERMS)
    ids = list(select(call, row, segment))
    used = {name: call.query(name) for name in ("filter", "query", "fiql")}
    rule = call.query("json")
    task = _start(call, CONTACTS, row.id, ids=ids, segment_id=number, json=_object(rule), **used)
    return created("task", id=task.id, data=_wire(call.account, task))


def _object(text: str | None) -> JSON:
    return None if text is None else json.loads(text)


def _export(call: Call) -> Task:
    row, task = lists.find(call), call.account.tasks.get(call.args["export_id"])
    if task is None or (task.type, task.subject) != (CONTACTS, row.id):
        raise call.missing("Export")
    return task


@routes.route("GET", "/lists/{list_id}/exports/{export_id}")
def get_contacts_export(call: Call) -> Reply:
    return single(_wire(call.account, _export(call)))


@routes.route("DELETE", "/lists/{list_id}/exports/{export_id}")
def delete_contacts_export(call: Call) -> Reply:
    task = _export(call)
    _delete(call, task)
    return done(CONTACTS, "deleted", id=task.id, data=_wire(call.account, task))


@routes.route("GET", "/lists/{list_id}/exports/{export_id}/download")
def download_contacts_export(call: Call) -> Reply:
    return _download(call, _export(call))


@routes.route("GET", "/logs/campaigns/{campaign_id}/exports")
def list_campaign_log_exports(call: Call) -> Reply:
    rows = _of(call, LOG, campaigns.find(call).id)
    return call.collection(rows, lambda task: _wire(call.account, task))


@routes.route("POST", "/logs/campaigns/{campaign_id}/exports")
def campaign_log_export_create(call: Call) -> Reply:
    task = _start(call, LOG, campaigns.find(call).id)
    return created("task", id=task.id, data=_wire(call.account, task))


@routes.route("GET", "/logs/campaigns/{campaign_id}/exports/{campaign_log_export_id}/download")
def campaign_log_export_download(call: Call) -> Reply:
    campaign, task = campaigns.find(call), call.account.tasks.get(call.args["campaign_log_export_id"])
    if task is None or (task.type, task.subject) != (LOG, campaign.id):
        raise call.missing("Export")
    return _download(call, task)


# Tasks: the same exports, of all lists and campaigns together.


def _task_wire(account: Account, task: Task) -> dict[str, JSON]:
    subject = {"list_id": task.subject} if task.type == CONTACTS else {"campaign_id": task.subject}
    return {
        "id": task.id,
        "status": TASK_STATUS.get(task.status, task.status),
        "created_on": int(task.created_on),
        "expires_on": int(task.expires_on),
        "progress": _progress(task),
        "requested_by": _requested_by(account, task),
        "type": task.type,
        "description": task.description,
        "payload": subject
        | {name: task.selection.get(name) for name in ("segment_id", "filter") if task.selection},
    }


@routes.route("GET", "/tasks")
def list_tasks(call: Call) -> Reply:
    wanted = call.filters("type", "status", "list_id", "progress")
    rows = [task for task in call.account.tasks.values() if wanted.get("type", task.type) == task.type]
    if "list_id" in wanted:
        rows = [task for task in rows if (task.type, str(task.subject)) == (CONTACTS, wanted["list_id"])]
    rows = ordered(_filtered(rows, wanted), call.order(*SORTS), attribute)
    return call.collection(rows, lambda task: _task_wire(call.account, task))


def _task(call: Call) -> Task:
    task = call.account.tasks.get(call.args["task_id"])
    if task is None:
        raise call.missing("Task")
    return task


@routes.route("GET", "/tasks/{task_id}")
def get_task(call: Call) -> Reply:
    return single(_task_wire(call.account, _task(call)))


@routes.route("DELETE", "/tasks/{task_id}")
def delete_task(call: Call) -> Reply:
    task = _task(call)
    _delete(call, task)
    return single(_task_wire(call.account, task))

"""Background processes: queued, then in process, then completed with what they leave behind."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.sandbox.brevo.state import JSON, Account, Process
from accounts.sandbox.brevo.wire import Call, not_found
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()


@dataclass(slots=True)
class Context:
    """What work done in the background may use."""

    store: Store
    now: float


Work = Callable[[Account, Process, Context], None]
WORK: dict[str, Work] = {}


def work(name: str) -> Callable[[Work], Work]:
    """Register what a process of this name does when it completes."""

    def add(function: Work) -> Work:
        WORK[name] = function
        return function

    return add


def start(
    call: Call, name: str, kind: str, arguments: dict[str, JSON], notify_url: str | None = None
) -> Process:
    account = call.account
    process = Process(
        account.next_id("process"),
        name,
        kind,
        arguments,
        call.now,
        call.request.base_url,
        notify_url=notify_url or "",
    )
    account.processes[process.id] = process
    account.pending.plan(call.now + account.pace.process / 4, "process_runs", process.id)
    account.pending.plan(call.now + account.pace.process, "process_ends", process.id)
    return process


def run(account: Account, process_id: int, context: Context) -> None:
    account.processes[process_id].status = "in_process"


def end(account: Account, process_id: int, context: Context) -> None:
    process = account.processes[process_id]
    WORK[process.work](account, process, context)
    process.status = "completed"
    if process.notify_url:
        # What this call holds is documented nowhere: a hint to come and read.
        body = {"processId": process.id, "status": process.status}
        context.store.outbox.add(
            "brevo", account.name, process.notify_url, body, due_at=context.now, headers={}
        )


def keep_file(account: Account, process: Process, name: str, text: str) -> str:
    """Keep a CSV for download and return its address. The name is the only key."""
    token = f"{secret(account.name, process.id, name)}-{name}.csv"
    account.files[token] = text
    return f"{process.base_url}/brevo/files/{account.name}/{token}"


def _wire(process: Process) -> dict[str, JSON]:
    wire: dict[str, JSON] = {"id": process.id, "status": process.status, "name": process.name}
    if process.export_url:
        wire["export_url"] = process.export_url
    if process.import_info:
        wire["info"] = {"import": process.import_info}
    return wire


@routes.route("GET", "/processes")
def get_processes(call: Call) -> Reply:
    rows = call.page(10, 50).cut(call.account.processes)
    return Reply(
        200, {"processes": [_wire(process) for process in rows], "count": len(call.account.processes)}
    )


@routes.route("GET", "/processes/{processId}")
def get_process(call: Call) -> Reply:
    process = call.account.processes.get(call.id("processId"))
    if process is None:
        raise not_found("Process does not exist")
    return Reply(200, _wire(process))

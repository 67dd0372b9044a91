"""Workflows and the tree of their actions. They are kept, locked and switched on, but they never run: their reports
stay at nought."""

from typing import Any

from accounts.sandbox.especial.shapes import ADDRESS, JSON, NAME, Shape, Text, Whole, shape
from accounts.sandbox.especial.shapes import SENDER as SENDER_ID
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.statistics import Tally, rate
from accounts.sandbox.especial.wire import Call, created, done, ordered, refuse, single
from accounts.sandbox.especial.workflow_actions import ACTION, BLUEPRINTS, PATCH_ACTION, blueprint_wire, wire
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

LOCK_SECONDS = 300
TRIGGER = Text(choices=("subscribed", "unsubscribed", "manual"))
KEY = shape(key=Text(required=True, pattern=r"^[a-zA-Z0-9-_]{8,}$"))
AUDIENCE = {"list_id": Whole(required=True), "segment_id": Whole()}
FROM_BLUEPRINT = shape(id=NAME, email_settings=shape(sender=Shape(SENDER_ID.fields, required=True)))
FIELDS: dict[str, Any] = {
    "name": Text(), "goal": Text(), "description": Text(), "trigger": TRIGGER, "blueprint": FROM_BLUEPRINT,
}  # fmt: skip
SORTS = ("name", "description", "goal", "status", "created_on", "updated_on", "activated_on")


def _wire(flow: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in flow.items() if name not in ("actions", "lock")}


def _find(call: Call, *, change: bool = False) -> dict[str, Any]:
    """`change`: only whoever holds the lock may, and only while the workflow is switched off."""
    flow = call.account.workflows.get(call.args["workflow_id"])
    if flow is None:
        raise call.missing("Workflow")
    if change:
        _check_lock(call, flow)
        if flow["status"] == "active":
            raise refuse("An active workflow cannot be changed")
    return flow


def _check_lock(call: Call, flow: dict[str, JSON]) -> None:
    lock = flow["lock"]
    if lock and lock["until"] > call.now and call.query("lock_key") != lock["key"]:
        raise refuse("The workflow is locked", "query", "lock_key")


def _check_audience(account: Account, audience: dict[str, int]) -> None:
    segment = account.segments.get(audience.get("segment_id", 0))
    if audience["list_id"] not in account.lists:
        raise refuse("List not found", "body", "audience", "list_id")
    if "segment_id" in audience and (segment is None or segment.list_id != audience["list_id"]):
        raise refuse("Segment not found", "body", "audience", "segment_id")


@routes.route("GET", "/workflows")
def list_workflows(call: Call) -> Reply:
    rows = ordered(call.account.workflows.values(), call.order(*SORTS), lambda flow, term: flow[term])
    return call.collection(rows, _wire)


@routes.route("POST", "/workflows")
def create_workflow(call: Call) -> Reply:
    account, given = call.account, call.body(Shape(FIELDS | {"audience": Shape(AUDIENCE, required=True)}))
    _check_audience(account, given["audience"])
    now, reference = int(call.now), given.pop("blueprint", None)
    flow: dict[str, Any] = {
        "id": account.new_name("workflow"),
        "name": None,
        "description": None,
        "goal": None,
    }
    flow |= {
        "status": "inactive",
        "trigger": "subscribed",
        "created_on": now,
        "updated_on": now,
        "activated_on": None,
    }
    flow |= given | {"actions": {}, "lock": None}
    if reference:
        if reference["id"] not in BLUEPRINTS:
            raise refuse("Blueprint not found", "body", "blueprint", "id")
        for action in BLUEPRINTS[reference["id"]]["actions"].values():
            _add(account, flow, {name: value for name, value in action.items() if name != "parent_id"}, now)
    account.workflows[flow["id"]] = flow
    return created("workflow", id=flow["id"], data=_wire(flow))


@routes.route("GET", "/workflows/{workflow_id}")
def get_workflow(call: Call) -> Reply:
    return single(_wire(_find(call)))


@routes.route("PATCH", "/workflows/{workflow_id}")
def patch_workflow(call: Call) -> Reply:
    flow, given = _find(call, change=True), call.body(Shape(FIELDS | {"audience": Shape(AUDIENCE)}))
    if "audience" in given:
        _check_audience(call.account, given["audience"])
    flow |= {name: value for name, value in given.items() if name != "blueprint"} | {
        "updated_on": int(call.now)
    }
    return done("workflow", "patched", id=flow["id"], data=_wire(flow))


@routes.route("DELETE", "/workflows/{workflow_id}")
def delete_workflow(call: Call) -> Reply:
    flow = _find(call, change=True)
    del call.account.workflows[flow["id"]]
    return done("workflow", "deleted", id=flow["id"], data=_wire(flow))


@routes.route("POST", "/workflows/{workflow_id}/activate")
def activate_workflow(call: Call) -> Reply:
    flow = _find(call, change=True)
    if not flow["actions"]:
        raise refuse("The workflow has no action")
    flow |= {"status": "active", "activated_on": int(call.now)}
    return done("workflow", "activated", id=flow["id"])


@routes.route("POST", "/workflows/{workflow_id}/deactivate")
def deactivate_workflow(call: Call) -> Reply:
    flow = _find(call)
    _check_lock(call, flow)
    if flow["status"] != "active":
        raise refuse("The workflow is not active")
    flow["status"] = "inactive"
    return done("workflow", "deactivated", id=flow["id"])


@routes.route("POST", "/workflows/{workflow_id}/lock")
def lock_workflow(call: Call) -> Reply:
    """With the key it has, the lock is held longer."""
    flow, key = _find(call), call.body(KEY)["key"]
    if flow["lock"] and flow["lock"]["until"] > call.now and flow["lock"]["key"] != key:
        raise refuse("The workflow is locked", "body", "key")
    flow["lock"] = {"key": key, "until": call.now + LOCK_SECONDS}
    return Reply(200, {"object": "workflow", "locked": True, "expires_in": LOCK_SECONDS})


@routes.route("POST", "/workflows/{workflow_id}/unlock")
def unlock_workflow(call: Call) -> Reply:
    flow, key = _find(call), call.body(KEY)["key"]
    if flow["lock"] and flow["lock"]["key"] != key:
        raise refuse("The workflow is locked with another key", "body", "key")
    flow["lock"] = None
    return Reply(200, {"object": "workflow", "locked": False, "expires_in": 0})


# Actions.


def _add(account: Account, flow: dict[str, Any], given: dict[str, JSON], now: int) -> dict[str, Any]:
    action = {"id": account.new_name("action"), "created_on": now, "updated_on": now, "parent_id": None}
    action |= {name: value for name, value in given.items() if name not in action or name == "parent_id"}
    flow["actions"][action["id"]] = action
    return action


def _action(call: Call, *, change: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    flow = _find(call, change=change)
    action = flow["actions"].get(call.args["action_id"])
    if action is None:
        raise call.missing("Action")
    return flow, action


def _check_parent(flow: dict[str, Any], given: dict[str, JSON]) -> None:
    if "parent_id" in given and given["parent_id"] not in flow["actions"]:
        raise refuse("Parent action not found", "body", "parent_id")


@routes.route("GET", "/workflows/{workflow_id}/actions")
def list_actions(call: Call) -> Reply:
    rows = _find(call)["actions"].values()
    rows = ordered(rows, call.order("name", "created_on"), lambda action, term: action[term])
    return call.collection(rows, lambda action: wire(action, whole=False))


@routes.route("POST", "/workflows/{workflow_id}/actions")
def create_action(call: Call) -> Reply:
    flow, given = _find(call, change=True), call.body(ACTION)
    _check_parent(flow, given)
    action = _add(call.account, flow, given, int(call.now))
    return created("action", id=action["id"], data=wire(action))


@routes.route("GET", "/workflows/{workflow_id}/actions/{action_id}")
def get_action(call: Call) -> Reply:
    return single(wire(_action(call)[1]))


@routes.route("PATCH", "/workflows/{workflow_id}/actions/{action_id}")
def patch_action(call: Call) -> Reply:
    (flow, action), given = _action(call, change=True), call.body(PATCH_ACTION)
    _check_parent(flow, given)
    settings = action.get("email_settings", {})
    for name, value in given.pop("email_settings", {}).items():
        settings[name] = settings.get(name, {}) | value
    action |= given | ({"email_settings": settings} if settings else {}) | {"updated_on": int(call.now)}
    return done("action", "patched", id=action["id"], data=wire(action))


@routes.route("DELETE", "/workflows/{workflow_id}/actions/{action_id}")
def delete_action(call: Call) -> Reply:
    """With the actions that hang on it."""
    flow, action = _action(call, change=True)
    gone = {action["id"]}
    while more := {n for n, row in flow["actions"].items() if row["parent_id"] in gone} - gone:
        gone |= more
    flow["actions"] = {number: row for number, row in flow["actions"].items() if number not in gone}
    return done("action", "deleted", id=action["id"], data=wire(action))


@routes.route("GET", "/workflows/{workflow_id}/actions/{action_id}/render")
def render_action(call: Call) -> Reply:
    content = _action(call)[1].get("email_settings", {}).get("content", {})
    html: str = content.get("html") or ""
    return Reply(200, headers={"Content-Type": "text/html; charset=utf-8"}, content=html.encode())


@routes.route("POST", "/workflows/{workflow_id}/actions/{action_id}/send-test")
def send_test_action(call: Call) -> Reply:
    _, action = _action(call)
    given = call.body(shape(email=ADDRESS, type=Text(choices=("merged", "separated"))))
    call.account.mails.append({"to": given["email"].lower(), "of": f"action {action['id']}", "at": call.now})
    return done("action", "sent", id=action["id"])


@routes.route("GET", "/reports/workflows/{workflow_id}/actions/{action_id}")
def get_action_stats(call: Call) -> Reply:
    _action(call)
    return single(Tally().counters() | {"spam_rate": rate(0, 0)})


@routes.route("GET", "/logs/workflows/{workflow_id}/actions/{action_id}")
def get_action_logs(call: Call) -> Reply:
    _action(call)
    terms = (
        "additional_info",
        "link_id",
        "contact_id",
        "email",
        "log_id",
        "track_id",
        "type",
        "group_by_contact",
    )
    call.filters(*terms)
    call.order("time", "log_id")
    call.window()
    return call.collection([], lambda row: row)


# Blueprints need no token.


def _blueprint(call: Call) -> dict[str, Any]:
    found = BLUEPRINTS.get(call.args["blueprint_id"])
    if found is None:
        raise call.missing("Blueprint")
    return found


@routes.route("GET", "/workflow-blueprints")
def list_workflow_blueprints(call: Call) -> Reply:
    order = call.order("name", "description", "goal", "created_on", "updated_on")
    return call.collection(ordered(BLUEPRINTS.values(), order, lambda row, term: row[term]), blueprint_wire)


@routes.route("GET", "/workflow-blueprints/{blueprint_id}")
def get_workflow_blueprint(call: Call) -> Reply:
    return single(blueprint_wire(_blueprint(call)))


@routes.route("GET", "/workflow-blueprints/{blueprint_id}/actions")
def list_workflow_blueprint_actions(call: Call) -> Reply:
    rows = _blueprint(call)["actions"].values()
    rows = ordered(rows, call.order("name", "created_on"), lambda action, term: action[term])
    return call.collection(rows, lambda action: wire(action, whole=False))


@routes.route("GET", "/workflow-blueprints/{blueprint_id}/actions/{action_id}")
def get_workflow_blueprint_action(call: Call) -> Reply:
    action = _blueprint(call)["actions"].get(call.args["action_id"])
    if action is None:
        raise call.missing("Action")
    shown = wire(action)
    return single({name: value for name, value in shown.items() if name != "thumbnail_url"})

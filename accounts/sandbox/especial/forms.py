"""Sign-up forms. They are kept, not served."""

from typing import Any

from accounts.sandbox.especial.shapes import (
    JSON,
    LANGUAGE,
    NAME,
    REDIRECTIONS,
    RENAME,
    Flag,
    Shape,
    Text,
    Whole,
    shape,
)  # fmt: skip
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, created, done, ordered, refuse, single
from accounts.sandbox.especial.words import LANGUAGES
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

CONTENT = shape(embedded=RENAME, linked=RENAME)
CREATE = shape(
    name=NAME, status=Text(choices=("active", "deleted")), content=Shape(CONTENT.fields, required=True),
    redirections=REDIRECTIONS, list_id=Whole(required=True, least=1), double_opt_in=Flag(),
    language=Text(required=True, choices=LANGUAGES),
)  # fmt: skip
PATCH = shape(
    name=RENAME, status=RENAME, content=CONTENT, redirections=REDIRECTIONS, list_id=Whole(least=1), language=LANGUAGE,
    double_opt_in=Flag(),
)  # fmt: skip
SORTS = ("name", "language", "created_on", "last_updated_on", "list_id", "status")


def _wire(form: dict[str, JSON]) -> dict[str, JSON]:
    page = f"https://pages.especial.example/forms/{form['id']}"
    return form | {
        "content": {name: form["content"].get(name) for name in CONTENT.fields},
        "redirections": {name: form["redirections"].get(name) for name in REDIRECTIONS.fields},
        "url": {"linked": page, "embedded": f"{page}/embedded"},
        "thumbnail": None,
        "thumbnail_url": None,
    }


def _check(account: Account, given: dict[str, JSON]) -> None:
    """A form needs a list whose policy is accepted."""
    row = account.lists.get(given["list_id"])
    if row is None:
        raise refuse("List not found", "body", "list_id")
    if not row.policy_accepted:
        raise refuse("The policy of the list must be accepted first", "body", "list_id")


def _find(call: Call) -> dict[str, Any]:
    form = call.account.forms.get(call.args["form_id"])
    if form is None:
        raise call.missing("Form")
    return form


@routes.route("GET", "/forms")
def list_forms(call: Call) -> Reply:
    rows = ordered(call.account.forms.values(), call.order(*SORTS), lambda form, term: form[term])
    return call.collection(rows, _wire)


@routes.route("POST", "/forms")
def create_form(call: Call) -> Reply:
    account, given = call.account, call.body(CREATE)
    _check(account, given)
    form: dict[str, Any] = {"status": "active", "redirections": {}, "double_opt_in": True} | given
    form |= {"id": account.new_name("form"), "created_on": int(call.now), "last_updated_on": int(call.now)}
    account.forms[form["id"]] = form
    return created("form", id=form["id"], data=_wire(form))


@routes.route("GET", "/forms/{form_id}")
def get_form(call: Call) -> Reply:
    return single(_wire(_find(call)))


@routes.route("PATCH", "/forms/{form_id}")
def patch_form(call: Call) -> Reply:
    form, given = _find(call), call.body(PATCH)
    if "list_id" in given:
        _check(call.account, given)
    for name in ("content", "redirections"):
        given[name] = form[name] | given.get(name, {})
    form |= given | {"last_updated_on": int(call.now)}
    return done("form", "updated", id=form["id"], data=_wire(form))


@routes.route("DELETE", "/forms/{form_id}")
def delete_form(call: Call) -> Reply:
    form = _find(call)
    del call.account.forms[form["id"]]
    return done("form", "deleted", id=form["id"])

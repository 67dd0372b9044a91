"""The accounts of a partner's customers: each is an account of its own, reached by `account_id`."""

from typing import Any

from accounts.sandbox.especial import account as accounts
from accounts.sandbox.especial import hooks, senders
from accounts.sandbox.especial.shapes import ADDRESS, JSON, NAME, OBJECT, Flag, Shape, Text, shape
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.users import PERSON, new_code
from accounts.sandbox.especial.wire import Call, created, done, ordered, refuse, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

OWNER = Shape(PERSON | {"password": Text(least=8), "email": ADDRESS}, required=True)
CREATE = shape(
    name=NAME, address=accounts.POSTAL, account_owner=OWNER, fax=Text(least=1), phone=Text(least=1),
    website=Text(uri=True, most=2083), usage_limits=OBJECT, domains=senders.DOMAINS, trial=Flag(), partner=Flag(),
)  # fmt: skip
PATCH = shape(**accounts.PATCH, usage_limits=OBJECT, trial=Flag(), partner=Flag())


def _all(call: Call) -> list[Account]:
    stored: dict[str, Account] = call.store.accounts["especial"]
    return [stored[name] for name in call.account.sub_accounts.values() if name in stored]


def _find(call: Call) -> Account:
    found = next((row for row in _all(call) if str(row.number) == call.args["account_id"]), None)
    if found is None:
        raise call.missing("Account")
    return found


@routes.route("GET", "/accounts")
def list_accounts(call: Call) -> Reply:
    wanted = call.filters("name", "status")
    rows = [
        row
        for row in _all(call)
        if wanted.get("name", accounts.company(row)) == accounts.company(row)
        and wanted.get("status", row.standing) == row.standing
    ]
    order = call.order("name", "created_on")
    rows = ordered(rows, order, lambda row, term: accounts.company(row) if term == "name" else row.opened_on)
    return call.collection(rows, accounts.summary)


@routes.route("POST", "/accounts")
def create_account(call: Call) -> Reply:
    parent, given = call.account, call.body(CREATE)
    if not parent.partner:
        raise refuse("Only partners have sub-accounts")
    owner, name = given["account_owner"], f"{parent.name}.{parent.next_id('account')}"
    account = Account(name, call.now, login=owner["email"].lower(), partner=given.get("partner", False))
    accounts.change(account, given)
    senders.add(account, given["name"], account.login, call.now, confirmed=True)
    if not call.query_flag("skip_verification"):
        account.standing = "pending"
        account.mails.append({"to": account.login, "of": "account", "confirmation": new_code(parent, name)})
    call.store.accounts["especial"][name] = account
    parent.sub_accounts[account.number] = name
    shown = accounts.wire(account, call.now)
    hooks.post(parent, call.store, "Account.Created", shown, call.now)
    more: dict[str, Any] = {"metadata": None, "warnings": []}
    return created("account", id=str(account.number), email=account.login, data=shown, **more)


@routes.route("GET", "/accounts/{account_id}")
def get_account(call: Call) -> Reply:
    return single(accounts.wire(_find(call), call.now))


@routes.route("PATCH", "/accounts/{account_id}")
def patch_account(call: Call) -> Reply:
    account, given = _find(call), call.body(PATCH)
    accounts.change(account, given)
    account.partner = given.get("partner", account.partner)
    return Reply(200, {"data": accounts.wire(account, call.now), "warnings": []})


@routes.route("DELETE", "/accounts/{account_id}")
def delete_account(call: Call) -> Reply:
    account = _find(call)
    del call.account.sub_accounts[account.number], call.store.accounts["especial"][account.name]
    hooks.post(call.account, call.store, "Account.Deleted", {"id": str(account.number)}, call.now)
    return done("account", "deleted", id=str(account.number))


def _turned(account: Account, standing: str, flag: str) -> Reply:
    account.standing = standing
    return done("account", flag, id=str(account.number), data=accounts.summary(account))


@routes.route("POST", "/accounts/{account_id}/suspend")
def suspend_account(call: Call) -> Reply:
    return _turned(_find(call), "suspended_by_partner", "suspended")


@routes.route("POST", "/accounts/{account_id}/unsuspend")
def unsuspend_account(call: Call) -> Reply:
    return _turned(_find(call), "active", "unsuspended")


def _waiting(account: Account) -> JSON:
    return next((mail for mail in reversed(account.mails) if mail["of"] == "account"), None)


@routes.route("POST", "/accounts/{account_id}/confirm")
def confirm_account(call: Call) -> Reply:
    account, given = _find(call), call.body(shape(confirmation=Text(required=True)))
    mail = _waiting(account)
    if mail is None or mail["confirmation"] != given["confirmation"]:
        raise refuse("Invalid confirmation", "body", "confirmation")
    account.standing = "active"
    hooks.post(call.account, call.store, "Account.Confirmed", {"id": str(account.number)}, call.now)
    shown = accounts.wire(account, call.now)
    return done(
        "account", "confirmed", id=str(account.number), email=account.login, data=shown, metadata=None
    )


@routes.route("POST", "/accounts/resend-verification-email")
def resend_account_verification(call: Call) -> Reply:
    """Says yes to any address, as the mails about passwords do."""
    call.body(shape(email=ADDRESS))
    return done("account", "verification_resent")

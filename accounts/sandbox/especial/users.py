"""Users of the account: who may sign in. Only the first one ever does; the others are kept."""

from typing import Any

from accounts.sandbox.especial import hooks
from accounts.sandbox.especial.shapes import ADDRESS, JSON, LANGUAGE, Flag, Text, shape
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, created, done, refuse, single
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

PERSON: dict[str, Any] = {
    "first_name": Text(required=True), "last_name": Text(required=True), "title": Text(), "office_phone": Text(),
    "mobile_phone": Text(pattern="[0-9]+"), "language": LANGUAGE, "timezone": Text(),
}  # fmt: skip
CREATE = shape(**PERSON, password=Text(), email=ADDRESS)
PASSWORD = shape(current=Text(), new=Text(required=True, least=8))
PATCH = shape(**PERSON | {"first_name": Text(), "last_name": Text()}, password=PASSWORD)
DETAILS = ("title", "timezone", "office_phone", "mobile_phone")


def new_code(account: Account, kind: str) -> str:
    """What stands in a mail that asks to confirm. It names the account, for confirming needs no token."""
    return f"{account.name}~{secret(account.name, kind, account.next_id('mail'))}"


def _owner(account: Account) -> dict[str, Any]:
    """The user the account was opened for."""
    number = str(account.number + 1)
    return account.users.setdefault(
        number,
        {
            "id": number,
            "email": account.login,
            "status": "active",
            "created_on": int(account.opened_on),
            "last_activity_on": None,
            "expires_on": None,
            "first_name": "Robin",
            "last_name": "Keller",
            "language": "en_US",
        },
    )


def _all(account: Account) -> list[dict[str, Any]]:
    _owner(account)
    return list(account.users.values())


def _wire(user: dict[str, Any]) -> dict[str, JSON]:
    return dict.fromkeys(DETAILS) | {
        name: value for name, value in user.items() if name not in ("code", "reset")
    }


def _summary(user: dict[str, Any]) -> dict[str, JSON]:
    return {name: value for name, value in _wire(user).items() if name not in (*DETAILS, "language")}


def _find(call: Call) -> dict[str, Any]:
    _owner(call.account)
    user = call.account.users.get(call.args["user_id"])
    if user is None:
        raise call.missing("User")
    return user


@routes.route("GET", "/users/self")
def get_self_user(call: Call) -> Reply:
    return single(_wire(_owner(call.account)))


@routes.route("GET", "/users")
def list_users(call: Call) -> Reply:
    wanted = call.filters("email", "status")
    rows = [user for user in _all(call.account) if all(user[term] == value for term, value in wanted.items())]
    return call.collection(rows, _summary)


def _check_free(account: Account, email: str) -> None:
    if any(user["email"] == email for user in _all(account)):
        raise refuse("This user already exists", "body", "email")


@routes.route("POST", "/users")
def create_user(call: Call) -> Reply:
    account, given = call.account, call.body(CREATE)
    email = given["email"].lower()
    _check_free(account, email)
    user: dict[str, Any] = {name: value for name, value in given.items() if name != "password"}
    user |= {
        "id": str(account.number + 1 + account.next_id("user")),
        "email": email,
        "created_on": int(call.now),
    }
    user |= {"status": "active", "last_activity_on": None, "expires_on": None}
    user.setdefault("language", "en_US")
    if not call.query_flag("skip_verification"):
        user |= {"status": "pending", "code": new_code(account, "user")}
    account.users[user["id"]] = user
    hooks.post(account, call.store, "User.Created", _summary(user), call.now)
    return created("user", id=user["id"], data=_wire(user))


@routes.route("GET", "/users/{user_id}")
def get_user(call: Call) -> Reply:
    return single(_wire(_find(call)))


@routes.route("PATCH", "/users/{user_id}")
def patch_user(call: Call) -> Reply:
    user, given = _find(call), call.body(PATCH)
    user |= {name: value for name, value in given.items() if name != "password"}
    hooks.post(call.account, call.store, "User.Updated", _summary(user), call.now)
    return done("user", "patched", id=user["id"], data=_wire(user))


@routes.route("DELETE", "/users/{user_id}")
def delete_user(call: Call) -> Reply:
    user = _find(call)
    if user["id"] == str(call.account.number + 1):
        raise refuse("The owner of the account cannot be deleted")
    del call.account.users[user["id"]]
    hooks.post(call.account, call.store, "User.Deleted", _summary(user), call.now)
    return done("user", "deleted", id=user["id"])


@routes.route("POST", "/users/{user_id}/suspend")
def suspend_user(call: Call) -> Reply:
    user = _find(call)
    user["status"] = "suspended"
    return done("user", "suspended", id=user["id"], data=_wire(user))


@routes.route("POST", "/users/{user_id}/unsuspend")
def unsuspend_user(call: Call) -> Reply:
    """The answer says `suspended: true` all the same."""
    user = _find(call)
    user["status"] = "active"
    return done("user", "suspended", id=user["id"], data=_wire(user))


@routes.route("POST", "/users/{user_id}/confirm")
def confirm_user(call: Call) -> Reply:
    user = _find(call)
    given = call.body(shape(confirmation=Text(required=True), password=Text(required=True, least=8)))
    if given["confirmation"] != user.get("code"):
        raise refuse("Invalid confirmation", "body", "confirmation")
    user["status"] = "active"
    del user["code"]
    return done("user", "confirmed", id=user["id"], data=_wire(user))


@routes.route("POST", "/users/{user_id}/resend-verification-email")
def resend_user_verification(call: Call) -> Reply:
    user = _find(call)
    if user["status"] != "pending":
        raise refuse("This user is already confirmed")
    user["code"] = new_code(call.account, "user")
    return done("user", "confirmation_resent")


def _reset(account: Account, email: str) -> Reply:
    """Says yes to any address: it tells nobody who has a user here."""
    for user in _all(account):
        if user["email"] == email:
            user["reset"] = new_code(account, "reset")
            account.mails.append({"to": email, "of": "password", "token": user["reset"]})
    return done("user", "reset_link_sent", email=email)


@routes.route("POST", "/users/self/reset-password")
def reset_self_password(call: Call) -> Reply:
    return _reset(call.account, _owner(call.account)["email"])


@routes.route("POST", "/users/{user_id}/reset-password")
def reset_user_password(call: Call) -> Reply:
    user = _find(call)
    call.body(shape(invalidate_current_password=Flag()), optional=True)
    return _reset(call.account, user["email"])


@routes.route("POST", "/users/forgot-my-password")
def forgot_my_password(call: Call) -> Reply:
    return _reset(call.account, call.body(shape(email=ADDRESS))["email"].lower())


@routes.route("POST", "/users/reset-password-confirm")
def reset_password_confirm(call: Call) -> Reply:
    given = call.body(shape(token=Text(required=True), password=Text(required=True)))
    user = next((row for row in _all(call.account) if row.get("reset") == given["token"]), None)
    if user is None:
        raise refuse("Invalid token", "body", "token")
    del user["reset"]
    return done("user", "password_reset")

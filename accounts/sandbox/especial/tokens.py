"""Signing in: tokens that name their account, run out, and are exchanged for new ones.

An access token looks like a JWT and carries the claims of theirs, but its signature is the sandbox's own. A refresh
token is valid once. Whoever shows one a second time has a copy of it, or had it stolen: all tokens that go back to
that sign-in are void from then on.
"""

import base64
import binascii
import json
import re
from typing import Any
from urllib.parse import parse_qs

from accounts.sandbox.especial import hooks
from accounts.sandbox.especial.records import Family
from accounts.sandbox.especial.seed import open_account
from accounts.sandbox.especial.shapes import EMAIL
from accounts.sandbox.especial.state import JSON, Account, account_number
from accounts.sandbox.especial.wire import FOREIGN_ACCOUNT, forbidden, invalid, refuse, unauthorized
from accounts.sandbox.http import Reply, Request
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import secret

ACCESS_SECONDS = 432_000  # five days
REFRESH_SECONDS = 30 * 86400  # no lifetime is published
LEAST_SECONDS = 600

NAME = re.compile(r"sandbox[\w.-]{0,80}")


def name_of(email: str) -> str:
    """The account an address opens: its local part, without what follows a `+`. Empty for any other address."""
    local = email.lower().partition("@")[0].partition("+")[0]
    return local if EMAIL.fullmatch(email) and NAME.fullmatch(local) else ""


def form(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def account_name(request: Request) -> str:
    """By the bearer, else by what a token form holds. Says nothing about whether the token is still good."""
    if claims := _claims(bearer(request)):
        return name_of(claims["email"])
    fields = form(request) if "urlencoded" in request.headers.get("content-type", "") else {}
    if refreshed := _read_refresh(fields.get("refresh_token", "")):
        return refreshed[0]
    return name_of(fields.get("username", ""))


def answer(request: Request, store: Store) -> Reply:
    fields = form(request)
    grant = fields.get("grant_type") or ("refresh_token" if request.method == "PUT" else "password")
    if request.method == "POST" and grant == "password":
        return _sign_in(request, fields, store)
    # Newer releases exchange by POST; this one by PUT. Both are answered.
    if grant == "refresh_token":
        return _refresh(fields, store)
    raise invalid("body", "grant_type", message=f"unexpected value: {grant}", kind="value_error.const")


def _sign_in(request: Request, fields: dict[str, str], store: Store) -> Reply:
    email = fields.get("username", "")
    if not email:
        raise invalid("body", "username", message="field required", kind="value_error.missing")
    if not EMAIL.fullmatch(email):
        raise invalid(
            "body", "username", message="value is not a valid email address", kind="value_error.email"
        )
    wanted = fields.get("expiration_seconds", str(ACCESS_SECONDS))
    if not re.fullmatch("[0-9]{1,9}", wanted):
        raise invalid(
            "body", "expiration_seconds", message="value is not a valid integer", kind="type_error.integer"
        )
    if int(wanted) < LEAST_SECONDS:
        message = f"ensure this value is greater than or equal to {LEAST_SECONDS}"
        raise invalid("body", "expiration_seconds", message=message, kind="value_error.number.not_ge")
    name = name_of(email)
    if name.startswith("sandbox-suspended"):
        raise forbidden("This account is suspended")
    password = fields.get("password", "")
    if not password and name:  # a token of the account stands in for the password
        signed_in = authenticate(request, store)
        name = name if signed_in.name == name else ""
    if not name or password.startswith("wrong"):
        raise unauthorized("Invalid username or password")
    if name.startswith("sandbox-mfa"):
        raise unauthorized("Multi-factor authentication is required")
    account = open_account(name, store, email.lower())
    account_id = _chosen_account(account, fields.get("account_id", ""))
    now = store.now()
    for old in [key for key, family in account.families.items() if family.expires_on < now]:
        del account.families[old]
    account.login = email.lower()
    family = Family(
        account.new_name("family"),
        email.lower(),
        account_id,
        fields.get("scopes") or "user",
        int(wanted),
        now + REFRESH_SECONDS,
    )
    account.families[family.id] = family
    store.touch()
    data = {"email": family.email, "grant_type": "password", "scopes": family.scopes}
    hooks.post(account, store, "User.LoggedIn", data, now)
    return _tokens(account, family, now)


def _chosen_account(account: Account, wanted: str) -> int:
    if not wanted:
        return account.number
    if not wanted.isdigit():
        raise invalid("body", "account_id", message="value is not a valid integer", kind="type_error.integer")
    if int(wanted) != account.number and int(wanted) not in account.sub_accounts:
        raise refuse("Access to this account is denied", "body", "account_id", code=FOREIGN_ACCOUNT)
    return int(wanted)


def _refresh(fields: dict[str, str], store: Store) -> Reply:
    if not fields.get("refresh_token"):
        raise invalid("body", "refresh_token", message="field required", kind="value_error.missing")
    name, family_id, serial = _read_refresh(fields["refresh_token"]) or ("", "", 0)
    account: Account | None = store.accounts.get("especial", {}).get(name)
    family = account.families.get(family_id) if account else None
    now = store.now()
    if account is None or family is None or family.revoked or family.expires_on < now:
        raise unauthorized("Invalid refresh token")
    store.touch()
    if serial != family.serial:
        family.revoked = True
        raise unauthorized("Invalid refresh token")
    family.serial += 1
    family.expires_on = now + REFRESH_SECONDS
    return _tokens(account, family, now)


def _tokens(account: Account, family: Family, now: float) -> Reply:
    claims = {
        "account_id": family.account_id, "accounts": [account.number, *account.sub_accounts], "email": family.email,
        "exp": int(now) + family.seconds, "iat": int(now), "id": account.number + 1, "iss": "urn:cakemail",
        "lineage": str(account.number), "scopes": family.scopes.split(","), "tz": "UTC", "user_key": family.id,
    }  # fmt: skip
    head = {"alg": "RS256", "typ": "JWT"}
    unsigned = ".".join(
        _encode(json.dumps(part).encode()) for part in (head, claims | {"jti": family.serial})
    )
    refresh = f"{account.name}~{family.id}~{family.serial}"
    return Reply(
        200,
        {
            "access_token": f"{unsigned}.{secret('access', unsigned)}",
            "token_type": "bearer",
            "expires_in": family.seconds,
            "refresh_token": _encode(f"{refresh}~{secret('refresh', refresh)}".encode()),
        },
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _claims(token: str) -> dict[str, Any] | None:
    unsigned, _, signature = token.rpartition(".")
    if not unsigned or signature != secret("access", unsigned):
        return None
    claims: dict[str, JSON] = json.loads(_decode(unsigned.partition(".")[2]))
    return claims


def _read_refresh(token: str) -> tuple[str, str, int] | None:
    parts = _decode(token).decode("utf-8", "replace").split("~")
    if len(parts) != 4 or parts[3] != secret("refresh", "~".join(parts[:3])):
        return None
    return parts[0], parts[1], int(parts[2])


def authenticate(request: Request, store: Store) -> Account:
    """The account whose valid access token the request carries. Raises a 401."""
    claims = _claims(bearer(request))
    if claims is None:
        raise unauthorized("Not authenticated" if not bearer(request) else "Invalid token")
    if claims["exp"] <= store.now():
        raise unauthorized("Token has expired")
    name = name_of(claims["email"])
    account = open_account(name, store, claims["email"])
    family = account.families.get(claims["user_key"])
    if family and family.revoked:
        raise unauthorized("Token was revoked")
    account_id = claims["account_id"]
    return account if account_id == account.number else sub_account(account, account_id, store)


def sub_account(account: Account, account_id: int, store: Store) -> Account:
    """Another account this one may act on. Raises the 400 with code 8004 that foreign accounts get, not a 403."""
    name = account.sub_accounts.get(account_id, "")
    found: Account | None = store.accounts["especial"].get(name)
    if found is None or account_number(name) != account_id:
        raise refuse("Access to this account is denied", code=FOREIGN_ACCOUNT)
    return found


def acted_on(account: Account, request: Request, store: Store) -> Account:
    """The account that `account_id` in the query names; without it the token's own."""
    wanted = request.query.get("account_id", [""])[-1]
    if not wanted:
        return account
    if not wanted.lstrip("-").isdigit():
        raise invalid(
            "query", "account_id", message="value is not a valid integer", kind="type_error.integer"
        )
    return account if int(wanted) == account.number else sub_account(account, int(wanted), store)

"""`/oauth/token/`: four grants, with rotation. A refresh gives both tokens anew; an old refresh token ends them all."""

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from secrets import token_hex
from urllib.parse import parse_qs, unquote

from accounts.sandbox.http import Refusal, Reply, Request
from accounts.sandbox.mailmojo import seed
from accounts.sandbox.mailmojo.state import Account
from accounts.sandbox.mailmojo.tokens import (
    ACCOUNT,
    CLIENT,
    CODE,
    REFRESH,
    USER,
    Token,
    digest,
    issue,
    read,
    read_scopes,
)
from accounts.sandbox.store import Store

PARTNER, SECRET = "sandbox", "sandbox"
REVOKED = -1
# With a new pair the access token before it ends at once. Not stated; the stricter reading.
REFRESH_ENDS_OLD_ACCESS = True
NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# An account's own client acts on that account alone, and makes no others.
PARTNERS_ALONE = {"account_creation", "account_creation.trial_30"}


def failure(error: str, description: str, status: int = 400) -> Refusal:
    refusal = Refusal(status, {"error": error, "error_description": description})
    refusal.reply.headers |= NOT_STORED
    if status == 401:
        refusal.reply.headers["WWW-Authenticate"] = 'Basic realm="oauth"'
    return refusal


def form_of(request: Request) -> dict[str, str]:
    fields = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def client_of(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Id and secret, by HTTP Basic or else in the body."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(name), unquote(password)


def account_name(request: Request) -> str:
    """Whose tokens a call to the token endpoint is about."""
    form = form_of(request)
    if form.get("grant_type") == "password":
        return form.get("username", "")
    token = read(form.get("code") or form.get("refresh_token") or "")
    if token:
        return token.account
    name = client_of(request, form)[0]
    return name if ACCOUNT.fullmatch(name) else ""


def answer(request: Request, store: Store) -> Reply:
    if request.method != "POST":
        return Reply(405, headers={"Allow": "POST"})
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise failure("invalid_request", "The body must be application/x-www-form-urlencoded")
    form = form_of(request)
    client, password = client_of(request, form)
    if not ACCOUNT.fullmatch(client) or password != SECRET:
        raise failure("invalid_client", "Client authentication failed", 401)
    grant = GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        raise failure("unsupported_grant_type", "Unknown or missing grant_type")
    if client != PARTNER and grant is not client_credentials:
        raise failure("unauthorized_client", "This client may use client_credentials only")
    store.touch()
    tokens = grant(form, client, store)
    access = tokens[0]
    body = {
        "token_type": "Bearer",
        "access_token": str(access),
        "scope": access.scope,
        "expires_in": access.expires - int(store.now()),
    }
    if len(tokens) > 1:
        body["refresh_token"] = str(tokens[1])
    return Reply(200, body, headers=dict(NOT_STORED))


def _required(form: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not form.get(name):
            raise failure("invalid_request", f"{name} is missing")


def _scopes(form: Mapping[str, str], within: frozenset[str] | None = None) -> frozenset[str]:
    scopes = read_scopes(form["scope"])
    if scopes is None or (within is not None and not scopes <= within):
        raise failure("invalid_scope", "The scope is unknown or was not granted")
    return scopes


def _pair(account: Account, client: str, scopes: frozenset[str], family: str, now: float) -> list[Token]:
    """The next access and refresh token of a family."""
    account.families[family] = serial = account.families.get(family, 0) + 1
    return [issue(kind, account.name, client, scopes, family, serial, now) for kind in (USER, REFRESH)]


def revoke(account: Account, family: str = "") -> None:
    """End all tokens of this family, or of every one."""
    for known in [family] if family else list(account.families):
        account.families[known] = REVOKED


def authorization_code(form: Mapping[str, str], client: str, store: Store) -> list[Token]:
    """A code is good once. Offered again it also ends what it brought the first time (RFC 6749, 4.1.2)."""
    _required(form, "code", "redirect_uri", "scope")
    code = read(form["code"])
    if code is None or code.kind != CODE or code.client != client or code.expires <= store.now():
        raise failure("invalid_grant", "The code is unknown or has expired")
    account = seed.open_account(code.account, store)
    if code.family in account.families:
        revoke(account, code.family)
        raise failure("invalid_grant", "The code has been used")
    redirect, _, challenge = code.bound_to.partition(".")
    if redirect != digest(form["redirect_uri"]):
        raise failure("invalid_grant", "redirect_uri is not the one of the authorization")
    if challenge and challenge != digest(s256(form.get("code_verifier", ""))):
        raise failure("invalid_grant", "code_verifier does not fit")
    return _pair(account, client, _scopes(form, code.scopes), code.family, store.now())


def s256(verifier: str) -> str:
    """The PKCE challenge of a verifier."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def client_credentials(form: Mapping[str, str], client: str, store: Store) -> list[Token]:
    """No refresh token. The partner's own account is named like its client, and so is an account's."""
    _required(form, "scope")
    scopes = _scopes(form)
    if client != PARTNER and scopes & PARTNERS_ALONE:
        raise failure("invalid_scope", "This client may not create accounts")
    return [issue(CLIENT, client, client, scopes, token_hex(6), 0, store.now())]


def password(form: Mapping[str, str], client: str, store: Store) -> list[Token]:
    """The name of a managed account, and as its password the partner's own client token."""
    _required(form, "username", "password", "scope")
    name, token = form["username"], read(form["password"])
    if token is None or token.kind != CLIENT or token.client != client or token.expires <= store.now():
        raise failure("invalid_grant", "The password must be a valid client token")
    if not ACCOUNT.fullmatch(name) and name not in store.accounts.get("mailmojo", {}):
        raise failure("invalid_grant", "No such account")
    return _pair(seed.open_account(name, store), client, _scopes(form), token_hex(6), store.now())


def refresh_token(form: Mapping[str, str], client: str, store: Store) -> list[Token]:
    _required(form, "refresh_token")
    token = read(form["refresh_token"])
    if token is None or token.kind != REFRESH or token.client != client or token.expires <= store.now():
        raise failure("invalid_grant", "The refresh token is unknown")
    account = seed.open_account(token.account, store)
    if account.families.setdefault(token.family, token.serial) != token.serial:
        revoke(account, token.family)
        raise failure("invalid_grant", "The refresh token has been used or revoked")
    scopes = _scopes(form, token.scopes) if form.get("scope") else token.scopes
    return _pair(account, client, scopes, token.family, store.now())


GRANTS = {
    "authorization_code": authorization_code,
    "client_credentials": client_credentials,
    "password": password,
    "refresh_token": refresh_token,
}


def authenticate(request: Request, store: Store) -> Token:
    """The token of an API call. No token or a client's that ended: 401; any other that is not good: 403. Neither says why."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise _unauthorized()
    token = read(text.strip())
    if token is None or token.kind not in (USER, CLIENT):
        raise Refusal(403, None)
    if token.expires <= store.now():
        raise _unauthorized() if token.kind == CLIENT else Refusal(403, None)
    account: Account | None = store.accounts.get("mailmojo", {}).get(token.account)
    if account is None and not ACCOUNT.fullmatch(token.account):
        raise Refusal(403, None)
    current = account.families.get(token.family) if account else None
    if current == REVOKED or (current not in (None, token.serial) and REFRESH_ENDS_OLD_ACCESS):
        raise Refusal(403, None)
    return token


def _unauthorized() -> Refusal:
    refusal = Refusal(401, None)
    refusal.reply.headers["WWW-Authenticate"] = "Bearer"
    return refusal

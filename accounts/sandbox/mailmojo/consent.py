"""`/oauth/authorize/`: the page on which a person lets a client into an account. Here they also say which account."""

from html import escape
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from accounts.sandbox.http import Reply, Request
from accounts.sandbox.mailmojo.oauth import PARTNER, form_of, s256
from accounts.sandbox.mailmojo.tokens import ACCOUNT, CODE, digest, issue, read_scopes
from accounts.sandbox.store import Store

CLIENT_NAMES = {PARTNER: "Campanile"}
SUGGESTED = "sandbox-demo"
# What a person reads for each scope.
MEANINGS = {
    "account": "Manage the account", "account_creation": "Create accounts",
    "account_creation.trial_30": "Create accounts with a 30-day trial", "account_settings": "Manage account settings",
    "automations": "Manage automations", "automations:read": "Read automations",
    "contacts": "Manage contacts on all lists", "contacts:read": "Read contacts on all lists",
    "embed": "Embed the application", "events": "Track form and page events", "forms": "Manage forms",
    "forms:read": "Read forms", "lists": "Manage lists, not their subscribers", "lists:read": "Read lists, not their subscribers",
    "newsletters": "Manage newsletters", "newsletters:read": "Read newsletters", "pages": "Manage landing pages",
    "pages:read": "Read landing pages", "subscribe": "Add subscribers to lists", "templates": "Manage templates",
    "templates:read": "Read templates", "webhooks": "Manage webhooks",
}  # fmt: skip
ASKED = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


class Refused(NamedTuple):
    error: str
    description: str


def account_name(request: Request) -> str:
    return form_of(request).get("account", "") if request.method == "POST" else ""


def answer(request: Request, store: Store) -> Reply:
    """GET shows the page, POST takes the answer back to the client. A client we do not know is sent nowhere."""
    if request.method not in ("GET", "POST"):
        return Reply(405, headers={"Allow": "GET, POST"})
    given = {name: values[0] for name, values in request.query.items()}
    if request.method == "POST":
        given |= form_of(request)
    asked = {name: given[name] for name in ASKED if name in given}
    if asked.get("client_id") not in CLIENT_NAMES:
        return _page(400, "<h1>Unknown client</h1><p>No client of this id is registered here.</p>")
    if not _is_address(asked.get("redirect_uri", "")):
        return _page(400, "<h1>Where to?</h1><p>The client gave no usable <code>redirect_uri</code>.</p>")
    if refused := _refusal(asked):
        return _back(asked, error=refused.error, error_description=refused.description)
    if request.method == "GET":
        return _page(200, _form(asked, given.get("account", SUGGESTED), ""))
    if given.get("decision") != "allow":
        return _back(asked, error="access_denied")
    name = given.get("account", "").strip()
    if not ACCOUNT.fullmatch(name):
        return _page(400, _form(asked, name, "The name of an account here begins with “sandbox”."))
    return _back(asked, code=_code(asked, name, store.now()))


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment


def _refusal(asked: dict[str, str]) -> Refused | None:
    if not asked.get("state"):
        return Refused("invalid_request", "state is missing")
    if asked.get("response_type") != "code":
        return Refused("unsupported_response_type", "response_type must be code")
    if read_scopes(asked.get("scope", "")) is None:
        return Refused("invalid_scope", "The scope is missing or unknown")
    if asked.get("code_challenge_method", "plain") not in ("plain", "S256"):
        return Refused("invalid_request", "code_challenge_method must be S256 or plain")
    return None


def _code(asked: dict[str, str], account: str, now: float) -> str:
    scopes = read_scopes(asked["scope"]) or frozenset()
    code = issue(CODE, account, asked["client_id"], scopes, token_hex(6), 0, now)
    bound_to = digest(asked["redirect_uri"])
    if challenge := asked.get("code_challenge"):
        plain = asked.get("code_challenge_method", "plain") == "plain"
        bound_to += "." + digest(s256(challenge) if plain else challenge)
    return str(code._replace(bound_to=bound_to))


def _back(asked: dict[str, str], **answer: str) -> Reply:
    given = answer | ({"state": asked["state"]} if asked.get("state") else {})
    url = asked["redirect_uri"]
    joint = "&" if urlsplit(url).query else "?"
    return Reply(302, headers={"Location": f"{url}{joint}{urlencode(given)}", "Cache-Control": "no-store"})


def _form(asked: dict[str, str], account: str, error: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in asked.items()
    )
    scopes = "".join(
        f"<li>{escape(MEANINGS[scope])} <code>{escape(scope)}</code></li>"
        for scope in MEANINGS
        if scope in asked["scope"].split()
    )
    client = escape(CLIENT_NAMES[asked["client_id"]])
    host = escape(urlsplit(asked["redirect_uri"]).netloc)
    complaint = f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else ""
    described = ' aria-invalid="true" aria-describedby="error"' if error else ""
    return (
        f"<h1>{client} asks for access to your Mailmojo account</h1>"
        f"<p>Client <code>{escape(asked['client_id'])}</code>, which takes you back to <strong>{host}</strong>, would be able to:</p>"
        f"<ul>{scopes}</ul>"
        f'<form method="post" action="">{hidden}'
        f'<label for="account">Account</label>{complaint}'
        f'<input id="account" name="account" value="{escape(account)}" required autocomplete="off" spellcheck="false"{described}>'
        '<p class="note">Any name that begins with “sandbox” opens an account of its own. There is no password.</p>'
        '<div class="buttons"><button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny" formnovalidate class="quiet">Deny</button></div></form>'
    )


STYLE = """
:root { color-scheme: light dark; --ground: #f6f4ef; --paper: #fff; --ink: #24231f; --quiet: #5f5c53; --line: #d9d5ca;
  --accent: #1f5f4a; --on-accent: #fff; --error: #9c2a1b; }
@media (prefers-color-scheme: dark) { :root { --ground: #191917; --paper: #222220; --ink: #eceae3; --quiet: #a9a598;
  --line: #3d3c37; --accent: #7cc0a5; --on-accent: #12211b; --error: #f0917f; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 480px; padding: 32px; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; }
h1 { margin: 0 0 16px; font-size: 20px; line-height: 1.3; }
.mark { margin: 0 0 24px; color: var(--quiet); font-size: 13px; }
ul { margin: 0 0 24px; padding-left: 20px; }
code { color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; }
input { width: 100%; margin: 4px 0; padding: 8px 12px; border: 1px solid var(--quiet); border-radius: 4px;
  background: var(--ground); color: inherit; font: inherit; }
.note { margin: 0 0 24px; color: var(--quiet); font-size: 13px; }
.error { margin: 4px 0; color: var(--error); }
.buttons { display: flex; gap: 8px; }
button { padding: 10px 24px; border: 1px solid var(--accent); border-radius: 4px; background: var(--accent);
  color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
.quiet { background: transparent; color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""


def _page(status: int, inside: str) -> Reply:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><title>Mailmojo (sandbox)</title>'
        f"<style>{STYLE}</style></head><body><main>"
        f'<p class="mark">Mailmojo, as the sandbox plays it</p>{inside}</main></body></html>'
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
    }
    return Reply(status, headers=headers, content=html.encode())

"""The account itself, accounts a partner makes, and sending domains."""

import re

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo import seed
from accounts.sandbox.mailmojo.state import JSON, Account, Domain
from accounts.sandbox.mailmojo.tokens import CLIENT
from accounts.sandbox.mailmojo.wire import Call, Guarded, not_found, stamp

routes = Guarded()

USERNAME = re.compile(r"[A-Za-z0-9-]{4,32}")
PROFILE = ("name", "contact_name", "address", "zip_code", "city")
TRIAL = "account_creation.trial_30"
DAY = 86400


def wire(account: Account) -> dict[str, JSON]:
    shown: dict[str, JSON] = {
        "username": account.name,
        "name": account.profile.get("name") or company(account),
        "contact_email": account.profile.get("contact_email") or f"owner@{account.name}.example",
        **{name: account.profile.get(name, "") for name in PROFILE if name != "name"},
        "created": stamp(account.opened_at),
        "num_contacts": account.active_contacts,
    }
    if account.partner:
        shown["partner"] = account.partner
    if account.trial_days:
        shown["trial_expires"] = stamp(account.opened_at + account.trial_days * DAY)[:10]
    if account.profile.get("logo_url"):
        shown["logo_url"] = account.profile["logo_url"]
    return shown


def company(account: Account) -> str:
    """`sandbox-acme` is the company Acme."""
    plain = account.name.removeprefix("sandbox").strip("-_").replace("-", " ").title()
    return account.company or plain or "Sandbox"


def _find(call: Call) -> Account:
    """`me` and one's own name; with a client token also the accounts this client made."""
    name = call.args["username"]
    if name in ("me", call.account.name):
        return call.account
    other: Account | None = call.store.accounts["mailmojo"].get(name)
    if other is None or call.token.kind != CLIENT or other.partner != call.token.client:
        raise not_found()
    return other


@routes.on("POST", "/accounts/", "account_creation", TRIAL)
@routes.on("POST", "/account/", "account_creation", TRIAL)
def create_account(call: Call) -> Reply:
    """By either path, for reference and guide differ. Whoever may make trial accounts only makes trial accounts."""
    fields = call.fields("username", "name", "email")
    username, email, logo_url = fields.text("username"), fields.email(), fields.url("logo_url")
    trial_days = fields.number("trial_days") or 0
    if username and not USERNAME.fullmatch(username):
        fields.wrong("username", "Must be 4 to 32 letters, digits and hyphens.")
    if username in call.store.accounts["mailmojo"]:
        fields.wrong("username", "This username is taken.")
    profile = {"name": fields.text("name"), "contact_email": email, "logo_url": logo_url}
    fields.check()
    account = seed.open_account(username, call.store)
    account.profile |= profile
    account.partner = call.token.client
    account.trial_days = trial_days if "account_creation" in call.token.scopes else 30
    return Reply(201, wire(account))


@routes.on("GET", "/accounts/{username}/", "account")
def get_account_by_username(call: Call) -> Reply:
    return Reply(200, wire(_find(call)))


@routes.on("POST", "/accounts/{username}/", "account")
@routes.on("PATCH", "/accounts/{username}/", "account")
def update_account(call: Call) -> Reply:
    """By either method, for reference and guide differ."""
    account, fields = _find(call), call.fields()
    values = {name: fields.text(name) for name in PROFILE if fields.has(name)}
    if fields.has("contact_email"):
        values["contact_email"] = fields.email("contact_email")
    for name in ("name", "contact_email"):
        if name in values and not values[name]:
            fields.wrong(name, "This field may not be empty.")
    fields.check()
    account.profile |= values
    return Reply(200, wire(account))


def domain_wire(domain: Domain) -> dict[str, JSON]:
    """What `type` and `spf_status` may hold is not stated."""
    return {
        "id": domain.id,
        "domain": domain.name,
        "type": "sender",
        "created_at": stamp(domain.created),
        "is_confirmed": True,
        "is_authenticated": domain.authenticated,
        "is_dns_verified": domain.authenticated,
        "is_dmarc_passed": domain.authenticated,
        "is_free_domain": False,
        "spf_status": "pass" if domain.authenticated else "none",
    }


@routes.on("GET", "/domains/", "account_settings")
def get_domains(call: Call) -> Reply:
    return Reply(200, [domain_wire(domain) for domain in call.account.domains.values()])


@routes.on("GET", "/domains/{domain_id}/", "account_settings")
def get_domain(call: Call) -> Reply:
    domain = call.account.domains.get(call.id("domain_id"))
    if domain is None:
        raise not_found()
    return Reply(200, domain_wire(domain))

"""The account itself, and the accounts of a partner's customers."""

from typing import Any

from accounts.sandbox.especial import hooks
from accounts.sandbox.especial.senders import DOMAINS, change_domains
from accounts.sandbox.especial.shapes import JSON, Text, Whole, shape
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

LINE = Text(required=True, least=1)
POSTAL = shape(address1=LINE, address2=Text(), city=LINE, country=LINE, province=LINE, postal_code=LINE)
FREED = Text(empties=True)  # can be emptied with null, although no schema says so
PATCH: dict[str, Any] = {
    "address": POSTAL, "name": Text(), "account_owner": shape(user_id=Whole(required=True, least=1)), "fax": FREED,
    "phone": FREED, "domains": DOMAINS, "website": Text(uri=True, most=2083, empties=True),
}  # fmt: skip
LIMITS: dict[str, JSON] = {
    "starts_on": 0, "per_campaign": 250_000, "per_month": 500_000, "maximum_contacts": 250_000, "lists": -1, "users": -1,
    "campaign_blueprints": -1, "automation_conditions": -1,
}  # fmt: skip
FEATURES = (
    "use_campaign_blueprints", "use_ab_split", "use_automation_conditions", "use_automation_customwebhooks",
    "use_html_editor", "use_contact_export", "use_custom_merge_tags", "use_list_redirection",
    "use_behavioral_segmentation", "use_smart_email_resource", "use_smart_blueprint", "use_brand",
    "use_tags_in_automation", "use_tags", "insert_reseller_logo",
)  # fmt: skip


def company(account: Account) -> str:
    """`sandbox-acme` is the company Acme."""
    plain = account.name.removeprefix("sandbox").strip("-_.").replace("-", " ").title()
    return account.company or plain or "Sandbox"


def summary(account: Account) -> dict[str, JSON]:
    return {
        "id": str(account.number),
        "lineage": str(account.number),
        "status": account.standing,
        "partner": account.partner,
        "name": company(account),
        "account_owner": {"user_id": str(account.number + 1)},
        "usage_limits": LIMITS | dict.fromkeys(FEATURES, True),
        "created_on": int(account.opened_on),
        "expires_on": None,
    }


def wire(account: Account, now: float) -> dict[str, JSON]:
    shown = {name: value for name, value in summary(account).items() if name != "expires_on"}
    address = account.profile.get("address") or {}
    return shown | {
        "address": {name: address.get(name) for name in POSTAL.fields},
        "fax": account.profile.get("fax"),
        "phone": account.profile.get("phone"),
        "website": account.profile.get("website"),
        "logo": "",
        "last_activity_on": int(now),
        "overrides": {"bypass_recaptcha": False, "inject_address": True, "inject_unsubscribe_link": True},
    }


def change(account: Account, given: dict[str, JSON]) -> None:
    account.company = given.get("name", account.company)
    account.profile |= {name: given[name] for name in ("address", "fax", "phone", "website") if name in given}
    change_domains(account, given.get("domains", {}))


@routes.route("GET", "/accounts/self")
def get_self_account(call: Call) -> Reply:
    return single(wire(call.account, call.now))


@routes.route("PATCH", "/accounts/self")
def patch_self_account(call: Call) -> Reply:
    change(call.account, call.body(shape(**PATCH)))
    shown = wire(call.account, call.now)
    hooks.post(call.account, call.store, "Account.Updated", shown, call.now)
    return Reply(200, {"data": shown, "warnings": []})

"""The account itself: who it belongs to, its plan and credits."""

from accounts.sandbox.brevo.state import Account
from accounts.sandbox.brevo.wire import Call, stamp
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()


@routes.route("GET", "/account")
def get_account(call: Call) -> Reply:
    account = call.account
    return Reply(
        200,
        {
            "email": account.owner_email,
            "firstName": "Robin",
            "lastName": "Keller",
            "companyName": company(account),
            "address": {
                "street": "Hafenstrasse 12",
                "city": "Basel",
                "zipCode": "4057",
                "country": "Switzerland",
            },
            "plan": [
                {
                    "type": "subscription",
                    "credits": account.credits,
                    "creditsType": "sendLimit",
                    "startDate": stamp(account.opened_at - 86400 * 20),
                    "endDate": stamp(account.opened_at + 86400 * 345),
                },
                {"type": "sms", "credits": 0, "creditsType": "sendLimit"},
            ],
            "relay": {
                "enabled": True,
                "data": {"userName": account.owner_email, "relay": "smtp-relay.brevo.com", "port": 587},
            },
            "marketingAutomation": {"enabled": True, "key": secret("tracker", account.name)},
        },
    )


def company(account: Account) -> str:
    """`sandbox-acme` is the company Acme."""
    return (
        account.company
        or account.name.removeprefix("sandbox").strip("-_").replace("-", " ").title()
        or "Sandbox"
    )

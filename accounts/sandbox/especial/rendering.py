"""What a reader of a campaign would get, and sending it to one address as a test."""

import re
from html import escape
from typing import Any

from accounts.sandbox.especial.campaigns import find, next_step, share_key
from accounts.sandbox.especial.records import Campaign
from accounts.sandbox.especial.shapes import ADDRESS, Text, shape
from accounts.sandbox.especial.state import Account, Contact
from accounts.sandbox.especial.wire import Call, refuse, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

TEST = shape(email=ADDRESS, type=Text(choices=("merged", "separated")))
MERGE_TAG = re.compile(r"\[([A-Za-z][\w.\-]*)\]")


def render(account: Account, campaign: Campaign, contact: Contact | None) -> dict[str, str | None]:
    """Both parts, with address and unsubscribe link put in where they are missing, and for a contact their values."""
    html, text = campaign.content.get("html"), campaign.content.get("text")
    leave = f"https://pages.especial.example/leave/{share_key(account, campaign)}"
    if html:
        if "[UNSUBSCRIBE]" not in html and "[GLOBAL_UNSUBSCRIBE]" not in html:
            html = _before_end(html, '<p><a href="[UNSUBSCRIBE]">Unsubscribe</a></p>')
        if "[CLIENTS.ADDRESS]" not in html:
            html = _before_end(html, "<p>[CLIENTS.ADDRESS]</p>")
    values = {
        "unsubscribe": leave,
        "global_unsubscribe": f"{leave}/all",
        "showemail": f"https://pages.especial.example/view/{share_key(account, campaign)}",
        "clients.address": postal_address(account),
    }
    row = account.lists.get(campaign.audience.get("list_id", 0))
    if contact and row:
        values |= {name.lower(): row.value(contact, name) for name in row.attributes} | {
            "email": contact.email
        }

    def fill(part: str | None, quoted: Any) -> str | None:
        return part and MERGE_TAG.sub(lambda m: quoted(values.get(m.group(1).lower(), m.group())), part)

    return {"html": fill(html, escape), "text": fill(text, str)}


def _before_end(html: str, addition: str) -> str:
    at = html.lower().rfind("</body>")
    return html + addition if at < 0 else html[:at] + addition + html[at:]


def postal_address(account: Account) -> str:
    address = account.profile.get("address") or {
        "address1": "Hafenstrasse 12",
        "city": "Basel",
        "country": "Switzerland",
    }
    parts = (address.get(name) for name in ("address1", "address2", "postal_code", "city", "country"))
    return ", ".join(part for part in parts if part)


@routes.route("GET", "/campaigns/{campaign_id}/render")
def render_campaign(call: Call) -> Reply:
    campaign, number = find(call), call.query_number("contact_id", least=1)
    row = call.account.lists.get(campaign.audience.get("list_id", 0))
    contact = row.contacts.get(number) if row and number else None
    if number is not None and contact is None:
        raise call.missing("Contact")
    return single(render(call.account, campaign, contact))


@routes.route("POST", "/campaigns/{campaign_id}/send-test")
def send_test_email(call: Call) -> Reply:
    """To one address, whoever that is. `separated` sends the two parts as two mails."""
    campaign, given = find(call), call.body(TEST)
    if next_step(campaign) in ("sender", "subject", "content"):
        raise refuse(f"The campaign is missing its {next_step(campaign)}")
    kind = given.get("type", "merged")
    mail = {"to": given["email"].lower(), "of": f"campaign {campaign.id}", "type": kind, "at": call.now}
    call.account.mails.append(mail)
    return Reply(200, {"email": given["email"], "type": kind, "object": "test_email", "sent": True})

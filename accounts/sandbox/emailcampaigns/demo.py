"""What `sandbox-demo` holds: the events branch of an outdoor shop, which invites to talks, fairs and evenings."""

from html import escape
from typing import Any

from accounts.sandbox.people import demo_person

PEOPLE = (*range(400, 600), *range(2400, 2800))  # the first third is known to the shop's other branches
TICKETS = ("day", "weekend", "patron")
TEAM = ("admin", "approver", "editor", "viewer")
SITE = "https://events.fernweh.example"


def invitation(headline: str, text: str, path: str) -> str:
    """No merge tags and no unsubscribe link: the provider documents neither."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(headline)}</title></head>"
        '<body style="margin:0;background:#eef1f4;font-family:Verdana,sans-serif;color:#22303c">'
        '<table role="presentation" width="100%"><tr><td align="center">'
        '<table role="presentation" width="600" style="background:#ffffff"><tr><td style="padding:32px">'
        f'<h1 style="font-size:24px">{escape(headline)}</h1><p>Hello,</p><p>{escape(text)}</p>'
        f'<p><a href="{SITE}{path}" style="color:#1c5d8c;font-weight:bold">See the programme</a></p>'
        '<p style="font-size:12px;color:#5d6b78">Fernweh Events, Hafenstrasse 12, 4057 Basel, Switzerland. '
        'You would rather not hear from us? <a href="mailto:leave@events.fernweh.example">Write to us</a>.</p>'
        "</td></tr></table></td></tr></table></body></html>"
    )


def wanted(now: float) -> dict[str, Any]:
    """The seed, in the words of `seed.fill`. The same on every day but for the dates."""
    tomorrow_noon = 86400 - now % 86400 + 12 * 3600
    afternoon = (now % 86400 - 15 * 3600) / 86400  # days since three o'clock
    return {
        "senders": [
            {"name": "Fernweh Events", "email": "hello@events.fernweh.example"},
            {"name": "Fernweh Box Office", "email": "tickets@events.fernweh.example"},
        ],
        "lists": ["Guests", "Speakers and partners", "Volunteers", "Test readers"],
        "contacts": [_contact(n) for n in PEOPLE] + [_colleague(name) for name in TEAM],
        "suppressed": ["postmaster@firm.example", "info@inbox.example"],
        "messages": [
            {
                "subject": "Doors open at seven",
                "html": invitation("Doors open at seven", "All you need to know for tonight.", "/tonight"),
            }
        ],
        "campaigns": [
            _campaign("Spring programme", "Twelve evenings under way", 0, "sent", daysAgo=150 + afternoon),
            _campaign("Volunteers wanted", "Lend us a hand in June", 2, "sent", daysAgo=96 + afternoon),
            _campaign("Autumn fair", "The fair is back", 0, "sent", daysAgo=6 + afternoon),
            _campaign(
                "Winter lights", "Lanterns along the river", 0, "scheduled", inSeconds=tomorrow_noon + 172800
            ),
            _campaign("Partner breakfast", "Coffee and plans", 1, "paused", inSeconds=tomorrow_noon + 345600),
            _campaign(
                "Open-air gala", "A night with no roof", 0, "cancelled", inSeconds=tomorrow_noon + 518400
            ),
        ],
    }


def _campaign(name: str, subject: str, group: int, status: str, **when: float) -> dict[str, Any]:
    html = invitation(subject, "We would be glad to see you there.", f"/{name.lower().replace(' ', '-')}")
    return {"name": name, "subject": subject, "html": html, "lists": [group], "status": status} | when


def _contact(number: int) -> dict[str, Any]:
    """Nobody is in no group at all. About one in eight values is missing."""
    who, luck = demo_person(number)
    fields = {
        "language": who.language,
        "city": who.city,
        "ticket": luck.choices(TICKETS, (60, 30, 10))[0],
    }
    lists = [k for k, share in enumerate((0.8, 0.12, 0.2)) if luck.random() < share] or [0]
    return {
        "email": who.email,
        "fields": {"first_name": who.first, "last_name": who.last}
        | {name: value for name, value in fields.items() if luck.random() > 0.12},
        "lists": lists,
        "left": lists[1:] if luck.random() < 0.03 else [],
        "blocked": luck.random() < 0.025,
    }


def _colleague(name: str) -> dict[str, Any]:
    return {"email": f"{name}@demo.test", "fields": {"first_name": name.title()}, "lists": [3]}

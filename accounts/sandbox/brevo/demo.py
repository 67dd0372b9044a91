"""What `sandbox-demo` holds: a small outdoor shop that has been writing to its customers for a year."""

from html import escape
from typing import Any

from accounts.sandbox.brevo.wire import stamp
from accounts.sandbox.people import demo_person

PEOPLE = 1200
PLANS = {1: "Free", 2: "Member", 3: "Patron"}
LISTS: list[dict[str, Any]] = [
    {"name": "Newsletter", "folder": "Customers"},
    {"name": "Club members", "folder": "Customers"},
    {"name": "Tour guests", "folder": "Customers"},
    {"name": "Retail partners", "folder": "Your first folder"},
    {"name": "Test readers", "folder": "Your first folder", "test": True},
]
TEAM = ("admin", "approver", "editor", "viewer")
SHOP = "https://fernweh.example"


def newsletter(
    headline: str, *, links: tuple[tuple[str, str], ...] = (("Read the story", f"{SHOP}/stories/first-snow"),)
) -> str:
    items = "".join(
        f'<p><a href="{escape(url)}" style="color:#1f5f4a;font-weight:bold">{escape(text)}</a></p>'
        for text, url in links
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(headline)}</title></head>"
        '<body style="margin:0;background:#f4f1ea;font-family:Georgia,serif;color:#2b2b28">'
        '<table role="presentation" width="100%"><tr><td align="center">'
        '<table role="presentation" width="600" style="background:#ffffff"><tr><td style="padding:32px">'
        '<p style="font-size:12px"><a href="{{ mirror }}">View in your browser</a></p>'
        f'<h1 style="font-size:26px">{escape(headline)}</h1>'
        '<p>Hello {{ contact.FIRSTNAME | default : "friend" }},</p>'
        "<p>the days are getting shorter and the air is clear. Here is what we have been up to.</p>"
        f"{items}"
        '<p style="font-size:12px;color:#6b6b64">Fernweh Outdoor, Hafenstrasse 12, 4057 Basel, Switzerland<br>'
        '<a href="{{ unsubscribe }}">Unsubscribe</a></p>'
        "</td></tr></table></td></tr></table></body></html>"
    )


WINTER = (
    ("See the winter range", f"{SHOP}/winter"),
    ("Plan a snowshoe tour", f"{SHOP}/tours/snowshoe?from=mail"),
    ("Care for your boots", f"{SHOP}/care/boots"),
)


def wanted(now: float) -> dict[str, Any]:
    """The seed, in the words of `seed.fill`. The same on every day but for the dates."""
    morning = now - now % 86400 + 8 * 3600
    return {
        "company": "Fernweh Outdoor",
        "owner_email": "news@fernweh.example",
        "opened_at": morning - 400 * 86400,
        "credits": 60_000,
        "transactional_daily": 40,
        "utc_offset": 1,
        "attributes": [
            {"name": "LANGUAGE", "category": "normal", "type": "text"},
            {"name": "CITY", "category": "normal", "type": "text"},
            {"name": "PLAN", "category": "category", "enumeration": PLANS},
            {"name": "BIRTHDAY", "category": "normal", "type": "date"},
            {"name": "SCORE", "category": "normal", "type": "float"},
            {"name": "VIP", "category": "normal", "type": "boolean"},
        ],
        "domains": [{"name": "fernweh.example", "authenticated": True}, {"name": "fernweh-tours.example"}],
        "senders": [
            {"name": "Fernweh Outdoor", "email": "news@fernweh.example", "active": True},
            {"name": "Fernweh Club", "email": "club@fernweh.example", "active": True},
            {"name": "Fernweh Tours", "email": "hello@fernweh-tours.example", "active": False},
        ],
        "lists": LISTS,
        "contacts": [_contact(n, morning) for n in range(PEOPLE)] + [_colleague(name) for name in TEAM],
        "segments": [
            {"name": "VIP customers", "category": "Customers", "attribute": "VIP", "value": True},
            {"name": "German readers", "category": "Languages", "attribute": "LANGUAGE", "value": "de"},
        ],
        "templates": [
            {
                "name": "Monthly letter",
                "subject": "News from the trail",
                "html": newsletter("News from the trail", links=WINTER),
            },
            {"name": "Tour invitation", "subject": "Walk with us", "html": newsletter("Walk with us")},
            {
                "name": "Clearance (old look)",
                "subject": "Last pieces",
                "html": newsletter("Last pieces"),
                "active": False,
            },
        ],
        "campaigns": _campaigns(morning),
    }


def _campaigns(morning: float) -> list[dict[str, Any]]:
    ab = {
        "abTesting": True,
        "subjectA": "Three huts you can reach without a car",
        "subjectB": "No car? Three huts for you",
        "splitRule": 20,
        "winnerCriteria": "open",
        "winnerDelay": 4,
    }

    def sent(days_ago: int) -> dict[str, Any]:
        return {"status": "sent", "sentAt": stamp(morning - days_ago * 86400)}

    return [
        {"name": "Spring opening", "subject": "The snow is melting", "lists": [0, 1]} | sent(215),
        {"name": "Summer tours", "subject": "Tours for long days", "lists": [0, 2], "tag": "tours"} | sent(120),
        {"name": "Club evening", "subject": "You are invited", "lists": [1]} | sent(64),
        {"name": "Huts without a car", "lists": [0, 1, 2]} | ab | sent(23),
        {"name": "November letter", "subject": "First snow", "lists": [0], "htmlContent": newsletter("First snow", links=WINTER)} | sent(4),
        {"name": "December letter", "subject": "Warm things for cold days", "lists": [0], "htmlContent": newsletter("Warm things for cold days", links=WINTER)},
        {"name": "Winter tours", "subject": "Snowshoes on", "lists": [2], "scheduledAt": stamp(morning + 3 * 86400 + 7200)},
        {"name": "Partner update", "subject": "New terms for partners", "lists": [3], "status": "suspended", "scheduledAt": stamp(morning + 5 * 86400)},
    ]  # fmt: skip


def _contact(n: int, morning: float) -> dict[str, Any]:
    """Not everybody told everything: about one in eight values is missing."""
    who, luck = demo_person(n)
    values: dict[str, Any] = {
        "FIRSTNAME": who.first,
        "LASTNAME": who.last,
        "LANGUAGE": who.language,
        "CITY": who.city,
        "PLAN": luck.choices(list(PLANS), (60, 30, 10))[0],
        "BIRTHDAY": f"{luck.randint(1950, 2005)}-{luck.randint(1, 12):02}-{luck.randint(1, 28):02}",
        "SCORE": round(luck.uniform(0, 100), 1),
        "VIP": luck.random() < 0.08,
    }
    lists = [k for k, share in enumerate((0.75, 0.35, 0.25, 0.08)) if luck.random() < share]
    return {
        "email": who.email,
        "createdAt": stamp(morning - (395 - n * 175 / PEOPLE) * 86400),
        "attributes": {name: value for name, value in values.items() if luck.random() > 0.12},
        "lists": lists,
        "emailBlacklisted": luck.random() < 0.025,
        "unsubscribed": [lists[-1]] if len(lists) > 1 and luck.random() < 0.02 else [],
    }


def _colleague(name: str) -> dict[str, Any]:
    return {
        "email": f"{name}@demo.test",
        "attributes": {"FIRSTNAME": name.title(), "LANGUAGE": "en"},
        "lists": [4],
    }

"""What `sandbox-demo` holds: the customers' club of an outdoor shop, with its own letters."""

from html import escape
from typing import Any

from accounts.sandbox.people import demo_person

SHOP = "https://club.fernweh.example"
TEAM = ("admin", "approver", "editor", "viewer")
# A third of the members are known to the shop's other accounts too, the others to the club alone.
NUMBERS = (*range(0, 1200, 6), *range(1200, 1620))
LEVELS = ("Bronze", "Silver", "Gold")
INTERESTS = (
    ("climbing", "Climbing"),
    ("snow", "Snow sports"),
    ("family", "With children"),
    ("trains", "By train"),
)


def newsletter(
    headline: str, *, links: tuple[tuple[str, str], ...] = (("Read the story", f"{SHOP}/stories/first-hut"),)
) -> str:
    items = "".join(
        f'<p><a href="{escape(url)}" style="color:#7a3b2e;font-weight:bold">{escape(text)}</a></p>'
        for text, url in links
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(headline)}</title></head>"
        '<body style="margin:0;background:#f1efe9;font-family:Georgia,serif;color:#2b2b28">'
        '<table role="presentation" width="100%"><tr><td align="center">'
        '<table role="presentation" width="600" style="background:#ffffff"><tr><td style="padding:32px">'
        f'<h1 style="font-size:26px">{escape(headline)}</h1>'
        "<p>Dear [first_name],</p>"
        "<p>here is what the club has planned, and what members brought home from their last walks.</p>"
        f"{items}"
        '<p style="font-size:12px;color:#6b6b64">[CLIENTS.ADDRESS]<br><a href="[UNSUBSCRIBE]">Leave this list</a></p>'
        "</td></tr></table></td></tr></table></body></html>"
    )


EVENTS = (
    ("Come to the slide evening", f"{SHOP}/evenings/lofoten"),
    ("Borrow a tent", f"{SHOP}/library/tents"),
    ("Trips by train", f"{SHOP}/trips?by=train"),
)


def wanted(now: float) -> dict[str, Any]:
    """The seed, in the words of `seed.fill`. The same on every day but for the dates."""
    morning = now - now % 86400 + 8 * 3600
    return {
        "company": "Fernweh Club",
        "opened_on": morning - 380 * 86400,
        "profile": {
            "address": {
                "address1": "Hafenstrasse 14",
                "address2": None,
                "city": "Basel",
                "country": "Switzerland",
                "province": "BS",
                "postal_code": "4057",
            },
            "website": SHOP,
        },
        "domains": [
            {"name": "club.fernweh.example", "authenticated": True},
            {"name": "fernweh-club.example", "authenticated": False},
        ],
        "senders": [
            {"name": "Fernweh Club", "email": "hello@club.fernweh.example", "active": True},
            {"name": "Fernweh Club Evenings", "email": "evenings@club.fernweh.example", "active": True},
            {"name": "Fernweh Club Basel", "email": "basel@fernweh-club.example", "active": False},
        ],
        "lists": [
            {
                "name": "Club letter",
                "attributes": {"level": "text", "member_since": "datetime", "points": "integer"},
            },
            {"name": "Club evenings"},
            {"name": "Gear library", "attributes": {"deposit": "integer"}},
            {"name": "Test readers"},
        ],
        "interests": [{"list": 0, "name": name, "alias": alias} for name, alias in INTERESTS],
        "tags": ["volunteer", "founder", "speaker"],
        "suppressed": ["*@rivals.example", "abuse@*"],
        "contacts": [_member(n, morning) for n in NUMBERS] + [_colleague(name) for name in TEAM],
        "segments": [
            {"name": "Gold members", "list": 0, "json": {"eq": {"level": "Gold"}}},
            {"name": "German readers", "list": 0, "json": {"eq": {"language": "de"}}},
            {"name": "More than 500 points", "list": 0, "json": {"gt": {"points": "500"}}},
        ],
        "templates": [
            {
                "name": "Club letter",
                "subject": "News from the club",
                "html": newsletter("News from the club"),
            },
            {
                "name": "Evening",
                "subject": "You are invited",
                "html": newsletter("You are invited", links=EVENTS[:1]),
            },
        ],
        "campaigns": _campaigns(morning),
    }


def _campaigns(morning: float) -> list[dict[str, Any]]:
    def sent(days_ago: int) -> dict[str, Any]:
        return {"status": "sent", "at": morning - days_ago * 86400}

    letter = newsletter("The club in autumn", links=EVENTS)
    return [
        {"name": "Summer letter", "subject": "Long days, light boots", "lists": [0]} | sent(140) | {"status": "archived"},
        {"name": "Gear library opens", "subject": "Borrow, do not buy", "lists": [2]} | sent(75),
        {"name": "Slide evening: Lofoten", "subject": "An evening in the north", "lists": [1]} | sent(33),
        {"name": "Autumn letter", "subject": "The club in autumn", "lists": [0], "html": letter} | sent(6),
        {"name": "Winter letter", "subject": "Snow, at last", "lists": [0]},
        {"name": "Slide evening: Svaneti", "subject": "Towers and glaciers", "lists": [1], "status": "scheduled",
         "at": morning + 4 * 86400 + 7200},
        {"name": "Library: winter closing", "subject": "Please bring it back", "lists": [2], "status": "suspended",
         "at": morning + 6 * 86400},
    ]  # fmt: skip


def _member(n: int, morning: float) -> dict[str, Any]:
    """Not everybody told everything: about one in eight values is missing."""
    who, luck = demo_person(n)
    values = {
        "first_name": who.first,
        "last_name": who.last,
        "language": who.language,
        "city": who.city,
    }
    own: dict[str, Any] = {
        "level": luck.choices(LEVELS, (60, 30, 10))[0],
        "member_since": f"{luck.randint(2012, 2024)}-{luck.randint(1, 12):02}-{luck.randint(1, 28):02} 00:00:00",
        "points": luck.randint(0, 900),
    }
    fields = {name: value for name, value in values.items() if luck.random() > 0.12}
    extra = {name: value for name, value in own.items() if luck.random() > 0.12}
    lists = [k for k, share in enumerate((0.85, 0.45, 0.2)) if luck.random() < share] or [0]
    left = [lists[-1]] if luck.random() < 0.03 else []
    tags = [
        tag
        for tag, share in (("volunteer", 0.08), ("founder", 0.02), ("speaker", 0.015))
        if luck.random() < share
    ]
    interests = [name for name, _ in INTERESTS if luck.random() < 0.3] if lists == [0] else []
    return {
        "email": who.email,
        "subscribed_on": morning - (370 - n * 190 / NUMBERS[-1]) * 86400,
        "fields": fields,
        "extra": extra,
        "lists": lists,
        "left": left,
        "blocked": luck.random() < 0.02,
        "tags": tags,
        "interests": interests,
    }


def _colleague(name: str) -> dict[str, Any]:
    return {
        "email": f"{name}@demo.test",
        "fields": {"first_name": name.title(), "language": "en"},
        "lists": [3],
    }

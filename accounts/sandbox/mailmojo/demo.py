"""What `sandbox-demo` holds: the Norwegian branch of an outdoor shop, and its readers in the north."""

from html import escape
from typing import Any

from accounts.sandbox.people import demo_person

SHOP = "https://norge.fernweh.example"
# A third of these people are known to the shop's other branches too.
NUMBERS = (*range(1000, 1180), *range(2400, 2760))
TAGS = ("ski", "hytte", "padling", "member")
TEAM = ("admin", "approver", "editor", "viewer")
DAY = 86400


def newsletter(
    headline: str, *, links: tuple[tuple[str, str], ...] = (("Read more", f"{SHOP}/stories/first-tracks"),)
) -> str:
    """How merge values and the way out are written is not public; the provider adds its own footer."""
    items = "".join(
        f'<p><a href="{escape(url)}" style="color:#23406b;font-weight:bold">{escape(text)}</a></p>'
        for text, url in links
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(headline)}</title></head>"
        '<body style="margin:0;background:#eef1f4;font-family:Helvetica,Arial,sans-serif;color:#22272e">'
        '<table role="presentation" width="100%"><tr><td align="center">'
        '<table role="presentation" width="600" style="background:#ffffff"><tr><td style="padding:32px">'
        f'<h1 style="font-size:26px">{escape(headline)}</h1>'
        "<p>Hello from the north,</p>"
        "<p>the ferries run on winter time, the huts are heated, and the first tracks are made.</p>"
        f"{items}"
        '<p style="font-size:12px;color:#5c6672">Fernweh Norge, Strandgaten 18, 5013 Bergen, Norway</p>'
        "</td></tr></table></td></tr></table></body></html>"
    )


WINTER = (
    ("Skins, wax and poles", f"{SHOP}/ski"),
    ("Huts with a free bed", f"{SHOP}/huts?from=mail"),
    ("The long light: tours in March", f"{SHOP}/tours/march"),
)
LISTS: list[dict[str, Any]] = [
    {"name": "Nyhetsbrev", "description": "Everyone who wants our letter", "website": SHOP},
    {"name": "Turklubben", "from_name": "Fernweh Turklubb", "from_email": "klubb@norge.fernweh.example"},
    {"name": "Butikken i Bergen", "unsubscribe_cascades": True},
    {"name": "Test readers"},
]


def wanted(now: float) -> dict[str, Any]:
    """The seed, in the words of `seed.fill`. The same on every day but for the dates."""
    morning = now - now % DAY + 8 * 3600
    return {
        "company": "Fernweh Norge",
        "opened_at": morning - 620 * DAY,
        "profile": {
            "name": "Fernweh Norge",
            "contact_email": "post@norge.fernweh.example",
            "contact_name": "Ingrid Solheim",
            "address": "Strandgaten 18",
            "zip_code": "5013",
            "city": "Bergen",
        },
        "senders": [{"name": "Fernweh Norge", "email": "post@norge.fernweh.example"}],
        "domains": [{"name": "norge.fernweh.example", "authenticated": True}, {"name": "turklubb.example"}],
        "lists": LISTS,
        "contacts": [_contact(n, place, morning) for place, n in enumerate(NUMBERS)] + [_colleague(name) for name in TEAM],
        "segments": [
            {"name": "Skiers", "list": 0, "predicates": [{"type": "has_tag", "tag_name": "ski"}]},
            {
                "name": "Paddlers who are no members",
                "list": 0,
                "predicates": [
                    {"type": "has_tag", "tag_name": "padling"},
                    {"type": "not_has_tag", "tag_name": "member"},
                ],
            },
        ],
        "templates": [
            {"name": "Letter from the coast", "subject": "News from the coast", "html": newsletter("News from the coast", links=WINTER)},
            {"name": "Club invitation", "subject": "Come along", "html": newsletter("Come along")},
        ],
        "forms": [{"name": "Sign up in the footer"}, {"name": "Club sign-up", "list": 1}],
        "pages": [{"name": "Winter tours"}],
        "automations": [{"name": "Welcome"}],
        "campaigns": [
            {"name": "Summer by the fjord", "subject": "Kayaks are out", "lists": [0], "status": "sent", "daysAgo": 131},
            {"name": "Club weekend", "subject": "Two days above the trees", "lists": [1], "status": "sent", "daysAgo": 58},
            {"name": "Skiers first", "subject": "Your skis want wax", "lists": [0], "segments": [0], "status": "sent", "daysAgo": 17},
            {"name": "November letter", "subject": "The huts are heated", "lists": [0], "status": "sent", "daysAgo": 3, "html": newsletter("The huts are heated", links=WINTER)},
            {"name": "December letter", "subject": "Light in dark weeks", "lists": [0], "html": newsletter("Light in dark weeks", links=WINTER)},
            {"name": "Club evening", "subject": "An evening in Bergen", "lists": [1], "status": "scheduled", "inSeconds": morning + 4 * DAY - now},
        ],
    }  # fmt: skip


def _contact(number: int, place: int, morning: float) -> dict[str, Any]:
    """Not everybody told everything: about one in eight values is missing."""
    who, luck = demo_person(number)
    values = {
        "first_name": who.first,
        "last_name": who.last,
        "language": who.language,
        "city": who.city,
        "phone": f"+47 9{luck.randint(1_000_000, 9_999_999)}",
    }
    on = [k for k, share in enumerate((0.8, 0.4, 0.2)) if luck.random() < share] or [0]
    left = [on.pop()] if len(on) > 1 and luck.random() < 0.05 else []
    return {
        "email": who.email,
        "addedAt": morning - (600 - place * 450 / len(NUMBERS)) * DAY,
        "fields": {name: value for name, value in values.items() if luck.random() > 0.12},
        "tags": [
            tag for tag, share in zip(TAGS, (0.4, 0.3, 0.2, 0.25), strict=True) if luck.random() < share
        ],
        "lists": on,
        "left": left,
        "blocked": luck.random() < 0.025,
        "bounced": luck.random() < 0.01,
    }


def _colleague(name: str) -> dict[str, Any]:
    return {
        "email": f"{name}@demo.test",
        "fields": {"first_name": name.title(), "language": "en"},
        "tags": ["team"],
        "lists": [3],
    }

"""What `sandbox-demo` holds: the Canadian branch of an outdoor shop, which writes in English and in French."""

from html import escape
from typing import Any

from accounts.sandbox.people import demo_person

PEOPLE = (
    *range(300, 500),
    *range(2000, 2400),
)  # the first two hundred are customers of the house in Basel as well
LISTS = ("Newsletter", "Infolettre", "Cabin weekends", "Test readers")
MAILINGLISTS = ("News and offers", "Cabin weekends")
MEMBERSHIPS = ("Guest", "Member", "Family")
TEAM = ("admin", "approver", "editor", "viewer")
SHOP = "https://canada.fernweh.example"
DAYS = 300  # since the account was opened

Links = tuple[tuple[str, str], ...]
AUTUMN: Links = (
    ("See the autumn range", f"{SHOP}/autumn"),
    ("Book a cabin", f"{SHOP}/cabins?from=mail"),
    ("How to read a bear track", f"{SHOP}/stories/tracks"),
)
AUTOMNE: Links = (
    ("Découvrir l’automne", f"{SHOP}/fr/automne"),
    ("Réserver un chalet", f"{SHOP}/fr/chalets?from=mail"),
)


def newsletter(
    headline: str, *, language: str = "en", links: Links = (("Read the story", f"{SHOP}/stories/first-snow"),)
) -> str:
    greeting, leave = {
        "en": ("Hello, the larches have turned. Here is what we have been up to.", "Unsubscribe"),
        "fr": ("Bonjour, les mélèzes ont changé de couleur. Voici de nos nouvelles.", "Se désabonner"),
    }[language]
    items = "".join(
        f'<p><a href="{escape(url)}" style="color:#8a3b12;font-weight:bold">{escape(text)}</a></p>'
        for text, url in links
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(headline)}</title></head>'
        '<body style="margin:0;background:#f3efe8;font-family:Georgia,serif;color:#2a2a28">'
        '<table role="presentation" width="100%"><tr><td align="center">'
        '<table role="presentation" width="600" style="background:#ffffff"><tr><td style="padding:32px">'
        f'<h1 style="font-size:26px">{escape(headline)}</h1><p>{greeting}</p>{items}'
        '<p style="font-size:12px;color:#6b6b64">Fernweh Canada, 418 rue Saint-Paul, Québec QC G1K 3X1, Canada<br>'
        f'<a href="{{{{email_unsubscribe}}}}">{leave}</a></p>'
        "</td></tr></table></td></tr></table></body></html>"
    )


def wanted() -> dict[str, Any]:
    """The seed, in the words of `seed.fill`. The same on every day but for the dates."""
    return {
        "company": "Fernweh Canada",
        "folders": ["Newsletters", "Automations"],
        "mailinglists": MAILINGLISTS,
        "fields": [{"name": name, "kind": "text"} for name in ("language", "city", "membership", "birthday")],
        "lists": [{"name": name, "description": "For test sends"} if name == "Test readers" else name for name in LISTS],
        "contacts": [_contact(n, age) for age, n in enumerate(PEOPLE)] + [_colleague(name) for name in TEAM],
        "templates": [
            {"name": "Letter (EN)", "subject": "The larches have turned", "html": newsletter("The larches have turned", links=AUTUMN)},
            {"name": "Lettre (FR)", "subject": "L’automne est là", "html": newsletter("L’automne est là", language="fr", links=AUTOMNE)},
            {"name": "Cabin invitation", "subject": "A cabin, a stove, a lake", "html": newsletter("A cabin, a stove, a lake")},
            {"name": "Cabin invitation, shorter", "subject": "Two nights off", "html": newsletter("Two nights off")},
        ],
        "campaigns": [
            {"name": "Spring letter", "subject": "The ice is out", "status": "sent", "daysAgo": 140, "lists": [0]},
            {"name": "Lettre d’automne", "designs": [1], "status": "sent", "daysAgo": 12, "lists": [1], "mailinglist": MAILINGLISTS[0]},
            {"name": "Autumn letter", "designs": [0], "status": "sent", "daysAgo": 12, "lists": [0], "mailinglist": MAILINGLISTS[0]},
            {"name": "Cabin weekends", "designs": [2, 3], "status": "sent", "daysAgo": 5, "lists": [2]},
            {"name": "First snow", "status": "scheduled", "inSeconds": 3 * 86400, "lists": [0, 1], "mailinglist": MAILINGLISTS[0]},
            {"name": "Winter cabins", "status": "draft", "lists": [2]},
            {"name": "Boxing day", "status": "inactive", "inSeconds": 20 * 86400, "lists": [0, 1]},
        ],
    }  # fmt: skip


def _contact(number: int, age: int) -> dict[str, Any]:
    """Not everybody told everything: about one in eight values is missing."""
    who, luck = demo_person(number)
    values = {
        "first_name": who.first,
        "last_name": who.last,
        "language": who.language,
        "city": who.city,
        "membership": luck.choices(MEMBERSHIPS, (60, 30, 10))[0],
        "birthday": f"{luck.randint(1950, 2005)}-{luck.randint(1, 12):02}-{luck.randint(1, 28):02}",
    }
    lists = [1 if who.language == "fr" else 0] if luck.random() < 0.9 else []
    if luck.random() < 0.3:
        lists.append(2)
    return {
        "email": who.email,
        "daysAgo": DAYS - age * 120 / len(PEOPLE),
        "fields": {name: value for name, value in values.items() if luck.random() > 0.12},
        "lists": lists,
        "left": [lists[-1]] if len(lists) > 1 and luck.random() < 0.1 else [],
        "blocked": luck.random() < 0.03,
        "tracked": luck.random() > 0.05,
        "lifecycle": luck.choices(("subscriber", "lead", "customer"), (50, 20, 30))[0],
        "mailinglists": {
            name: "opt-in" if luck.random() < 0.85 else "opt-out"
            for name in MAILINGLISTS
            if luck.random() < 0.9
        },
    }


def _colleague(name: str) -> dict[str, Any]:
    return {
        "email": f"{name}@demo.test",
        "daysAgo": DAYS,
        "fields": {"first_name": name.title(), "language": "en"},
        "lists": [3],
    }

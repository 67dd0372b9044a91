"""What readers do with a mail: decided by address and campaign alone, so that it is the same in every run.

Addresses choose their fate: local part `bounce…` or domain `bounce.example` never exists, `soft…` is full.
"""

import re
from collections.abc import Iterator, Sequence
from html import unescape
from random import Random
from typing import Any, NamedTuple

from accounts.sandbox.timeline import chance

HREF = re.compile(r"""<a\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)

# (device, client, weight) of those who open with their own eyes.
DEVICES = (
    ("mobile/iPhone", "Apple Mail", 30),
    ("desktop/Windows PC", "Outlook", 22),
    ("desktop/Windows PC", "Chrome", 14),
    ("mobile/Android", "Gmail", 20),
    ("desktop/Mac", "Safari", 8),
    ("tablet/iPad", "Apple Mail", 4),
    ("unknown/Unknown", "Unknown", 2),
)


class Deed(NamedTuple):
    """`kind`: delivered hard soft proxy (an open by a machine) open click unsubscribe spam."""

    kind: str
    at: float
    url: str = ""
    device: str = ""  # "desktop/Windows PC"
    browser: str = ""


def links_of(html: str) -> list[str]:
    """Web addresses of the links in a mail, each once."""
    found = [unescape(double or single).strip() for double, single in HREF.findall(html)]
    return list(dict.fromkeys(url for url in found if url.startswith(("http://", "https://"))))


def reactions(
    email: str, campaign: Any, sent_at: float, links: Sequence[str], *, react: float, mirror: str = ""
) -> Iterator[Deed]:
    """All that will come of one mail. `react`: seconds in which nearly all of it falls; `mirror`: the web version's link."""
    luck = chance(email, campaign)
    local, _, domain = email.partition("@")
    arrives = sent_at + luck.uniform(1, 6)
    roll = luck.random()
    if local.startswith("bounce") or domain == "bounce.example" or roll < 0.007:
        yield Deed("hard", arrives)
        return
    if local.startswith("soft") or roll < 0.016:
        yield Deed("soft", arrives)
        return
    yield Deed("delivered", arrives)
    if luck.random() < 0.20:
        at = arrives + luck.uniform(1, 20)
        yield Deed("proxy", at, device="unknown/Unknown", browser="Apple Mail Privacy Protection")
    if luck.random() < 0.35:
        yield from _reader(arrives, links, mirror, luck, react)
    elif luck.random() < 0.001:
        yield Deed("spam", arrives + react * luck.random())


def _reader(
    arrived_at: float, links: Sequence[str], mirror: str, luck: Random, react: float
) -> Iterator[Deed]:
    """A person who opens with their own eyes: most within minutes, some again, a few click or leave."""
    device, client, _ = luck.choices(DEVICES, [weight for *_, weight in DEVICES])[0]
    opened = Deed("open", arrived_at + 2 + react * luck.random() ** 3, device=device, browser=client)
    yield opened
    for _ in range(luck.choices((0, 1, 2), (70, 22, 8))[0]):
        yield opened._replace(at=opened.at + react * luck.random())
    if links and luck.random() < 0.23:
        for n in range(luck.choices((1, 2, 3), (70, 22, 8))[0]):
            url = links[int(len(links) * luck.random() ** 2)]  # the first links draw more
            yield opened._replace(kind="click", at=opened.at + 3 + 20 * n + 25 * luck.random(), url=url)
    elif mirror and luck.random() < 0.03:
        yield opened._replace(kind="click", at=opened.at + 5, url=mirror)
    if luck.random() < 0.015:
        yield opened._replace(kind="unsubscribe", at=opened.at + 30 * luck.random())
    elif luck.random() < 0.002:
        yield opened._replace(kind="spam", at=opened.at + 60 * luck.random())

"""What templates need to say things the one way Campanile says them: times, numbers, states, icons.

Pure functions: no query, no setting but the zone and the static address.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template
from django.forms import BaseForm
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import days

register = template.Library()

NONE = "–"
GAP = "\u00a0"  # does not break; the typeface has no narrower space, and a borrowed one is too narrow to see
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Word → tone. A word that stands nowhere here is shown as it came, neutral.
TONES = {
    "neutral": "draft archived cancelled stopped inactive unsubscribed removed expired closed disabled disconnected excluded skipped none",
    "info": "scheduled held preparing queued handed_over waiting imported invited new planned info",
    "live": "live running claimed sending armed accepted pulling pushing checking processing in_progress retrying",
    "good": "good ready sent done applied delivered verified active connected healthy subscribed confirmed complete completed ok yes",
    "warn": "warn unknown paused pending unconfirmed unverified locked limited suspended needs_attention attention"
    " stale soft_bounced soft_bounce deferred partial late degraded",
    "bad": "bad failed refused rejected bounced hard_bounced hard_bounce complained complaint spam blocked suppressed"
    " unauthorized reconnect revoked broken error set_aside",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """One symbol of `static/img/icons.svg`. Size `s` or `l`; without a label it is decoration."""
    about = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    css = f"icon icon--{size}" if size else "icon"
    return format_html(
        '<svg class="{}" {}><use href="{}#{}"></use></svg>', css, about, static("img/icons.svg"), name
    )


@register.filter
def when(value: datetime | None, zone: object = None) -> str:
    """`21 Nov 2026, 10:05 CET`. The zone is a name, a tzinfo, a request, a user, or else the current one."""
    if value is None:
        return NONE
    local = in_zone(value, zone)
    return _time(local, f"{day(local)}, {local:%H:%M} {zone_name(local)}")


@register.filter
def said(value: datetime | None) -> str:
    """When people, or a file, say that something was: `21 Nov 2026` where they gave a day, else as `when`."""
    if value is None or not days.is_day(value):
        return when(value + days.HAIR if value and days.is_day(value + days.HAIR) else value)
    given = value.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', f"{given:%Y-%m-%d}", day(given))


def day_said(value: datetime) -> str:
    """The day of it: as it was given, or in the current zone."""
    return day(value.astimezone(UTC) if days.is_day(value) else in_zone(value))


@register.filter
def clock(value: datetime | None, zone: object = None) -> str:
    """`10:05 CET`, where the day is said elsewhere; the full text is the tooltip."""
    if value is None:
        return NONE
    local = in_zone(value, zone)
    return _time(local, f"{local:%H:%M} {zone_name(local)}", tooltip=True)


@register.filter
def ago(value: datetime | None, zone: object = None) -> str:
    """`3 min ago`, `in 2 h`; past two weeks the day. The full time is the tooltip."""
    if value is None:
        return NONE
    local = in_zone(value, zone)
    seconds = (timezone.now() - value).total_seconds()
    return _time(local, distance(seconds) or day(local), tooltip=True)


@register.filter
def day(value: date | None) -> str:
    """`21 Nov 2026`, of a date or of a datetime in its own zone."""
    return NONE if value is None else f"{value.day} {MONTHS[value.month - 1]} {value.year}"


@register.filter
def duration(value: timedelta | float | None) -> str:
    """`2 min 5 s`: the two largest units. A plain number is seconds."""
    if value is None:
        return NONE
    left = round(value.total_seconds() if isinstance(value, timedelta) else value)
    parts: list[str] = []
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        many, left = divmod(left, seconds)
        if many or parts:
            parts.append(f"{many}{GAP}{unit}" if many else "")
    return " ".join(part for part in parts[:2] if part) or f"0{GAP}s"


@register.filter
def number(value: float | Decimal | None) -> str:
    """`48 210`, grouped by spaces, with a true minus sign."""
    return NONE if value is None else f"{value:,}".replace(",", GAP).replace("-", "\u2212")


@register.filter
def percent(value: float | Decimal | None, digits: int = 1) -> str:
    """`12.4 %` of a fraction 0–1. Rounding never turns some into none or most into all."""
    if value is None:
        return NONE
    step = 10.0**-digits
    shown = round(100 * float(value), digits)
    if 0 < value < 1:
        shown = min(max(shown, step), 100 - step)
    return f"{shown:.{0 if shown in (0, 100) else digits}f}{GAP}%"


@register.filter
def counted(value: int, words: str) -> str:
    """`{{ n|counted:"person,people" }}` → `1 person`, `48 210 people`."""
    one, many = words.split(",")
    return f"{number(value)} {one if value == 1 else many}"


@register.filter
def errors_in(form: BaseForm) -> int:
    """How many sentences say what is wrong: one field may have several."""
    return sum(map(len, form.errors.values()))


@register.filter
def tone(status: object) -> str:
    """The tone of a state's word, for `<span class="badge" data-tone="{{ row.status|tone }}">`."""
    return TONE_OF.get(_word(status).lower(), "neutral")


@register.simple_tag(name="status")
def status_badge(status: object, label: str = "") -> SafeString:
    """A badge. The label is the given one, else that of the choice, else the word itself."""
    if not (status or label):
        return SafeString(NONE)
    text = label or str(getattr(status, "label", "")) or _word(status).replace("_", " ").capitalize()
    return format_html('<span class="badge" data-tone="{}">{}</span>', tone(status), text)


@register.filter
def initials(name: str) -> str:
    """Two letters for a person, from a name or an address."""
    words = [
        word
        for word in name.partition("@")[0].replace(".", " ").replace("_", " ").split()
        if word[0].isalnum()
    ]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


@register.simple_tag
def provider_logo(slug: str) -> str:
    return static(f"img/providers/{slug}.svg")


@register.simple_tag
def site_url(name: str, *args: object, **kwargs: object) -> str:
    """Like `url`, for pages outside the workspace: log-in, account, admin."""
    inside = get_script_prefix()
    outside = re.sub(r"w/[^/]+/$", "", inside)
    return outside + reverse(name, args=args, kwargs=kwargs).removeprefix(inside)


def zone_for(given: object) -> tzinfo:
    """The zone meant by a name, a tzinfo, a request or a user; the current one otherwise."""
    if isinstance(given, tzinfo):
        return given
    user = getattr(given, "user", given)
    name = given if isinstance(given, str) else getattr(user, "time_zone", "")
    return ZoneInfo(str(name)) if name else timezone.get_current_timezone()


def zone_name(local: datetime) -> str:
    """`CET`, or `UTC+03` where a zone has no letters of its own."""
    name = local.tzname() or ""
    return f"UTC{name}" if name[:1] in ("+", "-") else name


def distance(seconds: float) -> str:
    """`3 min ago` for a positive number of seconds, `in 3 min` for a negative one, empty beyond two weeks."""
    size = abs(seconds)
    for limit, unit, one, many in (
        (3600, 60, "min", "min"),
        (86400, 3600, "h", "h"),
        (14 * 86400, 86400, "day", "days"),
    ):
        if size < 45:
            return "just now" if seconds >= 0 else "in a moment"
        if size < limit:
            # "3 h ago" has passed in full; "in 7 days" is said of what ends in six and a bit.
            amount = max(1, int(size // unit) if seconds >= 0 else round(size / unit))
            text = f"{amount} {one if amount == 1 else many}"
            return f"{text} ago" if seconds >= 0 else f"in {text}"
    return ""


def in_zone(value: datetime, zone: object = None) -> datetime:
    if timezone.is_naive(value):
        raise ValueError(f"{value!r} has no zone")
    try:
        return value.astimezone(zone_for(zone))
    except OverflowError:  # at either end of the calendar the zone has no day for it
        return value.astimezone(UTC)


def _time(local: datetime, text: str, tooltip: bool = False) -> SafeString:
    instant = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not tooltip:
        return format_html('<time datetime="{}">{}</time>', instant, text)
    full = f"{day(local)}, {local:%H:%M:%S} {zone_name(local)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', instant, full, text)


def _word(status: object) -> str:
    return str(getattr(status, "value", status) or "")

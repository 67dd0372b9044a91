"""The words and shapes templates use: pure functions, no database."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import get_script_prefix, set_script_prefix

from accounts.styleguide import styleguide
from accounts.templatetags import charts, ui

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
TEN = [AT + timedelta(hours=hour) for hour in range(10)]


def render(source: str, **context: object) -> str:
    return Template("{% load ui charts %}" + source).render(Context(context))


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Zurich",
        ZoneInfo("Europe/Zurich"),
        SimpleNamespace(time_zone="Europe/Zurich"),
        SimpleNamespace(user=SimpleNamespace(time_zone="Europe/Zurich")),
    ],
)
def test_when_tells_the_zone_whoever_names_it(zone: object) -> None:
    assert ui.when(AT, zone) == '<time datetime="2026-11-21T09:05:00Z">21 Nov 2026, 10:05 CET</time>'


def test_when_uses_the_current_zone() -> None:
    request = SimpleNamespace(user=SimpleNamespace())

    assert [ui.when(AT), ui.when(AT, request)] == [
        '<time datetime="2026-11-21T09:05:00Z">21 Nov 2026, 09:05 UTC</time>'
    ] * 2


def test_a_zone_without_letters_says_its_distance() -> None:
    assert "21 Nov 2026, 12:05 UTC+03" in ui.when(AT, "Europe/Istanbul")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        ui.when(AT.replace(tzinfo=None))


def test_what_is_not_known_is_a_dash() -> None:
    shown = [
        ui.when(None),
        ui.clock(None),
        ui.ago(None),
        ui.day(None),
        ui.duration(None),
        ui.number(None),
        ui.percent(None),
    ]

    assert shown == ["–"] * 7


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-20, "in a moment"),
        (50, "1 min ago"),
        (-125, "in 2 min"),
        (3600, "1 h ago"),
        (-86400, "in 1 day"),
        (13 * 86400, "13 days ago"),
        (14 * 86400, ""),
    ],
)
def test_distance(seconds: float, text: str) -> None:
    assert ui.distance(seconds) == text


def test_ago_keeps_the_full_time_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.timezone, "now", lambda: AT + timedelta(minutes=3))

    assert (
        ui.ago(AT, "UTC")
        == '<time datetime="2026-11-21T09:05:00Z" title="21 Nov 2026, 09:05:00 UTC">3 min ago</time>'
    )


def test_day_of_a_date() -> None:
    assert ui.day(date(2026, 3, 1)) == "1 Mar 2026"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (timedelta(days=1, minutes=4), "1 d"),
        (90000, "1 d 1 h"),
    ],
)
def test_duration_says_the_two_largest_units(value: float, text: str) -> None:
    assert ui.duration(value).replace(ui.GAP, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (911, "911"), (1048576, "1 048 576"), (-4821, "−4 821"), (1234.5, "1 234.5")],
)
def test_number_groups_by_spaces(value: float, text: str) -> None:
    assert ui.number(value).replace(ui.GAP, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 %"), (0.124, "12.4 %"), (1, "100 %"), (0.00001, "0.1 %"), (0.99999, "99.9 %")],
)
def test_percent_never_rounds_some_to_none_or_most_to_all(value: float, text: str) -> None:
    assert ui.percent(value).replace(ui.GAP, " ") == text


def test_counted_says_one_and_many() -> None:
    assert [ui.counted(n, "person,people").replace(ui.GAP, " ") for n in (0, 1, 48210)] == [
        "0 people",
        "1 person",
        "48 210 people",
    ]


@pytest.mark.parametrize(
    ("word", "tone"),
    [
        ("sent", "good"),
        ("SENDING", "live"),
        ("unknown", "warn"),
        ("failed", "bad"),
        ("words of theirs", "neutral"),
        (None, "neutral"),
    ],
)
def test_tone(word: object, tone: str) -> None:
    assert ui.tone(word) == tone


def test_status_escapes_words_that_came_from_outside() -> None:
    assert render("{% status word %}", word="<b>in_queue") == (
        '<span class="badge" data-tone="neutral">&lt;b&gt;in queue</span>'
    )


def test_status_takes_the_label_of_a_choice() -> None:
    choice = SimpleNamespace(value="unknown", label="Not known yet")

    assert (
        render("{% status choice %}", choice=choice)
        == '<span class="badge" data-tone="warn">Not known yet</span>'
    )


def test_icon_is_silent_without_a_label() -> None:
    use = '<use href="/static/img/icons.svg#plus"></use></svg>'

    assert render('{% icon "plus" %}{% icon "plus" size="s" label=label %}', label="Add <") == (
        f'<svg class="icon" aria-hidden="true">{use}'
        f'<svg class="icon icon--s" role="img" aria-label="Add &lt;">{use}'
    )


def test_every_icon_a_template_names_is_drawn() -> None:
    drawn = set(re.findall(r'symbol id="([\w-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    named = {
        name
        for template in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r'{% icon "([\w-]+)"', template.read_text())
    }

    assert named - drawn == set()


# An inline style, script or handler: the content security policy would drop it without a word.
FORBIDDEN = re.compile(
    r"""\sstyle=|\son[a-z]+=|hx-on|["']js:|<style|<script(?![^>]*(?:\ssrc=|application/json))"""
)


def test_no_template_needs_what_the_policy_forbids() -> None:
    found = {
        f"{template.relative_to(ROOT)}: {line.strip()}"
        for template in (ROOT / "templates").rglob("*.html")
        if "mails" not in template.parts
        for line in template.read_text().splitlines()
        if FORBIDDEN.search(line)
    }

    assert found == set()


def test_every_stylesheet_is_joined() -> None:
    css = ROOT / "static/css"
    joined = set(re.findall(r'url\("components/([\w-]+\.css)"\)', (css / "app.css").read_text()))

    assert joined == {sheet.name for sheet in (css / "components").glob("*.css")}


def test_styleguide_draws_every_component(rf: RequestFactory, settings: Any) -> None:
    settings.DEBUG = True
    request = rf.get("/styleguide/")
    request.user = AnonymousUser()

    page = styleguide(request).content.decode()

    assert "Audience equation" in page
    assert "<script>alert(1)" not in page


def test_styleguide_is_not_for_production(rf: RequestFactory, settings: Any) -> None:
    settings.DEBUG = settings.EMBEDDED = False

    with pytest.raises(Http404):
        styleguide(rf.get("/styleguide/"))


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ana Keller", "AK"), ("ana.maria.keller@x.test", "AK"), ("Ana", "A"), ("", "?"), ("!!", "?")],
)
def test_initials(name: str, letters: str) -> None:
    assert ui.initials(name) == letters


def test_site_url_leaves_the_workspace() -> None:
    outer = get_script_prefix()
    set_script_prefix("/app/w/market-hall/")
    try:
        assert ui.site_url("account_login") == "/app/accounts/login/"
    finally:
        set_script_prefix(outer)


def test_chart_fills_its_room() -> None:
    chart = charts.plot([("Opened", list(zip(TEN, range(0, 100, 10), strict=True)))], "UTC")

    assert chart.y_labels == ["100", "80", "60", "40", "20", "0"]
    assert chart.y_places == [0, 20, 40, 60, 80, 100]
    assert chart.lines[0].path.startswith("M0 1000 L111 900 ")
    assert chart.lines[0].path.endswith("L1000 100")
    assert chart.lines[0].area.endswith("L1000 1000 L0 1000 Z")
    assert [(tick.label, tick.at) for tick in chart.x_ticks] == [
        ("10:00", 10.19),
        ("12:00", 32.41),
        ("14:00", 54.63),
        ("16:00", 76.85),
        ("18:00", 99.07),
    ]
    assert chart.summary == "Opened: 90 at the end, at most 90."


def test_chart_of_one_moment_is_a_dot() -> None:
    chart = charts.plot([("Opened", [(AT, 3)])], "UTC")

    assert (chart.lines[0].path, chart.lines[0].dot) == ("", (50, 25))


def test_chart_of_nothing_says_so() -> None:
    assert "Nothing has happened yet." in render(
        '{% line_chart series title="Opens" %}', series=[("Opened", [])]
    )


def test_chart_stands_beside_its_table() -> None:
    page = render(
        '{% line_chart series title="Opens" zone="UTC" %}', series=[("Opened", [(AT, 1), (TEN[1], 20)])]
    )

    assert (
        '<td><time datetime="2026-11-21T10:05:00Z">21 Nov 2026, 10:05 UTC</time></td><td class="num">20</td>'
        in page
    )
    assert "style=" not in page


def test_chart_of_days_tells_no_hours() -> None:
    zone = ZoneInfo("Europe/Zurich")
    days = [(datetime(2026, 10, day, tzinfo=zone), 1) for day in (25, 26)]

    assert charts.plot([("Joined", days)], zone).rows == [("25 Oct 2026", ["1"]), ("26 Oct 2026", ["1"])]


def test_time_axis_keeps_full_hours_when_clocks_change() -> None:
    first = datetime(2026, 10, 24, 21, 0, tzinfo=UTC)
    labels = [label for _, label in charts.time_ticks(first, first + timedelta(hours=10), "Europe/Zurich")]

    assert labels == ["25 Oct", "02:00", "04:00", "06:00", "08:00"]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 4), (3, 4), (7, 8), (90, 100), (101, 200), (9400, 10000), (1012428, 2000000)]
)
def test_axis_ends_on_a_round_number(value: float, top: float) -> None:
    assert charts.nice_ceiling(value) == top


def test_bars_are_measured_by_the_longest() -> None:
    rows = [{"label": "<a>", "value": 40, "share": 0.8}, {"label": "b", "value": 10, "url": "/x/"}]
    page = render('{% bar_list rows title="Links" %}', rows=rows)

    for part in ('width="100.0"', 'width="25.0"', "&lt;a&gt;", '<a href="/x/">b</a>', f"80.0{ui.GAP}%"):
        assert part in page


def test_fixed_offsets_are_zones_too() -> None:
    assert "14:05 UTC+05:00" in ui.when(AT, timezone(timedelta(hours=5)))

"""Charts as SVG: they print, need no script, and stand beside their numbers as a table.

    {% line_chart series title="Opens and clicks" %}   series: [(label, [(aware datetime, number), …]), …]
    {% bar_list rows title="Links" %}                  rows: [{label, value, share=None, url="", people_url=""}, …]

Only geometry happens here; colours come from `static/css/components/chart.css` by class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.text import slugify

from .ui import MONTHS, in_zone, number, percent, when, zone_name

register = template.Library()

Series = Sequence[tuple[str, Sequence[tuple[datetime, float]]]]

WIDTH, HEIGHT = 720, 240
TOP, RIGHT, BOTTOM = 12, WIDTH - 12, HEIGHT - 30
GLYPH = 7.2  # width of a figure at the size chart.css gives axis labels
MOST_SERIES = 4

# Steps a time axis may take, smallest first.
STEPS = (
    *(timedelta(minutes=many) for many in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=many) for many in (1, 2, 3, 6, 12)),
    *(timedelta(days=many) for many in (1, 2, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True)
class Tick:
    at: float
    label: str
    anchor: str = "middle"

    @property
    def text_at(self) -> float:
        return round(self.at + 4, 1)


@dataclass(frozen=True)
class Line:
    label: str
    css: str
    path: str
    area: str
    dot: tuple[float, float] | None  # the only point there is


@dataclass(frozen=True)
class LineChart:
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    rows: list[tuple[str, list[str]]]
    summary: str
    left: float = 0
    width: int = WIDTH
    height: int = HEIGHT
    right: int = RIGHT
    bottom: int = BOTTOM
    tick_bottom: int = BOTTOM + 5
    x_text: int = BOTTOM + 20

    @property
    def left_text(self) -> float:
        return self.left - 8


@register.inclusion_tag("components/line_chart.html")
def line_chart(
    series: Series, title: str, none: str = "Nothing has happened yet.", x_label: str = "Time", zone: object = None
) -> dict[str, Any]:
    """Up to four lines over time. Moments are told in `zone` (see `when`), else the current one."""
    return {"chart": plot(series, zone), "title": title, "none": none, "x_label": x_label, "id": f"chart-{slugify(title)}"}


@register.inclusion_tag("components/bar_list.html")
def bar_list(rows: Iterable[Mapping[str, Any]], title: str = "", none: str = "Nothing has happened yet.") -> dict[str, Any]:
    """Named amounts as bars, in the order given; the longest fills the room."""
    rows = list(rows)
    most = max((row["value"] for row in rows), default=0) or 1
    return {
        "title": title,
        "none": none,
        "rows": [
            {
                **row,
                "text": number(row["value"]),
                "share": "" if row.get("share") is None else percent(row["share"]),
                "width": round(100 * row["value"] / most, 1),
            }
            for row in rows
        ],
    }


def plot(series: Series, zone: object = None) -> LineChart:
    drawn = [(label, sorted(points)) for label, points in series if points][:MOST_SERIES]
    if not drawn:
        return LineChart([], [], [], [], "")
    moments = sorted({at for _, points in drawn for at, _ in points})
    first, last = moments[0], moments[-1]
    top = nice_ceiling(max(value for _, points in drawn for _, value in points))
    y_labels = [(value, number(value)) for value in y_steps(top)]
    left = round(12 + GLYPH * max(len(label) for _, label in y_labels), 1)
    span = (last - first).total_seconds()

    def x(at: datetime) -> float:
        return round(left + (RIGHT - left) * ((at - first).total_seconds() / span if span else 0.5), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / top, 1)

    def line(index: int, label: str, points: Sequence[tuple[datetime, float]]) -> Line:
        places = [(x(at), y(value)) for at, value in points]
        path = "M" + " L".join(f"{across} {up}" for across, up in places)
        area = f"{path} L{places[-1][0]} {BOTTOM} L{places[0][0]} {BOTTOM} Z" if index == 0 else ""
        alone = len(places) == 1
        return Line(label, f"s{index + 1}", "" if alone else path, "" if alone else area, places[0] if alone else None)

    values = [dict(points) for _, points in drawn]
    return LineChart(
        lines=[line(index, label, points) for index, (label, points) in enumerate(drawn)],
        x_ticks=[
            Tick(x(at), label, "end" if x(at) > RIGHT - 24 else "middle") for at, label in time_ticks(first, last, zone)
        ],
        y_ticks=[Tick(y(value), label) for value, label in y_labels if value],
        rows=[
            (when(at, zone), [number(found[at]) if at in found else "–" for found in values]) for at in moments
        ],
        summary="; ".join(
            f"{label}: {number(points[-1][1])} at the end, at most {number(max(value for _, value in points))}"
            for label, points in drawn
        )
        + ".",
        left=left,
    )


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 4, 5 × a power of ten that holds `value`; 4 at least, so that ticks are whole."""
    if value <= 4:
        return 4
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 8, 10) if step * power >= value)


def y_steps(top: float) -> list[int]:
    parts = 5 if str(int(top)).rstrip("0") in ("5", "25", "1") else 4
    return [int(top * part / parts) for part in range(parts + 1)]


def time_ticks(first: datetime, last: datetime, zone: object = None, most: int = 7) -> list[tuple[datetime, str]]:
    """Round local moments between two: full hours, midnights; the day is named where it begins."""
    start, end = in_zone(first, zone), in_zone(last, zone)
    if start == end:
        return [(first, f"{start.day} {MONTHS[start.month - 1]}, {start:%H:%M} {zone_name(start)}")]
    step = next((step for step in STEPS if (last - first) / step <= most), STEPS[-1])
    ticks: list[tuple[datetime, str]] = []
    # walk on the wall clock, so that ticks stay at full hours when the clocks change
    at = start.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    end_wall = end.replace(tzinfo=None)
    while at <= end_wall:
        moment = at.replace(tzinfo=start.tzinfo)
        if first <= moment <= last:
            midnight = at.hour == at.minute == 0
            day = f"{at.day} {MONTHS[at.month - 1]}"
            ticks.append((moment, day if step >= timedelta(days=1) or midnight else f"{at:%H:%M}"))
        at += step
    return ticks

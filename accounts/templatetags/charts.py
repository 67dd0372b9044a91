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

from .ui import MONTHS, day, in_zone, number, percent, when, zone_name

register = template.Library()

Series = Sequence[tuple[str, Sequence[tuple[datetime, float]]]]

SIDE = 1000  # the lines' own square, stretched to the plot
MOST_SERIES = 4

# Steps a time axis may take, smallest first.
STEPS = (
    *(timedelta(minutes=many) for many in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=many) for many in (1, 2, 3, 6, 12)),
    *(timedelta(days=many) for many in (1, 2, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True)
class Tick:
    at: float  # per cent from the left
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Line:
    label: str
    css: str
    path: str
    area: str = ""
    dot: tuple[float, float] | None = None  # per cent; the only point there is


@dataclass(frozen=True)
class LineChart:
    lines: list[Line]
    x_ticks: list[Tick]
    y_labels: list[str]  # from the top down, evenly spaced
    y_places: list[float]  # their lines, per cent from the top
    rows: list[tuple[str, list[str]]]
    summary: str


@register.inclusion_tag("components/line_chart.html")
def line_chart(
    series: Series,
    title: str,
    none: str = "Nothing has happened yet.",
    x_label: str = "Time",
    zone: object = None,
) -> dict[str, Any]:
    """Up to four lines over time. Moments are told in `zone` (see `when`), else the current one."""
    return {
        "chart": plot(series, zone),
        "title": title,
        "none": none,
        "x_label": x_label,
        "id": f"chart-{slugify(title)}",
    }


@register.inclusion_tag("components/bar_list.html")
def bar_list(
    rows: Iterable[Mapping[str, Any]], title: str = "", none: str = "Nothing has happened yet."
) -> dict[str, Any]:
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
        return LineChart([], [], [], [], [], "")
    moments = sorted({at for _, points in drawn for at, _ in points})
    first, last = moments[0], moments[-1]
    span = (last - first).total_seconds()
    top = nice_ceiling(max(value for _, points in drawn for _, value in points))
    steps = y_steps(top)[::-1]

    def across(at: datetime) -> float:
        """Per cent from the left."""
        return 100 * (at - first).total_seconds() / span if span else 50

    def line(index: int, label: str, points: Sequence[tuple[datetime, float]]) -> Line:
        css = f"s{index + 1}"
        if len(points) == 1:
            at, value = points[0]
            return Line(label, css, "", dot=(round(across(at), 2), round(100 - 100 * value / top, 2)))
        places = [(round(across(at) * SIDE / 100), round(SIDE - SIDE * value / top)) for at, value in points]
        path = "M" + " L".join(f"{x} {y}" for x, y in places)
        return Line(
            label, css, path, f"{path} L{places[-1][0]} {SIDE} L{places[0][0]} {SIDE} Z" if index == 0 else ""
        )

    values = [dict(points) for _, points in drawn]
    # Moments that are days need no hour.
    local = [in_zone(at, zone) for at in moments]
    is_by_day = all((at.hour, at.minute, at.second) == (0, 0, 0) for at in local)
    told = [day(at) if is_by_day else when(at, zone) for at in local]
    return LineChart(
        lines=[line(index, label, points) for index, (label, points) in enumerate(drawn)],
        x_ticks=[tick(across(at), label) for at, label in time_ticks(first, last, zone)],
        y_labels=[number(step) for step in steps],
        y_places=[round(100 - 100 * step / top, 2) for step in steps],
        rows=[
            (label, [number(found.get(at)) for found in values])
            for at, label in zip(moments, told, strict=True)
        ],
        summary="; ".join(
            f"{label}: {number(points[-1][1])} at the end, at most {number(max(value for _, value in points))}"
            for label, points in drawn
        )
        + ".",
    )


def tick(at: float, label: str) -> Tick:
    """Words at the edges lean inwards, so that they do not leave the plot."""
    return Tick(round(at, 2), label, "start" if at < 3 else "end" if at > 97 else "middle")


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 4, 5 × a power of ten that holds `value`; 4 at least, so that ticks are whole."""
    if value <= 4:
        return 4
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 8, 10) if step * power >= value)


def y_steps(top: float) -> list[int]:
    parts = 5 if str(int(top)).rstrip("0") in ("5", "25", "1") else 4
    return [int(top * part / parts) for part in range(parts + 1)]


def time_ticks(
    first: datetime, last: datetime, zone: object = None, most: int = 7
) -> list[tuple[datetime, str]]:
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
            label = f"{at.day} {MONTHS[at.month - 1]}"
            ticks.append((moment, label if step >= timedelta(days=1) or midnight else f"{at:%H:%M}"))
        at += step
    return ticks

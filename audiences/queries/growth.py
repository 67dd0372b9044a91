"""Who joined a list, left it, was taken off it, or was lost to a dead address, and when."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, Pull
from audiences.models import List, Subscription
from audiences.queries.contacts import PAGE, Row, Slice

KINDS = {"joined": "Joined", "left": "Left", "removed": "Taken off", "bounced": "Bounced"}
# What the address says → words, and days; None is all there is.
SPANS: dict[str, tuple[str, int | None]] = {
    "30": ("30 days", 30),
    "90": ("90 days", 90),
    "365": ("A year", 365),
    "all": ("All", None),
}
_EVER = datetime(1, 1, 2, tzinfo=UTC)
DAYS_BY_DAY = 90
DAYS_BY_WEEK = 2 * 366


@dataclass(frozen=True, slots=True)
class Growth:
    span: str
    # Day, week or month.
    unit: str
    # The first day of each, and how many of each kind in it; the newest last.
    rows: list[tuple[date, dict[str, int]]]
    zone: ZoneInfo
    # When the list was first read from an account, and how many were on it: they are where the lines begin.
    read_at: datetime | None = None
    stock: int = 0

    @property
    def unit_label(self) -> str:
        return {"day": "Day", "week": "Week of", "month": "Month of"}[self.unit]

    @property
    def totals(self) -> dict[str, int]:
        return {kind: sum(counts[kind] for _, counts in self.rows) for kind in KINDS}

    @property
    def series(self) -> list[tuple[str, list[tuple[datetime, int]]]]:
        return [
            (
                label,
                [
                    (datetime(day.year, day.month, day.day, tzinfo=self.zone), counts[kind])
                    for day, counts in self.rows
                ],
            )
            for kind, label in KINDS.items()
        ]


def growth(mine: List, *, span: str) -> Growth:
    """By day up to 90 days, else by week or month, in the zone of the workspace; days without anybody count none."""
    zone = ZoneInfo(mine.workspace.time_zone)
    today = timezone.now().astimezone(zone).date()
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("set local jit = off")
        cursor.execute(
            f"select kind, (at at time zone %(zone)s)::date, count(*) from ({_MOVES}) moves group by 1, 2",
            _values(mine, span),
        )
        found = cursor.fetchall()
    since = _first_day(mine, span)
    if since is None:
        since = min((day for _, day, _ in found), default=today)
    told = _folded(span, since, max([today, *(day for _, day, _ in found)]), found, zone)
    read_at = first_read_at(mine)
    return replace(told, read_at=read_at, stock=stock_of(mine, read_at)) if read_at else told


def moved_people(
    mine: List, *, span: str, kind: str, shows_addresses: bool, before: int | None = None
) -> Slice:
    """Whom a number of the span counts; `since_at` is when it happened to them."""
    values = _values(mine, span) | {"kind": kind, "before": before, "limit": PAGE + 1}
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("set local jit = off")
        cursor.execute(
            f"""
            select c.id, c.email, trim(c.first_name || ' ' || c.last_name), c.language, c.city,
                   coalesce((select reason from audiences_suppression s
                             where s.contact_id = c.id and s.lifted_at is null order by s.reason = 'blocked', s.at limit 1), ''),
                   c.created_at, on_list.status, moved.at
            from (
                select contact_id, at from ({_MOVES}) moves
                where kind = %(kind)s and (%(before)s::bigint is null or contact_id < %(before)s)
                order by contact_id desc limit %(limit)s
            ) moved
            join audiences_contact c on c.id = moved.contact_id
            join audiences_subscription on_list on on_list.contact_id = c.id and on_list.list_id = %(list)s
            order by c.id desc
            """,
            values,
        )
        rows = [Row(*row) for row in cursor.fetchall()]
    if not shows_addresses:
        rows = [row.masked() for row in rows]
    return Slice(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def _first_day(mine: List, span: str) -> date | None:
    days = SPANS[span][1]
    today = timezone.now().astimezone(ZoneInfo(mine.workspace.time_zone)).date()
    return None if days is None else today - timedelta(days=days - 1)


def _values(mine: List, span: str) -> dict[str, Any]:
    since = _first_day(mine, span)
    zone = ZoneInfo(mine.workspace.time_zone)
    at = None if since is None else datetime(since.year, since.month, since.day, tzinfo=zone)
    return {
        "list": mine.pk,
        "workspace": mine.workspace_id,
        "zone": mine.workspace.time_zone,
        "since": at or _EVER,
        "read": first_read_at(mine) or _EVER,
    }


def first_read_at(mine: List) -> datetime | None:
    """When the pull that brought the list ended: who was on it then did not join it here. None for lists made here."""
    holders = MirrorRow.objects.filter(kind=MirrorKind.LIST, object_id=mine.pk).values("connection")
    bringing = Pull.objects.filter(connection__in=holders, created_at__lte=mine.created_at)
    pull = bringing.exclude(finished_at__lt=mine.created_at).order_by("id").first()
    return (pull.finished_at or timezone.now()) if pull else None


def stock_of(mine: List, at: datetime) -> int:
    """People who were on the list when it was first read."""
    found = Subscription.objects.filter(list=mine, created_at__lte=at)
    return found.filter(Q(status=Subscription.Status.SUBSCRIBED) | Q(changed_at__gt=at)).count()


def _folded(
    span: str, since: date, until: date, found: Iterable[tuple[str, date, int]], zone: ZoneInfo
) -> Growth:
    days = (until - since).days + 1
    unit = "day" if days <= DAYS_BY_DAY else "week" if days <= DAYS_BY_WEEK else "month"
    counts: dict[date, Counter[str]] = {}
    day = _begin(since, unit)
    while day <= until:
        counts[day] = Counter()
        day = _next(day, unit)
    for kind, at, people in found:
        counts[_begin(at, unit)][kind] += people
    rows = [(day, {kind: of_day[kind] for kind in KINDS}) for day, of_day in counts.items()]
    return Growth(span, unit, rows, zone)


def _begin(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _next(day: date, unit: str) -> date:
    if unit == "month":
        return (day + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if unit == "week" else 1)


# Each person once a kind. Who had left already when they were first read here never joined here; who is lost to several
# blocks is lost by the oldest.
_MOVES = """
select 'joined' as kind, contact_id, created_at as at
from audiences_subscription
where list_id = %(list)s and created_at >= %(since)s and created_at > %(read)s
  and (status = 'subscribed' or (status in ('unsubscribed', 'removed') and changed_at > created_at))
union all
select 'left', contact_id, changed_at
from audiences_subscription
where list_id = %(list)s and status = 'unsubscribed' and changed_at >= %(since)s
  and greatest(created_at, changed_at) > %(read)s
union all
select 'removed', contact_id, changed_at
from audiences_subscription
where list_id = %(list)s and status = 'removed' and changed_at >= %(since)s and changed_at > greatest(created_at, %(read)s)
union all
select case when b.reason = 'bounced' then 'bounced' else 'left' end, b.contact_id, b.at
from (
    select distinct on (contact_id) contact_id, reason, at from audiences_suppression
    where workspace_id = %(workspace)s and lifted_at is null and contact_id is not null
      and reason in ('unsubscribed', 'complained', 'bounced')
    order by contact_id, at, id
) b
join audiences_subscription s on s.list_id = %(list)s and s.contact_id = b.contact_id and s.status = 'subscribed'
where b.at >= %(since)s and greatest(s.created_at, b.at) > %(read)s
"""

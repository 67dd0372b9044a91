"""What an account counts of its campaigns → figures of source PROVIDER, beside our own."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from itertools import islice

from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts import outbox, pulls
from accounts.models import OutboxEntry, Pull
from accounts.providers.base import Provider
from accounts.providers.errors import Missing
from accounts.providers.records import FiguresRecord
from campaigns.models import Delivery
from reporting.mirror import people
from reporting.models import Figures
from reporting.rollups import MAX_LINK, clean

PAGE = 50
# Several viewers and watchers of one campaign ask the account once in this time.
FRESH_FOR = timedelta(minutes=5)
NAMES = (
    "sent", "delivered", "opened", "opened_by_human", "opens", "clicked", "clicks", "unsubscribed", "complained",
    "hard_bounced", "soft_bounced", "deferred", "remaining",
)  # fmt: skip


def pull_figures(pull: Pull, provider: Provider) -> Iterator[None]:
    """Walk the counts of all campaigns. What this pull has stored already is passed over when it goes on."""
    if not provider.capabilities.reports_figures:
        return
    told = provider.all_figures()
    while page := list(islice(told, PAGE)):
        with transaction.atomic():
            pulls.store_page(
                pull,
                checkpoint={"read": pull.checkpoint.get("read", 0) + len(page)},
                **_store_page(pull, page),
            )
        yield


def _store_page(pull: Pull, page: list[tuple[str, FiguresRecord]]) -> dict[str, int]:
    deliveries = {
        delivery.remote_id: delivery
        for delivery in Delivery.objects.filter(
            connection=pull.connection_id, remote_id__in=[remote_id for remote_id, _ in page]
        ).order_by("pk")
    }
    known = {
        figures.delivery_id: figures
        for figures in Figures.objects.filter(
            delivery__in=deliveries.values(), source=Figures.Source.PROVIDER
        )
    }
    counts = dict.fromkeys(("read", "created", "changed", "unchanged", "rejected"), 0)
    for remote_id, record in page:
        delivery = deliveries.get(remote_id)
        old = known.get(delivery.pk) if delivery else None
        if old is not None and pull.checkpoint and old.read_at >= pull.created_at:
            continue
        counts["read"] += 1
        if delivery is None:  # sent after the campaigns were pulled: the next pull has both
            counts["rejected"] += 1
            continue
        write_figures(delivery, record)
        if old is None:
            counts["created"] += 1
        else:
            counts["unchanged" if old.counts == told(record) else "changed"] += 1
    return counts


def refresh_figures(entry: OutboxEntry) -> outbox.Later | None:
    """Read one delivery's counts anew, and see to it that its people are read back after it is over."""
    delivery = Delivery.objects.select_related("connection__workspace", "campaign").get(pk=entry.subject_id)
    provider = delivery.connection.open()
    if not (delivery.remote_id and provider.capabilities.reports_figures):
        return None
    newest = Figures.objects.filter(delivery=delivery, source=Figures.Source.PROVIDER).first()
    is_fresh = newest is not None and timezone.now() - newest.read_at < FRESH_FOR
    if entry.payload.get("asked") or not is_fresh:
        try:
            record = provider.figures(remote_id=delivery.remote_id)
        except Missing:  # deleted over there: what we have is what there is
            return None
        with transaction.atomic():
            write_figures(delivery, record)
    people.plan_reading_back(delivery)
    return None


def told(record: FiguresRecord) -> dict[str, int]:
    """The counts a source tells; what it does not is absent."""
    values = asdict(record)
    return {name: values[name] for name in NAMES if values[name] is not None}


@transaction.atomic
def write_figures(delivery: Delivery, record: FiguresRecord) -> None:
    """Replace what the account told of a delivery. An older reading that comes late changes nothing."""
    figures, created = Figures.objects.select_for_update().get_or_create(
        delivery=delivery,
        source=Figures.Source.PROVIDER,
        defaults={"read_at": record.read_at, "counts": told(record), "rates": dict(record.rates)},
    )
    if not created:
        if figures.read_at > record.read_at:
            return
        figures.read_at, figures.counts, figures.rates = record.read_at, told(record), dict(record.rates)
        figures.save(update_fields=["read_at", "counts", "rates"])
    links: dict[str, int] = {}
    for url, clicks in record.links.items():
        url = clean(url, MAX_LINK)
        links[url] = links.get(url, 0) + clicks
    domains = {clean(name, 254): dict(counts) for name, counts in record.domains.items()}
    with database.cursor() as cursor:
        cursor.execute(_LINKS, [delivery.pk, list(links), list(links.values())])
        cursor.execute(_DOMAINS, [delivery.pk, list(domains), [Jsonb(counts) for counts in domains.values()]])


_LINKS = """
with told as (
    select %s::bigint as delivery_id, url, clicks from unnest(%s::text[], %s::bigint[]) as rows(url, clicks)
)
insert into reporting_linkfigures as old (delivery_id, source, url, clicks)
select delivery_id, 'provider', url, clicks from told
on conflict (delivery_id, source, md5(url)) do update set clicks = excluded.clicks
where old.clicks <> excluded.clicks
"""

_DOMAINS = """
with told as (
    select %s::bigint as delivery_id, domain, counts
    from unnest(%s::text[], %s::jsonb[]) as rows(domain, counts)
)
insert into reporting_domainfigures as old (delivery_id, source, domain, counts)
select delivery_id, 'provider', domain, counts from told
on conflict (delivery_id, source, domain) do update set counts = excluded.counts
where old.counts <> excluded.counts
"""

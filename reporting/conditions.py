"""Conditions over what people did with one campaign, and with links in any."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Value

from accounts.models import Workspace
from accounts.providers import provider_class
from accounts.redaction import redact
from accounts.templatetags.ui import day, in_zone
from audiences.rules import Condition, Kind, Op, Takes, Thing, Writer
from audiences.sql import like
from campaigns.models import Campaign, Recipient
from reporting.definitions import What
from reporting.models import Event, Figures, LinkFigures
from reporting.queries.report import BEFORE_LEAVING
from reporting.rollups import link_digest

MOST_LINKS = 200
# Of how many links the addresses are known when a rule is told in words; behind that it says "a link".
_MOST_TOLD = 2000
_DIGEST = re.compile(r"[0-9a-f]{32}")
Kinds = Event.Kind
State = Recipient.State
# Whose mail left, whatever became of it.
_SENT = (State.HANDED_OVER, State.DELIVERED, State.BOUNCED, State.UNKNOWN)

_ALWAYS = {
    "sent": Op("was sent to them", "was sent {of}"),
    "not_sent": Op("was not sent to them", "was not sent {of}"),
}
# Operator → what it needs accounts to tell of each person.
_TOLD: Mapping[str, tuple[Op, tuple[str, ...]]] = {
    "received": (Op("reached them", "received {of}"), (Kinds.DELIVERED,)),
    "opened": (Op("was opened by them", "opened {of}"), (Kinds.OPENED,)),
    "not_opened": (
        Op("reached them and was not opened", "received {of} but did not open it"),
        (Kinds.DELIVERED, Kinds.OPENED),
    ),
    "machine_opened": (
        Op("was opened by machines alone", "had {of} opened by machines alone"),
        (Kinds.OPENED,),
    ),
    "clicked": (Op("was clicked", "clicked in {of}"), (Kinds.CLICKED,)),
    "not_clicked": (
        Op("reached them and was not clicked", "received {of} but did not click in it"),
        (Kinds.DELIVERED, Kinds.CLICKED),
    ),
    "clicked_link": (Op("had this link clicked", "clicked {value} in {of}", Takes.CHOICE), (Kinds.CLICKED,)),
    "left": (Op("made them leave", "left through {of}"), (Kinds.UNSUBSCRIBED,)),
    "complained": (Op("was complained about", "complained about {of}"), (Kinds.COMPLAINED,)),
    "hard_bounced": (Op("bounced for good", "bounced for good at {of}"), (Kinds.HARD_BOUNCED,)),
    "soft_bounced": (Op("bounced for now", "bounced for now at {of}"), (Kinds.SOFT_BOUNCED,)),
}

_OP_OF = {
    What.DELIVERED: "received",
    What.OPENED: "opened",
    What.MACHINE: "machine_opened",
    What.CLICKED: "clicked",
    What.LEFT: "left",
    What.COMPLAINED: "complained",
    What.HARD_BOUNCED: "hard_bounced",
    What.SOFT_BOUNCED: "soft_bounced",
}


@dataclass(slots=True)
class _Sent:
    """A campaign, by the deliveries in which it left."""

    is_imported: bool
    deliveries: list[int] = field(default_factory=list)
    # The partitions of its recipients.
    days: set[date] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    has_links: bool = False
    # Digest → address.
    links: dict[str, str] = field(default_factory=dict)


class _Named(NamedTuple):
    name: str
    # Whether another one has the name, as far as known.
    is_twin: bool
    # Of the latest delivery; None without one.
    send_at: datetime | None
    account: str


class CampaignKind(Kind):
    """By the rows that make people unique in a report, so that a segment holds as many as the report says."""

    key, title, noun, takes_ids = "campaign", "Campaigns", "campaign", True
    is_newest_first, narrows = True, "engagement"
    is_about_deeds = True

    def all_ops(self) -> Mapping[str, Op]:
        return _ALWAYS | {key: op for key, (op, _) in _TOLD.items()}

    def ops(self, of: str | int, thing: Thing) -> Mapping[str, Op]:
        """Those its accounts tell enough for; all of them where nothing was sent yet."""
        sent: _Sent = thing.data
        if not sent.deliveries:
            return self.all_ops()
        return _ALWAYS | {
            key: op
            for key, (op, needs) in _TOLD.items()
            if sent.told.issuperset(needs) and (key != "clicked_link" or sent.has_links)
        }

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        """The latest first, those of one name with their day. Two queries when some are asked for: their links as well."""
        found = Campaign.objects.filter(workspace=workspace)
        found = found.filter(deliveries__isnull=False) if only is None else found.filter(pk__in=only)
        links = LinkFigures.objects.filter(delivery=OuterRef("deliveries"), source=Figures.Source.EVENTS)
        # Of all, twins are seen among them.
        twins = Campaign.objects.filter(workspace=workspace, name=OuterRef("name"), deliveries__isnull=False)
        is_twin = Value(False) if only is None else Exists(twins.exclude(pk=OuterRef("pk")))
        rows = found.annotate(has_links=Exists(links), is_twin=is_twin).values_list(
            "pk", "name", "is_imported", "deliveries", "deliveries__state", "deliveries__frozen_at",
            "deliveries__connection__provider", "has_links", "is_twin", "deliveries__send_at", "deliveries__connection__name",
        )  # fmt: skip
        names: dict[int, _Named] = {}
        sent: dict[int, _Sent] = {}
        for (
            pk, name, is_imported, delivery, state, frozen_at, provider, has_links, is_twin, send_at, account,
        ) in rows.order_by("-deliveries__send_at", "-deliveries", "-pk"):  # fmt: skip
            names.setdefault(pk, _Named(name, is_twin, send_at, account))
            known = sent.setdefault(pk, _Sent(is_imported))
            if delivery is None or state in BEFORE_LEAVING:
                continue
            known.deliveries.append(delivery)
            known.days |= {frozen_at.date()} if frozen_at else set()
            known.told |= _told_by(provider)
            known.has_links |= has_links
        if only is not None:
            for pk, url in _links(list(names), _MOST_TOLD):
                sent[pk].links[link_digest(url).hex()] = url
        shown = {pk: one for pk, one in names.items() if only is not None or sent[pk].deliveries}
        labels = _labels(shown)
        return {pk: Thing(labels[pk], data=sent[pk]) for pk in shown}

    def choices(self, workspace: Workspace, of: str | int) -> Sequence[tuple[str, str]]:
        mine = Campaign.objects.filter(workspace=workspace, pk=of)
        return [(link_digest(url).hex(), redact(url)) for _, url in _links(mine, MOST_LINKS)]

    def value(self, condition: Condition, thing: Thing) -> str:
        url = thing.data.links.get(condition.value) if thing.data else None
        return f"“{redact(url)}”" if url else "a link" if condition.value else ""

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        sent: _Sent = thing.data
        if not sent.deliveries:
            return "true" if condition.op == "not_sent" else "false"

        def did(*kinds: str, digest: str = "", is_machine: bool = False) -> str:
            words = ", ".join(f"'{Kinds(kind).value}'" for kind in kinds)
            return (
                "exists (select 1 from reporting_seen s where s.contact_id = c.id"
                f" and s.delivery_id = any({write.put(sent.deliveries)}::bigint[]) and s.kind in ({words})"
                f" and s.link_digest = decode({write.put(digest)}, 'hex')"
                f" and {'' if is_machine else 'not '}s.is_machine)"
            )

        match condition.op:
            case "sent" | "not_sent":
                bounced = (Kinds.HARD_BOUNCED, Kinds.SOFT_BOUNCED)
                was = did(Kinds.DELIVERED, *bounced) if sent.is_imported else _in_ledger(sent, write)
                return was if condition.op == "sent" else f"(not {was})"
            case "received":
                return did(Kinds.DELIVERED)
            case "not_opened":
                return f"({did(Kinds.DELIVERED)} and not {did(Kinds.OPENED)})"
            case "not_clicked":
                return f"({did(Kinds.DELIVERED)} and not {did(Kinds.CLICKED)})"
            case "machine_opened":
                return f"({did(Kinds.OPENED, is_machine=True)} and not {did(Kinds.OPENED)})"
            case "clicked_link":
                is_one = _DIGEST.fullmatch(condition.value)
                return did(Kinds.CLICKED, digest=condition.value) if is_one else "false"
            case "left":
                return did(Kinds.UNSUBSCRIBED)
            case op:
                return did(op)


def _labels(campaigns: Mapping[int, _Named]) -> dict[int, str]:
    """Each campaign's name; of those of one name with the day, and with the account where that is one as well."""
    named = Counter(one.name for one in campaigns.values())
    days = {
        pk: day(in_zone(one.send_at))
        for pk, one in campaigns.items()
        if one.send_at and (one.is_twin or named[one.name] > 1)
    }
    of_day = Counter((campaigns[pk].name, said) for pk, said in days.items())
    return {
        pk: " · ".join(
            [f"\u2068{one.name}\u2069", days[pk], *([one.account] if of_day[one.name, days[pk]] > 1 else [])]
        )
        if pk in days
        else one.name
        for pk, one in campaigns.items()
    }


def rule_of(campaign: Campaign, what: What, link: LinkFigures | None = None) -> dict[str, Any]:
    """The people behind one number of its report, as a rule in JSON."""
    condition: dict[str, Any] = {"kind": CampaignKind.key, "of": campaign.pk, "op": _OP_OF[what]}
    if link is not None:
        condition |= {"op": "clicked_link", "value": link_digest(link.url).hex()}
    return {"join": "all", "rules": [condition]}


class LinkKind(Kind):
    key, title, noun = "link", "Links", "link"
    is_about_deeds = True

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "clicked": Op("was clicked that contains", "clicked {of} that contains {value}", Takes.TEXT),
            "not_clicked": Op(
                "was never clicked that contains", "never clicked {of} that contains {value}", Takes.TEXT
            ),
        }

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        return {"any": Thing("a link")} if only is None or "any" in only else {}

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        found = (
            "exists (select 1 from reporting_linkfigures l"
            " join campaigns_delivery d on d.id = l.delivery_id join campaigns_campaign g on g.id = d.campaign_id"
            " join reporting_seen s on s.delivery_id = l.delivery_id and s.kind = 'clicked' and not s.is_machine"
            " and s.link_digest = decode(md5(l.url), 'hex')"
            f" where s.contact_id = c.id and g.workspace_id = {write.put(write.workspace_id)}"
            f" and l.source = 'events' and l.url ilike {write.put(f'%{like(condition.value)}%')})"
        )
        return found if condition.op == "clicked" else f"(not {found})"


def _in_ledger(sent: _Sent, write: Writer) -> str:
    states = ", ".join(f"'{state.value}'" for state in _SENT)
    return (
        "exists (select 1 from campaigns_recipient r where r.contact_id = c.id"
        f" and r.delivery_id = any({write.put(sent.deliveries)}::bigint[])"
        f" and r.planned_on = any({write.put(sorted(sent.days))}::date[]) and r.state in ({states}))"
    )


def _told_by(provider: str) -> set[str]:
    """Kinds of events whose people are known, those of our own page to leave included."""
    cls = provider_class(provider)
    return {*cls.told_kinds(), *(() if cls.capabilities.links_unsubscribe else (Kinds.UNSUBSCRIBED,))}


def _links(campaigns: Any, most: int) -> list[tuple[int, str]]:
    """(campaign, address) of the links people clicked, the most clicked first."""
    found = LinkFigures.objects.filter(delivery__campaign__in=campaigns, source=Figures.Source.EVENTS)
    return list(found.order_by("-clicks", "pk").values_list("delivery__campaign", "url")[:most])

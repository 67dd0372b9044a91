"""The people a draft would reach, one by one, and what its merge tags would read for them."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact

from accounts.models import Connection, Workspace
from accounts.redaction import redact
from audiences.models import Consent, Contact, Field, Subscription, Suppression
from audiences.queries import remote_fields
from audiences.rules import Where
from campaigns import merge_tags
from campaigns.models import Campaign
from campaigns.queries.chosen import choice_of

_ACTIVE, _LEFT = Subscription.Status.SUBSCRIBED, Subscription.Status.UNSUBSCRIBED
# A named value, and the name that rules have for the table of contacts.
_NAME, _ALIAS = re.compile(r"%\((\w+)\)s"), re.compile(r"\bc\.")


def reachable(campaign: Campaign) -> QuerySet[Contact]:
    """Who was chosen and may be written to; the same people as the equation's last term.

    Asked person by person, so that the first few are found without looking at everybody.
    """
    choice = choice_of(campaign).complete()
    of_person = Subscription.objects.filter(contact=OuterRef("pk"))
    chosen, active = of_person.filter(list__in=choice.lists), of_person.filter(status=_ACTIVE)
    reached = Q(Exists(chosen.filter(status=_ACTIVE)))
    if wheres := choice.wheres():
        consents = Consent.objects.filter(contact=OuterRef("pk"), purpose=Consent.Purpose.MAIL).standing()
        newest = Subquery(consents.order_by("-at", "-id").values("kind")[:1])
        agreed = ~Q(Exists(of_person.filter(status=_LEFT))) & Q(Exact(newest, Value(Consent.Kind.GIVEN)))
        reached |= _in_any(wheres) & (Q(Exists(active)) | agreed)
    return (
        Contact.objects.filter(reached, workspace_id=campaign.workspace_id)
        .exclude(Exists(chosen.filter(status=_LEFT)))
        .exclude(Exists(Suppression.objects.filter(contact=OuterRef("pk"), lifted_at=None)))
    )


def _in_any(wheres: Sequence[Where]) -> Q:
    """The rules of segments over the table of contacts by its own name, with their values in order."""
    sql = " or ".join(where.sql for where in wheres)
    named = {name: value for where in wheres for name, value in where.values.items()}
    values = [named[name] for name in _NAME.findall(sql)]
    sql = _NAME.sub("%s", _ALIAS.sub("audiences_contact.", sql))
    return Q(RawSQL(f"({sql})", values, output_field=BooleanField()))  # noqa: S611 - what people typed is in the values


def field_keys(workspace: Workspace) -> dict[str, str]:
    """Key → label of every contact field, the standard ones first."""
    fields = dict(Contact.STANDARD_FIELDS)
    fields |= dict(Field.objects.filter(workspace=workspace).values_list("key", "label"))
    return fields


def field_names(connection: Connection) -> dict[str, str]:
    """Our field key → the account's name of it, for the fields both have."""
    return {key: name for key, name in remote_fields(connection).items() if name}


def workspace_values(workspace: Workspace) -> dict[str, str]:
    """What the `workspace.…` tags say; the postal address in one line."""
    lines = [line.strip(" ,") for line in workspace.postal_address.splitlines()]
    return {
        "workspace.name": workspace.name,
        "workspace.postal_address": ", ".join(line for line in lines if line),
    }


def values_for(
    contact: Contact | None, workspace: Workspace, *, shows_addresses: bool = True
) -> dict[str, str]:
    """Tag name → value for one person; without one, only what is the same for everybody."""
    values = workspace_values(workspace) | {"unsubscribe_url": "#unsubscribe", "view_url": "#view"}
    if contact is not None:
        said: Callable[[str], str] = str if shows_addresses else redact
        for key in contact.STANDARD_FIELDS:
            values[f"contact.{key}"] = said(getattr(contact, key))
        for key, value in contact.custom.items():
            values.setdefault(f"contact.{key}", said(_text(value)))
    return values


@dataclass(frozen=True, slots=True)
class Holes:
    """How many people a campaign reaches, and field key → how many of them have nothing there."""

    people: int
    empty: Mapping[str, int]


def holes(campaign: Campaign, keys: Collection[str]) -> Holes:
    """One statement, naming only the fields in `keys`."""
    names = {f"empty_{number}": key for number, key in enumerate(sorted(keys))}
    counted = _with_texts(reachable(campaign), names.values()).aggregate(
        people=Count("pk"), **{name: Count("pk", filter=_is_empty(key)) for name, key in names.items()}
    )
    return Holes(counted["people"], {key: counted[name] for name, key in names.items()})


def with_most_gaps(campaign: Campaign, keys: Collection[str]) -> Contact | None:
    """The person who lacks most of the fields in `keys`."""
    gaps = Value(0, output_field=IntegerField())
    for key in sorted(keys):
        gaps = gaps + Case(When(_is_empty(key), then=1), default=0)  # type: ignore[assignment]
    people = _with_texts(reachable(campaign), keys)
    return people.alias(gaps=gaps).order_by("-gaps", "pk").first()


@dataclass(frozen=True, slots=True)
class Step:
    """One person of the audience and their neighbours' ids."""

    contact: Contact | None
    before: int | None
    after: int | None


def step(campaign: Campaign, contact_id: int | None) -> Step:
    """The person asked for if the campaign reaches them, else the first one it does."""
    people = reachable(campaign)
    contact = people.filter(pk=contact_id).first() if contact_id else None
    contact = contact or people.order_by("pk").first()
    if contact is None:
        return Step(None, None, None)
    ids = people.values_list("pk", flat=True)
    return Step(
        contact,
        ids.filter(pk__lt=contact.pk).order_by("-pk").first(),
        ids.filter(pk__gt=contact.pk).order_by("pk").first(),
    )


def _custom(keys: Iterable[str]) -> list[str]:
    return [key for key in keys if key not in Contact.STANDARD_FIELDS]


def _with_texts(people: QuerySet[Contact], keys: Iterable[str]) -> QuerySet[Contact]:
    return people.alias(**{f"custom_{key}": KeyTextTransform(key, F("custom")) for key in _custom(keys)})


def _is_empty(key: str) -> Q:
    if key in Contact.STANDARD_FIELDS:
        return Q(**{key: ""})
    return Q(**{f"custom_{key}__isnull": True}) | Q(**{f"custom_{key}": ""})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def known_names(workspace: Workspace) -> frozenset[str]:
    return merge_tags.known_names(field_keys(workspace))

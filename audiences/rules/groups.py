"""Conditions over where a person stands: on a list, under a tag, in an account, in another segment."""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from accounts.days import day_after, start_of
from accounts.models import Connection, MirrorKind, Workspace
from accounts.names import by_name
from audiences.list_names import ListLabels
from audiences.models import List, Segment, Tag
from audiences.rules.fields import value_in_words
from audiences.rules.kinds import Kind, Meant, Op, Takes, Thing, Writer
from audiences.rules.nodes import Condition

_PERIODS = {
    "in_last": ("in the last … days", "in the last {value}", Takes.DAYS),
    "since": ("since", "since {value}", Takes.DATE),
    "before": ("before", "before {value}", Takes.DATE),
    "within": ("between", "between {value}", Takes.DATES),
}
_OF_LISTS: dict[str, Op] = {
    "on": Op("is on it", "on the list {of}"),
    "not_on": Op("is not on it", "not on the list {of}"),
    **{
        f"joined_{key}": Op(f"joined {label}", f"joined the list {{of}} {says}", takes)
        for key, (label, says, takes) in _PERIODS.items()
    },
    "pending": Op("has not confirmed it yet", "has not confirmed the list {of} yet"),
    "left": Op("left it", "left the list {of}"),
    **{
        f"left_{key}": Op(f"left {label}", f"left the list {{of}} {says}", takes)
        for key, (label, says, takes) in _PERIODS.items()
    },
}
_SO_MANY = ("at_least", "at_most", "exactly")
_LEFT = frozenset(["left", "unsubscribed", "leave", "unsubscribe"])
_JOINED = frozenset(["joined", "on", "subscribed", "added", "to", "signed", "up", "new", "came"])
_NO_VERB = frozenset(["who", "did", "have", "has", "people", "the", "a", "of", "list", "lists"])


class _Joins(Kind):
    """Of being on a list, joining and leaving it."""

    def meant(self, of: str | int, op: str, value: Any, words: Collection[str], today: date) -> Meant | None:
        said = set(words) - _NO_VERB
        verb = "left" if said and said <= _LEFT else "joined" if said <= _JOINED else ""
        if not verb:
            return None
        match op:
            case "after":
                return Meant(f"{verb}_since", day_after(date.fromisoformat(value)).isoformat())
            case "before" | "within":
                return Meant(f"{verb}_{op}", value)
            case "for":
                return Meant(f"{verb}_before", value)
            case "on":
                return Meant(f"{verb}_within", [value, value])
        return None

    def value(self, condition: Condition, thing: Thing) -> str:
        return value_in_words(condition, super().value(condition, thing))


class ListKind(_Joins):
    key, title, noun, takes_ids = "list", "Lists", "list", True

    def all_ops(self) -> Mapping[str, Op]:
        return _OF_LISTS

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = List.objects.filter(workspace=workspace).order_by(*by_name())
        found = found.filter(archived_at=None) if only is None else found.filter(pk__in=only)
        label = ListLabels(workspace)
        return {row.pk: Thing(label(row), "archived" if row.archived_at else "") for row in found}

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        found = _on(f" and s.list_id = {write.put(condition.of)}", condition, write)
        return f"(not {found})" if condition.op == "not_on" else found

    def together(self, condition: Condition) -> str:
        return condition.op if condition.op in ("on", "pending", "left") else ""

    def sql_of_any(self, conditions: Sequence[Condition], write: Writer) -> str:
        lists = write.put([one.of for one in conditions])
        return _on(f" and s.list_id = any({lists})", conditions[0], write)


def _on(which: str, condition: Condition, write: Writer) -> str:
    verb, _, period = condition.op.partition("_")
    status = {"pending": "pending", "left": "unsubscribed"}.get(verb, "subscribed")
    when = ""
    if period == "in_last":
        when = f" and s.changed_at >= {write.put(write.now - timedelta(days=condition.value))}"
    elif period in ("since", "before", "within"):
        first, last = {
            "since": (condition.value, ""), "before": ("", condition.value), "within": condition.value
        }[period]  # fmt: skip
        if period == "within":
            last = day_after(date.fromisoformat(last)).isoformat()
        for sign, day in ((">=", first), ("<", last)):
            if day:
                at = start_of(date.fromisoformat(day), write.zone)
                when += f" and s.changed_at {sign} {write.put(at)}"
    return (
        "exists (select 1 from audiences_subscription s where s.contact_id = c.id"
        f"{which} and s.status = '{status}'{when})"
    )


class AnyKind(_Joins):
    """Whether there is a list or a tag at all."""

    key, title = "any", "Any at all"
    THINGS: Mapping[str, Thing] = {"list": Thing("any list"), "tag": Thing("any tag")}
    _LISTS: Mapping[str, Op] = {
        key: Op(op.label.replace(" it", " one"), op.says.replace("the list {of}", "{of}"), op.takes)
        for key, op in _OF_LISTS.items()
    } | {
        "not_on": Op("is on none", "on no list"),
        "at_least": Op("is on at least … of them", "on at least {value}", Takes.NUMBER),
        "at_most": Op("is on at most … of them", "on at most {value}", Takes.NUMBER),
        "exactly": Op("is on exactly … of them", "on exactly {value}", Takes.NUMBER),
    }
    _TAGS: Mapping[str, Op] = {
        "has": Op("has one", "tagged at all"),
        "has_not": Op("has none", "not tagged at all"),
    }

    def all_ops(self) -> Mapping[str, Op]:
        return {**self._LISTS, **self._TAGS}

    def ops(self, of: str | int, thing: Thing) -> Mapping[str, Op]:
        return self._TAGS if of == "tag" else self._LISTS

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        return {of: thing for of, thing in self.THINGS.items() if only is None or of in only}

    def meant(self, of: str | int, op: str, value: Any, words: Collection[str], today: date) -> Meant | None:
        return super().meant(of, op, value, words, today) if of == "list" else None

    def value(self, condition: Condition, thing: Thing) -> str:
        said = super().value(condition, thing)
        return f"{said} list{'' if condition.value == 1 else 's'}" if condition.op in _SO_MANY else said

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        if condition.of == "tag":
            found = "exists (select 1 from audiences_tagging t where t.contact_id = c.id)"
        elif condition.op in _SO_MANY:
            return _on_so_many(condition.op, condition.value, write)
        else:
            found = _on("", condition, write)
        return f"(not {found})" if condition.op in ("not_on", "has_not") else found


def _on_so_many(op: str, value: int | float, write: Writer) -> str:
    if op == "at_most":
        return f"(not {_on_so_many('at_least', math.floor(value) + 1, write)})"
    if op == "at_least" and value <= 0:
        return "true"
    if value == 0:
        return f"(not {_on('', Condition('any', 'list', 'on'), write)})"
    sign = f"{'=' if op == 'exactly' else '>='} {write.put(value)}"
    if write.is_one_by_one:
        return (
            "((select count(*) from audiences_subscription s where s.contact_id = c.id and s.status = 'subscribed')"
            f" {sign})"
        )
    return (
        "(c.id in (select s.contact_id from audiences_subscription s join audiences_list l on l.id = s.list_id"
        f" where l.workspace_id = {write.put(write.workspace_id)} and s.status = 'subscribed'"
        f" group by s.contact_id having count(*) {sign}))"
    )


class TagKind(Kind):
    key, title, noun, takes_ids = "tag", "Tags", "tag", True

    def all_ops(self) -> Mapping[str, Op]:
        return {"has": Op("has it", "tagged {of}"), "has_not": Op("has it not", "not tagged {of}")}

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = Tag.objects.filter(workspace=workspace).order_by(*by_name())
        if only is not None:
            found = found.filter(pk__in=only)
        return {row.pk: Thing(row.name) for row in found}

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        found = _tagged(f"= {write.put(condition.of)}")
        return found if condition.op == "has" else f"(not {found})"

    def together(self, condition: Condition) -> str:
        return condition.op if condition.op == "has" else ""

    def sql_of_any(self, conditions: Sequence[Condition], write: Writer) -> str:
        return _tagged(f"= any({write.put([one.of for one in conditions])})")


def _tagged(which: str) -> str:
    return f"exists (select 1 from audiences_tagging t where t.contact_id = c.id and t.tag_id {which})"


class AccountKind(Kind):
    key, title, noun, takes_ids = "account", "Accounts", "account", True

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "in": Op("holds them", "held by the account {of}"),
            "not_in": Op("does not hold them", "not held by the account {of}"),
            "blocked": Op("blocks them", "blocked in the account {of}"),
            "gone": Op("held them once", "gone from the account {of}"),
        }

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = Connection.objects.filter(workspace=workspace).order_by(*by_name())
        if only is not None:
            found = found.filter(pk__in=only)
        else:
            found = found.exclude(status__in=[Connection.Status.CHECKING, Connection.Status.DISCONNECTED])
        return {
            row.pk: Thing(row.name, "disconnected" if row.status == Connection.Status.DISCONNECTED else "")
            for row in found
        }

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        is_there = "m.gone_at is not null" if condition.op == "gone" else "m.gone_at is null"
        blocked = " and m.theirs ->> 'blocked' = 'true'" if condition.op == "blocked" else ""
        found = (
            f"exists (select 1 from accounts_mirrorrow m where m.connection_id = {write.put(condition.of)}"
            f" and m.kind = '{MirrorKind.CONTACT.value}' and m.object_id = c.id and {is_there}{blocked})"
        )
        return f"(not {found})" if condition.op == "not_in" else found


class SegmentKind(Kind):
    """Another segment's rule in place: `Known` has read it."""

    key, title, noun, takes_ids = "segment", "Segments", "segment", True

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "in": Op("is in it", "in the segment {of}"),
            "not_in": Op("is not in it", "not in the segment {of}"),
        }

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = Segment.objects.filter(workspace=workspace).order_by(*by_name())
        found = found.filter(archived_at=None) if only is None else found.filter(pk__in=only)
        return {
            row.pk: Thing(row.name, "archived" if row.archived_at else "", {"rule": row.rule})
            for row in found
        }

"""Conditions over where a person stands: on a list, under a tag, in an account, in another segment."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from accounts.models import Connection, MirrorKind, Workspace
from accounts.names import by_name
from audiences.list_names import ListLabels
from audiences.models import List, Segment, Tag
from audiences.rules.fields import days_in_words
from audiences.rules.kinds import Kind, Op, Takes, Thing, Writer
from audiences.rules.nodes import Condition


class ListKind(Kind):
    key, title, noun, takes_ids = "list", "Lists", "list", True

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "on": Op("is on it", "on the list {of}"),
            "not_on": Op("is not on it", "not on the list {of}"),
            "joined_in_last": Op(
                "joined in the last … days", "joined the list {of} in the last {value}", Takes.DAYS
            ),
            "pending": Op("has not confirmed it yet", "has not confirmed the list {of} yet"),
            "left": Op("left it", "left the list {of}"),
        }

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = List.objects.filter(workspace=workspace).order_by(*by_name())
        found = found.filter(archived_at=None) if only is None else found.filter(pk__in=only)
        label = ListLabels(workspace)
        return {row.pk: Thing(label(row), "archived" if row.archived_at else "") for row in found}

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        since = ""
        if condition.op == "joined_in_last":
            since = f" and s.changed_at >= {write.put(write.now - timedelta(days=condition.value))}"
        found = _on(f"= {write.put(condition.of)}", condition.op, since)
        return f"(not {found})" if condition.op == "not_on" else found

    def together(self, condition: Condition) -> str:
        return condition.op if condition.op in ("on", "pending", "left") else ""

    def sql_of_any(self, conditions: Sequence[Condition], write: Writer) -> str:
        return _on(f"= any({write.put([one.of for one in conditions])})", conditions[0].op)

    def value(self, condition: Condition, thing: Thing) -> str:
        return days_in_words(condition.value) if condition.op == "joined_in_last" else ""


def _on(which: str, op: str, since: str = "") -> str:
    status = {"pending": "pending", "left": "unsubscribed"}.get(op, "subscribed")
    return (
        "exists (select 1 from audiences_subscription s where s.contact_id = c.id"
        f" and s.list_id {which} and s.status = '{status}'{since})"
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

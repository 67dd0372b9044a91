"""Conditions over what brought or changed a person: an import or a bulk action, as long as its journal is kept."""

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, Func, Max, Min, OuterRef, Subquery, Sum, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Concat, JSONObject

from accounts.models import Workspace
from accounts.templatetags.ui import day, in_zone
from audiences.bulk import words
from audiences.importing.tables import Tables
from audiences.models import BulkAction, BulkOutcome, Change, Import, List, Tag
from audiences.rules.kinds import Kind, Op, Thing, Writer
from audiences.rules.nodes import Condition

# The builder offers no more: older ones are rarely meant.
NEWEST = 100
# As many people of an outcome as are unpacked for a page at once.
FEW = 20_000
Outcome = Import.Outcome
# Of those who were here already.
KNOWN = (Outcome.CHANGED, Outcome.UNCHANGED, Outcome.LEFT, Outcome.SUPPRESSED)


class ImportKind(Kind):
    key, title, noun, takes_ids = "import", "Imports", "import", True
    is_newest_first = True

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "in": Op("were in it", "in the import {of}"),
            Outcome.NEW.value: Op("came by it", "came by the import {of}"),
            Outcome.CHANGED.value: Op("were changed by it", "changed by the import {of}"),
            Outcome.UNCHANGED.value: Op("were like that already", "left unchanged by the import {of}"),
            Outcome.LEFT.value: Op("had left its list before", "had left the list before the import {of}"),
            Outcome.SUPPRESSED.value: Op("were suppressed then", "suppressed when the import {of} ran"),
        }

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = (
            Import.objects.alias(people=_PEOPLE)
            .filter(workspace=workspace, has_rows=True, people__isnull=False)
            .annotate(first=Min("steps__first_contact"), last=Max("steps__last_contact"))
            .order_by("-id")
        )
        if only is not None:
            found = found.filter(pk__in=only)
        else:
            found = found.exclude(source=Import.Source.BY_HAND)[:NEWEST]
        return {row.pk: self._thing(row) for row in found}

    def _thing(self, row: Any) -> Thing:
        label = f"{row.name[:60]}, {_moment(row.created_at)}"
        note = "rolled back" if row.state == Import.State.UNDONE else _until(row.finished_at)
        return Thing(label, note, {"first": row.first, "last": row.last, "result": Tables(row).result})

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        outcomes = [outcome.value for outcome in KNOWN] if condition.op == "in" else [condition.op]
        has_new = thing.data["first"] is not None
        if condition.op == Outcome.NEW:
            return self._new("c", condition, thing, write) if has_new else "false"
        found = (
            f"select r.contact_id from {thing.data['result']} r where r.outcome = any({write.put(outcomes)})"
        )
        if condition.op == "in" and has_new:
            # Two sources of one join: an "or" the planner would ask of everybody.
            new = self._new("n", condition, thing, write)
            found += f" union all select n.id from audiences_contact n where n.workspace_id = {write.put(write.workspace_id)} and {new}"
        return f"exists (select 1 from ({found}) o where o.contact_id = c.id)"

    def _new(self, alias: str, condition: Condition, thing: Thing, write: Writer) -> str:
        """Made in a chunk of it: between these ids, at the moment of that chunk."""
        first, last = write.put(thing.data["first"]), write.put(thing.data["last"])
        return (
            f"({alias}.id between {first} and {last} and exists (select 1 from audiences_importstep t"
            f" where t.of_id = {write.put(condition.of)} and t.at = {alias}.created_at))"
        )


# By it the people of an import are looked up; one that ran before there was such an index has none.
_PEOPLE = Func(
    Concat(
        Value("audiences_import_"), Cast("pk", TextField()), Value("_result_people"), output_field=TextField()
    ),
    function="to_regclass",
    output_field=TextField(),
)


class BulkKind(Kind):
    key, title, noun, takes_ids = "bulk", "Bulk actions", "bulk action", True
    is_newest_first = True

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "changed": Op("changed them", "changed by the bulk action {of}"),
            "suppressed_before": Op(
                "found them suppressed", "suppressed already before the bulk action {of}"
            ),
            "by_hand_too": Op(
                "found them suppressed, not by hand",
                "suppressed before the bulk action {of}, and by hand since",
            ),
            "suppressed": Op("found them suppressed", "left out of the bulk action {of} as suppressed"),
            "left": Op("found that they had left", "left the list before the bulk action {of}"),
            "there": Op("found them on the list", "on the list already before the bulk action {of}"),
            "not_there": Op("found them not on the list", "not on the list at the bulk action {of}"),
            "pending": Op("found them not confirmed", "not confirmed on the list at the bulk action {of}"),
            "had_it": Op("found them with the tag", "with the tag already before the bulk action {of}"),
            "had_it_not": Op("found them without the tag", "without the tag before the bulk action {of}"),
            "same": Op("found the value the same", "with the same value before the bulk action {of}"),
        }

    def ops(self, of: str | int, thing: Thing) -> Mapping[str, Op]:
        """Whom it changed, and each other outcome of which it is written down whose it was."""
        action = thing.data["action"]
        told = {*words.OUTCOMES[action]} - {BulkAction.WRITTEN[action]}
        if action != BulkAction.Action.SUPPRESS:
            told &= {*thing.data["outcomes"]}
        return {op: said for op, said in self.all_ops().items() if op in told or op == "changed"}

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        found = (
            BulkAction.objects.filter(workspace=workspace, has_journal=True)
            .annotate(list_name=_name(List, "list"), tag_name=_name(Tag, "tag"), written=_WRITTEN)
            .order_by("-id")
        )
        if only is not None:
            found = found.filter(pk__in=only)
        else:
            found = found.exclude(state=BulkAction.State.UNDONE)[:NEWEST]
        return {row.pk: self._thing(row) for row in found}

    def _thing(self, row: Any) -> Thing:
        note = "undone" if row.state == BulkAction.State.UNDONE else _until(row.finished_at)
        aim = row.list_name or row.tag_name or row.arguments.get("field", "")
        # Where it is told, the whole stands in quotes.
        label = f"{words.short(row, aim, quotes='‘’')}, {_moment(row.created_at)}"
        written = {one["outcome"]: one for one in row.written}
        # Of one that ran before they were written down, or began to, they are not all there.
        outcomes = {
            outcome: written.get(outcome)
            for outcome in words.OUTCOMES[row.action]
            if row.counts.get(outcome, 0) == written.get(outcome, {}).get("many", 0)
        }
        return Thing(label, note, {"action": row.action, "outcomes": outcomes})

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        if condition.op not in _WHICH:
            return self._outcome(condition, thing.data["outcomes"][condition.op], write)
        return (
            "exists (select 1 from audiences_bulkchange b"
            f" where b.of_id = {write.put(condition.of)} and b.contact_id = c.id and {_WHICH[condition.op]})"
        )

    def _outcome(self, condition: Condition, written: Mapping[str, int] | None, write: Writer) -> str:
        """A page looks up each of many; few, and all for a number or for the others, are unpacked once."""
        if written is None:
            return "false"
        rows = (
            f"from audiences_bulkoutcome o where o.of_id = {write.put(condition.of)}"
            f" and o.outcome = {write.put(condition.op)}"
        )
        if not write.is_one_by_one or write.is_denied or written["many"] <= FEW:
            # Not "in": of many the planner would make no join for whoever is not among them.
            return f"exists (select 1 from (select unnest(o.contact_ids) as id {rows}) p where p.id = c.id)"
        first, last = write.put(written["first"]), write.put(written["last"])
        return (
            f"(c.id between {first} and {last} and exists ("
            f"select 1 {rows} and o.first <= c.id and o.last >= c.id and c.id = any(o.contact_ids)))"
        )


# Of each other outcome: how many there were, and between which ids.
_WRITTEN = ArraySubquery(
    BulkOutcome.objects.filter(of=OuterRef("pk"))
    .values("outcome")
    .annotate(told=JSONObject(outcome="outcome", many=Sum("many"), first=Min("first"), last=Max("last")))
    .values("told")
)

# One that suppresses writes down whom it found suppressed, too.
_BEFORE = "b.changes #> '{@suppressed,0}' = 'true'"
_NOT_BY_HAND = "b.changes #> '{@suppressed,2}' = 'false'"
_WHICH = {
    "changed": f"{_BEFORE} is not true",
    # Of before they were told apart, all.
    "suppressed_before": f"{_BEFORE} and {_NOT_BY_HAND} is not true",
    "by_hand_too": f"{_BEFORE} and {_NOT_BY_HAND}",
}


def _name(model: type[List] | type[Tag], key: str) -> Subquery:
    """What the list or tag is called that a bulk action is about."""
    id_ = Cast(KeyTextTransform(key, OuterRef("arguments")), BigIntegerField())
    return Subquery(model.objects.filter(pk=id_).values("name")[:1])


def _moment(at: Any) -> str:
    local = in_zone(at)
    return f"{day(local)} {local:%H:%M}"


def _until(finished_at: Any) -> str:
    """Until when its people can be found: a segment made of it ends with it."""
    return f"until {day(in_zone(finished_at + Change.KEPT))}" if finished_at else ""

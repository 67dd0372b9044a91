"""How values of the audience read in the activity log. `accounts.details` asks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from accounts.details import Subject, Words, plain
from accounts.models import Workspace
from accounts.redaction import redact
from audiences import rules
from audiences.models import BulkAction, Contact, List, Suppression, Tag
from audiences.queries.contacts import shown, shown_name
from audiences.queries.fields import all_fields
from audiences.queries.merging import all_kept_instead
from audiences.queries.suppressions import shown_entry

# Patterns of one entry that are named.
MOST_NAMED = 20


def rules_in_words(workspace: Workspace, values: Sequence[Any]) -> Iterable[str]:
    read = [_rule(value) for value in values]
    known = rules.Known.of(workspace, *read)
    return [
        "cannot be read any more" if rule is None else redact(rules.sentence(rule, known)) for rule in read
    ]


def fields_in_words(workspace: Workspace, values: Sequence[Any]) -> Iterable[str]:
    """Keys of fields by their labels; a number of fields stays one."""
    labels: dict[Any, str] = {field.key: field.label for field in all_fields(workspace)}
    labels["email"] = "Address"
    return [
        ", ".join(labels.get(key, str(key)) for key in value) if isinstance(value, list) else plain(value)
        for value in values
    ]


def named(model: type[List] | type[Tag]) -> Words:
    """Ids by the names of these rows."""

    def words(workspace: Workspace, values: Sequence[Any]) -> Iterable[str]:
        found = model._default_manager.filter(workspace=workspace, pk__in=_ids(values))
        names = dict(found.values_list("pk", "name"))
        return [names.get(value, "gone by now") for value in values]

    return words


def people(workspace: Workspace, ids: Collection[int], shows_addresses: bool) -> Mapping[int, Subject]:
    """By name, else by address; for whom was merged, the one who was kept."""
    found = Contact.objects.filter(workspace=workspace).only("email", "first_name", "last_name").in_bulk(ids)
    if gone := {*ids} - {*found}:
        found |= all_kept_instead(workspace, gone)
    there = {
        id_: Subject(
            shown_name(row, shows_addresses=shows_addresses)
            or shown(row.email, shows_addresses=shows_addresses),
            row.get_absolute_url(),
        )
        for id_, row in found.items()
    }
    return dict.fromkeys(ids, Subject("Somebody who is no longer here")) | there


def suppressions(workspace: Workspace, ids: Collection[int], shows_addresses: bool) -> Mapping[int, Subject]:
    """A pattern leads to its page, a block to the person where there is one."""
    found = Suppression.objects.filter(workspace=workspace, pk__in=ids).select_related("contact")
    there = {
        row.pk: Subject(
            shown_entry(row, shows_addresses=shows_addresses), (row.contact or row).get_absolute_url()
        )
        for row in found
    }
    return dict.fromkeys(ids, Subject("A block that went with an erased person")) | there


def bulk_actions(workspace: Workspace, ids: Collection[int], _shows_addresses: bool) -> Mapping[int, Subject]:
    """The sentence names each; its page tells what became of whom."""
    found = BulkAction.objects.filter(workspace=workspace, pk__in=ids).only("pk")
    return {row.pk: Subject("Open the bulk action", row.get_absolute_url()) for row in found}


def patterns_in_words(workspace: Workspace, values: Sequence[Any]) -> Iterable[str]:
    """Whole domains without the sign of an address: viewers may read them, and of the others the letters that masks leave."""
    lists = [_ids(value)[:MOST_NAMED] if isinstance(value, list) else [] for value in values]
    found = Suppression.objects.filter(
        workspace=workspace, is_pattern=True, pk__in={pk for pks in lists for pk in pks}
    )
    names = {
        pk: f"all of {email[2:]}" if email.startswith("*@") else email
        for pk, email in found.values_list("pk", "email")
    }
    for value, pks in zip(values, lists, strict=True):
        if not isinstance(value, list):
            yield plain(value)
            continue
        more = len(value) - len(pks)
        named = [names[pk] for pk in pks if pk in names]
        yield ", ".join(named + [f"{more} more"] * bool(more))


WORDS: dict[str, Words] = {
    "rule": rules_in_words,
    "fields": fields_in_words,
    "list": named(List),
    "tag": named(Tag),
    "patterns": patterns_in_words,
}


def _rule(value: Any) -> rules.Group | None:
    try:
        return rules.read(value)
    except rules.BadRule:
        return None


def _ids(values: Collection[Any]) -> list[int]:
    return [value for value in values if isinstance(value, int)]

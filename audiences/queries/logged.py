"""How values of the audience read in the activity log. `accounts.details` asks."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from accounts.details import Words, plain
from accounts.models import Workspace
from accounts.redaction import redact
from audiences import rules
from audiences.models import List, Tag
from audiences.queries.fields import all_fields


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


WORDS: dict[str, Words] = {
    "rule": rules_in_words,
    "fields": fields_in_words,
    "list": named(List),
    "tag": named(Tag),
}


def _rule(value: Any) -> rules.Group | None:
    try:
        return rules.read(value)
    except rules.BadRule:
        return None


def _ids(values: Collection[Any]) -> list[int]:
    return [value for value in values if isinstance(value, int)]

"""What the activity log keeps of a change, in words, and whom or what it leads to.

An app says how its own values read, and where its own rows are. In `AppConfig.ready`:

    from accounts import details
    from audiences.queries import logged

    details.register("rule", logged.rules_in_words)
    details.register_subject("audiences.contact", logged.people)
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from accounts.models import ActivityEntry, Workspace
from accounts.redaction import redact
from accounts.templatetags.ui import day, in_zone, number, zone_name

# The values of one name on a page → a text for each, in their order; in a constant number of queries.
Words = Callable[[Workspace, Sequence[Any]], Iterable[str]]
Details = list[tuple[str, str]]


class Subject(NamedTuple):
    """What an entry is about, as it is now; without an address where it is gone."""

    text: str
    url: str = ""


class Line(NamedTuple):
    entry: ActivityEntry
    subject: Subject | None
    details: Details


# Ids of rows of one kind → each of them; in a constant number of queries. Whether addresses may be shown.
Subjects = Callable[[Workspace, Collection[int], bool], Mapping[int, Subject]]

# Numbers of rows, which tell a reader nothing; the sentence names the things.
UNSAID = frozenset({"id", "version", "nonce", "other", "contacts", "user", "consent", "blocks"})

_WORDS: dict[str, Words] = {}
_SUBJECTS: dict[str, Subjects] = {}


def register(name: str, words: Words) -> None:
    """`name` as it stands in `before` and `after`."""
    _WORDS[name] = words


def register_subject(label: str, subjects: Subjects) -> None:
    """`label` as it stands in `object_type`."""
    _SUBJECTS[label] = subjects


def in_words(
    workspace: Workspace, entries: Sequence[ActivityEntry], *, shows_addresses: bool = True
) -> list[Line]:
    """Each entry with what it leads to, and (what, text): what it was before, what it is after. What is empty is left out."""
    rows = [row for entry in entries for row in _rows(entry)]
    values: dict[str, list[Any]] = defaultdict(list)
    for _, _, name, value in rows:
        values[name].append(value)
    texts: dict[str, Iterator[str]] = {}
    for name, found in values.items():
        words = _WORDS.get(name)
        texts[name] = iter(words(workspace, found) if words else map(plain, found))
    said: dict[int, Details] = defaultdict(list)
    for pk, label, name, _ in rows:
        # Names of tags and lists are looked up as they are now, and may hold an address.
        text = next(texts[name])
        said[pk].append((label, text if shows_addresses else redact(text)))
    subjects = {
        (label, pk): subject
        for label, find in _SUBJECTS.items()
        if (ids := {entry.object_id for entry in entries if entry.object_id and entry.object_type == label})
        for pk, subject in find(workspace, ids, shows_addresses).items()
    }
    return [
        Line(entry, subjects.get((entry.object_type, entry.object_id or 0)), said[entry.pk])
        for entry in entries
    ]


def plain(value: Any) -> str:
    """Of a value that nobody says better."""
    match value:
        case bool():
            return "Yes" if value else "No"
        case int() | float():
            return number(value)
        case Mapping():
            parts = ((name, part) for name, part in value.items() if _is_said(name, part))
            return ", ".join(f"{_label(name).lower()}: {plain(part)}" for name, part in parts)
        case list():
            return ", ".join(map(plain, value))
    return _moment(str(value))


def _rows(entry: ActivityEntry) -> Iterator[tuple[int, str, str, Any]]:
    """(entry, label, name, value) of all that is said of it."""
    sides = {"before": entry.before or {}, "after": entry.after or {}}
    both = sides["before"].keys() & sides["after"].keys()
    for side, told in sides.items():
        for name, value in told.items():
            if _is_said(name, value):
                yield entry.pk, f"{_label(name)}, {side}" if name in both else _label(name), name, value


def _is_said(name: str, value: Any) -> bool:
    return name not in UNSAID and value not in (None, "", [], {})


def _label(name: str) -> str:
    """Tasks stand in it with the app they belong to."""
    words = name.rpartition(".")[2].replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _moment(text: str) -> str:
    """An instant as pages write it; any other text as it is."""
    try:
        local = in_zone(datetime.fromisoformat(text))
    except ValueError:
        return text
    return f"{day(local)}, {local:%H:%M} {zone_name(local)}"

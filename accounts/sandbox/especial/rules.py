"""Conditions on contacts, in the three notations: JSON, SQL-like and FIQL. One comparison each.

How conditions are joined, and what asks for behaviour or tags, is answered with a 400: the first is documented nowhere,
the second not needed. So what this server accepts is certain to be a comparison everywhere.
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from fnmatch import translate

from accounts.sandbox.especial.shapes import JSON
from accounts.sandbox.especial.state import Contact, ContactList
from accounts.sandbox.especial.wire import refuse

Test = Callable[[Contact], bool]

SQL = re.compile(r"""\s*`([\w-]+)`\s*(=|!=|>=|<=|>|<|NOT\s+LIKE|LIKE)\s*"([^"]*)"\s*""", re.IGNORECASE)
SQL_WORDS = {
    "=": "eq", "!=": "neq", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "like": "like", "not like": "unlike",
}  # fmt: skip
FIQL = re.compile(r"([\w-]+)(=(?:eq|neq|gt|gte|lt|lte|like|unlike)=|==|!=)([^;,()]*)")
FIQL_WORDS = {"==": "eq", "!=": "neq"}
COMPARE: dict[str, Callable[[JSON, JSON], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip
OWN = ("id", "email", "status", "subscribed_on", "bounces_count")
NUMBERS = ("integer", "timestamp")


def only_rule(given: Mapping[str, JSON], where: str = "body") -> dict[str, JSON]:
    """The one notation that was used; empty for none."""
    used = {name: given[name] for name in ("query", "fiql", "json") if given.get(name)}
    if len(used) > 1:
        raise refuse("Use one of query, fiql and json", where)
    return used


def condition(row: ContactList, rule: Mapping[str, JSON], where: str = "body") -> Test:
    """What a contact of the list must fulfil. Raises the 400 for what is not a comparison, or names an unknown field."""
    ((notation, written),) = rule.items()
    found = _parse(notation, written)
    if found is None:
        raise refuse("Unsupported or invalid segment condition", where, notation)
    word, name, value = found
    if name not in OWN and name not in row.attributes:
        raise refuse(f"Unknown attribute {name}", where, notation)
    return _comparison(row, word, name, value)


def _parse(notation: str, written: JSON) -> tuple[str, str, str] | None:
    """Comparison, field and value."""
    if notation == "query" and (match := SQL.fullmatch(written)):
        name, word, value = match.groups()
        return SQL_WORDS[" ".join(word.lower().split())], name, value.replace("%", "*")
    if notation == "fiql" and (match := FIQL.fullmatch(written)):
        name, word, value = match.groups()
        return FIQL_WORDS.get(word, word.strip("=")), name, value
    if notation == "json":
        return _parse_json(written)
    return None


def _parse_json(written: JSON) -> tuple[str, str, str] | None:
    """`{"gt": {"birthdate": "2000-01-01"}}`. In a query parameter it comes as text."""
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except (ValueError, RecursionError):
            return None
    if not isinstance(written, dict) or len(written) != 1:
        return None
    ((word, condition),) = written.items()
    if word not in (*COMPARE, "like", "unlike") or not isinstance(condition, dict) or len(condition) != 1:
        return None
    ((name, value),) = condition.items()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return word, name, str(value)


def _comparison(row: ContactList, word: str, name: str, value: str) -> Test:
    read = _reader(row, name)
    if word in ("like", "unlike"):
        pattern = re.compile(translate(re.sub(r"[\[?]", lambda m: f"[{m.group()}]", value)), re.IGNORECASE)
        wanted = word == "like"
        return lambda contact: bool(pattern.match(read(contact))) == wanted
    compare = COMPARE[word]
    if row.attributes.get(name) in NUMBERS or name in ("id", "subscribed_on", "bounces_count"):
        number = _number(value)
        if number is None:
            return lambda contact: word == "neq"

        def by_number(contact: Contact) -> bool:
            theirs = _number(read(contact))
            return word == "neq" if theirs is None else compare(theirs, number)

        return by_number
    text = value.lower()

    def by_text(contact: Contact) -> bool:
        """Nothing is greater or smaller than a value that is not there."""
        theirs = read(contact).lower()
        return compare(theirs, text) if theirs or word in ("eq", "neq") else False

    return by_text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _reader(row: ContactList, name: str) -> Callable[[Contact], str]:
    if name not in row.attributes:
        field = {"bounces_count": "bounces"}.get(name, name)
        return lambda contact: str(getattr(contact, field))
    place = list(row.attributes).index(name)
    return lambda contact: contact.values[place] if place < len(contact.values) else ""

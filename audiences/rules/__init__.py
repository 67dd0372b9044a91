"""Rules over people, as segments and filters hold them: a tree of conditions, read from JSON, told in words, run as SQL.

    {"join": "all", "rules": [
        {"kind": "list", "of": 7, "op": "on"},
        {"kind": "engagement", "of": "clicked", "op": "in_last", "value": 90},
        {"join": "any", "rules": [
            {"kind": "field", "of": "language", "op": "is", "value": ["fr"]},
            {"kind": "field", "of": "language", "op": "empty"}]}]}

    rule = rules.read(data)                       # raises BadRule with a sentence
    known = rules.Known.of(workspace, rule)       # what its ids are called; a few queries
    rules.sentence(rule, known)                   # on the list “News” and clicked in the last 90 days and (language …
    rules.where(rule, known)                      # SQL over `audiences_contact c`, and its values

Apps above this one bring kinds of their own by `rules.register(kind)` in `AppConfig.ready`.
"""

from audiences.rules.behaviour import ConsentKind, EngagementKind, MailableKind
from audiences.rules.compiling import Where, each, where
from audiences.rules.fields import FieldKind
from audiences.rules.groups import AccountKind, AnyKind, ListKind, SegmentKind, TagKind
from audiences.rules.kinds import KINDS, Kind, Op, Takes, Thing, Writer, register
from audiences.rules.known import Incomplete, Known
from audiences.rules.nodes import (
    MAX_DEPTH,
    BadRule,
    Condition,
    Group,
    Node,
    as_json,
    changed,
    conditions,
    read,
    together,
    typed,
)
from audiences.rules.offers import Offer
from audiences.rules.origins import BulkKind, ImportKind
from audiences.rules.phrases import Reader
from audiences.rules.sayings import untold
from audiences.rules.words import missing, named, sentence, told

for _kind in (
    ListKind(), TagKind(), AnyKind(), EngagementKind(), FieldKind(), SegmentKind(), MailableKind(), ConsentKind(), AccountKind(),
    ImportKind(), BulkKind(),
):  # fmt: skip
    register(_kind)

__all__ = [
    "KINDS",
    "MAX_DEPTH",
    "BadRule",
    "Condition",
    "Group",
    "Incomplete",
    "Kind",
    "Known",
    "Node",
    "Offer",
    "Op",
    "Reader",
    "Takes",
    "Thing",
    "Where",
    "Writer",
    "as_json",
    "changed",
    "conditions",
    "each",
    "missing",
    "named",
    "read",
    "register",
    "sentence",
    "together",
    "told",
    "typed",
    "untold",
    "where",
]

"""How names are compared, searched and put in order: whatever their accents and capitals."""

from typing import Any
from unicodedata import normalize

from django.db import models

# A capital Σ is σ wherever it stands: the database looks at one letter at a time, and Python makes it ς at the end of a word.
_PLAIN = str.maketrans("ıłŁøØđĐΣ", "ilLoOdDσ")


class Folded(models.Func):
    """A text without accents and capitals; `folded` is a function of the database, where an index can hold it."""

    function = "folded"
    arity = 1
    output_field = models.TextField()


class Holds(models.Lookup):
    """`name__holds=words`: stands in it somewhere. Of texts, short and long; `AccountsConfig` registers it."""

    lookup_name = "holds"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        words = connection.ops.prep_for_like_query(without_marks(self.rhs) or self.rhs)
        return f"folded({left}) like folded(%s)", (*values, f"%{words}%")


def without_marks(text: str) -> str:
    """As `folded` begins: before a text is escaped for LIKE, since a wide ％ is a % there; empty where it is only marks."""
    return "".join(letter for letter in normalize("NFKD", text) if not "\u0300" <= letter <= "\u036f")


def folded(text: str) -> str:
    """What `folded` of the database makes of it."""
    plain = without_marks(text).translate(_PLAIN).lower()
    return plain.replace("ß", "ss").replace("æ", "ae").replace("œ", "oe")


def by_name(of: str = "") -> tuple[Any, ...]:
    """Those of one name by age. `of`: by the name of what this relation leads to."""
    return (Folded(f"{of}__name"), f"{of}_id", "pk") if of else (Folded("name"), "pk")

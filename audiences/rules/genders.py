"""Women and men, by what fields that tell it hold: “f”, “female”, “Frau”, “Mme”."""

import re
from collections.abc import Sequence

_WORDS = tuple(
    frozenset(words.split("|"))
    for words in (
        "f|w|female|females|feminine|woman|women|womens|girl|girls|lady|ladies|mrs|ms|miss|weiblich|frau|frauen|dame|femme"
        "|femmes|féminin|mme|madame|vrouw|vrouwen|vrouwelijk|mevrouw|kvinne|kvinner|kvinna|kvinde|mujer|mujeres|femenino"
        "|donna|donne|femmina|femminile|sra|mulher|feminino|kobieta|k",
        "m|male|males|masculine|man|men|mens|boy|boys|gentleman|gentlemen|mr|mister|männlich|mann|männer|herr|homme|hommes"
        "|masculin|monsieur|man|mannen|mannelijk|heer|dhr|menn|hombre|hombres|masculino|uomo|uomini|maschio|maschile|sr"
        "|homem|mężczyzna",
    )
)  # fmt: skip
# Names of fields that tell it.
_TOLD_BY = frozenset(["gender", "sex", "salutation", "geschlecht", "anrede", "genre", "sexe", "civilité", "geslacht", "kjønn", "kön", "køn", "género", "genere", "sesso", "sexo", "gênero", "płeć"])  # fmt: skip


def is_told_by(label: str) -> bool:
    return any(word in _TOLD_BY for word in re.findall(r"\w+", label.casefold()))


def named(word: str) -> frozenset[str]:
    """All words for the same; none where it names none. One letter names nothing by itself."""
    folded = _folded(word)
    return next((words for words in _WORDS if len(folded) > 1 and folded in words), frozenset())


def written(word: str, there: Sequence[str]) -> list[str]:
    """Those of the values `there` that mean what is named."""
    return [value for value in there if _folded(value) in named(word)]


def _folded(word: str) -> str:
    return word.casefold().strip(" .").removesuffix("'s").removesuffix("’s")

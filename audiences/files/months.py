"""Names of months in files, long and short, in the languages people write them in here."""

import re
from functools import lru_cache

from babel import Locale

from accounts.names import without_marks

_LANGUAGES = ("en", "en_GB", "de", "de_AT", "fr", "es", "pt", "nl", "it")
# Beside those of the locales.
_OTHERS = {"mrz": 3, "maerz": 3}
_OTHER_LETTERS = re.compile(r"[.\s]+")


def month_of(name: str) -> int:
    """1 to 12. Raises ValueError."""
    try:
        return _months()[_fold(name)]
    except KeyError:
        raise ValueError(name) from None


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    names = dict(_OTHERS)
    for language in _LANGUAGES:
        of_language = Locale.parse(language).months
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                names |= {_fold(name): month for month, name in of_language[form][width].items()}
    return names


def _fold(name: str) -> str:
    return _OTHER_LETTERS.sub("", without_marks(name).casefold())

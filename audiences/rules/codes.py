"""Languages and countries by their everyday names, in English and in their own tongue: “French”, “français”, “België”."""

from collections.abc import Mapping, Sequence
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from django.conf.locale import LANG_INFO

# Fields whose values may be codes.
CODED = ("language", "country")
# How English speakers say some as well.
_ALSO = {"uk": "GB", "great britain": "GB", "usa": "US", "america": "US", "holland": "NL", "turkey": "TR"}


def written(of: str, name: str, there: Sequence[str]) -> list[str]:
    """Those of the values `there` that mean what is named, else its code; nothing where it names none."""
    name = name.casefold().removeprefix("the ")
    code = _codes(of).get(name, "")
    names = {name, code.casefold(), *_names(of, code)} - {""}
    found = [value for value in there if value.casefold() in names or _is_called(name, _names(of, value))]
    if of == "country" and not found and there and not any(len(value) == 2 for value in there):
        return [_english().territories[code]] if code else []
    return found or ([code] if code else [])


def _is_called(name: str, names: frozenset[str]) -> bool:
    """“Norwegian” is Norwegian Bokmål as well."""
    return any(one == name or one.startswith(f"{name} ") for one in names)


@cache
def _english() -> Locale:
    return Locale("en")


@cache
def _codes(of: str) -> Mapping[str, str]:
    """Name → code."""
    if of == "country":
        english = {code: name for code, name in _english().territories.items() if len(code) == 2}
        return {name.casefold(): code for code, name in english.items()} | _ALSO
    english = {code: name for code, name in _english().languages.items() if "_" not in code}
    own = {info["name_local"].casefold(): code for code, info in LANG_INFO.items() if "name_local" in info}
    return own | {name.casefold(): code for code, name in english.items()}


@cache
def _names(of: str, code: str) -> frozenset[str]:
    """What the code stands for."""
    if of == "country":
        code = code.upper()
        tongues = get_official_languages(code, de_facto=True) if len(code) == 2 else ()
        found = [_own(tongue, "territories", code) for tongue in ("en", *tongues)]
    else:
        code = code.lower().replace("_", "-").partition("-")[0]
        found = [_own(tongue, "languages", code) for tongue in ("en", code)] if 1 < len(code) < 4 else []
    return frozenset(name.casefold() for name in found if name)


def _own(tongue: str, what: str, code: str) -> str:
    try:
        names: Mapping[str, str] = getattr(Locale.parse(tongue), what)
    except (UnknownLocaleError, ValueError):
        return ""
    return names.get(code, "")

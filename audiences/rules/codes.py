"""Languages and countries by their everyday names, in English and in their own tongue: “French”, “français”, “België”."""

import pickle
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from babel.core import get_global
from babel.languages import get_official_languages
from babel.localedata import exists, resolve_locale_filename
from django.conf.locale import LANG_INFO

# Fields whose values may be codes.
CODED = ("language", "country")
# How English speakers say some as well.
_ALSO = {
    name: code
    for code, names in (
        ("GB", "uk|great britain|british|britons"), ("US", "usa|america|american|americans"), ("NL", "holland|dutchmen"),
        ("TR", "turkey|turks"), ("DE", "germans"), ("AT", "austrian|austrians"), ("CH", "swiss"), ("BE", "belgian|belgians"),
        ("FR", "frenchmen"), ("IT", "italians"), ("ES", "spaniards"), ("NO", "norwegians"), ("SE", "swedes"), ("DK", "danes"),
        ("FI", "finns"), ("PL", "poles"), ("IE", "irishmen"), ("CA", "canadian|canadians"), ("AU", "australian|australians"),
        ("BR", "brazilian|brazilians"), ("MX", "mexican|mexicans"),
    )
    for name in names.split("|")
}  # fmt: skip
# In which files name languages.
_TONGUES = ("en", "de", "fr", "it", "es", "nl", "pt", "da", "sv", "nb", "fi", "pl", "cs", "hu")
_CODE = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*", re.ASCII)
# Codes of countries that name no language, and often stand for theirs.
_OF_COUNTRIES = {"jp": "ja", "cz": "cs", "dk": "da", "gr": "el", "cn": "zh"}
_SCRIPTS = {"simplified": "Hans", "traditional": "Hant"}
_OF_A_COUNTRY = re.compile(r"([^()]+?) ?\(([^()]+)\)")


def language_of(text: str) -> str:
    """The code that is plainly meant: de for `Deutsch`, `German`, `DE`, `deu` and `de_DE`, pt-BR for `PT_br`, en-US for `English (US)`.

    A country that only repeats the language goes. Raises ValueError.
    """
    text = text.strip().casefold()
    if text in _english("language"):  # ga is Irish, and a language called so too
        return text
    if code := _spoken().get(text):
        return code
    if named := _OF_A_COUNTRY.fullmatch(text):
        code, part = _spoken().get(named[1], ""), _SCRIPTS.get(named[2]) or _country(named[2])
        if code and part:
            return _of(code.partition("-")[0], part)
    text = text.removesuffix(".utf-8").removesuffix(".utf8")
    if not _CODE.fullmatch(text):
        raise ValueError(text)
    code, *rest = text.replace("_", "-").split("-")
    if code not in _english("language"):
        alias = _OF_COUNTRIES.get(code) or str(get_global("language_aliases").get(code, ""))
        code, *more = alias.split("_")
        rest = [part.casefold() for part in more] + rest
    if code not in _english("language"):
        raise ValueError(text)
    for place, part in enumerate(rest):
        if len(part) == 2:
            if not (country := _country(part)):
                raise ValueError(text)
            rest[place] = country
        elif len(part) == 4 and part.isalpha():
            rest[place] = part.title()
    return _of(code, *rest)


def _of(code: str, *rest: str) -> str:
    return "-".join([code, *(part for part in rest if part != code.upper())])


def _country(text: str) -> str:
    return text.upper() if text.upper() in _english("country") else _codes("country").get(text, "")


def written(of: str, name: str, there: Sequence[str]) -> list[str]:
    """Those of the values `there` that mean what is named, else its code; nothing where it names none."""
    name = name.casefold().removeprefix("the ").replace(" and ", " & ")
    code = _codes(of).get(name, "")
    names = {name, code.casefold(), *_names(of, code)} - {""}
    found = [value for value in there if value.casefold() in names or _is_called(name, _names(of, value))]
    if of == "country" and not found and there and not any(len(value) == 2 for value in there):
        return [_english(of)[code]] if code else []
    return found or ([code] if code else [])


def _is_called(name: str, names: frozenset[str]) -> bool:
    """“Norwegian” is Norwegian Bokmål as well."""
    return any(one == name or one.startswith(f"{name} ") for one in names)


def _names(of: str, code: str) -> frozenset[str]:
    """What the code stands for, folded."""
    code = code.upper() if of == "country" else code.lower().replace("_", "-").partition("-")[0]
    if code not in _english(of):
        return frozenset()
    return frozenset(name.casefold() for name in (_english(of)[code], *_own(of).get(code, ())))


# What is kept is of codes that there are, worked out once: never of what people typed or hold.


@cache
def _codes(of: str) -> Mapping[str, str]:
    """Name, folded → code."""
    own = {name.casefold(): code for code, names in _own(of).items() for name in names}
    english = {name.casefold(): code for code, name in _english(of).items()}
    return own | english | (_ALSO if of == "country" else {})


@cache
def _spoken() -> Mapping[str, str]:
    """Name in one of the tongues, folded → code, where it is clear; of languages that something is written in today."""
    found: dict[str, set[str]] = {}
    for tongue in _TONGUES:
        for code, name in _told(tongue, "languages").items():
            if exists(code):
                found.setdefault(name.casefold(), set()).add(_of(*code.split("_")))
    clear = {name: codes.pop() for name, codes in found.items() if len(codes) == 1}
    own = {name: code for name, code in _codes("language").items() if exists(code)}
    return clear | own


@cache
def _english(of: str) -> Mapping[str, str]:
    """Code → name."""
    if of == "country":
        return {code: name for code, name in _told("en", "territories").items() if len(code) == 2}
    return {code: name for code, name in _told("en", "languages").items() if "_" not in code}


@cache
def _own(of: str) -> Mapping[str, Sequence[str]]:
    """Code → its names in the tongues of the country, or the language's own."""
    if of == "language":
        return {code: [info["name_local"]] for code, info in LANG_INFO.items() if "name_local" in info}
    tongues: dict[str, list[str]] = {}
    for code in _english(of):
        for tongue in get_official_languages(code, de_facto=True):
            tongues.setdefault(tongue, []).append(code)
    own: dict[str, list[str]] = {}
    for tongue, codes in tongues.items():
        names = _told(tongue, "territories")
        for code in names.keys() & codes:
            own.setdefault(code, []).append(names[code])
    return own


def _told(tongue: str, what: str) -> Mapping[str, str]:
    """Code → name. Babel's `Locale` keeps all that it knows of a tongue; this is read and let go of."""
    if not exists(tongue):
        return {}
    with Path(resolve_locale_filename(tongue)).open("rb") as file:
        told: Mapping[str, Mapping[str, str]] = pickle.load(file)  # noqa: S301 - of the package itself
    return told.get(what, {})

"""One spelling per mailbox. Two addresses are the same person exactly when their normal forms are equal.

Trimmed, lower case, the domain as A-label; a +tag stays. Letters outside ASCII before the @ are refused, because
folding them makes strangers equal (`ſ@x` becomes `s@x`).
"""

import re
from enum import StrEnum

import idna

NO_ADDRESS = "This is no address that can be written to."
MAX_LENGTH = 254
MAX_LOCAL_LENGTH = 64


class Problem(StrEnum):
    """Why a text is no address we write to. The values are stored in counts."""

    EMPTY = "no_address"
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    FOREIGN_LETTERS = "foreign_letters"
    NO_PATTERN = "no_pattern"
    SEVERAL = "several"


class NotAnAddress(ValueError):  # noqa: N818 - reads as what it says
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


# Letters of a cell in which several addresses are looked for.
MOST_SPLIT = 2_000
_BETWEEN = re.compile(r"[\s,;|/]+")

# Possessive (++, *+): no text makes it try twice, so it is linear.
_NORMAL = re.compile(
    r"(?=[^@]{1,64}@)"
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*+"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\Z"
)


# `*` and `*@*` are none: nobody means everybody.
_PATTERN = re.compile(r"\*@[^*@\s]{1,250}|[^*@\s]{1,64}@\*")


def pattern_of(text: str) -> str:
    """The normal form of what stands for all of a domain or of a name, `*@example.com`, `name@*`; empty for all else."""
    pattern = text.strip().lower()
    if not _PATTERN.fullmatch(pattern):
        return ""
    try:
        return normalise(pattern) if pattern.startswith("*@") else pattern
    except NotAnAddress:
        return ""


def address_or_pattern(text: str) -> tuple[str, bool]:
    """(normal form, whether it is a pattern). `example.com` and `@example.com` stand for all of a domain too.

    Raises NotAnAddress.
    """
    text = text.strip()
    local, _, domain = text.rpartition("@")
    pattern = pattern_of(text if local else f"*@{domain}")
    if pattern:
        return pattern, True
    if "*" in text:
        try:
            return normalise(text), False  # a star may stand in a name
        except NotAnAddress:
            raise NotAnAddress(Problem.NO_PATTERN) from None
    return read_address(text)[0], False


def normalise(text: str) -> str:
    """The normal form of an address. Raises NotAnAddress."""
    if text.isascii():
        address = text.strip().lower()
        if len(address) <= MAX_LENGTH and _NORMAL.match(address):
            return address
        raise NotAnAddress(_problem(address))
    return _with_foreign_domain(text.strip())


def sought(word: str) -> str:
    """A word of a search as addresses hold it: letters of its own in a domain, by the A-label."""
    name, at, domain = word.rpartition("@")
    if not at or domain.isascii():
        return word
    try:
        return f"{name}@{idna.encode(domain, uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return word


def read_address(text: str) -> tuple[str, str]:
    """(normal form, name) of an address as it stands in mails too: `Ana Muster <ana@x.test>`, `mailto:ana@x.test`.

    Raises NotAnAddress, with what is wrong with the text as it stands.
    """
    try:
        return normalise(text), ""
    except NotAnAddress:
        rest, name = text.strip().rstrip(",;"), ""
        if rest.endswith(">"):
            name, _, rest = rest[:-1].rpartition("<")
        if rest.strip()[:7].lower() == "mailto:":
            rest = rest.strip()[7:].partition("?")[0]
        try:
            address = normalise(rest)
        except NotAnAddress:
            pass
        else:
            name = name.strip().strip("\"'").strip()
            if any(_is_another(word, address) for word in name.split()):
                raise NotAnAddress(Problem.SEVERAL) from None
            return address, "" if "@" in name else name
        if len(addresses_in(text[:MOST_SPLIT])) > 1:
            raise NotAnAddress(Problem.SEVERAL) from None
        raise


def addresses_in(text: str) -> list[str]:
    """The bare addresses of a text that is nothing but addresses, whatever stands between them; else none."""
    words = [word for word in _BETWEEN.split(text) if word]
    try:
        return [normalise(word.strip("<>\"'")) for word in words]
    except NotAnAddress:
        return []


def _is_another(word: str, address: str) -> bool:
    try:
        return "@" in word and normalise(word.strip("<>\"'(),;")) != address
    except NotAnAddress:
        return False


def names_another(text: str, address: str) -> bool:
    """Whether an address other than this one stands in a text."""
    return any(_is_another(word, address) for word in _BETWEEN.split(text[:MOST_SPLIT]))


def first_and_last(name: str) -> tuple[str, str]:
    """The two parts of a name as a mail shows it; a comma says that the last name comes first."""
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.rpartition(" ")
        first, last = (first, last) if first else (last, "")
    return first.strip(), last.strip()


def _with_foreign_domain(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not (local and at):
        raise NotAnAddress(Problem.MALFORMED)
    if not local.isascii():
        raise NotAnAddress(Problem.FOREIGN_LETTERS)
    if len(domain) > MAX_LENGTH:
        raise NotAnAddress(Problem.TOO_LONG)
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            raise NotAnAddress(Problem.MALFORMED) from None
    return normalise(f"{local}@{domain}")


def _problem(address: str) -> Problem:
    if not address:
        return Problem.EMPTY
    if len(address) > MAX_LENGTH or len(address.rpartition("@")[0]) > MAX_LOCAL_LENGTH:
        return Problem.TOO_LONG
    return Problem.MALFORMED

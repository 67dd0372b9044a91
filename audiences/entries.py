"""Addresses, domains and patterns as people write them down, one a line."""

import re
from dataclasses import dataclass

from audiences.addresses import NotAnAddress, Problem, address_or_pattern

# More than that is a file.
MOST_ENTRIES = 1000
_SAYS = {
    Problem.MALFORMED: "is no address, no domain and no pattern",
    Problem.TOO_LONG: "is too long: no mail server takes it",
    Problem.FOREIGN_LETTERS: "has letters before the @ that many mail servers do not take",
    Problem.SEVERAL: "holds several addresses: give each a line of its own",
    Problem.NO_PATTERN: "is no pattern: one stands for all of a domain, *@example.com, or of a name, name@*",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An address or a pattern, in its normal form."""

    email: str
    is_pattern: bool

    @property
    def side(self) -> tuple[str, str]:
        """What of an address it is compared with: ("email", …), ("domain", …) or ("name", …)."""
        name, _, domain = self.email.rpartition("@")
        if not self.is_pattern:
            return "email", self.email
        return ("domain", domain) if name == "*" else ("name", name)


def read_entries(text: str) -> tuple[list[Entry], list[str]]:
    """(each entry once, a sentence for each that is none). One a line; commas and semicolons part them too."""
    entries: dict[str, Entry] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        for part in filter(None, map(str.strip, re.split("[,;\t]", line))):
            try:
                email, is_pattern = address_or_pattern(part)
            except NotAnAddress as error:
                shown = part if len(part) <= 60 else f"{part[:59]}…"
                problems.append(f"Line {number}: “{shown}” {_SAYS[error.problem]}.")
            else:
                entries.setdefault(email, Entry(email, is_pattern))
    return list(entries.values()), problems

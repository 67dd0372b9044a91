"""Texts of fields that every person has, as they are plainly meant: typed into a form, or in a file."""

import re
from collections.abc import Callable

from audiences.rules.codes import language_of

# However it is written, with words beside it or a second one.
_PHONE = re.compile(r"(?:\D*\d){3}")


def _language(text: str) -> str:
    try:
        return language_of(text)
    except ValueError:
        raise ValueError("This is no language. Write it like de, pt-BR or German.") from None


def _phone(text: str) -> str:
    if not _PHONE.match(text):
        raise ValueError("This is no phone number. Write it like +41 44 123 45 67.")
    return text


# Field → what reads a text of it. Raises ValueError with a sentence fit for a page.
READERS: dict[str, Callable[[str], str]] = {"language": _language, "phone": _phone}


class Told(dict[str, str]):
    """Text → what it means, empty for nothing: each of many texts is read once, as far as they are few."""

    MOST = 10_000
    MOST_LETTERS = 100

    def __init__(self, read: Callable[[str], str]) -> None:
        super().__init__()
        self.read = read

    def __missing__(self, text: str) -> str:
        try:
            value = self.read(text)
        except ValueError:
            value = ""
        if len(self) < self.MOST and len(text) <= self.MOST_LETTERS:
            self[text] = value
        return value

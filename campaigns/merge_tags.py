"""Merge tags: `{{ contact.first_name|default:"friend" }}`, read by one tokenizer, written in each provider's syntax.

Users' text is never a template of ours: it is cut into text and tags once, in linear time, and everything else
(checks, previews, translation) works on the pieces. What looks like template code and is not one of our tags is an
error with its place, never passed through.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import escape

from accounts.providers.base import Provider
from accounts.providers.errors import Unsupported
from accounts.refusals import CannotDo

WORKSPACE_TAGS = {"workspace.name": "Name of the workspace", "workspace.postal_address": "Postal address"}
LINK_TAGS = {"unsubscribe_url": "Link to leave", "view_url": "Link to the web version"}
# The flag of a provider that writes the link itself.
LINK_FLAGS = {"unsubscribe_url": "links_unsubscribe", "view_url": "links_view"}
FALLBACK_LIMIT = 200

_OPENING = re.compile(r"\{[{%#]")
_NAME = r"[a-z][a-z0-9_]{0,30}(?:\.[a-z0-9_]{1,60})?"
_TAG = re.compile(rf"\s{{0,20}}({_NAME})\s{{0,20}}(?:\|(.*))?", re.DOTALL)
_DEFAULT = re.compile(
    rf"""\s{{0,20}}default\s{{0,20}}:\s{{0,20}}(?:"([^"<>\\{{}}\r\n]{{0,{FALLBACK_LIMIT}}})"|'([^'"<>\\{{}}\r\n]{{0,{FALLBACK_LIMIT}}})')\s{{0,20}}"""
)
# How far behind its opening a tag may end; a longer one is not meant as a tag.
_REACH = 400


class CannotTranslate(CannotDo):
    pass


@dataclass(frozen=True, slots=True)
class Tag:
    """`name` like `contact.first_name`; `fallback` is None when there is none."""

    name: str
    fallback: str | None
    start: int
    end: int

    @property
    def field_key(self) -> str | None:
        """The contact field it stands for, if any."""
        return self.name.removeprefix("contact.") if self.name.startswith("contact.") else None

    def __str__(self) -> str:
        """As Campanile writes it."""
        if self.fallback is None:
            return f"{{{{ {self.name} }}}}"
        return f'{{{{ {self.name}|default:"{self.fallback}" }}}}'

    @property
    def in_attribute(self) -> str:
        """The same where double quotes would end an attribute."""
        if self.fallback is None:
            return str(self)
        return f"{{{{ {self.name}|default:'{self.fallback.replace(chr(39), '’')}' }}}}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with something that looks like a tag. Line and column count from 1."""

    sentence: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Parsed:
    """`pieces` in order: plain text and tags. Broken tags stay in the text and are told in `problems`."""

    pieces: tuple[str | Tag, ...]
    problems: tuple[Problem, ...]

    @property
    def tags(self) -> tuple[Tag, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Tag))


def parse(text: str, *, known: Collection[str] | None = None) -> Parsed:
    """Cut `text` into pieces. `known`: the names that exist; without it any well-formed name will do."""
    pieces: list[str | Tag] = []
    problems: list[Problem] = []
    place = _Places(text)
    last_comment_end = text.rfind("#}")
    position = 0
    for opening in _OPENING.finditer(text):
        start = opening.start()
        if start < position:
            continue
        if opening[0] == "{#" and last_comment_end < start:
            continue  # minified CSS: @media print{#head{…}}
        found = _tag_at(text, start) if opening[0] == "{{" else _FOREIGN
        if isinstance(found, Tag) and known is not None and found.name not in known:
            found = f"There is no “{found.name}”. Pick a tag from the list."
        if isinstance(found, str):
            problems.append(Problem(found, *place.of(start)))
            continue
        if start > position:
            pieces.append(text[position:start])
        pieces.append(found)
        position = found.end
    if position < len(text):
        pieces.append(text[position:])
    return Parsed(tuple(pieces), tuple(problems))


def used(text: str) -> frozenset[str]:
    """The names of all tags in `text`."""
    return frozenset(tag.name for tag in parse(text).tags)


def known_names(field_keys: Collection[str]) -> frozenset[str]:
    """Every name a tag may have in a workspace with these contact fields."""
    return frozenset({*(f"contact.{key}" for key in field_keys), *WORKSPACE_TAGS, *LINK_TAGS})


def render(text: str, values: Mapping[str, str], *, html: bool) -> str:
    """`text` with every tag replaced by its value (or fallback), escaped if it stands in HTML."""

    def shown(tag: Tag) -> str:
        value = values.get(tag.name) or tag.fallback or ""
        return escape(value) if html else value

    return _replaced(text, shown)


def translate(
    text: str,
    provider: type[Provider],
    fields: Mapping[str, str],
    *,
    literals: Mapping[str, str],
    html: bool,
) -> str:
    """`text` in the provider's own syntax.

    `fields`: our field key → its name over there. `literals`: names that are written out here (`workspace.…`).
    Where the provider fills in nothing everybody reads the fallback. Raises CannotTranslate for a broken tag, a field
    the account does not have, and what the provider cannot say.
    """
    parsed = parse(text)
    if parsed.problems:
        raise CannotTranslate(str(parsed.problems[0]))
    capabilities = provider.capabilities

    def plain(value: str) -> str:
        value = _inert(value)
        return escape(value) if html else " ".join(value.split())  # no line break enters a subject

    def written(tag: Tag) -> str:
        if tag.name in literals:
            return plain(literals[tag.name] or tag.fallback or "")
        if tag.name in LINK_TAGS:
            if not getattr(capabilities, LINK_FLAGS[tag.name]):
                raise CannotTranslate(capabilities.sentence(LINK_FLAGS[tag.name]))
            return provider.merge_tag(name=tag.name, fallback=None)
        key = tag.field_key
        if key is None:
            raise CannotTranslate(f"There is no “{tag.name}”.")
        if not capabilities.personalises:
            if tag.fallback is None:
                raise CannotTranslate(f"{tag} needs a fallback: {capabilities.sentence('personalises')}")
            return plain(tag.fallback)
        if key not in fields:
            raise CannotTranslate(
                f"The account has no field for {tag}. Add the field there, pull the account, then try again."
            )
        return provider.merge_tag(name=f"contact.{fields[key]}", fallback=tag.fallback)

    return _replaced(text, written)


def untranslate(text: str, provider: type[Provider], fields: Mapping[str, str]) -> str:
    """A provider's text with its tags written in ours where one says exactly the same; all else stays as it is."""
    ours: dict[str, str] = {}
    capabilities = provider.capabilities
    if capabilities.personalises:
        for key, theirs in fields.items():
            for fallback in (None, _SLOT):
                with suppress(Unsupported):  # a field whose name no tag can hold
                    tag = provider.merge_tag(name=f"contact.{theirs}", fallback=fallback)
                    ours[_tight(tag)] = f"contact.{key}"
    for name, flag in LINK_FLAGS.items():
        if getattr(capabilities, flag):
            ours[_tight(provider.merge_tag(name=name, fallback=None))] = name

    def back(found: re.Match[str]) -> str:
        body = found[0]
        if whole := ours.get(_tight(body)):
            return str(Tag(whole, None, 0, 0))
        quoted = _QUOTED.search(body)
        if quoted and (name := ours.get(_tight(body.replace(quoted[0], f'"{_SLOT}"', 1)))):
            return str(Tag(name, quoted[1], 0, 0))
        return body

    return provider.tag_pattern.sub(back, text)


def protect(text: str) -> tuple[str, Callable[[str], str]]:
    """`text` with tags replaced by words that survive any HTML tool, and the function that puts them back."""
    word = "mergetag"
    while word in text:
        word += "x"
    tags: list[str] = []

    def hide(tag: Tag) -> str:
        tags.append(text[tag.start : tag.end])
        return f"{word}{len(tags) - 1}z"

    hidden = _replaced(text, hide)
    return hidden, lambda changed: re.sub(rf"{word}(\d{{1,9}})z", lambda found: tags[int(found[1])], changed)


_FOREIGN = "This is template code of a provider. Campanile writes that itself: use its own merge tags."
_SLOT = "slotslotslot"
_QUOTED = re.compile(r'"([^"{}\r\n]{0,200})"')
_SPACES_OUTSIDE_QUOTES = re.compile(r'\s+|("[^"]*")')


def _inert(value: str) -> str:
    """A value that no provider reads as template code."""
    return re.sub(r"\{(?=[{%#])", "{ ", value)


def _tight(tag: str) -> str:
    return _SPACES_OUTSIDE_QUOTES.sub(lambda found: found[1] or "", tag)


def _tag_at(text: str, start: int) -> Tag | str:
    """The tag that opens at `start`, or the sentence that says why it is none."""
    close = text.find("}}", start + 2, start + _REACH)
    if close < 0:
        return "These braces are not closed. A tag ends in “}}”."
    inside = text[start + 2 : close]
    found = _TAG.fullmatch(inside)
    if found is None:
        return "This is not a merge tag. One looks like {{ contact.first_name }}."
    if found[2] is None:
        return Tag(found[1], None, start, close + 2)
    default = _DEFAULT.fullmatch(found[2])
    if default is None:
        return 'The only filter is default, with its text in quotes: |default:"friend".'
    return Tag(found[1], default[1] if default[1] is not None else default[2], start, close + 2)


def _replaced(text: str, by: Callable[[Tag], str]) -> str:
    return "".join(piece if isinstance(piece, str) else by(piece) for piece in parse(text).pieces)


class _Places:
    """Line and column of growing offsets, without counting from the start each time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.line, self.line_start, self.seen = 1, 0, 0

    def of(self, offset: int) -> tuple[int, int]:
        newlines = self.text.count("\n", self.seen, offset)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rfind("\n", self.seen, offset) + 1
        self.seen = offset
        return self.line, offset - self.line_start + 1


def gaps(text: str) -> Iterator[Tag]:
    """Tags of contact fields without a fallback: whoever lacks the value reads a hole."""
    return (tag for tag in parse(text).tags if tag.field_key is not None and tag.fallback is None)

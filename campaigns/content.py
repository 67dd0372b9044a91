"""From what a person writes to what a mail says: blocks → MJML → HTML, or HTML as written; and the plain text of both.

A campaign's blocks are a list of objects, each with `id` and `type`:

    heading   text, size ("large", "medium"), align ("left", "center")
    text      text (markup below), align
    image     url (https), alt, link
    button    label, url, align
    divider   –
    spacer    height in pixels (8–96)
    columns   left, right: text (markup); left_image, right_image: url; left_alt, right_alt
    footer    text (markup); the postal address and the link to leave stand below it and cannot be taken out

The markup of texts: `**bold**`, `*italic*`, `[words](https://…)`, lines that begin with `- ` or `1. ` are lists, an
empty line begins a paragraph. Nothing else means anything; all of it is escaped.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Any, Protocol

import css_inline
import mrml
import nh3

from accounts.refusals import CannotDo
from campaigns import merge_tags

Block = dict[str, Any]

# The one footer every mail has. Its words stay if a person adds theirs.
LEAVE_WORDS = "Unsubscribe"

TEXT_LIMIT, LINE_LIMIT, BLOCK_LIMIT = 20_000, 500, 60

# Field → (kind, default). Kinds: text (markup), line, url, choice (a tuple of words), pixels.
_ALIGN = ("left", "center")
BLOCKS: Mapping[str, Mapping[str, Any]] = {
    "heading": {"text": "line", "size": ("large", "medium"), "align": _ALIGN},
    "text": {"text": "text", "align": _ALIGN},
    "image": {"url": "url", "alt": "line", "link": "url"},
    "button": {"label": "line", "url": "url", "align": ("center", "left")},
    "divider": {},
    "spacer": {"height": "pixels"},
    "columns": {
        "left_image": "url",
        "right_image": "url",
        "left_alt": "line",
        "right_alt": "line",
        "left": "text",
        "right": "text",
    },
    "footer": {"text": "text"},
}
BLOCK_NAMES: Mapping[str, str] = {
    "heading": "Heading",
    "text": "Text",
    "image": "Image",
    "button": "Button",
    "divider": "Divider",
    "spacer": "Space",
    "columns": "Two columns",
    "footer": "Footer",
}

# The look of a mail of blocks: light, and what dark clients make of it.
_WIDTH = 600
_FONT = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_LIGHT = {
    "ground": "#f4f3ee",
    "paper": "#ffffff",
    "ink": "#22271f",
    "quiet": "#5c635a",
    "line": "#dcd9cf",
    "accent": "#0b615c",
}
_DARK = {
    "ground": "#151816",
    "paper": "#1e2220",
    "ink": "#ecebe4",
    "quiet": "#a9afa7",
    "line": "#3a413d",
    "accent": "#7ccdc3",
}

# A pathological mail (deep nesting, megabytes) is refused before any HTML tool sees it.
HTML_LIMIT = 1_000_000


class CannotRender(CannotDo):
    pass


class HasContent(Protocol):
    """A campaign, a template, or anything else that holds content."""

    form: str
    blocks: Any
    html: str
    subject: str
    preview_text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A whole mail in Campanile's merge tags. The preview text travels beside it: the account puts it in front."""

    html: str
    text: str


def render(content: HasContent) -> Rendered:
    """The mail as it will be handed over. Raises CannotRender for HTML that no tool can read."""
    html = html_of_mjml(mjml_of(content.blocks)) if content.form == "blocks" else _inlined(content.html)
    return Rendered(html=html, text=plain_text(html))


# Blocks


def new_block(kind: str) -> Block:
    return {
        "id": secrets.token_hex(4),
        "type": kind,
        **{name: _clean("", how) for name, how in BLOCKS[kind].items()},
    }


def first_blocks() -> list[Block]:
    """What a blank campaign begins with."""
    heading, text, footer = new_block("heading"), new_block("text"), new_block("footer")
    text["text"] = 'Hello {{ contact.first_name|default:"friend" }},\n\n'
    return [heading, text, footer]


def clean_blocks(raw: Any) -> list[Block]:
    """Blocks of the documented shape out of anything; what does not fit is dropped. One footer, at the end."""
    blocks: list[Block] = []
    footer: Block | None = None
    seen: set[str] = set()
    for item in raw if isinstance(raw, list) else ():
        if not isinstance(item, dict) or item.get("type") not in BLOCKS or len(blocks) >= BLOCK_LIMIT:
            continue
        kind = item["type"]
        id_ = str(item.get("id", ""))
        if not re.fullmatch(r"[a-z0-9]{1,16}", id_) or id_ in seen:
            id_ = secrets.token_hex(4)
        seen.add(id_)
        block = {
            "id": id_,
            "type": kind,
            **{name: _clean(item.get(name), how) for name, how in BLOCKS[kind].items()},
        }
        if kind == "footer":
            footer = footer or block
        else:
            blocks.append(block)
    return [*blocks, footer or new_block("footer")]


def _clean(value: Any, how: str | tuple[str, ...]) -> Any:
    if isinstance(how, tuple):
        return value if value in how else how[0]
    if how == "pixels":
        return (
            min(96, max(8, int(value)))
            if str(value).isascii() and str(value).isdigit() and len(str(value)) < 5
            else 24
        )
    text = _CONTROL.sub("", str(value or "")).replace("\r\n", "\n").replace("\r", "\n")
    if how == "text":
        return text[:TEXT_LIMIT]
    return " ".join(text.split())[: LINE_LIMIT if how == "line" else 2000]


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# Markup


_INLINE = re.compile(
    r"\*\*(?!\s)([^*\n]+)(?<!\s)\*\*|\*(?!\s)([^*\n]+)(?<!\s)\*|\[([^\[\]\n]+)\]\(([^()\s]+)\)"
)
_BULLET, _NUMBER = re.compile(r"[-*•] +(.*)"), re.compile(r"\d{1,3}[.)] +(.*)")
_LINK = re.compile(r"(?:https?://|mailto:|tel:|mergetagx*\d)", re.IGNORECASE)


def markup(text: str, *, block: str = "p") -> str:
    """HTML of a marked-up text; merge tags must be protected before."""
    parts: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.strip("\n")):
        for kind, lines in _grouped(paragraph.split("\n")):
            if kind == "p":
                parts.append(f'<{block} class="p">{"<br/>".join(map(_inline, lines))}</{block}>')
            else:
                items = "".join(f"<li>{_inline(line)}</li>" for line in lines)
                parts.append(f'<{kind} class="list">{items}</{kind}>')
    return "".join(parts)


def _grouped(lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    groups: list[tuple[str, list[str]]] = []
    for line in lines:
        found = None
        kind = "p"
        for name, pattern in (("ul", _BULLET), ("ol", _NUMBER)):
            if found := pattern.fullmatch(line.strip()):
                kind = name
                break
        words = found[1] if found else line.strip()
        if not words and kind == "p":
            continue
        if groups and groups[-1][0] == kind:
            groups[-1][1].append(words)
        else:
            groups.append((kind, [words]))
    return groups


def _inline(text: str) -> str:
    def drawn(found: re.Match[str]) -> str:
        strong, emphasis, words, url = found.groups()
        if strong is not None:
            return f"<strong>{escape(strong)}</strong>"
        if emphasis is not None:
            return f"<em>{escape(emphasis)}</em>"
        if not _LINK.match(url):
            return escape(found[0])
        return f'<a href="{escape(url)}" class="link">{escape(words)}</a>'

    parts, position = [], 0
    for found in _INLINE.finditer(text):
        parts += [escape(text[position : found.start()]), drawn(found)]
        position = found.end()
    return "".join([*parts, escape(text[position:])])


# Blocks → MJML → HTML


def mjml_of(blocks: Any) -> str:
    """The MJML of blocks, merge tags as written (with single quotes inside attributes)."""
    tags: list[merge_tags.Tag] = []
    word = "mergetag"
    cleaned_blocks = clean_blocks(blocks)
    while any(word in str(value) for block in cleaned_blocks for value in block.values()):
        word += "x"

    def hide(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pieces = []
        for piece in merge_tags.parse(value).pieces:
            if isinstance(piece, merge_tags.Tag):
                tags.append(piece)
                pieces.append(f"{word}{len(tags) - 1}z")
            else:
                pieces.append(piece)
        return "".join(pieces)

    body = "".join(
        _SECTIONS[block["type"]]({name: hide(value) for name, value in block.items()})
        for block in cleaned_blocks
    )
    shown = re.compile(rf'"[^"<>]*"|{word}(\d{{1,9}})z')

    def show(found: re.Match[str]) -> str:
        if found[1]:
            return str(tags[int(found[1])])
        return _in_attribute.sub(lambda inner: tags[int(inner[1])].in_attribute, found[0])

    _in_attribute = re.compile(rf"{word}(\d{{1,9}})z")
    return (
        f'<mjml lang="und">{_HEAD}<mj-body width="{_WIDTH}px" background-color="{_LIGHT["ground"]}" css-class="ground">'
        f"{_space(16)}{shown.sub(show, body)}{_space(16)}</mj-body></mjml>"
    )


def html_of_mjml(mjml: str) -> str:
    """The mail HTML of our MJML. Includes are off: nothing is fetched."""
    hidden, restore = merge_tags.protect(mjml)
    try:
        html = mrml.to_html(hidden).content
    except OSError as error:  # mrml's way to say that it cannot read something
        raise CannotRender("These blocks could not be turned into a mail.") from error
    return restore(html)


def _space(height: int) -> str:
    return f'<mj-section padding="0"><mj-column><mj-spacer height="{height}px"/></mj-column></mj-section>'


def _section(inside: str, *, padding: str = "0 12px") -> str:
    return f'<mj-section css-class="paper" background-color="{_LIGHT["paper"]}" padding="{padding}">{inside}</mj-section>'


def _column(inside: str) -> str:
    return f"<mj-column>{inside}</mj-column>"


def _heading(block: Block) -> str:
    size, level = ("28px", 1) if block["size"] == "large" else ("20px", 2)
    return _section(
        _column(
            f'<mj-text align="{block["align"]}" font-size="{size}" line-height="1.25" font-weight="600" padding="20px 20px 6px">'
            f'<h{level} class="h">{escape(block["text"])}</h{level}></mj-text>'
        )
        if block["text"]
        else _column('<mj-spacer height="1px"/>')
    )


def _text(block: Block) -> str:
    return _section(_column(f'<mj-text align="{block["align"]}">{markup(block["text"])}</mj-text>'))


def _image_tag(url: str, alt: str, link: str = "", padding: str = "12px 20px") -> str:
    if not url:
        return ""
    href = f' href="{escape(link)}"' if link else ""
    return (
        f'<mj-image src="{escape(url)}" alt="{escape(alt)}"{href} padding="{padding}" border-radius="4px"/>'
    )


def _image(block: Block) -> str:
    return _section(
        _column(_image_tag(block["url"], block["alt"], block["link"]) or '<mj-spacer height="1px"/>')
    )


def _button(block: Block) -> str:
    return _section(
        _column(
            f'<mj-button href="{escape(block["url"] or "#")}" align="{block["align"]}" css-class="button">{escape(block["label"])}</mj-button>'
        )
    )


def _divider(_block: Block) -> str:
    return _section(
        _column(
            f'<mj-divider css-class="line" border-width="1px" border-color="{_LIGHT["line"]}" padding="16px 20px"/>'
        )
    )


def _spacer(block: Block) -> str:
    return _section(_column(f'<mj-spacer height="{block["height"]}px"/>'))


def _columns(block: Block) -> str:
    sides = [
        _image_tag(block[f"{side}_image"], block[f"{side}_alt"], padding="12px 20px 4px")
        + f"<mj-text>{markup(block[side])}</mj-text>"
        for side in ("left", "right")
    ]
    return _section("".join(map(_column, sides)))


def _footer(block: Block) -> str:
    return (
        f'<mj-section padding="16px 12px"><mj-column><mj-text align="center" font-size="13px" color="{_LIGHT["quiet"]}" css-class="foot">'
        f"{markup(block['text'])}"
        f'<p class="p">{{{{ workspace.name }}}} · {{{{ workspace.postal_address }}}}</p>'
        f'<p class="p"><a href="{{{{ unsubscribe_url }}}}" class="quiet">{LEAVE_WORDS}</a></p>'
        "</mj-text></mj-column></mj-section>"
    )


_SECTIONS: Mapping[str, Callable[[Block], str]] = {
    "heading": _heading,
    "text": _text,
    "image": _image,
    "button": _button,
    "divider": _divider,
    "spacer": _spacer,
    "columns": _columns,
    "footer": _footer,
}

_HEAD = (
    "<mj-head>"
    "<mj-attributes>"
    f'<mj-all font-family="{_FONT}"/>'
    f'<mj-text color="{_LIGHT["ink"]}" font-size="16px" line-height="1.55" padding="8px 20px"/>'
    f'<mj-button background-color="{_LIGHT["accent"]}" color="#ffffff" font-size="16px" font-weight="600" border-radius="4px" inner-padding="13px 26px" padding="14px 20px"/>'
    "</mj-attributes>"
    '<mj-style inline="inline">'
    ".p{margin:0 0 12px 0} .h{margin:0;font-size:inherit;font-weight:600} .list{margin:0 0 12px 0;padding-left:24px}"
    f".link{{color:{_LIGHT['accent']};text-decoration:underline}} .quiet{{color:{_LIGHT['quiet']};text-decoration:underline}}"
    "</mj-style>"
    "<mj-style>"
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "@media (prefers-color-scheme:dark){"
    f".ground,.ground>div{{background-color:{_DARK['ground']} !important}}"
    f".paper,.paper table{{background:{_DARK['paper']} !important}}"
    f".paper div,.paper p,.paper h1,.paper h2,.paper li{{color:{_DARK['ink']} !important}}"
    f".foot div,.foot p,a.quiet{{color:{_DARK['quiet']} !important}}"
    f"a.link{{color:{_DARK['accent']} !important}}"
    f".line p{{border-top-color:{_DARK['line']} !important}}"
    f".button td,.button a{{background:{_DARK['accent']} !important;color:#06231f !important}}"
    "}"
    "</mj-style>"
    '<mj-raw><meta name="color-scheme" content="light dark"/><meta name="supported-color-schemes" content="light dark"/></mj-raw>'
    "</mj-head>"
)

# HTML as written


_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)


def _inlined(html: str) -> str:
    """The HTML as written, its style sheets also on the elements: some clients drop <style>."""
    if len(html) > HTML_LIMIT:
        raise CannotRender("This HTML is larger than a megabyte. No mail client would show it whole.")
    if "<style" not in html.lower():
        return html
    hidden, restore = merge_tags.protect(html)
    try:
        return restore(_INLINER.inline(hidden))
    except (css_inline.InlineError, ValueError):
        return html  # its style sheet cannot be read: sent exactly as written


_SHOWN_TAGS = nh3.ALLOWED_TAGS | {
    "style",
    "font",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "picture",
    "source",
}
_SHOWN_ATTRIBUTES = {
    "*": {"style", "class", "id", "align", "valign", "bgcolor", "width", "height", "border", "cellpadding", "cellspacing", "color", "dir", "lang", "role", "title", "face", "size", "aria-label", "aria-hidden"},
    "a": {"href"},
    "img": {"src", "alt", "srcset"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "source": {"srcset", "media"},
    "style": {"type", "media"},
}  # fmt: skip
_BODY = re.compile(r"<(/?)body\b", re.IGNORECASE)


def cleaned(html: str) -> str:
    """Foreign HTML for a preview frame: no script, form, frame or handler. The frame forbids them all the same."""
    return nh3.clean(
        _BODY.sub(r"<\1div", html),
        tags=_SHOWN_TAGS,
        clean_content_tags={"script", "noscript", "template", "iframe", "object", "title"},
        attributes=_SHOWN_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )


# Reading a mail: plain text, links, images


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    words: str


@dataclass(frozen=True, slots=True)
class Image:
    """`alt` is None when the attribute is missing; empty means decoration."""

    url: str
    alt: str | None


class _Reader(HTMLParser):
    """One walk over a mail: what a text-only client shows, every link, every image."""

    BREAKS = frozenset(
        [
            "p",
            "div",
            "tr",
            "table",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "ul",
            "ol",
            "blockquote",
            "section",
            "article",
            "header",
            "footer",
            "center",
        ]
    )
    SKIPPED = frozenset({"style", "script", "title", "head", "noscript", "template"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.links: list[Link] = []
        self.images: list[Image] = []
        self._skipping = 0
        self._link: tuple[str, int] | None = None
        self._lists: list[int | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in self.SKIPPED:
            self._skipping += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append("\n\n---\n\n")
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            if number is not None:
                self._lists[-1] = number + 1
            self.out.append("\n- " if number is None else f"\n{number}. ")
        elif tag == "a" and "href" in values:
            self._close_link()
            self._link = (values["href"].strip(), len(self.out))
        elif tag == "img":
            self.images.append(Image(values.get("src", ""), values.get("alt") if "alt" in values else None))
            if values.get("alt"):
                self.out.append(f"[{values['alt']}]")
        elif tag in self.BREAKS:
            self.out.append("\n\n")
        if tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag == "a":
            self._close_link()
        elif tag in self.BREAKS:
            self.out.append("\n\n")
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.out.append(re.sub(r"\s+", " ", data))

    def close(self) -> None:
        super().close()
        self._close_link()

    def _close_link(self) -> None:
        if self._link is None:
            return
        url, since = self._link
        words = " ".join("".join(self.out[since:]).split())
        self.links.append(Link(url, words))
        if url and url not in (words, f"mailto:{words}", f"tel:{words}") and not url.startswith("#"):
            self.out.append(f" ({url})" if words else url)
        self._link = None


@dataclass(frozen=True, slots=True)
class Reading:
    text: str
    links: tuple[Link, ...]
    images: tuple[Image, ...]


def read(html: str) -> Reading:
    """What a mail says without pictures and paint, its links and images; merge tags as written."""
    hidden, restore = merge_tags.protect(html)
    reader = _Reader()
    reader.feed(hidden)
    reader.close()
    text = "".join(reader.out).replace("\xa0", " ").replace("\u200c", "")
    lines = [line.strip() for line in text.split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return Reading(
        text=restore(text),
        links=tuple(Link(restore(link.url), restore(link.words)) for link in reader.links),
        images=tuple(Image(restore(image.url), image.alt and restore(image.alt)) for image in reader.images),
    )


def plain_text(html: str) -> str:
    return read(html).text


_BODY_TAG = re.compile(r"<body\b[^>]{0,2000}>", re.IGNORECASE)


def with_preview_text(html: str, preview_text: str) -> str:
    """The mail with its preview text hidden at the top, for providers that have no place for it."""
    if not preview_text:
        return html
    pieces = merge_tags.parse(preview_text).pieces
    words = "".join(escape(piece) if isinstance(piece, str) else str(piece) for piece in pieces)
    hidden = f'<div style="display:none;max-height:0;overflow:hidden">{words}</div>'
    body = _BODY_TAG.search(html)
    at = body.end() if body else 0
    return html[:at] + hidden + html[at:]

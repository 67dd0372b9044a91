"""What stands between a draft and its release: blockers stop it, warnings say why they matter."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from accounts.models import Connection
from accounts.names import by_name
from accounts.templatetags.ui import number
from campaigns import content, merge_tags
from campaigns.models import Campaign
from campaigns.queries import people, senders
from campaigns.queries.chosen import Choice, choice_of

# Gmail cuts a mail off behind this much HTML, with the link to leave.
CLIP_BYTES = 102 * 1024
LONG_SUBJECT = 60


class Level(StrEnum):
    BLOCKER = "blocker"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `where` is the id of the place on the compose page that mends it."""

    level: Level
    sentence: str
    where: str

    @property
    def is_blocker(self) -> bool:
        return self.level is Level.BLOCKER


def checks_of(campaign: Campaign) -> list[Check]:
    """Everything found, blockers first, in the order of the page."""
    found = [*_envelope(campaign), *_audience(campaign), *_content(campaign)]
    return sorted(found, key=lambda check: not check.is_blocker)


def blockers(campaign: Campaign) -> list[Check]:
    return [check for check in checks_of(campaign) if check.is_blocker]


def _blocker(sentence: str, where: str) -> Check:
    return Check(Level.BLOCKER, sentence, where)


def _warning(sentence: str, where: str) -> Check:
    return Check(Level.WARNING, sentence, where)


def _envelope(campaign: Campaign) -> Iterator[Check]:
    connection, sender = campaign.connection, campaign.sender
    if connection is None:
        yield _blocker("Choose the account it leaves through.", "id_connection")
    elif not connection.is_working:
        yield _blocker(
            f"{connection} is not ready: {connection.get_status_display().lower()}.", "id_connection"
        )
    if sender is None:
        yield _blocker("Choose a sender.", "id_sender")
    elif connection is not None:
        if problem := senders.sender_problem(sender, connection):
            yield _blocker(f"{connection} does not send as {sender}: {problem}.", "id_sender")
        yield from _domain(campaign, connection)
    if not campaign.subject.strip():
        yield _blocker("Write a subject.", "id_subject")
    elif len(campaign.subject) > LONG_SUBJECT and not merge_tags.used(campaign.subject):
        yield _warning(
            f"The subject has {len(campaign.subject)} letters; phones show about {LONG_SUBJECT}.",
            "id_subject",
        )
    if campaign.reply_to and connection is not None and not connection.capabilities.takes_reply_to:
        yield _warning(connection.capabilities.sentence("takes_reply_to"), "id_reply_to")
    if not campaign.preview_text.strip():
        yield _warning(
            "There is no preview text: inboxes will show the first words of the mail instead.",
            "id_preview_text",
        )


def _domain(campaign: Campaign, connection: Connection) -> Iterator[Check]:
    assert campaign.sender is not None  # noqa: S101 - the caller has looked
    if not connection.capabilities.has_domains:
        return
    domain = senders.domain_of(campaign.sender, connection)
    name = campaign.sender.email.rpartition("@")[2]
    if domain is None:
        yield _warning(f"{connection} does not know the domain {name}, so mails may go to spam.", "id_sender")
    elif not domain.is_authenticated:
        yield _warning(
            f"The domain {name} is not authenticated in {connection}, so mails may go to spam. Senders shows the DNS records.",
            "id_sender",
        )


def _audience(campaign: Campaign) -> Iterator[Check]:
    fields = people.field_keys(campaign.workspace)
    keys: set[str] = set()
    for text in (campaign.subject, campaign.preview_text, _source(campaign)):
        keys |= {tag.field_key for tag in merge_tags.gaps(text) if tag.field_key and tag.field_key in fields}
    choice = choice_of(campaign)
    if choice.is_empty:
        yield _blocker("Choose at least one list or segment.", "id_lists")
        return
    of_segments = list(_segments(choice))
    yield from of_segments
    for list_ in campaign.lists.exclude(archived_at=None).order_by(*by_name()):
        yield _blocker(f"The list “{list_.name}” is archived. Take it out, or bring it back.", "id_lists")
    holes = people.holes(campaign, keys)
    if not holes.people and not any(check.is_blocker for check in of_segments):
        yield _blocker("Nobody of those chosen may be written to.", "id_lists")
    connection = campaign.connection
    if connection is not None and not connection.capabilities.personalises:
        return  # nothing is filled in there; what has no fallback is told with the tags
    for key, empty in holes.empty.items():
        if empty:
            who = "1 person has" if empty == 1 else f"{number(empty)} people have"
            yield _warning(
                f"{who} no {fields[key].lower()}, and {{{{ contact.{key} }}}} has no fallback: they read a hole.",
                _place_of(campaign, f"contact.{key}"),
            )


def _segments(choice: Choice) -> Iterator[Check]:
    for segment in choice.segments:
        if segment.is_archived:
            yield _blocker(
                f"The segment “{segment.name}” is archived. Take it out, or bring it back.", "id_segments"
            )
        if problem := choice.problem(segment):
            yield _blocker(f"The segment “{segment.name}” cannot be worked out. {problem}", "id_segments")
        elif gone := choice.archived(segment):
            yield _warning(
                f"The segment “{segment.name}” asks for what is archived: {', '.join(gone)}.", "id_segments"
            )
    for segment in choice.without_people():
        yield _blocker(f"Nobody is in the segment “{segment.name}” now.", "id_segments")


def _content(campaign: Campaign) -> Iterator[Check]:
    yield from _tags(campaign)
    try:
        html = content.render(campaign).html
    except content.CannotRender as refusal:
        yield _blocker(refusal.sentence, "content")
        return
    reading = content.read(html)
    if not reading.text and not reading.images:
        yield _blocker("The mail is empty.", "content")
        return
    yield from _law(campaign, reading)
    for image in reading.images:
        where = _place_of(campaign, image.url)
        if image.alt is None or (not image.alt and campaign.form == "blocks"):
            yield _warning(
                "An image has no alternative text: who sees no images, reads nothing there.", where
            )
        if not image.url.lower().startswith(("https://", "data:")) and "{{" not in image.url:
            yield _warning(
                f"An image does not come over https, so many clients will not show it: {_short(image.url)}",
                where,
            )
    for link in reading.links:
        if finding := _link(link):
            level, sentence = finding
            yield Check(level, sentence, _place_of(campaign, link.url, link.words))
    size = len(html.encode())
    if size > CLIP_BYTES:
        yield _warning(
            f"The mail has {size // 1024} KB. Gmail cuts off behind 102 KB, and with it the link to leave.",
            "content",
        )


def _tags(campaign: Campaign) -> Iterator[Check]:
    known = people.known_names(campaign.workspace)
    # Where fields can be made over there, the delivery makes those it needs.
    connection = campaign.connection
    names = None
    if (
        connection is not None
        and connection.capabilities.personalises
        and not connection.capabilities.creates_fields
    ):
        names = people.field_names(connection)
    for text, where, title in _texts(campaign):
        parsed = merge_tags.parse(text, known=known)
        for problem in parsed.problems:
            yield _blocker(
                f"{title}, line {problem.line}, column {problem.column}: {problem.sentence}", where
            )
        for key in sorted({tag.field_key for tag in parsed.tags if tag.field_key}):
            if names is not None and key not in names:
                yield _blocker(
                    f"{title}: {connection} has no field for {{{{ contact.{key} }}}}. Leave it out, or add the field there and pull.",
                    where,
                )
        if connection is not None:
            yield from _tags_there(connection, parsed, where, title)


def _tags_there(connection: Connection, parsed: merge_tags.Parsed, where: str, title: str) -> Iterator[Check]:
    """What the provider cannot say in a mail, and what stands there instead."""
    capabilities = connection.capabilities
    read: set[str] = set()
    for tag in parsed.tags:
        if tag.field_key and not capabilities.personalises:
            if tag.fallback is None:
                why = capabilities.sentence("personalises")
                yield _blocker(f"{title}: {tag} needs a fallback, or leave it out. {why}", where)
            else:
                read.add(tag.fallback)
        elif tag.name == "view_url" and not capabilities.links_view:
            yield _blocker(f"{title}: leave {tag} out. {capabilities.sentence('links_view')}", where)
    for fallback in sorted(read):
        yield _warning(
            f"{title}: everybody reads “{fallback}”. {capabilities.sentence('personalises')}", where
        )


def _texts(campaign: Campaign) -> Iterator[tuple[str, str, str]]:
    """Every text that may hold merge tags: (text, place, what it is called)."""
    yield campaign.subject, "id_subject", "Subject"
    yield campaign.preview_text, "id_preview_text", "Preview text"
    if campaign.form == "html":
        yield campaign.html, "id_html", "HTML"
        return
    for block in content.clean_blocks(campaign.blocks):
        texts = [
            block[name]
            for name, how in content.BLOCKS[block["type"]].items()
            if how in ("text", "line", "url")
        ]
        yield "\n".join(texts), f"block-{block['id']}", content.BLOCK_NAMES[block["type"]]


def _law(campaign: Campaign, reading: content.Reading) -> Iterator[Check]:
    """A way to leave and an address, in every mail."""
    if not any("unsubscribe_url" in merge_tags.used(link.url) for link in reading.links):
        yield _blocker(
            'There is no link to leave. Add one: <a href="{{ unsubscribe_url }}">Unsubscribe</a>', "content"
        )
    address = people.workspace_values(campaign.workspace)["workspace.postal_address"]
    if not address:
        yield _blocker(
            "The workspace has no postal address; every mail must show one. An admin adds it in the settings.",
            "content",
        )
    elif "workspace.postal_address" not in merge_tags.used(reading.text) and address not in " ".join(
        reading.text.split()
    ):
        yield _blocker(
            "The postal address is missing. Add {{ workspace.postal_address }} at the end.", "content"
        )


_PLACEHOLDER = re.compile(
    r"^(?:https?://?|https?://(?:www\.)?(?:example\.(?:com|org|net)|todo|xxx|link|url)\b.*)$", re.IGNORECASE
)
_LOCAL = re.compile(
    r"^(?:localhost|.*\.(?:local|internal|localhost)|127\..*|10\..*|192\.168\..*|172\.(?:1[6-9]|2\d|3[01])\..*|0\.0\.0\.0|\[.*)$"
)


def _link(link: content.Link) -> tuple[Level, str] | None:
    named = f"The link “{_short(link.words)}”" if link.words else "A link"
    url = link.url
    if url in ("", "#"):
        return Level.BLOCKER, f"{named} leads nowhere: it has no address."
    if merge_tags.used(url) and url.startswith("{{"):
        return None
    if url.lower().startswith(("mailto:", "tel:")) or (url.startswith("#") and len(url) > 1):
        return None
    if _PLACEHOLDER.match(url):
        return Level.BLOCKER, f"{named} leads to a placeholder: {_short(url)}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return Level.BLOCKER, f"{named} has an address that cannot be read: {_short(url)}"
    if parts.scheme not in ("http", "https") or not host:
        return Level.BLOCKER, f"{named} has an address that mail clients do not open: {_short(url)}"
    if _LOCAL.match(host):
        return Level.WARNING, f"{named} leads to an address that only your own network knows: {_short(url)}"
    if parts.scheme == "http":
        return Level.WARNING, f"{named} is not https: {_short(url)}"
    return None


def _source(campaign: Campaign) -> str:
    if campaign.form == "html":
        return campaign.html
    return "\n".join(text for text, where, _ in _texts(campaign) if where.startswith("block-"))


def _place_of(campaign: Campaign, *needles: str) -> str:
    """Where in the form the first of these words stands that stands anywhere; else the content as a whole."""
    texts = list(_texts(campaign))
    for needle in needles:
        for text, where, _ in texts:
            if needle and needle in text:
                return where
    return "content"


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"

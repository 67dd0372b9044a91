"""Verbs about lists and people. Each list has people of its own; what is told of the account is gathered from them."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from accounts.providers.answers import gone_is_done
from accounts.providers.base import Effect, effect
from accounts.providers.errors import Missing, ProviderError, Refused, Unsupported
from accounts.providers.especial import mapping, segments
from accounts.providers.especial.contact_calls import IMPORT_PEOPLE
from accounts.providers.especial.paging import Pages
from accounts.providers.especial.verbs import SLUG, Json, Verbs, each, page_of, read
from accounts.providers.reading import obj, rows, text, whole
from accounts.providers.records import (
    AccountRecord,
    AudienceProgress,
    ContactRecord,
    FieldRecord,
    LeaveRecord,
    ListRecord,
    Page,
    SegmentRecord,
)

LANGUAGE = "en_US"
_ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,253}\.[^@\s<>,;.]{2,63}")
_SEPARATOR = ":"


class Audience(Verbs):
    @effect(Effect.READ)
    def account(self) -> AccountRecord:
        raw = self.client.get_self_account()
        return read(mapping.account_record, raw, "getSelfAccount", self.client.username)

    # Fields

    @effect(Effect.READ)
    def fields(self) -> Iterator[FieldRecord]:
        """The attributes of all lists by name, then what people have beside them."""
        types: dict[str, set[str]] = {}
        for list_id in self._list_ids():
            for name, kind in self._attributes(list_id).items():
                types.setdefault(name, set()).add(kind)
        for name, kinds in types.items():
            yield mapping.field_record(name, sorted(kinds))
        yield from (field for field in mapping.extra_fields() if field.name not in types)

    @effect(Effect.CREATE)
    def create_field(self, *, name: str, kind: str, choices: Sequence[str] = ()) -> None:
        """On every list, since attributes belong to lists; lists made later get it with the first person who has it."""
        if kind not in mapping.ATTRIBUTE_TYPES:
            self._unsayable(f"Especial has no fields of kind {kind}.")
        _check_name(name)
        for list_id in self._list_ids():
            if name not in self._attributes(list_id):
                self._make_attribute(list_id, name, mapping.ATTRIBUTE_TYPES[kind])

    def _attributes(self, list_id: str) -> dict[str, str]:
        """Name → type."""
        if list_id not in self._known_attributes:
            self._known_attributes[list_id] = {
                name: text(raw.get("type"))
                for raw in Pages(partial(self.client.list_custom_attributes, list_id))
                if (name := text(raw.get("name")))
            }
        return self._known_attributes[list_id]

    def _make_attribute(self, list_id: str, name: str, kind: str) -> None:
        """Already there, made by somebody else meanwhile, is as good."""
        try:
            self.client.create_custom_attribute(list_id, name, kind)
        except Missing:
            raise
        except Refused:
            self._known_attributes.pop(list_id, None)
            if name not in self._attributes(list_id):
                raise
        self._attributes(list_id).setdefault(name, kind)

    # Lists

    @effect(Effect.READ)
    def lists(self) -> Iterator[ListRecord]:
        """Those put away count as gone."""
        for raw in self._lists():
            yield read(mapping.list_record, raw, "listLists")

    def _lists(self) -> Iterator[Json]:
        found = Pages(partial(self.client.list_lists, sort="created_on"))
        return (raw for raw in found if not mapping.is_gone(raw))

    def _list_ids(self, wanted: Collection[str] | None = None, *, anew: bool = True) -> list[str]:
        """All, or those of them that are wanted, by their numbers, so that a walk over them can go on after any.

        Without `anew` as they were at the walk's beginning: a walk over many would else read them all at each one's end.
        """
        known = None if anew else self._known_list_ids
        if known is None:
            found = (read(mapping.remote_id, raw, "listLists") for raw in self._lists())
            known = self._known_list_ids = sorted(found, key=mapping.by_number)
        return [list_id for list_id in known if wanted is None or list_id in wanted]

    @effect(Effect.READ)
    def find_lists(self, *, marker: str) -> tuple[ListRecord, ...]:
        """Walks all lists: a filter takes whole names only."""
        return tuple(record for record in self.lists() if record.name.endswith(marker))

    @effect(Effect.CREATE)
    def create_list(
        self, *, name: str, folder_remote_id: str = "", sender_name: str = "", sender_email: str = ""
    ) -> ListRecord:
        """A list has a sender and a policy against spam that must be accepted before it is mailed.

        Where accepting fails the list is there all the same; a campaign to it accepts once more.
        """
        sender_id = self._sender_id(name=sender_name, email=sender_email)
        if not sender_id:
            raise Refused(
                f"{sender_email} is not among the confirmed senders of the account in Especial."
                if sender_email
                else "A list in Especial needs a confirmed sender, and the account has none.",
                provider=SLUG,
                operation="createList",
            )
        body = {"name": name, "default_sender": {"id": sender_id}, "language": LANGUAGE}
        self._known_list_ids = None
        list_id = self.client.create_list(body)
        with suppress(ProviderError):
            self.client.accept_list_policy(list_id)
        return ListRecord(list_id, name)

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        self.client.patch_list(remote_id, {"name": name})

    @effect(Effect.CONVERGE)
    def delete_list(self, *, remote_id: str) -> None:
        """Put away, not deleted: deleting takes along the campaigns that were sent to it."""
        self._known_list_ids = None
        try:
            self.client.archive_list(remote_id)
        except Missing:
            return
        except Refused:
            if not mapping.is_gone(self.client.get_list(remote_id)):
                raise

    @effect(Effect.READ)
    def list_size(self, *, remote_id: str) -> int:
        """Those who are on it; a total covers everybody who ever was, so the server is asked to choose by status.

        Its filter is not taken at its word: where rows come that it should have left out, everybody is walked.
        """
        fetch = partial(self.client.list_contacts_of_list, remote_id, with_count=True)
        first = Pages(fetch, has_cursor=True).page()
        if first.following is None:
            return sum(mapping.membership(raw) == mapping.ON for raw in first.items)
        total = 0
        for status in (word for word, where in mapping.MEMBERSHIPS.items() if where == mapping.ON):
            try:
                chosen = Pages(partial(fetch, filter=f"status=={status}"), has_cursor=True).page()
            except Refused:  # a word this version does not know
                continue
            if chosen.total is None or any(text(raw.get("status")) != status for raw in chosen.items):
                return sum(mapping.membership(raw) == mapping.ON for raw in self._people(remote_id))
            total += chosen.total
        return total

    # People

    @effect(Effect.READ)
    def contacts(self, *, cursor: str | None = None, changed_since: datetime | None = None) -> Page:
        """List after list, each by its own cursor. Ours: the list, then theirs, which is empty at a list's beginning."""
        if changed_since is not None:
            self._unsupported("lists_changed_contacts")
        return self._over_lists(cursor, self._pages, _on_list)

    @effect(Effect.READ)
    def memberships(self, *, list_ids: Collection[str], cursor: str | None = None) -> Page:
        return self._over_lists(cursor, self._pages, _on_list, wanted=list_ids)

    def _over_lists(
        self,
        cursor: str | None,
        pages: Callable[[str], Pages],
        record: Callable[[str, Json], Any],
        *,
        wanted: Collection[str] | None = None,
    ) -> Page:
        list_id, _, at = (cursor or "").partition(_SEPARATOR)
        following: list[str] | None = None
        if not list_id:
            list_id, *following = self._list_ids(wanted) or [""]
            if not list_id:
                return Page((), None)
        try:
            found = page_of(pages(list_id), at or None, partial(record, list_id), "listContactsOfList")
        except Missing:  # the list went away during the walk
            found = Page((), None)
        if found.cursor is not None:
            return Page(found.items, f"{list_id}{_SEPARATOR}{found.cursor}")
        if following is None:
            after = mapping.by_number(list_id)
            following = [
                other for other in self._list_ids(wanted, anew=False) if mapping.by_number(other) > after
            ]
        return Page(found.items, f"{following[0]}{_SEPARATOR}" if following else None)

    @effect(Effect.READ)
    def list_members(self, *, remote_id: str, cursor: str | None = None) -> Page:
        """Those who are on it; who left or is not confirmed comes with `contacts`."""
        record = partial(_on_list, remote_id)
        page = page_of(self._pages(remote_id), cursor, record, "listContactsOfList")
        return Page(tuple(person for person in page.items if person.list_ids), page.cursor)

    def _pages(self, list_id: str) -> Pages:
        return Pages(partial(self.client.list_contacts_of_list, list_id, sort="id"), has_cursor=True)

    def _people(self, list_id: str) -> Iterator[Json]:
        return iter(self._pages(list_id))

    @effect(Effect.READ)
    def contact(self, *, remote_id: str = "", email: str = "") -> ContactRecord:
        """By address: their record on the first list they are on, else on the first that knows them."""
        if remote_id:
            list_id, _, contact_id = remote_id.partition(_SEPARATOR)
            if not contact_id:
                raise Missing("Especial knows people by their list and number.", provider=SLUG)
            raw = self.client.get_contact(list_id, contact_id)
            found = [read(mapping.contact_record, raw, "getContact", list_id)]
        else:
            found = []
            for list_id in self._list_ids():
                if raw := self._find(list_id, email):
                    found.append(read(mapping.contact_record, raw, "listContactsOfList", list_id))
        if not found:
            raise Missing(
                "Nobody has this address in Especial.", provider=SLUG, operation="listContactsOfList"
            )
        return next((record for record in found if record.list_ids), found[0])

    def _find(self, list_id: str, email: str) -> Json | None:
        """The person with this address on a list. A filter that is not heeded is made up for by walking."""
        # A semicolon separates terms, and no escape for it is known; no address in use has one.
        fetch = partial(self.client.list_contacts_of_list, list_id, filter=f"email=={email.strip()}")
        found = [] if ";" in email else Pages(fetch, has_cursor=True).page().items
        match = partial(_has_address, email)
        if person := next(filter(match, found), None):
            return person
        return next(filter(match, self._people(list_id)), None) if found else None

    @effect(Effect.CONVERGE)
    def save_contacts(
        self, contacts: Sequence[ContactRecord], *, list_ids: Sequence[str]
    ) -> AudienceProgress:
        """Done with the answer. People are added as active; who left a list or is suppressed stays so."""
        if len(contacts) > IMPORT_PEOPLE:
            raise ValueError(f"{len(contacts)} people do not fit into one import of {IMPORT_PEOPLE}.")
        if contacts and not list_ids:
            raise ValueError("People in Especial stand on lists.")
        details = [self._import(list_id, contacts) for list_id in list_ids] if contacts else []
        return AudienceProgress(done=True, detail=" ".join(filter(None, details)))

    def _import(self, list_id: str, contacts: Sequence[ContactRecord]) -> str:
        """One import; answers what was left out."""
        wanted = {person.email.strip().lower(): person for person in contacts}
        sendable = {email: person for email, person in wanted.items() if _is_address(email)}
        types = self._attributes_for(list_id, sendable.values())
        people = [mapping.import_row(person, types) for person in sendable.values()]
        sent, reply = self._import_rows(list_id, [row for row, _ in people])
        ids = reply.get("id")
        taken = sent if ids is None else len(set(map(text, rows(ids))))
        notes = []
        if taken < len(wanted):
            notes.append(f"{len(wanted) - taken} of {len(wanted)} people were not taken.")
        if lost := sum(count for _, count in people):
            notes.append(
                f"{lost} values were not taken: their fields in Especial hold whole numbers or dates only."
            )
        return " ".join(notes)

    def _import_rows(self, list_id: str, people: list[Json]) -> tuple[int, Mapping[str, Any]]:
        """One bad row fails the whole import: those a refusal points to are left out, and the rest is sent again."""
        while people:
            try:
                return len(people), self.client.import_contacts(list_id, people)
            except Missing:
                raise
            except Refused as refusal:
                bad = _bad_rows(refusal)
                kept = [row for at, row in enumerate(people) if at not in bad]
                if len(kept) == len(people):
                    raise
                people = kept
        return 0, {"id": []}

    def _attributes_for(self, list_id: str, contacts: Any) -> Mapping[str, str]:
        """The list's attributes, after those that are used and lacking were made; as text, which mails show as it is."""
        used = {name for person in contacts for name, value in person.fields.items() if value is not None}
        for name in sorted(used - mapping.RESERVED - set(mapping.EXTRAS)):
            if name not in self._attributes(list_id):
                _check_name(name)
                self._make_attribute(list_id, name, "text")
        return self._attributes(list_id)

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        """Unsubscribed, which keeps their history."""
        for email in emails:
            raw = self._find(list_id, email)
            if raw is not None and mapping.membership(raw) != mapping.LEFT:
                contact_id = read(mapping.remote_id, raw, "listContactsOfList")
                gone_is_done(self.client.unsubscribe_contact, list_id, contact_id)

    @effect(Effect.CONVERGE)
    def delete_contact(self, *, remote_id: str = "", email: str = "") -> None:
        """By id from the one list the record tells of."""
        if email:
            for of_list in self._list_ids():
                if raw := self._find(of_list, email):
                    contact_id = read(mapping.remote_id, raw, "listContactsOfList")
                    gone_is_done(self.client.delete_contact, of_list, contact_id)
            return
        list_id, _, contact_id = remote_id.partition(_SEPARATOR)
        if contact_id:
            gone_is_done(self.client.delete_contact, list_id, contact_id)

    # Suppressed addresses

    @effect(Effect.READ)
    def leaves(self, *, cursor: str | None = None) -> Page:
        """Suppressed addresses and patterns, then who left which list: a leave there suppresses nothing by itself."""
        step, _, at = (cursor or "").partition(_SEPARATOR)
        if step != "lists":
            suppressed = Pages(self.client.list_suppressed_emails)
            page = page_of(suppressed, at or None, mapping.leave_record, "listSuppressedEmails")
            return Page(
                page.items,
                "lists" if page.cursor is None else f"suppressed{_SEPARATOR}{page.cursor}",
            )
        page = self._over_lists(at or None, self._pages_of_left, _left)
        return Page(
            tuple(filter(None, page.items)),
            None if page.cursor is None else f"lists{_SEPARATOR}{page.cursor}",
        )

    def _pages_of_left(self, list_id: str) -> Pages:
        fetch = partial(self.client.list_contacts_of_list, list_id, filter="status==unsubscribed", sort="id")
        return Pages(fetch, has_cursor=True)

    @effect(Effect.CONVERGE)
    def block_contact(self, *, email: str) -> None:
        try:
            self.client.create_suppressed_email(email)
        except Refused:
            fetch = partial(self.client.list_suppressed_emails, filter=f"email=={email.strip()}")
            if not any(filter(partial(_has_address, email), Pages(fetch))):
                raise

    # Segments

    @effect(Effect.READ)
    def segments(self) -> Iterator[SegmentRecord]:
        for list_id in self._list_ids():
            pages = Pages(partial(self.client.list_segments, list_id))
            yield from each(pages, segments.segment_record, "listSegments", list_id)

    @effect(Effect.CREATE)
    def create_segment(self, *, name: str, list_remote_id: str, rule: Mapping[str, Any]) -> SegmentRecord:
        try:
            body = segments.segment_body(name, rule)
        except ValueError:
            self._unsayable(
                "Especial makes segments of one condition on a field or a tag for certain; this one says something else."
            )
        made = self.client.create_segment(list_remote_id, body)
        return SegmentRecord(made, name, list_remote_id, segments.rule_of(body))

    def _unsayable(self, sentence: str) -> Any:
        raise Unsupported(sentence, provider=SLUG)


def _on_list(list_id: str, raw: Json) -> ContactRecord:
    return mapping.contact_record(raw, list_id)


def _left(list_id: str, raw: Json) -> LeaveRecord | None:
    """None for rows that a filter should have left out."""
    if mapping.membership(raw) != mapping.LEFT:
        return None
    return LeaveRecord(text(raw.get("email")), reason="unsubscribed", list_id=list_id)


def _has_address(email: str, raw: Json) -> bool:
    return mapping.is_same_address(raw.get("email"), email)


def _is_address(email: str) -> bool:
    return _ADDRESS.fullmatch(email.strip()) is not None


def _check_name(name: str) -> None:
    if not mapping.ATTRIBUTE_NAME.fullmatch(name) or name in mapping.RESERVED:
        raise Unsupported(
            "Especial takes field names of Latin letters, digits, dashes and underscores, and keeps a few for itself.",
            provider=SLUG,
            operation="createCustomAttribute",
        )


def _bad_rows(refusal: Refused) -> set[int]:
    """The places in `contacts` that a refusal complains of."""
    bad: set[int] = set()
    for item in map(obj, rows(refusal.reply.get("detail"))):
        place = [text(part) for part in rows(item.get("loc"))]
        if "contacts" in place[:-1]:
            at = whole(place[place.index("contacts") + 1])
            if at is not None:
                bad.add(at)
    return bad

"""People in groups, and those who opted out: read as streams, changed by file."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from typing import Any

from accounts.providers.bodies import table
from accounts.providers.emailcampaigns import mapping
from accounts.providers.emailcampaigns.client import Client, understood
from accounts.providers.emailcampaigns.mapping import PeopleFile
from accounts.providers.emailcampaigns.paging import Addresses, Row, Walk
from accounts.providers.errors import Missing, Refused
from accounts.providers.reading import obj
from accounts.providers.records import AudienceProgress, ContactRecord, Page

# People whose columns are looked at before a file is written; later ones may bring no column of their own.
HEAD = 10_000
# The account takes a file with a bare 200 and tells nothing more. Who is not there after so long was not taken.
SETTLING_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Handed:
    """A file on its way into a group: what must be seen there before it counts as taken in."""

    group_id: str
    count: int
    left_out: int
    # Of the last person's address: rows are taken to go in in order. No address stands in a reference.
    last: str
    at: int
    is_whole: bool

    @classmethod
    def of(cls, group_id: str, file: PeopleFile, *, is_whole: bool) -> "Handed":
        return cls(group_id, file.count, file.left_out, _digest(file.last), int(time.time()), is_whole)

    @classmethod
    def read(cls, reference: str) -> "Handed":
        group_id, count, left_out, last, at, is_whole = reference.split(":")
        return cls(group_id, int(count), int(left_out), last, int(at), is_whole == "whole")

    def __str__(self) -> str:
        kind = "whole" if self.is_whole else "some"
        return f"{self.group_id}:{self.count}:{self.left_out}:{self.last}:{self.at}:{kind}"


class People:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._opted_out = Addresses(())
        self._everybody = Walk(self._all_groups, self._still_there)
        self._some: tuple[frozenset[str], Walk] | None = None
        self._members: tuple[str, Walk] | None = None
        self._leaves = Walk(lambda: [""], lambda _: client.list_opt_outs())

    # Reading

    def contacts(self, cursor: str | None) -> Page:
        """Group by group, oldest first: ids begin with the time they were given."""
        return self._page(self._everybody, cursor)

    def memberships(self, group_ids: frozenset[str], cursor: str | None) -> Page:
        if self._some is None or self._some[0] != group_ids:
            self._some = (
                group_ids,
                Walk(lambda: group_ids.intersection(self._all_groups()), self._still_there),
            )
        return self._page(self._some[1], cursor)

    def members(self, group_id: str, cursor: str | None) -> Page:
        if self._members is None or self._members[0] != group_id:
            self._members = group_id, Walk(lambda: self._only(group_id), self.client.get_people)
        return self._page(self._members[1], cursor)

    def leaves(self, cursor: str | None) -> Page:
        found, following = self._leaves.page(cursor)
        return Page(tuple(mapping.leave_record(row.raw) for row in found), following)

    def size(self, group_id: str) -> int:
        return sum(1 for _ in self.client.get_people(group_id))

    def are_done(self, group_id: str, answered: Addresses) -> bool:
        """Whether each member is among `answered` or opted out: those stay in the group and are not mailed."""
        gone: Addresses | None = None
        for raw in self.client.get_people(group_id):
            email = _email(raw)
            if email in answered:
                continue
            gone = gone or self.opted_out()
            if email not in gone:
                return False
        return True

    def opted_out(self) -> Addresses:
        return Addresses(_email(raw) for raw in self.client.list_opt_outs())

    def find(self, remote_id: str, email: str) -> ContactRecord:
        """By `<group>:<address>` in that group, by address alone in the first that has it. Raises Missing."""
        group_id, wanted = _split(remote_id)
        wanted = (wanted or email).strip().lower()
        for found in [group_id] if group_id else self.group_ids():
            for position, raw in enumerate(self.client.get_people(found), 1):
                if _email(raw) == wanted or (remote_id and not _email(raw) and str(position) == wanted):
                    return mapping.contact_record(
                        raw, group_id=found, position=position, blocked=wanted in self.opted_out()
                    )
        raise Missing("Nobody of that address is in a group.", provider=self.client.provider)

    def group_ids(self) -> list[str]:
        groups = self.client.list_contact_groups()
        return sorted(understood(mapping.remote_id, raw, "listContactGroups") for raw in groups)

    def _page(self, walk: Walk, cursor: str | None) -> Page:
        found, following = walk.page(cursor)
        return Page(tuple(map(self._record, found)), following)

    def _record(self, row: Row) -> ContactRecord:
        blocked = _email(row.raw) in self._opted_out
        return mapping.contact_record(row.raw, group_id=row.section, position=row.position, blocked=blocked)

    def _all_groups(self) -> list[str]:
        self._opted_out = self.opted_out()
        return self.group_ids()

    def _only(self, group_id: str) -> list[str]:
        self._opted_out = self.opted_out()
        return [group_id]

    def _still_there(self, group_id: str) -> Iterator[Any]:
        """A group deleted since the walk began is empty."""
        with suppress(Missing):
            yield from self.client.get_people(group_id)

    # Changing

    def add(self, contacts: Sequence[ContactRecord], group_ids: Sequence[str]) -> AudienceProgress:
        handed = [self._add(contacts, group_id) for group_id in group_ids] if contacts else []
        return _progress([one for one in handed if one.count], handed)

    def _add(self, contacts: Sequence[ContactRecord], group_id: str) -> Handed:
        """What the group knows of these people goes into the file again: a missing cell may empty a value there."""
        wanted = {contact.email.strip().lower() for contact in contacts}
        there: Mapping[str, Mapping[str, Any]] = {
            email: mapping.columns(obj(raw))
            for raw in self.client.get_people(group_id)
            if (email := _email(raw)) in wanted
        }
        file = PeopleFile.of(contacts, there)
        content = table(file.rows(contacts))
        if file.count:
            self.client.bulk_update_contacts(
                group_id, content, name_index=PeopleFile.NAME, email_index=PeopleFile.EMAIL
            )
        return Handed.of(group_id, file, is_whole=False)

    def replace(self, contacts: Iterable[ContactRecord], group_id: str) -> AudienceProgress:
        everybody = iter(contacts)
        head = list(islice(everybody, HEAD))
        file = PeopleFile.of(head)
        content = table(file.rows(chain(head, everybody)))
        self.client.bulk_replace_contacts(
            group_id, content, name_index=PeopleFile.NAME, email_index=PeopleFile.EMAIL
        )
        handed = [Handed.of(group_id, file, is_whole=True)]
        return _progress(handed, handed)

    def remove(self, emails: Sequence[str], group_id: str) -> None:
        if emails:
            self.client.bulk_delete_contacts(
                group_id, table([["email"], *([email] for email in emails)]), email_index=0
            )

    def progress(self, reference: str) -> AudienceProgress:
        handed = [Handed.read(part) for part in reference.split(",") if part]
        return _progress([one for one in handed if not self._is_in(one)], handed, reference)

    def _is_in(self, handed: Handed) -> bool:
        if time.time() - handed.at > SETTLING_SECONDS:
            return True
        size, has_last = 0, not handed.count
        for raw in self.client.get_people(handed.group_id):
            size += 1
            has_last = has_last or _digest(_email(raw)) == handed.last
        return has_last and (size == handed.count or not handed.is_whole)

    def block(self, email: str) -> None:
        """A second opt-out for an address is harmless; a refusal because there is one is looked into."""
        try:
            self.client.create_opt_out(email)
        except Refused:
            wanted = email.strip().lower()
            if not any(_email(raw) == wanted for raw in self.client.list_opt_outs()):
                raise

    def delete(self, remote_id: str) -> None:
        """`<group>:<address>` is taken off its group; an address alone off all of them."""
        group_id, email = _split(remote_id)
        for found in [group_id] if group_id else self.group_ids():
            with suppress(Missing):
                self.remove([email], found)


def _progress(waiting: Sequence[Handed], handed: Sequence[Handed], reference: str = "") -> AudienceProgress:
    left_out = sum(one.left_out for one in handed)
    return AudienceProgress(
        done=not waiting,
        reference=reference or ",".join(map(str, handed)),
        detail=f"Left out for want of a usable address: {left_out:,}.".replace(",", "\u00a0")
        if left_out
        else "",
    )


def _split(remote_id: str) -> tuple[str, str]:
    """(group, address) of `<group>:<address>`; an address alone has no group."""
    group_id, colon, email = remote_id.partition(":")
    return (group_id, email) if colon and "@" not in group_id else ("", remote_id)


def _email(raw: Any) -> str:
    return mapping.address(obj(raw).get("email")).lower()


def _digest(email: str) -> str:
    return blake2b(email.strip().lower().encode("utf-8", "replace"), digest_size=8).hexdigest()

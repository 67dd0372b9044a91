"""Requests of one person about their data: everything told, everything removed, and coming back."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry, User, Workspace
from accounts.names import by_name
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from audiences import privacy
from audiences.addresses import NotAnAddress, normalise
from audiences.erased import digest_of
from audiences.models import Consent, ConsentBasis, Contact, ErasedThere, Erasure, Import, Subscription
from audiences.privacy import Person
from audiences.queries.held import files_with
from audiences.services import forgetting
from audiences.services.counts import refresh_counts
from audiences.services.people import take_over_blocks
from audiences.services.suppressions import HOLDERS
from audiences.sets import one_writer

ERASE_THERE = "audiences.erase_there"
State = ErasedThere.State


class CannotErase(CannotDo):
    pass


def person_of(*, workspace: Workspace, email: str) -> Person:
    """Raises CannotErase for what is no address."""
    try:
        return privacy.person(workspace, normalise(email))
    except NotAnAddress as error:
        sentence = "This is no address. Type the whole of it, as in ana@example.com."
        raise CannotErase(sentence, fields={"email": sentence}) from error


@transaction.atomic
def export_person(*, person: Person, by: User) -> dict[str, Any]:
    """All that is held, section by section, with what each section is; recorded, since it leaves the house."""
    sections = privacy.sections()
    document = {
        "about": {
            "workspace": person.workspace.name,
            "address": person.email,
            "made_at": timezone.now(),
            "sections": {section.name: section.title for section in sections},
        },
        **{section.name: [dict(row) for row in section.rows(person)] for section in sections},
    }
    activity.record(
        person.workspace,
        "privacy.exported",
        "Exported all that is held about one person.",
        actor=by,
        subject=person.contact,
        after={name: len(rows) for name, rows in document.items() if name != "about" and rows},
    )
    return document


@transaction.atomic
def erase_person(*, person: Person, by: User, typed: str) -> Erasure:
    """Remove everything about them here, ask every account to, and know the address again. Raises CannotErase.

    All of it or nothing; what accounts are asked for stands in the outbox.
    """
    if typed.strip().lower() != person.email:
        sentence = "That is not the address. Nothing was removed."
        raise CannotErase(sentence, fields={"typed": sentence})
    workspace = person.workspace
    # While everybody may still write: that can take long. Only files that come in meanwhile are looked into later.
    for one in (person, *_by_address(person)):
        files_with(one)
    privacy.stand_still(workspace)
    # No import that rests begins to be read meanwhile. One under way holds its row while it waits for the audience.
    resting = (Import.State.MAPPING, Import.State.READY, Import.State.FAILED)
    list(Import.objects.select_for_update().filter(workspace=workspace, state__in=resting).order_by("pk"))
    now = privacy.person(workspace, person.email)
    person = replace(now, looked=person.looked)  # as it is now that nobody else writes
    for sentence in hindrances(person):
        raise CannotErase(sentence)
    held = holding(person)
    lists = list(
        Subscription.objects.filter(contact=person.contact_id).values_list("list", flat=True)
        if person.contact
        else ()
    )
    counts = {name: rows for name, rows in counted(person).items() if rows}
    others = _by_address(person)
    for section in privacy.sections():
        if section.forget is not None:
            for one in (person, *others):
                section.forget(one)
    forgetting.contact(person)
    erasure, _ = Erasure.objects.update_or_create(
        workspace=workspace,
        digest=digest_of(workspace, person.email),
        defaults={"counts": counts, "by": by, "at": timezone.now(), "lifted_at": None, "part_of": None},
    )
    for email in person.others:
        Erasure.objects.update_or_create(
            workspace=workspace,
            digest=digest_of(workspace, email),
            defaults={"by": by, "at": erasure.at, "lifted_at": None, "part_of": erasure},
        )
    for connection, remote_id in held:
        _ask(erasure, connection, remote_id)
    if lists:
        refresh_counts(workspace=workspace, list_ids=lists)
    activity.record(
        workspace, "privacy.erased", "Erased one person at their request.", actor=by, after=counts
    )
    return erasure


def counted(person: Person) -> dict[str, int]:
    """Section → rows that erasing removes or changes."""
    return {
        section.name: sum(1 for _ in section.rows(person))
        for section in privacy.sections()
        if not section.stays
    }


def hindrances(person: Person) -> list[str]:
    """Why not at this moment, and when; under whichever of their addresses."""
    each = (person, *_by_address(person))
    said = (hindrance(one) for hindrance in (_import_under_way, *privacy.HINDRANCES) for one in each)
    return list(dict.fromkeys(filter(None, said)))


def _by_address(person: Person) -> list[Person]:
    """What stands under another address of theirs alone is found as that of an address without a person."""
    return [Person(person.workspace, email, None, looked=person.looked) for email in person.others]


def holding(person: Person) -> list[tuple[Connection, str]]:
    """(account, their id there or their address) of the accounts that hold the person, as far as is known."""
    if person.contact is None:
        return []
    mirrored = MirrorRow.objects.filter(kind=MirrorKind.CONTACT, object_id=person.contact.pk)
    gone = set(mirrored.exclude(gone_at=None).values_list("connection", flat=True))
    # Two of one account where two people became one.
    found: dict[int, list[str]] = defaultdict(list)
    for of, remote_id in mirrored.filter(gone_at=None).order_by("pk").values_list("connection", "remote_id"):
        found[of].append(remote_id)
    # A delivery may have handed them over since the account was read.
    for of, _ in chain.from_iterable(holders(person.workspace, [person.contact.pk]) for holders in HOLDERS):
        if of not in gone and of not in found:
            found[of] = [person.contact.email]
    connections = Connection.objects.filter(workspace=person.workspace, pk__in=found)
    now = person.contact.email
    before = sorted({person.email, *person.others} - {now})
    return [
        (of, remote_id)
        for of in connections.order_by(*by_name())
        # Where each list has people of its own, nobody is known by one id. An earlier address may be there beside.
        for remote_id in (*(found[of.pk] if of.capabilities.shares_contacts else [now]), *before)
    ]


@transaction.atomic
def settle_by_hand(*, there: ErasedThere, by: User) -> None:
    """A person says that an account which could not be told no longer holds them."""
    if there.state not in ErasedThere.OPEN or not there.end(State.SETTLED, by=by):
        raise CannotErase("This account has been settled already.")
    outbox.cancel(subject=there)
    activity.record(
        there.erasure.workspace,
        "privacy.settled",
        f"Said that an erased person was deleted by hand in {there.connection}.",
        actor=by,
        subject=there.connection,
    )


@transaction.atomic
def record_return(*, workspace: Workspace, by: User, email: str, source: str, agreed_on: date) -> Contact:
    """Somebody erased agreed anew: they may be kept and written to again. Raises CannotErase."""
    address = person_of(workspace=workspace, email=email).email
    one_writer(workspace)
    erasure = (
        Erasure.objects.select_for_update()
        .filter(workspace=workspace, digest=digest_of(workspace, address), lifted_at=None)
        .first()
    )
    if erasure is None:
        sentence = "Nobody with this address was erased here. Add them like anybody else."
        raise CannotErase(sentence, fields={"email": sentence})
    if agreed_on > timezone.localdate():
        sentence = "This day has not come yet."
        raise CannotErase(sentence, fields={"agreed_on": sentence})
    if agreed_on <= timezone.localdate(erasure.at):
        sentence = (
            "They were erased on that day or later, so this consent is gone. One of a later day is needed."
        )
        raise CannotErase(sentence, fields={"agreed_on": sentence})
    _let_hold(erasure, address, by)
    Erasure.objects.filter(pk=erasure.pk).update(lifted_at=timezone.now())
    contact = Contact.objects.create(workspace=workspace, email=address)
    take_over_blocks(contact)
    basis = ConsentBasis.objects.create(workspace=workspace, source=source.strip(), by=by)
    Consent.objects.create(contact=contact, basis=basis, at=datetime.combine(agreed_on, time(), UTC))
    activity.record(
        workspace,
        "privacy.returned",
        "Recorded a new consent of somebody who had been erased.",
        actor=by,
        subject=contact,
    )
    return contact


def _let_hold(erasure: Erasure, address: str, by: User) -> None:
    """No account is to delete them any more. One that knew them by another address still loses that."""
    theirs = Q(erasure=erasure) & ~Q(remote_id__contains="@") | Q(remote_id__iexact=address)
    asked = ErasedThere.objects.filter(theirs, erasure__workspace=erasure.workspace_id)
    for there in asked.filter(state__in=ErasedThere.OPEN):
        if there.end(State.RETURNED, by=by):
            outbox.cancel(subject=there)


def _import_under_way(person: Person) -> str:
    """A file being read would bring back what is removed from its rows."""
    moving = (Import.State.OPENING, Import.State.READING, Import.State.RUNNING)
    if Import.objects.filter(workspace=person.workspace, state__in=moving).exists():
        return "A file is being imported. Come back when that is over, in a few minutes, or cancel it."
    return ""


def _ask(erasure: Erasure, connection: Connection, remote_id: str) -> None:
    able = connection.capabilities
    is_there = connection.status not in (Connection.Status.CHECKING, Connection.Status.DISCONNECTED)
    # Who cannot be deleted is blocked there at least, by the address where that is what the account knows them by.
    may_block = able.blocks_contacts and "@" in remote_id
    can_be_told = is_there and (able.deletes_contacts or may_block)
    there = ErasedThere.objects.create(
        erasure=erasure,
        connection=connection,
        remote_id=remote_id,
        state=State.ASKED if can_be_told else State.HELD,
    )
    if can_be_told:
        outbox.record(
            task=ERASE_THERE,
            subject=there,
            connection=connection,
            effect=Effect.CONVERGE,
            priority=OutboxEntry.Priority.SUPPRESS,
        )

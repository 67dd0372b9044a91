"""What the tables of the audience hold about one person, as the export tells it and the page counts it."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from psycopg import sql

from accounts.models import ActivityEntry, Connection, MirrorKind, MirrorRow, OutboxEntry
from audiences.erased import pattern
from audiences.files.searching import may_stand_in_archive, stands_in
from audiences.files.unpacking import is_packed
from audiences.importing import bodies
from audiences.importing.tables import STANDARD
from audiences.models import (
    BulkAction,
    BulkChange,
    BulkOutcome,
    Consent,
    Contact,
    DuplicatePair,
    Engagement,
    Export,
    ExportPiece,
    Field,
    FieldChange,
    Folder,
    Gathered,
    Import,
    ImportBody,
    ImportChange,
    List,
    Segment,
    Subscription,
    Suppression,
    Tag,
    Tagging,
)
from audiences.privacy import Person, Row
from audiences.sql import loaded

# States in which the file of an import is still kept.
WITH_FILES = (*Import.OPEN, Import.State.FAILED)
# Texts that people typed, in which an address may stand: (model, its name in the export, columns).
WORDS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (List, "list", ("name", "description")),
    (Folder, "folder", ("name",)),
    (Tag, "tag", ("name",)),
    (Segment, "segment", ("name", "description", "rule")),
    (BulkAction, "bulk action", ("people", "arguments", "note")),
    (Export, "export", ("title", "selection", "note")),
    (Field, "field", ("label", "choices")),
    (FieldChange, "change of a field", ("arguments", "note")),
)


def contact(person: Person) -> Iterator[Row]:
    mine = person.contact
    if mine is None:
        return
    labels = dict(Field.objects.filter(workspace=person.workspace).values_list("key", "label"))
    labels = Contact.STANDARD_FIELDS | labels
    values = {key: getattr(mine, key) for key in STANDARD} | mine.custom
    yield {
        "address": mine.email,
        "fields": {labels.get(key, key): value for key, value in values.items() if value not in (None, "")},
        "tracking": mine.get_tracking_display(),
        "known_since": mine.created_at,
        "last_changed": mine.updated_at,
    }


def former_addresses(person: Person) -> Iterator[Row]:
    for email in person.others:
        yield {"address": email}


def tags(person: Person) -> Iterator[Row]:
    for row in Tagging.objects.filter(contact=person.contact_id).select_related("tag").order_by("pk"):
        yield {"tag": row.tag.name, "since": row.created_at}


def subscriptions(person: Person) -> Iterator[Row]:
    for row in Subscription.objects.filter(contact=person.contact_id).select_related("list").order_by("pk"):
        yield {
            "list": row.list.name,
            "status": row.get_status_display(),
            "since": row.changed_at,
            "first": row.created_at,
            "evidence": row.evidence,
        }


def consents(person: Person) -> Iterator[Row]:
    rows = Consent.objects.filter(contact=person.contact_id).select_related("basis__by", "list")
    for row in rows.order_by("pk"):
        yield {
            "kind": row.get_kind_display(),
            "purpose": row.get_purpose_display(),
            "list": row.list.name if row.list else None,
            "at": row.at,
            "ip": row.ip,
            "source": row.basis.source,
            "wording": row.basis.wording,
            "recorded_by": str(row.basis.by) if row.basis.by else None,
            "recorded_at": row.created_at,
        }


def suppressions(person: Person) -> Iterator[Row]:
    """In force and lifted, of the address and of the person under another one."""
    rows = suppression_rows(person).select_related("connection", "created_by", "lifted_by")
    for row in rows.order_by("pk"):
        yield {
            "address": row.email,
            "reason": row.get_reason_display(),
            "told_by": str(row.connection or row.created_by or "Campanile"),
            "at": row.at,
            "evidence": row.evidence,
            "lifted_at": row.lifted_at,
            "lifted_by": str(row.lifted_by) if row.lifted_by else None,
            "lifted_for": row.lift_evidence,
        }


def suppression_rows(person: Person) -> Any:
    mine = Suppression.objects.filter(workspace=person.workspace)
    found = mine.filter(email__in=[person.email, *person.others])
    if person.contact is None:
        return found
    # One of an address that is somebody else's by now speaks of them.
    others = Contact.objects.filter(workspace=person.workspace).exclude(pk=person.contact.pk)
    of_others = Q(Exists(others.filter(email=OuterRef("email"))))
    return mine.filter(Q(email__in=[person.email, *person.others]) | Q(contact=person.contact) & ~of_others)


def engagement(person: Person) -> Iterator[Row]:
    for row in Engagement.objects.filter(contact=person.contact_id):
        yield {
            "mails_received": row.received,
            "opens": row.opens,
            "clicks": row.clicks,
            "last_open": row.last_open_at,
            "last_click": row.last_click_at,
        }


def accounts(person: Person) -> Iterator[Row]:
    rows = MirrorRow.objects.filter(
        kind=MirrorKind.CONTACT, object_id=person.contact_id or 0, connection__workspace=person.workspace
    )
    for row in rows.select_related("connection").order_by("pk"):
        yield {
            "account": row.connection.name,
            "provider": row.connection.provider_name,
            "id_there": row.remote_id,
            "last_seen": row.seen_at,
            "gone_since": row.gone_at,
            "block": row.theirs,
        }


def gathered(person: Person) -> Iterator[Row]:
    """Read from an account by a pull that is under way."""
    for row in gathered_rows(person).select_related("connection").order_by("pk"):
        yield {
            "account": row.connection.name,
            "list": row.list_id,
            "status": row.status,
            "fields": row.fields,
        }


def gathered_rows(person: Person) -> Any:
    mine = Connection.objects.filter(workspace=person.workspace)
    return Gathered.objects.filter(connection__in=mine, email=person.email)


def import_rows(person: Person) -> Iterator[Row]:
    """In the tables that imports keep for a month, whatever became of the row."""
    names = dict(Import.objects.filter(workspace=person.workspace).values_list("pk", "name"))
    for import_id, stage in stages(person):
        with database.cursor() as cursor:
            columns = sql.SQL(", ").join(map(sql.Identifier, STANDARD))
            cursor.execute(
                sql.SQL(
                    "select line, email, custom, cells, {} from {} where " + ROW_OF_PERSON + " order by line"
                ).format(columns, sql.Identifier(stage)),
                {"email": person.email, "pattern": pattern(person.email)},
            )
            for line, email, custom, cells, *standard in cursor.fetchall():
                fields = dict(zip(STANDARD, standard, strict=True)) | loaded(custom, {})
                yield {
                    "import": names[import_id],
                    "line": line,
                    "address": email,
                    "fields": {key: value for key, value in fields.items() if value not in (None, "")},
                    "cells": loaded(cells, None),
                }


# A row that was turned away has no address, but its cells.
ROW_OF_PERSON = "(email = %(email)s or cells::text ~* %(pattern)s)"


def stages(person: Person) -> list[tuple[int, str]]:
    """(import, table) of the rows that are kept in the workspace."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            select i.id, c.relname from pg_class c
            join audiences_import i on c.relname = 'audiences_import_' || i.id || '_stage'
            where i.workspace_id = %s and c.relkind = 'r' order by i.id
            """,
            [person.workspace.pk],
        )
        return list(cursor.fetchall())


def import_changes(person: Person) -> Iterator[Row]:
    if person.contact is None:
        return
    rows = ImportChange.objects.filter(contact_id=person.contact.pk).select_related("step__of")
    for row in rows.order_by("pk"):
        yield {
            "import": row.step.of.name,
            "at": row.step.at,
            "changes": row.changes,
            "membership": row.membership,
        }


def bulk_changes(person: Person) -> Iterator[Row]:
    if person.contact is None:
        return
    for row in journal_of(person).select_related("of").order_by("pk"):
        yield {
            "action": row.of.get_action_display(),
            "at": row.at,
            "changes": {key.removeprefix("@"): values for key, values in row.changes.items()},
            "membership": row.membership,
        }


def journal_of(person: Person) -> QuerySet[BulkChange]:
    """Asked for by action, as the index has them."""
    kept = BulkAction.objects.filter(workspace=person.workspace, has_journal=True)
    return BulkChange.objects.filter(of__in=kept, contact_id=person.contact_id)


def bulk_outcomes(person: Person) -> Iterator[Row]:
    if person.contact is None:
        return
    for row in outcomes_of(person).select_related("of").order_by("pk"):
        yield {"action": row.of.get_action_display(), "at": row.of.created_at, "outcome": row.outcome}


def outcomes_of(person: Person) -> QuerySet[BulkOutcome]:
    return BulkOutcome.objects.filter(
        of__workspace=person.workspace, of__has_journal=True,
        first__lte=person.contact_id, last__gte=person.contact_id, contact_ids__contains=[person.contact_id],
    )  # fmt: skip


def import_files(person: Person) -> Iterator[Row]:
    for mine in files_with(person):
        yield {"file": mine.name, "uploaded": mine.created_at}


def files_with(person: Person) -> list[Import]:
    """Imports whose file is kept and may hold the address: one that cannot be looked into may."""
    found = Import.objects.filter(workspace=person.workspace, state__in=WITH_FILES)
    local, _, domain = person.email.rpartition("@")
    # A domain in foreign letters can be written in many ways.
    wanted = f"{local}@" if "xn--" in domain else person.email
    return [mine for mine in found.order_by("pk") if _looked(person, mine, wanted)]


def _looked(person: Person, mine: Import, wanted: str) -> bool:
    if (known := person.looked.get((mine.pk, wanted))) is not None:
        return known
    may = _may_hold(mine, wanted)
    if mine.state != Import.State.OPENING:  # once it is unpacked, more can be said
        person.looked[mine.pk, wanted] = may
    return may


def _may_hold(mine: Import, wanted: str) -> bool:
    blocks = bodies.blocks(mine, ImportBody.Part.ORIGINAL)
    start = next(blocks, b"")
    if not is_packed(start[:8]):
        return stands_in(chain([start], blocks), wanted)
    # One that was unpacked is no larger than it should be.
    is_unpacked = ImportBody.objects.filter(of=mine, part=ImportBody.Part.TEXT).exists()
    return not is_unpacked or may_stand_in_archive(chain([start], blocks), wanted)


def exports(person: Person) -> Iterator[Row]:
    """Files that may hold them: all that are kept."""
    for row in export_rows(person).order_by("pk"):
        yield {"file": row.title, "made": row.created_at}


def export_rows(person: Person) -> Any:
    """Those that are kept or being made. Made before they came, a file of people cannot hold them."""
    State = Export.State  # noqa: N806 - a class
    # One that was cancelled leaves pieces until its worker sees that.
    has_pieces = Q(Exists(ExportPiece.objects.filter(of=OuterRef("pk"))))
    found = Export.objects.filter(
        Q(state__in=[State.READY, State.MAKING, State.FAILED]) | Q(state=State.CANCELLED) & has_pieces,
        workspace=person.workspace,
    )
    if person.contact is None:
        return found
    before = found.filter(kind=Export.Kind.PEOPLE, finished_at__lt=person.contact.created_at)
    return found.exclude(pk__in=before.values("pk"))


def words(person: Person) -> Iterator[Row]:
    """Saved rules, filters and notes in which somebody typed the address."""
    for model, name, columns in WORDS:
        for pk in words_with(person, model, columns):
            yield {"what": name, "number": pk}
    for row in mirrored_words(person):
        yield {"what": f"{row.get_kind_display().lower()} in an account", "number": row.pk}


def mirrored_words(person: Person) -> QuerySet[MirrorRow]:
    """MirrorRows of lists, folders and fields that an account calls by a name in which the address stands."""
    kinds = (MirrorKind.LIST, MirrorKind.FOLDER, MirrorKind.FIELD)
    named = MirrorRow.objects.filter(connection__workspace=person.workspace, kind__in=kinds)
    return (
        named.annotate(said=Cast("theirs", TextField()))
        .filter(said__iregex=pattern(person.email))
        .order_by("pk")
    )


def words_with(person: Person, model: Any, columns: tuple[str, ...]) -> list[int]:
    with database.cursor() as cursor:
        text = sql.SQL(" || ' ' || ").join(
            sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns
        )
        cursor.execute(
            sql.SQL("select id from {} where workspace_id = %s and {} ~* %s order by id").format(
                sql.Identifier(model._meta.db_table), text
            ),
            [person.workspace.pk, pattern(person.email)],
        )
        return [pk for (pk,) in cursor.fetchall()]


def duplicates(person: Person) -> Iterator[Row]:
    """Without the other of the pair, who is somebody else."""
    mine = Q(contact_a=person.contact_id) | Q(contact_b=person.contact_id)
    for row in DuplicatePair.objects.filter(mine, workspace=person.workspace).order_by("pk"):
        yield {
            "because": [str(DuplicatePair.Reason(reason).label) for reason in row.reasons],
            "dismissed": row.dismissed_at,
        }


def outbox(person: Person) -> Iterator[Row]:
    for row in outbox_rows(person).select_related("connection").order_by("pk"):
        yield {
            "work": row.task,
            "account": str(row.connection) if row.connection else None,
            "state": row.get_state_display(),
            "recorded": row.created_at,
            "note": row.note,
        }


def outbox_rows(person: Person) -> Any:
    return OutboxEntry.objects.filter(
        subject_type=ContentType.objects.get_for_model(Contact), subject_id=person.contact_id or 0
    )


def activity(person: Person) -> Iterator[Row]:
    rows = ActivityEntry.objects.filter(
        workspace=person.workspace, object_type=Contact._meta.label_lower, object_id=person.contact_id or 0
    )
    for row in rows.order_by("pk"):
        yield {"at": row.at, "by": row.actor_name, "what": row.sentence, "details": row.after or row.before}

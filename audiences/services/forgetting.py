"""What erasing a person does to the tables of the audience, one function for each section of `queries.held`."""

from django.db import connection as database
from django.db.models import F, Func, Value
from django.utils import timezone
from psycopg import sql

from accounts.models import MirrorKind, MirrorRow, OutboxEntry, Pull
from audiences.erased import GONE, PROBLEM, pattern
from audiences.importing import bodies
from audiences.importing.ending import leave_nothing
from audiences.importing.tables import STANDARD, Tables
from audiences.models import (
    Consent,
    Contact,
    Export,
    ExportPiece,
    Field,
    Folder,
    Import,
    ImportChange,
    List,
    Segment,
)
from audiences.privacy import Person
from audiences.queries import held

# No text of ours is longer.
MOST_LETTERS = 2**30
EXPORT_GONE = "Somebody in it was erased at their request, so the file was thrown away. Make it anew."
FILE_GONE = (
    "Somebody who stands in this file, or may do so, was erased at their request, so the file was thrown away."
    " Take them out and upload it again."
)


def import_rows(person: Person) -> None:
    """In the kept tables the line stays, as one of somebody erased: their numbers still add up."""
    empty = sql.SQL(", ").join(sql.SQL("{} = ''").format(sql.Identifier(column)) for column in STANDARD)
    for import_id, stage in held.stages(person):
        tables = Tables(Import(pk=import_id))
        with database.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "update {} set email = '', {}, custom = '{{}}', consent_at = null, consent_ip = null, cells = null,"
                    " problem = %(problem)s where " + held.ROW_OF_PERSON + " returning line"
                ).format(sql.Identifier(stage), empty),
                {"problem": PROBLEM, "email": person.email, "pattern": pattern(person.email)},
            )
            lines = [line for (line,) in cursor.fetchall()]
            for table, statement in (
                (tables.twins, "delete from {} where email = %(email)s"),
                (
                    tables.preview,
                    "update {} set contact_id = null, changes = '{{}}', membership = null, suppression_id = null"
                    " where line = any(%(lines)s)",
                ),
                (
                    tables.result,
                    "update {} set contact_id = null, changes = '{{}}', membership = null, suppression_id = null"
                    " where line = any(%(lines)s)",
                ),
            ):
                if lines and _is_there(table):
                    cursor.execute(
                        sql.SQL(statement).format(sql.Identifier(table)),
                        {"email": person.email, "lines": lines},
                    )


def import_changes(person: Person) -> None:
    if person.contact is not None:
        ImportChange.objects.filter(contact_id=person.contact.pk).delete()


def bulk_changes(person: Person) -> None:
    if person.contact is not None:
        held.journal_of(person).delete()


def bulk_outcomes(person: Person) -> None:
    if person.contact is not None:
        held.outcomes_of(person).update(
            contact_ids=Func(F("contact_ids"), Value(person.contact.pk), function="array_remove")
        )


def import_files(person: Person) -> None:
    """A file that was not imported to its end goes whole, and its import with it."""
    for mine in held.files_with(person):
        mine.move_to(Import.State.CANCELLED, finished_at=timezone.now(), note=FILE_GONE)
        if mine.has_begun:
            bodies.forget(mine)
        else:
            leave_nothing(mine)


def exports(person: Person) -> None:
    """Files that were made expire, those being made begin anew."""
    found = held.export_rows(person)
    ExportPiece.objects.filter(of__in=found).delete()
    ids = list(found.values_list("pk", flat=True))
    State = Export.State  # noqa: N806 - a class
    Export.objects.filter(pk__in=ids, state=State.READY).update(state=State.EXPIRED, note=EXPORT_GONE)
    Export.objects.filter(pk__in=ids, state__in=[State.MAKING, State.FAILED]).update(
        state=State.FAILED, note=EXPORT_GONE, rows=0, size=0, finished_at=timezone.now()
    )


def words(person: Person) -> None:
    """Where somebody typed the address, a mark stands instead."""
    for model, _, columns in held.WORDS:
        ids = held.words_with(person, model, columns)
        if ids:
            replace(model._meta.db_table, columns, ids, person.email)
            if model in (Field, Folder, List, Segment):
                # A page that was opened before, or the next pull, would bring the address back, and a reviewed rule is another
                # one now.
                model.objects.filter(pk__in=ids).update(version=F("version") + 1)
    theirs = held.mirrored_words(person).values_list("pk", flat=True)
    replace(MirrorRow._meta.db_table, ("theirs",), list(theirs), person.email)


def replace(table: str, columns: tuple[str, ...], ids: list[int], email: str, mark: str = GONE) -> None:
    """Every spelling of the address in these columns of these rows becomes `mark`, in whatever letters it stands.

    In a name the row's number follows, for names of tags, folders and segments stand once.
    """
    with database.cursor() as cursor:
        cursor.execute(
            "select column_name, udt_name, character_maximum_length from information_schema.columns"
            " where table_schema = current_schema() and table_name = %s and column_name = any(%s)",
            [table, list(columns)],
        )
        for column, kind, most in cursor.fetchall():
            cursor.execute(
                sql.SQL(
                    "update {table} set {column} = left(regexp_replace({column}::text, %s, %s::text{number}, 'gi'), %s)::{kind} where id = any(%s)"
                ).format(
                    table=sql.Identifier(table),
                    column=sql.Identifier(column),
                    kind=sql.Identifier(kind),
                    number=sql.SQL(" || id" if column == "name" else ""),
                ),
                [pattern(email), mark, most or MOST_LETTERS, ids],
            )


def suppressions(person: Person) -> None:
    held.suppression_rows(person).delete()


def consents(person: Person) -> None:
    """They go with their person; so does a basis that was theirs alone, for it may tell of them."""
    if person.contact is None:
        return
    bases = list(
        Consent.objects.filter(contact=person.contact).order_by().values_list("basis", flat=True).distinct()
    )
    Consent.objects.filter(contact=person.contact).delete()
    with database.cursor() as cursor:
        cursor.execute(_OWN_BASES, {"bases": bases, "by_hand": Import.Source.BY_HAND.value})


# Of those typed in with one person. Wording of an import or of a bulk action of many is everybody's.
_OWN_BASES = """
create temp table own_bases on commit drop as
select b.id from audiences_consentbasis b
where b.id = any(%(bases)s)
  and not exists (select 1 from audiences_consent c where c.basis_id = b.id)
  and not exists (select 1 from audiences_import i where i.basis_id = b.id and i.source <> %(by_hand)s)
  and not exists (select 1 from audiences_bulkaction a where a.basis_id = b.id and a.total is distinct from 1);
update audiences_import i set basis_id = null from own_bases o where i.basis_id = o.id;
update audiences_bulkaction a set basis_id = null from own_bases o where a.basis_id = o.id;
delete from audiences_consentbasis b using own_bases o where b.id = o.id;
drop table own_bases
"""


def gathered(person: Person) -> None:
    """What a pull under way has read of them, and the place it is at if that is named by them."""
    held.gathered_rows(person).delete()
    pulls = Pull.objects.filter(connection__workspace=person.workspace, checkpoint__icontains=person.email)
    for pull in pulls:
        checkpoint = dict(pull.checkpoint)
        if checkpoint.get("after") == person.email:
            checkpoint["after"] = person.email[:1]  # what is merged twice changes nothing
        rejected = checkpoint.get("rejected", ())
        if person.email in rejected:
            checkpoint["rejected"] = [known for known in rejected if known != person.email]
        Pull.objects.filter(pk=pull.pk).update(checkpoint=checkpoint)


def outbox(person: Person) -> None:
    """What was still to be done about them is no longer wanted."""
    rows = held.outbox_rows(person)
    # One under way has what it needs, and its end finds no row.
    OutboxEntry.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).delete()


def contact(person: Person) -> None:
    """Last: subscriptions, tags and engagement go with it."""
    if person.contact is not None:
        MirrorRow.objects.filter(kind=MirrorKind.CONTACT, object_id=person.contact.pk).delete()
        Contact.objects.get(pk=person.contact.pk).delete()


def _is_there(table: str) -> bool:
    with database.cursor() as cursor:
        cursor.execute("select to_regclass(%s)", [table])
        return cursor.fetchone() != (None,)

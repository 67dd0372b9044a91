"""One person typed in: an import of one row."""

import csv
import io
from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import User, Workspace
from audiences.addresses import NO_ADDRESS, NotAnAddress, normalise
from audiences.erased import REFUSAL, Erased
from audiences.files.dialects import Dialect
from audiences.importing import bodies
from audiences.models import ConsentBasis, Contact, Import, ImportBody, List
from audiences.queries.consents import NO_SOURCE
from audiences.queries.fields import all_fields, value_of
from audiences.services.imports import CannotImport, instant
from audiences.sets import one_writer

State = Import.State


@transaction.atomic
def add_person(
    *,
    workspace: Workspace,
    by: User,
    email: str,
    fields: Mapping[str, str],
    on_list: List | None = None,
    consent_source: str = "",
    consent_date: date | None = None,
) -> Contact:
    """One person typed in, by the rules and with the roll back of any import. Raises CannotImport with the reason."""
    from audiences.importing import running  # it uses services itself

    try:
        address = normalise(email)
    except NotAnAddress as error:
        raise CannotImport("This is no address.", fields={"email": NO_ADDRESS}) from error
    one_writer(workspace)  # from here on nobody is erased meanwhile
    if address in Erased(workspace):
        raise CannotImport(REFUSAL, fields={"email": REFUSAL})
    if on_list is not None and not consent_source.strip():
        raise CannotImport(
            "Say where the consent comes from.",
            fields={"consent_source": NO_SOURCE},
        )
    known = {field.key: field for field in all_fields(workspace)}
    filled = {key: text for key, text in fields.items() if text}
    for key, typed in filled.items():
        try:
            value_of(known[key], typed)
        except ValueError as error:
            raise CannotImport(str(error), fields={f"field_{key}": str(error)}) from error
    text = io.StringIO()
    csv.writer(text).writerows([["email", *filled], [address, *filled.values()]])
    body = text.getvalue().encode()
    mine = Import.objects.create(
        workspace=workspace, source=Import.Source.BY_HAND, name="One person", created_by=by, size=len(body),
        digest=sha256(f"{by.pk} {timezone.now().timestamp()}".encode()).hexdigest(), state=State.READING,
        dialect=Dialect().as_json(), columns=[{"name": key, "samples": [], "as": "text"} for key in ["email", *filled]],
        mapping=[{"to": "email", "as": "text"}, *({"to": key, "as": _reading(known[key].kind)} for key in filled)],
        list=on_list, consent_at=instant(consent_date), started_at=timezone.now(),
        basis=ConsentBasis.objects.create(workspace=workspace, source=consent_source.strip(), by=by) if on_list else None,
    )  # fmt: skip
    bodies.store(mine, ImportBody.Part.ORIGINAL, [body])
    running.drive(mine, running.read_steps(mine))
    outcome = next((name for name in Import.Outcome.values if mine.preview.get(name)), "")
    if refusal := _REFUSALS.get(outcome):
        raise CannotImport(refusal)
    mine.move_to(State.RUNNING)
    running.drive(mine, running.run_steps(mine))
    # An address that somebody had before is theirs.
    people = Contact.objects.filter(workspace=workspace)
    person = people.filter(email=address).first() or people.get(former_addresses__email=address)
    activity.record(workspace, "contact.added", "Added a person by hand.", actor=by, subject=person)
    return person


def _reading(kind: str) -> str:
    return {"number": "number", "date": "date_ymd", "boolean": "boolean"}.get(kind, "text")


_REFUSALS: dict[str, str] = {
    Import.Outcome.INVALID: "One of these values does not fit its field. Look again.",
    Import.Outcome.SUPPRESSED: "This address is suppressed: nobody here writes to it, and nothing was changed. See Suppressions.",
    Import.Outcome.LEFT: "This person left that list. Only an import by an approver, with proof that they agreed again, puts them back.",
    Import.Outcome.UNCHANGED: "This person is here already, just like this.",
}

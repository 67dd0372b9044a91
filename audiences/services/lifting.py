"""The only way out of a suppression: an approver records that the person agreed again, and when.

Nothing is told to accounts. Those that refuse the person at our word are remembered as lifted too: that they say so
again later is no news. A campaign through such an account hands the person over all the same: the account's own
refusal ends in the ledger as any other, and needs no term in the equation of the audience.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import Connection, Membership, MirrorKind, Role, User, Workspace
from accounts.redaction import redact
from accounts.refusals import CannotDo
from accounts.templatetags.ui import day, in_zone
from audiences.models import Consent, ConsentBasis, Contact, Suppression
from audiences.models.suppressions import BLOCK_TASK
from audiences.queries import patterns
from audiences.queries.suppressions import ending_with, person_behind, went_into
from audiences.services.suppressions import resolve_patterns
from audiences.sets import one_writer

Reason = Suppression.Reason
# The evidence of an account that refused somebody at our word, when that was lifted.
AT_OUR_WORD = {"told": "at our word"}


class CannotLift(CannotDo):
    pass


@transaction.atomic
def lift(
    *,
    suppression: Suppression,
    by: User,
    reason: str,
    consent_source: str,
    consent_wording: str = "",
    agreed_at: datetime,
    typed: str = "",
) -> Contact:
    """Let the person behind a suppression be written to again: every block of theirs ends, on one recorded consent.

    The blocks of an address that went into another person end alone, whatever holds for them. `typed`: the address
    once more, where they complained. Raises CannotLift.
    """
    workspace = suppression.workspace
    role = _approver(workspace, by)
    one_writer(workspace)
    # As it is now: the person may have been merged or erased meanwhile.
    mine = Suppression.objects.select_related("contact").filter(pk=suppression.pk).first()
    if mine is None:
        raise CannotLift("This block is gone: the person was erased.")
    is_alone = went_into(mine) is not None
    contact = _person(mine)
    rows = list(ending_with(mine).select_for_update().order_by("id"))
    if not rows:
        raise CannotLift("This person is no longer suppressed. Somebody lifted the block meanwhile.")
    now = timezone.now()
    wrong = _refused(_newest_no(contact, rows), agreed_at, now)
    addresses = {mine.email} if is_alone else {contact.email, mine.email}
    if any(row.reason == Reason.COMPLAINED for row in rows) and typed.strip().lower() not in addresses:
        wrong["typed"] = "This is not the address."
    if wrong:
        raise CannotLift(next(iter(wrong.values())), fields=wrong)
    basis = ConsentBasis.objects.create(
        workspace=workspace, source=consent_source.strip(), wording=consent_wording.strip(), by=by
    )
    consent = Consent.objects.create(contact=contact, basis=basis, at=agreed_at)
    evidence = {
        "reason": reason, "role": role.value, "consent": consent.pk, "agreed_at": agreed_at.isoformat(),
    }  # fmt: skip
    ended = {"lifted_at": now, "lifted_by": by, "lift_evidence": evidence}
    Suppression.objects.filter(pk__in=[row.pk for row in rows]).update(contact=contact, **ended)
    if not is_alone:
        _remember_our_word(workspace, now)
    activity.record(
        workspace, "contact.lifted", f"Let a person be written to again who had agreed anew, as {role.label}.",
        actor=by, subject=contact,
        before={"blocks": [{"id": row.pk, "reason": row.reason, "account": row.connection_id} for row in rows]},
        after=evidence | {"reason": redact(reason), "consent_source": redact(consent_source)},
    )  # fmt: skip
    return contact


@transaction.atomic
def lift_pattern(
    *,
    suppression: Suppression,
    by: User,
    reason: str,
    people: bool = False,
    consent_source: str = "",
    agreed_at: datetime | None = None,
    typed: str = "",
) -> int:
    """Catch nobody by this pattern any more. Whom it caught stays suppressed by name, unless `people`.

    Then they need a consent like anybody; `typed`: the pattern once more, where somebody complained. Returns of how many people blocks by name ended. Raises CannotLift.
    """
    workspace = suppression.workspace
    role = _approver(workspace, by)
    one_writer(workspace)
    pattern = Suppression.objects.select_for_update().get(pk=suppression.pk)
    if pattern.lifted_at is not None or not pattern.is_pattern:
        raise CannotLift("This pattern is no longer suppressed. Somebody lifted it meanwhile.")
    now = timezone.now()
    if not people and (consent_source.strip() or agreed_at):
        sentence = "Tick this to write to the people it caught, or take the consent out: it would be kept for nobody."
        raise CannotLift("A consent is named, and nobody is to be freed by it.", fields={"people": sentence})
    if people:
        wrong = {}
        if not consent_source.strip():
            wrong["consent_source"] = "Where did these people agree to be written to?"
        if agreed_at is None:
            wrong["agreed_at"] = "When did they agree?"
        newest, is_complaint = patterns.newest_no(pattern)
        if agreed_at is not None:
            wrong |= _refused(newest, agreed_at, now)
        if is_complaint and typed.strip().lower() != pattern.email:
            wrong["typed"] = "This is not the pattern."
        if wrong:
            raise CannotLift(next(iter(wrong.values())), fields=wrong)
    evidence: dict[str, Any] = {"reason": reason, "role": role.value}
    Suppression.objects.filter(pk=pattern.pk).update(lifted_at=now, lifted_by=by, lift_evidence=evidence)
    lifted = 0
    if people and agreed_at is not None:
        basis = ConsentBasis.objects.create(workspace=workspace, source=consent_source.strip(), by=by)
        values: dict[str, Any] = {
            "workspace": workspace.pk, "id": pattern.pk, "pattern": pattern.email, "connection": pattern.connection_id,
            "basis": basis.pk, "agreed_at": agreed_at, "now": now, "by": by.pk, "reason": reason, "role": role.value,
        }  # fmt: skip
        with database.cursor() as cursor:
            cursor.execute(_OTHER_PATTERN, values)
            cursor.execute(_LIFT_PEOPLE, values)
            lifted = cursor.fetchone()[0]
        _remember_our_word(workspace, now)
    activity.record(
        workspace, "pattern.lifted", f"Lifted a suppressed pattern, as {role.label}.", actor=by, subject=pattern,
        after={"reason": redact(reason), "people": lifted, "consent_source": redact(consent_source)},
    )  # fmt: skip
    return lifted


def _approver(workspace: Workspace, by: User) -> Role:
    membership = Membership.objects.filter(workspace=workspace, user=by).first()
    if membership is None or not membership.may(Role.APPROVER):
        raise CannotLift("Only an approver may lift a block.")
    return Role(membership.role)


def _person(suppression: Suppression) -> Contact:
    """Whom the address belongs to; somebody unknown who agreed becomes known by it."""
    if suppression.is_pattern:
        raise CannotLift("This is a pattern and no person.")
    if (known := person_behind(suppression)) is not None:
        return known
    contact = Contact.objects.create(workspace=suppression.workspace, email=suppression.email)
    # Patterns that catch them do so now, to end with the rest.
    resolve_patterns(workspace=suppression.workspace)
    return contact


def _newest_no(contact: Contact, rows: Sequence[Suppression]) -> datetime:
    """Of the blocks, of the patterns that catch an address of theirs, and of what was taken back: any may be the youngest."""
    taken_back = contact.consents.filter(purpose=Consent.Purpose.MAIL, kind=Consent.Kind.WITHDRAWN, list=None)
    sides = [email.rpartition("@") for email in {contact.email, *(row.email for row in rows)}]
    caught_by = Suppression.objects.filter(
        workspace=contact.workspace_id,
        is_pattern=True,
        lifted_at=None,
        email__in=[pattern for name, _, domain in sides for pattern in (f"*@{domain}", f"{name}@*")],
    )
    times = (found.order_by("-at").values_list("at", flat=True)[:1] for found in (taken_back, caught_by))
    return max([*(row.at for row in rows), *(at for found in times for at in found)])


def _refused(newest: datetime, agreed_at: datetime, now: datetime) -> dict[str, str]:
    if agreed_at > now:
        return {"agreed_at": "This is yet to come."}
    return _is_older(newest) if agreed_at <= newest else {}


def _is_older(newest: datetime) -> dict[str, str]:
    local = in_zone(newest)
    return {
        "agreed_at": f"The newest no is of {day(local)}, {local:%H:%M}. A consent given after it is needed."
    }


def remember_late_word(contact: Contact, connection: Connection) -> None:
    """An account refused the person at our word only after that was lifted: what it tells until now is no news either."""
    known = Suppression.objects.filter(contact=contact, connection=connection, evidence=AT_OUR_WORD)
    if newest := known.order_by("-lifted_at").first():
        Suppression.objects.filter(pk=newest.pk).update(lifted_at=timezone.now())


def _remember_our_word(workspace: Workspace, now: datetime) -> None:
    """The accounts that refuse whom the lift of now freed because we asked them to, as sources of their own that are lifted as well."""
    with database.cursor() as cursor:
        cursor.execute(
            _OUR_WORD,
            {
                "workspace": workspace.pk, "now": now, "evidence": json.dumps(AT_OUR_WORD), "task": BLOCK_TASK,
                "type": ContentType.objects.get_for_model(Contact).pk, "kind": MirrorKind.CONTACT.value,
            },
        )  # fmt: skip


# Whom another pattern catches too stays suppressed for that one.
_OTHER_PATTERN = f"""
update audiences_suppression b set evidence = b.evidence || jsonb_build_object('pattern', ({patterns.OTHER} limit 1))
where {patterns.CAUGHT} and {patterns.CAUGHT_AGAIN}
"""

_LIFT_PEOPLE = f"""
with agreed as (
    insert into audiences_consent (contact_id, basis_id, kind, purpose, at, created_at)
    select distinct b.contact_id, %(basis)s::bigint, 'given', 'mail', %(agreed_at)s::timestamptz, now()
    from audiences_suppression b where b.contact_id is not null and {patterns.CAUGHT}
    returning id, contact_id
), lifted as (
    update audiences_suppression b
    set lifted_at = %(now)s, lifted_by_id = %(by)s, lift_evidence = jsonb_build_object(
        'reason', %(reason)s::text, 'role', %(role)s::text, 'consent', agreed.id, 'agreed_at', %(agreed_at)s::timestamptz
    )
    from agreed where b.contact_id = agreed.contact_id and {patterns.CAUGHT}
    returning b.contact_id
)
select count(distinct contact_id) from lifted
"""

# Of each account the last task; without one, what is known of the person there.
_OUR_WORD = """
with ended as (
    select distinct on (s.contact_id) c.id, c.email, s.lifted_by_id, s.lift_evidence
    from audiences_suppression s join audiences_contact c on c.id = s.contact_id
    where s.workspace_id = %(workspace)s and s.lifted_at = %(now)s and not exists (
        select 1 from audiences_suppression b where b.contact_id = s.contact_id and b.lifted_at is null
    )
    order by s.contact_id, s.id
)
insert into audiences_suppression
    (workspace_id, email, contact_id, reason, connection_id, at, evidence, lifted_at, lifted_by_id, lift_evidence)
select distinct on (e.id, told.connection_id)
       %(workspace)s, e.email, e.id, 'blocked', told.connection_id, told.at, %(evidence)s::jsonb, %(now)s,
       e.lifted_by_id, e.lift_evidence
from ended e cross join lateral (
    select o.connection_id, coalesce(o.ended_at, o.created_at) as at, o.id as task from accounts_outboxentry o
    where o.subject_type_id = %(type)s and o.subject_id = e.id and o.task = %(task)s
      and o.state in ('claimed', 'done') and o.connection_id is not null
    union all
    select m.connection_id, m.seen_at, null from accounts_mirrorrow m
    where m.kind = %(kind)s and m.object_id = e.id and m.theirs @> '{"by_us": true}'
) told
where not exists (
    select 1 from audiences_suppression s
    where s.workspace_id = %(workspace)s and s.email = e.email and s.lifted_at = %(now)s
      and s.connection_id = told.connection_id
)
order by e.id, told.connection_id, told.task desc nulls last
"""

"""What a person agreed to and took back, written down by a member. Rows are only added.

A consent lifts nothing and puts nobody on a list; a withdrawal ends things at once.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import User
from accounts.redaction import redact
from accounts.refusals import CannotDo
from audiences.models import Consent, ConsentBasis, Contact, Engagement, List, Subscription, Suppression
from audiences.privacy import stand_still
from audiences.services.counts import refresh_counts
from audiences.services.suppressions import suppress
from audiences.sets import one_writer

Kind, Purpose = Consent.Kind, Consent.Purpose

# Apps above this one keep what people opened and clicked; each forgets it of people who must not be counted.
UNCOUNTED: list[Callable[[Collection[int]], None]] = []


class CannotConsent(CannotDo):
    pass


@transaction.atomic
def record_consent(
    *,
    contact: Contact,
    by: User,
    purpose: str,
    kind: str,
    source: str,
    wording: str = "",
    at: datetime,
    on_list: List | None = None,
) -> Consent:
    """Write down what a person said. Raises CannotConsent.

    Mail taken back: they are suppressed, or leave `on_list` alone. Tracking: the newest word by its own time holds.
    """
    if at > timezone.now():
        raise CannotConsent("This is yet to come.", fields={"at": "This is yet to come."})
    if on_list is not None and purpose != Purpose.MAIL:
        raise CannotConsent("Counting is agreed to for all mails, not for one list.")
    if purpose == Purpose.TRACKING:
        stand_still(contact.workspace)
    else:
        one_writer(contact.workspace)
    if not Contact.objects.filter(pk=contact.pk).exists():
        raise CannotConsent("This person is gone: merged into another one, or erased.")
    withdraws_mail = purpose == Purpose.MAIL and kind == Kind.WITHDRAWN
    basis = ConsentBasis.objects.create(
        workspace=contact.workspace, source=source.strip(), wording=wording.strip(), by=by
    )
    consent = Consent.objects.create(
        contact=contact, basis=basis, list=on_list, purpose=purpose, kind=kind, at=at
    )
    if withdraws_mail and on_list is None:
        suppress(
            workspace=contact.workspace, email=contact.email, reason=Suppression.Reason.UNSUBSCRIBED, connection=None,
            at=at, evidence={"consent": consent.pk, "reason": source.strip()}, by=by,
        )  # fmt: skip
    elif withdraws_mail and on_list is not None:
        _leave(contact, on_list, consent)
    elif purpose == Purpose.TRACKING:
        follow_tracking(contact_ids=[contact.pk])
    activity.record(
        contact.workspace, "contact.consent", _sentence(purpose, kind, on_list), actor=by, subject=contact,
        after={"consent": consent.pk, "purpose": purpose, "kind": kind, "list": on_list.pk if on_list else None,
               "source": redact(source), "at": at.isoformat()},
    )  # fmt: skip
    return consent


@transaction.atomic
def follow_tracking(*, contact_ids: Collection[int]) -> None:
    """Whether these people's opens and clicks may be counted, by their newest word; at the same time, the no.

    What is stored of the opens and clicks of whoever says no goes; the totals of reports stay.
    """
    with database.cursor() as cursor:
        cursor.execute(_TRACKING, {"contacts": list(contact_ids)})
        denied = [contact for contact, tracking in cursor.fetchall() if tracking == Contact.Tracking.DENIED]
    if not denied:
        return
    for forget in UNCOUNTED:
        forget(denied)
    Engagement.objects.filter(contact__in=denied).update(
        opens=0, clicks=0, last_open_at=None, last_click_at=None
    )


def _leave(contact: Contact, on_list: List, consent: Consent) -> None:
    """Off this list as of then, unless a later word put them back."""
    evidence = {"consent": consent.pk}
    row, is_new = Subscription.objects.get_or_create(
        list=on_list, contact=contact,
        defaults={"status": Subscription.Status.UNSUBSCRIBED, "evidence": evidence, "changed_at": consent.at},
    )  # fmt: skip
    if not is_new and _has_left_since(row, consent.at):
        row.status, row.evidence, row.changed_at = Subscription.Status.UNSUBSCRIBED, evidence, consent.at
        row.save()
    refresh_counts(workspace=contact.workspace, list_ids=[on_list.pk])


def _has_left_since(row: Subscription, at: datetime) -> bool:
    """As `sql.HAS_LEFT_SINCE` says it."""
    if row.status in (Subscription.Status.UNSUBSCRIBED, Subscription.Status.REMOVED):
        return row.status == Subscription.Status.REMOVED
    agreed = Consent.objects.filter(contact=row.contact, list=row.list, purpose=Purpose.MAIL, kind=Kind.GIVEN)
    newest = agreed.order_by("-at").values_list("at", flat=True)[:1]
    return at >= min([row.changed_at, *newest])


def _sentence(purpose: str, kind: str, on_list: List | None) -> str:
    gave = "agreed" if kind == Kind.GIVEN else "no longer agrees"
    if purpose == Purpose.TRACKING:
        return f"Recorded that a person {gave} to have opens and clicks counted."
    return f"Recorded that a person {gave} to be written to{f' by the list {on_list}' if on_list else ''}."


_TRACKING = """
update audiences_contact c
set tracking = said.tracking
from (
    select distinct on (contact_id) contact_id, case kind when 'given' then 'granted' else 'denied' end as tracking
    from audiences_consent where contact_id = any(%(contacts)s) and purpose = 'tracking'
    order by contact_id, at desc, kind = 'given', id desc
) said
where c.id = said.contact_id and c.tracking <> said.tracking
returning c.id, c.tracking
"""

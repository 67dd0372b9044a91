"""What one person is on a list, changed by hand: joined with a consent, left, taken off."""

from datetime import UTC, date, datetime, time

from django.db import transaction
from django.utils import timezone

from accounts import activity, days
from accounts.models import Membership, Role, User
from audiences import sets
from audiences.models import Consent, ConsentBasis, Contact, List, Subscription, Suppression
from audiences.queries.consents import NO_DAY, NO_SOURCE
from audiences.queries.suppressions import is_suppressed
from audiences.services.counts import refresh_counts
from audiences.services.people import CannotEdit, locked, write

BY_HAND = "By hand"


@transaction.atomic
def change_subscription(
    *,
    contact: Contact,
    on_list: List,
    by: User,
    status: str,
    was: str,
    consent_source: str = "",
    consent_date: date | None = None,
) -> None:
    """What a person is on a list, at a member's word. `was`: the status the page showed, empty for none.

    Who left comes back only by an approver and a consent given since; who is suppressed does not at all.
    """
    sets.one_writer(contact.workspace)
    contact = locked(contact)
    row = Subscription.objects.select_for_update().filter(contact=contact, list=on_list).first()
    if (row.status if row else "") != was:
        raise CannotEdit("This changed while you were looking. Look again, then decide.")
    if status == was:
        return
    # A leave is recorded wherever it is said.
    if on_list.archived_at is not None and status == Subscription.Status.SUBSCRIBED:
        raise CannotEdit("This list is archived. Choose another one.")
    if status == Subscription.Status.SUBSCRIBED:
        _consent(
            contact, on_list, by, consent_source, _may_join(contact, row, by, consent_source, consent_date)
        )
    elif row is None:
        raise CannotEdit("This person is not on that list.")
    elif status == Subscription.Status.UNSUBSCRIBED:
        _consent(contact, on_list, by, BY_HAND, timezone.now(), kind=Consent.Kind.WITHDRAWN)
    elif status != Subscription.Status.REMOVED or was == Subscription.Status.UNSUBSCRIBED:
        raise CannotEdit("Who left a list stays so: taking them off it would forget the leave.")
    Subscription.objects.update_or_create(
        contact=contact, list=on_list,
        defaults={"status": status, "evidence": {"by": by.pk}, "changed_at": timezone.now()},
    )  # fmt: skip
    write(contact, {})
    refresh_counts(workspace=contact.workspace, list_ids=[on_list.pk])
    activity.record(
        contact.workspace, "contact.subscription", f"Changed what a contact is on {on_list}.", actor=by, subject=contact,
        before={"list": on_list.pk, "status": was}, after={"list": on_list.pk, "status": status},
    )  # fmt: skip


def _may_join(
    contact: Contact, row: Subscription | None, by: User, source: str, day: date | None
) -> datetime:
    """When they agreed. Raises CannotEdit for whom that is not enough; the rules are those of any import."""
    if (
        is_suppressed(contact)
        or Suppression.objects.filter(
            workspace=contact.workspace, email=contact.email, lifted_at=None
        ).exists()
    ):
        raise CannotEdit(
            "This person is suppressed. Only a recorded consent lifts that, and nothing here does."
        )
    if not source.strip():
        raise CannotEdit(NO_SOURCE, fields={"consent_source": NO_SOURCE})
    if day is None:
        raise CannotEdit(NO_DAY, fields={"consent_date": NO_DAY})
    if sentence := days.refusal(day):
        raise CannotEdit(sentence, fields={"consent_date": sentence})
    at = datetime.combine(day, time(), UTC)
    if row is not None and row.status == Subscription.Status.UNSUBSCRIBED:
        membership = Membership.objects.filter(workspace=contact.workspace, user=by).first()
        if membership is None or not membership.may(Role.APPROVER):
            raise CannotEdit("This person left the list. Only an approver may put them back on it.")
        if at <= row.changed_at:
            sentence = (
                "They left the list on that day or later. A consent given after the day they left is needed."
            )
            raise CannotEdit(sentence, fields={"consent_date": sentence})
    return at


def _consent(
    contact: Contact, on_list: List, by: User, source: str, at: datetime, *, kind: str = Consent.Kind.GIVEN
) -> None:
    # Not one of an import or a bulk action: taken back, it would take this word with it.
    basis = ConsentBasis.objects.filter(
        workspace=contact.workspace, source=source.strip(), wording="", by=by, imports=None, bulk_actions=None
    ).first()
    if basis is None:
        basis = ConsentBasis.objects.create(workspace=contact.workspace, source=source.strip(), by=by)
    Consent.objects.create(contact=contact, basis=basis, list=on_list, kind=kind, at=at)

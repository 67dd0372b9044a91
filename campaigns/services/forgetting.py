"""What erasing a person does to the rows of campaigns: they go on counting, and name nobody."""

from audiences.privacy import Person
from audiences.services.forgetting import replace
from campaigns.models import Delivery, Recipient, TestSend
from campaigns.queries import held


def recipients(person: Person) -> None:
    """The ledger's sums stay. Why somebody was left out is a term of the equation; all else may quote the address."""
    rows = held.recipient_rows(person)
    rows.exclude(state=Recipient.State.EXCLUDED).update(reason="")
    rows.update(email="", contact=None)


def audiences(person: Person) -> None:
    """What a segment asked for when it was frozen stays, without the address."""
    replace(Delivery._meta.db_table, ("audience",), held.audience_ids(person), person.email)


def test_mails(person: Person) -> None:
    for row in held.test_rows(person):
        TestSend.objects.filter(pk=row.pk).update(
            emails=[email for email in row.emails if not held.is_of(person, email)],
            refused={email: why for email, why in row.refused.items() if not held.is_of(person, email)},
        )
        replace(TestSend._meta.db_table, ("refused", "note"), [row.pk], person.email)

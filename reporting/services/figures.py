from django.db import transaction

from accounts import outbox
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from campaigns.models import Delivery
from reporting.queries.report import is_being_read


class CannotRead(CannotDo):
    pass


@transaction.atomic
def read_again(*, delivery: Delivery) -> None:
    """Read the account's counts of a delivery now. Raises CannotRead where it has none, or is being read already."""
    connection = delivery.connection
    if not connection.capabilities.reports_figures:
        raise CannotRead(connection.capabilities.sentence("reports_figures"))
    if not connection.is_working:
        raise CannotRead(f"{connection} is not connected at the moment. Its page says why and what to do.")
    if not delivery.remote_id:
        raise CannotRead("Nothing of this campaign is in the account, so there is nothing to read.")
    Delivery.objects.select_for_update().get(pk=delivery.pk)
    if is_being_read(delivery):
        raise CannotRead("The account is being read already. This page shows the new numbers in a moment.")
    outbox.record(
        task="reporting.refresh_figures",
        subject=delivery,
        effect=Effect.READ,
        connection=connection,
        order_key=f"figures:{delivery.pk}",
        payload={"asked": True},
    )

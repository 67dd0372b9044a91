"""Senders at an account: asked for here, made and confirmed over there through the outbox."""

from django.db import transaction

from accounts import activity, outbox
from accounts.models import Connection, MirrorKind, MirrorRow, User
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from campaigns.models import Sender, SendingDomain
from campaigns.queries.senders import takes_any


class CannotAddSender(CannotDo):
    pass


@transaction.atomic
def add_sender(*, connection: Connection, name: str, email: str, by: User) -> Sender:
    """Have the account know this sender. It mails a code to the address unless the domain vouches for it.

    An account that takes any address is told nothing.
    """
    if takes_any(connection):
        return _keep(connection, name=name, email=email, by=by)
    _require(connection, "manages_senders")
    sender, _ = Sender.objects.get_or_create(workspace=connection.workspace, name=name, email=email.lower())
    if MirrorRow.objects.filter(
        connection=connection, kind=MirrorKind.SENDER, object_id=sender.pk, gone_at=None
    ).exists():
        raise CannotAddSender(
            f"{connection} knows this sender already.", fields={"email": f"{connection} knows it already."}
        )
    outbox.record(
        task="campaigns.create_sender", subject=sender, effect=Effect.CREATE, connection=connection,
        order_key=f"sender:{sender.pk}:{connection.pk}",
    )  # fmt: skip
    activity.record(
        connection.workspace,
        "sender.added",
        f"Added the sender {sender} to {connection}.",
        actor=by,
        subject=sender,
    )
    return sender


def _keep(connection: Connection, *, name: str, email: str, by: User) -> Sender:
    sender, is_new = Sender.objects.get_or_create(
        workspace=connection.workspace, name=name, email=email.lower()
    )
    if not is_new:
        raise CannotAddSender(
            f"{sender} is here already, and {connection} takes any address.",
            fields={"email": "This sender is here already."},
        )
    activity.record(
        connection.workspace, "sender.added", f"Added the sender {sender}.", actor=by, subject=sender
    )
    return sender


@transaction.atomic
def confirm_sender(*, connection: Connection, sender: Sender, code: str, by: User) -> None:
    """Hand the code from the mail to the account."""
    _require(connection, "manages_senders")
    row = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.SENDER, object_id=sender.pk).first()
    if row is None:
        raise CannotAddSender(f"{connection} does not know this sender yet. Try again in a moment.")
    outbox.record(
        task="campaigns.confirm_sender", subject=sender, effect=Effect.CONVERGE, connection=connection,
        order_key=f"sender:{sender.pk}:{connection.pk}", payload={"code": code},
    )  # fmt: skip
    activity.record(
        connection.workspace,
        "sender.confirmed",
        f"Entered the code for {sender} at {connection}.",
        actor=by,
        subject=sender,
    )


@transaction.atomic
def authenticate_domain(*, domain: SendingDomain, by: User) -> None:
    """Ask the account to look at the DNS records again."""
    connection = domain.connection
    _require(connection, "manages_domains")
    outbox.record(
        task="campaigns.authenticate_domain", subject=domain, effect=Effect.CONVERGE, connection=connection,
    )  # fmt: skip
    activity.record(
        connection.workspace, "domain.checked", f"Asked {connection} to check the DNS records of {domain}.", actor=by,
    )  # fmt: skip


@transaction.atomic
def add_domain(*, connection: Connection, name: str, by: User) -> SendingDomain:
    """Have the account know a domain, so that it says which DNS records it wants."""
    _require(connection, "manages_domains")
    domain, _ = SendingDomain.objects.get_or_create(connection=connection, name=name.lower())
    authenticate_domain(domain=domain, by=by)
    return domain


def _require(connection: Connection, flag: str) -> None:
    if not getattr(connection.capabilities, flag):
        raise CannotAddSender(connection.capabilities.sentence(flag))
    if not connection.is_working:
        raise CannotAddSender(f"{connection} is {connection.get_status_display().lower()}. Mend that first.")

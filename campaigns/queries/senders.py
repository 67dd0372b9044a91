"""Which senders an account lets through, and why not the others."""

from dataclasses import dataclass

from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from campaigns.models import Sender, SendingDomain


@dataclass(frozen=True, slots=True)
class SenderState:
    """`why_not` is empty when the account sends in this sender's name."""

    sender: Sender
    why_not: str

    @property
    def is_usable(self) -> bool:
        return not self.why_not


def senders_for(workspace: Workspace, connection: Connection | None) -> list[SenderState]:
    """Every sender of the workspace as one account sees it, usable ones first."""
    rows = {}
    if connection is not None:
        mirrored = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.SENDER, gone_at=None)
        rows = dict(mirrored.values_list("object_id", "theirs"))
    states = [
        SenderState(sender, why_not(rows.get(sender.pk), connection))
        for sender in Sender.objects.filter(workspace=workspace)
    ]
    return sorted(states, key=lambda state: bool(state.why_not))


def sender_problem(sender: Sender, connection: Connection) -> str:
    """Why the account does not send in this name; empty when it does."""
    row = MirrorRow.objects.filter(
        connection=connection, kind=MirrorKind.SENDER, object_id=sender.pk, gone_at=None
    )
    return why_not(row.values_list("theirs", flat=True).first(), connection)


def why_not(theirs: dict[str, object] | None, connection: Connection | None) -> str:
    if connection is None:
        return "choose an account first"
    if takes_any(connection):
        return ""  # what it thinks of the domain is a warning of its own
    if theirs is None:
        return f"not known in {connection}"
    if not theirs.get("is_active"):
        return f"not confirmed in {connection}"
    return ""


def takes_any(connection: Connection) -> bool:
    """Whether any address may be written as sender: the account keeps none, or its lists have one each."""
    return not connection.capabilities.has_senders or connection.capabilities.lists_carry_sender


def domain_of(sender: Sender, connection: Connection) -> SendingDomain | None:
    name = sender.email.rpartition("@")[2].lower()
    return SendingDomain.objects.filter(connection=connection, name=name).first()

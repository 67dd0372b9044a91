from accounts.models.activity import ActivityEntry
from accounts.models.connections import Connection, Pull
from accounts.models.mirror import MirrorKind, MirrorRow
from accounts.models.outbox import OutboxAttempt, OutboxEntry
from accounts.models.tokens import ConnectionTokens
from accounts.models.users import User
from accounts.models.workspaces import Invitation, Membership, Role, Workspace

__all__ = [
    "ActivityEntry",
    "Connection",
    "ConnectionTokens",
    "Invitation",
    "Membership",
    "MirrorKind",
    "MirrorRow",
    "OutboxAttempt",
    "OutboxEntry",
    "Pull",
    "Role",
    "User",
    "Workspace",
]

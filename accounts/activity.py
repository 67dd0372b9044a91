"""The activity log: one entry in the transaction of the change it tells of, chained by hashes."""

import json
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import ActivityEntry, User, Workspace
from accounts.redaction import redact, redact_value

PROGRAM = "Campanile"
# Rules of segments lie deep.
DEPTH = 64


class Kind(NamedTuple):
    """What the filter of the page offers: how it is called, and how the verbs begin that it finds."""

    label: str
    verbs: tuple[str, ...]


# Every verb is of one kind; what suppresses people is of two, where it did something else as well.
KINDS = {
    "campaign": Kind("Campaigns", ("campaign.",)),
    "delivery": Kind("Deliveries", ("delivery.",)),
    "contact": Kind("Contacts", ("contact.", "duplicates.")),
    "list": Kind("Lists", ("list.", "folder.")),
    "segment": Kind("Segments", ("segment.",)),
    "tag": Kind("Tags", ("tag.",)),
    "field": Kind("Fields", ("field.",)),
    "bulk": Kind("Bulk actions", ("bulk.",)),
    "suppression": Kind(
        "Suppressions",
        (
            "suppressions.", "pattern.", "contact.suppressed", "contact.lifted", "contact.left", "bulk.suppress_",
        ),
    ),
    "import": Kind("Imports", ("import.",)),
    "export": Kind("Exports", ("export.", "report.")),
    "privacy": Kind("Privacy", ("privacy.",)),
    "template": Kind("Templates", ("template.",)),
    "sender": Kind("Senders", ("sender.", "domain.")),
    "connection": Kind("Connections", ("connection.",)),
    "pull": Kind("Pulls", ("pull.",)),
    "webhook": Kind("Webhooks", ("webhook.",)),
    "outbox": Kind("Work set aside", ("outbox.",)),
    "member": Kind("Members", ("member.", "membership.", "user.")),
    "workspace": Kind("Workspace", ("workspace.", "sending.")),
}  # fmt: skip


def record(
    workspace: Workspace,
    verb: str,
    sentence: str,
    *,
    actor: User | None = None,
    actor_name: str = "",
    subject: models.Model | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> ActivityEntry:
    """Append what happened. `sentence` is shown as it is; `before`/`after` hold the changed values.

    Addresses and secrets in them are hidden here, for what is written stays for ever and viewers read it.
    """
    with transaction.atomic():
        # The chain has one end per workspace: whoever appends holds it until the change is committed.
        lock = int.from_bytes(
            blake2b(f"activity:{workspace.pk}".encode(), digest_size=8).digest(), signed=True
        )
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [lock])
        previous = (
            ActivityEntry.objects.filter(workspace=workspace)
            .order_by("-id")
            .values_list("hash", flat=True)
            .first()
        )
        entry = ActivityEntry(
            workspace=workspace,
            at=timezone.now(),
            actor=actor,
            actor_name=actor_name or (str(actor) if actor else PROGRAM),
            verb=verb,
            sentence=redact(sentence)[:500],
            object_type=subject._meta.label_lower if subject is not None else "",
            object_id=subject.pk if subject is not None else None,
            before=redact_value(before, depth=DEPTH),
            after=redact_value(after, depth=DEPTH),
            previous_hash=bytes(previous or b""),
        )
        entry.hash = digest(entry)
        entry.save(force_insert=True)
        return entry


def digest(entry: ActivityEntry) -> bytes:
    """The hash an entry must have, from all it says and the hash before it."""
    content = json.dumps(
        [
            entry.workspace_id,
            entry.at.isoformat(),
            entry.actor_id,
            entry.actor_name,
            entry.verb,
            entry.sentence,
            entry.object_type,
            entry.object_id,
            entry.before,
            entry.after,
        ],
        sort_keys=True,
        ensure_ascii=False,
    )
    return sha256(bytes(entry.previous_hash) + content.encode()).digest()


def first_broken(workspace: Workspace) -> ActivityEntry | None:
    """The first entry whose hash or link does not hold; None when the whole chain does."""
    previous = b""
    for entry in ActivityEntry.objects.filter(workspace=workspace).order_by("id").iterator(chunk_size=2000):
        if bytes(entry.previous_hash) != previous or bytes(entry.hash) != digest(entry):
            return entry
        previous = bytes(entry.hash)
    return None

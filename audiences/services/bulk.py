"""One thing done to many people: begun, stopped, gone on with."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction

from accounts import activity, outbox
from accounts.models import OutboxEntry, User, Workspace
from accounts.providers.base import Effect
from accounts.redaction import redact
from accounts.refusals import CannotDo, CannotMove
from audiences import sets
from audiences.bulk import words
from audiences.journal import forget_some
from audiences.models import BulkAction, ConsentBasis, Contact, List, PeopleCount, Tag
from audiences.queries.contacts import People, people_meant
from audiences.queries.fields import all_fields, value_of
from audiences.services import tags

TASK = "audiences.bulk"
# So many are done at once, in the request of whoever asked.
AT_ONCE = 200
# Transactions of one round of pruning.
PRUNED_AT_ONCE = 20
# All that match, and more than this, or than this share of everybody: the number is typed by hand.
BRAKE_PEOPLE, BRAKE_SHARE = 500, 0.1

Action, State = BulkAction.Action, BulkAction.State


class CannotBulk(CannotDo):
    pass


def begin_bulk(
    *,
    workspace: Workspace,
    by: User,
    action: str,
    people: People,
    arguments: Mapping[str, Any],
    consent_source: str = "",
    nonce: str = "",
    typed: int | None = None,
) -> BulkAction:
    """Do it to a few people at once, or begin to do it to many; `is_moving` says which.

    `arguments`: {"list": id} {"tag": id} or {"new_tag": name} {"field": key, "value": text, "" empties} {"reason": text}.
    The same `nonce` is the same action. `typed` is the number a person typed where `needs_number`.
    Raises CannotBulk with the field to look at.
    """
    if nonce and (known := BulkAction.objects.filter(workspace=workspace, nonce=nonce).first()):
        return known
    try:
        return _begin(workspace, by, Action(action), people, arguments, consent_source, nonce, typed)
    except IntegrityError:  # pressed twice in this instant
        if nonce and (known := BulkAction.objects.filter(workspace=workspace, nonce=nonce).first()):
            return known
        raise


def needs_number(workspace: Workspace, action: str, people: People, total: int) -> bool:
    """Whether this would suppress so many that a person has to type how many."""
    if action != Action.SUPPRESS or people.ids:
        return False
    if total > BRAKE_PEOPLE:
        return True
    known = PeopleCount.objects.filter(workspace=workspace).first()
    everybody = known.people if known else Contact.objects.filter(workspace=workspace).count()
    return total > everybody * BRAKE_SHARE


@transaction.atomic
def cancel_bulk(*, mine: BulkAction, by: User) -> None:
    """Stop after the people under way; or leave a stopped one at that. What was done stays."""
    _lock(mine)
    if mine.state == State.FAILED:
        left_at = State.UNDONE if mine.failed_in == State.UNDOING else State.CANCELLED
        mine.move_to(left_at, people=words.without_search(mine))
    elif not BulkAction.objects.filter(pk=mine.pk, state=State.RUNNING).update(cancel_requested=True):
        raise CannotBulk("This has already ended.")
    activity.record(
        mine.workspace,
        words.verb(mine, "cancel"),
        f"Asked this to stop: {_title(mine)}.",
        actor=by,
        subject=mine,
    )


@transaction.atomic
def go_on_with_bulk(*, mine: BulkAction, by: User) -> None:
    """Try a stopped action again from where it stopped."""
    _lock(mine)
    if mine.state != State.FAILED:
        raise CannotBulk("There is nothing to go on with.")
    if mine.has_lapsed:
        raise CannotBulk("This stopped more than 30 days ago. Choose the people again, and begin anew.")
    mine.move_to(mine.failed_in or State.RUNNING, note="", finished_at=None, cancel_requested=False)
    activity.record(
        mine.workspace, words.verb(mine, "resumed"), f"Went on: {_title(mine)}.", actor=by, subject=mine
    )
    _record(mine)


@transaction.atomic
def undo_bulk(*, mine: BulkAction, by: User) -> None:
    """Give everybody back what they had before, where it is still as this left it. A few at once, many in the background."""
    from audiences.bulk import running

    _lock(mine)
    if not mine.can_be_undone:
        raise CannotBulk("This can no longer be undone.")
    mine.move_to(State.UNDOING, checkpoint=0, undone={}, note="", finished_at=None, cancel_requested=False)
    if mine.done <= AT_ONCE and sets.only_writer(mine.workspace):
        for _ in running.undo_steps(mine, by):
            pass
        return
    # Only here: done at once, the log comes after people and lists, which it would be held before.
    activity.record(
        mine.workspace, words.verb(mine, "undo"), f"Began to undo: {_title(mine)}.", actor=by, subject=mine
    )
    _record(mine)


def prune_bulk() -> int:
    """What was changed of whom is personal data: it goes when nobody undoes it any more. The numbers stay."""
    gone = 0
    old = BulkAction.objects.filter(has_journal=True, finished_at__lt=BulkAction.lapses_before())
    old = old.exclude(state__in=BulkAction.MOVING).order_by("id")
    for _ in range(PRUNED_AT_ONCE):
        with transaction.atomic():
            mine = old.select_for_update(skip_locked=True).first()
            if mine is None:
                break
            if forget_some("audiences_bulkchange", "j.of_id = %(of)s", {"of": mine.pk}):
                mine.outcomes.all().delete()
                BulkAction.objects.filter(pk=mine.pk).update(has_journal=False)
                gone += 1
    return gone


def end_stuck_bulk() -> int:
    """Actions whose work was set aside have stopped; say so."""
    from audiences.bulk import running

    ended = 0
    for mine in BulkAction.objects.filter(state__in=BulkAction.MOVING).select_related(
        "workspace", "created_by"
    ):
        entry = OutboxEntry.objects.filter(subject_id=mine.pk, task=TASK).order_by("-id").first()
        if entry is not None and entry.state == OutboxEntry.State.SET_ASIDE:
            with suppress(CannotMove), transaction.atomic():
                if sets.only_writer(mine.workspace):  # else the next round finds it again
                    running.end(mine, State.FAILED, entry.note)
                    ended += 1
    return ended


@transaction.atomic
def _begin(
    workspace: Workspace, by: User, action: BulkAction.Action, people: People, arguments: Mapping[str, Any], consent_source: str,
    nonce: str, typed: int | None,
) -> BulkAction:  # fmt: skip
    from audiences.bulk import running

    cleaned = _CLEAN[action](workspace, arguments)
    if action == Action.ADD_TO_LIST and not consent_source.strip():
        raise CannotBulk(
            "Say where the consent comes from.",
            fields={"consent_source": "Where did these people agree to be written to?"},
        )
    total, until = people_meant(people)
    if not total:
        raise CannotBulk("Nobody fits any more. Nothing was changed.")
    if needs_number(workspace, action, people, total) and typed != total:
        raise CannotBulk(
            "This is a large part of everybody.",
            fields={"typed": f"Type {total} here: so many people would be suppressed."},
        )
    if "new_tag" in cleaned:
        cleaned = {"tag": _made(workspace, by, cleaned["new_tag"]).pk}
    mine = BulkAction(
        workspace=workspace, action=action, people=people.as_json(), arguments=cleaned, total=total, until=until,
        nonce=nonce, created_by=by, has_journal=True,
    )  # fmt: skip
    if action == Action.ADD_TO_LIST:
        mine.basis = ConsentBasis.objects.create(workspace=workspace, source=consent_source.strip(), by=by)
    mine.save(force_insert=True)
    # Behind an import or a pull nobody waits: then a few people, too, are done in the background.
    if total <= AT_ONCE and sets.only_writer(workspace):
        for _ in running.steps(mine):
            pass
        return mine
    activity.record(workspace, words.verb(mine, "started"), f"Began: {_title(mine)}.", actor=by, subject=mine)
    _record(mine)
    return mine


def _record(mine: BulkAction) -> None:
    outbox.record(
        task=TASK, subject=mine, effect=Effect.CONVERGE, workspace=mine.workspace, order_key=f"bulk:{mine.pk}",
        priority=OutboxEntry.Priority.BULK,
    )  # fmt: skip


def _lock(mine: BulkAction) -> None:
    BulkAction.objects.select_for_update().get(pk=mine.pk)
    mine.refresh_from_db()


def _title(mine: BulkAction) -> str:
    title = redact(words.title(mine))
    return title[:1].lower() + title[1:]


def _list(workspace: Workspace, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = List.objects.filter(workspace=workspace, pk=arguments.get("list") or 0, archived_at=None).first()
    if found is None:
        raise CannotBulk("Which list?", fields={"list": "Choose a list that is in use."})
    return {"list": found.pk}


def _tag(workspace: Workspace, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if not (name := str(arguments.get("new_tag") or "").strip()):
        return _known_tag(workspace, arguments)
    try:
        return {"new_tag": tags.checked(name)}
    except tags.CannotTag as no:
        raise CannotBulk(no.sentence, fields={"tag": no.sentence}) from no


def _made(workspace: Workspace, by: User, name: str) -> Tag:
    try:
        return tags.tag_of(workspace=workspace, by=by, name=name)[0]
    except tags.CannotTag as no:
        raise CannotBulk(no.sentence, fields={"tag": no.sentence}) from no


def _known_tag(workspace: Workspace, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = Tag.objects.filter(workspace=workspace, pk=arguments.get("tag") or 0).first()
    if found is None:
        raise CannotBulk("Which tag?", fields={"tag": "Choose a tag."})
    return {"tag": found.pk}


def _field(workspace: Workspace, arguments: Mapping[str, Any]) -> dict[str, Any]:
    field = next((one for one in all_fields(workspace) if one.key == arguments.get("field")), None)
    if field is None:
        raise CannotBulk("Which field?", fields={"field": "Choose a field."})
    try:
        value = value_of(field, str(arguments.get("value") or ""))
    except ValueError as error:
        raise CannotBulk("This value does not fit the field.", fields={"value": str(error)}) from error
    return {"field": field.key, "label": field.label, "kind": field.kind, "value": value}


def _reason(workspace: Workspace, arguments: Mapping[str, Any]) -> dict[str, Any]:
    reason = str(arguments.get("reason") or "").strip()[:300]
    if not reason:
        raise CannotBulk("Say why.", fields={"reason": "Say why: it is kept with each block."})
    return {"reason": reason}


_CLEAN = {
    Action.ADD_TO_LIST: _list,
    Action.REMOVE_FROM_LIST: _list,
    Action.TAG: _tag,
    Action.UNTAG: _known_tag,
    Action.SET_FIELD: _field,
    Action.SUPPRESS: _reason,
}

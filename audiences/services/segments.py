"""Segments: saved, changed, set aside, counted."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Case, DateTimeField, Exists, F, Max, OuterRef, Q, Value, When
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User, Workspace
from accounts.providers.base import Effect
from accounts.redaction import redact, redact_value
from accounts.refusals import CannotDo
from audiences import rules
from audiences.models import BulkAction, FieldChange, Import, Segment
from audiences.queries.contacts import People, reached
from audiences.rules import Group
from audiences.sql import within

COUNT_TASK = "audiences.count_segment"
# Whoever saves waits for the count no longer than this; then it is made in the background.
COUNT_SECONDS = 1.5
# A worker ends whatever takes 100 seconds, and that would be no answer.
LONGEST_SECONDS = 80
# A stored count is no older than this, if the workers keep up; no segment is counted by itself more often.
COUNTED_EVERY = timedelta(hours=1)
# Counts under way that nobody waits for: a round asks for no more than finish before the next.
RENEWED_AT_ONCE = 5
# After a bulk action of no more people the next count of the hour is soon enough.
MANY = 200
# Within this, the same segment by the same person is a second press of one button.
TWICE = timedelta(minutes=1)


class CannotSave(CannotDo):
    pass


class ChangedMeanwhile(CannotSave):
    """Somebody else saved another version: `theirs` is what stands now, and which parts of it differ."""

    def __init__(self, theirs: Segment, differs: Sequence[str]) -> None:
        super().__init__("Somebody saved another version of this segment while you were at it.")
        self.theirs, self.differs = theirs, differs


@transaction.atomic
def create_segment(
    *, workspace: Workspace, name: str, description: str, rule: Group, by: User | None
) -> Segment:
    """Raises CannotSave for a name in use, and for a rule that cannot be worked out. Twice the same is made once."""
    known = _known(workspace, rule)
    segment = Segment(
        workspace=workspace, name=name, description=description, rule=rules.as_json(rules.named(rule, known)), created_by=by
    )  # fmt: skip
    same = Segment.objects.filter(
        workspace=workspace, archived_at=None, name=name, description=description, rule=segment.rule, created_by=by,
        created_at__gt=timezone.now() - TWICE,
    )  # fmt: skip
    try:
        _have_free_name(workspace, name)
        _keep(segment)
    except CannotSave:  # perhaps in this instant, by the same person in another tab
        if by is not None and (twin := same.first()):
            return twin
        raise
    activity.record(
        workspace, "segment.created", f"Made the segment “{name}”: {_told(rule, known)}",
        actor=by, subject=segment, after=_logged({"name": name, "rule": segment.rule}),
    )  # fmt: skip
    _count_soon(segment)
    return segment


@transaction.atomic
def change_segment(
    *, segment: Segment, name: str, description: str, rule: Group, version: int, by: User | None
) -> Segment:
    """Raises ChangedMeanwhile if `version` is no longer the segment's, CannotSave as above."""
    mine = Segment.objects.select_for_update().get(pk=segment.pk)
    if mine.version != version:
        if not (differs := _differs(mine, name, description, rule)):
            return mine
        raise ChangedMeanwhile(mine, differs)
    if mine.archived_at is None:
        _have_free_name(mine.workspace, name, but=mine)
    known = _known(mine.workspace, rule)
    if mine.pk in known.segments:
        raise CannotSave(
            "This segment would use itself: a segment in its rule leads back to it. Take that one out."
        )
    saved = rules.as_json(rules.named(rule, known))
    before = {"name": mine.name, "description": mine.description, "rule": mine.rule}
    after = {"name": name, "description": description, "rule": saved}
    if before == after:
        return mine
    mine.name, mine.description, mine.rule = name, description, saved
    mine.version += 1
    mine.updated_at = timezone.now()
    if before["rule"] != saved:
        mine.mailable_count = mine.agreed_count = mine.left_count = mine.counted_at = None
    _keep(mine)
    activity.record(
        mine.workspace, "segment.changed", f"Changed the segment “{name}”: {_told(rule, known)}",
        actor=by, subject=mine, before=_logged(before), after=_logged(after),
    )  # fmt: skip
    if before["rule"] != saved:
        _count_soon(mine)
    return mine


@transaction.atomic
def duplicate_segment(*, segment: Segment, by: User | None) -> Segment:
    taken = set(
        Segment.objects.filter(workspace=segment.workspace, archived_at=None).values_list("name", flat=True)
    )
    taken = {name.lower() for name in taken}
    stem = segment.name[:180]
    name = next(
        made
        for number in range(1, len(taken) + 2)
        if (made := f"{stem} (copy{f' {number}' if number > 1 else ''})").lower() not in taken
    )
    twin = Segment.objects.create(
        workspace=segment.workspace, name=name, description=segment.description, rule=segment.rule, created_by=by,
        mailable_count=segment.mailable_count, agreed_count=segment.agreed_count,
        left_count=segment.left_count, counted_at=segment.counted_at,
    )  # fmt: skip
    activity.record(
        segment.workspace, "segment.created", f"Made the segment “{name}” as a copy of “{segment.name}”",
        actor=by, subject=twin, after=_logged({"name": name, "rule": twin.rule}),
    )  # fmt: skip
    return twin


@transaction.atomic
def archive_segment(*, segment: Segment, by: User | None) -> None:
    """Out of the choices; what uses it keeps it. Twice does no harm."""
    if Segment.objects.filter(pk=segment.pk, archived_at=None).update(archived_at=timezone.now()):
        activity.record(
            segment.workspace, "segment.archived", f"Archived the segment “{segment.name}”", actor=by, subject=segment
        )  # fmt: skip


@transaction.atomic
def restore_segment(*, segment: Segment, by: User | None) -> None:
    """Raises CannotSave if another one has its name now."""
    _have_free_name(segment.workspace, segment.name, but=segment)
    segment.archived_at = None
    if Segment.objects.filter(pk=segment.pk).exclude(archived_at=None).update(archived_at=None):
        activity.record(
            segment.workspace, "segment.restored", f"Brought back the segment “{segment.name}”", actor=by, subject=segment
        )  # fmt: skip


@transaction.atomic
def count_segment(*, segment: Segment) -> bool:
    """Count it anew; whether it was done at once. Else it is made in the background."""
    return _count_soon(segment)


def renew_counts() -> int:
    """Have the segments with the oldest counts counted in the background; answers how many.

    One that was tried within the hour is left alone, whether or not it could be counted; unless many people changed since,
    by an import, a large bulk action, a field, or one of these rolled back.
    """
    tasks = OutboxEntry.objects.filter(
        task=COUNT_TASK, subject_type=ContentType.objects.get_for_model(Segment)
    )
    is_open = Q(state__in=OutboxEntry.OPEN)
    room = RENEWED_AT_ONCE - tasks.filter(is_open).count()
    if room <= 0:
        return 0
    hour = timezone.now() - COUNTED_EVERY
    changed = _changed_since(hour).items()
    since = Case(
        *(When(workspace=workspace, then=Value(at)) for workspace, at in changed),
        default=Value(hour), output_field=DateTimeField(),
    )  # fmt: skip
    segments = Segment.objects.alias(since=since)
    tried = tasks.filter(is_open | Q(created_at__gt=OuterRef("since")), subject_id=OuterRef("pk"))
    old = Q(counted_at=None) | Q(counted_at__lt=F("since"))
    due = segments.filter(old, ~Exists(tried), archived_at=None).select_related("workspace")
    found = due.order_by(F("counted_at").asc(nulls_first=True), "pk")[:room]
    for segment in found:
        _count_later(segment)
    return len(found)


# What changes many people at once; somebody added by hand is one.
_CHANGERS = (
    Import.objects.exclude(source=Import.Source.BY_HAND),
    BulkAction.objects.filter(done__gt=MANY),
    FieldChange.objects.all(),
)


def _changed_since(moment: datetime) -> dict[int, datetime]:
    """Workspace → when the last of these ended, where one has since then."""
    found: dict[int, datetime] = {}
    for rows in _CHANGERS:
        ended = rows.filter(finished_at__gt=moment).values_list("workspace").annotate(Max("finished_at"))
        for workspace, at in ended:
            found[workspace] = max(at, found.get(workspace, at))
    return found


def count_in_background(entry: OutboxEntry) -> None:
    """Longer than anybody waits, within the lease; a segment whose rule cannot be worked out has no count."""
    segment = Segment.objects.filter(pk=entry.subject_id).select_related("workspace").first()
    if segment is None:
        return
    began = timezone.now()
    with within(LONGEST_SECONDS) as done:
        done.append(_counted(segment))
    if done:
        _store(segment, done[0], began)


def _count_soon(segment: Segment) -> bool:
    began = timezone.now()
    with within(COUNT_SECONDS) as done:
        done.append(_counted(segment))
    if done:
        _store(segment, done[0], began)
        return True
    is_waiting = OutboxEntry.objects.filter(
        workspace=segment.workspace, task=COUNT_TASK, subject_id=segment.pk, state=OutboxEntry.State.WAITING
    )
    if not is_waiting.exists():
        _count_later(segment)
    return False


def _count_later(segment: Segment) -> None:
    outbox.record(
        task=COUNT_TASK, subject=segment, effect=Effect.CONVERGE, priority=OutboxEntry.Priority.BULK
    )


def _counted(segment: Segment) -> tuple[int, int, int] | None:
    try:
        return reached(People(segment.workspace, rule=rules.read(segment.rule)))
    except (rules.BadRule, rules.Incomplete):
        return None


def _store(segment: Segment, counts: tuple[int, int, int] | None, began: datetime) -> None:
    """Of the version that was counted: another one is counted by itself. People are seen as when it `began`."""
    segment.mailable_count, segment.agreed_count, segment.left_count = counts or (None, None, None)
    segment.counted_at = began if counts is not None else None
    Segment.objects.filter(pk=segment.pk, version=segment.version).update(
        mailable_count=segment.mailable_count,
        agreed_count=segment.agreed_count,
        left_count=segment.left_count,
        counted_at=segment.counted_at,
    )


def _differs(theirs: Segment, name: str, description: str, rule: Group) -> list[str]:
    """Which of "name", "description" and "rule" are others."""
    try:
        is_same_rule = rules.read(theirs.rule) == rule
    except rules.BadRule:
        is_same_rule = False
    same = {
        "name": theirs.name == name,
        "description": theirs.description == description,
        "rule": is_same_rule,
    }
    return [part for part, is_same in same.items() if not is_same]


def _known(workspace: Workspace, rule: Group) -> rules.Known:
    """Raises CannotSave, in the words of what is missing or goes round in a circle."""
    if not any(True for _ in rules.conditions(rule)):
        raise CannotSave("Add at least one condition: without any, the segment would be everybody.")
    known = rules.Known.of(workspace, rule)
    try:
        rules.where(rule, known)
    except rules.Incomplete as refusal:
        raise CannotSave(refusal.sentence) from refusal
    return known


def _have_free_name(workspace: Workspace, name: str, *, but: Segment | None = None) -> None:
    found = Segment.objects.filter(workspace=workspace, archived_at=None, name__iexact=name)
    if but is not None:
        found = found.exclude(pk=but.pk)
    if found.exists():
        raise _name_taken()


def _keep(segment: Segment) -> None:
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError as error:  # somebody took the name in this instant
        raise _name_taken() from error


def _name_taken() -> CannotSave:
    sentence = "Another segment has this name."
    return CannotSave(sentence, fields={"name": sentence})


def _told(rule: Group, known: rules.Known) -> str:
    return redact(rules.sentence(rule, known))


def _logged(values: Mapping[str, object]) -> dict[str, object]:
    """For the log, which outlives people: no address that a rule compares with."""
    return redact_value(values, depth=4 * rules.MAX_DEPTH)

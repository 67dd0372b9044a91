"""Words people are marked with: one tag whatever the case it is typed in."""

from dataclasses import replace
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db import connection as database
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import activity
from accounts.models import User, Workspace
from accounts.refusals import CannotDo
from audiences import rules, sets, uses
from audiences.models import BulkAction, Contact, Segment, Tag, Tagging

MOST_TAGS = 10_000


class CannotTag(CannotDo):
    """`other` is the tag that has the name already, where that is the reason."""

    other: Tag | None = None


@transaction.atomic
def add_tag(*, workspace: Workspace, by: User, name: str) -> Tag:
    sets.one_writer(workspace)
    tag, is_new = tag_of(workspace=workspace, by=by, name=name)
    if not is_new:
        raise CannotTag(f"There is a tag {tag} already.", fields={"name": f"There is a tag {tag} already."})
    return tag


@transaction.atomic
def rename_tag(*, tag: Tag, by: User, name: str) -> None:
    """Another name; another spelling of it will do. Raises CannotTag with the tag that has it, to merge into."""
    tag = _locked(tag)
    old, name = tag.name, checked(name)
    other = _of_name(tag.workspace, name).exclude(pk=tag.pk).first()
    if other is not None:
        sentence = f"There is a tag {other} already. Merge this one into it, or choose another name."
        refusal = CannotTag(sentence, fields={"name": sentence})
        refusal.other = other
        raise refusal
    if name != old:
        Tag.objects.filter(pk=tag.pk).update(name=name)
        _note(by, tag, "tag.renamed", f"Renamed the tag {old} to {name}.")


@transaction.atomic
def merge_tags(*, tag: Tag, into: Tag, by: User) -> int:
    """Everybody with this tag has the other from now on, and so ask segments for it. Returns how many are new there."""
    tag, into = _locked(tag), _locked(into)
    if tag == into:
        raise CannotTag("A tag cannot go into itself.")
    with database.cursor() as cursor:
        cursor.execute(
            "insert into audiences_tagging (tag_id, contact_id, created_at)"
            " select %s, contact_id, created_at from audiences_tagging where tag_id = %s order by contact_id"
            " on conflict (tag_id, contact_id) do nothing",
            [into.pk, tag.pk],
        )
        moved = cursor.rowcount
    for segment in Segment.objects.select_for_update().filter(workspace=tag.workspace):
        try:
            rule = rules.read(segment.rule)
        except rules.BadRule:
            continue  # says on its own page that it cannot be read
        told = rules.as_json(rules.changed(rule, lambda condition: _moved(condition, tag, into)))
        if told != rules.as_json(rule):
            Segment.objects.filter(pk=segment.pk).update(
                rule=told, version=segment.version + 1, updated_at=timezone.now()
            )
    _forget(tag)
    _note(by, into, "tag.merged", f"Merged the tag {tag} into {into}.", after={"people": moved})
    return moved


@transaction.atomic
def delete_tag(*, tag: Tag, by: User) -> int:
    """Nobody has it any more; returns how many lose it. Raises CannotTag while a segment asks for it."""
    tag = _locked(tag)
    if used := [use.title for use in uses.holding(tag.workspace, "tag", tag.pk)]:
        raise CannotTag(f"{tag} is asked for by: {', '.join(used[:5])}. Change that first.")
    people = _forget(tag)
    _note(by, tag, "tag.deleted", f"Deleted the tag {tag}.", before={"people": people})
    return people


@transaction.atomic
def tag_person(*, contact: Contact, by: User, name: str) -> Tag:
    """Mark a person; a tag that is not there yet is made."""
    sets.one_writer(contact.workspace)
    tag, _ = tag_of(workspace=contact.workspace, by=by, name=name)
    _, is_new = Tagging.objects.get_or_create(tag=tag, contact=contact)
    if is_new:
        activity.record(
            contact.workspace, "contact.tagged", f"Tagged a contact {tag}.", actor=by, subject=contact,
            after={"tag": tag.pk},
        )  # fmt: skip
    return tag


@transaction.atomic
def untag_person(*, contact: Contact, by: User, tag: Tag) -> None:
    sets.one_writer(contact.workspace)
    gone, _ = Tagging.objects.filter(tag=tag, contact=contact).delete()
    if gone:
        activity.record(
            contact.workspace, "contact.untagged", f"Took the tag {tag} off a contact.", actor=by, subject=contact,
            before={"tag": tag.pk},
        )  # fmt: skip


def tag_of(*, workspace: Workspace, by: User, name: str) -> tuple[Tag, bool]:
    """The tag of this name, and whether it was made now. Waits for no writer. Raises CannotTag."""
    name = checked(name)
    known = _of_name(workspace, name).first()
    if known is not None:
        return known, False
    if Tag.objects.filter(workspace=workspace).count() >= MOST_TAGS:
        raise CannotTag(f"A workspace has {MOST_TAGS} tags at most. Delete some that nobody has.")
    try:
        with transaction.atomic():
            tag = Tag.objects.create(workspace=workspace, name=name)
    except IntegrityError:  # somebody else made it in this instant
        return _of_name(workspace, name).get(), False
    _note(by, tag, "tag.added", f"Made the tag {tag}.")
    return tag, True


def _of_name(workspace: Workspace, name: str) -> "models.QuerySet[Tag]":
    """As the constraint compares."""
    return Tag.objects.alias(folded=Lower("name")).filter(
        workspace=workspace, folded=Lower(models.Value(name))
    )


def checked(name: str) -> str:
    """As it is kept. Raises CannotTag."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not name or len(name) > Tag.MOST_LETTERS:
        sentence = f"A tag has {Tag.MOST_LETTERS} letters at most." if name else "Type a tag."
        raise CannotTag(sentence, fields={"name": sentence})
    return name


def _locked(tag: Tag) -> Tag:
    """Hold the audience and the tag, as it is now. Raises CannotTag when it is gone or work with it is under way."""
    sets.one_writer(tag.workspace)
    found = Tag.objects.select_for_update().select_related("workspace").filter(pk=tag.pk).first()
    if found is None:
        raise CannotTag("This tag is gone.")
    running = BulkAction.objects.filter(workspace=tag.workspace, state__in=BulkAction.MOVING)
    if running.filter(arguments__tag=tag.pk).exists():
        raise CannotTag(
            f"People are being tagged with {found}, or lose it, just now. Wait until that is over."
        )
    return found


def _forget(tag: Tag) -> int:
    """In one statement: a million rows are not fetched to be deleted."""
    with database.cursor() as cursor:
        cursor.execute("delete from audiences_tagging where tag_id = %s", [tag.pk])
        people = cursor.rowcount
    Tag.objects.filter(pk=tag.pk).delete()
    return people


def _moved(condition: rules.Condition, tag: Tag, into: Tag) -> rules.Condition:
    is_meant = condition.kind == "tag" and condition.of == tag.pk
    return replace(condition, of=into.pk, name=into.name) if is_meant else condition


def _note(by: User, tag: Tag, verb: str, sentence: str, **more: Any) -> None:
    activity.record(tag.workspace, verb, sentence, actor=by, subject=tag, **more)

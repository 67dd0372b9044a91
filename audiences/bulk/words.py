"""Bulk actions in words: what is done, what became of whom, how it is taken back."""

from typing import Any, NamedTuple

from accounts.templatetags.ui import number
from audiences.models import BulkAction, Contact, Field, List, Tag

Action, State = BulkAction.Action, BulkAction.State


class Outcome(NamedTuple):
    label: str
    definition: str


OUTCOMES: dict[str, dict[str, Outcome]] = {
    Action.ADD_TO_LIST: {
        "added": Outcome("Added", "They are on the list now, and the proof of their consent is kept."),
        "there": Outcome("On it already", "Nothing was written."),
        "pending": Outcome("Not confirmed yet", "They were asked to confirm this list; that still waits for them."),
        "left": Outcome("Left before", "They left this list once, and stay off it."),
        "suppressed": Outcome("Suppressed", "Nobody here writes to them; they were not added."),
    },
    Action.REMOVE_FROM_LIST: {
        "removed": Outcome("Taken off", "They are no longer on the list. That is no leave."),
        "left": Outcome("Left before", "They left it themselves, and that stays on record."),
        "not_there": Outcome("Not on it", "Nothing was written."),
    },
    Action.TAG: {
        "tagged": Outcome("Tagged", "They have the tag now."),
        "had_it": Outcome("Tagged before", "Nothing was written."),
    },
    Action.UNTAG: {
        "untagged": Outcome("Untagged", "They no longer have the tag."),
        "had_it_not": Outcome("Not tagged before", "Nothing was written."),
    },
    Action.SET_FIELD: {
        "changed": Outcome("Changed", "They have the new value now."),
        "same": Outcome("The same already", "Nothing was written."),
    },
    Action.SUPPRESS: {
        "suppressed": Outcome("Suppressed", "Nobody here writes to them any more."),
        "by_hand_too": Outcome(
            "Suppressed before and now by hand", "They had left, complained, bounced or been blocked in an account, or were caught by a pattern; a block by hand stands beside that."
        ),
        "suppressed_before": Outcome(
            "Suppressed before", "A block of the workspace's own stood already, by hand or by a leave on its page, and stays."
        ),
    },
}  # fmt: skip

# What undoing it means, before somebody does it.
BACK: dict[str, str] = {
    Action.ADD_TO_LIST: "Whoever was added by this goes off the list again, and the consent recorded with it counts no more.",
    Action.REMOVE_FROM_LIST: "Whoever was taken off by this is on the list again, as they were before. Who left or was suppressed since stays off.",
    Action.TAG: "Whoever was tagged by this loses the tag again. Who had it before, or was tagged anew since, keeps it.",
    Action.UNTAG: "Whoever lost the tag by this has it again.",
    Action.SET_FIELD: "Each person gets the value back that they had before. Where it was changed since, it stays as it is now.",
}  # fmt: skip
# What is so of one person, and of several, whom undoing it reached.
_ARE_BACK: dict[str, tuple[str, str]] = {
    Action.ADD_TO_LIST: ("is off the list again", "are off the list again"),
    Action.REMOVE_FROM_LIST: ("is on the list as before", "are on the list as before"),
    Action.TAG: ("no longer has the tag", "no longer have the tag"),
    Action.UNTAG: ("has the tag again", "have the tag again"),
    Action.SET_FIELD: ("has the former value back", "have the former values back"),
}
# Beside one that cannot be undone.
NO_WAY_BACK: dict[str, str] = {
    Action.SUPPRESS: "A block is lifted on the page of a suppression, one person at a time, with the proof that they agreed again.",
}  # fmt: skip
JOURNAL_GONE = "What was changed of whom is kept for 30 days; of this only the numbers are left."


def verb(mine: BulkAction, what: str) -> str:
    """How the activity log calls it. What suppresses is found among the suppressions too."""
    return f"bulk.suppress_{what}" if mine.action == Action.SUPPRESS else f"bulk.{what}"


def aim(mine: BulkAction) -> str:
    """With what: the list, the tag, the field and its value."""
    told = mine.arguments
    match mine.action:
        case Action.ADD_TO_LIST | Action.REMOVE_FROM_LIST:
            row = List.objects.filter(workspace=mine.workspace_id, pk=told["list"]).first()
            return f"the list “{row}”" if row else "a list that is gone"
        case Action.TAG | Action.UNTAG:
            tag = Tag.objects.filter(workspace=mine.workspace_id, pk=told["tag"]).first()
            return f"“{tag}”" if tag else "a tag that is gone"
        case Action.SET_FIELD:
            return field_label(mine)
    return ""


def field_label(mine: BulkAction) -> str:
    key = mine.arguments["field"]
    row = Field.objects.filter(workspace=mine.workspace_id, key=key).first()
    return row.label if row else Contact.STANDARD_FIELDS.get(key, key)


def without_search(mine: BulkAction) -> dict[str, Any]:
    """Whom it meant, without words that may be somebody's address: those are needed only while it can go on."""
    return {name: value for name, value in mine.people.items() if name != "words"}


def short(mine: BulkAction, aim: str = "", *, quotes: str = "“”") -> str:
    """For a line among others, with the name of what it is done with if that is known: asks the database nothing."""
    aim = mine.arguments.get("label", aim)  # a field says its own
    about = f" {quotes[0]}{aim}{quotes[1]}" if aim else ""
    return f"{mine.get_action_display()}{about}: {number(mine.total)} {'person' if mine.total == 1 else 'people'}"


def title(mine: BulkAction) -> str:
    """“Add 12 340 people to the list “News””, as a heading."""
    return _sentence(mine, _DOES, mine.total or 0)


def sentence(mine: BulkAction) -> str:
    """What was done, for the activity log and a toast."""
    if mine.state == State.RUNNING:
        return f"Began: {_lower(title(mine))}."
    if mine.state == State.UNDONE:
        return f"Undid: {_lower(title(mine))}. {undone(mine)}"
    counts = ", ".join(
        f"{number(mine.counts[name])} {_lower(outcome.label)}"
        for name, outcome in OUTCOMES[mine.action].items()
        if mine.counts.get(name)
    )
    if mine.state == State.DONE:
        return f"{_sentence(mine, _DID, mine.done)}: {counts}." if counts else "Nobody fitted any more."
    how = "Cancelled" if mine.state == State.CANCELLED else "Stopped"
    return f"{how}: {_lower(title(mine))}. Until then: {counts or 'nothing'}."


def undone(mine: BulkAction) -> str:
    back, kept = mine.undone.get("back", 0), mine.undone.get("kept", 0)
    if not (back or kept):
        return "There was nothing left to take back."
    said = f"{_people(back)} {_ARE_BACK[mine.action][back != 1]}."
    return f"{said} Of {_people(kept)} it had changed since, and stays." if kept else said


def _people(many: int) -> str:
    return "1 person" if many == 1 else f"{number(many)} people"


def _sentence(mine: BulkAction, patterns: dict[str, str], many: int) -> str:
    return patterns[mine.action].format(people=_people(many), aim=aim(mine), value=_value(mine))


def _value(mine: BulkAction) -> str:
    value = mine.arguments.get("value")
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"“{value}”"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


_DOES: dict[str, str] = {
    Action.ADD_TO_LIST: "Add {people} to {aim}",
    Action.REMOVE_FROM_LIST: "Take {people} off {aim}",
    Action.TAG: "Tag {people} {aim}",
    Action.UNTAG: "Take the tag {aim} off {people}",
    Action.SET_FIELD: "Set {aim} of {people} to {value}",
    Action.SUPPRESS: "Suppress {people}",
}
_DID: dict[str, str] = {
    Action.ADD_TO_LIST: "Adding {people} to {aim}",
    Action.REMOVE_FROM_LIST: "Taking {people} off {aim}",
    Action.TAG: "Tagging {people} {aim}",
    Action.UNTAG: "Taking the tag {aim} off {people}",
    Action.SET_FIELD: "Setting {aim} of {people} to {value}",
    Action.SUPPRESS: "Suppressing {people}",
}

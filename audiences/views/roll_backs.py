"""What the page of an import says of its roll back, before and after."""

from typing import Any

from accounts.http import WorkspaceRequest
from accounts.ids import id_of
from accounts.templatetags.ui import counted, number
from audiences import queries
from audiences.importing import new_fields
from audiences.models import Import
from audiences.queries.contacts import shown
from audiences.views import people

LATER = "changed since or came with a later file too"
STAYS = f"who came with it and {LATER}"
# What a roll back did, as `queries.undone` knows it: (name, of how many, what, what the people have in common).
UNDONE = (
    ("fields", "person has,people have", "the former values back.", "As before"),
    (
        "lists",
        "membership is,memberships are",
        "as before, or off the list where there was none.",
        "As before, or off it",
    ),
    (
        "off",
        "person who came with it was,people who came with it were",
        "changed since: still here, and off the list.",
        "Taken off",
    ),
    (
        "kept",
        "person has,people have",
        f"{LATER}, and that stays.",
        "Stays as it is",
    ),
)


def to_undo(mine: Import) -> dict[str, Any]:
    """What the dialog says of a roll back before it is done: the numbers it would give now, or none where to count takes long."""
    seen = queries.outlook(mine)
    action = "Roll back the import"
    if seen:
        parts = [
            counted(count, nouns)
            for count, nouns in (
                (seen.gone, "person whom nothing else keeps here goes again,people whom nothing else keeps here go again"),
                (seen.off, f"person {STAYS} is only taken off the list,people {STAYS} are only taken off the list"),
                (seen.staying, f"person {STAYS} stays,people {STAYS} stay"),
                (seen.back, "person gets back the fields and lists they had,people get back the fields and lists they had"),
                (seen.kept, f"person who {LATER} stays as they are,people who {LATER} stay as they are"),
            )
            if count
        ]  # fmt: skip
        if touched := seen.gone + seen.off + seen.back:
            action = f"Roll back {counted(touched, 'person,people')}"
    else:
        # It may have people of an import before it, and have written nothing of its own.
        whom = (
            f"of the {number(mine.to_write)} people it brought or changed, those"
            if mine.to_write
            else "those"
        )
        parts = [
            f"{whom} who came with it go again unless they changed since or came with a later file too; others get back the"
            " fields and lists they had, unless those changed since"
        ]
    if labels := [column["label"] for column in new_fields.planned(mine).values()]:
        parts.append(
            f"the new fields go, unless somebody who stays fills them or something uses them: {', '.join(labels)}"
        )
    sentence = "; ".join(parts) or "Nobody was changed by it"
    order = ""
    if seen.again if seen else queries.is_followed(mine):
        order = " Who came with a later file too goes once that one is rolled back as well."
    return {
        "undo_text": f"{sentence[0].upper()}{sentence[1:]}. What changed after the import stays as it is, and is listed.{order}",
        "undo_action": action,
    }


def undone(request: WorkspaceRequest, mine: Import) -> dict[str, Any]:
    """The numbers of a roll back, and the people behind one of them."""
    # Who is off the list is among those who changed since, and told of once.
    counts = mine.undone | {"kept": mine.undone.get("kept", 0) - mine.undone.get("off", 0)}
    parts = [
        {"name": name, "count": counts[name], "nouns": nouns, "text": text, "url": f"?back={name}#undone"}
        for name, nouns, text, _ in UNDONE
        if counts.get(name)
    ]
    names = [part["name"] for part in parts]
    asked = request.GET.get("back", "")
    chosen = asked if asked in names else (names or [""])[-1]
    context: dict[str, Any] = {"undone_parts": parts, "undone_shown": chosen}
    if not chosen:
        return context
    after = id_of(request.GET.get("back_after", ""))
    found = queries.undone(mine, chosen, after=after or 0)
    shows = people.shows_addresses(request)
    return context | {
        "undone": [
            (contact, shown(address, shows_addresses=shows), what) for contact, address, what in found.rows
        ],
        "undone_after": found.after,
        "undone_is_further": bool(after),
        "undone_heading": next(heading for name, _, _, heading in UNDONE if name == chosen),
    }

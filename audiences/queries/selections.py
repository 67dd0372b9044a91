"""A selection of people as it travels: signed through a form, as a rule into a segment, and in words."""

from typing import NamedTuple

from django.core import signing

from accounts.models import Workspace
from accounts.refusals import CannotDo
from audiences import rules
from audiences.models import List, Subscription, Tag
from audiences.queries.contacts import People

SALT = "people"
_UNREADABLE = "This choice of people cannot be read. Choose them again."
_ON_LIST = {
    Subscription.Status.SUBSCRIBED: "on",
    Subscription.Status.PENDING: "pending",
    Subscription.Status.UNSUBSCRIBED: "left",
}


class BadSelection(CannotDo):
    pass


def signed(people: People) -> str:
    """For a hidden field: nobody can change whom it means, nor see more than they may."""
    return signing.dumps({"workspace": people.workspace.pk, **people.as_json()}, salt=SALT, compress=True)


def read_signed(workspace: Workspace, text: str) -> People:
    """Raises BadSelection for what was forged, is of another workspace, or no longer reads."""
    try:
        told = signing.loads(text, salt=SALT)
        if told.pop("workspace", None) == workspace.pk:
            return People.from_json(workspace, told)
    except (signing.BadSignature, rules.BadRule) as error:
        raise BadSelection(_UNREADABLE) from error
    raise BadSelection(_UNREADABLE)


class AsRule(NamedTuple):
    rule: rules.Group | None
    # What of it a rule cannot say, in words.
    left_out: list[str]


def as_rule(people: People) -> AsRule:
    """The same people as a rule, as far as a rule can say it."""
    found: list[rules.Node] = []
    left_out = []
    # The rule travels in an address, which logs keep: what was searched for may be one of a person.
    if people.words.split():
        left_out.append(f"the search for “{people.words}”")
    if people.list_id:
        if op := _ON_LIST.get(Subscription.Status(people.status)):
            found.append(rules.Condition("list", people.list_id, op))
        else:
            left_out.append("who was taken off the list")
    if people.state:
        found.append(rules.Condition("mailable", "any", "is" if people.state == "suppressed" else "is_not"))
    if people.connection_id:
        found.append(rules.Condition("account", people.connection_id, "in"))
    if people.language:
        found.append(rules.Condition("field", "language", "is", [people.language]))
    if people.tag_id:
        found.append(rules.Condition("tag", people.tag_id, "has"))
    if people.rule:
        found += people.rule.rules if people.rule.join == "all" else [people.rule]
    return AsRule(rules.Group("all", tuple(found)) if found else None, left_out)


def in_words(people: People) -> str:
    """`On the list “News”, tagged “VIP”`: whom it means, for the title of what is done with them."""
    if people.ids:
        return "One chosen person" if len(people.ids) == 1 else f"{len(people.ids)} chosen people"
    parts = []
    if people.list_id:
        name = _name(List, people.workspace, people.list_id)
        status = Subscription.Status(people.status)
        parts.append(
            f"on the list “{name}”"
            if status == Subscription.Status.SUBSCRIBED
            else f"{status.label.lower()} on the list “{name}”"
        )
    if people.tag_id:
        parts.append(f"tagged “{_name(Tag, people.workspace, people.tag_id)}”")
    if people.rule:
        parts.append(rules.sentence(people.rule, rules.Known.of(people.workspace, people.rule)))
    if people.words:
        parts.append(f"found by “{people.words}”" if people.shows_addresses else "found by a search")
    if people.state:
        parts.append(people.state)
    if people.language:
        parts.append(f"language “{people.language}”")
    if people.connection_id:
        connection = people.workspace.connections.filter(pk=people.connection_id).first()
        parts.append(f"held by the account “{connection or 'gone'}”")
    text = ", ".join(parts) or "everybody"
    return text[0].upper() + text[1:]


def _name(model: type[List] | type[Tag], workspace: Workspace, id_: int) -> str:
    return model.objects.filter(workspace=workspace, pk=id_).values_list("name", flat=True).first() or "gone"

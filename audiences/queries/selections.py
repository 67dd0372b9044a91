"""A selection of people as it travels: signed through a form or an address, and as a rule into a segment."""

from typing import NamedTuple

from django.core import signing

from accounts.models import Workspace
from accounts.refusals import CannotDo
from audiences import rules
from audiences.models import Subscription
from audiences.queries.contacts import People

SALT = "people"
_ON_LIST = {
    Subscription.Status.SUBSCRIBED: "on",
    Subscription.Status.PENDING: "pending",
    Subscription.Status.UNSUBSCRIBED: "left",
}


class BadSelection(CannotDo):
    pass


def signed(people: People) -> str:
    """For a hidden field: nobody can change whom it means, nor see more than they may."""
    return signing.dumps(people.as_json(), salt=SALT, compress=True)


def read_signed(workspace: Workspace, text: str) -> People:
    """Of this workspace, wherever it was signed. Raises BadSelection."""
    try:
        return People.from_json(workspace, signing.loads(text, salt=SALT))
    except (signing.BadSignature, rules.BadRule) as error:
        raise BadSelection("This choice of people cannot be read. Choose them again.") from error


class AsRule(NamedTuple):
    rule: rules.Group | None
    # What of it a rule cannot say, in words.
    left_out: list[str]


def as_rule(people: People) -> AsRule:
    """The same people as a rule, as far as a rule can say it."""
    found: list[rules.Node] = []
    left_out = []
    words = people.words.split()
    if len(words) == 1 and "@" in words[0]:
        found.append(rules.Condition("field", "@email", "contains", words[0]))
    elif words:
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

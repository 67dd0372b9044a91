"""A selection of people on its way through a form or an address: signed, so that nobody widens it, and in words."""

from django.core import signing

from accounts.models import Workspace
from audiences import rules
from audiences.models import List, Subscription, Tag
from audiences.queries.contacts import People

_SALT = "audiences.people"


class NotOurs(Exception):  # noqa: N818 - the text did not come from a page of this workspace
    pass


def sign(people: People) -> str:
    """Text for a hidden input or a query; holds no address but one that was searched for whole."""
    return signing.dumps({"workspace": people.workspace.pk, **people.as_json()}, salt=_SALT, compress=True)


def unsign(workspace: Workspace, text: str) -> People:
    """Raises NotOurs for what was forged, is of another workspace, or no longer reads."""
    try:
        told = signing.loads(text, salt=_SALT)
        if told.pop("workspace", None) != workspace.pk:
            raise NotOurs
        return People.from_json(workspace, told)
    except (signing.BadSignature, rules.BadRule) as error:
        raise NotOurs from error


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

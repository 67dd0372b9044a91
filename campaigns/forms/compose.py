"""What a person types while writing: the envelope, the blocks, a test's addresses."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.forms import Form
from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from accounts.names import by_name
from accounts.templatetags.ui import day, distance, in_zone, number
from audiences.list_names import ListLabels
from audiences.models import List, Segment
from campaigns import content
from campaigns.models import Content, Sender
from campaigns.queries.audience import TERMS
from campaigns.queries.chosen import Choice, Chosen, offered_segments
from campaigns.queries.senders import SenderState

ADDRESS_LIMIT = 10
one_line = RegexValidator(r"[\r\n\x00-\x1f\x7f]", "Line breaks do not belong here.", inverse_match=True)


class SenderSelect(forms.Select):
    """Senders the account does not let through are shown with the reason, and cannot be picked."""

    states: dict[str, SenderState]
    kept: str = ""

    def create_option(self, name: str, value: Any, label: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, label, *args, **kwargs)
        state = self.states.get(str(value))
        if state is not None and not state.is_usable:
            option["label"] = f"{label} – {state.why_not}"
            if str(value) != self.kept:
                option["attrs"]["disabled"] = True
        return option


class SegmentChecks(forms.CheckboxSelectMultiple):
    """Segments that nobody can work out are shown with the reason, and cannot be picked."""

    problems: Mapping[str, str]
    kept: Collection[str]

    def create_option(self, name: str, value: Any, label: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, label, *args, **kwargs)
        if problem := self.problems.get(str(value)):
            # Without the advice behind it.
            option["label"] = f"{label} – {problem.partition('. ')[0]}"
            if str(value) not in self.kept:
                option["attrs"]["disabled"] = True
        return option


class ContentForm(Form):
    """Subject, preview text and content; of a template as it stands, of a campaign with more."""

    name = forms.CharField(max_length=200, validators=[one_line], help_text="Only your team sees it.")
    subject = forms.CharField(max_length=250, required=False, validators=[one_line])
    preview_text = forms.CharField(
        max_length=250,
        required=False,
        validators=[one_line],
        label="Preview text",
        help_text="Inboxes show it behind the subject.",
    )
    # Not named form: that would hide the form's own property from scripts.
    written_as = forms.ChoiceField(
        choices=[("blocks", "Blocks"), ("html", "HTML")], widget=forms.RadioSelect, label="Write as"
    )
    html = forms.CharField(
        required=False,
        strip=False,
        max_length=content.HTML_LIMIT,
        label="HTML",
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "data-tags": ""}),
        help_text="Sent as you write it; styles are also put on the elements. It needs {{ unsubscribe_url }} in a link and {{ workspace.postal_address }}.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    # "id:type,id:type": the blocks in order. Each block's own fields are named b-<id>-….
    layout = forms.CharField(required=False, widget=forms.HiddenInput, max_length=4000)

    def __init__(self, data: Any = None, *, target: Content, **kwargs: Any) -> None:
        initial = {
            "name": getattr(target, "name", ""),
            "subject": target.subject,
            "preview_text": target.preview_text,
            "written_as": target.form,
            "html": target.html,
            "version": getattr(target, "version", 1),
        }
        super().__init__(data, initial=initial | kwargs.pop("initial", {}), **kwargs)
        self.target = target

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values.pop("layout", None)
        values["form"] = values.pop("written_as", self.target.form)
        values["blocks"] = blocks_from(self.data, self.target.blocks)
        return values


class ComposeForm(ContentForm):
    connection = forms.ModelChoiceField(
        queryset=Connection.objects.none(), required=False, label="Account", empty_label="Choose an account"
    )
    sender = forms.ModelChoiceField(
        queryset=Sender.objects.none(),
        required=False,
        label="From",
        empty_label="Choose a sender",
        widget=SenderSelect,
    )
    reply_to = forms.EmailField(required=False, max_length=254, label="Replies to")
    lists = forms.ModelMultipleChoiceField(
        queryset=List.objects.none(),
        required=False,
        label="To lists",
        widget=forms.CheckboxSelectMultiple,
        help_text="How many are subscribed; the review leaves out who is suppressed.",
    )
    segments = forms.ModelMultipleChoiceField(
        queryset=Segment.objects.none(),
        required=False,
        label="To segments",
        widget=SegmentChecks,
        help_text="Who is on no list receives it only if they agreed and left none.",
    )

    def __init__(
        self, data: Any = None, *, target: Any, senders: Iterable[SenderState], **kwargs: Any
    ) -> None:
        workspace: Workspace = target.workspace
        kept = list(target.segments.values_list("pk", flat=True))
        kept_lists = list(target.lists.values_list("pk", flat=True))
        super().__init__(
            data,
            target=target,
            initial={
                "connection": target.connection_id,
                "sender": target.sender_id,
                "reply_to": target.reply_to,
                "lists": kept_lists,
                "segments": kept,
            },
            **kwargs,
        )
        choices: dict[str, Any] = {
            "connection": workspace.connections.exclude(
                status__in=[Connection.Status.CHECKING, "disconnected"]
            ).order_by(*by_name()),
            "sender": workspace.senders.all(),
            "lists": _lists(workspace, target.connection_id, kept_lists),
        }
        for name, queryset in choices.items():
            self.fields[name].queryset = queryset  # type: ignore[attr-defined]
        label = ListLabels(workspace, sizes=True)
        self.fields["lists"].label_from_instance = label  # type: ignore[attr-defined]
        self._offer_segments(offered_segments(workspace, kept), kept)
        widget = self.fields["sender"].widget
        widget.states = {str(state.sender.pk): state for state in senders}
        widget.kept = str(target.sender_id or "")

    def _offer_segments(self, offered: Choice, kept: Collection[int]) -> None:
        problems = {
            str(one.id): "archived" if one.is_archived else offered.problem(one) for one in offered.segments
        }
        choosable = [one.id for one in offered.segments if one.id in kept or not problems[str(one.id)]]
        field = self.fields["segments"]
        field.queryset = offered.workspace.segments.filter(pk__in=choosable)  # type: ignore[attr-defined]
        field.choices = [(one.id, _segment_label(one)) for one in offered.segments]  # type: ignore[attr-defined]
        field.widget.problems, field.widget.kept = problems, {str(id_) for id_ in kept}


def _lists(workspace: Workspace, connection_id: int | None, kept: Collection[int]) -> QuerySet[List]:
    """Those that the chosen account has, then the others; by name. An archived one, only if it is chosen."""
    there = MirrorRow.objects.filter(
        connection=connection_id, kind=MirrorKind.LIST, object_id=OuterRef("pk"), gone_at=None
    )
    found = workspace.lists.filter(Q(archived_at=None) | Q(pk__in=kept)).alias(is_there=Exists(there))
    return found.order_by("-is_there", *by_name())


def _segment_label(found: Chosen) -> str:
    """Of those who may be written to. The review counts the suppressed as well, and who of them left as one who left."""
    if found.people is None:
        return found.name
    parts = [f"{number(found.people)} mailable"]
    if found.agreed is not None and found.agreed < found.people:
        parts = [f"of {parts[0]}, {number(found.agreed)} would get it"]
        if found.left is not None:
            without = {"unsubscribed": found.left, "no_consent": found.people - found.agreed - found.left}
            told = [f"{number(many)} {TERMS[term]}" for term, many in without.items() if many]
            parts.append(", ".join(told))
    if found.counted_at:
        parts.append(f"counted {_since(found.counted_at)}")
    return f"\u2068{found.name}\u2069 ({'; '.join(parts)})"


def _since(at: datetime) -> str:
    return distance((timezone.now() - at).total_seconds()) or day(in_zone(at))


# Blocks

_LABELS = {
    "text": "Words",
    "size": "Size",
    "align": "Stands",
    "url": "Address",
    "alt": "Alternative text",
    "link": "Leads to",
    "label": "Words on the button",
    "height": "Height in pixels",
    "left": "Left",
    "right": "Right",
    "left_image": "Image above, left",
    "left_alt": "Alternative text, left",
    "right_image": "Image above, right",
    "right_alt": "Alternative text, right",
}
_HELP = {
    ("image", "url"): "Begins with https://",
    ("image", "alt"): "What it says to somebody who does not see it.",
    ("footer", "text"): "Above the postal address and the link to leave, which are always there.",
}
_LAYOUT = re.compile(r"([a-z0-9]{1,16}):([a-z]{1,12})")


class BlockForm(forms.Form):
    """The fields of one block, named after it."""

    def __init__(self, block: content.Block, *, first: bool, last: bool) -> None:
        super().__init__(initial=block, prefix=f"b-{block['id']}", auto_id="id_%s")
        self.block, self.is_first, self.is_last = block, first, last
        for name, how in content.BLOCKS[block["type"]].items():
            self.fields[name] = _block_field(block["type"], name, how)

    @property
    def id(self) -> str:
        return f"block-{self.block['id']}"

    @property
    def name(self) -> str:
        return content.BLOCK_NAMES[self.block["type"]]

    @property
    def icon(self) -> str:
        kind: str = self.block["type"]
        return "more" if kind == "spacer" else kind

    @property
    def is_footer(self) -> bool:
        return self.block["type"] == "footer"


def _block_field(kind: str, name: str, how: Any) -> forms.Field:
    shared: dict[str, Any] = {
        "required": False,
        "label": _LABELS[name],
        "help_text": _HELP.get((kind, name), ""),
    }
    if isinstance(how, tuple):
        return forms.ChoiceField(choices=[(word, word.capitalize()) for word in how], **shared)
    if how == "pixels":
        return forms.IntegerField(min_value=8, max_value=96, **shared)
    if how == "text":
        rows = 3 if kind == "footer" else 6
        widget = forms.Textarea(attrs={"rows": rows, "data-tags": ""})
        return forms.CharField(widget=widget, max_length=content.TEXT_LIMIT, **shared)
    attributes = {"data-tags": ""} | ({"inputmode": "url", "placeholder": "https://"} if how == "url" else {})
    return forms.CharField(widget=forms.TextInput(attrs=attributes), max_length=2000, **shared)


def blocks_from(data: Any, before: Any) -> list[content.Block]:
    """The blocks a form sent, in its order; those before when it sent none (written as HTML)."""
    layout = _LAYOUT.findall(data.get("layout", ""))[: content.BLOCK_LIMIT + 1]
    if not layout:
        return content.clean_blocks(before)
    blocks = [
        {"id": id_, "type": kind, **{name: data.get(f"b-{id_}-{name}") for name in content.BLOCKS[kind]}}
        for id_, kind in layout
        if kind in content.BLOCKS
    ]
    return content.clean_blocks(blocks)


def layout_of(blocks: Iterable[content.Block]) -> str:
    return ",".join(f"{block['id']}:{block['type']}" for block in blocks)


def changed_blocks(blocks: list[content.Block], data: Any) -> tuple[list[content.Block], str]:
    """Blocks after one press of up, down, remove or add, and the id of the block to look at next."""
    ids = [block["id"] for block in blocks]
    for action in ("up", "down", "remove"):
        if data.get(action) not in ids:
            continue
        here = ids.index(data[action])
        block = blocks[here]
        if block["type"] == "footer":
            return blocks, block["id"]
        rest = blocks[:here] + blocks[here + 1 :]
        if action == "remove":
            return rest, rest[min(here, len(rest) - 1)]["id"]
        to = max(0, here - 1) if action == "up" else min(len(rest) - 1, here + 1)
        return [*rest[:to], block, *rest[to:]], block["id"]
    kind = data.get("add")
    if kind in content.BLOCKS and kind != "footer" and len(blocks) < content.BLOCK_LIMIT:
        block = content.new_block(kind)
        return [*blocks[:-1], block, blocks[-1]], block["id"]
    return blocks, ""


# The rest


class TestSendForm(Form):
    __test__ = False  # not for pytest

    group = forms.BooleanField(required=False, label="The saved group")
    emails = forms.CharField(
        required=False,
        label="Further addresses",
        help_text="One a line.",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, workspace: Workspace) -> None:
        self.saved = workspace.test_recipients
        super().__init__(data, initial={"group": bool(self.saved)})
        self.fields["group"].label = f"The saved group ({len(self.saved)})"
        self.fields["group"].help_text = (
            ", ".join(self.saved) or "Nobody yet; an admin fills it in the settings."
        )
        self.fields["group"].disabled = not self.saved

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        typed = re.split(r"[\s,;]+", values.get("emails", ""))
        addresses = [*(self.saved if values.get("group") else ()), *(word for word in typed if word)]
        check = forms.EmailField(max_length=254)
        unique: dict[str, None] = {}
        for address in addresses:
            try:
                unique[check.clean(address).lower()] = None
            except forms.ValidationError:
                self.add_error("emails", f"{address[:80]} is not an address.")
        return {"emails": list(unique)}


class CampaignFilters(forms.Form):
    q = forms.CharField(label="Search name or subject", required=False, max_length=100)
    status = forms.ChoiceField(label="State", required=False)
    account = forms.ModelChoiceField(
        queryset=Connection.objects.none(), label="Account", required=False, empty_label="Any account"
    )

    def __init__(self, data: Any, *, workspace: Workspace, statuses: Iterable[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["status"].choices = [("", "Any state"), *statuses]  # type: ignore[attr-defined]
        accounts = workspace.connections.exclude(status=Connection.Status.CHECKING).order_by(*by_name())
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]


class SenderForm(Form):
    connection = forms.ModelChoiceField(queryset=Connection.objects.none(), label="Account", empty_label=None)
    name = forms.CharField(
        max_length=120, validators=[one_line], label="Name", help_text="What inboxes show."
    )
    email = forms.EmailField(max_length=254, label="Address")

    def __init__(self, data: Any = None, *, workspace: Workspace) -> None:
        super().__init__(data)
        ready = workspace.connections.filter(status=Connection.Status.READY).order_by(*by_name())
        self.fields["connection"].queryset = ready  # type: ignore[attr-defined]


class CodeForm(Form):
    """What the account's mail holds: digits at some, a link at others."""

    code = forms.CharField(label="Code", max_length=500)


class DomainForm(Form):
    connection = forms.ModelChoiceField(queryset=Connection.objects.none(), label="Account", empty_label=None)
    name = forms.RegexField(
        r"^(?=.{4,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,10}[A-Za-z]{2,63}$",
        label="Domain",
        error_messages={"invalid": "This is not a domain name, like example.com."},
    )

    def __init__(self, data: Any = None, *, workspace: Workspace) -> None:
        super().__init__(data)
        ready = workspace.connections.filter(status=Connection.Status.READY).order_by(*by_name())
        self.fields["connection"].queryset = ready  # type: ignore[attr-defined]

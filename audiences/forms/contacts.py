"""The filters of the page of all people: columns of a person as they are, everything else as conditions of a rule."""

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any

from django import forms
from django.utils.choices import CallableChoiceIterator

from accounts.days import day_after, day_before
from accounts.forms.widgets import QuickSelect
from accounts.ids import id_of
from accounts.models import Connection, Workspace
from accounts.names import by_name
from audiences import queries, rules
from audiences.addresses import pattern_of
from audiences.forms import Choices, Filters, choose, choose_list, connections, offer
from audiences.list_names import ListLabels
from audiences.models import Field, List, Segment, Subscription, Suppression, Tag
from audiences.queries.contacts import People
from audiences.rules.kinds import Thing

STATES: list[Any] = [
    ("", "Mailable or not"),
    ("mailable", "Mailable"),
    ("suppressed", "Suppressed"),
    ("Suppressed, because", Suppression.Reason.choices),
]
STATUSES = [
    ("", "Subscribed"),
    *(choice for choice in Subscription.Status.choices if choice[0] != "subscribed"),
]
_DAYS = (30, 90, 180)
_DID = {"opened": "Opened", "clicked": "Clicked", "received": "Received"}
# "opened-in-90": opened in the last 90 days.
DID: list[Any] = [
    ("", "Whatever they did"),
    *(
        (
            label,
            [
                *((f"{did}-in-{days}", f"{label} in the last {days} days") for days in _DAYS),
                *((f"{did}-not-{days}", f"Not {label.lower()} in the last {days} days") for days in _DAYS),
                (f"{did}-ever", f"Ever {label.lower()}"),
                (f"{did}-never", f"Never {label.lower()}"),
            ],
        )
        for did, label in _DID.items()
    ),
]
_OPS = {"in": "in_last", "not": "not_in_last", "ever": "ever", "never": "never"}
# Of the search, or with a filter of its own.
_ELSEWHERE = ("@email", "@added")
# The filters that are shown only on request.
MORE = ("status", "account", "language", "field", "value", "to", "did", "since", "until")


class ContactFilters(Filters):
    q = forms.CharField(label="Address or name", required=False, max_length=200)
    list = forms.ModelChoiceField(List.objects.none(), label="List", required=False, empty_label="All lists")
    tag = forms.ModelChoiceField(
        Tag.objects.none(), label="Tag", required=False, empty_label="Any tag or none"
    )
    segment = forms.ModelChoiceField(
        Segment.objects.none(), label="Segment", required=False, empty_label="In a segment or not"
    )
    state = forms.ChoiceField(label="Mailable or suppressed", choices=STATES, required=False)
    status = forms.ChoiceField(label="On the list as", choices=STATUSES, required=False)
    account = forms.ModelChoiceField(
        Connection.objects.none(), label="Account", required=False, empty_label="All accounts"
    )
    language = forms.CharField(label="Language", required=False, max_length=35)
    did = forms.ChoiceField(label="What they did", choices=DID, required=False)
    since = forms.DateField(label="Added from", required=False)
    until = forms.DateField(label="Added until", required=False)
    field = forms.ChoiceField(label="Field", required=False)
    to = forms.CharField(label="Up to", required=False, max_length=40)

    def __init__(self, *args: Any, workspace: Workspace, shows_addresses: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace, self.shows_addresses = workspace, shows_addresses
        self.fields["value"] = forms.CharField(label="Its value", required=False, max_length=500)
        # Not chosen here: links of an import, of a bulk action and of a suppressed pattern lead to their people.
        self.fields["import"] = forms.CharField(required=False, max_length=20)
        self.fields["outcome"] = forms.CharField(required=False, max_length=20)
        self.fields["bulk"] = forms.CharField(required=False, max_length=20)
        self.fields["matches"] = forms.CharField(label="Pattern", required=False, max_length=254)
        # Names of the filters that do not read together → a sentence.
        self._unread: dict[str, str] = {}
        self.things: dict[str, Thing] = {
            key: thing
            for key, thing in rules.KINDS["field"].things(workspace).items()
            if key not in _ELSEWHERE and (shows_addresses or not key.startswith("@"))
        }
        choose_list(self, "list", workspace=workspace)
        choose(self, "tag", workspace.tags.order_by(*by_name()))
        choose(self, "segment", workspace.segments.filter(archived_at=None).order_by(*by_name()))
        choose(self, "account", connections(workspace))
        # Asked for only when the form is drawn.
        self.fields["language"].widget = QuickSelect()
        self.fields["language"].widget.choices = CallableChoiceIterator(lambda: self._languages)
        labels = ((key, thing.label) for key, thing in self.things.items())
        offer(self, "field", [("", "Any field"), *labels])
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        self._fit_value()
        self.conditions = {
            name: condition
            for name, condition in (
                ("state", self._reason()),
                ("segment", self._segment()),
                ("did", self._deed()),
                ("since until", self._added()),
                ("field value to", self._field()),
                ("import outcome", self._import()),
                ("bulk outcome", self._bulk()),
                ("matches", self._pattern()),
            )
            if condition is not None
        }
        if self.value("status") and not self.value("list") and "list" not in self.errors:
            self._unread["status"] = "Choose a list for “On the list as”."

    def people(self) -> People:
        chosen, tag, account = self.value("list"), self.value("tag"), self.value("account")
        state = self.value("state") or ""
        return People(
            self.workspace,
            words=self.search,
            list_id=chosen.pk if chosen else None,
            status=self.value("status") or Subscription.Status.SUBSCRIBED,
            state=state if state in ("mailable", "suppressed") else "",
            connection_id=account.pk if account else None,
            language=self.value("language") or "",
            tag_id=tag.pk if tag else None,
            rule=rules.together(*self.conditions.values()),
            shows_addresses=self.shows_addresses,
        )

    def refusals(self) -> Sequence[str]:
        """Why these filters find nobody: an old link must never mean more people than it did."""
        return [*self.unfit().values(), *self._unread.values()]

    def in_words(self) -> dict[str, str]:
        """Names of the filters in use → what the chip says."""
        chosen, tag, account = self.value("list"), self.value("tag"), self.value("account")
        state = self.value("state")
        said = {
            "q": f"“{self.search}”" if self.search else "",
            "list status": f"{ListLabels(self.workspace)(chosen)}: {dict(Subscription.Status.choices)[self.people().status]}"
            if chosen
            else "",
            "tag": f"Tag: {tag}" if tag else "",
            "segment": f"Segment: {self.value('segment')}" if self.value("segment") else "",
            "state": {"mailable": "Mailable", "suppressed": "Suppressed"}.get(state)
            or (f"Suppressed: {Suppression.Reason(state).label.lower()}" if state else ""),
            "account": str(account or ""),
            "language": self.value("language") or "",
            "did": self._did_in_words(),
        }
        told = {
            name: self.conditions[name]
            for name in ("since until", "field value to", "import outcome", "bulk outcome", "matches")
            if name in self.conditions
        }
        known = rules.Known.of(self.workspace, *told.values())
        said |= {name: rules.told(condition, known) for name, condition in told.items()}
        said |= self.unfit_in_words(*self._unread)
        return {name: text for name, text in said.items() if text}

    @property
    def has_more(self) -> bool:
        """Whether one of the filters behind "More filters" is in use."""
        return any(self.value(name) for name in MORE)

    @property
    def origins(self) -> Choices:
        """(name, value) of the filters that came with a link: they stay while the others change."""
        names = ("import", "outcome", "bulk", "matches")
        return [(name, value) for name in names if (value := self.value(name))]

    @property
    def is_range(self) -> bool:
        """Whether the chosen field is asked for from … to …"""
        return self._kind() in (Field.Kind.NUMBER, Field.Kind.DATE)

    def _kind(self) -> str:
        thing = self.things.get(self.value("field") or "")
        return thing.data["kind"] if thing else ""

    def _fit_value(self) -> None:
        """Widgets for the value that fit the kind of the field."""
        thing, kind = self.things.get(self.value("field") or ""), self._kind()
        if kind == Field.Kind.BOOLEAN:
            self.fields["value"].widget = forms.Select(
                choices=[("", "Yes or no"), ("yes", "Yes"), ("no", "No")]
            )
        elif kind == Field.Kind.CHOICE and thing and thing.data["choices"]:
            choices = [("", "Any value"), *((text, text) for text in thing.data["choices"])]
            self.fields["value"].widget = forms.Select(choices=choices)
        elif self.is_range:
            type_ = "date" if kind == Field.Kind.DATE else "text"
            for name, hint in (("value", "from, or just"), ("to", "to")):
                attrs = {
                    "type": type_,
                    "placeholder": hint,
                    "inputmode": "decimal" if type_ == "text" else None,
                }
                self.fields[name].widget = forms.TextInput({key: text for key, text in attrs.items() if text})
        else:
            hint = "contains…" if kind in ("", Field.Kind.TEXT) else "is…"
            self.fields["value"].widget = forms.TextInput({"placeholder": hint})

    def _reason(self) -> rules.Condition | None:
        state = self.value("state")
        return rules.Condition("mailable", state, "is") if state in Suppression.Reason.values else None

    def _segment(self) -> rules.Condition | None:
        found = self.value("segment")
        return rules.Condition("segment", found.pk, "in") if found else None

    def _import(self) -> rules.Condition | None:
        return self._outcome("import", "in")

    def _bulk(self) -> rules.Condition | None:
        return self._outcome("bulk", "changed")

    def _pattern(self) -> rules.Condition | None:
        if not (text := self.value("matches")):
            return None
        # To ask for parts of addresses is to guess them.
        if not (self.shows_addresses and (pattern := pattern_of(text))):
            self._unread["matches"] = f"“{text}” is no pattern to find people by."
            return None
        side = pattern.replace("*", "")
        return self._read("matches", "@email", "ends" if side.startswith("@") else "begins", side)

    def _outcome(self, name: str, usual: str) -> rules.Condition | None:
        """What a link gives for one of these, and which of its people; nonsense is no link of ours."""
        if not (text := self.value(name)):
            return None
        kind, outcome = rules.KINDS[name], self.value("outcome") or usual
        if not (found := id_of(text)):
            self._unread[f"{name} outcome"] = f"There is no {kind.noun} “{text}”."
        elif outcome not in kind.all_ops():
            self._unread[f"{name} outcome"] = f"No {kind.noun} tells people apart by “{outcome}”."
        else:
            return rules.Condition(name, found, outcome)
        return None

    def _deed(self) -> rules.Condition | None:
        did, _, rest = (self.value("did") or "").partition("-")
        how, _, days = rest.partition("-")
        return rules.Condition("engagement", did, _OPS[how], int(days) if days else None) if did else None

    def _did_in_words(self) -> str:
        chosen = self.value("did")
        return next((label for _, group in DID[1:] for value, label in group if value == chosen), "")

    def _added(self) -> rules.Condition | None:
        since, until = self.value("since"), self.value("until")
        if since and until:
            return self._read("since until", "@added", "within", [since.isoformat(), until.isoformat()])
        if until:
            return self._read("since until", "@added", "before", day_after(until).isoformat())
        # "after" a day leaves that day out.
        return self._read("since until", "@added", "after", day_before(since).isoformat()) if since else None

    def _field(self) -> rules.Condition | None:
        key, value, to = (
            self.value("field"),
            (self.value("value") or "").strip(),
            (self.value("to") or "").strip(),
        )
        if not key:
            return None
        if not (value or (to and self.is_range)):
            # A field alone asks for whoever has a value.
            return None if key.startswith("@") else self._read("field value to", key, "filled", None)
        match self._kind():
            case Field.Kind.BOOLEAN if value not in ("yes", "no"):
                self._unread["field value to"] = f"“{value}” is neither yes nor no."
                return None
            case Field.Kind.BOOLEAN:
                return self._read("field value to", key, value, None)
            case Field.Kind.CHOICE:
                return self._read("field value to", key, "is", [value])
            case Field.Kind.NUMBER:
                return self._read("field value to", key, *_range(value, to, "equals", "at_most", "between"))
            case Field.Kind.DATE:
                if not value:  # up to a day means that day too, as between two days
                    to = _next_day(to)
                return self._read("field value to", key, *_range(value, to, "on", "before", "within"))
        return self._read("field value to", key, "contains", value)

    def _read(self, names: str, key: str, op: str, value: Any) -> rules.Condition | None:
        """By the same rules as a condition of a segment; of what cannot be read, `refusals` tells."""
        told = {"kind": "field", "of": key, "op": op, "value": value}
        try:
            return rules.typed(told)
        except rules.BadRule as error:
            self._unread[names] = error.sentence
            return None

    @cached_property
    def _languages(self) -> Choices:
        return [("", "All languages"), *((code, code) for code in queries.languages(self.workspace))]


def _range(value: str, to: str, exactly: str, most: str, between: str) -> tuple[str, Any]:
    if value and to:
        return between, [value, to]
    return (exactly, value) if value else (most, to)


def _next_day(text: str) -> str:
    try:
        return day_after(date.fromisoformat(text)).isoformat()
    except ValueError:
        return text

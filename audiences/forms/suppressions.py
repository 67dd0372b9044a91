"""Finding suppressions, adding them by hand, lifting them."""

from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from accounts.days import FIRST, HAIR, TOO_EARLY, day_after, is_day, start_of
from accounts.forms import Form
from accounts.models import Connection, Workspace
from accounts.templatetags.ui import day
from audiences.entries import MOST_ENTRIES, Entry, read_entries
from audiences.forms import Filters, choose, connections
from audiences.forms.imports import add_columns, column_rows, mapping_of
from audiences.importing.blocks import TARGETS
from audiences.models import Import, Suppression
from audiences.queries import Wanted
from audiences.queries.suppressions import IN_FORCE, LIFTED

STATES = [(IN_FORCE, "In force"), (LIFTED, "Lifted"), ("all", "In force and lifted")]
KINDS = [("", "Addresses and patterns"), ("addresses", "Addresses"), ("patterns", "Patterns")]
MOST_SHOWN = 20


class SuppressionFilters(Filters):
    q = forms.CharField(label="Address", required=False, max_length=254)
    reason = forms.ChoiceField(
        label="Reason", choices=[("", "All reasons"), *Suppression.Reason.choices], required=False
    )
    account = forms.ModelChoiceField(
        Connection.objects.none(), label="Told by", required=False, empty_label="Told by anybody"
    )
    kind = forms.ChoiceField(label="Addresses or patterns", choices=KINDS, required=False)
    state = forms.ChoiceField(
        label="In force or lifted", choices=[("", "In force"), *STATES[1:]], required=False
    )
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "account", connections(workspace))

    def wanted(self) -> Wanted:
        state = self.value("state") or IN_FORCE
        since, until = self.value("since"), self.value("until")
        zone = timezone.get_current_timezone()
        return Wanted(
            words=self.search,
            reason=self.value("reason") or "",
            connection=self.value("account"),
            kind=self.value("kind") or "",
            state="" if state == "all" else state,
            since=start_of(since, zone) if since else None,
            until=start_of(day_after(until), zone) if until else None,
        )

    def in_words(self) -> dict[str, str]:
        """Names of the filters in use → what the chip says."""
        wanted, since, until = self.wanted(), self.value("since"), self.value("until")
        said = {
            "q": f"“{wanted.words}”" if wanted.words else "",
            "reason": str(dict(Suppression.Reason.choices).get(wanted.reason, "")),
            "account": str(wanted.connection or ""),
            "kind": dict(KINDS)[wanted.kind] if wanted.kind else "",
            "state": dict(STATES).get(self.value("state") or "", ""),
            "since": f"from {day(since)}" if since else "",
            "until": f"to {day(until)}" if until else "",
        }
        said |= self.unfit_in_words()
        return {name: text for name, text in said.items() if text}


class MomentField(forms.DateTimeField):
    """A day and a time, of a yes, as clocks show them in the zone of who looks."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 60}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        if moment is not None and moment.date() < FIRST:
            raise forms.ValidationError(TOO_EARLY)
        if moment is not None and moment > timezone.now():
            raise forms.ValidationError("This is yet to come.")
        # A time was given: it must not be taken for a day. Before it, so that a no of that very moment or day wins.
        return moment - HAIR if moment is not None and is_day(moment) else moment


class EntriesForm(Form):
    """Addresses, domains and patterns, one a line."""

    entries = forms.CharField(
        label="Addresses, domains, patterns",
        max_length=300_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off", "dir": "ltr"}),
        help_text="One a line: ana@example.com · example.com or *@example.com for all of a domain · info@* for all of "
        "a name.",
    )
    reason = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Kept with each block, for whoever asks later.",
        widget=forms.TextInput(attrs={"placeholder": "Competitors, asked by legal on 21 November"}),
    )

    def clean_entries(self) -> list[Entry]:
        entries, problems = read_entries(self.cleaned_data["entries"])
        if len(entries) > MOST_ENTRIES:
            raise forms.ValidationError(
                f"More than {MOST_ENTRIES} at once: import them as a file, which also shows what becomes of each."
            )
        if len(problems) > MOST_SHOWN:
            problems = [*problems[:MOST_SHOWN], f"And {len(problems) - MOST_SHOWN} more lines like these."]
        if problems:
            raise forms.ValidationError(problems)
        if not entries:
            raise forms.ValidationError("Write at least one address, domain or pattern.")
        return entries

    @property
    def digest(self) -> str:
        """By which the preview that was confirmed is known to be of these very entries."""
        said = "\n".join(entry.email for entry in self.cleaned_data["entries"])
        return sha256(said.encode()).hexdigest()


class BlockColumnsForm(Form):
    """What the columns of a file of suppressions hold, and what is so of rows that do not say."""

    reason = forms.ChoiceField(
        label="Reason",
        choices=Suppression.Reason,
        initial=Suppression.Reason.BY_HAND,
    )
    day = forms.DateField(
        label="Day",
        required=False,
        help_text="Empty: today. A consent given after that day stays.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, mine: Import, **kwargs: Any) -> None:
        initial: dict[str, Any] = {
            "reason": mine.reason or Suppression.Reason.BY_HAND,
            "day": mine.consent_at.date() if mine.consent_at else None,
        }
        for index, column in enumerate(mine.mapping):
            initial |= {f"to_{index}": column["to"], f"as_{index}": column["as"]}
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        self.mine = mine
        add_columns(self, mine, list(TARGETS.items()))

    def rows(self) -> list[dict[str, Any]]:
        return column_rows(self, self.mine)

    def has_no_day(self) -> bool:
        """Neither a column nor the one day of all says since when."""
        targets = (self[f"to_{index}"].value() for index in range(len(self.mine.columns)))
        return "at" not in targets and not self["day"].value()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        mapping = mapping_of(data, self.mine)
        # What must be right is refused by the form already; no key is missing then.
        return {"mapping": mapping} | {name: data[name] for name in ("reason", "day") if name in data}


class LiftForm(Form):
    """One person: why, and the consent that makes it right."""

    reason = forms.CharField(
        label="Why it is lifted",
        max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "Asked us by phone to write again"}),
    )
    consent_source = forms.CharField(
        label="Where the consent comes from",
        max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "Form on our website, letter, phone call…"}),
    )
    agreed_at = MomentField(label="When they agreed again", help_text="After the newest block.")
    consent_wording = forms.CharField(
        label="What they agreed to", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    typed = forms.CharField(label="Type the address to go on", max_length=254)

    def __init__(self, *args: Any, complained: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _typed(self, complained)


class LiftPatternForm(Form):
    reason = forms.CharField(label="Why it is lifted", max_length=300)
    # What is needed for the people, and what is said without it.
    NEEDED: ClassVar[dict[str, str]] = {
        "consent_source": "Where did these people agree to be written to?",
        "agreed_at": "When did they agree?",
        "typed": "Type the pattern to show that you mean it.",
    }
    people = forms.BooleanField(
        label="Let the people it caught be written to again too",
        required=False,
        help_text="Then their consent is needed: where it comes from, and when they agreed.",
        widget=forms.CheckboxInput(attrs={"data-needs": " ".join(NEEDED)}),
    )
    consent_source = forms.CharField(
        label="Where their consent comes from", required=False, max_length=300,
        help_text="Kept with each as proof.",
    )  # fmt: skip
    agreed_at = MomentField(label="When they agreed", required=False, help_text="After the newest block.")
    typed = forms.CharField(label="Type the pattern to free the people", required=False, max_length=254)

    def __init__(self, *args: Any, complained: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _typed(self, complained)
        if self["people"].value():
            for name, sentence in self.NEEDED.items():
                if (field := self.fields.get(name)) is not None:
                    field.required = True
                    field.error_messages["required"] = sentence


def _typed(form: Form, complained: bool) -> None:
    """Only a complaint is lifted by typing whose it is."""
    if complained:
        form.fields["typed"].widget.attrs |= {"autocomplete": "off", "dir": "ltr"}
    else:
        del form.fields["typed"]

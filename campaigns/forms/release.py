from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django import forms

from accounts.forms import Form
from campaigns import instants
from campaigns.instants import CannotPlace, check_lead, check_time, instant
from campaigns.models import Campaign

FOLDS = [("", ""), ("0", "The first, in summer time"), ("1", "The second, an hour later")]


def _zone(name: str) -> tuple[str, str]:
    return name, name.replace("_", " ")


class WallTimeField(forms.Field):
    """What a clock on a wall shows: naive on purpose, since the zone is a field of its own."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 60}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        for pattern in ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"):
            try:
                return datetime.strptime(value or "", pattern)  # noqa: DTZ007
            except ValueError:
                continue
        if value:
            raise forms.ValidationError("Write the time like 2026-11-30 09:00.")
        return None


class ReleaseForm(Form):
    """When a reviewed campaign goes. Cleans to what release_campaign() takes: version, people, segments, send_at, zone."""

    mode = forms.ChoiceField(
        label="When",
        choices=[("now", "As soon as possible"), ("later", "At a time")],
        widget=forms.RadioSelect,
    )
    local = WallTimeField(
        label="Date and time", required=False, help_text="As clocks show it in the time zone."
    )
    zone = forms.ChoiceField(label="Time zone")
    fold = forms.TypedChoiceField(
        label="This hour comes twice",
        choices=FOLDS,
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.HiddenInput,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    people = forms.IntegerField(widget=forms.HiddenInput)
    # "id:version" of each segment as it was shown.
    segments = forms.RegexField(
        r"^(?:\d{1,18}:\d{1,9} ?)*$", required=False, max_length=4000, widget=forms.HiddenInput
    )

    def __init__(
        self,
        data: Any = None,
        *,
        campaign: Campaign,
        zones: Sequence[str],
        people: int,
        segments: Mapping[int, int],
    ) -> None:
        """`zones`: the likely ones, first of all the one to begin with; empty names count for nothing."""
        self.connection = campaign.connection
        likely = list(dict.fromkeys(name for name in (*zones, "UTC") if name))
        initial = {
            "mode": "later",
            "zone": likely[0],
            "version": campaign.version,
            "people": people,
            "segments": " ".join(f"{id_}:{version}" for id_, version in segments.items()),
        }
        super().__init__(data, initial=initial)
        cast("forms.ChoiceField", self.fields["zone"]).choices = [
            ("Likely", [_zone(name) for name in likely]),
            ("All", [_zone(name) for name in instants.zones() if name not in likely]),
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        send_at = None
        if values.get("mode") == "later" and "zone" in values and "local" in values:
            if values["local"] is None:
                self.add_error("local", "Choose a date and time, or send as soon as possible.")
            else:
                try:
                    send_at = instant(local=values["local"], zone=values["zone"], fold=values.get("fold"))
                    check_time(send_at)
                    check_lead(send_at, self.connection)
                except CannotPlace as refusal:
                    for name, sentence in refusal.fields.items():
                        self.add_error(name, sentence)
                    if "fold" in refusal.fields:
                        self.fields["fold"].widget = forms.RadioSelect(choices=FOLDS[1:])
        return {
            "send_at": send_at,
            "zone": values.get("zone", "UTC"),
            "version": values.get("version"),
            "people": values.get("people"),
            "segments": {
                int(id_): int(version)
                for id_, version in (pair.split(":") for pair in values.get("segments", "").split())
            },
        }


class SendAgainForm(Form):
    typed_name = forms.CharField(label="Name of the campaign", max_length=200)

from datetime import datetime
from typing import Any

from django import forms

from accounts.forms import Form
from campaigns.instants import CannotPlace, instant, zones
from campaigns.models import Campaign


class ReleaseForm(Form):
    """When a reviewed campaign goes. Cleans to what release_campaign() takes: version, people, send_at, zone."""

    mode = forms.ChoiceField(
        label="When",
        choices=[("now", "As soon as possible"), ("later", "At a time")],
        widget=forms.RadioSelect,
    )
    local = forms.DateTimeField(
        label="Date and time",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 60}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        help_text="As clocks show it in the zone beside.",
    )
    zone = forms.ChoiceField(label="Time zone", choices=[(name, name.replace("_", " ")) for name in zones()])
    fold = forms.TypedChoiceField(
        label="This hour comes twice",
        choices=[("", ""), ("0", "The first, in summer time"), ("1", "The second, an hour later")],
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.HiddenInput,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    people = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, campaign: Campaign, zone: str, people: int, **kwargs: Any) -> None:
        initial = {"mode": "later", "zone": zone, "version": campaign.version, "people": people}
        super().__init__(*args, initial=initial, **kwargs)
        # Naive on purpose: the zone is a field of its own.
        self.fields["local"].to_python = self._naive  # type: ignore[method-assign]

    def _naive(self, value: str) -> datetime | None:
        for pattern in ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"):
            try:
                return datetime.strptime(value, pattern)  # noqa: DTZ007
            except (TypeError, ValueError):
                continue
        if value:
            raise forms.ValidationError("Write the time like 2026-11-30 09:00.")
        return None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        send_at = None
        if values.get("mode") == "later" and "zone" in values and "local" in values:
            if values["local"] is None:
                self.add_error("local", "Choose a date and time, or send as soon as possible.")
            else:
                try:
                    send_at = instant(local=values["local"], zone=values["zone"], fold=values.get("fold"))
                except CannotPlace as refusal:
                    for name, sentence in refusal.fields.items():
                        self.add_error(name, sentence)
                    if "fold" in refusal.fields:
                        self.fields["fold"].widget = forms.RadioSelect(
                            choices=self.fields["fold"].choices[1:]
                        )
        return {
            "send_at": send_at,
            "zone": values.get("zone", "UTC"),
            "version": values.get("version"),
            "people": values.get("people"),
        }


class SendAgainForm(Form):
    typed_name = forms.CharField(label="Name of the campaign", max_length=200)

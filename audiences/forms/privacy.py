"""What somebody types who answers a request about one person's data."""

from django import forms
from django.utils import timezone

from accounts.forms import Form
from audiences.forms import AddressInput


def _address() -> forms.CharField:
    # Not an EmailField: what counts as an address is decided in one place.
    return forms.CharField(label="Address", max_length=320, widget=AddressInput)


class FindForm(Form):
    email = _address()


class EraseForm(Form):
    typed = forms.CharField(label="Their address, once more", max_length=320)


class ReturnForm(Form):
    email = _address()
    source = forms.CharField(
        label="Where the new consent comes from", max_length=300, help_text="Kept as proof."
    )
    agreed_on = forms.DateField(
        label="The day they agreed",
        initial=timezone.localdate,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

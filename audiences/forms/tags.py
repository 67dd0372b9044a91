from django import forms

from accounts.forms import Form
from audiences.forms import Filters
from audiences.services.tags import MOST_LETTERS


class TagFilters(Filters):
    q = forms.CharField(label="Tag", required=False, max_length=MOST_LETTERS)


class TagForm(Form):
    name = forms.CharField(
        label="Tag", max_length=MOST_LETTERS, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

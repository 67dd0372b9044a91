from django import forms

from accounts.forms import Form
from audiences.forms import Filters
from audiences.models import Tag


class TagFilters(Filters):
    q = forms.CharField(label="Tag", required=False, max_length=Tag.MOST_LETTERS)


class TagForm(Form):
    name = forms.CharField(
        label="Tag", max_length=Tag.MOST_LETTERS, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

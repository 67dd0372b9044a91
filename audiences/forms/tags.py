from django import forms

from accounts.forms import Form
from audiences.forms import Filters


class TagFilters(Filters):
    q = forms.CharField(label="Tag", required=False, max_length=60)


class TagForm(Form):
    name = forms.CharField(label="Tag", max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))

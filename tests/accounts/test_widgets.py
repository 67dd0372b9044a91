"""Widgets of our own draw what Django's would."""

import re

from django import forms

from accounts.forms.widgets import QuickSelect

CHOICES = [("", "Any"), (0, "None <b>"), ("7", 'Seven & "more"'), ("Group <i>", [("a", "A"), ("b", "B")])]


def drawn(widget, value):
    class Form(forms.Form):
        of = forms.ChoiceField(choices=CHOICES, widget=widget(attrs={"class": "x<"}), required=False)

    html = str(Form({"of": value})["of"])
    opening = re.match(r"<select([^>]*)>", html)
    assert opening
    rest = re.sub(r">\s+", ">", re.sub(r"\s+<", "<", html[opening.end() :]))
    return sorted(re.findall(r'[\w-]+="[^"]*"', opening[1])), rest


def test_a_quick_select_draws_what_a_select_draws():
    for value in ("", "7", "0", "b", "gone"):
        assert drawn(QuickSelect, value) == drawn(forms.Select, value)

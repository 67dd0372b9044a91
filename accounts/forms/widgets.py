"""Widgets of our own."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.utils.safestring import SafeString, mark_safe


class QuickSelect(forms.Select):
    """The same markup without a template for each option: three hundred of them cost more than a page of people."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = set(self.format_value(value))
        body = "".join(_drawn(self.choices, chosen))
        own = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        return mark_safe(f"<select{own}>{body}</select>")  # noqa: S308 - every text in it is escaped


def _drawn(choices: Iterable[Any], chosen: set[str]) -> Iterable[str]:
    for key, label in choices:
        if isinstance(label, list | tuple):
            yield f'<optgroup label="{escape(str(key))}">{"".join(_drawn(label, chosen))}</optgroup>'
        else:
            text = "" if key is None else str(key)
            mark = " selected" if text in chosen else ""
            yield f'<option value="{escape(text)}"{mark}>{escape(str(label))}</option>'


class NameIterator(ModelChoiceIterator):
    """The choices of a menu by name, in one query: whole rows, through a cursor of the server, cost more than a page.

    The field's `label_from_instance` gets a tuple with `pk`, `name` and the columns named here.
    """

    def __init__(self, field: forms.ModelChoiceField, *, columns: Sequence[str] = ()) -> None:
        super().__init__(field)
        self.columns = ("pk", "name", *columns)

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        for row in self.queryset.values_list(*self.columns, named=True):
            yield row.pk, self.field.label_from_instance(row)

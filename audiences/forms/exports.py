from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django import forms

from accounts.forms import Form
from audiences.exporting.columns import Column
from audiences.models import Export


class ExportForm(Form):
    columns = forms.MultipleChoiceField(label="Columns", widget=forms.CheckboxSelectMultiple, required=False)
    written_as = forms.ChoiceField(
        label="File", choices=Export.Format, initial=Export.Format.CSV, widget=forms.RadioSelect,
        help_text="Cells that a spreadsheet would run as a formula are written as text in both.",
    )  # fmt: skip

    def __init__(
        self, *args: Any, columns: Iterable[Column], chosen: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        columns = list(columns)
        field = self.fields["columns"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        field.choices = [
            (group, [(column.key, column.label) for column in of])
            for group, of in groupby(columns, key=lambda column: column.group)
        ]
        field.initial = list(chosen) or [column.key for column in columns if column.is_ticked]
        if not columns:
            del self.fields["columns"]

    @property
    def groups(self) -> list[tuple[str, list[Any]]]:
        """(heading, check boxes) as the page draws them."""
        boxes = {str(box.data["value"]): box for box in self["columns"]}
        field = self.fields["columns"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        return [(group, [boxes[key] for key, _ in of]) for group, of in field.choices]  # type: ignore[union-attr,misc]

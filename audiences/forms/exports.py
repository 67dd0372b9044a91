from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

from django import forms

from accounts.forms import Form
from audiences.exporting.columns import Column
from audiences.forms import offer
from audiences.models import Export


class ExportForm(Form):
    columns = forms.MultipleChoiceField(label="Columns", widget=forms.CheckboxSelectMultiple, required=False)
    written_as = forms.ChoiceField(
        label="File", choices=Export.Format, initial=Export.Format.CSV, widget=forms.RadioSelect,
        help_text="Cells that a spreadsheet would run as a formula are written as text in both.",
    )  # fmt: skip

    def __init__(
        self, *args: Any, columns: Collection[Column], chosen: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offered = [
            (group, [(column.key, column.label) for column in of])
            for group, of in groupby(columns, key=lambda column: column.group)
        ]
        if not self.offered:
            del self.fields["columns"]
            return
        offer(self, "columns", self.offered)
        ticked = [column.key for column in columns if column.is_ticked]
        self.fields["columns"].initial = list(chosen) or ticked

    @property
    def groups(self) -> list[tuple[str, list[Any]]]:
        """(heading, check boxes) as the page draws them."""
        boxes = {str(box.data["value"]): box for box in self["columns"]}
        return [(group, [boxes[key] for key, _ in of]) for group, of in self.offered]

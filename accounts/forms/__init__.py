"""The base of every form: it cleans input and hands it to one service; refusals come back as form errors."""

from collections.abc import Callable
from typing import Any

from django import forms

from accounts.refusals import CannotDo


class Attempts(forms.BaseForm):
    """`attempt()` calls a service with the clean data; `result` holds its answer."""

    result: Any = None

    def attempt(self, service: Callable[..., Any], **extra: Any) -> bool:
        """Whether the service did it. Its refusal is shown on the form, and nothing typed is lost."""
        try:
            self.result = service(**self.cleaned_data, **extra)
        except CannotDo as refusal:
            for name, sentence in refusal.fields.items():
                self.add_error(name if name in self.fields else None, sentence)
            if not refusal.fields:
                self.add_error(None, refusal.sentence)
            return False
        return True

    @property
    def http_status(self) -> int:
        """422 for what was typed and refused, so that htmx swaps it as an answer."""
        return 422 if self.is_bound and self.errors else 200


class Form(Attempts, forms.Form):
    pass


class DaysForm(Form):
    """With the days `since` and `until`."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and since > until:
            first, last = (self.fields[name].label for name in ("since", "until"))
            sentence = f"“{first}” is after “{last}”: no day is between them."
            self.add_error("until", forms.ValidationError(sentence, code="backwards"))
        return data


class ModelForm(Attempts, forms.ModelForm):
    pass

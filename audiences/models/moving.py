from typing import Any, ClassVar

from django.db import models

from accounts.refusals import CannotMove


class Moving(models.Model):
    """A row of work that goes from state to state, and keeps a note of what stopped it."""

    NOTE_LETTERS: ClassVar[int] = 500
    # What must still be as we read it.
    GUARDS: ClassVar[tuple[str, ...]] = ("state",)
    MOVES: ClassVar[dict[str, frozenset[str]]]
    State: ClassVar[Any]
    state: Any

    class Meta:
        abstract = True

    def move_to(self, new: str, **values: Any) -> None:
        """Change the state, and `values` with it, if the row still has the one we read. Raises CannotMove.

        A note is cut to what is kept of one.
        """
        if "note" in values:
            values["note"] = values["note"][: self.NOTE_LETTERS]
        mine: Any = type(self)._default_manager
        rows = mine.filter(pk=self.pk, **{name: getattr(self, name) for name in self.GUARDS})
        if new not in self.MOVES[self.state] or not rows.update(state=new, **values):
            raise CannotMove(self.State(self.state).label, self.State(new).label)
        for name, value in (values | {"state": new}).items():
            setattr(self, name, value)

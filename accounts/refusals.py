"""Our own no. Each refusal stands beside the function that raises it and holds a sentence fit for a page."""


class CannotDo(Exception):  # noqa: N818 - the sentence reads "cannot do", not "cannot do error"
    """`sentence` says what was refused and what can be done; `fields` maps form fields to their own sentence."""

    def __init__(self, sentence: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = fields or {}


class CannotMove(CannotDo):
    """A row was not in the state the move needs, or someone else moved it first."""

    def __init__(self, old: str, new: str, sentence: str = "") -> None:
        super().__init__(
            sentence or f"This changed while you were looking ({old} → {new}). Look again, then decide."
        )
        self.old = old
        self.new = new

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One thing measured against its limit; `target` is the ratio promised, 0 when there is none."""

    what: str
    value: float
    unit: str
    limit: float
    against: str
    target: float = 0
    # Whether more is better.
    is_rate: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.value / self.limit if self.limit else 0

    def __str__(self) -> str:
        text = f"{self.what}: {self.value:,.1f} {self.unit}"
        if self.limit:
            text += f" = {self.ratio:.2f} × {self.against} ({self.limit:,.1f} {self.unit})"
        if self.target:
            kept = self.ratio >= self.target if self.is_rate else self.ratio <= self.target
            text += (
                f"; promised {'≥' if self.is_rate else '≤'} {self.target:g} × {'✓' if kept else '✗ MISSED'}"
            )
        return text + (f"; {self.note}" if self.note else "")

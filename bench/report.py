from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One thing measured, against a limit in the same run or by itself."""

    what: str
    value: float
    unit: str
    limit: float = 0
    against: str = ""
    # The ratio promised; 0 when there is none.
    target: float = 0
    # What the value itself may be at most, in its unit; 0 when only the ratio counts.
    most: float = 0
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
            text += f"; promised {'≥' if self.is_rate else '≤'} {self.target:g} × {_judged(kept)}"
        if self.most:
            text += f"; promised ≤ {self.most:g} {self.unit} {_judged(self.value <= self.most)}"
        return text + (f"; {self.note}" if self.note else "")


def _judged(kept: bool) -> str:
    return "✓" if kept else "✗ MISSED"


class Memory:
    """What this process held at most, beside what Django alone takes. Linux tells; elsewhere it stays unknown."""

    def __init__(self) -> None:
        self.base = self.peak = _status("VmRSS")

    def __enter__(self) -> "Memory":
        self.forget()
        return self

    def __exit__(self, *_: object) -> None:
        self.peak = _status("VmHWM")

    def forget(self) -> None:
        """Begin anew: what came before is not the product's."""
        reset = Path("/proc/self/clear_refs")
        if reset.exists():
            reset.write_text("5")

    def __str__(self) -> str:
        return f"memory up to {self.peak} MB, {self.peak - self.base} MB above the process at rest"


def _status(name: str) -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(name)), 0)

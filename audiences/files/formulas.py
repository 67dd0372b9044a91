"""Cells that a spreadsheet would work out, and how they are kept text."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """A cell that is only text for every spreadsheet."""
    return f"'{text}" if text.startswith(FORMULA) else text

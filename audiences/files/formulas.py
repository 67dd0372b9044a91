"""Cells that a spreadsheet would work out, and how they are kept text."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """A cell that is only text for every spreadsheet."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """As it was before an export of ours, or of another careful program, kept spreadsheets from running it."""
    return text[1:].strip() if text[:1] == "'" and text[1:2] in FORMULA else text

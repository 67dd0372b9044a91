"""Ids as addresses and forms carry them."""


def id_of(text: str) -> int | None:
    """The id of a row that an address or a form names; None for what no row can have."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    number = int(text)
    return number if 0 < number < 2**63 else None

"""Ids as addresses and forms carry them."""

import pytest

from accounts.ids import id_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("9" * 5000, None), ("0", None), ("", None), ("-1", None),
        (" 7", None), ("٣", None), ("²", None), ("x", None), ("1_0", None),
    ],
)  # fmt: skip
def test_a_text_is_an_id_or_none(text, number):
    assert id_of(text) == number

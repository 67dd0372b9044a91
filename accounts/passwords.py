"""Passwords that lists of breaches hold, known without asking anybody."""

import re
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

_LETTERS = str.maketrans("013457@$!", "oieastasi")
_FEWEST_CHARACTERS = 5


class BreachedPasswordValidator:
    """Refuses a common password in disguise: repeated, with letters as digits, or with a tail of digits and signs.

    The lists of breaches hold few others of twelve characters and more.
    """

    def __init__(self) -> None:
        self.common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        if self._is_known(password.lower().strip()):
            raise ValidationError(
                "This password is a common one with something added, as lists of stolen passwords hold it. "
                "Take a few words that do not belong together.",
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return "Not a common password with digits or signs added."

    def _is_known(self, password: str) -> bool:
        if len(set(password)) < _FEWEST_CHARACTERS:
            return True
        bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password)
        forms = {password, bare, password.translate(_LETTERS), bare.translate(_LETTERS)}
        forms |= {found[1] for form in forms if (found := re.fullmatch(r"(.{3,40}?)\1+", form))}
        return not self.common.isdisjoint(forms)

"""Secrets at rest. Keys come from VAULT_KEYS, newest first; each sealed text carries the place it belongs to."""

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from accounts.refusals import CannotDo


class Locked(CannotDo):
    """The key that sealed a secret is not here, or the secret was moved from its place."""

    def __init__(self) -> None:
        super().__init__(
            "The stored credentials cannot be read: the vault key is missing. "
            "An operator must put the old key back into VAULT_KEYS; nothing is lost until then."
        )


def seal(value: Any, *, place: str) -> str:
    """Encrypt a JSON value for `place` ("connection:<uuid>:credentials"). Raises Locked without any key."""
    text = json.dumps({"place": place, "value": value}, ensure_ascii=False)
    return _fernet(tuple(settings.VAULT_KEYS)).encrypt(text.encode()).decode()


def unseal(token: str, *, place: str) -> Any:
    """Raises Locked when no key opens it or it was sealed for another place."""
    try:
        content = json.loads(_fernet(tuple(settings.VAULT_KEYS)).decrypt(token.encode()))
    except InvalidToken as error:
        raise Locked from error
    if content["place"] != place:
        raise Locked
    return content["value"]


def renew(token: str) -> str:
    """The same secret under the newest key."""
    try:
        return _fernet(tuple(settings.VAULT_KEYS)).rotate(token.encode()).decode()
    except InvalidToken as error:
        raise Locked from error


def is_newest(token: str) -> bool:
    """Whether the newest key alone opens it."""
    if not settings.VAULT_KEYS:
        return False
    try:
        Fernet(settings.VAULT_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise Locked
    return MultiFernet([Fernet(key) for key in keys])

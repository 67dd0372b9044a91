"""The one place that hides secrets and addresses before text is stored, logged or shown."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

HIDDEN = "…"
# Deeper structures than this are not logged on purpose.
DEPTH = 6

# Quantifiers are bounded, so a hostile text costs linear time. `%40` is an @ inside an address of ours.
_EMAIL = re.compile(
    r"([^\s@<>\"'“”(),:;=/?&\[\]\\]{1,64})(@|%40)([^\s@<>\"'“”(),:;=/?&\[\]\\%]{1,253})", re.IGNORECASE
)
_SECRET_NAME = (
    r"api[-_]?key|partner[-_]?key|ma[-_]?key|password|passwd|secret|token"  # noqa: S105 - their names
    r"|authorization|otp|session(?:id)?|cookie"
)
_NAMED = re.compile(
    rf"(?P<name>\b[\w-]{{0,32}}(?:{_SECRET_NAME})[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?)"
    r"(?:Bearer\s+|Basic\s+)?[^\s\"'&,;}]{1,2048}",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,2048}", re.IGNORECASE)
# Keys that are known by their beginning, and the unguessable part of a webhook's address.
_KEY = re.compile(
    r"\b(?:xkeysib|xsmtpsib|pk|sk|ghp|eyJ)[-_][\w.-]{8,2048}|\beyJ[\w-]{10,2048}\.[\w.-]{1,4096}"
)
_HOOK = re.compile(r"(/hooks/)[^/\s\"'?]{1,256}")
# What a provider sends a person back with: a code that is good for tokens.
_CONSENT = re.compile(r"(/connect/back/)(?:\?|%3F)[^\s\"']{1,8192}", re.IGNORECASE)
_SECRET_KEY = re.compile(rf"(?:^|[-_.]|\b)(?:{_SECRET_NAME})(?:$|[-_.]|\b)", re.IGNORECASE)


# What neither the database nor a log line can hold: NUL and other control characters, halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def mask_email(email: str) -> str:
    """ana@example.com → a…@e…: enough to recognise one's own, too little to write to."""
    local, at, domain = email.strip().rpartition("@")
    return f"{local[:1]}{HIDDEN}@{domain[:1]}{HIDDEN}" if at else HIDDEN


def redact(text: str, *, secrets: Iterable[str] = ()) -> str:
    """`text` without keys, tokens, passwords and addresses, fit to be stored. `secrets`: values known to be in use."""
    text = _UNSTORABLE.sub("\ufffd", text)
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    text = _NAMED.sub(rf"\g<name>{HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _KEY.sub(HIDDEN, text)
    text = _HOOK.sub(rf"\1{HIDDEN}", text)
    text = _CONSENT.sub(rf"\1{HIDDEN}", text)
    return _EMAIL.sub(lambda found: mask_email(f"{found[1]}@{found[3]}"), text)


def redact_value(value: Any, *, depth: int = DEPTH) -> Any:
    """The same for a structure: values under a secret's name go whole, texts one by one."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        if not depth:
            return HIDDEN
        return {
            redact(name) if isinstance(name, str) else name: HIDDEN
            if isinstance(name, str) and item and _SECRET_KEY.search(name)
            else redact_value(item, depth=depth - 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, depth=depth - 1) for item in value] if depth else HIDDEN
    if isinstance(value, BaseException):
        return redact(repr(value))
    return value


def redact_processor(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog: stands after the exception is rendered and before the line is written."""
    for name, value in event.items():
        if name == "exc_info":
            continue
        event[name] = HIDDEN if value and _SECRET_KEY.search(name) else redact_value(value)
    return event

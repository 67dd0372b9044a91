"""The tokens: real JWTs, signed with a key of ours, so that they name their account and outlive a restart."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

LIFETIME = 3600  # seconds of sandbox time; the provider publishes none
KEY = b"leadfox sandbox"


def issue(account: str, client_id: str, now: float) -> str:
    claims = {"account": account, "clientid": client_id, "iat": int(now), "exp": int(now) + LIFETIME}
    signed = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(claims)}"
    return f"{signed}.{_signature(signed)}"


def claims_of(token: str) -> dict[str, Any] | None:
    """What a token of ours says, whether it has expired or not; None for any other."""
    signed, _, signature = token.rpartition(".")
    if not signature.isascii() or not hmac.compare_digest(signature, _signature(signed)):
        return None
    claims: dict[str, Any] = json.loads(_unpack(signed.split(".")[1]))
    return claims


def _signature(signed: str) -> str:
    return _encode(hmac.digest(KEY, signed.encode(), "sha256"))


def _pack(value: Any) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

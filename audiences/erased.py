"""Who was erased, known again by a keyed hash of the address and by nothing else.

The key is the workspace's own (`Workspace.hash_key`), so that hashes of two workspaces tell nothing of each other, and
whoever has the database alone cannot try addresses.
"""

import hmac
import json
import re
from collections.abc import Container, Iterable
from contextlib import suppress
from urllib.parse import quote

import idna

from accounts.models import Workspace
from audiences.addresses import NotAnAddress, normalise
from audiences.models import Erasure
from audiences.sql import like

# What stands for an erased address in texts that stay.
GONE = "…"
# What is wrong with a row of a file, or a person of an account, that is not taken over for this.
PROBLEM = "erased"
SENTENCE = "Erased at their request"
# To whoever types one of them in.
REFUSAL = (
    f"{SENTENCE}, so nothing was kept. If they came back themselves since, an approver records their new "
    "consent on the page Privacy; then they can be added again."
)


_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"'“”]{1,64}@[^\s@<>()\[\],;:\"'“”]{1,253}(?<!\.)")
# Letters that may stand in an address, and more often stand beside one.
_UNUSUAL = re.compile(r"[^\w.@+-]|(?<!\w)\.")


class Erased(Container[str]):
    """The erasures of a workspace that hold: read once for many addresses, which cost nothing where there are none.

    False where there are none. Raises vault.Locked without the vault's key: then nobody can be told apart.
    """

    def __init__(self, workspace: Workspace) -> None:
        found = Erasure.objects.filter(workspace=workspace, lifted_at=None)
        self._digests = frozenset(found.values_list("digest", flat=True))
        self._key = workspace.hash_key() if self._digests else b""

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __contains__(self, email: object) -> bool:
        """Of an address in its normal form."""
        return bool(self._digests) and _hmac(self._key, str(email)) in self._digests

    def among(self, emails: Iterable[str]) -> set[str]:
        return {email for email in emails if email in self} if self._digests else set()

    def without(self, text: str) -> str:
        """A text that somebody typed, a name of a list perhaps, with a mark where such an address stands in it."""
        return _ADDRESS.sub(lambda found: GONE if self._is_of(found[0]) else found[0], text) if self else text

    def is_in(self, text: str) -> bool:
        """Whether such an address stands anywhere in a text, between whatever letters."""
        if not self or "@" not in text:
            return False
        return any(self.without(one) != one for one in (text, _UNUSUAL.sub(" ", text))) or any(
            self._is_of(word.strip("<>()[],;:\"'")) for word in text.split()
        )

    def _is_of(self, word: str) -> bool:
        with suppress(NotAnAddress):
            return normalise(word) in self
        return False

    def mark(self, email: str) -> str:
        """What tells two of them apart without saying who they are."""
        return _hmac(self._key, email)[:32]


def digest_of(workspace: Workspace, email: str) -> str:
    """As `Erasure.digest` holds it."""
    return _hmac(workspace.hash_key(), email)


def pattern(email: str) -> str:
    """A regular expression of PostgreSQL that finds the address in any text, but not as the end of another one.

    What stands before it may be a letter of an escape: `%3a` in addresses of pages, `\\n` in JSON.
    """
    texts = "|".join(re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text) for text in spellings(email))
    before = r"(?:(?<![a-z0-9._+-])|(?<=%[0-9a-f][0-9a-f])|(?<=\\[nrt]))"
    return rf"{before}(?:{texts})(?![a-z0-9-]|\.[a-z0-9])"


def likes(email: str) -> list[str]:
    """Patterns of LIKE, many times quicker than that, for texts in small letters; they find the end of others' as well."""
    return [f"%{like(text)}%" for text in spellings(email)]


def spellings(email: str) -> list[str]:
    """How an address in its normal form stands in addresses of pages, in form bodies and in JSON; in small letters."""
    found = [email, quote(email, safe="").lower(), email.replace("/", "\\/")]
    local, _, domain = email.rpartition("@")
    if "xn--" in domain:
        whole = f"{local}@{idna.decode(domain)}"
        # As it stands, as JSON may write it, and as bytes read one by one.
        by_byte = whole.encode().decode("latin-1")
        found += [whole, json.dumps(whole)[1:-1].lower(), by_byte, by_byte.lower()]
    return list(dict.fromkeys(found))


def _hmac(key: bytes, email: str) -> str:
    return hmac.digest(key, email.encode(), "sha256").hex()

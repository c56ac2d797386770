"""Secrets of others in the store: closed with the secret of the links, each kind by its own key."""

import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


class Seal:
    """Closes bytes for one purpose; what retired secrets closed is still opened."""

    def __init__(self, purpose: bytes, secret: str, retired: Sequence[str] = ()) -> None:
        self._boxes = [
            SecretBox(hmac.digest(known.encode(), purpose, hashlib.sha256))
            for known in (secret, *retired)
        ]

    def close(self, content: bytes) -> bytes:
        """Return bytes as only the secret's owner reads them."""
        return bytes(self._boxes[0].encrypt(content))

    def open(self, sealed: bytes) -> bytes | None:
        """Return what was closed, None where another secret closed it."""
        for box in self._boxes:
            with suppress(CryptoError):
                return box.decrypt(sealed)
        return None

"""The operator's password, of which the settings hold a hash (scrypt, RFC 7914)."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import scrypt

from mailtrack.settings.types import PASSWORD_HASH

#: What OWASP's cheat sheet on password storage asks for: 32 MiB, and a third of a second.
_N, _R, _P = 2**15, 8, 3
_SALT_BYTES = 16
#: Letters that a password has at least: guesses are slowed down, and not all can be.
SHORTEST = 12
#: A hash that costs more memory (bytes) is none of ours.
_MOST_MEMORY = 2**28


def hash_password(password: str, salt: bytes | None = None, n: int = _N) -> str:
    """Return what the settings may hold of a password; `n` is the cost, a power of two."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    key = scrypt(password.encode(), salt=salt, n=n, r=_R, p=_P, maxmem=_MOST_MEMORY, dklen=32)
    return f"scrypt:{n}:{_R}:{_P}:{_written(salt)}:{_written(key)}"


def is_password(password: str, kept: str) -> bool:
    """Return True if a hash is that of a password; takes as long where it is not."""
    parts = PASSWORD_HASH.fullmatch(kept)
    if parts is None:
        return False
    n, r, p = (int(number) for number in parts.groups()[:3])
    salt, key = (urlsafe_b64decode(f"{text}==") for text in parts.groups()[3:])
    try:
        found = scrypt(
            password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=len(key)
        )
    except ValueError:  # a cost that nobody can pay
        return False
    return hmac.compare_digest(found, key)


def _written(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")

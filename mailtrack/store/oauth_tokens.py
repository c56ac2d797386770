"""The tokens of the one sign-in, sealed with the secret of the links: one row, or none.

Processes on several hosts share them. A provider may take each refresh token once only, and
end the sign-in where one comes twice (RFC 9700, 4.14.2): so whoever fetches new tokens claims
the row before, and each change names the row that it was made from (compare and swap).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from mailtrack.errors import AuthError
from mailtrack.store.schema import oauth_token
from mailtrack.store.seal import Seal

#: Keeps this key apart from everything else that the secret of the links does.
_PURPOSE = b"mailtrack.oauth_token"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave: the access token is shown to servers, the refresh token to it."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedTokens:
    """The row; `fresh_until` is when to fetch new tokens, by the clock that all hosts share."""

    provider: str
    sealed: bytes = field(repr=False)
    fresh_until: datetime


class TokenSeal:
    """Closes tokens with the secret of the links; what retired ones closed is still opened."""

    def __init__(self, secret: str, retired: Sequence[str] = ()) -> None:
        self._seal = Seal(_PURPOSE, secret, retired)

    def close(self, tokens: Tokens) -> bytes:
        """Return the tokens as only the secret's owner reads them."""
        return self._seal.close(json.dumps(asdict(tokens)).encode())

    def open(self, sealed: bytes) -> Tokens:
        """Return the tokens; raises AuthError where another secret closed them."""
        opened = self._seal.open(sealed)
        if opened is not None:
            return Tokens(**json.loads(opened))
        raise AuthError(
            "The sign-in was kept with another MAILTRACK_LINKS__SECRET: put that one into "
            "MAILTRACK_LINKS__RETIRED, or sign in anew by `mailtrack login`."
        )


def sign_in(connection: Connection, row: SealedTokens) -> None:
    """Keep the tokens of a new sign-in, in the place of any other."""
    connection.execute(delete(oauth_token))
    connection.execute(insert(oauth_token).values(**asdict(row)))


def find(connection: Connection) -> SealedTokens | None:
    """Return the tokens that are kept, None where nobody has signed in."""
    columns = oauth_token.c.provider, oauth_token.c.sealed, oauth_token.c.fresh_until
    row = connection.execute(select(*columns)).one_or_none()
    return SealedTokens(*row) if row else None


def claim(connection: Connection, row: SealedTokens, now: datetime, until: datetime) -> bool:
    """Return True if it is ours to fetch new tokens in the place of these, until a time.

    A claim that reaches far beyond ours was made by a clock that was ahead: it is free. One
    that reaches a little further was made while we looked.
    """
    claimed = oauth_token.c.claimed_until
    free = or_(claimed.is_(None), claimed <= now, claimed > until + (until - now))
    wanted = update(oauth_token).where(oauth_token.c.sealed == row.sealed, free)
    return connection.execute(wanted.values(claimed_until=until)).rowcount == 1


def release(connection: Connection, row: SealedTokens) -> None:
    """Let another one try to fetch new tokens."""
    mine = update(oauth_token).where(oauth_token.c.sealed == row.sealed)
    connection.execute(mine.values(claimed_until=None))


def replace(connection: Connection, row: SealedTokens, newer: SealedTokens) -> None:
    """Put newer tokens in the place of those that they were fetched with, and of no others."""
    same = update(oauth_token).where(oauth_token.c.sealed == row.sealed)
    connection.execute(same.values(**asdict(newer), claimed_until=None))

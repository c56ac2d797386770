"""Access tokens for mailbox and relay, shared by all processes through the store.

A token is fetched when somebody needs one and the kept one is near its end; the provider's
newer refresh token takes the former's place in the same moment.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailtrack.errors import AuthError, MailtrackError, TransientError
from mailtrack.oauth.endpoint import Grant, RefusedGrantError, TokenEndpoint
from mailtrack.store import leases, oauth_tokens
from mailtrack.store.engine import Store
from mailtrack.store.oauth_tokens import SealedTokens, Tokens, TokenSeal

#: Seconds before its end at which a token is no longer used, or half its life if that is less:
#: one that ends while a mail goes out costs a connection.
MARGIN_S = 300.0
#: Seconds that fetching new ones may take, far more than any answer of the provider's.
CLAIM_S = 60.0
#: Seconds between two looks at what another process fetches, and how many looks.
WAIT_S, MOST_LOOKS = 0.2, 150
#: How often new ones are written to a store that is away.
MOST_WRITES = 50


@dataclass(frozen=True)
class AccessTokens:
    """What logs us in: call it for a token that is good now."""

    store: Store
    seal: TokenSeal
    #: Speaks to a provider, by its name.
    endpoint: Callable[[str], TokenEndpoint]
    pause: Callable[[float], None] = time.sleep

    def keep(self, provider: str, grant: Grant) -> None:
        """Keep what a sign-in brought, in the place of any former one."""
        with self.store.write() as connection:
            row = self._sealed(provider, grant, leases.time_of(connection))
            oauth_tokens.sign_in(connection, row)

    def __call__(self, refused: str = "") -> str:
        """Return an access token; `refused`: one that a server does not take any more.

        1. What is kept and fresh will do.
        2. Else the first to claim it fetches another one; the others wait for that.

        Raises AuthError where nobody has signed in or the provider refuses, TransientError
        where it does not answer.
        """
        for _ in range(MOST_LOOKS):
            with self.store.write() as connection:
                now = leases.time_of(connection)
                row = self._signed_in(oauth_tokens.find(connection))
                tokens = self.seal.open(row.sealed)
                # 1.
                if now < row.fresh_until and tokens.access != refused:
                    return tokens.access
                # 2.
                until = now + timedelta(seconds=CLAIM_S)
                ours = oauth_tokens.claim(connection, row, now, until)
            if ours:
                return self._renewed(row, tokens)
            self.pause(WAIT_S)
        raise TransientError("Another process has not brought a new access token yet.")

    def _renewed(self, row: SealedTokens, tokens: Tokens) -> str:
        """Fetch new tokens in the place of those in a row that is claimed, and keep them.

        A refresh token that was refused because another one has come meanwhile (our claim had
        lapsed, somebody signed in) is no trouble: the newer ones are used.
        """
        try:
            grant = self.endpoint(row.provider).refresh(tokens.refresh)
        except MailtrackError as error:
            with self.store.write() as connection:
                oauth_tokens.release(connection, row)
                newer = self._signed_in(oauth_tokens.find(connection))
            if isinstance(error, RefusedGrantError) and newer.sealed != row.sealed:
                return self.seal.open(newer.sealed).access
            raise
        self._put(row, replace(grant, refresh_token=grant.refresh_token or tokens.refresh))
        return grant.access_token

    def _put(self, row: SealedTokens, grant: Grant) -> None:
        """Put newer tokens in the place of a row, also where the store is away for a moment.

        The provider may have given them in exchange: without them the sign-in is lost.
        """
        for attempt in range(1, MOST_WRITES + 1):
            try:
                with self.store.write() as connection:
                    now = leases.time_of(connection)
                    oauth_tokens.replace(connection, row, self._sealed(row.provider, grant, now))
            except TransientError:
                if attempt == MOST_WRITES:
                    raise
                self.pause(WAIT_S)
            else:
                return

    def _sealed(self, provider: str, grant: Grant, now: datetime) -> SealedTokens:
        """Return what a provider gave as it is kept."""
        fresh_s = max(grant.lives_s - MARGIN_S, grant.lives_s / 2)
        tokens = Tokens(grant.access_token, grant.refresh_token)
        return SealedTokens(provider, self.seal.close(tokens), now + timedelta(seconds=fresh_s))

    @staticmethod
    def _signed_in(row: SealedTokens | None) -> SealedTokens:
        if row is None:
            raise AuthError(
                "Nobody has signed in to the mailbox yet: run `mailtrack login google` or "
                "`mailtrack login microsoft`."
            )
        return row

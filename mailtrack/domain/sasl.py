"""How an access token is shown to a mail server, over IMAP and SMTP alike (SASL, RFC 4422).

XOAUTH2 is Google's and Microsoft's own form; OAUTHBEARER is the standard (RFC 7628). A server
that refuses a token says why first, and says no only when the client has answered that.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

#: Returns a token that is good now; it is given one that a server does not take any more.
AccessToken = Callable[[str], str]

#: XOAUTH2 first: where both are offered, it is what every provider documents. Each with the
#: answer to the server's reasons, after which it refuses (RFC 7628, 3.2.3).
_MECHANISMS = {"XOAUTH2": "", "OAUTHBEARER": "\x01"}


@dataclass(frozen=True, slots=True)
class BearerMechanism:
    """One of the two ways, with what the client says in it; responses are not yet in base64."""

    name: str
    farewell: str

    @classmethod
    def among(cls, offered: Iterable[str]) -> Self | None:
        """Return the first of our ways that a server offers, None where it offers none.

        >>> BearerMechanism.among(["PLAIN", "OAUTHBEARER"]).name
        'OAUTHBEARER'
        """
        known = {name.upper() for name in offered}
        return next((cls(*found) for found in _MECHANISMS.items() if found[0] in known), None)

    def first_response(self, user: str, token: str, host: str, port: int) -> str:
        """Return what shows the token of a user."""
        if self.name == "XOAUTH2":
            return f"user={user}\x01auth=Bearer {token}\x01\x01"
        escaped = user.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={escaped},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"

"""Addresses that carry a signed key: `colis+<token>@…` (RFC 5233 calls it detail).

A personal address speaks for a subscriber: a rule in their mailbox can forward to it, where
no header proves whose mailbox a mail came through. A bounce address names a notice: reports
of its failed delivery come back to it, whatever they say of the mail itself (VERP).

A token is a keyed hash and what it signs, in lower case, because some servers fold the case
of addresses. A personal one signs the subscriber's random key. A bounce address names the
notice by its number, which would come to mean another one after a restore: its hash holds the
key of the subscriber besides, so that only the store can tell whether it is right.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailtrack.domain.model import NoticeId, RowKey
from mailtrack.parsers.message import Message

#: Characters of the keyed hash: 60 bits, guessed at one mail a try.
HASH_LENGTH = 12
_TOKEN = re.compile(rf"([a-z2-7]{{{HASH_LENGTH}}})([a-z0-9]{{1,16}})")

#: Where receiving servers note the address that a mail was really sent to, before the
#: headers that its author wrote.
_RECIPIENT_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "x-forwarded-to")


class SignedAddresses:
    """Makes and recognises the addresses of one purpose; retired secrets stay valid.

    `mark` is what such a token begins with.
    """

    purpose = ""
    mark = ""

    def __init__(self, forward_to: str, secret: str, retired: Sequence[str] = ()) -> None:
        self._mailbox, _, self._domain = forward_to.lower().partition("@")
        self._secrets = (secret, *retired)

    def _make(self, name: str, signed: str) -> str:
        token = self._hash(signed, self._secrets[0]) + name
        return f"{self._mailbox}+{self.mark}{token}@{self._domain}"

    def _found(self, message: Message) -> Iterator[tuple[str, str]]:
        """Yield hash and name of each address of ours that a mail was sent to."""
        noted = (address for header in _RECIPIENT_HEADERS for address in message.all(header))
        written = (person.address for person in (*message.to, *message.cc))
        for address in (*noted, *written):
            mailbox, _, domain = address.lower().strip("<> ").partition("@")
            name, _, detail = mailbox.partition("+")
            token = _TOKEN.fullmatch(detail.removeprefix(self.mark))
            ours = (name, domain) == (self._mailbox, self._domain)
            if ours and token and detail.startswith(self.mark):
                yield token[1], token[2]

    def _signs(self, found: str, signed: str) -> bool:
        """Return True if a hash is ours of what it is to sign."""
        hashes = (self._hash(signed, secret) for secret in self._secrets)
        return any(hmac.compare_digest(found, expected) for expected in hashes)

    def _hash(self, signed: str, secret: str) -> str:
        digest = hmac.digest(secret.encode(), f"{self.purpose}:{signed}".encode(), hashlib.sha256)
        return base64.b32encode(digest).decode("ascii").lower()[:HASH_LENGTH]


class PersonalAddresses(SignedAddresses):
    """One address for each subscriber."""

    purpose = "forward"

    def of(self, reader: RowKey) -> str:
        """Return the address that forwards in a subscriber's name.

        >>> PersonalAddresses("colis@example.org", "secret").of(RowKey("k7x2"))
        'colis+zu67xqntozyhk7x2@example.org'
        """
        return self._make(reader, reader)

    def owner(self, message: Message) -> RowKey | None:
        """Return the key of whose personal address a mail was sent to, if to any."""
        signed = (RowKey(name) for found, name in self._found(message) if self._signs(found, name))
        return next(signed, None)


@dataclass(frozen=True, slots=True)
class ReturnedTo:
    """The bounce address that a mail came to: which notice it names, and what is to prove it."""

    notice: NoticeId
    proof: str


class BounceAddresses(SignedAddresses):
    """One address for each notice; no subscriber's token has the mark."""

    purpose = "bounce"
    mark = "b-"

    def of(self, notice: NoticeId, reader: RowKey) -> str:
        """Return the address that a notice to a reader, if undeliverable, comes back to."""
        return self._make(str(notice), f"{notice}:{reader}")

    def returned(self, message: Message) -> ReturnedTo | None:
        """Return the bounce address that a mail was sent to, if to any; nothing is proven yet."""
        numbered = (
            ReturnedTo(NoticeId(int(name)), found)
            for found, name in self._found(message)
            if name.isdigit() and len(name) < _HIGHEST
        )
        return next(numbered, None)

    def proves(self, returned: ReturnedTo, reader: RowKey) -> bool:
        """Return True if a mail to `reader` had this address, so that it did come back."""
        return self._signs(returned.proof, f"{returned.notice}:{reader}")


#: Digits of a row's number, below what a database takes.
_HIGHEST = 10

"""Addresses that carry a signed number: `colis+<token>@…` (RFC 5233 calls it detail).

A personal address speaks for a subscriber: a rule in their mailbox can forward to it, where
no header proves whose mailbox a mail came through. A bounce address names a notice: reports
of its failed delivery come back to it, whatever they say of the mail itself (VERP).

The token holds the number and a keyed hash of it; it is written in lower case, because some
servers fold the case of addresses.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence

from mailtrack.domain.model import NoticeId, SubscriberId
from mailtrack.parsers.message import Message

#: Characters of the keyed hash: 60 bits, guessed at one mail a try.
HASH_LENGTH = 12
#: Bytes that give at least as many characters without padding.
_HASHED = 10
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

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

    def _make(self, number: int) -> str:
        token = self._token(number, self._secrets[0])
        return f"{self._mailbox}+{self.mark}{token}@{self._domain}"

    def _find(self, message: Message) -> int | None:
        """Return the number in the address that a mail was sent to, if there is any."""
        found = (self._read(address) for address in _recipients(message))
        return next((number for number in found if number is not None), None)

    def _read(self, address: str) -> int | None:
        mailbox, _, domain = address.lower().strip("<> ").partition("@")
        name, _, detail = mailbox.partition("+")
        if (name, domain) != (self._mailbox, self._domain) or not detail.startswith(self.mark):
            return None
        token = detail.removeprefix(self.mark)
        digits = token[HASH_LENGTH:]
        if not (digits.isascii() and digits.isalnum()) or len(digits) > HASH_LENGTH:
            return None
        number = int(digits, 36)
        known = (self._token(number, secret) for secret in self._secrets)
        right = any(hmac.compare_digest(token, expected) for expected in known)
        return number if right else None

    def _token(self, number: int, secret: str) -> str:
        digits = "".join(_base36(number))
        digest = hmac.digest(secret.encode(), f"{self.purpose}:{digits}".encode(), hashlib.sha256)
        return base64.b32encode(digest[:_HASHED]).decode("ascii").lower()[:HASH_LENGTH] + digits


class PersonalAddresses(SignedAddresses):
    """One address for each subscriber."""

    purpose = "forward"

    def of(self, subscriber: SubscriberId) -> str:
        """Return the address that forwards in a subscriber's name."""
        return self._make(subscriber)

    def owner(self, message: Message) -> SubscriberId | None:
        """Return whose personal address a mail was sent to, if to any."""
        found = self._find(message)
        return None if found is None else SubscriberId(found)


class BounceAddresses(SignedAddresses):
    """One address for each notice; no subscriber's token has the mark."""

    purpose = "bounce"
    mark = "b-"

    def of(self, notice: NoticeId) -> str:
        """Return the address that a notice which cannot be delivered comes back to."""
        return self._make(notice)

    def notice(self, message: Message) -> NoticeId | None:
        """Return the notice whose bounce address a mail was sent to, if to any."""
        found = self._find(message)
        return None if found is None else NoticeId(found)


def _recipients(message: Message) -> Iterator[str]:
    for header in _RECIPIENT_HEADERS:
        yield from message.all(header)
    yield from (person.address for person in (*message.to, *message.cc))


def _base36(number: int) -> Iterable[str]:
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return reversed(digits or ["0"])

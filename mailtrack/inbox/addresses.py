"""Personal forwarding addresses: `colis+<token>@…`, one for each subscriber.

Who knows the address speaks for the subscriber: a rule in their mailbox can forward to
it, where no header proves whose mailbox a mail came through. The token holds the
subscriber's number and a keyed hash of it (RFC 5233 calls the part after "+" detail);
it is written in lower case, because some servers fold the case of addresses.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence

from mailtrack.domain.model import SubscriberId
from mailtrack.parsers.message import Message

#: Characters of the keyed hash: 60 bits, guessed at one mail a try.
HASH_LENGTH = 12
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

#: Where receiving servers note the address that a mail was really sent to, before the
#: headers that its author wrote.
_RECIPIENT_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "x-forwarded-to")


class PersonalAddresses:
    """Makes and recognises personal addresses; retired secrets stay valid."""

    def __init__(self, forward_to: str, secret: str, retired: Sequence[str] = ()) -> None:
        self._mailbox, _, self._domain = forward_to.lower().partition("@")
        self._secrets = (secret, *retired)

    def of(self, subscriber: SubscriberId) -> str:
        """Return the address that forwards in a subscriber's name."""
        token = _token(subscriber, self._secrets[0])
        return f"{self._mailbox}+{token}@{self._domain}"

    def owner(self, message: Message) -> SubscriberId | None:
        """Return whose personal address a mail was sent to, if to any."""
        found = (self._read(address) for address in _recipients(message))
        return next((owner for owner in found if owner is not None), None)

    def _read(self, address: str) -> SubscriberId | None:
        mailbox, _, domain = address.lower().strip("<> ").partition("@")
        name, _, token = mailbox.partition("+")
        if (name, domain) != (self._mailbox, self._domain):
            return None
        number = token[HASH_LENGTH:]
        if not (number.isascii() and number.isalnum()) or len(number) > HASH_LENGTH:
            return None
        subscriber = SubscriberId(int(number, 36))
        known = (_token(subscriber, secret) for secret in self._secrets)
        right = any(hmac.compare_digest(token, expected) for expected in known)
        return subscriber if right else None


def _recipients(message: Message) -> Iterator[str]:
    for header in _RECIPIENT_HEADERS:
        yield from message.all(header)
    yield from (person.address for person in (*message.to, *message.cc))


def _token(subscriber: SubscriberId, secret: str) -> str:
    number = "".join(_base36(subscriber))
    digest = hmac.digest(secret.encode(), f"forward:{number}".encode(), hashlib.sha256)
    return base64.b32encode(digest).decode("ascii").lower()[:HASH_LENGTH] + number


def _base36(number: int) -> Iterable[str]:
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return reversed(digits or ["0"])

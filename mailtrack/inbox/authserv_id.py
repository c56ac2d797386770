"""By which name the receiving server signs its results (RFC 8601), as a folder's mails show it.

Only a suggestion: the operator knows whose server it is. A name counts in a mail where it
would prove something, so what senders write in a name of their own is none of it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailtrack.domain.hosts import lies_in, organisation
from mailtrack.inbox.authentication import MICROSOFT, findings
from mailtrack.parsers.message import Message

#: Names that stand for many machines', or for several of one server's own.
_KNOWN = ("mx.google.com", MICROSOFT, "yahoo.com", "dmarc.icloud.com", "mail.ovh.net")
_METHODS = frozenset({"dkim", "dmarc", "spf"})

# A version may follow the name, or the number of a job; an equals sign makes it a result.
_NAME = re.compile(r'\s*"?([\w-]+(?:\.[\w-]+)+)[^;=]*;', re.ASCII)
_BY = re.compile(r"\bby\s+([\w.-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AuthservId:
    """A name, and whether its results stand below the server's own `Received` line."""

    name: str
    below: bool = False

    def signs(self, message: Message) -> bool:
        """Return True if results in this name tell of a mail that came from elsewhere."""
        came = any(name == "received" for name, _ in message.headers)
        found = findings(message, self.name, below=self.below)
        return came and any(one.method in _METHODS for one in found)


def suggest(messages: Sequence[Message]) -> AuthservId | None:
    """Return the name that signs most of these mails, None where none signs any.

    Of several that sign as many, one that we know is taken, one above the server's line, and
    the longest: that of a whole domain counts where its machines have names of their own.
    """
    found = Counter(
        candidate
        for message in messages
        for candidate in {*_candidates(message)}
        if candidate.signs(message)
    )
    return max(
        found,
        key=lambda one: (found[one], one.name in _KNOWN, not one.below, len(one.name)),
        default=None,
    )


def _candidates(message: Message) -> Iterator[AuthservId]:
    """Yield the names that may be our server's; below a line, those of the server in it."""
    yield from map(AuthservId, _KNOWN)
    line = ""
    for name, value in message.headers:
        if name == "received":
            line = value
        elif name == "authentication-results" and (written := _NAME.match(value)):
            signer, by = written[1].lower(), _BY.search(line)
            domain = organisation(signer) or signer
            yield from (AuthservId(signer), AuthservId(domain))
            if by and lies_in(by[1].lower(), [domain]):
                yield AuthservId(signer, below=True)

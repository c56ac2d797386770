"""What IMAP servers and their libraries mean by an error, in the four branches of ours."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

from imapclient.exceptions import (
    CapabilityError,
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
)

from mailtrack.domain.certificates import MAKE_ANEW, breaks_rules
from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, TransientError

#: Response codes that promise better times (RFC 5530; the last two are Gmail's).
PASSING_CODES = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "THROTTLED", "OVERQUOTA")
#: The same from servers that send no code: Gmail's connection limit, Exchange when chatted at.
PASSING_PHRASES = (
    "too many simultaneous connections",
    "authenticated but not connected",
    "server unavailable",
    "temporar",
    "try again",
    "throttled",
)
_PASSING = re.compile(
    rf"\[(?:{'|'.join(PASSING_CODES)})\b|{'|'.join(PASSING_PHRASES)}", re.IGNORECASE
)

#: How imaplib shows what the server said.
_BYTES = re.compile(r"""\[?b(['"])(.*?)\1\]?""")

#: imaplib and IMAPClient meet garbage with whatever their parsers stumble over.
GARBAGE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    RecursionError,
)


class LostConnectionError(TransientError):
    """Raised when the connection is gone or out of step, whoever broke it."""


#: The first line that fits decides; a refusal (NO, BAD) is none of these.
_BRANCHES: tuple[tuple[type[Exception], type[MailtrackError], str], ...] = (
    (
        ssl.SSLCertVerificationError,
        AuthError,
        "check MAILTRACK_INBOX__HOST, or name its authority in MAILTRACK_INBOX__CA_FILE",
    ),
    (
        ssl.SSLError,
        TransientError,
        "check MAILTRACK_INBOX__PORT and MAILTRACK_INBOX__SECURITY",
    ),
    (socket.gaierror, TransientError, "check MAILTRACK_INBOX__HOST and the network"),
    (CapabilityError, ConfigurationError, "check MAILTRACK_INBOX__SECURITY"),
    (IMAPClientReadOnlyError, ConfigurationError, "unset MAILTRACK_INBOX__MOVE_TO"),
    (IMAPClientAbortError, LostConnectionError, "trying again later"),
    (OSError, LostConnectionError, "trying again later"),
)


@dataclass(frozen=True, slots=True)
class ServerErrors:
    """Turns the errors of one server into ours; `where` names it, `secret` is never shown."""

    where: str
    secret: str = field(default="", repr=False)

    def keeping(self, secret: str) -> Self:
        """Return the same for another secret."""
        return replace(self, secret=secret)

    @contextmanager
    def during(
        self,
        doing: str,
        refusal: type[MailtrackError] = TransientError,
        advice: str = "trying again later",
    ) -> Iterator[None]:
        """Map what goes wrong inside; a NO or BAD of the server becomes `refusal`."""
        try:
            yield
        except (OSError, IMAPClientError, *GARBAGE) as error:
            branch, what_to_do = _branch(error, refusal, advice)
            # In one line; imaplib wraps the server's words in b'…'.
            said = getattr(error, "verify_message", "") or getattr(error, "strerror", "")
            text = said or str(error)
            if self.secret:
                text = text.replace(self.secret, "…")
            text = _BYTES.sub(r"\2", " ".join(text.split()))
            reason = text[:200].rstrip(".") or type(error).__name__
            raise branch(f"{self.where}: {doing} failed: {reason}; {what_to_do}.") from error


def _branch(
    error: Exception, refusal: type[MailtrackError], advice: str
) -> tuple[type[MailtrackError], str]:
    # IMAPClient's LoginError hides a connection that was lost.
    hidden = error.__context__
    cause = hidden if isinstance(hidden, IMAPClientAbortError) else error
    if isinstance(cause, ssl.SSLCertVerificationError) and breaks_rules(cause.verify_code):
        return AuthError, MAKE_ANEW
    for kind, branch, what_to_do in _BRANCHES:
        if isinstance(cause, kind):
            return branch, what_to_do
    if not isinstance(error, IMAPClientError):
        return LostConnectionError, "trying again later"
    if _PASSING.search(str(error)):
        return TransientError, "trying again later"
    return refusal, advice

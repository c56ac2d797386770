"""The errors of mailtrack, as one tree.

Every adapter (carrier, mailbox, mail relay, store) maps what it meets to one of
four branches, and the caller decides by the branch alone::

    MailtrackError
    ├── TransientError       try again later, nothing is wrong on our side
    ├── PermanentError       trying again with the same input gives the same answer
    │   ├── ConfigurationError   the operator has to change a setting
    │   └── ReadingLimitError    a mail costs more than any mail may; never try it again
    ├── QuotaError           we asked too much; wait `retry_after_s`
    │   └── ChallengeError       a robot check was answered; hours of silence
    └── AuthError            key, password or certificate refused; alarm, never hammer

Messages are one line: what is wrong, where, what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return what a misspelt word may have meant, as the end of a sentence; "" for nothing.

    >>> did_you_mean("lapost", ["laposte", "ups"])
    '; did you mean laposte?'
    """
    near = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


class MailtrackError(Exception):
    """Raised when something expected goes wrong; the message is fit to be shown."""


class TransientError(MailtrackError):
    """Raised when the other side is out of order for now (timeouts, 5xx, garbage)."""


class PermanentError(MailtrackError):
    """Raised when the same input will fail again (malformed answer, bad request)."""


class ConfigurationError(PermanentError):
    """Raised when a setting is missing or wrong."""


class ReadingLimitError(PermanentError):
    """Raised when reading a mail took more time or memory than any mail may, and was stopped."""


class QuotaError(MailtrackError):
    """Raised when a carrier asks us to slow down."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ChallengeError(QuotaError):
    """Raised when a carrier answers with a robot check instead of data."""


class AuthError(MailtrackError):
    """Raised when credentials are refused."""

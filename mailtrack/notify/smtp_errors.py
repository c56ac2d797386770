"""What broke between us and a relay, and which setting to change where that is the reason."""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass

from mailtrack.domain.certificates import MAKE_ANEW, breaks_rules
from mailtrack.notify.replies import SmtpStage

_TLS_AT_ONCE = "MAILTRACK_SMTP__SECURITY=tls (mostly on port 465)"
_TLS_LATER = "MAILTRACK_SMTP__SECURITY=starttls (mostly on port 587)"
_SIGN_IN = "unset MAILTRACK_SMTP__PASSWORD and sign in by `mailtrack login`"


@dataclass(frozen=True, slots=True)
class _Advice:
    """A row of the table, which fits where all that it names holds."""

    errors: type[OSError] | tuple[type[OSError], ...]
    what_to_do: str
    words: str = ""
    securities: frozenset[str] = frozenset({"tls", "starttls", "plain"})
    stages: frozenset[SmtpStage] = frozenset(SmtpStage)


_CONNECT = frozenset({SmtpStage.CONNECT})
_SILENCE = (TimeoutError, smtplib.SMTPServerDisconnected, ConnectionResetError)
#: The first row that fits says it.
_ADVICE = (
    _Advice(
        ssl.SSLCertVerificationError,
        "check MAILTRACK_SMTP__HOST, or name its authority in MAILTRACK_SMTP__CA_FILE",
    ),
    # A greeting in clear is no TLS.
    _Advice(ssl.SSLError, f"set {_TLS_LATER}", securities=frozenset({"tls"})),
    _Advice(ssl.SSLError, "check MAILTRACK_SMTP__PORT and MAILTRACK_SMTP__SECURITY"),
    # Who speaks TLS from the start waits for us to begin, as we do for a greeting.
    _Advice(
        _SILENCE,
        f"if this port speaks TLS from the start, set {_TLS_AT_ONCE}",
        securities=frozenset({"starttls", "plain"}),
        stages=_CONNECT,
    ),
    _Advice(smtplib.SMTPNotSupportedError, f"set {_TLS_AT_ONCE}", words="STARTTLS extension"),
    _Advice(smtplib.SMTPNotSupportedError, f"set {_TLS_LATER}", words="STARTTLS first"),
    _Advice(
        smtplib.SMTPNotSupportedError,
        _SIGN_IN,
        words=r"no password.*\b(?:XOAUTH2|OAUTHBEARER)\b",
    ),
    _Advice(
        smtplib.SMTPNotSupportedError,
        "check MAILTRACK_SMTP__PORT (587 and 465 are for logins, 25 is not)",
        words="offers no login",
    ),
    _Advice(
        smtplib.SMTPNotSupportedError,
        "set MAILTRACK_SMTP__PASSWORD",
        words="no access tokens",
    ),
    _Advice(socket.gaierror, "check MAILTRACK_SMTP__HOST and the network"),
    _Advice(ConnectionRefusedError, "check MAILTRACK_SMTP__PORT"),
)


def advice(error: OSError, security: str, stage: SmtpStage) -> str:
    """Return what to change after an error, "" where nothing is known to help."""
    if isinstance(error, ssl.SSLCertVerificationError) and breaks_rules(error.verify_code):
        return MAKE_ANEW
    fitting = (
        row.what_to_do
        for row in _ADVICE
        if isinstance(error, row.errors)
        and security in row.securities
        and stage in row.stages
        and re.search(row.words, str(error))
    )
    return next(fitting, "")


def what_broke(error: OSError) -> str:
    """Say what happened where the relay itself said nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({error.reason or type(error).__name__})"
    if isinstance(error, smtplib.SMTPException):
        return str(error).rstrip(".")
    return error.strerror or str(error) or type(error).__name__

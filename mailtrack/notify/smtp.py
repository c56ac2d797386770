"""Mail out: one connection to the relay, kept for a batch, and a fake beside it.

What the relay answers becomes one of the branches of `mailtrack.errors`. Its own words
stay out of the messages: they repeat people's addresses.
"""

import smtplib
import socket
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mailtrack.errors import (
    AuthError,
    ConfigurationError,
    MailtrackError,
    PermanentError,
    TransientError,
)
from mailtrack.notify.exchange import announce, hand_over
from mailtrack.notify.mail import OutgoingMail

#: Answers that ask for (other) credentials, whichever command they follow (RFC 4954, 6).
_CREDENTIALS = frozenset({530, 534, 535, 538})
#: Answers to a sender that is not one of the relay's own.
_NOT_THIS_SENDER = frozenset({501, 550, 551, 553, 554})


class RefusedError(PermanentError):
    """Raised when the relay refuses this mail for good; `code` is its SMTP answer (5xx).

    `address`: it is the recipient whom it refuses, not what the mail says.
    """

    def __init__(self, code: int, *, address: bool = True) -> None:
        super().__init__(f"The relay refused the mail with {code}.")
        self.code = code
        self.address = address


class Relay(Protocol):
    """Sends mails one by one; used in a `with` block, which closes the connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def send(self, mail: OutgoingMail, return_path: str = "") -> None:
        """Hand one mail over; `return_path` is where reports go, "" for its sender.

        Raises TransientError where a later try may succeed, PermanentError where this
        mail never will, AuthError where the relay refuses us rather than the mail.
        """
        ...


class SmtpRelay:
    """The real relay, for one thread; `security` is "tls", "starttls" or "plain" (loopback).

    `sign` turns a mail into what goes over the wire, signed (see `notify.dkim.sign`);
    without it mails leave as they are.
    """

    def __init__(
        self,
        host: str,
        port: int,
        security: str,
        user: str = "",
        password: str = "",
        ca_file: Path | None = None,
        timeout_s: float = 30.0,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._host, self._port, self._security = host, port, security
        self._user, self._password = user, password
        self._timeout_s = timeout_s
        self._sign = sign
        self._context = _tls_context(ca_file)
        self._connection: smtplib.SMTP | None = None
        self._takes_from_only = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye where the relay still listens."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.quit()
            connection.close()

    def send(self, mail: OutgoingMail, return_path: str = "") -> None:
        """Hand one mail over; see `Relay.send`."""
        try:
            self._transmit(mail, return_path)
        except OSError as error:  # the errors of smtplib and ssl are OSErrors too
            raise self._translated(error) from error

    def check(self) -> None:
        """Connect and log in without sending anything; raises what `send` would."""
        try:
            self._connection = self._connection or self._connect()
        except OSError as error:
            raise self._translated(error) from error

    def _transmit(self, mail: OutgoingMail, return_path: str) -> None:
        if not return_path or self._takes_from_only:
            self._put(mail, mail.sender)
            return
        try:
            self._put(mail, return_path)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused) as error:
            if _code(error) not in _NOT_THIS_SENDER:
                raise
            # Many relays take no sender but the one who logged in, and some say so as late as
            # to the recipient: without a return path, reports are known by what they quote.
            self._put(mail, mail.sender)
            self._takes_from_only = True

    def _put(self, mail: OutgoingMail, sender: str) -> None:
        wire = self._sign(mail.wire) if self._sign else mail.wire
        try:
            connection = self._begin(sender, mail.recipient, len(wire))
            hand_over(connection, wire)
        except OSError:
            if self._connection is not None:
                with suppress(OSError):
                    self._connection.rset()
            raise

    def _begin(self, sender: str, recipient: str, size: int) -> smtplib.SMTP:
        """Announce a mail on the kept connection, or on a new one where that is gone.

        The announcement itself tells whether the relay still listens; a question before it
        would cost one more round trip for every mail.
        """
        if self._connection is not None:
            try:
                announce(self._connection, sender, recipient, size)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
                raise
            except OSError:
                self.close()
        if self._connection is None:
            self._connection = self._connect()
            announce(self._connection, sender, recipient, size)
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        connection = self._open()
        try:
            if self._security == "starttls":
                connection.starttls(context=self._context)
            connection.ehlo_or_helo_if_needed()
            if self._user:
                self._log_in(connection)
        except OSError:
            connection.close()
            raise
        return connection

    def _log_in(self, connection: smtplib.SMTP) -> None:
        """Log in; smtplib knows ASCII only, AUTH PLAIN is UTF-8 (RFC 4616)."""
        if f"{self._user}{self._password}".isascii():
            connection.login(self._user, self._password)
            return
        connection.ehlo_or_helo_if_needed()
        credentials = b64encode(f"\0{self._user}\0{self._password}".encode()).decode()
        code, answer = connection.docmd("AUTH", f"PLAIN {credentials}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, answer)

    def _open(self) -> smtplib.SMTP:
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host,
                self._port,
                _own_name(),
                timeout=self._timeout_s,
                context=self._context,
            )
        return smtplib.SMTP(self._host, self._port, _own_name(), timeout=self._timeout_s)

    def _translated(self, error: OSError) -> MailtrackError:
        """Return the branch of an error: the other side, this mail, or our own standing."""
        relay = f"The relay {self._host}:{self._port}"
        code = _code(error)
        if _refuses_us(error, code):
            return AuthError(f"{relay} refuses us ({_reason(error)}); check MAILTRACK_SMTP__*.")
        if code >= 500:
            return RefusedError(code, address=isinstance(error, smtplib.SMTPRecipientsRefused))
        if isinstance(error, socket.gaierror):
            return TransientError(f"{relay} is unknown; check MAILTRACK_SMTP__HOST.")
        return TransientError(f"{relay} did not take the mail ({_reason(error)}); try again later.")


class FakeRelay:
    """Keeps what it is given; `script` holds what each mail meets in turn, None for success."""

    def __init__(self, script: Iterable[MailtrackError | None] = ()) -> None:
        self.sent: list[EmailMessage] = []
        self.return_paths: list[str] = []
        self._script = deque(script)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open."""

    def send(self, mail: OutgoingMail, return_path: str = "") -> None:
        """Keep the mail, or raise what the script says."""
        error = self._script.popleft() if self._script else None
        if error is not None:
            raise error
        self.sent.append(message_from_bytes(mail.wire, policy=policy.default))
        self.return_paths.append(return_path)


@cache
def _own_name() -> str:
    """Return how we greet relays; the resolver is asked once, not for every connection."""
    return smtplib.SMTP().local_hostname


@cache
def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what checks certificates; reading the system's takes as long as ten mails."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"MAILTRACK_SMTP__CA_FILE: {ca_file} is no readable PEM file."
            ) from error
    return context


def _refuses_us(error: OSError, code: int) -> bool:
    """Tell whether it is us, not the mail, that the relay (or our own check of it) refuses."""
    if isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError):
        return True
    if type(error) is smtplib.SMTPException:  # "No suitable authentication method found."
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused) and _is_policy(error):
        return True
    about_the_mail = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)
    return code in _CREDENTIALS or (code >= 500 and not about_the_mail)


def _is_policy(error: smtplib.SMTPRecipientsRefused) -> bool:
    """Tell whether it is not the address that is refused but our right to write to it.

    “Relay access denied” comes as an answer to RCPT, too (RFC 3463, 3.8: X.7.n).
    """
    return all(answer.startswith(b"5.7.") for _, answer in error.recipients.values())


def _code(error: OSError) -> int:
    """Return the answer's SMTP code, 0 where there was no answer."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max(code for code, _ in error.recipients.values())
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def _reason(error: OSError) -> str:
    """Say what happened without the relay's words, which may hold an address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    code = _code(error)
    return str(code) if code else type(error).__name__

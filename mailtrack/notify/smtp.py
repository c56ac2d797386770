"""Mail out: one connection to the relay, kept for a batch, and a fake beside it.

What the relay answers becomes one of the branches of `mailtrack.errors`, by the table in
`notify.replies`. Its words are repeated where they are about us, without the addresses in them.
"""

import smtplib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mailtrack.domain.sasl import AccessToken
from mailtrack.errors import (
    AuthError,
    ConfigurationError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.notify.exchange import announce, hand_over, try_out
from mailtrack.notify.mail import OutgoingMail
from mailtrack.notify.replies import OURS, SmtpStage, Verdict, Whose, judge, shown
from mailtrack.notify.smtp_errors import advice, what_broke
from mailtrack.notify.smtp_login import log_in_by_password, log_in_by_token

#: Answers to a sender that is not one of the relay's own.
_NOT_THIS_SENDER = frozenset({501, 550, 551, 553, 554})
#: What such an answer may be about, to tell it from one about the reader, or a limit.
_PERHAPS_THE_SENDER = frozenset({Whose.POLICY, Whose.CONFIGURATION, Whose.UNKNOWN})
#: What to do about a refusal of us.
_HINTS = {
    Whose.CREDENTIALS: (
        "check MAILTRACK_SMTP__USER and MAILTRACK_SMTP__PASSWORD, or who signed in by "
        "`mailtrack login`"
    ),
    Whose.CONFIGURATION: "check MAILTRACK_SMTP__*",
    Whose.POLICY: "check MAILTRACK_SMTP__USER, what it wants of senders, and blacklists",
}
#: Service not available, closing transmission channel (RFC 5321, 3.8).
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class Refusal:
    """What kept a relay from taking a mail; `said`: its own words, without addresses.

    `stage` is None where our own check failed, before anything was said to the relay.
    """

    whose: Whose
    said: str
    lasting: bool = False
    stage: SmtpStage | None = None


class RefusedError(PermanentError):
    """Raised when the relay refuses this mail for good; `code` is its SMTP answer (5xx).

    `address`: it is the recipient whom it refuses, not what the mail says. `said`: its words,
    without addresses.
    """

    def __init__(self, code: int, *, address: bool = True, said: str = "") -> None:
        super().__init__(f"The relay refused the mail with {code}.")
        self.code = code
        self.address = address
        self.said = said or str(code)


class DoubtError(TransientError):
    """Raised when a relay did not take a mail, and one answer does not tell whose fault it is."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal


class RelayAwayError(TransientError):
    """Raised when the relay is out of order, whatever mail it is given."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal


class RelayRefusesUsError(AuthError):
    """Raised when the relay refuses us: our credentials, our sender, our standing."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal


class SendingLimitError(QuotaError):
    """Raised when we have sent as many mails as the relay takes for now."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message, retry_after_s=0.0)
        self.refusal = refusal


def refusal_of_us(error: MailtrackError) -> Refusal | None:
    """Return why no mail at all can be sent, None where an error is about one mail."""
    match error:
        case RelayAwayError() | RelayRefusesUsError() | SendingLimitError():
            return error.refusal
        case ConfigurationError():
            return Refusal(Whose.CONFIGURATION, str(error), lasting=True)
        case AuthError():
            return Refusal(Whose.CREDENTIALS, str(error), lasting=True)
        case QuotaError():
            return Refusal(Whose.LIMIT, str(error), lasting=True)
    return None


class Relay(Protocol):
    """Sends mails one by one; used in a `with` block, which closes the connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
        """Hand one mail over; `return_path` is where reports go, "" for its sender.

        Return True if it left with that path. Raises TransientError where a later try may
        succeed, RefusedError where this mail never will, and what `refusal_of_us` knows where
        no mail at all is taken.
        """
        ...


class SmtpRelay:
    """The real relay, for one thread; `security` is "tls", "starttls" or "plain" (loopback).

    `sign` turns a mail into what goes over the wire, signed (see `notify.dkim.sign`);
    without it mails leave as they are. `access_token` logs in where there is no password.
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
        access_token: AccessToken | None = None,
    ) -> None:
        self._host, self._port, self._security = host, port, security
        self._user, self._password, self._access_token = user, password, access_token
        self._timeout_s = timeout_s
        self._sign = sign
        self._context = _tls_context(ca_file)
        self._connection: smtplib.SMTP | None = None
        self._takes_from_only = False
        self._stage = SmtpStage.CONNECT

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

    def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
        """Hand one mail over; see `Relay.send`."""
        try:
            self._transmit(mail, return_path)
        except OSError as error:  # the errors of smtplib and ssl are OSErrors too
            raise self._translated(error, mail.recipient) from error
        return bool(return_path) and not self._takes_from_only

    def check(self, mail: OutgoingMail, return_path: str = "") -> bool:
        """Log in and announce a mail, then take it back; return True if a return path is taken.

        Raises what `send` would. What is said of the recipient for now is no trouble of ours.
        """
        try:
            self._transmit(mail, return_path, only_announced=True)
        except OSError as error:
            translated = self._translated(error, mail.recipient)
            if isinstance(error, smtplib.SMTPRecipientsRefused) and not refusal_of_us(translated):
                return not self._takes_from_only
            raise translated from error
        return not self._takes_from_only

    def _transmit(
        self, mail: OutgoingMail, return_path: str, *, only_announced: bool = False
    ) -> None:
        """Put a mail through with its return path, or without where the relay minds that."""
        if not return_path or self._takes_from_only:
            self._put(mail, mail.sender, only_announced)
            return
        try:
            self._put(mail, return_path, only_announced)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused) as error:
            code, whose = _answer(error)[0], self._judged(error).whose
            if code not in _NOT_THIS_SENDER or whose not in _PERHAPS_THE_SENDER:
                raise
            # Many relays take no sender but the one who logged in, and some say so as late as
            # to the recipient: without a return path, reports are known by what they quote.
            self._put(mail, mail.sender, only_announced)
            self._takes_from_only = True

    def _put(self, mail: OutgoingMail, sender: str, only_announced: bool) -> None:
        """Put a mail through, once.

        1. Sign it: its size is announced. A sender beyond ASCII is a mistake of the operator's.
        2. Announce it and hand it over; or announce it one command at a time, and take it back.
        3. After an error make the connection fit for the next mail, or leave one that the relay
           closes.
        """
        # 1.
        wire = self._sign(mail.wire) if self._sign else mail.wire
        if not sender.isascii():
            raise ConfigurationError(
                "MAILTRACK_SMTP__BOUNCES_TO, or the inbox's address, has letters that mail does "
                "not take; set MAILTRACK_SMTP__BOUNCES_TO."
            )
        try:
            # 2.
            if only_announced:
                self._connection = connection = self._connection or self._connect()
                self._stage = SmtpStage.MAIL
                try_out(connection, sender, mail.recipient, len(wire))
            else:
                connection = self._begin(sender, mail.recipient, len(wire))
                self._stage = SmtpStage.DATA
                hand_over(connection, wire)
        except OSError as error:
            # 3.
            if _answer(error)[0] == _CLOSING:
                self.close()
            elif self._connection is not None:
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
                self._stage = SmtpStage.MAIL
                announce(self._connection, sender, recipient, size)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
                raise
            except OSError as error:
                if _answer(error)[0] not in (0, _CLOSING):
                    raise
                self.close()
        if self._connection is None:
            self._connection = self._connect()
            self._stage = SmtpStage.MAIL
            announce(self._connection, sender, recipient, size)
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        """Return a new connection, encrypted and logged in; `_stage` tells how far it came."""
        self._stage = SmtpStage.CONNECT
        to, timeout_s = (self._host, self._port, _own_name()), self._timeout_s
        connection: smtplib.SMTP
        if self._security == "tls":
            connection = smtplib.SMTP_SSL(*to, timeout=timeout_s, context=self._context)
        else:
            connection = smtplib.SMTP(*to, timeout=timeout_s)
        try:
            if self._security == "starttls":
                connection.ehlo_or_helo_if_needed()
                self._stage = SmtpStage.TLS
                connection.starttls(context=self._context)
                self._stage = SmtpStage.CONNECT
            connection.ehlo_or_helo_if_needed()
            if self._user:
                self._stage = SmtpStage.LOGIN
                self._log_in(connection)
        except (OSError, MailtrackError):
            connection.close()
            raise
        return connection

    def _log_in(self, connection: smtplib.SMTP) -> None:
        """Log in, by a token where there is no password; raises OSError, or what a token does."""
        if self._password or self._access_token is None:
            log_in_by_password(connection, self._user, self._password)
            return
        try:
            server = self._host, self._port
            log_in_by_token(connection, self._user, server, self._access_token)
        except TransientError as error:  # no mail goes out before the token is there
            raise RelayAwayError(
                str(error), Refusal(Whose.SYSTEM, str(error), stage=SmtpStage.LOGIN)
            ) from error

    def _judged(self, error: OSError) -> Verdict:
        """Return whose refusal an error is; what has no answer is the connection's end."""
        if isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError):
            return Verdict(Whose.CONFIGURATION, lasting=True)
        code, words = _answer(error)
        if not code:
            return Verdict(Whose.SYSTEM, lasting=False)
        return judge(_stage(error) or self._stage, code, words)

    def _translated(self, error: OSError, recipient: str) -> MailtrackError:
        """Return the branch of an error: the other side, this mail, or our own standing."""
        relay = f"The relay {self._host}:{self._port}"
        verdict, (code, words) = self._judged(error), _answer(error)
        said = f"{code} {shown(words, recipient)}" if code else what_broke(error)
        refusal = Refusal(verdict.whose, said, verdict.lasting, _stage(error) or self._stage)
        if verdict.whose is Whose.LIMIT:
            return SendingLimitError(f"{relay} takes no more mails for now: {said}", refusal)
        if verdict.whose in OURS:
            hint = advice(error, self._security, self._stage) or _HINTS[verdict.whose]
            return RelayRefusesUsError(f"{relay} refuses us: {said}; {hint}.", refusal)
        if isinstance(error, socket.gaierror):
            unknown = f"{relay} is unknown; check MAILTRACK_SMTP__HOST."
            return RelayAwayError(unknown, replace(refusal, said=unknown))
        if verdict.whose is Whose.SYSTEM:
            hint = advice(error, self._security, self._stage)
            what_to_do = f"; {hint}." if hint else ""
            return RelayAwayError(f"{relay} is out of order: {said}{what_to_do}", refusal)
        if verdict.lasting:
            return RefusedError(code, address=verdict.whose is Whose.ADDRESS, said=said)
        later = f"{relay} did not take the mail ({code}); try again later."
        if verdict.whose is Whose.UNKNOWN:
            return DoubtError(later, refusal)
        return TransientError(later)


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

    def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
        """Keep the mail, or raise what the script says."""
        error = self._script.popleft() if self._script else None
        if error is not None:
            raise error
        self.sent.append(message_from_bytes(mail.wire, policy=policy.default))
        self.return_paths.append(return_path)
        return bool(return_path)


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


def _answer(error: OSError) -> tuple[int, str]:
    """Return the relay's code and words; 0 where it gave no answer."""
    code: int = 0
    words: bytes | str = b""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = max(error.recipients.values())
    elif isinstance(error, smtplib.SMTPResponseException):
        code, words = error.smtp_code, error.smtp_error
    return max(code, 0), words if isinstance(words, str) else words.decode("utf-8", "replace")


def _stage(error: OSError) -> SmtpStage | None:
    """Return what an answer was said to, where its type tells: several are heard at once."""
    match error:
        case smtplib.SMTPSenderRefused():
            return SmtpStage.MAIL
        case smtplib.SMTPRecipientsRefused():
            return SmtpStage.RCPT
        case smtplib.SMTPDataError():
            return SmtpStage.DATA
    return None

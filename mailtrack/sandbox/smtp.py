"""A mail relay on loopback that keeps what it is given and misbehaves on request."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailtrack.clock import Clock, SystemClock
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.loopback import LoopbackServer


class Fault(StrEnum):
    """What can go wrong with a mail, named after the command that it happens at."""

    #: 421 to MAIL: the service is not available.
    UNAVAILABLE = "unavailable"
    #: 451 to RCPT: greylisting, a full disc …
    TRY_LATER = "try_later"
    #: 550 to RCPT: there is no such mailbox.
    NO_SUCH_USER = "no_such_user"
    #: 554 to DATA: the content is not wanted.
    REFUSED_CONTENT = "refused_content"
    #: The connection closes after DATA; the mail is lost.
    CLOSE_BEFORE_ACCEPTING = "close_before_accepting"
    #: The mail is accepted, and the connection closes before 250 is said.
    CLOSE_AFTER_ACCEPTING = "close_after_accepting"
    #: The answer to DATA takes `SmtpSink.slow_s` seconds.
    SLOW = "slow"


_AT_MAIL = {Fault.UNAVAILABLE: "421 4.3.2 Service not available, closing channel"}
_AT_RCPT = {
    Fault.TRY_LATER: "451 4.7.1 Greylisted, try again later",
    Fault.NO_SUCH_USER: "550 5.1.1 No such user here",
}
_OK = "250 2.0.0 OK"


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail as it arrived, with its envelope; `at` is UTC."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    message: EmailMessage
    at: datetime

    @property
    def kind(self) -> NoticeKind | None:
        """Which notice of ours it is, None for other mails."""
        said = str(self.message.get("Feedback-ID", "")).partition(":")[0]
        return NoticeKind(said) if said in set(NoticeKind) else None


class SmtpSink(LoopbackServer):
    """Accepts every mail on 127.0.0.1 and keeps it; runs while its `with` block does."""

    def __init__(self, *, port: int = 0, clock: Clock | None = None, slow_s: float = 1.0) -> None:
        super().__init__(port)
        self.slow_s = slow_s
        #: Addresses that there is no mailbox for.
        self.unknown: Container[str] = frozenset()
        self._clock = clock or SystemClock()
        self._mails: list[ReceivedMail] = []
        self._faults: deque[Fault] = deque()
        self._standing: Fault | None = None
        self._arrival = threading.Condition()

    @property
    def messages(self) -> list[ReceivedMail]:
        """The mails accepted so far, oldest first."""
        with self._arrival:
            return list(self._mails)

    def fail_next(self, fault: Fault, times: int = 1) -> None:
        """Let the next `times` mails meet a fault; calls queue up."""
        with self._arrival:
            self._faults.extend([fault] * times)

    def fail_always(self, fault: Fault | None) -> None:
        """Let every mail meet a fault that has none of its own; None ends it."""
        with self._arrival:
            self._standing = fault

    def wait_for(
        self, predicate: Callable[[ReceivedMail], bool], timeout: float = 5.0
    ) -> ReceivedMail:
        """Return the first mail that fits; raise TimeoutError after `timeout` seconds."""

        def found() -> ReceivedMail | None:
            return next(filter(predicate, self._mails), None)

        with self._arrival:
            mail = self._arrival.wait_for(found, timeout)
            if mail is None:
                subjects = [str(kept.message["Subject"]) for kept in self._mails]
                raise TimeoutError(f"No such mail within {timeout} s; there are {subjects}.")
            return mail

    async def listen(self, host: str, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            return SMTP(_Handler(self), hostname=host, enable_SMTPUTF8=True, loop=loop)

        return await loop.create_server(protocol, host, port)

    def next_fault(self) -> Fault | None:
        """Return the fault that the mail meets which comes now."""
        with self._arrival:
            return self._faults.popleft() if self._faults else self._standing

    def accept(self, envelope: Envelope) -> None:
        """Keep a mail, and wake who waits for one."""
        raw = envelope.original_content or b""
        message = message_from_bytes(raw, policy=policy.default)
        # A report is from nobody, "": aiosmtpd leaves the null sender as it was written.
        sender = (envelope.mail_from or "").removeprefix("<>")
        recipients = tuple(envelope.rcpt_tos)
        mail = ReceivedMail(sender, recipients, raw, message, self._clock.now())
        with self._arrival:
            self._mails.append(mail)
            self._arrival.notify_all()


class _Handler:
    """What aiosmtpd calls; one for each connection, so that a fault belongs to one mail."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink
        self._fault: Fault | None = None

    async def handle_MAIL(  # noqa: N802 - the names are aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session
        self._fault = self._sink.next_fault()
        if self._fault in _AT_MAIL:
            return _AT_MAIL[self._fault]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return _OK

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session
        fault = Fault.NO_SUCH_USER if address in self._sink.unknown else self._fault
        if fault in _AT_RCPT:
            return _AT_RCPT[fault]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return _OK

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del session
        if self._fault is Fault.REFUSED_CONTENT:
            return "554 5.7.1 Content refused"
        if self._fault is Fault.CLOSE_BEFORE_ACCEPTING:
            await _cut(server)
        if self._fault is Fault.SLOW:
            await asyncio.sleep(self._sink.slow_s)
        self._sink.accept(envelope)
        if self._fault is Fault.CLOSE_AFTER_ACCEPTING:
            await _cut(server)
        return _OK


async def _cut(server: SMTP) -> None:
    """Drop the connection; aiosmtpd cancels the handler when it is gone."""
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
    await asyncio.Event().wait()

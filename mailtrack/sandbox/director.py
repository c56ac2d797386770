"""Plays the story against a running service, line by line, and keeps the score.

The director only does what the outside world does: it puts mails into the mailbox,
lets carriers scan, clicks links in mails that arrived. It goes on when it has seen what
a line leads to.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from threading import Event

import httpx
from rich.console import Console
from rich.markup import escape

from mailtrack.clock import Clock
from mailtrack.domain.harmless import printable
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.carriers import CarrierWorld
from mailtrack.sandbox.imap import ImapAccount
from mailtrack.sandbox.mails import forwarded
from mailtrack.sandbox.smtp import ReceivedMail, SmtpSink
from mailtrack.sandbox.story import (
    STORY,
    CarrierFails,
    CarrierScans,
    ClicksToLeave,
    ForwardsMail,
    Line,
    Thread,
)

#: How long one line may take before the story is given up (real seconds).
PATIENCE_S = 60.0
_LOOK_S = 0.05

_COLOURS = {
    "mail": "cyan",
    "scan": "white",
    "trouble": "yellow",
    "sent": "green",
    "click": "magenta",
}
#: Answers about a mail as a whole: no parcel is named in them.
_ABOUT_NO_PARCEL = frozenset({NoticeKind.NOTHING_FOUND, NoticeKind.ORDER_REGISTERED})


@dataclass(frozen=True, slots=True)
class Arrived:
    """A notice as its subscriber has it."""

    address: str
    kind: NoticeKind
    message_id: str
    mail: ReceivedMail


@dataclass(slots=True)
class _Progress:
    """How far a thread has been played: up to line `at`, which may be `playing`."""

    thread: Thread
    at: int = 0
    playing: bool = False
    #: When the line began (`time.monotonic`), and how often its parcel had been polled then.
    since: float = 0.0
    asked: int = 0
    #: Whether the person has left: no notice tells any more that a scan was seen.
    left: bool = False
    #: The notices that the lines before led to.
    mails: Counter[NoticeKind] = field(default_factory=Counter)


class Director:
    """Plays every thread of the story, side by side, and tells a person what happens."""

    def __init__(
        self,
        world: CarrierWorld,
        account: ImapAccount,
        sink: SmtpSink,
        clock: Clock,
        console: Console,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.world = world
        self.started_at = clock.now()
        self.over = False
        self.fed = 0
        self.stuck: list[str] = []
        self._account = account
        self._sink = sink
        self._clock = clock
        self._console = console
        self._patience_s = patience_s
        self._told: set[str] = set()
        self._threads = [_Progress(thread) for thread in STORY]

    def play(self, stop: Event) -> bool:
        """Play to the end; False where a line did not lead to what it must, or at `stop`."""
        self.started_at = self._clock.now()
        while not stop.is_set() and not self.stuck:
            going_on = [t for t in self._threads if t.at < len(t.thread.lines)]
            if not going_on:
                self.over = True
                return True
            for progress in going_on:
                self._go_on(progress)
            for notice in self.arrived():
                if notice.message_id not in self._told:
                    self._told.add(notice.message_id)
                    self._say("sent", f"to {notice.address}: {notice.mail.message['Subject']}")
            stop.wait(_LOOK_S)
        return False

    def arrived(self) -> Iterator[Arrived]:
        """Yield the notices that have arrived, oldest first, repeated deliveries included."""
        for mail in self._sink.messages:
            kind, message_id = mail.kind, str(mail.message["Message-ID"])
            if kind is not None:
                yield Arrived(mail.recipients[0], kind, message_id, mail)

    def _say(self, kind: str, text: str) -> None:
        day = (self._clock.now() - self.started_at).days
        self._console.print(
            f"[dim]day {day:>3}[/] [{_COLOURS[kind]}]{kind:<8}[/] {escape(printable(text))}"
        )

    def _go_on(self, progress: _Progress) -> None:
        """Play the next line of a thread, or see whether what it leads to has come."""
        line = progress.thread.lines[progress.at]
        if not progress.playing:
            progress.playing, progress.since = True, time.monotonic()
            progress.asked = self._times_asked(line)
            self._play_line(progress, line)
        elif self._is_done(progress, line):
            progress.at, progress.playing = progress.at + 1, False
            if isinstance(line, ForwardsMail | CarrierScans) and line.leads_to:
                progress.mails[line.leads_to] += 1
        elif time.monotonic() - progress.since > self._patience_s:
            self.stuck.append(f"{progress.thread.title}: waited in vain for {line}")

    def _play_line(self, progress: _Progress, line: Line) -> None:
        """Do what the outside world does in a line; a click waits for its mail in `_is_done`."""
        match line:
            case ForwardsMail():
                self.fed += 1
                self._say("mail", f"{line.person.name} forwards « {line.mail.subject} »")
                now = self._clock.now()
                raw = forwarded(line.forwarder, line.mail, line.person, now, line.note, self.fed)
                self._account.deliver(raw, now)
            case CarrierScans():
                self._say("scan", f"{line.carrier} {line.number}: {line.text}")
                self.world.parcel(
                    line.number,
                    local_number=line.local_number or None,
                    pickup_point=line.pickup_point,
                )
                self.world.scan(
                    line.number,
                    line.carrier,
                    line.code,
                    line.text,
                    self._clock.now(),
                    place=line.place,
                    group=line.group,
                    zone=line.zone,
                )
            case CarrierFails():
                self._say("trouble", f"{line.carrier} will answer with {line.failure}")
                self.world.fail_next(line.carrier, line.failure)
            case ClicksToLeave():
                progress.left = True

    def _is_done(self, progress: _Progress, line: Line) -> bool:
        """Return True if what a line leads to has been seen.

        1. A line that leads to a notice: one more of its kind, to this thread's person about
           this thread's parcels, than the lines before led to.
        2. A scan that leads to none: the carrier was asked since. After the person has left,
           perhaps nobody asks any more.
        3. A click: the page has answered it.
        """
        match line:
            case ForwardsMail(leads_to=kind) | CarrierScans(leads_to=kind) if kind is not None:
                mine = {
                    a.message_id
                    for a in self.arrived()
                    if a.address == progress.thread.person.address
                    and a.kind is kind
                    and (kind in _ABOUT_NO_PARCEL or self._is_about(progress, a.mail.message))
                }
                return len(mine) > progress.mails[kind]
            case CarrierScans() if not progress.left:
                return self._times_asked(line) > progress.asked
            case ClicksToLeave():
                return self._leave(progress, line)
        return True

    def _leave(self, progress: _Progress, line: ClicksToLeave) -> bool:
        """Click as mail programs do (RFC 8058); False where the page is away for a moment."""
        mails = [a.mail.message for a in self.arrived() if a.address == line.person.address]
        mine = [m for m in mails if self._is_about(progress, m)]
        link = stop_all_link(mine[-1]) if line.everything else one_click_link(mine[-1])
        try:
            answer = httpx.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=10)
        except httpx.TransportError:
            return False
        if not answer.is_success:
            return False
        what = "everything" if line.everything else "one parcel"
        self._say("click", f"{line.person.name} stops {what}")
        return True

    def _is_about(self, progress: _Progress, message: EmailMessage) -> bool:
        text = message.get_body(("plain",))
        numbers = {x.number for x in progress.thread.lines if isinstance(x, CarrierScans)}
        content = text.get_content() if text else ""
        return any(number in content for number in numbers)

    def _times_asked(self, line: Line) -> int:
        if not isinstance(line, CarrierScans):
            return 0
        return sum(line.number in numbers for numbers in self.world.asked[line.carrier])


def one_click_link(message: EmailMessage) -> str:
    """Return the address of the mail's List-Unsubscribe header (RFC 8058)."""
    return str(message["List-Unsubscribe"]).strip("<>")


def stop_all_link(message: EmailMessage) -> str:
    """Return the link in a mail's text that stops everything: the last one to /d/."""
    body = message.get_body(("plain",))
    found = re.findall(r"https?://\S+/d/[\w.~-]+", body.get_content() if body else "")
    return str(found[-1])

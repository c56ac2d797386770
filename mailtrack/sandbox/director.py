"""Plays the story against a running service, line by line, and keeps the score.

The director only does what the outside world does: it puts mails into the mailbox,
lets carriers scan, clicks links in mails that arrived. It goes on when it has seen what
a line leads to.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from threading import Event

import httpx

from mailtrack.clock import Clock
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.carriers import CarrierWorld
from mailtrack.sandbox.imap import Postbox
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

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A notice as its subscriber has it."""

    address: str
    kind: NoticeKind
    message_id: str
    mail: ReceivedMail


@dataclass(slots=True)
class _Place:
    """How far a thread has been played."""

    thread: Thread
    at: int = 0
    playing: bool = False
    since: float = 0.0
    left: bool = False
    asked: int = 0
    mails: Counter[NoticeKind] = field(default_factory=Counter)


class Director:
    """Plays every thread of the story, side by side."""

    def __init__(
        self, world: CarrierWorld, postbox: Postbox, sink: SmtpSink, clock: Clock, say: Say
    ) -> None:
        self.world = world
        self.started_at = clock.now()
        self.over = False
        self.fed = 0
        self.stuck: list[str] = []
        self._postbox = postbox
        self._sink = sink
        self._clock = clock
        self._say = say
        self._told: set[str] = set()
        self._places = [_Place(thread) for thread in STORY]

    def play(self, stop: Event) -> bool:
        """Play to the end; False where a line did not lead to what it must, or at `stop`."""
        self.started_at = self._clock.now()
        while not stop.is_set() and not self.stuck:
            going_on = [p for p in self._places if p.at < len(p.thread.lines)]
            if not going_on:
                self.over = True
                return True
            for place in going_on:
                self._go_on(place)
            self._tell_arrivals()
            stop.wait(_LOOK_S)
        return False

    def arrived(self) -> Iterator[Arrived]:
        """Yield the notices that have arrived, oldest first, repeated deliveries included."""
        for mail in self._sink.messages:
            kind, message_id = mail.kind, str(mail.message["Message-ID"])
            if kind is not None:
                yield Arrived(mail.recipients[0], kind, message_id, mail)

    def _go_on(self, place: _Place) -> None:
        line = place.thread.lines[place.at]
        if not place.playing:
            place.playing, place.since = True, time.monotonic()
            place.asked = self._times_asked(line)
            self._play_line(place, line)
        elif self._is_done(place, line):
            place.at, place.playing = place.at + 1, False
            if isinstance(line, ForwardsMail | CarrierScans) and line.leads_to:
                place.mails[line.leads_to] += 1
        elif time.monotonic() - place.since > PATIENCE_S:
            self.stuck.append(f"{place.thread.title}: waited in vain for {line}")

    def _play_line(self, place: _Place, line: Line) -> None:
        match line:
            case ForwardsMail():
                self.fed += 1
                self._say("mail", f"{line.person.name} forwards « {line.mail.subject} »")
                now = self._clock.now()
                raw = forwarded(line.forwarder, line.mail, line.person, now, line.note, self.fed)
                self._postbox.deliver(raw, now)
            case CarrierScans():
                self._say("scan", f"{line.carrier} {line.number}: {line.text}")
                self._scan(line)
            case CarrierFails():
                self._say("trouble", f"{line.carrier} will answer with {line.failure}")
                self.world.fail_next(line.carrier, line.failure)
            case ClicksToLeave():
                place.left = True

    def _scan(self, line: CarrierScans) -> None:
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

    def _leave(self, place: _Place, line: ClicksToLeave) -> bool:
        """Click as mail programs do (RFC 8058); False where the page is away for a moment."""
        mails = [a.mail.message for a in self.arrived() if a.address == line.person.address]
        mine = [m for m in mails if self._is_about(place, m)]
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

    def _is_about(self, place: _Place, message: EmailMessage) -> bool:
        text = message.get_body(("plain",))
        numbers = {x.number for x in place.thread.lines if isinstance(x, CarrierScans)}
        content = text.get_content() if text else ""
        return any(number in content for number in numbers)

    def _is_done(self, place: _Place, line: Line) -> bool:
        match line:
            case ForwardsMail(leads_to=kind) | CarrierScans(leads_to=kind) if kind is not None:
                return self._count(place, kind) > place.mails[kind]
            case CarrierScans() if not place.left:
                return self._times_asked(line) > place.asked
            case ClicksToLeave():
                return self._leave(place, line)
        return True

    def _count(self, place: _Place, kind: NoticeKind) -> int:
        """Count the mails of a kind to this thread's person about this thread's parcels."""
        mine = {
            a.message_id
            for a in self.arrived()
            if a.address == place.thread.person.address
            and a.kind is kind
            and self._concerns(place, a)
        }
        return len(mine)

    def _concerns(self, place: _Place, notice: Arrived) -> bool:
        about_none = (NoticeKind.NOTHING_FOUND, NoticeKind.ORDER_REGISTERED)
        return notice.kind in about_none or self._is_about(place, notice.mail.message)

    def _times_asked(self, line: Line) -> int:
        if not isinstance(line, CarrierScans):
            return 0
        return sum(line.number in numbers for numbers in self.world.asked[line.carrier])

    def _tell_arrivals(self) -> None:
        for notice in self.arrived():
            if notice.message_id not in self._told:
                self._told.add(notice.message_id)
                self._say("sent", f"to {notice.address}: {notice.mail.message['Subject']}")


def one_click_link(message: EmailMessage) -> str:
    """Return the address of the mail's List-Unsubscribe header (RFC 8058)."""
    return str(message["List-Unsubscribe"]).strip("<>")


def stop_all_link(message: EmailMessage) -> str:
    """Return the link in a mail's text that stops everything: the last one to /d/."""
    body = message.get_body(("plain",))
    found = re.findall(r"https?://\S+/d/[\w.~-]+", body.get_content() if body else "")
    return str(found[-1])

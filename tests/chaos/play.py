"""Plays a plan against a running service: feeds it, strikes it, notes what comes of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial

import httpx

from mailtrack.domain.model import Outcome
from mailtrack.inbox.subscriptions import FIRST_ANSWER_GRACE_S
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.carriers import LAPOSTE
from mailtrack.sandbox.director import one_click_link
from mailtrack.sandbox.mails import DemoPerson
from tests.chaos import mails
from tests.chaos.elsewhere import ChaosChannel, Elsewhere
from tests.chaos.expectations import LETTERS, Due, Expectations, told_by
from tests.chaos.journeys import Scan, Step
from tests.chaos.plan import Journey, Leave, Letter, Plan, Post, Strike
from tests.chaos.strikes import Kind, Path, Stage

#: Between two looks at everything (real seconds).
LOOK_S = 0.05
#: Mails are dated ahead: what an outage delays by a minute would else be days old.
AHEAD = timedelta(days=30)

#: Tells whether what a story waits for has come.
Come = Callable[[], bool]
#: What happens to one parcel or after one letter, as far as the next thing it waits for.
Story = Iterator[Come]
Say = Callable[[str], None]


@dataclass(slots=True)
class Running:
    """A story that waits, since when, and what it is called."""

    name: str
    story: Story
    come: Come
    since: float


@dataclass(slots=True)
class Felt:
    """A fault that happened, and how long after its end its path went on."""

    strike: Strike
    probe: Journey
    recovered_s: float | None = None


@dataclass(slots=True)
class Blow:
    """A fault that lasts."""

    felt: Felt
    until: float
    hold: AbstractContextManager[None]


@dataclass(slots=True)
class Play:
    """One performance of a plan; everything happens in the thread that calls `run`."""

    plan: Plan
    stage: Stage
    kinds: Mapping[str, Kind]
    expectations: Expectations
    say: Say
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    felt: list[Felt] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    _running: list[Running] = field(default_factory=list)
    _blows: list[Blow] = field(default_factory=list)
    _fed: int = 0
    _read: int = 0
    _newest: dict[str, EmailMessage] = field(default_factory=dict)
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _asked_read: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Play to the end; what never comes is given up after the plan's patience."""
        begun = time.monotonic()
        cues = sorted(self._cues(), key=lambda cue: -cue[0])
        while cues or self._running or self._blows:
            now = time.monotonic()
            while cues and cues[-1][0] <= now - begun:
                cues.pop()[1]()
            self._end_blows(now)
            self.check()
            time.sleep(LOOK_S)

    def check(self) -> None:
        """See after the parts, at what arrived, and at who may go on."""
        self.stage.crew.look_after()
        arrived = self.stage.outside.sink.messages[self._read :]
        self._read += len(arrived)
        self.expectations.take_in(arrived)
        for mail in arrived:
            self._newest[mail.recipients[0]] = mail.message
        self._count_questions()
        self._running = [running for running in self._running if self._goes_on(running)]

    def _count_questions(self) -> None:
        for carrier, requests in list(self.stage.outside.world.asked.items()):
            for numbers in requests[self._asked_read[carrier] :]:
                self._asked_read[carrier] += 1
                self._asked.update((carrier, number) for number in numbers)

    # --- what happens when -----------------------------------------------------------

    def _cues(self) -> Iterator[tuple[float, Callable[[], None]]]:
        for journey in self.plan.journeys:
            yield journey.at_s, partial(self._travel_on, journey)
        for post in self.plan.posts:
            yield post.at_s, partial(self._send, post)
        for strike, probe in zip(self.plan.strikes, self.plan.probes, strict=True):
            yield strike.at_s, partial(self._strike, Felt(strike, probe))

    def _travel_on(self, journey: Journey) -> None:
        self._begin(journey.number, self._travel(journey))

    def _send(self, post: Post) -> None:
        self._begin(post.letter, self._write(post.letter, post.person))

    def _begin(self, name: str, story: Story) -> None:
        come = next(story, None)
        if come is not None:
            self._running.append(Running(name, story, come, time.monotonic()))

    def _goes_on(self, running: Running) -> bool:
        """Let a story go on where it can; False where it is over."""
        now = time.monotonic()
        if not running.come():
            late = now - running.since > self.plan.size.patience_s
            self.given_up += [running.name] * late
            return not late
        come = next(running.story, None)
        if come is None:
            return False
        running.come, running.since = come, now
        return True

    # --- parcels ---------------------------------------------------------------------

    def _travel(self, journey: Journey) -> Story:
        """Send a parcel on its way; whoever follows it is told what the rules say."""
        for number in (journey.number, journey.local_number):
            self.expectations.aliases[number] = journey.number
        self._reveal(journey, journey.way.before)
        for person in journey.followers:
            self._forward(journey, person, Outcome.TRACKED)
        if not journey.undeliverable:
            yield from self._be_registered(journey)
            yield from self._have_a_channel(journey)
            yield from self._take_steps(journey)

    def _be_registered(self, journey: Journey) -> Story:
        forwarded_at = time.monotonic()
        yield self._all_told(journey, NoticeKind.REGISTERED)
        if time.monotonic() - forwarded_at > 0.9 * FIRST_ANSWER_GRACE_S:
            # The mail could wait no longer for the carrier; what it has missed may be told.
            self._allow(journey, told_by(journey.way.before))
        if journey.forwarded_again:
            self._forward(journey, journey.followers[0], Outcome.UPDATED)

    def _have_a_channel(self, journey: Journey) -> Story:
        """Let the first follower have the news elsewhere, too, by the pages and the click."""
        if not journey.elsewhere:
            return
        channel = ChaosChannel(journey, self.stage.outside)
        mail = self._newest[journey.followers[0].address]
        yield partial(channel.is_added, mail)
        yield channel.is_proven

    def _take_steps(self, journey: Journey) -> Story:
        gone = False
        for at, step in enumerate(journey.way.steps):
            question = (step[-1].carrier, _number(journey, step[-1]))
            asked = self._asked[question]
            self._reveal(journey, step)
            kind = told_by(step)
            if not gone and kind is None:
                yield partial(self._is_asked_since, question, asked)
            elif not gone and kind is not None:
                yield self._all_told(journey, kind)
            if journey.leave is not None and at == journey.leaves_after:
                gone = True
                yield self._leave(journey.followers[0], journey.leave)

    def _reveal(self, journey: Journey, step: Step) -> None:
        world, now = self.stage.outside.world, self.stage.outside.clock.now()
        with world.at_once():
            for scan in step:
                if scan.handed_over:
                    world.parcel(journey.number, local_number=journey.local_number)
                world.scan(
                    _number(journey, scan),
                    scan.carrier,
                    scan.code,
                    scan.text,
                    now - timedelta(hours=scan.hours_ago),
                    zone=scan.zone,
                    offset_h=scan.offset_h,
                )

    def _is_asked_since(self, question: tuple[str, str], times: int) -> bool:
        return self._asked[question] > times

    def _all_told(self, journey: Journey, kind: NoticeKind) -> Come:
        dues = [Due(person.address, kind, journey.number) for person in journey.followers]
        for due in dues:
            self.expectations.owe(due)
        if journey.elsewhere and kind is not NoticeKind.REGISTERED:
            self.elsewhere.owe(journey.number, kind)
        return lambda: all(self.expectations.counted[due] for due in dues)

    def _allow(self, journey: Journey, kind: NoticeKind | None) -> None:
        if kind is not None:
            for person in journey.followers:
                self.expectations.allow(Due(person.address, kind, journey.number))
            self.elsewhere.allow(journey.number, kind)

    def _leave(self, person: DemoPerson, how: Leave) -> Come:
        if how is Leave.CLICK:
            return partial(self._click, one_click_link(self._newest[person.address]))
        self._feed(mails.stop, person, Outcome.COMMAND)
        return self._answered(person, NoticeKind.GOODBYE)

    def _click(self, link: str) -> bool:
        with suppress(httpx.TransportError):
            answer = httpx.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=10)
            return answer.is_success
        return False

    # --- mails -----------------------------------------------------------------------

    def _write(self, letter: Letter, person: DemoPerson) -> Story:
        outcome, answer = LETTERS[letter]
        self._feed(partial(mails.letter, letter), person, outcome)
        if answer is not None:
            yield self._answered(person, answer)

    def _answered(self, person: DemoPerson, kind: NoticeKind) -> Come:
        due = Due(person.address, kind)
        self.expectations.owe(due)
        return lambda: self.expectations.counted[due] > 0

    def _forward(self, journey: Journey, person: DemoPerson, outcome: Outcome) -> None:
        twice = journey.doubled and outcome is Outcome.TRACKED
        self._feed(partial(mails.forward, journey), person, outcome, times=1 + twice)

    def _feed(
        self,
        write: Callable[[DemoPerson, datetime, int], bytes],
        person: DemoPerson,
        outcome: Outcome,
        times: int = 1,
    ) -> None:
        self._fed += 1
        now = self.stage.outside.clock.now()
        raw = write(person, now, self._fed)
        for _ in range(times):
            self.expectations.feed(raw, outcome)
            self.stage.outside.imap.deliver(raw, now + AHEAD)

    # --- faults ----------------------------------------------------------------------

    def _strike(self, felt: Felt) -> None:
        self.felt.append(felt)
        kind = self.kinds[felt.strike.kind]
        hold = kind.blow(self.stage)
        hold.__enter__()
        lasts_s = felt.strike.for_s if kind.lasts else 0.0
        self._blows.append(Blow(felt, time.monotonic() + lasts_s, hold))

    def _end_blows(self, now: float) -> None:
        for blow in [blow for blow in self._blows if blow.until <= now]:
            self._blows.remove(blow)
            blow.hold.__exit__(None, None, None)
            self._begin(blow.felt.strike.kind, self._feel(blow.felt))

    def _feel(self, felt: Felt) -> Story:
        """Try the path that a fault lay across, and note when it went on."""
        ended, strike = time.monotonic(), felt.strike
        yield from _PROBES[self.kinds[strike.kind].path](self, felt.probe)
        felt.recovered_s = time.monotonic() - ended
        self.say(
            f"{strike.at_s:7.1f} s  {strike.kind:<28} on again {felt.recovered_s:6.1f} s later"
        )

    def _ask_for_help(self, probe: Journey) -> Story:
        return self._write(Letter.HELP, probe.followers[0])

    def _open_page(self, probe: Journey) -> Story:
        del probe
        yield self._is_served

    def _is_served(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.stage.outside.web_url}/healthz", timeout=5).is_success
        return False


_PROBES: dict[Path, Callable[[Play, Journey], Story]] = {
    Path.ANSWER: Play._ask_for_help,
    Path.POLL: Play._travel,
    Path.PAGE: Play._open_page,
}


def _number(journey: Journey, scan: Scan) -> str:
    return journey.local_number if scan.carrier == LAPOSTE else journey.number

"""Every fault there is: how it begins, how it ends, and which path it lies across."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, Failure
from mailtrack.sandbox.faults import FaultProxy
from mailtrack.sandbox.smtp import Fault
from tests.chaos.outside import Outside
from tests.chaos.parts import Crew
from tests.chaos.servers import empty


class Path(StrEnum):
    """What must go on again once a fault is over, and is tried then."""

    #: A mail that asks for help is answered: mailbox, store, queue, relay.
    ANSWER = "answer"
    #: A new parcel is asked about, and its state told.
    POLL = "poll"
    #: A page is served.
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Stage:
    """What faults lay their hands on."""

    outside: Outside
    crew: Crew
    redis_url: str


Blow = Callable[[Stage], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`lasts`: it has an end to wait for; `always`: no run is without it."""

    path: Path
    blow: Blow
    lasts: bool = True
    always: bool = False


def _killed(part: str, path: Path = Path.ANSWER, *, always: bool = True) -> Kind:
    @contextmanager
    def blow(stage: Stage) -> Iterator[None]:
        stage.crew.kill(part)
        yield

    return Kind(path, blow, lasts=False, always=always)


def _away(part: str, number: int) -> Blow:
    @contextmanager
    def blow(stage: Stage) -> Iterator[None]:
        stage.crew.hold(part, number)
        yield
        stage.crew.release(part)

    return blow


@contextmanager
def _flushed(stage: Stage) -> Iterator[None]:
    empty(stage.redis_url)
    yield


@contextmanager
def _cut(stage: Stage) -> Iterator[None]:
    stage.outside.to_imap.cut()
    yield


@contextmanager
def _stranded(stage: Stage) -> Iterator[None]:
    stage.outside.to_imap.strand()
    yield


@contextmanager
def _renumbered(stage: Stage) -> Iterator[None]:
    stage.outside.imap.renumber()
    stage.outside.to_imap.cut()
    yield


def _frozen(door: Callable[[Outside], FaultProxy]) -> Blow:
    """Let nothing pass; what comes too late is cut off, as a server that starts again does."""

    @contextmanager
    def blow(stage: Stage) -> Iterator[None]:
        door(stage.outside).frozen = True
        yield
        door(stage.outside).frozen = False
        door(stage.outside).cut()

    return blow


def _relay(fault: Fault) -> Blow:
    @contextmanager
    def blow(stage: Stage) -> Iterator[None]:
        stage.outside.sink.fail_always(fault)
        yield
        stage.outside.sink.fail_always(None)

    return blow


@contextmanager
def _taken_and_closed(stage: Stage) -> Iterator[None]:
    """Nobody can know that the mail is there: it comes again, with its Message-ID."""
    stage.outside.sink.fail_next(Fault.CLOSE_AFTER_ACCEPTING, 3)
    yield


def _carriers(failure: Failure) -> Blow:
    @contextmanager
    def blow(stage: Stage) -> Iterator[None]:
        for carrier in (CAINIAO, LAPOSTE):
            stage.outside.world.fail_always(carrier, failure)
        yield
        for carrier in (CAINIAO, LAPOSTE):
            stage.outside.world.fail_always(carrier, None)

    return blow


@contextmanager
def _channels_fail(stage: Stage) -> Iterator[None]:
    stage.outside.receiver.usual = 503
    yield
    stage.outside.receiver.usual = 200


_EVERYWHERE: Mapping[str, Kind] = {
    "kill -9 watch": _killed("watch"),
    "kill -9 dispatch": _killed("dispatch"),
    "kill -9 work": _killed("work"),
    "kill -9 web": _killed("web", Path.PAGE),
    "redis is emptied": Kind(Path.ANSWER, _flushed, lasts=False, always=True),
    "imap closes connections": Kind(Path.ANSWER, _cut, lasts=False),
    "imap is silent": Kind(Path.ANSWER, _frozen(lambda outside: outside.to_imap)),
    "imap connections go dead": Kind(Path.ANSWER, _stranded, lasts=False),
    "imap changes UIDVALIDITY": Kind(Path.ANSWER, _renumbered, lasts=False),
    "smtp answers 421": Kind(Path.ANSWER, _relay(Fault.UNAVAILABLE)),
    "smtp answers 451": Kind(Path.ANSWER, _relay(Fault.TRY_LATER)),
    "smtp closes after DATA": Kind(Path.ANSWER, _relay(Fault.CLOSE_BEFORE_ACCEPTING)),
    "smtp takes it and closes": Kind(Path.ANSWER, _taken_and_closed, lasts=False),
    "smtp is slow": Kind(Path.ANSWER, _relay(Fault.SLOW)),
    "smtp is silent": Kind(Path.ANSWER, _frozen(lambda outside: outside.to_sink)),
    "carriers answer 429": Kind(Path.POLL, _carriers(Failure.QUOTA)),
    "carriers answer 500": Kind(Path.POLL, _carriers(Failure.OUTAGE)),
    "carriers answer garbage": Kind(Path.POLL, _carriers(Failure.GARBAGE)),
    "carriers never answer": Kind(Path.POLL, _frozen(lambda outside: outside.to_carriers)),
    "channels answer 503": Kind(Path.ANSWER, _channels_fail),
    "channels are silent": Kind(Path.ANSWER, _frozen(lambda outside: outside.to_receiver)),
}

#: The parts apart, on servers of their own.
APART: Mapping[str, Kind] = {
    **_EVERYWHERE,
    "kill -9 work-2": _killed("work-2", always=False),
    "redis stops": Kind(Path.ANSWER, _away("redis", signal.SIGTERM)),
    "redis is killed": _killed("redis", always=False),
    # SIGQUIT is what `pg_ctl -m immediate` sends.
    "postgres restarts at once": Kind(
        Path.ANSWER, _away("postgres", signal.SIGQUIT), lasts=False, always=True
    ),
    "postgres stops": Kind(Path.ANSWER, _away("postgres", signal.SIGQUIT)),
}

#: `mailtrack up`, with what it brings along.
TOGETHER: Mapping[str, Kind] = {
    **_EVERYWHERE,
    "kill -9 broker": _killed("broker"),
    "kill -9 up": _killed("up"),
}

"""Two of everything: one works, the others stand by, and nobody works past its lease."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import String

from mailtrack.errors import ConfigurationError, TransientError
from mailtrack.runtime import leadership
from mailtrack.runtime.leadership import HUNG_S, HeldLease, Lease, new_holder
from mailtrack.store import leases
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Eventually = Callable[..., None]
Rows = Callable[..., list[Mapping[str, Any]]]

LEASE_S = 30.0
#: How often a lease is asked for in its time where threads take turns: ten times a second, and no
#: machine is so busy that it is lost.
ASKS = 300


@pytest.fixture
def database() -> str:
    """One is enough here: `store/test_leases.py` tries both."""
    return "sqlite"


@dataclass
class Seconds:
    """A clock that a test moves; what no host can set back."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def lease(store: Store, seconds: Seconds) -> Lease:
    return Lease(store, "dispatch", "one", LEASE_S, seconds)


@dataclass
class Part:
    """Something that works until it is told to stop, in a thread of its own."""

    lease: Lease
    stop: Event = field(default_factory=Event)
    busy: Event = field(default_factory=Event)
    times: int = 0

    def work(self, stop: Event, heartbeat: Callable[[], None]) -> None:
        self.times += 1
        self.busy.set()
        stop.wait()
        self.busy.clear()


@contextmanager
def running(*parts: Part) -> Iterator[None]:
    threads = [Thread(target=part.lease.run, args=(part.stop, part.work)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for part in parts:
            part.stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()


def test_a_second_one_waits_while_the_first_is_at_work_and_begins_when_it_stops(
    store: Store, eventually: Eventually, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "ASKS", ASKS)
    one, other = (Part(Lease(store, "dispatch", name, LEASE_S)) for name in ("one", "other"))
    with running(one):
        eventually(one.busy.is_set)
        with running(other):
            eventually(lambda: len(rows(t.lease)) == 2)
            assert not other.busy.is_set()
            one.stop.set()
            eventually(other.busy.is_set)

    assert (1, 1) == (one.times, other.times)
    assert [] == rows(t.lease)


def test_the_lease_of_work_that_falls_is_free_at_once(lease: Lease, rows: Rows) -> None:
    def fall(stop: Event, heartbeat: Callable[[], None]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lease.run(Event(), fall)

    assert [] == rows(t.lease)


def test_a_holder_that_lost_its_lease_stops_and_stands_by(
    store: Store, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "ASKS", ASKS)
    part = Part(Lease(store, "dispatch", "one", LEASE_S))
    with running(part):
        eventually(part.busy.is_set)
        with store.write() as connection:
            leases.give_back(connection, "dispatch", "one")
            leases.take(connection, "dispatch", "other", 3600, leases.time_of(connection))
        eventually(lambda: not part.busy.is_set())

    assert 1 == part.times


def test_a_child_that_is_started_again_takes_its_own_lease_up(store: Store, lease: Lease) -> None:
    """Its supervisor has seen the first one end, so that nobody has to wait for the lapse."""
    assert lease.take()

    assert replace(lease, clock=Seconds()).take()
    assert not replace(lease, holder=new_holder()).take()


# --- a holder that cannot renew -----------------------------------------------------


class _Away:
    """A database that does not answer."""

    def write(self) -> Any:
        raise TransientError("The database does not answer.")


def held_by(lease: Lease) -> HeldLease:
    assert lease.take()
    return HeldLease(lease, Event(), lease.clock())


def test_a_holder_whose_database_is_away_stops_before_its_lease_lapses(
    lease: Lease, seconds: Seconds, logged: Sequence[Mapping[str, Any]]
) -> None:
    held = held_by(lease)
    object.__setattr__(lease, "store", _Away())
    seconds.now += LEASE_S - 0.001

    assert held.renew()
    assert not held.is_set()
    seconds.now += 0.001
    assert held.is_set()
    assert "lease not renewed" in [entry["event"] for entry in logged]


def test_a_holder_that_was_suspended_stops_when_it_wakes(lease: Lease, seconds: Seconds) -> None:
    """SIGSTOP, a laptop that is closed: nothing was renewed meanwhile."""
    held = held_by(lease)
    seconds.now += 3600

    assert held.is_set()


def test_a_renewal_counts_from_before_it_was_asked_for(
    store: Store, lease: Lease, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer may take long; the database has counted from some moment in between."""
    held = held_by(lease)
    take = Lease.take

    def slowly(lease: Lease) -> bool:
        taken = take(lease)
        seconds.now += 20
        return taken

    monkeypatch.setattr(Lease, "take", slowly)
    assert held.renew()
    seconds.now += LEASE_S - 20

    assert held.is_set()


def test_work_that_hangs_is_not_kept_alive_by_its_own_process(
    lease: Lease, seconds: Seconds
) -> None:
    held = held_by(lease)
    for _ in range(3):
        seconds.now += LEASE_S / 3
        held.heartbeat()
        assert held.renew()
        assert not held.is_set()
    seconds.now += HUNG_S + 0.001

    assert not held.renew()
    assert held.is_set()


def test_asking_whether_to_stop_is_no_sign_of_life(lease: Lease, seconds: Seconds) -> None:
    held = held_by(lease)
    while seconds.now < 1_000.0 + HUNG_S:
        seconds.now += LEASE_S / 3
        assert held.renew()
        assert not held.is_set()
    seconds.now += 1

    assert not held.renew()


def test_waiting_is_a_sign_of_life(lease: Lease) -> None:
    stop = Event()
    held = HeldLease(replace(lease, clock=lambda: 0.0), stop, 0.0)
    stop.set()

    assert held.wait(3600)
    assert not HeldLease(replace(lease, clock=lambda: 0.0), Event(), 0.0).wait(0.001)


@pytest.mark.parametrize("names", [("one",), ("one", "another")], ids=["at work", "standing by"])
def test_a_part_whose_database_is_deleted_ends_and_says_why(
    store: Store, tmp_path: Path, eventually: Eventually, names: tuple[str, ...]
) -> None:
    """Its lease, its work and its wait are all in the file that nobody else sees any more."""
    leases = [Lease(store, "dispatch", name, 1.0) for name in names]
    parts = [Part(lease) for lease in leases]
    ended: list[BaseException] = []

    def run(part: Part) -> None:
        try:
            part.lease.run(part.stop, part.work)
        except ConfigurationError as error:
            ended.append(error)

    threads = [Thread(target=run, args=(part,)) for part in parts]
    for thread, part in zip(threads, parts, strict=True):
        thread.start()
        if part is parts[0]:
            assert part.busy.wait(30)
    (tmp_path / "mailtrack.db").rename(tmp_path / "gone.db")

    for thread in threads:
        thread.join(30)
    assert len(names) == len(ended)
    assert all("was deleted or replaced" in str(why) for why in ended)


def test_a_database_that_is_away_while_we_stand_by_is_asked_again(
    store: Store, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([TransientError("away"), TransientError("away")])
    take = Lease.take

    def sometimes(lease: Lease) -> bool:
        error = next(answers, None)
        if error is not None:
            raise error
        return take(lease)

    monkeypatch.setattr(Lease, "take", sometimes)
    part = Part(Lease(store, "dispatch", "one", 0.1))
    with running(part):
        eventually(part.busy.is_set)


def test_two_processes_never_have_the_same_name() -> None:
    names = {new_holder() for _ in range(100)}

    assert 100 == len(names)
    assert isinstance(t.lease.c.holder.type, String)
    assert max(map(len, names)) <= (t.lease.c.holder.type.length or 0)


# --- never two ----------------------------------------------------------------------

#: Seconds on the way to the table and back.
_WAY = st.sampled_from([0.0, 5.0])
#: After a pause, one of two asks for the lease or renews it; or gives it back.
_STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, LEASE_S - 5, LEASE_S, 2 * LEASE_S]),
        st.integers(0, 1),
        st.tuples(_WAY, _WAY),
        st.sampled_from(["ask", "ask", "ask", "leave"]),
    ),
    max_size=12,
)


class _Table:
    """The table of leases, in a line: `store/test_leases.py` holds the real one to it."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds
        self.ways: tuple[float, float] = (0.0, 0.0)
        self._holder, self._until = "", 0.0

    def take(self, holder: str, lease_s: float) -> bool:
        self._seconds.now += self.ways[0]
        now = self._seconds.now
        taken = holder == self._holder or now >= self._until
        if taken:
            self._holder, self._until = holder, now + lease_s
        self._seconds.now += self.ways[1]
        return taken

    def give_back(self, holder: str) -> None:
        if holder == self._holder:
            self._until = 0.0


@dataclass(frozen=True, slots=True)
class _TableLease(Lease):
    """A lease on such a table."""

    table: Any = None

    def take(self) -> bool:
        taken: bool = self.table.take(self.holder, self.seconds)
        return taken


@settings(max_examples=1_000, deadline=None)
@given(steps=_STEPS)
def test_never_do_two_believe_to_be_at_work(
    steps: list[tuple[float, int, tuple[float, float], str]],
) -> None:
    seconds = Seconds()
    table = _Table(seconds)
    nowhere = cast("Store", None)
    parts = [_TableLease(nowhere, "dispatch", f"{n}", LEASE_S, seconds, table) for n in range(2)]
    leases_held: dict[int, HeldLease] = {}
    for pause, who, table.ways, step in steps:
        seconds.now += pause
        asked_at = seconds()
        if step == "leave":
            if leases_held.pop(who, None) is not None:
                table.give_back(f"{who}")
        elif who in leases_held:
            leases_held[who].renew()
        elif parts[who].take():
            leases_held[who] = HeldLease(parts[who], Event(), asked_at)
        leases_held = {who: held for who, held in leases_held.items() if not held.is_set()}

        assert len(leases_held) <= 1

"""Mails are read in processes that may be killed: what each end of one means for the mail."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

from mailtrack.clock import FakeClock
from mailtrack.errors import PermanentError, ReadingLimitError, TransientError
from mailtrack.inbox import reading_pool, reading_process
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.reading_pool import MOST_KILLS, ReadingLimits, ReadingPool
from mailtrack.inbox.reading_process import Task
from mailtrack.runtime.services import Services
from mailtrack.store import inbound
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from tests.inbox.misdeeds import Misled, evil

ROOT = Path(__file__).parents[2]
CORPUS = sorted((ROOT / "tests" / "corpus").glob("*/*.eml"))

Mail = Callable[..., bytes]
Rows = Callable[..., list[Mapping[str, Any]]]
Pools = Callable[..., ReadingPool]
Eventually = Callable[..., None]

#: Where a mail is to be stopped; elsewhere it may take as long as ever, since machines differ.
BRIEF = {"cpu_s": 0.5, "header_cpu_s": 0.5}

pytestmark = pytest.mark.parametrize("database", ["sqlite"])


@pytest.fixture
def new_pool(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pools]:
    """Make a pool whose processes can be misled."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pools: list[ReadingPool] = []

    def make(processes: int = 1, **limits: Any) -> ReadingPool:
        pools.append(ReadingPool(Misled(services.analyzer), processes, ReadingLimits(**limits)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def readers() -> list[psutil.Process]:
    """Return the processes of this one that read mails, by what they were started as."""
    return [
        child
        for child in psutil.Process().children()
        if child.is_running() and "mailtrack.inbox.reading_process" in child.cmdline()
    ]


# --- what is read -------------------------------------------------------------------


def test_a_mail_says_the_same_in_a_process_of_its_own(new_pool: Pools, services: Services) -> None:
    pool = new_pool(2)
    mails = [path.read_bytes() for path in CORPUS[::15]]

    for raw in mails:
        assert _told(services.analyzer, raw) == _told(pool, raw)


def _told(analyzer: Any, raw: bytes) -> object:
    try:
        return analyzer.analyze(raw)
    except PermanentError as error:
        return str(error)


def test_of_several_mails_each_has_its_own_end(new_pool: Pools, mail: Mail) -> None:
    """One process reads them at one go, and another goes on where it ends."""
    deeds = ("", "spin", "", "fail", "leave", "hoard", "", "crash", "")
    mails = [evil(deed, mail()) if deed else mail() for deed in deeds]

    told = new_pool(memory=400_000_000).analyze_each(mails)

    limit, unreadable, later = ReadingLimitError, PermanentError, TransientError
    ends = [None, limit, None, unreadable, later, limit, None, unreadable, None]
    assert ends == [type(one) if isinstance(one, Exception) else None for one in told]
    assert {"tracked"} == {one.outcome for one in told if not isinstance(one, Exception)}


def test_ten_mails_that_take_long_keep_no_process_to_themselves(
    new_pool: Pools, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a second it is free again, and they go on as soon as they have one."""
    pool, turns = new_pool(), list[int]()
    ask = reading_pool._Process.ask

    def count(process: Any, tasks: Sequence[Any]) -> Iterator[Any]:
        turns.append(len(tasks))
        return ask(process, tasks)

    monkeypatch.setattr(reading_pool._Process, "ask", count)
    told = pool.analyze_each([evil("spin_for_a_while", mail()) for _ in range(8)])

    assert ["tracked"] * 8 == [not isinstance(one, Exception) and one.outcome for one in told]
    assert 8 == turns[0]
    assert len(turns) > 1
    assert turns == sorted(set(turns), reverse=True)  # each turn reads one at least


def test_the_words_of_an_unknown_error_stay_where_the_mail_was_read(
    new_pool: Pools, mail: Mail
) -> None:
    with pytest.raises(PermanentError, match=r"^unreadable: RuntimeError$"):
        new_pool().analyze(evil("fail", mail()))


def test_a_process_is_replaced_after_so_many_mails(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool(tasks=2)
    seen: set[int] = set()

    for _ in range(6):
        pool.analyze(mail())
        seen.update(process.pid for process in readers())

    assert len(seen) >= 3
    assert len(readers()) <= 1


def test_many_threads_share_few_processes(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool(2)

    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(pool.analyze, [mail() for _ in range(40)]))

    assert {"tracked"} == {one.outcome for one in read}
    assert 2 == len(readers())


def test_a_worker_s_pool_reads_as_its_settings_say(services: Services, mail: Mail) -> None:
    pool = services.reading_pool

    assert "tracked" == pool.analyze(mail()).outcome
    assert services.settings.jobs.readers == len(readers())

    services.close()
    assert [] == readers()


# --- what is too much ---------------------------------------------------------------


@pytest.mark.parametrize("deed", ["spin", "spin_in_c"])
def test_a_mail_that_takes_too_long_is_stopped_at_once_and_for_good(
    deed: str, new_pool: Pools, mail: Mail
) -> None:
    pool = new_pool(**BRIEF)

    with pytest.raises(ReadingLimitError, match=r"more than 0\.5 s of the processor's time"):
        pool.analyze(evil(deed, mail()))

    assert "tracked" == pool.analyze(mail()).outcome


def test_each_mail_has_the_whole_of_its_time(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool(**BRIEF)

    for _ in range(3):
        assert "tracked" == pool.analyze(evil("spin_for_a_while", mail())).outcome


def test_a_mail_is_not_sent_in_what_is_left_of_the_time_of_the_one_before(
    services: Services, mail: Mail
) -> None:
    """Or one that takes nearly all of its time would have the next one given up."""
    link = Mock()
    link.send_bytes = lambda _: left.append(signal.getitimer(signal.ITIMER_PROF))
    left: list[tuple[float, float]] = []

    reading_process._take_turn(link, services.analyzer, [Task("analyze", mail(), 60)])

    assert [(0.0, 0.0)] == left


def test_a_mail_that_takes_too_much_memory_is_stopped(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool(memory=400_000_000)

    with pytest.raises(ReadingLimitError, match="more memory"):
        pool.analyze(evil("hoard", mail()))

    assert "tracked" == pool.analyze(mail()).outcome


def test_a_mail_that_crashes_the_process_is_an_unreadable_one(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool()

    with pytest.raises(PermanentError, match=r"crashed the reader \(SIGSEGV\)") as caught:
        pool.analyze(evil("crash", mail()))

    assert not isinstance(caught.value, ReadingLimitError)
    assert "tracked" == pool.analyze(mail()).outcome


# --- what is no mail's fault --------------------------------------------------------


def test_a_process_that_is_killed_costs_the_mail_nothing_until_the_third_time(
    new_pool: Pools, mail: Mail, eventually: Eventually
) -> None:
    pool, raw = new_pool(), evil("wait", mail())

    ends = [_killed_over(pool, raw, eventually) for _ in range(MOST_KILLS)]

    assert [TransientError] * (MOST_KILLS - 1) + [ReadingLimitError] == list(map(type, ends))
    assert f"reading it ended by SIGKILL, {MOST_KILLS} times" == str(ends[-1])
    assert "tracked" == pool.analyze(mail()).outcome


def _killed_over(pool: ReadingPool, raw: bytes, eventually: Eventually) -> BaseException | None:
    """Let a mail be read and kill the process over it; return what the pool says."""
    with ThreadPoolExecutor(1) as thread:
        reading: Future[Any] = thread.submit(pool.analyze, raw)
        eventually(lambda: readers() and _is_reading(readers()[0]))
        readers()[0].kill()
        return reading.exception()


def _is_reading(process: psutil.Process) -> bool:
    """Return True if a process sleeps in a mail, not in its wait for one (a read of a socket)."""
    return "nanosleep" in Path(f"/proc/{process.pid}/wchan").read_text()


def test_a_process_that_is_killed_between_two_mails_is_not_missed(
    new_pool: Pools, mail: Mail
) -> None:
    pool = new_pool()
    pool.analyze(mail())
    for process in readers():
        process.kill()
        process.wait()

    assert "tracked" == pool.analyze(mail()).outcome


def test_a_process_that_leaves_over_a_mail_is_like_one_that_is_killed(
    new_pool: Pools, mail: Mail
) -> None:
    pool = new_pool()

    with pytest.raises(TransientError, match="exit code 3"):
        pool.analyze(evil("leave", mail()))


def test_a_process_that_does_not_answer_is_given_up(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool(wall_s=2.0)

    with pytest.raises(TransientError, match="SIGKILL"):
        pool.analyze(evil("freeze", mail()))

    assert "tracked" == pool.analyze(mail()).outcome


@pytest.mark.parametrize(
    "command", [("/nowhere/python",), (sys.executable, "-c", "raise SystemExit(1)")]
)
def test_mails_wait_while_no_process_can_be_started(
    command: tuple[str, ...], new_pool: Pools, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = mail()
    with monkeypatch.context() as broken:
        broken.setattr(reading_pool, "_COMMAND", command)
        pool = new_pool()
        for _ in range(MOST_KILLS + 1):
            with pytest.raises(TransientError, match="No process"):
                pool.analyze(raw)

    with suppress(TransientError):  # what was started before
        pool.analyze(raw)
    assert "tracked" == pool.analyze(raw).outcome


def test_what_is_sent_to_stop_the_worker_does_not_stop_what_is_read(
    new_pool: Pools, mail: Mail
) -> None:
    pool = new_pool()
    pool.analyze(mail())
    before = readers()
    for process in before:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)

    assert "tracked" == pool.analyze(mail()).outcome
    assert before == readers()


def test_the_processes_know_none_of_our_secrets(
    new_pool: Pools, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__PASSWORD", "secret")
    new_pool().analyze(mail())

    assert [] == [name for name in readers()[0].environ() if name.startswith("MAILTRACK_")]


def test_nothing_is_left_behind_by_a_pool_that_was_closed(new_pool: Pools, mail: Mail) -> None:
    pool = new_pool(2)
    pool.analyze(mail())

    pool.close()

    assert [] == readers()


PARENT = """
import sys
from mailtrack.inbox.addresses import PersonalAddresses
from mailtrack.inbox.reading_pool import ReadingLimits, ReadingPool
from mailtrack.inbox.analysis import MailAnalyzer
from tests.inbox.misdeeds import Misled, evil

keeper = MailAnalyzer("mx.example.org", (), (), PersonalAddresses("colis@example.org", "secret"))
pool = ReadingPool(Misled(keeper), 2, ReadingLimits(cpu_s=600))
pool.analyze(b"From: ana@example.org\\n\\nbonjour")
print("reads", flush=True)
pool.analyze(evil(sys.argv[1], b"From: ana@example.org\\n\\nbonjour"))
"""


@pytest.mark.parametrize("deed", ["spin_in_c", "wait"])
def test_no_process_outlives_a_worker_that_was_killed(
    deed: str, new_pool: Pools, eventually: Eventually
) -> None:
    command = [sys.executable, "-c", PARENT, deed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as worker:
        assert worker.stdout is not None
        assert b"reads\n" == worker.stdout.readline()
        children = psutil.Process(worker.pid).children()

        worker.send_signal(signal.SIGKILL)

    assert 2 == len(children)
    eventually(lambda: not any(map(_is_alive, children)))


def _is_alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


# --- what becomes of the mails ------------------------------------------------------


@pytest.fixture
def misled(services: Services, new_pool: Pools) -> Reader:
    return replace(services.reader(), analyzer=new_pool(2, **BRIEF), carriers=("cainiao",))


def test_a_mail_that_takes_too_long_is_quarantined_once_and_its_sender_told(
    misled: Reader, mail: Mail, keep: Any, read_with: Any, rows: Rows
) -> None:
    keep(evil("spin", mail()))

    read_with(misled)

    row = rows(t.inbound)[0]
    assert ("quarantined", 1) == (row["outcome"], row["attempts"])
    assert (
        "reading it took more than 0.5 s of the processor's time and was stopped" == row["reason"]
    )
    assert ["nothing_found"] == [notice["kind"] for notice in rows(t.notice)]


def test_ten_hostile_mails_leave_the_others_their_turn(
    misled: Reader, mail: Mail, keep: Any, store: Store, clock: FakeClock, rows: Rows
) -> None:
    for n in range(10):
        keep(evil("spin", mail(f"LP0012345678{n:04}")))
    keep(mail())
    with store.write() as connection:
        due = inbound.claim_unread(
            connection, token="a token", now=clock.now(), until=clock.later(90), limit=20
        )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: misled.read([one], "a token"), due))

    assert ["quarantined"] * 10 + ["tracked"] == [row["outcome"] for row in rows(t.inbound)]


def test_a_process_that_is_killed_loses_no_mail(
    misled: Reader,
    services: Services,
    mail: Mail,
    keep: Any,
    read_with: Any,
    rows: Rows,
    clock: FakeClock,
) -> None:
    keep(evil("leave", mail()))
    with pytest.raises(TransientError):
        read_with(misled)
    assert [None] == [row["outcome"] for row in rows(t.inbound)]

    clock.advance(seconds=121)
    read_with(services.reader())

    assert ["tracked"] == [row["outcome"] for row in rows(t.inbound)]

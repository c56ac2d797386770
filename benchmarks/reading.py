"""Reading forwarded mails, small and dense, against mail-parser alone taking them apart.

And in processes of their own, against a worker's threads in its one process.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import mailparser

from benchmarks.dense import PARCEL, dense_mails
from benchmarks.hostile import make_analyzer
from benchmarks.measure import Ratio, in_turns
from mailtrack.domain.model import Outcome
from mailtrack.inbox.reading_pool import ReadingLimits, ReadingPool
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.sandbox.mails import (
    DemoPerson,
    apple,
    forwarded,
    gmail,
    orange,
    outlook,
    parcel_update,
    thunderbird,
)

ROUNDS = 40
#: Threads of a worker, mails that they read, and how often.
THREADS, BATCH, BATCHES = 8, 120, 7


def ratios() -> Iterator[Ratio]:
    """Measure over one forward by each mail program."""
    mails = _mails()
    assert all(parse(read_message(raw)).outcome is Outcome.TRACKED for raw in mails)
    ours, yardstick = in_turns(
        lambda: [parse(read_message(raw)) for raw in mails],
        lambda: [mailparser.parse_from_bytes(raw) for raw in mails],
        ROUNDS,
    )
    yield Ratio(
        f"reading {len(mails)} mails to their parcels", ours, "mail-parser", yardstick, "≤ 3"
    )
    for name, raw in dense_mails().items():
        yield _dense(name, raw)

    for processes in (1, 2):
        yield _in_processes(processes, [*mails, *dense_mails().values()])


def _in_processes(processes: int, mails: Sequence[bytes]) -> Ratio:
    """Measure what a worker's threads read in processes and in their own, which shares a lock."""
    analyzer = make_analyzer()
    pool = ReadingPool(analyzer, processes, ReadingLimits())
    batch = [mails[n % len(mails)] for n in range(BATCH)]
    with ThreadPoolExecutor(THREADS) as threads:

        def read(analyze: Callable[[bytes], object]) -> None:
            list(threads.map(analyze, batch))

        read(pool.analyze)  # nobody waits for the start of a process but the first
        ours, yardstick = in_turns(
            lambda: read(pool.analyze), lambda: read(analyzer.analyze), BATCHES
        )
    pool.close()
    name = f"reading {BATCH} mails in {processes} process{'es' * (processes > 1)}"
    return Ratio(name, ours, f"{THREADS} threads of one process", yardstick, count=BATCH)


def _dense(name: str, raw: bytes) -> Ratio:
    assert parse(read_message(raw)).parcels[0].number == PARCEL, name
    ours, yardstick = in_turns(
        lambda: parse(read_message(raw)), lambda: mailparser.parse_from_bytes(raw), ROUNDS
    )
    return Ratio(f"reading {len(raw) // 1000} KB: {name}", ours, "mail-parser", yardstick, "≤ 3")


def _mails() -> list[bytes]:
    shop_mail = parcel_update("LP00123456789012", "3054169918880001", "Lampe de bureau")
    ana, at = DemoPerson("Ana", "ana@example.org"), datetime(2026, 3, 2, 8, tzinfo=UTC)
    forwarders = (gmail, outlook, apple, thunderbird, orange)
    return [
        forwarded(forwarder, shop_mail, ana, at, "Voilà", serial)
        for serial, forwarder in enumerate(forwarders)
    ]

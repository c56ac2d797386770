"""Reads mails in processes that may be killed, so that none of them holds up the others.

How a process ends says whose fault it was::

    SIGPROF            the mail took more of the processor's time than any may   ReadingLimitError
    it says so         … or more memory                                          ReadingLimitError
    SIGSEGV, SIGABRT … the mail makes a library crash                            PermanentError
    otherwise          somebody killed it: an operator, the kernel short of      TransientError
                       memory; the third time over the same mail it is the       ReadingLimitError
                       mail's fault after all
    before it reads    something is wrong with us, and the mail is read later    TransientError
"""

import hashlib
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue

from mailtrack.errors import PermanentError, ReadingLimitError, TransientError
from mailtrack.inbox.analysis import AnalyzedMail
from mailtrack.inbox.reading_process import NO_MORE, Analyzer, Task

#: Processes that were killed over one mail, after which it is the mail's fault.
MOST_KILLS = 3
#: Mails whose kills are remembered; nobody kills so many.
_MOST_REMEMBERED = 1_000
#: How long a process may take to start, and to end once nobody talks to it (seconds).
_START_S, _END_S = 60.0, 1.0
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})
_COMMAND = (sys.executable, "-m", "mailtrack.inbox.reading_process")


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one mail may cost: together never more than ten seconds of the processor's time.

    `cpu_s` for a whole mail, `header_cpu_s` for the header of one that could not be read;
    `wall_s` by the clock, however busy the machine is; `memory` (bytes of address space).
    `tasks`: mails after which a process is replaced, so that nothing adds up in it.
    """

    cpu_s: float = 8
    header_cpu_s: float = 2
    wall_s: float = 90.0
    memory: int = 500_000_000
    tasks: int = 5_000


class ReadingPool:
    """Reads mails like the analyzer that it is given, in processes of its own.

    Its methods are called from any number of threads; each waits for a process that is free.
    """

    def __init__(self, analyzer: Analyzer, processes: int, limits: ReadingLimits) -> None:
        self._analyzer = analyzer
        self._limits = limits
        # A process dies with the thread that started it (prctl(2)): this one stays.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="reading-pool")
        self._free: SimpleQueue[Future[_Process]] = SimpleQueue()
        self._kills: Counter[bytes] = Counter()
        for _ in range(processes):
            self._start()

    def analyze(self, raw: bytes) -> AnalyzedMail:
        """Read a raw mail; raises PermanentError, ReadingLimitError or TransientError."""
        return self._read(Task("analyze", raw, self._limits.cpu_s))

    def analyze_each(self, mails: Sequence[bytes]) -> list[AnalyzedMail | Exception]:
        """Read raw mails, several by one process; return of each what it says, or an error.

        The errors are those of `analyze`, and each is about its own mail alone.
        """
        tasks = [Task("analyze", raw, self._limits.cpu_s) for raw in mails]
        told: list[AnalyzedMail | Exception] = []
        while len(told) < len(tasks):
            told += self._read_some(tasks[len(told) :])
        return told

    def analyze_header(self, raw: bytes) -> AnalyzedMail:
        """Read the header alone of a mail whose body nobody can read; raises the same."""
        return self._read(Task("analyze_header", raw, self._limits.header_cpu_s))

    def close(self) -> None:
        """End the processes that are free; those that read end with this one."""
        self._starter.shutdown()
        with suppress(Empty, OSError):
            while True:
                self._free.get_nowait().result().end()

    def _read(self, task: Task) -> AnalyzedMail:
        [told] = self._read_some([task])
        if isinstance(told, Exception):
            raise told
        return told

    def _read_some(self, tasks: Sequence[Task]) -> list[AnalyzedMail | Exception]:
        """Let a process read some mails in one turn; return what it says of the first of them.

        1. Where no process can be had, all are left as they are.
        2. A process that ends over a mail has answered for those before it; it is that one's
           affair, and the next ones are read by another process.
        3. So are those that the turn was too short for, or that follow one that took too much
           memory.
        """
        # 1.
        try:
            slot = self._take()
        except TransientError as error:
            return [error] * len(tasks)
        process, told = slot.result(), list[AnalyzedMail | Exception]()
        # 2.
        try:
            for answer in process.ask(tasks):
                told.append(answer)
                if isinstance(answer, ReadingLimitError):
                    break
        except (EOFError, OSError):
            code = process.end()
            self._start()
            if not process.is_ready:
                return [TransientError(f"No process reads mails: {_name(code)}.")] * len(tasks)
            return [*told, self._fault(tasks[len(told)], code)]
        # 3.
        if process.tasks >= self._limits.tasks or isinstance(told[-1], ReadingLimitError):
            process.end()
            self._start()
        else:
            self._free.put(slot)
        self._forgive(tasks[: len(told)])
        return told

    def _forgive(self, tasks: Sequence[Task]) -> None:
        """Forget the processes that were killed over mails which did no harm after all."""
        if self._kills:
            for task in tasks:
                self._kills.pop(_key(task), None)

    def _take(self) -> "Future[_Process]":
        """Wait for a process that is free; raise TransientError where none can be had."""
        while True:
            try:
                slot = self._free.get(timeout=self._limits.wall_s)
                process = slot.result()
            except Empty:
                raise TransientError("All processes that read mails are busy.") from None
            except OSError as error:
                self._start()
                raise TransientError(f"No process can be started to read mails: {error}") from error
            if process.is_alive():
                return slot
            process.end()
            self._start()

    def _start(self) -> None:
        with suppress(RuntimeError):  # the pool was closed
            self._free.put(self._starter.submit(_Process, self._analyzer, self._limits))

    def _fault(self, task: Task, code: int) -> Exception:
        """Return what the end of a process over a mail means; see above."""
        if code == -signal.SIGPROF:
            return ReadingLimitError(
                f"reading it took more than {task.cpu_s:g} s of the processor's time"
                " and was stopped"
            )
        if -code in _CRASHES:
            return PermanentError(f"unreadable: it crashed the reader ({_name(code)})")
        if len(self._kills) >= _MOST_REMEMBERED:
            self._kills.clear()
        self._kills[_key(task)] += 1
        if self._kills[_key(task)] >= MOST_KILLS:
            return ReadingLimitError(f"reading it ended by {_name(code)}, {MOST_KILLS} times")
        return TransientError(f"Reading a mail ended by {_name(code)}: it is read again.")


class _Process:
    """One process, and the socket to it; used by one thread at a time."""

    def __init__(self, analyzer: Analyzer, limits: ReadingLimits) -> None:
        self.is_ready = False
        self.tasks = 0
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._process = subprocess.Popen(
                [*_COMMAND, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Without our secrets: who reads strangers' mails needs none.
                env={k: v for k, v in os.environ.items() if not k.startswith("MAILTRACK_")},
            )
            # One that was stopped neither takes what is sent nor says anything.
            longest = struct.pack("ll", max(1, int(limits.wall_s)), 0)
            for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                ours.setsockopt(socket.SOL_SOCKET, option, longest)
            self._link = Connection(ours.detach())
        self._link.send((analyzer, limits.memory))

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, tasks: Sequence[Task]) -> Iterator[AnalyzedMail | Exception]:
        """Let mails be read, one at least; yield what each says or an error, in their order.

        Raises EOFError or OSError where the process ends, or answers too late.
        """
        if not self.is_ready:
            if not self._link.poll(_START_S):
                raise TimeoutError
            self._link.recv_bytes()
            self.is_ready = True
        self._link.send(tasks)
        for _ in tasks:
            answer = self._link.recv_bytes()
            if answer == NO_MORE:
                return
            self.tasks += 1
            yield pickle.loads(answer)  # noqa: S301 - from our own process

    def end(self) -> int:
        """End the process, which leaves by itself if it can; return its exit code."""
        self._link.close()
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _key(task: Task) -> bytes:
    return hashlib.sha256(task.raw).digest()


def _name(code: int) -> str:
    """Return the name of an exit code: a signal's where it is negative."""
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"

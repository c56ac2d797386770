"""The process that reads mails for a worker, one after the other, until the worker is gone.

Strangers write these mails: whatever one of them does to this process, the worker and the
other mails go on. `reading_pool` starts it, gives it mails and tells what its end means.
"""

import ctypes
import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

from mailtrack.errors import MailtrackError, PermanentError, ReadingLimitError
from mailtrack.inbox.analysis import AnalyzedMail

#: New objects between two collections of garbage; see `jobs.worker`.
COLLECT_AFTER = 50_000
#: After how long no other mail of a turn is begun (seconds, by the clock): the process is free
#: for the next who wants it, and nobody keeps it with ten mails that take long.
TURN_S = 1.0
#: Says that the rest of a turn's mails were not read.
NO_MORE = b""
_PR_SET_PDEATHSIG = 1
#: Read once before the first mail comes, so that nothing is set up at its expense.
_SAMPLE = """\
From: Ana <ana@example.org>
Subject: =?utf-8?q?TR=3A_exp=C3=A9di=C3=A9?=
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>---------- Forwarded message ---------<br>De : Léa &lt;lea@example.org&gt;<br>
Date : 2 mars 2026<br>Objet : Expédié<br>À : ana@example.org</p><p>LP00123456789012</p>
""".encode()


class Analyzer(Protocol):
    """What reads mails, here or in a process of its own; see `MailAnalyzer`."""

    def analyze(self, raw: bytes) -> AnalyzedMail: ...
    def analyze_each(self, mails: Sequence[bytes]) -> Sequence[AnalyzedMail | Exception]: ...
    def analyze_header(self, raw: bytes) -> AnalyzedMail: ...


@dataclass(frozen=True, slots=True)
class Task:
    """One mail to be read: by which method, and in how much of the processor's time (seconds)."""

    method: str
    raw: bytes
    cpu_s: float


def main(descriptor: int, parent: int) -> None:
    """Serve the worker `parent` through a socket, until it closes it or dies."""
    # The kernel ends this process with the worker, however that ends.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # gone before we could ask for it
        sys.exit(0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C and systemd tell it to all; the worker lets what it has begun come to its end.
        signal.signal(number, signal.SIG_IGN)
    link = Connection(descriptor)
    with suppress(EOFError, OSError):
        analyzer, memory = link.recv()
        # No more address space than so many bytes, and no core is left behind.
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        analyzer.analyze(_SAMPLE)
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, 20, 20)
        link.send_bytes(b"ready")
        while True:
            _take_turn(link, analyzer, link.recv())


def _take_turn(link: Connection, analyzer: Analyzer, tasks: Sequence[Task]) -> None:
    """Answer for some mails, one after the other; leave the rest where those took long."""
    enough = time.monotonic() + TURN_S
    for task in tasks:
        if task is not tasks[0] and time.monotonic() > enough:
            link.send_bytes(NO_MORE)
            return
        answer = _answer(analyzer, task)
        # What the next mail sends is not read in the time that this one has left.
        signal.setitimer(signal.ITIMER_PROF, 0)
        link.send_bytes(answer)


def _answer(analyzer: Analyzer, task: Task) -> bytes:
    """Return what a mail says, or the error that reading it ended in, ready to be sent."""
    _limit_time(task.cpu_s)
    answer: object
    try:
        answer = getattr(analyzer, task.method)(task.raw)
        return pickle.dumps(answer)
    except MailtrackError as error:
        answer = error
    except MemoryError:
        answer = ReadingLimitError("reading it took more memory than any mail may")
    except Exception as error:  # noqa: BLE001 - strangers write these mails
        # Its words may repeat the mail.
        answer = PermanentError(f"unreadable: {type(error).__name__}")
    return pickle.dumps(answer)


def _limit_time(cpu_s: float) -> None:
    """Let the kernel end this process (SIGPROF) after so much more of the processor's time.

    A limit in Python would wait for a regular expression to come to its end, and RLIMIT_CPU
    counts whole seconds of the process, so that a mail would lose what others have begun.
    """
    signal.setitimer(signal.ITIMER_PROF, cpu_s)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

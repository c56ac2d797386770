"""An analyzer that does what a hostile mail could make a library do, in the reading process.

It reads mails as the service does, but for those with a header `X-Deed`.
"""

import ctypes
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailtrack.inbox.analysis import AnalyzedMail, MailAnalyzer


def spin() -> None:
    while True:
        pass


def spin_for_a_while() -> None:
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass


def spin_in_c() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def hoard() -> None:
    heap = []
    while True:
        heap.append(bytearray(50_000_000))


def crash() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(3)


def fail() -> None:
    raise RuntimeError("ana@example.org wrote what nobody may read in a log")


def freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def wait() -> None:
    time.sleep(600)


DEEDS: dict[bytes, Callable[[], None]] = {
    deed.__name__.encode(): deed
    for deed in (spin, spin_for_a_while, spin_in_c, hoard, crash, leave, fail, freeze, wait)
}


@dataclass(frozen=True, slots=True)
class Misled:
    """Does the deed that a mail names; `analyze_header` is not misled."""

    analyzer: MailAnalyzer

    def analyze(self, raw: bytes) -> AnalyzedMail:
        found = re.match(rb"X-Deed: (\w+)", raw)
        if found:
            DEEDS[found[1]]()
        return self.analyzer.analyze(raw)

    def analyze_each(self, mails: Sequence[bytes]) -> list[AnalyzedMail | Exception]:
        return [self.analyze(raw) for raw in mails]

    def analyze_header(self, raw: bytes) -> AnalyzedMail:
        return self.analyzer.analyze_header(raw)


def evil(deed: str, mail: bytes) -> bytes:
    """Return a mail that makes its reader do a deed."""
    return b"X-Deed: %b\r\n" % deed.encode() + mail

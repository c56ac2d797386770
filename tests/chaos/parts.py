"""The processes: started, killed, started again as systemd would, and ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

#: How long a part that ended stays away (RestartSec of a careful unit).
RESTART_S = 0.5
#: How long a part gets to end by itself.
GRACE_S = 40.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(slots=True)
class Part:
    """One process. `user`: whom it runs as; `held`: it stays away until released."""

    name: str
    command: Sequence[str]
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None
    held: bool = False
    ended_at: float = 0.0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Crew:
    """All processes of one run. `look_after` has to be called often, from one thread."""

    folder: Path
    environment: Mapping[str, str]
    parts: dict[str, Part] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the parts, the first of which serve the others, in the other order."""
        for part in reversed(self.parts.values()):
            self._end(part)

    def add(self, part: Part) -> None:
        """Start a part and look after it from now on."""
        self.parts[part.name] = part
        self._start(part)

    def look_after(self) -> None:
        """Start again what has ended."""
        now = time.monotonic()
        for part in self.parts.values():
            if part.held or part.is_running:
                continue
            part.ended_at = part.ended_at or now
            if now - part.ended_at >= RESTART_S:
                self._start(part)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a part, or a child of `up` that is none of ours, without warning."""
        part = self.parts.get(name)
        if part is None:
            victim = self._children_of_up().get(name)
            if victim is not None:
                victim.kill()
        elif part.process is not None and part.is_running:
            part.process.send_signal(number)
            part.process.wait()

    def hold(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a part and let it stay away."""
        self.parts[name].held = True
        self.kill(name, number)

    def release(self, name: str) -> None:
        """Start a part that was held."""
        part = self.parts[name]
        part.held = False
        if not part.is_running:
            self._start(part)

    def _children_of_up(self) -> dict[str, psutil.Process]:
        found = {}
        for process in self._descendants(self.parts.get("up")):
            with suppress(psutil.NoSuchProcess):
                words = process.cmdline() or [""]
                found["broker" if "valkey" in words[0] else words[-1]] = process
        return found

    def _descendants(self, part: Part | None) -> list[psutil.Process]:
        if part is None or part.process is None or not part.is_running:
            return []
        with suppress(psutil.NoSuchProcess):
            return list(psutil.Process(part.process.pid).children(recursive=True))
        return []

    def _start(self, part: Part) -> None:
        part.ended_at = 0.0
        with (self.folder / f"{part.name}.log").open("ab") as log:
            part.process = subprocess.Popen(
                part.command,
                env=dict(self.environment),
                cwd=self.folder,
                user=part.user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )

    def _end(self, part: Part) -> None:
        """End a part and whatever it started; SIGTERM first, where that is enough."""
        if part.process is None:
            return
        family = self._descendants(part)
        with suppress(ProcessLookupError):
            part.process.terminate()
        try:
            part.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            part.process.kill()
            part.process.wait()
        for process in psutil.wait_procs(family, timeout=5.0)[1]:
            process.kill()


def mailtrack(*words: str) -> list[str]:
    """Return the command line of `mailtrack …`."""
    return [sys.executable, "-m", "mailtrack", *words]


def clean_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with these settings of mailtrack and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILTRACK_")}
    return {**kept, **{f"MAILTRACK_{name}": value for name, value in own.items() if value}}


def _die_with_parent() -> None:
    """Nothing is left behind, even if this program itself is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

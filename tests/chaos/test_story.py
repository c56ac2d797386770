"""The story comes out the same whatever is killed while it is played."""

import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

#: Between two kills (real seconds): enough to do something, too little to rest.
PAUSE_S = 2.5
KILLS = 8
PATIENCE_S = 170.0


class Demo:
    """`mailtrack demo --once` in a process of its own, with its parts within reach."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.log = folder / "demo.log"
        command = [sys.executable, "-m", "mailtrack", "demo", "--once", *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, cwd=folder
            )

    def parts(self) -> dict[str, psutil.Process]:
        """Return the processes of the service that are running, by name."""
        found = {}
        for process in self._children():
            with suppress(psutil.NoSuchProcess):
                words = process.cmdline() or ["", ""]
                name = "broker" if "valkey" in words[0] else words[-1]
                found[name] = process
        return found

    def _children(self) -> list[psutil.Process]:
        if self.process.poll() is not None:
            return []
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def table(self) -> dict[str, int]:
        """Return the final table, without what may differ: polls, skips, repeats."""
        rows = re.findall(r"│\s+(.+?)\s+│\s+(\d+)\s+│", self.output())
        same = ("polls", "not mailed", "repeated")
        return {name: int(times) for name, times in rows if not name.startswith(same)}

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    """Return what starts a demo; those that still run at the end are ended."""
    demos: list[Demo] = []

    def start() -> Demo:
        folder = tmp_path / str(len(demos))
        folder.mkdir()
        demos.append(Demo(folder))
        return demos[-1]

    yield start
    for demo in demos:
        demo.end()


def test_killing_any_part_at_any_moment_changes_nothing_of_what_comes_of_the_story(
    play: Callable[[], Demo],
) -> None:
    """Parts are killed with SIGKILL, the supervisor among them; each is started again."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    killed = []

    undisturbed = play()
    assert 0 == undisturbed.wait(), undisturbed.output()

    under_fire = play()
    for _ in range(KILLS):
        _wait_for_parts(under_fire)
        name, victim = rng.choice(sorted(under_fire.parts().items()) or [("", None)])
        if victim is None:
            break
        victim.kill()
        killed.append(name)
        _pass(PAUSE_S, under_fire)

    assert 0 == under_fire.wait(), f"{killed}\n{under_fire.output()}"
    assert undisturbed.table() == under_fire.table(), f"{killed}"
    assert "lost 0\ndoubled 0" in under_fire.output()
    assert killed


def _wait_for_parts(demo: Demo) -> None:
    """Wait until all parts run, or the story is over."""
    deadline = time.monotonic() + PATIENCE_S
    while demo.process.poll() is None and time.monotonic() < deadline:
        if {"up", "watch", "dispatch", "work", "web", "broker"} <= demo.parts().keys():
            return
        _pass(0.1, demo)


def _pass(seconds: float, demo: Demo) -> None:
    """Let the story go on for a while."""
    try:
        demo.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return

"""The crew starts again what ends, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.chaos.parts import Crew, Part

_SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    with Crew(tmp_path, dict(os.environ)) as crew:
        crew.add(Part("sleeper", _SLEEP))
        yield crew


def _pid(crew: Crew) -> int:
    process = crew.parts["sleeper"].process
    assert process is not None
    return process.pid


def test_a_part_that_was_killed_is_started_again(
    crew: Crew, eventually: Callable[..., None]
) -> None:
    before = _pid(crew)
    crew.kill("sleeper")

    def again() -> bool:
        crew.look_after()
        return crew.parts["sleeper"].is_running

    eventually(again)
    assert before != _pid(crew)


def test_a_part_that_is_held_stays_away_until_it_is_released(crew: Crew) -> None:
    crew.hold("sleeper", signal.SIGTERM)
    crew.look_after()
    assert not crew.parts["sleeper"].is_running

    crew.release("sleeper")
    assert crew.parts["sleeper"].is_running


def test_nothing_is_left_at_the_end(crew: Crew) -> None:
    pid = _pid(crew)
    crew.__exit__(None, None, None)

    assert not psutil.pid_exists(pid)


def test_nothing_is_left_even_if_the_program_itself_is_killed(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    script = (
        "import os, pathlib, sys, time\n"
        "from tests.chaos.parts import Crew, Part\n"
        f"crew = Crew(pathlib.Path({str(tmp_path)!r}), dict(os.environ))\n"
        f"crew.add(Part('sleeper', {_SLEEP!r}))\n"
        "print(crew.parts['sleeper'].process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    )
    with program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.kill()

    eventually(lambda: not _is_alive(pid))


def _is_alive(pid: int) -> bool:
    """Return True if a process runs; an orphan may stay as a zombie where nobody reaps."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

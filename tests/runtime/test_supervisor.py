"""The process tree of `mailtrack up`: restarted part by part, ended as a whole."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from mailtrack.runtime.supervisor import Child, Supervisor, embedded_broker, role

Eventually = Callable[..., None]


def _sh(name: str, script: str) -> Child:
    return Child(name, ["/bin/sh", "-c", script])


def _waiting(name: str, folder: Path) -> Child:
    """A child that adds its process id to a file and waits."""
    return _sh(name, f"echo $$ >> {folder / name}; exec sleep 600")


def _pids(folder: Path, name: str) -> list[int]:
    file = folder / name
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _is_gone(pid: int) -> bool:
    """Return True if a process has ended; its parent may still have to hear of it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Tree:
    """A supervisor at work in a thread."""

    def __init__(self, *children: Child, now: Callable[[], float] | None = None) -> None:
        self.stop = Event()
        supervisor = Supervisor(children, {}) if now is None else Supervisor(children, {}, now)
        self._pool = ThreadPoolExecutor(1)
        self._run: Future[int] = self._pool.submit(supervisor.run, self.stop)

    def code(self) -> int:
        """Wait for the end; return the exit code."""
        return self._run.result(30)

    def close(self) -> None:
        self.stop.set()
        self._pool.shutdown()


@pytest.fixture
def plant() -> Iterator[Callable[..., Tree]]:
    """Start a tree; it is gone when the test is."""
    trees: list[Tree] = []

    def make(*children: Child, now: Callable[[], float] | None = None) -> Tree:
        trees.append(Tree(*children, now=now))
        return trees[-1]

    yield make
    for tree in trees:
        tree.close()


def test_a_child_that_is_killed_is_started_again_and_the_others_stay(
    plant: Callable[..., Tree], tmp_path: Path, eventually: Eventually
) -> None:
    plant(_waiting("one", tmp_path), _waiting("other", tmp_path))
    eventually(lambda: _pids(tmp_path, "one") and _pids(tmp_path, "other"))
    os.kill(_pids(tmp_path, "one")[0], signal.SIGKILL)
    eventually(lambda: len(_pids(tmp_path, "one")) == 2)

    first, second = _pids(tmp_path, "one")
    assert _is_gone(first)
    assert not _is_gone(second)
    assert 1 == len(_pids(tmp_path, "other"))


def test_a_child_that_gives_up_ends_the_tree_with_its_code(
    plant: Callable[..., Tree], tmp_path: Path, eventually: Eventually
) -> None:
    tree = plant(
        _waiting("one", tmp_path),
        _sh("other", f"while [ ! -s {tmp_path / 'one'} ]; do sleep 0.05; done; exit 1"),
    )

    assert 1 == tree.code()
    assert all(_is_gone(pid) for pid in _pids(tmp_path, "one"))


def test_stopping_ends_every_child(
    plant: Callable[..., Tree], tmp_path: Path, eventually: Eventually
) -> None:
    tree = plant(_waiting("one", tmp_path), _waiting("other", tmp_path))
    eventually(lambda: _pids(tmp_path, "one") and _pids(tmp_path, "other"))
    tree.stop.set()

    assert 0 == tree.code()
    assert all(_is_gone(pid) for name in ("one", "other") for pid in _pids(tmp_path, name))


def test_a_child_that_does_not_listen_is_killed_after_a_grace(
    plant: Callable[..., Tree],
    tmp_path: Path,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailtrack.runtime.supervisor.GRACE_S", 0.2)
    deaf = f"trap '' TERM; echo $$ >> {tmp_path / 'deaf'}; while :; do sleep 0.05; done"
    tree = plant(_sh("deaf", deaf))
    eventually(lambda: _pids(tmp_path, "deaf"))
    tree.stop.set()

    assert 0 == tree.code()
    assert _is_gone(_pids(tmp_path, "deaf")[0])


def test_a_child_that_falls_again_and_again_is_started_ever_more_rarely(
    plant: Callable[..., Tree], logged: list[Mapping[str, Any]], eventually: Eventually
) -> None:
    hours = count(0, 20)
    tree = plant(_sh("weak", "exit 75"), now=lambda: float(next(hours)))
    eventually(lambda: len(logged) >= 3)
    tree.stop.set()

    assert 0 == tree.code()
    told = [(entry["part"], entry["code"], entry["again_in_s"]) for entry in logged]
    assert [("weak", 75, 0.5), ("weak", 75, 1.0), ("weak", 75, 2.0)] == told[:3]


def test_a_child_that_ran_well_for_a_while_is_started_again_at_once(
    plant: Callable[..., Tree], logged: list[Mapping[str, Any]], eventually: Eventually
) -> None:
    hours = count(0, 3600)
    tree = plant(_sh("old", "exit 75"), now=lambda: float(next(hours)))
    eventually(lambda: len(logged) >= 3)
    tree.stop.set()

    assert 0 == tree.code()
    assert {0.5} == {entry["again_in_s"] for entry in logged}


SUPERVISOR = """
import sys, threading
from mailtrack.runtime.supervisor import Child, Supervisor
script = f"echo $$ >> {sys.argv[1]}; exec sleep 600"
Supervisor([Child("one", ["/bin/sh", "-c", script])], {}).run(threading.Event())
"""


def test_children_die_with_a_supervisor_that_is_killed(
    tmp_path: Path, eventually: Eventually
) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path / "one")]) as parent:
        eventually(lambda: _pids(tmp_path, "one"))
        (child,) = _pids(tmp_path, "one")
        assert not _is_gone(child)
        parent.send_signal(signal.SIGKILL)

    eventually(lambda: _is_gone(child))


def test_a_part_is_a_command_of_this_program() -> None:
    assert [sys.executable, "-m", "mailtrack", "work"] == [*role("work").command]


def test_the_embedded_broker_is_for_our_eyes_only(tmp_path: Path) -> None:
    child, address = embedded_broker(tmp_path)

    folder = tmp_path / "valkey"
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert f"unix://{folder / 'valkey.sock'}" == address
    assert str(folder / "valkey.sock") in child.command


def test_a_data_folder_far_down_gets_a_socket_that_the_kernel_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """unix(7): 107 bytes at most."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp")
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    _, address = embedded_broker(deep)
    _, other = embedded_broker(deep / "f")

    socket = Path(address.removeprefix("unix://"))
    assert len(os.fsencode(socket)) <= 107
    assert address != other
    assert 0o700 == stat.S_IMODE(socket.parent.stat().st_mode)
    for one in (address, other):
        Path(one.removeprefix("unix://")).parent.rmdir()

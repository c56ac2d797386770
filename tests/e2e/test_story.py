"""The same story on the servers that operators run: Dovecot, Redis and PostgreSQL."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import redis

from mailtrack.sandbox.imap import ImapAccount

pytestmark = pytest.mark.e2e

PATIENCE_S = 150


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis server of Debian's on a socket of our own."""
    binary = shutil.which("redis-server", path=f"{os.environ['PATH']}:/usr/bin")
    assert binary, "redis-server is missing: install Debian's package redis-server"
    socket = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    options += ["--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    server = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for_redis(server, f"unix://{socket}")
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()


def _wait_for_redis(server: subprocess.Popen[bytes], url: str) -> None:
    client = redis.Redis.from_url(url)
    while server.poll() is None:
        try:
            client.ping()
        except redis.ConnectionError:
            continue
        return
    raise AssertionError("redis-server ended at its start")


class Databases(Protocol):
    """What the fixture `postgres` gives: see tests/conftest.py."""

    def create(self, template: str) -> str: ...

    def address(self, database: str) -> str: ...


def _play(folder: Path, *options: str) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "mailtrack", "demo", "--once", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def _table(output: str) -> dict[str, int]:
    rows = re.findall(r"│\s+(.+?)\s+│\s+(\d+)\s+│", output)
    return {
        name: int(times)
        for name, times in rows
        if not name.startswith(("polls", "not mailed", "repeated"))
    }


def test_the_story_comes_out_the_same_on_dovecot_redis_and_postgresql(
    dovecot: ImapAccount, redis_url: str, postgres: Databases, tmp_path: Path
) -> None:
    mailbox = f"imap://{dovecot.user}:{dovecot.password}@{dovecot.host}:{dovecot.port}"

    database = postgres.address(postgres.create("template1"))

    embedded_code, embedded = _play(tmp_path)
    code, output = _play(tmp_path, "--imap", mailbox, "--redis", redis_url, "--database", database)

    assert 0 == embedded_code, embedded
    assert 0 == code, output
    assert "lost 0\ndoubled 0" in output
    assert _table(embedded) == _table(output)

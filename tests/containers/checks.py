"""What is checked: the image, its Python, one container for a family, compose with every role."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from mailtrack.sandbox.loopback import free_port
from tests.containers import bases
from tests.containers.engine import Engine, FailedError
from tests.containers.household import CA_FILE, CHECKOUT, write_household
from tests.containers.outside import NAME, READY

IMAGE, TESTS = "mailtrack", "mailtrack-tests"
#: The image, with all that it stands on, may weigh so much (bytes).
MOST_BYTES = 315_000_000
#: The names of what the check makes begin with this.
OURS = "mailtrack-check"
#: As docs/operate.md has it for one container.
SHUT_IN = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges:true",
)
#: Nobody's, as somebody's own user id would be; who is not root has but their own.
OTHER_USER = os.geteuid() or 4242
#: The roles of compose that stay.
ROLES = ("watch", "dispatch", "work", "web")
COMPOSE = ("--project-name", OURS, "-f", "docker-compose.yml", "-f", "outside.yml")
WORKERS = 4
#: Prints the user, whether no capability can be had, and whether the image can be written to.
PROBE = 'id -u; grep -c "^CapBnd:.0*$" /proc/self/status; touch /app/x 2>/dev/null; ls /app/x 2>&1'
#: Seconds for a service to be ready, and for the story to come to its end.
READY_S, STORY_S = 120.0, 300.0
#: Mails of the story after which compose is stopped in its midst.
MIDST = 8
#: What may differ between versions of Python: TLS, mails, SQLite, processes, the command line.
ON_ITS_PYTHON = (
    "tests/inbox/test_mailbox_imap.py",
    "tests/inbox/test_reading_pool.py",
    "tests/notify/test_smtp.py",
    "tests/runtime/test_supervisor.py",
    "tests/parsers/test_mime.py",
    "tests/store/test_engine.py",
    "tests/test_examples.py",
    "tests/test_settings.py",
)


@dataclass(frozen=True, slots=True)
class Bench:
    """The engine, a folder for everything, and whom to tell what was found."""

    engine: Engine
    folder: Path
    tell: Callable[[str], None]


def check_image(bench: Bench) -> None:
    """Build the image and start it shut in; it is as small as promised."""
    run = bench.engine.run
    bench.tell(f"base: {bases.provide_python(bench.engine, bench.folder)}")
    bases.require_network(bench.engine)
    bases.require_packages(bench.engine)
    for tag, stage in ((f"{IMAGE}-build", ("--target", "build")), (IMAGE, ())):
        run("build", "--network", "host", *stage, "--tag", tag, CHECKOUT)
    size = int(run("image", "inspect", "--format", "{{.Size}}", IMAGE)) // 1_000_000
    version = run("run", "--rm", "--network", "none", *SHUT_IN, IMAGE, "--version").strip()
    _require(size * 1_000_000 <= MOST_BYTES, f"the image weighs {size} MB")
    bench.tell(f"{version}, {size} MB")


def check_python(bench: Bench) -> None:
    """Run those tests on the image's Python that another version may fail, from the sdist."""
    bases.build(bench.engine, bench.folder, "tests", TESTS)
    sources = _unpacked_sdist(bench.folder)
    inside = ("run", "--rm", "--network", "none", "--volume", f"{sources}:/checkout:ro", TESTS)
    version = bench.engine.run(*inside, "python", "--version").strip()
    tests = bench.engine.run(
        *inside, "python", "-m", "pytest", "-q", "-n2", "-p", "no:cacheprovider", *ON_ITS_PYTHON
    )
    bench.tell(f"{version}: {tests.splitlines()[-1]}")


def check_one_container(bench: Bench) -> None:
    """Play the story against `mailtrack up`, and restore its backup for another user.

    1. The outside world, then the service, shut in, on a volume.
    2. The story comes out; the service ends when it is told to.
    3. Its backup comes out of one container by standard output, and into another by standard
       input, where all belongs to another user.
    """
    run, folder = bench.engine.run, bench.folder / "one"
    write_household(folder, web="http://mailtrack:8080")
    settings = ("--env-file", folder / ".env", "--volume", f"{folder / 'ca.pem'}:{CA_FILE}:ro")
    service, other_data = f"{OURS}-up", folder / "data"
    other_data.mkdir(mode=0o700)
    os.chown(other_data, OTHER_USER, OTHER_USER)
    elsewhere = (f"--user={OTHER_USER}:{OTHER_USER}", f"--volume={other_data}:/data")
    with _network(bench.engine), _outside(bench.engine, folder) as outside:
        # 1.
        at = ("--network", OURS, "--network-alias", "mailtrack", "--volume", f"{OURS}-data:/data")
        run("run", "--detach", "--name", service, *settings, *at, *SHUT_IN, IMAGE, "up")
        try:
            # 2.
            bench.tell(f"up: {_story(bench, outside, [service])}")
            _require_shut_in(bench.engine, service)
            backup = bench.engine.run_raw("exec", service, "mailtrack", "backup", "-")
            numbers = _numbers(run("exec", service, "mailtrack", "parcels", "--json"))
            run("stop", "--time", "40", service)
            _require(_state(bench.engine, service, "{{.State.ExitCode}}") == "0", "up was killed")
        finally:
            _remove(bench.engine, service, f"{OURS}-data")
    # 3.
    alone = ("run", "--rm", "--interactive", "--network", "none", *settings, *SHUT_IN, *elsewhere)
    bench.engine.run_raw(*alone, IMAGE, "restore", "-", stdin=backup)
    restored = _numbers(run(*alone, IMAGE, "parcels", "--json"))
    _require(numbers == restored != [], f"of {numbers}, {restored} came back")
    bench.tell(f"a backup of {len(backup)} bytes came back for another user")


def check_compose(bench: Bench) -> None:
    """Play the story against every role, which is stopped, started and scaled in its midst."""
    folder, engine, port = bench.folder / "compose", bench.engine, free_port()
    write_household(folder, web="http://web:8080")
    bench.tell(f"servers: {bases.provide_servers(engine, bench.folder)}")

    def compose(*arguments: str) -> str:
        variables = {"CHECKOUT": str(CHECKOUT), "PUBLISHED": f"127.0.0.1:{port}"}
        return engine.run_compose(folder, *COMPOSE, *arguments, **variables)

    def containers(*services: str) -> list[str]:
        return compose("ps", "--quiet", *services).split()

    try:
        compose("up", "--detach", "--no-build", NAME)
        (outside,) = containers(NAME)
        compose("up", "--detach", "--no-build")
        _wait(lambda: _sent(engine, outside) >= MIDST, STORY_S, "the story goes on")
        roles = containers(*ROLES)
        compose("stop", *ROLES)
        killed = [r for r in roles if _state(engine, r, "{{.State.ExitCode}}") != "0"]
        _require(not killed, f"{len(killed)} roles did not end by themselves")
        compose("start", *ROLES)
        compose("up", "--detach", "--no-build", "--scale", f"work={WORKERS}")
        _wait(lambda: _is_served(port), READY_S, "/readyz answers")
        roles = containers(*ROLES)
        _require(len(roles) == len(ROLES) + WORKERS - 1, f"{len(roles)} roles run")
        for role in roles:
            _require_shut_in(engine, role)
        checked = containers("web", "postgres", "redis")
        health = "{{.State.Health.Status}}"
        _wait(
            lambda: {_state(engine, one, health) for one in checked} == {"healthy"},
            READY_S,
            "all are healthy",
        )
        bench.tell(f"compose: {_story(bench, outside, roles)}, {WORKERS} workers, all healthy")
    except FailedError:
        bench.tell(compose("logs", "--tail", "5", "--no-color"))
        raise
    finally:
        compose("down", "--volumes", "--timeout", "5")


def _unpacked_sdist(folder: Path) -> Path:
    """Build the source archive, as a distribution would get it; return where it is unpacked."""
    build = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (archive,) = folder.glob("mailtrack-*.tar.gz")
    shutil.unpack_archive(archive, folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _story(bench: Bench, outside: str, services: list[str]) -> str:
    """Wait until the story is over; return its last line. Raises FailedError."""

    def is_over() -> bool:
        return _state(bench.engine, outside, "{{.State.Status}}") == "exited"

    _wait(is_over, STORY_S, "the story is over")
    last = bench.engine.lines_of(outside)[-6:]
    said = [line for service in services for line in bench.engine.lines_of(service)[-10:]]
    told = "\n".join([*last, *said])
    _require(_state(bench.engine, outside, "{{.State.ExitCode}}") == "0", told)
    return last[-1]


def _sent(engine: Engine, outside: str) -> int:
    return sum(" sent " in line for line in engine.lines_of(outside))


def _numbers(listed: str) -> list[str]:
    """Return the numbers of the parcels that the command lists."""
    return sorted(row["number"] for row in json.loads(listed)["parcels"])


def _require_shut_in(engine: Engine, container: str) -> None:
    user, without_capabilities, file = engine.run(
        "exec", container, "sh", "-c", f"{PROBE}; true"
    ).splitlines()
    _require(user == "10001", f"it runs as {user}")
    _require(without_capabilities == "1", "it could get capabilities")
    _require("No such file" in file, "its files can be changed")


@contextmanager
def _network(engine: Engine) -> Iterator[None]:
    engine.run("network", "create", OURS)
    try:
        yield
    finally:
        engine.run("network", "rm", OURS)


@contextmanager
def _outside(engine: Engine, folder: Path) -> Iterator[str]:
    """Run the outside world in the network; give its container."""
    name = f"{OURS}-{NAME}"
    mounts = (
        "--volume",
        f"{CHECKOUT}:/checkout:ro",
        "--volume",
        f"{folder / 'outside'}:/outside:ro",
        "--volume",
        f"{folder / 'ca.pem'}:{CA_FILE}:ro",
    )
    where = ("--network", OURS, "--network-alias", NAME, "--env-file", folder / ".env")
    program = ("python", "-m", "tests.containers.outside")
    engine.run("run", "--detach", "--name", name, *where, *mounts, TESTS, *program)
    try:
        deadline = time.monotonic() + READY_S
        while READY not in engine.lines_of(name):
            _require(time.monotonic() < deadline, "\n".join(engine.lines_of(name)[-15:]))
            time.sleep(0.2)
        yield name
    finally:
        _remove(engine, name)


def _remove(engine: Engine, container: str, *volumes: str) -> None:
    engine.run("rm", "--force", "--volumes", container)
    if volumes:
        engine.run("volume", "rm", *volumes)


def _state(engine: Engine, container: str, template: str) -> str:
    return engine.run("inspect", "--format", template, container).strip()


def _is_served(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    return False


def _wait(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        _require(time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}")
        time.sleep(0.3)


def _require(holds: bool, trouble: str) -> None:
    if not holds:
        raise FailedError(trouble)

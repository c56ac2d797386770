"""The images that ours stands on: the registry's, or what does the same in their place."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.containers.engine import SEARCH_PATH, Engine, FailedError, NoEngineError

PYTHON, POSTGRES, REDIS = "python:3.13-slim", "postgres:18", "redis:8"
#: The recipes of the images that only the check needs, with the files that they copy.
RECIPES = Path(__file__).parent / "images"
#: Debian 13 has Python 3.13.
DEBIAN = "trixie"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
#: Nobody reads them in a container.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
#: What the machine trusts, perhaps an authority of the house's.
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
#: Seconds that the registry gets to give an image.
PULL_S = 300


def provide_python(engine: Engine, folder: Path) -> str:
    """Let the engine have the image that ours is built on; return where it is from.

    Raises NoEngineError where neither a registry nor Debian's packages can give it.
    """
    if _is_at_hand(engine, PYTHON):
        return PYTHON
    bootstrap = shutil.which("mmdebstrap", path=SEARCH_PATH)
    if bootstrap is None:
        raise NoEngineError("no image registry is in reach, and mmdebstrap is not installed")
    archive = folder / "debian.tar"
    left_out = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    command = [bootstrap, "--quiet", "--variant=minbase", f"--include={PACKAGES}", *left_out]
    try:
        subprocess.run([*command, DEBIAN, str(archive)], check=True)
        engine.run("import", archive, "debian-stand-in")
        build(engine, folder, "python", PYTHON)
    except (subprocess.CalledProcessError, FailedError) as error:
        raise NoEngineError(f"no base image can be had: {error}") from error
    archive.unlink()
    return f"Python of Debian {DEBIAN}: no image registry is in reach"


def require_network(engine: Engine) -> None:
    """Let a container find itself by its name on a network; raises NoEngineError.

    What keeps containers from running or from meeting is the machine's, and no fault of ours.
    """
    network = "mailtrack-check-network"
    meet = (
        "import socket; s = socket.create_server(('', 1)); socket.create_connection(('itself', 1))"
    )
    at = ("--network", network, "--network-alias", "itself")
    try:
        engine.run("network", "create", network)
        engine.run("run", "--rm", *at, PYTHON, "python3", "-c", meet, timeout=PULL_S)
    except (FailedError, subprocess.TimeoutExpired) as error:
        raise NoEngineError(f"containers cannot meet on a network: {error}") from error
    finally:
        with suppress(FailedError):
            engine.run("network", "rm", network)


def require_packages(engine: Engine) -> None:
    """Let a container fetch a package as a build does; raises NoEngineError.

    The index may be in reach of the machine alone.
    """
    fetch = ("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "/tmp", "click")
    try:
        engine.run("run", "--rm", "--network", "host", PYTHON, *fetch, timeout=PULL_S)
    except (FailedError, subprocess.TimeoutExpired) as error:
        raise NoEngineError(f"no package can be fetched in a container: {error}") from error


def provide_servers(engine: Engine, folder: Path) -> str:
    """Let the engine have PostgreSQL and Redis; return where they are from."""
    if _is_at_hand(engine, POSTGRES) and _is_at_hand(engine, REDIS):
        return f"{POSTGRES}, {REDIS}"
    for name, image in (("postgres", POSTGRES), ("redis", REDIS)):
        build(engine, folder, name, image)
    return "PostgreSQL and Valkey of the tests: no image registry is in reach"


def build(engine: Engine, folder: Path, name: str, image: str) -> None:
    """Build one of the images that only the check needs."""
    context = folder / "images"
    if not context.exists():
        shutil.copytree(RECIPES, context)
        shutil.copy(AUTHORITIES, context / "authorities.crt")
    recipe = context / f"{name}.Dockerfile"
    engine.run("build", "--network", "host", "--file", recipe, "--tag", image, context)


def _is_at_hand(engine: Engine, image: str) -> bool:
    """Return True if the engine has an image, or gets it from the registry."""
    if engine.run("images", "--quiet", image).strip():
        return True
    try:
        engine.run("pull", "--quiet", image, timeout=PULL_S)
    except (FailedError, subprocess.TimeoutExpired):
        return False
    return True

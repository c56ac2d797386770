"""What a command does not use it does not load: it answers before the reader looks up."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MAIL = Path(__file__).parent / "corpus" / "replies" / "gmail-to-us-0.eml"
#: What takes long to load, and serves the store, the queues, the pages and the mails we write.
HEAVY = {
    *("alembic", "babel", "dramatiq", "httpx", "imapclient", "jinja2", "pydantic_settings"),
    *("redis", "sqlalchemy", "starlette", "structlog", "uvicorn"),
}
_LOADED = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from mailtrack.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("inbound", "--help"),
        ("parse", "--json", str(MAIL)),
        ("detect", "LP00123456789012"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_opens_nothing_loads_nothing_of_the_service(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        check=True,
    )
    loaded = set(json.loads(ended.stderr.splitlines()[-1]))

    assert set() == HEAVY & loaded

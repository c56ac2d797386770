"""The log is one JSON object a line, whatever the words in it."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from mailtrack import logs

ADDRESS = "jane.doe@example.net"


class _Stream(io.StringIO):
    """Standard error, which may be a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(params=["file"])
def lines(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[[], list[str]]]:
    """What the service writes to its log, as it is written."""
    stream = _Stream(terminal=request.param == "terminal")
    monkeypatch.setattr("sys.stderr", stream)
    before = logging.root.handlers[:]
    with monkeypatch.context():
        logs.configure("DEBUG")
        yield lambda: stream.getvalue().splitlines()
    logging.root.handlers[:] = before
    structlog.reset_defaults()


def test_words_of_a_stranger_never_make_a_line_of_the_log(
    lines: Callable[[], list[str]],
) -> None:
    forged = 'x\n{"event": "notice sent", "level": "info"}\r\x1b[2J\u2028'
    structlog.get_logger("mailtrack").warning("mail not read", error=forged)

    (line,) = lines()
    assert forged == json.loads(line)["error"]
    assert line.isascii()


@dataclass(frozen=True)
class _Thing:
    """What nobody meant to log, with an address in its repr."""

    address: str


on_both = pytest.mark.parametrize("lines", ["file", "terminal"], indirect=True)


@on_both
@pytest.mark.parametrize(
    "value",
    [
        ADDRESS,
        f"550 5.1.1 <{ADDRESS}>: user unknown",
        f"https://{ADDRESS}/x",
        ADDRESS.encode(),
        [ADDRESS],
        {ADDRESS: {"to": (ADDRESS,)}},
        ValueError(ADDRESS),
        _Thing(ADDRESS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_address_gets_into_the_log_whatever_holds_it(
    lines: Callable[[], list[str]], value: Any
) -> None:
    structlog.get_logger("mailtrack").warning("mail not read", error=value, trace="abc")

    (line,) = lines()
    assert "jane" not in line
    assert "<address>" in line
    assert "mail not read" in line


@on_both
def test_no_address_gets_into_the_log_by_a_traceback_or_a_library(
    lines: Callable[[], list[str]],
) -> None:
    def fail() -> None:
        raise ValueError(f"cannot read {ADDRESS}")

    for logger in (structlog.get_logger("mailtrack"), logging.getLogger("a.library")):
        try:
            fail()
        except ValueError:
            logger.exception(f"failed for {ADDRESS}")

    text = "\n".join(lines())
    assert 2 == text.count("ValueError: cannot read <address>")
    assert 2 == text.count("failed for <address>")
    assert "jane" not in text


@pytest.mark.parametrize("lines", ["terminal"], indirect=True)
def test_on_a_terminal_words_of_a_stranger_are_only_words(lines: Callable[[], list[str]]) -> None:
    """No cursor is moved, no line is forged, no direction is turned; ours may have colours."""
    hostile = "\x1b[2J\x9b2J\r\n2026-03-02 [info] notice sent\u202e\u2028[red]x[/red]:smile:"
    log = structlog.get_logger("mailtrack")
    log.warning("mail not read", error=hostile, **{hostile: hostile})
    try:
        int(hostile)
    except ValueError:
        log.exception("failed", exc_info=ValueError(hostile))

    written = lines()
    begun = [line for line in written if line.startswith("2026-03-02") or "[2J" in line[:4]]
    bare = re.sub(r"\x1b\[\d*(;\d+)*m", "", "".join(written))  # the renderer's own colours
    assert [] == begun
    assert bare.isprintable()
    assert "[red]x[/red]:smile:" in bare

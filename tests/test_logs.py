"""The log is one JSON object a line, whatever the words in it."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from mailtrack import logs


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What the service writes to its log, as it is written."""
    stream = io.StringIO()
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

"""Structured logs on standard error: JSON lines, or colours where a person reads them.

Whatever is logged, by us or by a library, with its traceback: no address of a person gets
through, and on a terminal nothing that moves the cursor.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from mailtrack.domain.harmless import printable, without_addresses

#: What has lines: on a terminal they stay apart.
_TRACEBACKS = frozenset({"exception", "stack"})


def configure(level: str) -> None:
    """Send our logs and the libraries' through one format, on standard error."""
    stamps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*stamps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    on_terminal = sys.stderr.isatty()
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _without_people,
    ]
    if on_terminal:
        last += [_printable, structlog.dev.ConsoleRenderer()]
    else:
        last += [structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=stamps, processors=last)
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What strangers send to the pages is their affair, at any rate.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    for chatty in ("httpx", "httpcore", "uvicorn.access", "imapclient", "dramatiq", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _without_people(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> Mapping[str, Any]:
    """Mask addresses: those who log should name nobody, and this is where it ends if they do."""
    return {_masked(name): _masked(value) for name, value in event.items()}


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return without_addresses(str(value))
    if isinstance(value, Mapping):
        return {_masked(key): _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    return without_addresses(repr(value))


def _printable(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Mapping[str, Any]:
    """Write control characters out; lines of a traceback stay, but never look like an event."""
    shown = {printable(name): printable(str(value), keep="\n") for name, value in event.items()}
    return {
        name: text.replace("\n", "\n    " if name in _TRACEBACKS else "\\n")
        for name, text in shown.items()
    }

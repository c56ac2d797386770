"""The manual page, docs/mailtrack.1, out of the commands themselves: `python -m benchmarks.manual`.

Its form is that of man(7). A test compares it, so that it never tells of another program.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import typer.main

from mailtrack import __version__
from mailtrack.cli import app
from mailtrack.settings import ENV_FILE

PAGE = Path(__file__).parents[1] / "docs" / "mailtrack.1"

#: What follows the commands: everything else that one has to know of a program.
_REST = rf"""
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Something has to be mended; one line on standard error says what.
.TP
.B 2
Wrong usage.
.TP
.B 75
Something that passes: no network, the database or the relay away. Try again later.
.SH ENVIRONMENT
Every setting is a variable
.B MAILTRACK_*
or a line of the file of settings; docs/operate.md lists them all.
.TP
.B {ENV_FILE}
The file of settings, as \-\-env\-file names it.
.SH FILES
.TP
.I .env
Settings, in the folder where mailtrack is started.
.TP
.I mailtrack\-data
The embedded database and broker, and the secret that signs links.
.SH SEE ALSO
docs/operate.md, docs/questions.md
"""


def page() -> str:
    """Return the manual page."""
    program: Any = typer.main.get_command(app)
    lines = [
        f'.TH MAILTRACK 1 "" "mailtrack {__version__}" "User Commands"',
        ".SH NAME",
        rf"mailtrack \- {_plain(program.help)}",
        ".SH SYNOPSIS",
        r".B mailtrack",
        r"[\fIoptions\fR] \fIcommand\fR [\fIarguments\fR]",
        ".SH OPTIONS",
        *_parameters(program),
    ]
    for panel, commands in groupby(program.commands.values(), lambda one: one.rich_help_panel):
        lines.append(f".SH {panel.upper()}")
        for command in commands:
            lines += _command(command, f"mailtrack {command.name}")
    return "\n".join(lines) + _REST


def _command(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if inner:
        for one in inner.values():
            yield from _command(one, f"{name} {one.name}")
        return
    arguments = " ".join(filter(None, map(_argument, command.params)))
    yield from (rf".SS \fB{_plain(name)}\fR {arguments}".rstrip(), _plain(command.help or ""))
    yield from _parameters(command)


def _argument(one: Any) -> str:
    """Return how an argument is written, "" for an option."""
    if one.param_type_name != "argument":
        return ""
    name = rf"\fI{_plain(one.metavar or one.name.upper())}\fR"
    many = f"{name} ..." if one.nargs < 0 and "..." not in name else name
    return many if one.required or "[" in many else f"[{many}]"


def _parameters(command: Any) -> Iterator[str]:
    for one in command.params:
        if one.param_type_name == "option" and not one.hidden:
            value = _plain(one.metavar or one.name.upper())
            takes = "" if one.is_flag else rf" \fI{value}\fR"
            names = ", ".join(rf"\fB{_plain(name)}\fR" for name in sorted(one.opts, key=len))
            yield from (".TP", names + takes, _plain(one.help or ""))


def _plain(text: str) -> str:
    """Return a text that man(7) takes for nothing but text, in one line."""
    escaped = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)

"""The program around the commands: its options, its exit codes, and what commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailtrack import __version__
from mailtrack.admin.terminal import say
from mailtrack.environment import ENV_FILE
from mailtrack.errors import ConfigurationError, MailtrackError, TransientError, did_you_mean

if TYPE_CHECKING:
    from mailtrack.admin.filters import Filter
    from mailtrack.runtime.services import Services

#: The exit code of what may go well a little later (sysexits: EX_TEMPFAIL).
TRY_AGAIN = 75

app = typer.Typer(
    no_args_is_help=True,
    invoke_without_command=True,  # for `--version`
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Forward the shipping mail, get short French e-mails when it matters.",
    epilog="Settings: docs/operate.md. Questions and their commands: docs/questions.md.",
)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(help="Read settings from this file instead of .env.", envvar=ENV_FILE),
    ] = None,
) -> None:
    if env_file is not None:
        if not env_file.is_file():
            raise ConfigurationError(f"There is no file of settings {env_file}.")
        # Parts that `up` starts read the same one.
        os.environ[ENV_FILE] = str(env_file.absolute())
    if version:
        say(f"mailtrack {__version__}")
        raise typer.Exit


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(help="Rows to show.", min=1)]
Address = Annotated[str, typer.Option(help="Only what concerns whoever has this address.")]
Number = Annotated[str, typer.Option(help="Only what concerns the parcel with this number.")]
Since = Annotated[str, typer.Option(help="From a moment on: 2d, 3h, 2026-03-02.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Their numbers.")]


def one_of(names: Sequence[str], what: str) -> Any:
    """Return an option that takes one of some words; shells complete them."""

    def parse(word: str) -> str:
        if word and word not in names:
            raise typer.BadParameter(f"{word} is none of them{did_you_mean(word, names)}")
        return word

    def complete(begun: str) -> list[str]:
        return [name for name in names if name.startswith(begun)]

    described = f"{what}: {', '.join(names)}."
    return typer.Option(parser=parse, metavar="WORD", autocompletion=complete, help=described)


def wanted(
    services: Services,
    ids: list[str] | None = None,
    since: str = "",
    address: str = "",
    number: str = "",
    state: str = "",
    limit: int = 50,
) -> Filter:
    """Return which rows the arguments of a command mean; raises PermanentError."""
    from mailtrack.admin.filters import Filter, moment, row_ids

    at = moment(since, services.clock.now()) if since else None
    return Filter(row_ids(ids or ()), address, number, state, at, limit)


def set_up() -> Services:
    """Return the wiring by the settings of this process; raises ConfigurationError."""
    from mailtrack import logs
    from mailtrack.runtime.services import Services
    from mailtrack.settings import load_settings

    settings = load_settings()
    logs.configure(settings.log_level)
    return Services(settings)


def with_store() -> Services:
    """Return the same with a database of this version; raises MailtrackError."""
    from mailtrack.store.migrate import require_current

    services = set_up()
    require_current(services.store)
    return services


def main() -> None:
    """Run the program; what goes wrong is one line on standard error, and an exit code."""
    try:
        app()
    except MailtrackError as error:
        say(f"mailtrack: {error}", err=True)
        sys.exit(TRY_AGAIN if isinstance(error, TransientError) else 1)

"""The service as a whole, and its parts one by one."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mailtrack.admin.terminal import say
from mailtrack.cli.program import TRY_AGAIN, app, set_up, with_store
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.oauth.names import ProviderName

_PANEL = "The service"


@app.command(rich_help_panel=_PANEL)
def up() -> None:
    """Run the whole service: mailbox, carriers, mails and pages."""
    from mailtrack.admin.doctor import require_all
    from mailtrack.runtime import roles
    from mailtrack.runtime.alone import alone

    services = set_up()
    settings = services.settings
    with alone(settings.data_dir):
        require_all(services)
        say(
            f"mailtrack is up: forward mails to {settings.inbox.forward_to}; "
            f"its pages are {settings.web.public_url}, served on "
            f"{settings.web.host}:{settings.web.port}. Ctrl-C ends it."
        )
        raise typer.Exit(roles.up(services, dict(os.environ)))


def _run(part: str) -> None:
    import structlog

    from mailtrack.runtime import roles

    try:
        roles.run(set_up(), getattr(roles, part))
    except TransientError as error:
        say(f"mailtrack {part}: {error}", err=True)
        raise typer.Exit(TRY_AGAIN) from error
    except MailtrackError:
        raise
    except Exception as error:
        structlog.get_logger(__name__).exception("part failed", part=part)
        raise typer.Exit(TRY_AGAIN) from error


@app.command(rich_help_panel=_PANEL)
def watch() -> None:
    """Run the mailbox watcher alone."""
    _run("watch")


@app.command(rich_help_panel=_PANEL)
def dispatch() -> None:
    """Run the dispatcher alone."""
    _run("dispatch")


@app.command(rich_help_panel=_PANEL)
def work() -> None:
    """Run one worker process."""
    _run("work")


@app.command(rich_help_panel=_PANEL)
def web() -> None:
    """Run the pages alone."""
    _run("web")


@app.command(rich_help_panel=_PANEL)
def doctor() -> None:
    """Check the settings against the world: one line per check."""
    raise typer.Exit(_try_out())


@app.command(rich_help_panel=_PANEL)
def init(
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: take what MAILTRACK_* variables say.")
    ] = False,
) -> None:
    """Write a file .env from the answers to a few questions, and try them."""
    from mailtrack.admin import init as questions
    from mailtrack.admin.terminal import ask

    answer = questions.from_environment(os.environ) if yes else ask
    say(f"{questions.write_settings(Path(), answer)} is written.")
    code = _try_out(questions.TRIED)
    say("Mend it in .env, then: `mailtrack doctor`." if code else "Now start it: `mailtrack up`.")
    raise typer.Exit(code)


def _try_out(only: Sequence[str] = ()) -> int:
    from mailtrack.admin.doctor import check_all

    failed = 0
    for check in check_all(set_up(), only):
        say(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
        failed += not check.ok
    return 1 if failed else 0


@app.command(rich_help_panel=_PANEL)
def login(
    provider: ProviderName,
    device: Annotated[bool, typer.Option("--device", help="By a code, typed anywhere.")] = False,
    paste: Annotated[bool, typer.Option("--paste", help="By a browser elsewhere.")] = False,
    port: Annotated[int, typer.Option(help="The browser comes back to; 0: a free one.")] = 0,
) -> None:
    """Sign in to a mailbox that takes no passwords, for mailbox and relay at once."""
    from mailtrack.admin import login as ways

    way = ways.by_browser_here(port, say)
    if device:
        way = ways.by_code(say)
    elif paste:
        way = ways.by_browser_elsewhere(sys.stdin.readline, say)
    ways.log_in(with_store(), provider, way)
    say("Signed in. `mailtrack doctor` tries the mailbox and the relay with it.")


@app.command(rich_help_panel=_PANEL)
def demo(
    once: Annotated[bool, typer.Option(help="Play the story to its end and leave.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.")] = 0,
    database: Annotated[str, typer.Option(help="A PostgreSQL address instead of SQLite.")] = "",
    redis: Annotated[str, typer.Option(help="A Redis address instead of the embedded one.")] = "",
    imap: Annotated[str, typer.Option(help="imap://user:password@host:port to use.")] = "",
    data: Annotated[Path | None, typer.Option(help="Keep the data in this folder.")] = None,
) -> None:
    """Show the service at work on loopback, time sped up; needs nothing."""
    try:
        from mailtrack.sandbox.demo import DemoServers, play
    except ModuleNotFoundError as error:
        raise MailtrackError(
            f"The demo needs {error.name}: install the extra “demo” of this package, too."
        ) from error

    raise typer.Exit(play(DemoServers(port, database, redis, imap, data), once=once))

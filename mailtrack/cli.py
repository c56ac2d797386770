"""The commands. No logic: each reads its arguments, calls one room and prints."""

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import structlog
import typer

from mailtrack import __version__, logs
from mailtrack.admin import corrections, reports
from mailtrack.admin.phrase_rows import phrase_rows
from mailtrack.admin.terminal import say, say_json, say_rows, show
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.oauth.providers import ProviderName
from mailtrack.runtime.services import Services
from mailtrack.settings import Settings, load_settings

#: The exit code of a part that should be started again (sysexits: EX_TEMPFAIL).
START_AGAIN = 75

log = structlog.get_logger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    invoke_without_command=True,  # for `--version`
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Forward the shipping mail, get short French e-mails when it matters.",
)
db = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(db, name="db")


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        say(f"mailtrack {__version__}")
        raise typer.Exit


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(help="Rows to show.")]


def main() -> None:
    """Run the program; a user's mistake is one line on standard error and exit code 1."""
    try:
        app()
    except MailtrackError as error:
        say(f"mailtrack: {error}", err=True)
        sys.exit(1)


def _services() -> Services:
    settings = load_settings()
    logs.configure(settings.log_level)
    return Services(settings)


# --- the service --------------------------------------------------------------------


@app.command()
def up() -> None:
    """Run the whole service: mailbox, carriers, mails and pages."""
    from mailtrack.admin.doctor import require_all
    from mailtrack.runtime import roles

    services = _services()
    require_all(services)
    settings = services.settings
    say(
        f"mailtrack is up: forward mails to {settings.inbox.forward_to}; "
        f"its pages are {settings.web.public_url}, served on "
        f"{settings.web.host}:{settings.web.port}. Ctrl-C ends it."
    )
    raise typer.Exit(roles.up(services, dict(os.environ)))


def _run(part: str) -> None:
    from mailtrack.runtime import roles

    try:
        roles.run(_services(), getattr(roles, part))
    except TransientError as error:
        say(f"mailtrack {part}: {error}", err=True)
        raise typer.Exit(START_AGAIN) from error
    except MailtrackError:
        raise
    except Exception as error:
        log.exception("part failed", part=part)
        raise typer.Exit(START_AGAIN) from error


@app.command()
def watch() -> None:
    """Run the mailbox watcher alone."""
    _run("watch")


@app.command()
def dispatch() -> None:
    """Run the dispatcher alone."""
    _run("dispatch")


@app.command()
def work() -> None:
    """Run one worker process."""
    _run("work")


@app.command()
def web() -> None:
    """Run the pages alone."""
    _run("web")


@app.command()
def doctor() -> None:
    """Check the settings against the world: one line per check."""
    from mailtrack.admin.doctor import check_all

    failed = 0
    for check in check_all(_services()):
        say(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
        failed += not check.ok
    raise typer.Exit(1 if failed else 0)


@app.command()
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
    ways.log_in(_services(), provider, way)
    say("Signed in. `mailtrack doctor` tries the mailbox and the relay with it.")


@app.command()
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
            f"The demo needs {error.name}; run `pip install 'mailtrack[demo]'`."
        ) from error

    raise typer.Exit(play(DemoServers(port, database, redis, imap, data), once=once))


# --- one thing, now -----------------------------------------------------------------


@app.command()
def parse(
    files: Annotated[list[str], typer.Argument(help="Mails; - for standard input.")],
    as_json: AsJson = False,
) -> None:
    """Read mails as the service would, touching nothing."""
    from mailtrack.parsers.as_json import read_as_json

    for file in files:
        try:
            raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            raise MailtrackError(f"Cannot read {file}: {error.strerror}.") from error
        result = read_as_json(raw, file)
        if as_json:
            say_json(result)
        else:
            numbers = [p["number"] for p in result["parcels"]] or result["orders"]
            say(f"{result['file']}: {result['outcome']} {' '.join(numbers)}".rstrip())


@app.command()
def detect(numbers: list[str], as_json: AsJson = False) -> None:
    """Tell which carriers a tracking number may belong to."""
    from mailtrack.domain.numbers import detect_as_json

    found = detect_as_json(numbers)
    if as_json:
        say_json(found)
        return
    for entry in found:
        candidates = ", ".join(
            f"{c['carrier']} ({c['format']}, check digit {c['check_digit']})"
            for c in entry["candidates"]
        )
        say(f"{entry['number']}: {candidates or 'no carrier known'}")


@app.command()
def classify(
    as_json: AsJson = False,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Print the lines that nothing knows instead.")
    ] = False,
) -> None:
    """Read lines carrier<TAB>code<TAB>text; print the milestone of each."""
    from mailtrack.carriers.vocabulary import classify_lines

    for classified in classify_lines(line.rstrip("\n") for line in sys.stdin):
        if unknown and classified.is_known:
            continue
        if as_json:
            say_json(classified.as_dict())
        elif unknown:
            say(f"{classified.carrier}  {classified.code}  {classified.text}".rstrip())
        else:
            say(str(classified.milestone))


@app.command()
def track(
    number: str,
    carrier: Annotated[str, typer.Option(help="Ask this carrier only.")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask the carriers about a number once, now; stores nothing."""
    from mailtrack.admin.track_once import ask

    answer = ask(_services(), number, carrier)
    if as_json:
        say_json(answer)
    else:
        say(f"{answer['number']}: {answer['state']} {answer['milestone'] or ''}".rstrip())
        for event in answer["events"]:
            say(f"  {event['at']}  {event['milestone']:<20} {event['text']} {event['place']}")
    raise typer.Exit(0 if answer["state"] in ("found", "not_found") else 1)


@app.command()
def preview(
    notice: Annotated[str, typer.Argument(help="One notice; all if left out.")] = "",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("out"),
) -> None:
    """Write every mail as .html, .txt and .eml from sample data, with an index page."""
    from mailtrack.notify.preview import write_preview
    from mailtrack.notify.view import NoticeKind

    known = {str(kind): kind for kind in NoticeKind}
    if notice and notice not in known:
        raise MailtrackError(f"No notice is called {notice}; there are {', '.join(known)}.")
    say(str(write_preview(out, [known[notice]] if notice else None)))


# --- the operator's questions -------------------------------------------------------


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the mailbox, the mails by outcome, the notices and the queues."""
    services = _services()
    smtp, now = services.settings.smtp, services.clock.now()
    with services.store.read() as connection:
        place = services.settings.inbox.place_if_set
        tables = reports.status(connection, now, place, services.on)
        sending = corrections.sending(connection, smtp.place, smtp.per_day, now)
        show([*tables, sending], as_json)


@app.command()
def parcels(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the parcels."""
    services = _services()
    with services.store.read() as connection:
        show([reports.parcel_list(connection, services.clock.now(), limit)], as_json)


@app.command()
def inbound(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the inbound mails with their outcomes and reasons."""
    services = _services()
    with services.store.read() as connection:
        show([reports.inbound_list(connection, services.clock.now(), limit)], as_json)


@app.command()
def unmapped(
    limit: Limit = 50,
    as_json: AsJson = False,
    as_rows: Annotated[bool, typer.Option(help="Print rows for the phrase files.")] = False,
    least: Annotated[int, typer.Option(help="With --as-rows: leave rarer ones out.")] = 2,
) -> None:
    """List the carriers' codes and texts that no phrase file knows."""
    with _services().store.read() as connection:
        if as_rows:
            say_rows(phrase_rows(connection, least))
        else:
            show([reports.unmapped_list(connection, limit)], as_json)


@app.command()
def carriers(as_json: AsJson = False) -> None:
    """List the carriers: on, or off and why."""
    from mailtrack.carriers import why_off
    from mailtrack.store import budgets

    services = _services()
    off = [(d, why_off(d, services.settings)) for d in services.declarations.values()]
    health = None
    try:
        with services.store.read() as connection:
            health = budgets.health(connection)
    except MailtrackError as error:  # who is on, the settings alone say
        say(f"mailtrack: {error}", err=True)
    show([reports.carrier_list(health, off, services.clock.now())], as_json)


@app.command()
def reread(
    mails: Annotated[list[int] | None, typer.Argument(help="Ids; all if none.")] = None,
) -> None:
    """Let kept mails be read again, after a parser learned something."""
    from mailtrack.domain.model import InboundId
    from mailtrack.store.inbound import reread as read_again

    services = _services()
    with services.store.write() as connection:
        times = read_again(connection, services.clock.now(), [InboundId(m) for m in mails or []])
    say(f"{times} mails will be read again.")


Since = Annotated[str, typer.Option(help="From a moment on: 2d, 3h, 2026-03-02.")]


@app.command("notices")
def notices_(
    ids: Annotated[list[str] | None, typer.Argument(help="Their numbers.")] = None,
    retry: Annotated[bool, typer.Option(help="Send those that failed again.")] = False,
    failed: Annotated[bool, typer.Option(help="With --retry: all that failed.")] = False,
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the notices: state, age and reason; --retry makes failed ones due again."""
    services = _services()
    wanted, now = _wanted(ids, since, services), services.clock.now()
    if failed and not retry:
        raise MailtrackError("--failed goes with --retry: `mailtrack notices --retry --failed`.")
    if not retry:
        with services.store.read() as connection:
            show([corrections.notice_list(connection, wanted, now, limit)], as_json)
        return
    if not (wanted.numbers or wanted.since or failed):
        raise MailtrackError(
            "Say which: `mailtrack notices --retry NUMBER …`, --failed or --since."
        )
    if wanted.numbers and failed:
        raise MailtrackError("Either numbers or --failed, not both.")
    with services.store.write() as connection:
        say(corrections.retry(connection, wanted, now))


@app.command("people")
def people_(
    ids: Annotated[list[str] | None, typer.Argument(help="Their numbers.")] = None,
    revive: Annotated[bool, typer.Option(help="Let mails go to them again.")] = False,
    bounced_since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the people whose address counts as dead; --revive takes the marks back."""
    services = _services()
    wanted, now = _wanted(ids, bounced_since, services), services.clock.now()
    if not revive:
        with services.store.read() as connection:
            show([corrections.people_list(connection, wanted, now, limit)], as_json)
        return
    if not (wanted.numbers or wanted.since):
        raise MailtrackError("Say who: `mailtrack people --revive NUMBER …` or --bounced-since.")
    with services.store.write() as connection:
        say(corrections.revive(connection, wanted, now))


def _wanted(ids: list[str] | None, since: str, services: Services) -> corrections.Wanted:
    at = corrections.moment(since, services.clock.now()) if since else None
    return corrections.Wanted(corrections.numbers(ids or ()), at)


@app.command()
def export(address: str) -> None:
    """Print everything that is kept about an address, as JSON."""
    from mailtrack.store.personal_data import everything_about

    services = _services()
    with services.store.read() as connection:
        kept = everything_about(connection, address, services.suppression, services.addresses.of)
    say_json(kept, indent=2)


@app.command()
def erase(address: str) -> None:
    """Erase everything that is kept about an address."""
    from mailtrack.store.personal_data import erase as forget

    services = _services()
    why = services.store.transact(
        lambda connection: forget(connection, address, services.suppression, services.clock.now())
    )
    services.store.leave_no_trace()
    peace = f"; no mail goes to it ({why}) until its owner writes again" if why else ""
    say(f"Erased{peace}.")


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema of this version; safe to run twice."""
    from mailtrack.store.migrate import upgrade

    say(f"The database is at revision {upgrade(_services().store)}.")


@app.command()
def backup(file: Path) -> None:
    """Write everything that is kept into one file; the service may be at work."""
    from mailtrack.admin.backups import back_up

    services = _services()
    secret, now = services.settings.links_file, services.clock.now()
    rows = back_up(services.store, secret, file, now)
    say(f"{rows} rows are in {file}.")


@app.command()
def restore(
    file: Path,
    replaces: Annotated[
        str, typer.Option(help="Address of the database that this one replaces, if it can be read.")
    ] = "",
) -> None:
    """Fill an empty database from a backup; who has left since can be kept away."""
    from mailtrack.admin.backups import keep_away
    from mailtrack.admin.backups import restore as fill
    from mailtrack.store.engine import open_store

    services = _services()
    restored = fill(services.store, services.settings.links_file, file)
    made_at = f", as of {restored.made_at:%Y-%m-%d %H:%M} UTC" if restored.made_at else ""
    say(f"{restored.rows} rows restored{made_at}.")
    if restored.secret and services.settings.database_url:
        say(f"Set MAILTRACK_LINKS__SECRET_FILE to {restored.secret}: links need it.")
    if replaces:
        with closing(open_store(Settings(database_url=replaces).store_url)) as former:
            gone = keep_away(services.store, former, services.suppression)
        say(
            f"Subscribed again since the backup, and now away again: {gone.left} people who had "
            f"left, {gone.erased} who were erased, {gone.muted} parcels that were stopped."
        )
    elif restored.subscribed:
        say(
            f"{restored.subscribed} people are subscribed in it, also those who have left or were "
            "erased since by a click. Before you start: docs/operate.md, “Who left meanwhile”."
        )

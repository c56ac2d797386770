"""What is kept: shown, erased, backed up, migrated."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from mailtrack.admin.terminal import say, say_json, show
from mailtrack.cli.program import AsJson, app, set_up, with_store

_PANEL = "What is kept"
#: Standard input, or output, where a file is asked for.
_STANDARD = Path("-")

db = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(db, name="db", rich_help_panel=_PANEL)


@app.command(rich_help_panel=_PANEL)
def export(address: str) -> None:
    """Print everything that is kept about an address, as JSON."""
    from mailtrack.store.personal_data import everything_about

    services = with_store()
    with services.store.read() as connection:
        kept = everything_about(connection, address, services.suppression, services.addresses.of)
    say_json(kept, indent=2)


@app.command(rich_help_panel=_PANEL)
def erase(address: str) -> None:
    """Erase everything that is kept about an address."""
    from mailtrack.store.personal_data import erase as forget

    services = with_store()
    why = services.store.transact(
        lambda connection: forget(connection, address, services.suppression, services.clock.now())
    )
    services.store.truncate_log()
    peace = f"; no mail goes to it ({why}) until its owner writes again" if why else ""
    say(f"Erased{peace}.")


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema of this version; safe to run twice."""
    from mailtrack.store.migrate import upgrade

    say(f"The database is at revision {upgrade(set_up().store)}.")


@db.command("recount")
def db_recount(as_json: AsJson = False) -> None:
    """Compare the kept counts of `status` with all rows, and set right what differs."""
    from mailtrack.admin.reports import recount
    from mailtrack.store.row_counts import mend

    services = with_store()
    differences = services.store.transact(mend)
    if differences or as_json:
        show([recount(differences)], as_json, services.clock.now())
    else:
        say("The counts are right.")


@app.command(rich_help_panel=_PANEL)
def backup(
    file: Annotated[Path, typer.Argument(help="The file; - for standard output.")],
) -> None:
    """Write everything that is kept into one file; the service may be at work."""
    from mailtrack.admin.backups import back_up, write_out

    services = with_store()
    secret, now = services.settings.links_file, services.clock.now()
    if file == _STANDARD:
        rows = write_out(services.store, secret, sys.stdout.buffer, now)
        say(f"{rows} rows are in it.", err=True)
    else:
        rows = back_up(services.store, secret, file, now)
        say(f"{rows} rows are in {file}.")


@app.command(rich_help_panel=_PANEL)
def restore(
    file: Annotated[Path, typer.Argument(help="The file; - for standard input.")],
    replaces: Annotated[
        str, typer.Option(help="Address of the database that this one replaces, if it can be read.")
    ] = "",
) -> None:
    """Fill an empty database from a backup; who has left since can be kept away."""
    from mailtrack.admin.backups import keep_away, read_in
    from mailtrack.admin.backups import restore as fill
    from mailtrack.settings import Settings
    from mailtrack.store.engine import open_store

    services = set_up()
    store, secret = services.store, services.settings.links_file
    if file == _STANDARD:
        restored = read_in(store, secret, sys.stdin.buffer)
    else:
        restored = fill(store, secret, file)
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

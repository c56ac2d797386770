"""What an operator asks: lists that are filtered, and one thing that is opened."""

from typing import Annotated

import typer

from mailtrack.admin import states
from mailtrack.admin.terminal import say, say_raw, say_rows, show
from mailtrack.cli.program import (
    Address,
    AsJson,
    Ids,
    Limit,
    Number,
    Since,
    app,
    one_of,
    set_up,
    wanted,
    with_store,
)
from mailtrack.errors import MailtrackError, PermanentError

_PANEL = "Questions"


@app.command(rich_help_panel=_PANEL)
def status(as_json: AsJson = False) -> None:
    """Show the parts, workers, queues and pages, the mailbox, and mails by their outcomes."""
    from mailtrack.admin import reports
    from mailtrack.admin.running import running

    services = with_store()
    settings, now = services.settings, services.clock.now()
    relay = reports.RelayInUse(settings.smtp.place, settings.smtp.per_day)
    with services.store.read() as connection:
        place = settings.inbox.place_if_set
        tables = reports.status(connection, now, place, relay, services.on)
    show([*tables, *running(settings)], as_json, now)


@app.command(rich_help_panel=_PANEL)
def inbound(
    ids: Ids = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print the one mail as it came.")] = False,
    address: Address = "",
    number: Number = "",
    outcome: Annotated[str, one_of(states.OF_MAILS, "Only those that ended so")] = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the inbound mails with their outcomes and reasons; one number opens that mail."""
    from mailtrack.admin import mails

    services = with_store()
    rows = wanted(services, ids, since, address, number, outcome, limit)
    if raw and len(rows.ids) != 1:
        raise PermanentError("Say which mail: `mailtrack inbound NUMBER --raw`.")
    with services.store.read() as connection:
        if raw:
            say_raw(mails.raw_mail(connection, rows.ids[0]))
            return
        opened = mails.inbound_mail(connection, rows.ids[0]) if len(rows.ids) == 1 else None
        tables = opened or [mails.inbound_list(connection, rows)]
    show(tables, as_json, services.clock.now())


@app.command("parcels", rich_help_panel=_PANEL)
def parcels_(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="[NUMBER]...", help="Open these parcels.")
    ] = None,
    address: Address = "",
    number: Number = "",
    state: Annotated[str, one_of(states.OF_PARCELS, "Only those that stand there")] = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the parcels; a number opens that parcel: history, legs, next polls, followers."""
    from mailtrack.admin import parcels

    services = with_store()
    rows = wanted(services, None, since, address, number, state, limit)
    with services.store.read() as connection:
        opened = [t for one in numbers or () for t in parcels.one_parcel(connection, one)]
        tables = opened or [parcels.parcel_list(connection, rows)]
    show(tables, as_json, services.clock.now())


@app.command("notices", rich_help_panel=_PANEL)
def notices_(
    ids: Ids = None,
    address: Address = "",
    number: Number = "",
    state: Annotated[str, one_of(states.OF_NOTICES, "Only those in this state")] = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
    retry: Annotated[bool, typer.Option(help="The same as `mailtrack resend`.")] = False,
    failed: Annotated[bool, typer.Option(help="With --retry: all that failed.")] = False,
) -> None:
    """List the mails that were owed, and why one was not sent; one number opens that one."""
    from mailtrack.admin import notices

    if failed and not retry:
        raise MailtrackError("--failed goes with --retry: `mailtrack notices --retry --failed`.")
    if retry:
        from mailtrack.cli import corrections  # below us in the help

        corrections.resend(ids, failed, since)
        return
    services = with_store()
    rows = wanted(services, ids, since, address, number, state, limit)
    with services.store.read() as connection:
        opened = notices.one_notice(connection, rows.ids[0]) if len(rows.ids) == 1 else None
        tables = opened or [notices.notice_list(connection, rows)]
    show(tables, as_json, services.clock.now())


@app.command("people", rich_help_panel=_PANEL)
def people_(
    ids: Ids = None,
    address: Annotated[str, typer.Option(help="Open whoever has this address.")] = "",
    number: Annotated[str, typer.Option(help="Only who follows this parcel.")] = "",
    state: Annotated[str, one_of(states.OF_PEOPLE, "Who; bouncing if nothing is said")] = "",
    bounced_since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
    revive: Annotated[bool, typer.Option(help="The same as `mailtrack revive`.")] = False,
) -> None:
    """List the people whose address counts as dead, or others; one number opens that person."""
    from mailtrack.admin import people
    from mailtrack.admin.filters import owner_of
    from mailtrack.domain.model import SubscriberId

    if revive:
        from mailtrack.cli import corrections  # below us in the help

        corrections.revive(ids, address, bounced_since)
        return
    services = with_store()
    rows = wanted(services, ids, bounced_since, address, number, state, limit)
    with services.store.read() as connection:
        one = owner_of(connection, address) if address else None
        if len(rows.ids) == 1:
            one = SubscriberId(rows.ids[0])
        opened = people.one_person(connection, one, services.suppression) if one else None
        tables = opened or [people.people_list(connection, rows)]
    show(tables, as_json, services.clock.now())


@app.command("invitations", rich_help_panel=_PANEL)
def invitations_(
    ids: Ids = None,
    address: Annotated[str, typer.Option(help="Only those that this address made or got.")] = "",
    state: Annotated[str, one_of(states.OF_INVITATIONS, "Only those that stand there")] = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List who invited whom to hear of their parcels, and what came of it."""
    from mailtrack.admin import invitations

    services = with_store()
    rows, now = wanted(services, ids, since, address, "", state, limit), services.clock.now()
    with services.store.read() as connection:
        tables = [invitations.invitation_list(connection, rows, now)]
    show(tables, as_json, now)


@app.command(rich_help_panel=_PANEL)
def unmapped(
    limit: Limit = 50,
    as_json: AsJson = False,
    as_rows: Annotated[bool, typer.Option(help="Print rows for the phrase files.")] = False,
    least: Annotated[int, typer.Option(help="With --as-rows: leave rarer ones out.")] = 2,
) -> None:
    """List the carriers' codes and texts that no phrase file knows."""
    from mailtrack.admin import reports
    from mailtrack.admin.phrase_rows import phrase_rows

    services = with_store()
    with services.store.read() as connection:
        if as_rows:
            say_rows(phrase_rows(connection, least))
        else:
            show([reports.unmapped_list(connection, limit)], as_json, services.clock.now())


@app.command(rich_help_panel=_PANEL)
def forecast(as_json: AsJson = False) -> None:
    """Show how well the expected dates were kept, beside two simple rivals."""
    from mailtrack.admin import reports

    services = with_store()
    with services.store.read() as connection:
        tables = [reports.forecast_list(connection)]
    show(tables, as_json, services.clock.now())


@app.command(rich_help_panel=_PANEL)
def carriers(as_json: AsJson = False) -> None:
    """List the carriers: on, or off and why."""
    from mailtrack.admin import reports
    from mailtrack.carriers import why_off
    from mailtrack.store import budgets

    services = set_up()
    off = [(d, why_off(d, services.settings)) for d in services.declarations.values()]
    health = None
    try:
        with services.store.read() as connection:
            health = budgets.health(connection)
    except MailtrackError as error:  # who is on, the settings alone say
        say(f"mailtrack: {error}", err=True)
    now = services.clock.now()
    show([reports.carrier_list(health, off, now)], as_json, now)

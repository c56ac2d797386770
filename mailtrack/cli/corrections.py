"""What an operator does about it: again, not any more, now, later."""

from typing import Annotated

import typer

from mailtrack.admin.terminal import say, show
from mailtrack.cli.program import AsJson, Ids, Since, app, set_up, wanted, with_store
from mailtrack.errors import MailtrackError

_PANEL = "Corrections"


@app.command(rich_help_panel=_PANEL)
def poll(number: str, as_json: AsJson = False) -> None:
    """Ask the carriers of a parcel now, keep what they say, and show the parcel."""
    from mailtrack.admin import parcels
    from mailtrack.admin.poll_now import poll_now

    services = with_store()
    for trouble in poll_now(services, number):
        say(f"mailtrack: {trouble}", err=True)
    with services.store.read() as connection:
        show(parcels.one_parcel(connection, number), as_json, services.clock.now())


@app.command(rich_help_panel=_PANEL)
def resend(
    ids: Ids = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    since: Since = "",
) -> None:
    """Send notices that failed or came back once more, where they are still true."""
    from mailtrack.admin import corrections

    services = with_store()
    rows = wanted(services, ids, since)
    if not (rows.ids or rows.since or failed):
        raise MailtrackError("Say which: `mailtrack resend NUMBER …`, --failed or --since.")
    if rows.ids and failed:
        raise MailtrackError("Either numbers or --failed, not both.")
    with services.store.write() as connection:
        say(corrections.retry(connection, rows, services.clock.now()))


@app.command(rich_help_panel=_PANEL)
def revive(
    ids: Ids = None,
    address: Annotated[str, typer.Option(help="Whoever has this address.")] = "",
    bounced_since: Since = "",
) -> None:
    """Let mails go again to people whose address counts as dead."""
    from mailtrack.admin import corrections
    from mailtrack.admin.filters import owner_of

    services = with_store()
    with services.store.write() as connection:
        theirs = [str(owner_of(connection, address))] if address else []
        rows = wanted(services, [*(ids or ()), *theirs], bounced_since)
        if not (rows.ids or rows.since):
            raise MailtrackError(
                "Say who: `mailtrack revive NUMBER …`, --address or --bounced-since."
            )
        say(corrections.revive(connection, rows, services.clock.now()))


@app.command(rich_help_panel=_PANEL)
def reread(
    mails: Annotated[list[int] | None, typer.Argument(help="Ids; all if none.")] = None,
) -> None:
    """Let kept mails be read again, after a parser learned something."""
    from mailtrack.domain.model import InboundId
    from mailtrack.store.inbound import reread as read_again

    services = with_store()
    with services.store.write() as connection:
        times = read_again(connection, services.clock.now(), [InboundId(m) for m in mails or []])
    say(f"{times} mails will be read again.")


@app.command(rich_help_panel=_PANEL)
def block(address: str) -> None:
    """Send no more mail to an address, and let nothing follow from what comes from it."""
    from mailtrack.admin import blocking

    services = with_store()
    with services.store.write() as connection:
        say(blocking.block(connection, address, services.suppression, services.clock.now()))


@app.command(rich_help_panel=_PANEL)
def unblock(address: str) -> None:
    """Take a block back."""
    from mailtrack.admin import blocking

    services = with_store()
    with services.store.write() as connection:
        say(blocking.unblock(connection, address, services.suppression))


@app.command(rich_help_panel=_PANEL)
def uninvite(
    ids: Ids = None,
    address: Annotated[str, typer.Option(help="All that this address made.")] = "",
) -> None:
    """End invitations, whether they wait or were accepted; nobody is told."""
    from mailtrack.admin import invitations

    services = with_store()
    with services.store.write() as connection:
        rows = wanted(services, ids, "", address)
        say(invitations.end(connection, rows, services.clock.now()))


@app.command(rich_help_panel=_PANEL)
def pause(
    carrier: str,
    until: Annotated[str, typer.Option(help="To a moment: 2h, 3d, 2026-03-02T14:05.")],
) -> None:
    """Leave a carrier alone until a moment; what is due there waits."""
    from mailtrack.admin import pausing
    from mailtrack.admin.filters import moment_to_come
    from mailtrack.carriers import named

    services = with_store()
    now, declaration = services.clock.now(), services.declarations[named(carrier)]
    with services.store.write() as connection:
        say(pausing.pause(connection, declaration, moment_to_come(until, now), now))


@app.command(rich_help_panel=_PANEL)
def resume(carrier: str) -> None:
    """Ask a carrier again at once, after a pause or a refusal."""
    from mailtrack.admin import pausing
    from mailtrack.carriers import named

    services = with_store()
    declaration = services.declarations[named(carrier)]
    with services.store.write() as connection:
        say(pausing.resume(connection, declaration, services.clock.now()))


@app.command("send-test", rich_help_panel=_PANEL)
def send_test(address: str) -> None:
    """Send one mail to an address, to see whether and how it arrives."""
    from mailtrack.admin.send_test import send_test as send

    say(send(set_up(), address))

"""One thing, now, without the database."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mailtrack.admin.terminal import say, say_json
from mailtrack.cli.program import AsJson, app, set_up
from mailtrack.errors import MailtrackError

_PANEL = "One thing, now"


@app.command(rich_help_panel=_PANEL)
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


@app.command(rich_help_panel=_PANEL)
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


@app.command(rich_help_panel=_PANEL)
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


@app.command(rich_help_panel=_PANEL)
def track(
    number: str,
    carrier: Annotated[str, typer.Option(help="Ask this carrier only.")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask the carriers about a number once, now; stores nothing."""
    from mailtrack.admin.track_once import ask

    answer = ask(set_up(), number, carrier)
    if as_json:
        say_json(answer)
    else:
        say(f"{answer['number']}: {answer['state']} {answer['milestone'] or ''}".rstrip())
        for event in answer["events"]:
            say(f"  {event['at']}  {event['milestone']:<20} {event['text']} {event['place']}")
    raise typer.Exit(0 if answer["state"] in ("found", "not_found") else 1)


@app.command("hash-password", rich_help_panel=_PANEL)
def hash_password() -> None:
    """Ask for a password, and print what MAILTRACK_ADMIN__PASSWORD_HASH holds of it."""
    from mailtrack.web.admin import passwords

    if sys.stdin.isatty():
        typed = typer.prompt("Password of the operator's page", hide_input=True, err=True)
        if typed != typer.prompt("Once more", hide_input=True, err=True):
            raise MailtrackError("These were two passwords; nothing is printed.")
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    if len(typed) < passwords.SHORTEST:
        raise MailtrackError(f"A password has {passwords.SHORTEST} characters or more.")
    say(passwords.hash_password(typed))


@app.command(rich_help_panel=_PANEL)
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

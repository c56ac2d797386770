"""An operator's questions: each has a command in docs/questions.md, and it answers."""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from benchmarks import manual
from mailtrack.admin.notices import MEANINGS
from mailtrack.domain.tracking import Skip
from mailtrack.jobs.delivering import NOTHING_LEFT
from mailtrack.jobs.drafts import TOO_LATE
from mailtrack.sandbox.carriers import CarrierWorld
from mailtrack.sandbox.imap import ImapServer
from mailtrack.sandbox.loopback import free_port
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.store import inbound, notices, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.notices import DIGESTED
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Suppression, Why
from tests.test_cli import SECRET, Run, on_store, run, world  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "questions.md"
ANSWERS = re.findall(r"^\| .+ \| `mailtrack (.+)` \|$", PAGE.read_text("utf-8"), re.MULTILINE)
#: What no list is of a number, and the row that the page means by 12.
TWELVE = 12


@pytest.fixture
def lived(
    on_store: Run,  # noqa: F811
    world: CarrierWorld,  # noqa: F811
    store: Store,
    follow: Callable[..., Subscription],
    mail: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Run]:
    """A service that has lived: one mail, one parcel, one notice that failed, one dead address."""
    mine, now = follow(), datetime.now(UTC)
    with store.write() as connection:
        inbound.keep(connection, inbound.MailPlace("colis@host", "INBOX", 1, 1), mail(), now, now)
        connection.execute(
            update(t.inbound).values(
                id=TWELVE, outcome="tracked", reason="a parcel", subscriber_id=mine.subscriber
            )
        )
        notices.owe_follower(connection, mine.id, "stalled", occurrence="1", now=now)
        connection.execute(
            update(t.notice).values(
                id=TWELVE, state="failed", last_error="550 no", inbound_id=TWELVE
            )
        )
        people.bounced(connection, mine.subscriber, now)
        Suppression(SECRET).add(connection, "mallory@example.org", Why.BLOCKED, now)
    with ExitStack() as servers:
        imap = servers.enter_context(ImapServer("colis", SECRET))
        smtp = servers.enter_context(SmtpSink())
        for name, value in {
            "INBOX__HOST": imap.account.host,
            "INBOX__PORT": imap.account.port,
            "INBOX__SECURITY": "plain",
            "INBOX__USER": "colis",
            "SMTP__HOST": smtp.host,
            "SMTP__PORT": smtp.port,
            "SMTP__SECURITY": "plain",
            "SMTP__FROM_ADDRESS": "suivi@colis.example",
            "WEB__PORT": free_port(),
        }.items():
            monkeypatch.setenv(f"MAILTRACK_{name}", str(value))
        yield on_store


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@only_sqlite
@pytest.mark.parametrize("command", ANSWERS)
def test_every_question_has_a_command_that_answers(lived: Run, command: str) -> None:
    result = lived(*shlex.split(command))

    assert 0 == result.code, result.err
    assert result.out


def test_there_are_twenty_questions_and_more() -> None:
    assert 20 < len(set(ANSWERS))


@only_sqlite
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("notices", "12"), ["550 no", "ana@example.org", "LP00123456789012"]),
        (("inbound", "12"), ["a parcel", "ana@example.org", "stalled"]),
        (("inbound", "12", "--raw"), ["Subject:", "LP00123456789012"]),
        (("people", "--address", "ana@example.org"), ["ana@example.org", "LP00123456789012"]),
        (("parcels", "LP00123456789012"), ["cainiao", "next poll"]),
        (("poll", "LP00123456789012"), ["Accepted by carrier", "found"]),
        (("notices", "--number", "LP00123456789012"), ["550 no"]),
        (("inbound", "--since", "1h"), ["a parcel"]),
        (("people", "--number", "LP00123456789012"), ["dead since"]),
    ],
)
def test_what_is_opened_tells_what_was_asked(
    lived: Run, command: tuple[str, ...], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = lived(*command).out

    assert [] == [word for word in told if word.lower() not in out.lower()]


@only_sqlite
@pytest.mark.parametrize(
    ("command", "rows"),
    [
        (("notices", "--state", "sent"), 0),
        (("notices", "--state", "failed"), 1),
        (("notices", "--address", "ana@example.org"), 1),
        (("inbound", "--outcome", "waiting"), 0),
        (("inbound", "--outcome", "tracked"), 1),
        (("inbound", "--number", "LP99999999999999"), 0),
        (("people",), 1),
        (("people", "--state", "left"), 0),
        (("people", "--state", "all"), 1),
        (("parcels", "--state", "none"), 1),
        (("parcels", "--state", "delivered"), 0),
        (("parcels", "--number", "lp 0012 3456 789012"), 1),
    ],
)
def test_lists_are_filtered(lived: Run, command: tuple[str, ...], rows: int) -> None:
    (listed,) = lived(*command, "--json").json.values()

    assert rows == len(listed)
    assert "ana@example.org" not in repr(listed)


@only_sqlite
def test_json_has_times_and_numbers(lived: Run) -> None:
    (row,) = lived("notices", "--json").json["notices"]

    assert (TWELVE, "failed") == (row["id"], row["state"])
    assert datetime.fromisoformat(row["age"]) <= datetime.now(UTC)


@only_sqlite
@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("command", ["status", "inbound", "parcels", "notices", "carriers"])
def test_no_number_and_no_name_of_a_setting_is_broken_on_a_narrow_terminal(
    lived: Run, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    words = {
        word
        for rows in lived(command, "--json").json.values()
        for row in rows
        for cell in row.values()
        if isinstance(cell, str) and not re.match(r"\d{4}-", cell)
        for word in cell.split()
    }
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = lived(command).out

    assert {word for word in words if word not in shown} == set()


@only_sqlite
def test_a_word_that_is_no_state_is_wrong_usage_with_the_nearest(lived: Run) -> None:
    result = lived("inbound", "--outcome", "quarantine")

    assert 2 == result.code
    assert "did you mean quarantined?" in " ".join(result.err.replace("│", " ").split())


def test_every_reason_to_leave_a_mail_out_is_explained() -> None:
    assert {*Skip, DIGESTED, NOTHING_LEFT, TOO_LATE} == MEANINGS.keys()
    told = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert dict(told) == {str(why): meaning for why, meaning in MEANINGS.items()}


def test_the_manual_page_is_that_of_the_commands() -> None:
    """`make man` writes it."""
    assert manual.page() == manual.PAGE.read_text("utf-8")

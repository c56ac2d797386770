"""The commands: what they print is a contract, and a mistake is one line and exit code 1."""

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from sqlalchemy import insert, select, update

import mailtrack
from mailtrack import cli, logs
from mailtrack.carriers import declarations
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.environment import ENV_FILE
from mailtrack.errors import ChallengeError
from mailtrack.runtime import services
from mailtrack.runtime.alone import alone
from mailtrack.runtime.services import Services
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld, carrier_app, serve
from mailtrack.sandbox.imap import ImapServer
from mailtrack.settings import Settings, load_settings
from mailtrack.store import budgets, inbound, leases, notices, parcels, people, relays
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.migrate import newest
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.admin.passwords import is_password

NUMBER = "LP00123456789012"
SECRET = "hush-hush"


class Result(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in this process, in an empty folder, on a database of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAILTRACK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MAILTRACK_INBOX__PASSWORD", SECRET)
    monkeypatch.setenv("MAILTRACK_LINKS__SECRET", SECRET)
    monkeypatch.setattr(logs, "configure", lambda _: None)  # the tests' own logs stay
    opened: list[Services] = []

    def open_services(settings: Settings) -> Services:
        opened.append(Services(settings))
        return opened[-1]

    monkeypatch.setattr(services, "Services", open_services)
    monkeypatch.setenv(ENV_FILE, "")  # the option sets it; this takes it back at the end

    def make(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["mailtrack", *arguments])
        standard_input = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", standard_input)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        assert "Traceback" not in captured.err
        while opened:  # the program leaves this to its end
            opened.pop().close()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return make


def _one_line(result: Result) -> str:
    """Return the message of an expected failure."""
    assert (1, "") == (result.code, result.out)
    assert result.err.startswith("mailtrack: ")
    assert 1 == len(result.err.splitlines())
    return result.err


# --- parse --------------------------------------------------------------------------


def test_parse_prints_one_object_a_mail_in_the_order_given(
    run: Run, tmp_path: Path, mail: Callable[..., bytes]
) -> None:
    (tmp_path / "a.eml").write_bytes(mail())
    (tmp_path / "b.eml").write_bytes(b"From: x@example.org\n\nHello")
    result = run("parse", "b.eml", "-", "a.eml", "--json", stdin=mail(parcel="LP00123456789013"))

    first, second, third = (json.loads(line) for line in result.out.splitlines())
    assert (0, "") == (result.code, result.err)
    assert ["b.eml", "-", "a.eml"] == [first["file"], second["file"], third["file"]]
    assert ["not_a_shop_mail", "tracked", "tracked"] == [
        reading["outcome"] for reading in (first, second, third)
    ]


def test_parse_keeps_to_its_contract(run: Run, mail: Callable[..., bytes]) -> None:
    reading = run("parse", "-", "--json", stdin=mail()).json

    assert {
        *("file", "outcome", "shop", "kind", "language", "milestone", "orders", "parcels"),
        *("items", "estimated_delivery", "ordered_at", "forward"),
    } <= reading.keys()
    forward, original = reading["forward"], reading["forward"]["original"]
    assert {"is_forward", "method", "forwarder", "message", "original"} <= forward.keys()
    assert {"from", "to", "cc", "subject", "date", "body"} <= original.keys()
    (parcel,) = reading["parcels"]
    assert {"number", "orders", "local_number", "carriers"} <= parcel.keys()
    assert (NUMBER, ["3054169918880001"], ["cainiao"]) == (
        parcel["number"],
        parcel["orders"],
        parcel["carriers"][:1],
    )
    assert ("ana@example.org", "inline", "Voilà") == (
        forward["forwarder"]["address"],
        forward["method"],
        forward["message"],
    )


def test_parse_touches_nothing(run: Run, tmp_path: Path, mail: Callable[..., bytes]) -> None:
    result = run("parse", "-", stdin=mail())

    assert (0, f"-: tracked {NUMBER}\n") == (result.code, result.out)
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    assert "Cannot read nowhere.eml: No such file" in _one_line(run("parse", "nowhere.eml"))
    assert f"Cannot read {tmp_path}: Is a directory" in _one_line(run("parse", str(tmp_path)))


# --- detect, classify ---------------------------------------------------------------


def test_detect_keeps_to_its_contract(run: Run) -> None:
    spaced, unknown = run("detect", "la 123 456 785 fr", "XX", "--json").json

    assert ("la 123 456 785 fr", "LA123456785FR", True) == (
        spaced["number"],
        spaced["normalised"],
        spaced["valid"],
    )
    assert {"carrier": "laposte", "check_digit": "ok"}.items() <= spaced["candidates"][0].items()
    assert "format" in spaced["candidates"][0]
    assert (False, []) == (unknown["valid"], unknown["candidates"])


def test_detect_speaks_to_people_too(run: Run) -> None:
    told = run("detect", NUMBER, "XX").out

    assert f"{NUMBER}: cainiao (" in told
    assert "XX: no carrier known" in told


def test_classify_answers_line_by_line(run: Run) -> None:
    lines = "laposte\tDI1\tVotre colis est livré.\nlaposte\tZZ9\tAu vert\n".encode()
    assert ["delivered", "unknown"] == run("classify", stdin=lines).out.splitlines()

    told = [json.loads(x) for x in run("classify", "--json", stdin=lines).out.splitlines()]
    assert ["delivered", "unknown"] == [classified["milestone"] for classified in told]
    assert ["laposte  ZZ9  Au vert"] == run("classify", "--unknown", stdin=lines).out.splitlines()


# --- track --------------------------------------------------------------------------


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[CarrierWorld]:
    """Carriers on loopback, which know one parcel."""
    world = CarrierWorld()
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    world.parcel(NUMBER, local_number="6A12345678901")
    world.scan(NUMBER, CAINIAO, "PU_PICKUP_SUCCESS", "Accepted by carrier", at)
    for code in {declaration.code for declaration in declarations()} - {CAINIAO, LAPOSTE}:
        monkeypatch.setenv(f"MAILTRACK_CARRIERS__{code.upper()}__ENABLED", "false")
    with serve(carrier_app(world)) as base:
        monkeypatch.setenv("MAILTRACK_CARRIERS__CAINIAO__URL", f"{base}/cainiao")
        monkeypatch.setenv("MAILTRACK_CARRIERS__LAPOSTE__URL", f"{base}/laposte/suivi/v2")
        monkeypatch.setenv("MAILTRACK_CARRIERS__LAPOSTE__KEY", world.key)
        yield world
        world.release()


def test_a_password_becomes_what_the_settings_take(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = run("hash-password", stdin="un long sésame\n".encode()).out.strip()
    monkeypatch.setenv("MAILTRACK_ADMIN__PASSWORD_HASH", printed)

    assert is_password("un long sésame", load_settings().admin.password_hash.get_secret_value())
    short = run("hash-password", stdin=b"hush\n")
    assert (1, "") == (short.code, short.out)
    assert "12 characters or more" in short.err


def test_track_keeps_to_its_contract(run: Run, world: CarrierWorld) -> None:
    result = run("track", NUMBER, "--json")

    answer = result.json
    assert {
        *("number", "carrier", "state", "milestone", "local_number"),
        *("estimated_delivery", "pickup_point", "events"),
    } <= answer.keys()
    assert (0, NUMBER, "cainiao", "found", "carrier_accepted", "6A12345678901") == (
        result.code,
        *(answer[k] for k in ("number", "carrier", "state", "milestone", "local_number")),
    )
    (event,) = answer["events"]
    assert {"at", "at_certain", "code", "text", "place", "milestone", "reason", "source"} == {
        *event
    }


def test_track_lists_the_newest_event_first(run: Run, world: CarrierWorld) -> None:
    world.scan(NUMBER, CAINIAO, "LH_DEPART", "Left", datetime(2026, 3, 2, 9, tzinfo=UTC))

    events = run("track", NUMBER, "--json").json["events"]
    assert ["LH_DEPART", "PU_PICKUP_SUCCESS"] == [event["code"] for event in events]


@pytest.mark.parametrize(
    ("failure", "state"),
    [("quota", "quota"), ("outage", "unavailable"), ("challenge", "quota")],
)
def test_track_says_why_there_is_no_answer(
    run: Run, world: CarrierWorld, failure: str, state: str
) -> None:
    world.fail_next(CAINIAO, failure, times=5)
    result = run("track", NUMBER, "--json")

    assert (1, state) == (result.code, result.json["state"])


def test_track_names_a_wrong_key(
    run: Run, world: CarrierWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_CARRIERS__LAPOSTE__KEY", SECRET)

    assert "auth" == run("track", "6A12345678901", "--carrier", "colissimo", "--json").json["state"]


def test_track_tells_an_unknown_number_from_a_carrier_that_could_not_be_asked(
    run: Run, world: CarrierWorld
) -> None:
    assert "not_found" == run("track", "LA123456785FR", "--json").json["state"]

    world.fail_next(LAPOSTE, "outage", times=5)
    assert "unavailable" == run("track", "LA123456785FR", "--json").json["state"]


def test_track_takes_a_number_that_was_left_out_for_no_unknown_one(
    run: Run, world: CarrierWorld
) -> None:
    world.fail_next(LAPOSTE, "missing", times=5)

    answer = run("track", "6A12345678901", "--carrier", "laposte", "--json")

    assert (1, "unavailable") == (answer.code, answer.json["state"])


def test_track_stores_nothing(run: Run, world: CarrierWorld, tmp_path: Path) -> None:
    run("track", NUMBER)

    assert [] == list(tmp_path.iterdir())


def test_a_carrier_that_is_unknown_or_off_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No carrier is called pigeon" in _one_line(run("track", NUMBER, "--carrier", "pigeon"))
    off = _one_line(run("track", NUMBER, "--carrier", "laposte"))
    assert "MAILTRACK_CARRIERS__LAPOSTE__KEY" in off


# --- the operator's questions -------------------------------------------------------


@pytest.fixture
def on_store(run: Run, store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands on the test's database."""
    monkeypatch.setenv("MAILTRACK_DATABASE_URL", database_url)
    return run


@pytest.mark.parametrize(
    ("command", "tables"),
    [
        (
            "status",
            {
                *("mailbox", "parts", "mails", "notices", "store", "words", "sending"),
                *("pages", "workers"),
            },
        ),
        ("notices", {"notices"}),
        ("people", {"people whose mails come back"}),
        ("parcels", {"parcels"}),
        ("inbound", {"inbound mails"}),
        ("unmapped", {"unmapped"}),
        ("carriers", {"carriers"}),
        ("forecast", {"forecasts"}),
    ],
)
def test_reports_are_json_by_table(
    on_store: Run, follow: Callable[..., Subscription], command: str, tables: set[str]
) -> None:
    follow()
    result = on_store(command, "--json")

    assert (0, tables) == (result.code, {*result.json} & tables)
    assert 0 == on_store(command).code


def test_parcels_lists_what_is_followed(on_store: Run, follow: Callable[..., Subscription]) -> None:
    follow()

    assert [NUMBER] == [row["number"] for row in on_store("parcels", "--json").json["parcels"]]


def test_expected_dates_are_scored_by_stage_and_in_all(on_store: Run, store: Store) -> None:
    with store.write() as connection:
        for milestone, held in (("in_transit", 3), ("customs_cleared", 1)):
            sums = {"width": 20, "loss": 4, "published_loss": 8, "mean_loss": 6}
            connection.execute(
                insert(t.forecast_score).values(milestone=milestone, parcels=4, held=held, **sums)
            )
        for day, ended in ((6, 1), (7, 9)):
            key = {"milestone": "in_transit", "measure": "delivery", "day": day}
            lane = {"first_carrier": "cainiao", "last_carrier": "", "service": ""}
            row = {**key, **lane, "ended": ended, "left": 0}
            connection.execute(insert(t.stage_tally).values(row))
    rows = on_store("forecast", "--json").json["forecasts"]

    assert [("in_transit", 0.75), ("customs_cleared", 0.25), ("all", 0.5)] == [
        (row["milestone"], row["coverage"]) for row in rows
    ]
    assert {"promises": 8, "width": 5.0, "loss": 1.0, "published": 2.0} | {
        "mean": 1.5,
        "ratio": 0.67,
        "best_coverage": 0.9,
        "best_width": 1.0,
    } == {name: rows[-1][name] for name in rows[-1].keys() - {"milestone", "coverage"}}


def test_what_a_mistake_did_is_taken_back_in_a_line(
    on_store: Run, store: Store, follow: Callable[..., Subscription]
) -> None:
    mine, now = follow(), datetime.now(UTC)
    with store.write() as connection:
        notices.owe_follower(connection, mine.id, "stalled", occurrence="1", now=now)
        connection.execute(t.notice.update().values(state="failed"))
        people.bounced(connection, mine.subscriber, now)
    revived = on_store("people", "--revive", str(mine.subscriber))
    retried = on_store("notices", "--retry", "--failed")

    assert (0, "1 person gets mails again.\n") == (revived.code, revived.out)
    assert (0, "1 notice is due again.\n") == (retried.code, retried.out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("notices", "--retry"), "Say which"),
        (("resend",), "Say which: `mailtrack resend"),
        (("revive",), "Say who: `mailtrack revive"),
        (("revive", "--address", "ana@example.org"), "Nobody with this address"),
        (("inbound", "--raw"), "Say which mail"),
        (("inbound", "7"), "No mail has the number 7"),
        (("inbound", "7", "--raw"), "There is no mail 7 to show"),
        (("notices", "7"), "No notice has the number 7"),
        (("people", "7"), "Nobody has the number 7"),
        (("parcels", "XX1"), "No parcel with the number XX1"),
        (("poll", "XX1"), "No parcel with the number XX1"),
        (("pause", "lapost", "--until", "2h"), "did you mean laposte?"),
        (("pause", "laposte", "--until", "2020-01-01"), "is over"),
        (("unblock", "ana@example.org"), "is not blocked"),
        (("block", "ana"), "Name an address"),
        (("notices", "--failed"), "--failed goes with --retry"),
        (("notices", "--retry", "3", "--failed"), "Either numbers or --failed"),
        (("notices", "--retry", "all"), "all is no number of a row"),
        (("notices", "--retry", "--since", "tomorrow"), "tomorrow is no moment"),
        (("notices", "--since", "2999-01-01"), "is not over yet"),
        (("people", "--revive"), "Say who"),
        (("people", "--revive", "ana"), "ana is no number of a row"),
        (("people", "--bounced-since", "5"), "5 is no moment"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(
    on_store: Run, arguments: tuple[str, ...], said: str
) -> None:
    assert said in _one_line(on_store(*arguments))


def test_status_repeats_why_the_relay_takes_no_mail(on_store: Run, store: Store) -> None:
    with store.write() as connection:
        now = datetime.now(UTC)
        relays.refused(connection, "@:587", "limit", "550 5.4.5 enough", now, lasting=True)
    sending = {row["what"]: row["how"] for row in on_store("status", "--json").json["sending"]}

    assert 0 == sending["mails within 24 hours"]
    assert "(limit): 550 5.4.5 enough; tried again at" in sending["relay"]


def test_status_tells_how_much_of_each_carriers_words_nobody_knows(
    on_store: Run, store: Store, follow: Callable[..., Subscription]
) -> None:
    follow()
    now = datetime.now(UTC)
    with store.write() as connection:
        number = connection.execute(select(t.parcel.c.id)).scalar_one()
        events = [
            TrackingEvent(now, milestone, "cainiao", mark=str(mark))
            for mark, milestone in enumerate([Milestone.DELIVERED] * 3 + [Milestone.UNKNOWN])
        ]
        parcels.add_events_of_each(connection, {number: events}, now)

    assert [{"carrier": "cainiao", "events": 4, "unknown": 1, "share": 0.25}] == (
        on_store("status", "--json").json["words"]
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_unmapped_words_become_rows_that_no_terminal_obeys(lived_in: Run) -> None:
    result = lived_in("unmapped", "--as-rows", "--least", "1")

    assert (0, set()) == (result.code, _obeyed(result.out.replace("\t", "")))
    assert "# phrases/cainiao.tsv\ncode\tlanguage\ttext\t" in result.out


def test_carriers_tells_who_is_asked_how_often_and_what_went_wrong(
    on_store: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_CARRIERS__CORREOS__PER_DAY", "50")
    now = datetime.now(UTC)
    with store.write() as connection:
        for code in ("cainiao", "correos"):
            budgets.take(connection, code, 1, per_second=1, per_day=50, now=now)
            budgets.note_ok(connection, code, now)
        challenged = ChallengeError("Cainiao asks for a robot check.", 21_700)
        budgets.note_error(connection, "cainiao", str(challenged), now, silence_s=21_700)

    listed = {row["carrier"]: row for row in on_store("carriers", "--json").json["carriers"]}
    silent_until = datetime.fromisoformat(listed["cainiao"]["left alone until"])
    assert 21_600 < (silent_until - now).total_seconds() < 21_800
    assert "Cainiao asks for a robot check." == listed["cainiao"]["last error"]
    assert ("on", 1, 50, "") == tuple(
        listed["correos"][column] for column in ("state", "today", "per day", "last error")
    )
    assert now.isoformat(timespec="seconds") == listed["correos"]["answered"]
    assert ("no key: set MAILTRACK_CARRIERS__LAPOSTE__KEY", None, "") == tuple(
        listed["laposte"][column] for column in ("state", "answered", "last error")
    )


def test_status_speaks_of_the_mailbox_of_the_settings_and_of_watchers_that_live(
    on_store: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed watcher is known by its lease, and a former mailbox is none any more."""
    monkeypatch.setenv("MAILTRACK_INBOX__USER", "colis")
    monkeypatch.setenv("MAILTRACK_INBOX__HOST", "imap.example")
    now = datetime.now(UTC)
    seconds_left = {
        "colis@imap.example": 60,
        "former@imap.example": -60,
        "ancient@imap.example": -7200,
    }
    with store.write() as connection:
        for account, seconds in seconds_left.items():
            inbound.note_state(connection, account, "INBOX", "idling", "why", now)
            name = leases.watch_name(account, "INBOX")
            leases.take(connection, name, "host/1", seconds, leases.time_of(connection))
        leases.take(connection, leases.DISPATCH, "host/1", -60, leases.time_of(connection))

    def shown() -> tuple[list[str], list[tuple[str, str]]]:
        told = on_store("status", "--json").json
        states = [row["state"] for row in told["mailbox"]]
        return states, [(row["part"], row["state"]) for row in told["parts"]]

    assert (["idling"], [("dispatch", "gone"), ("watch", "at work")]) == shown()
    with store.write() as connection:
        connection.execute(update(t.lease).values(until=now - timedelta(minutes=1)))
    assert (["not watched, was idling"], [("dispatch", "gone"), ("watch", "gone")]) == shown()
    with store.write() as connection:
        connection.execute(update(t.lease).values(until=now - timedelta(hours=2)))
    assert (["not watched, was idling"], []) == shown()


def test_status_shows_a_watcher_of_another_mailbox_as_such(
    on_store: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__USER", "colis")
    monkeypatch.setenv("MAILTRACK_INBOX__HOST", "imap.example")
    with store.write() as connection:
        name = leases.watch_name("former@imap.example", "INBOX")
        leases.take(connection, name, "host/1", 60, leases.time_of(connection))

    (part,) = on_store("status", "--json").json["parts"]
    assert ("watch (another mailbox)", "at work") == (part["part"], part["state"])


def test_a_carrier_that_is_off_shows_nothing_of_how_it_answered_once(
    on_store: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_CARRIERS__CORREOS__ENABLED", "false")
    now = datetime.now(UTC)
    with store.write() as connection:
        budgets.take(connection, "correos", 1, per_second=1, per_day=50, now=now)
        budgets.note_error(connection, "correos", "refused", now, silence_s=7200)

    listed = {row["carrier"]: row for row in on_store("carriers", "--json").json["carriers"]}
    assert ("switched off: MAILTRACK_CARRIERS__CORREOS__ENABLED=false", None, None, "") == tuple(
        listed["correos"][column] for column in ("state", "today", "answered", "last error")
    )


def test_a_narrow_terminal_shows_the_whole_name_of_a_setting(
    on_store: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert "…" not in on_store("carriers").out


def test_reports_name_nobody(on_store: Run, follow: Callable[..., Subscription]) -> None:
    follow()

    for command in ("status", "parcels", "inbound", "unmapped", "carriers", "notices", "people"):
        assert "ana@example.org" not in on_store(command, "--json").out


@pytest.mark.parametrize(
    "command", ["status", "parcels", "inbound", "unmapped", "notices", "people", "forecast"]
)
def test_a_report_without_a_database_says_how_to_make_one(run: Run, command: str) -> None:
    assert "mailtrack db upgrade" in _one_line(run(command))


def test_who_is_asked_is_told_without_a_database(run: Run) -> None:
    result = run("carriers", "--json")

    listed = {row["carrier"]: row for row in result.json["carriers"]}
    assert ("on", None) == (listed["cainiao"]["state"], listed["cainiao"]["today"])
    assert listed["dhl"]["state"] not in ("", "on")
    assert "mailtrack db upgrade" in result.err


def test_the_database_may_be_upgraded_twice(run: Run) -> None:
    told = [run("db", "upgrade") for _ in range(2)]

    assert [(0, f"The database is at revision {newest()}.\n")] * 2 == [
        (result.code, result.out) for result in told
    ]
    assert 0 == run("status").code


def test_what_is_kept_is_exported_and_erased(
    on_store: Run, follow: Callable[..., Subscription], rows: Callable[..., list[Mapping[str, Any]]]
) -> None:
    follow()
    assert [NUMBER] == [p["number"] for p in on_store("export", "ana@example.org").json["parcels"]]
    assert "Erased.\n" == on_store("erase", "ana@example.org").out
    assert [] == rows(t.subscriber)

    for command in ("export", "erase"):
        assert "Nothing is kept" in _one_line(on_store(command, "ana@example.org"))


def test_reread_tells_how_many_mails(on_store: Run) -> None:
    assert "0 mails will be read again.\n" == on_store("reread").out


def test_preview_writes_every_mail(run: Run, tmp_path: Path) -> None:
    assert 0 == run("preview", "delivered", "--out", "out").code
    assert {".html", ".txt", ".eml"} <= {path.suffix for path in (tmp_path / "out").rglob("*")}
    assert "No notice is called pigeon" in _one_line(run("preview", "pigeon"))


# --- words of strangers --------------------------------------------------------------

#: Markup that closes what nobody opened, an emoji's code, and what a terminal obeys.
HOSTILE = "[/red] :smile: \x1b[2J\x1b]0;x\x07 \x9b2J \r\n forged \u202e\u2028\u200b \U000e0041"


def _obeyed(written: str) -> set[str]:
    """Return the characters that do something, but for the ends of lines."""
    return {c for c in written.replace("\n", "") if not c.isprintable()}


@pytest.fixture
def lived_in(
    on_store: Run,
    store: Store,
    follow: Callable[..., Subscription],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """A store in which every text is a stranger's, and means harm."""
    monkeypatch.setenv("MAILTRACK_INBOX__USER", "colis")
    monkeypatch.setenv("MAILTRACK_INBOX__HOST", "host")
    follow()
    now = datetime.now(UTC)
    with store.write() as connection:
        budgets.take(connection, "cainiao", 1, per_second=1, per_day=50, now=now)
        budgets.note_error(connection, "cainiao", HOSTILE, now)
        budgets.note_unmapped(connection, "cainiao", HOSTILE, HOSTILE, now)
        place = inbound.MailPlace("colis@host", HOSTILE, 1, 1)
        inbound.keep_unfetchable(connection, place, HOSTILE, now)
        inbound.note_state(connection, "colis@host", "INBOX", "waiting", HOSTILE, now)
        watching = leases.watch_name("colis@host", "INBOX")
        leases.take(connection, watching, HOSTILE[:60], 3600, leases.time_of(connection))
        connection.execute(update(t.inbound).values(shop=HOSTILE, kind=HOSTILE[:32]))
        connection.execute(update(t.parcel).values(number=HOSTILE, local_number=HOSTILE))
        connection.execute(update(t.subscription).values(titles=HOSTILE))
    return on_store


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("parcels",),
        ("inbound",),
        ("unmapped",),
        ("carriers",),
        ("export", "ana@example.org"),
    ],
    ids=" ".join,
)
def test_words_of_strangers_are_shown_as_they_are_and_obeyed_by_no_terminal(
    lived_in: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    results = [lived_in(*command), lived_in(command[0], *command[1:] or ["--json"])]

    for result in results:
        assert (0, set()) == (result.code, _obeyed(result.out))
        assert "[/red] :smile: \\u001b[2J" in result.out
    assert HOSTILE in repr(results[1].json) or HOSTILE in _strings(results[1].json)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", [("inbound", "1"), ("people", "1")], ids=" ".join)
def test_what_strangers_wrote_is_obeyed_by_no_terminal_where_one_thing_is_opened(
    lived_in: Run, command: tuple[str, ...]
) -> None:
    result = lived_in(*command)

    assert (0, set()) == (result.code, _obeyed(result.out))
    assert "[/red] :smile: \\u001b[2J" in result.out


def _strings(value: Any) -> str:
    """Return all the texts inside a JSON value."""
    if isinstance(value, dict):
        return _strings([*value.values()])
    return "".join(map(_strings, value)) if isinstance(value, list) else str(value)


def test_a_file_and_a_number_with_commands_in_their_names_are_only_shown(
    run: Run, tmp_path: Path
) -> None:
    name = "a\x1b[2J\u202e.eml"
    (tmp_path / name).write_bytes(b"From: x@example.org\n\nHello")

    for arguments in (("parse", name), ("parse", name, "--json"), ("detect", name)):
        result = run(*arguments)
        assert (0, set()) == (result.code, _obeyed(result.out))
    assert "\\u001b" in _one_line(run("parse", f"{name}.nowhere"))


def test_the_texts_of_a_carrier_are_only_shown(run: Run, world: CarrierWorld) -> None:
    world.scan(NUMBER, CAINIAO, "LH_DEPART", HOSTILE, datetime(2026, 3, 2, 9, tzinfo=UTC))

    told = run("track", NUMBER)
    assert (0, set()) == (told.code, _obeyed(told.out))
    assert ":smile: \\u001b[2J" in told.out


# --- mistakes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [(), ("detect",), ("parse",), ("track", "A", "B"), ("fly",), ("status", "--colour")],
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert 2 == run(*arguments).code


def test_a_wrong_setting_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__PORT", "ninety")

    assert "MAILTRACK_INBOX__PORT: " in _one_line(run("status"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://mailtrack:hush-hush@127.0.0.1/db", "MAILTRACK_DATABASE_URL"),
        ("sqlite:////proc/nowhere/mailtrack.db", "Cannot create the data folder"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("MAILTRACK_DATABASE_URL", address)

    assert said in _one_line(run("db", "upgrade"))


def test_what_passes_is_another_exit_code_than_what_has_to_be_mended(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd starts again what ended with it (sysexits: EX_TEMPFAIL)."""
    monkeypatch.setenv("MAILTRACK_DATABASE_URL", "postgresql://me:hush-hush@127.0.0.1:1/db")
    for command in ("status", "inbound", "watch", "up"):
        result = run(command)
        assert (75, "") == (result.code, result.out)
        assert "does not answer" in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    "command",
    [
        *("status", "parcels", "inbound", "unmapped", "notices", "people", "carriers"),
        *("doctor", "reread"),
    ],
)
def test_who_only_asks_leaves_nothing_behind(run: Run, tmp_path: Path, command: str) -> None:
    run(command)

    assert [] == list(tmp_path.iterdir())


def test_a_database_of_a_newer_version_is_said(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "data" / "mailtrack.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()

    for command in (("status",), ("inbound",), ("db", "upgrade"), ("work",), ("export", "a@b")):
        assert "is newer than this version of mailtrack" in _one_line(run(*command))


@pytest.mark.parametrize("part", ["watch", "dispatch", "work", "web"])
def test_a_part_does_not_start_on_a_database_of_another_version(run: Run, part: str) -> None:
    assert "mailtrack db upgrade" in _one_line(run(part))


def test_up_does_not_start_without_a_mailbox(run: Run) -> None:
    assert "MAILTRACK_INBOX__HOST is not set" in _one_line(run("up"))


def test_a_second_up_on_one_data_folder_is_refused(run: Run, tmp_path: Path) -> None:
    with alone(tmp_path / "data"):
        assert "`mailtrack up` is at work in" in _one_line(run("up"))


def test_the_file_of_settings_may_be_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.env").write_text("MAILTRACK_CARRIERS__CAINIAO__ENABLED=false\n")
    listed = run("--env-file", "other.env", "carriers", "--json").json["carriers"]

    assert ["switched off: MAILTRACK_CARRIERS__CAINIAO__ENABLED=false"] == [
        row["state"] for row in listed if row["carrier"] == "cainiao"
    ]
    assert "no file of settings nowhere" in _one_line(run("--env-file", "nowhere", "status"))


def test_a_pause_ends_when_it_was_said_or_sooner(on_store: Run) -> None:
    assert 0 == on_store("pause", "colissimo", "--until", "2h").code
    listed = {row["carrier"]: row for row in on_store("carriers", "--json").json["carriers"]}
    assert listed["laposte"]["left alone until"] is None  # it has no key: it is off
    assert "cainiao is left alone until" in on_store("pause", "cainiao", "--until", "2h").out
    listed = {row["carrier"]: row for row in on_store("carriers", "--json").json["carriers"]}
    until = datetime.fromisoformat(listed["cainiao"]["left alone until"])
    assert timedelta(hours=1, minutes=59) < until - datetime.now(UTC) <= timedelta(hours=2)

    assert "cainiao is asked again.\n" == on_store("resume", "cainiao").out
    listed = {row["carrier"]: row for row in on_store("carriers", "--json").json["carriers"]}
    assert listed["cainiao"]["left alone until"] is None


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_grouped_and_has_two_names(run: Run, option: str) -> None:
    told = run(option).out

    for group in ("The service", "One thing, now", "Questions", "Corrections", "What is kept"):
        assert f"─ {group} ─" in told
    assert 0 == run("inbound", option).code


def test_up_does_not_start_on_a_full_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("mailtrack.admin.doctor.shutil.disk_usage", lambda _: full)

    assert "is full (1 MB left): make room" in _one_line(run("up"))


def test_doctor_shows_every_check_and_fails_if_one_does(run: Run) -> None:
    run("db", "upgrade")
    result = run("doctor")
    lines = result.out.splitlines()

    assert 1 == result.code
    assert "ok    disk: " == lines[0][:12]
    assert any(line.startswith("FAIL  mailbox: MAILTRACK_INBOX__HOST") for line in lines)
    assert any(line.startswith("FAIL  relay: MAILTRACK_SMTP__HOST") for line in lines)


def test_the_program_itself_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailtrack", "status"],
        env={"MAILTRACK_DATA_DIR": str(tmp_path), "MAILTRACK_INBOX__PASSWORD": SECRET},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "mailtrack db upgrade" in _one_line(Result(done.returncode, done.stdout, done.stderr))


def test_init_writes_what_it_was_told_and_tries_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ImapServer("colis", SECRET) as imap:
        answers = {"INBOX__HOST": imap.host, "INBOX__USER": "colis", "SMTP__HOST": "127.0.0.1"}
        beside = {"INBOX__PORT": str(imap.port), "INBOX__SECURITY": "plain", "SMTP__PORT": "1"}
        for name, value in (answers | beside).items():
            monkeypatch.setenv(f"MAILTRACK_{name}", value)
        monkeypatch.setenv("MAILTRACK_SMTP__FROM_ADDRESS", "colis@example.org")
        first, second = run("init", "--yes"), run("init", "--yes")
    lines = first.out.splitlines()

    assert (1, ".env is written.") == (first.code, lines[0])
    assert "ok    mailbox: INBOX on 127.0.0.1 can be read" in first.out
    assert "FAIL  relay: The relay 127.0.0.1:1 is out of order" in first.out
    assert "MAILTRACK_SMTP__USER=colis\n" in (tmp_path / ".env").read_text()
    assert "is there already" in _one_line(second)


# --- backup and restore --------------------------------------------------------------


def test_a_backup_is_restored_into_a_new_installation(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "upgrade")
    written = run("backup", "all.zip")
    monkeypatch.setenv("MAILTRACK_DATA_DIR", str(tmp_path / "new"))

    restored = run("restore", "all.zip")

    assert (0, "0 rows are in all.zip.\n") == (written.code, written.out)
    assert 0 == restored.code
    assert restored.out.startswith("0 rows restored, as of 20")
    assert (tmp_path / "new" / "mailtrack.db").exists()


def test_a_restore_is_told_which_database_it_replaces(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_DATA_DIR", str(tmp_path / "old"))
    run("db", "upgrade")
    run("backup", "all.zip")
    monkeypatch.setenv("MAILTRACK_DATA_DIR", str(tmp_path / "new"))

    restored = run("restore", "all.zip", "--replaces", f"sqlite:///{tmp_path}/old/mailtrack.db")

    assert 0 == restored.code
    assert "0 people who had left, 0 who were erased, 0 parcels" in restored.out


def test_a_backup_without_a_database_says_what_to_do(run: Run) -> None:
    assert "`mailtrack db upgrade`" in _one_line(run("backup", "all.zip"))


def test_the_version_is_told(run: Run) -> None:
    assert (0, f"mailtrack {mailtrack.__version__}\n", "") == run("--version")

"""A flood of mails, and a flood of looks after an outage: `python -m benchmarks.floods`.

The parts run as processes of their own against a mailbox and a relay on loopback; what
counts is that memory, queues and unread mails stay bounded and that all is read.
"""

import os
import subprocess
import sys
import tempfile
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from benchmarks import ticking
from benchmarks.stores import STORES
from mailtrack.carriers import declarations
from mailtrack.carriers.base import Budget
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.jobs.broker import INGEST, MAIL, POLL, QUEUE_ROOM
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.runtime.supervisor import embedded_broker
from mailtrack.sandbox.loopback import StreamServer
from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    forwarded,
    gmail,
    parcel_update,
)
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.settings import InboxSettings
from mailtrack.store.engine import Store, open_store
from mailtrack.store.inbound import count_waiting
from mailtrack.store.migrate import upgrade
from mailtrack.store.schema import inbound

MAILS, MAIL_BYTES = 10_000, 10_000
LEGS = 100_000
#: Real seconds after which a flood counts as stuck.
PATIENCE_S = 1_800.0
#: When the flood of mails came.
ARRIVAL = datetime.now(UTC)
PARTS = ("watch", "dispatch", "work")


@dataclass
class Highs:
    """The highest values seen, by what they are of."""

    values: dict[str, float] = field(default_factory=dict)

    def see(self, what: str, value: float) -> None:
        self.values[what] = max(value, self.values.get(what, 0.0))


def main() -> None:
    """Let both floods come; print what they rose to."""
    mails, legs = map(int, sys.argv[1:]) if sys.argv[1:] else (MAILS, LEGS)
    console = Console()
    console.print(_table(f"{mails:,} mails at once, SQLite", _flood_of_mails(mails)))
    for name, opened in STORES.items():
        with opened() as store:
            console.print(
                _table(f"{legs:,} polls due at once, {name}", _flood_of_polls(store, legs))
            )


def _table(title: str, highs: Highs) -> Table:
    table = Table("what", "highest", title=title, title_justify="left")
    for what, value in highs.values.items():
        table.add_row(what, f"{value:,.1f}")
    return table


# --- mails --------------------------------------------------------------------------

#: What the mailbox answers, by the command; {tag} is the client's.
_ANSWERS = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n",
    "EXAMINE": (
        "* {count} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT {next}] ok\r\n"
        "{tag} OK done\r\n"
    ),
    "IDLE": "+ idling\r\n",
    "DONE": "{idle} OK done\r\n",
}


class _FullMailbox(StreamServer):
    """An IMAP server whose mailbox is full from the start, of mails that are made when asked for.

    Filling one of the sandbox's would take longer than reading it.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        idle = ""
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            idle = tag if command == "IDLE" else idle
            writer.write(self._answer(tag, command or line, idle))
            await writer.drain()

    def _answer(self, tag: str, command: str, idle: str) -> bytes:
        if command.startswith("UID SEARCH"):
            first = int(command.split()[-1].partition(":")[0])
            found = " ".join(map(str, range(min(first, self._count), self._count + 1)))
            return f"* SEARCH {found}\r\n{tag} OK done\r\n".encode()
        if command.startswith("UID FETCH"):
            return self._fetched(int(command.split()[2]), command) + f"{tag} OK done\r\n".encode()
        answer = _ANSWERS.get(command.split()[0], "{tag} OK done\r\n")
        return answer.format(tag=tag, idle=idle, count=self._count, next=self._count + 1).encode()

    def _fetched(self, uid: int, command: str) -> bytes:
        raw = _mail(uid)
        if "BODY.PEEK[]" in command:
            return b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (uid, uid, len(raw), raw)
        at = f"{ARRIVAL:%d-%b-%Y %H:%M:%S +0000}".encode()
        return b'* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE "%b")\r\n' % (
            uid,
            uid,
            len(raw),
            at,
        )


def _mail(serial: int) -> bytes:
    """Return somebody's forward of a mail about a parcel of their own."""
    person = DemoPerson(f"Ana {serial}", f"ana{serial}@example.org")
    shop = parcel_update(f"LP{serial:014}", f"{3054169918880000 + serial}", "Lampe")
    note = "Voilà. " * (MAIL_BYTES // 8)
    return forwarded(gmail, shop, person, ARRIVAL, note, serial)


def _flood_of_mails(count: int) -> Highs:
    highs = Highs()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailtrack-flood-")))
        imap = stack.enter_context(_FullMailbox(count))
        sink = stack.enter_context(SmtpSink())
        broker, address = embedded_broker(folder)
        stack.enter_context(_running(broker.command, dict(os.environ)))
        store = open_store(f"sqlite:///{folder / 'mailtrack.db'}")
        stack.callback(store.close)
        upgrade(store)
        environment = _environment(folder, imap, sink, address)
        began = time.monotonic()
        parts = {
            name: stack.enter_context(
                _running([sys.executable, "-m", "mailtrack", name], environment)
            )
            for name in PARTS
        }
        client = redis.Redis.from_url(address)
        stack.callback(client.close)
        while _unfinished(store, count) and time.monotonic() - began < PATIENCE_S:
            _result(highs, parts, client, store)
            time.sleep(0.2)
        highs.see("seconds until all were read", time.monotonic() - began)
        highs.see("mails not read", _unfinished(store, count))
    return highs


def _result(
    highs: Highs, parts: dict[str, subprocess.Popen[bytes]], client: redis.Redis, store: Store
) -> None:
    for name, part in parts.items():
        highs.see(f"megabytes of {name}", psutil.Process(part.pid).memory_info().rss / 2**20)
    for queue in (INGEST, POLL, MAIL):
        highs.see(f"messages in {queue} (room: {QUEUE_ROOM})", client.llen(f"dramatiq:{queue}"))
    most = InboxSettings().most_unread
    with store.read() as connection:
        highs.see(f"unread mails in the store (most: {most})", count_waiting(connection, 10 * most))


def _unfinished(store: Store, count: int) -> int:
    read = select(func.count()).where(inbound.c.outcome.is_not(None)).select_from(inbound)
    with store.read() as connection:
        return count - int(connection.execute(read).scalar_one())


def _environment(folder: Path, imap: _FullMailbox, sink: SmtpSink, broker: str) -> dict[str, str]:
    ours = {
        "DATA_DIR": str(folder),
        "REDIS_URL": broker,
        "LOG_LEVEL": "WARNING",
        "INBOX__HOST": imap.host,
        "INBOX__PORT": str(imap.port),
        "INBOX__SECURITY": "plain",
        "INBOX__USER": "colis",
        "INBOX__PASSWORD": "secret",
        "INBOX__ADDRESS": FORWARD_TO,
        "INBOX__AUTHSERV_ID": AUTHSERV_ID,
        "SMTP__HOST": sink.host,
        "SMTP__PORT": str(sink.port),
        "SMTP__SECURITY": "plain",
        "SMTP__FROM_ADDRESS": "suivi@colis.example",
        **{f"CARRIERS__{d.code.upper()}__ENABLED": "false" for d in declarations()},
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILTRACK_")}
    return kept | {f"MAILTRACK_{name}": value for name, value in ours.items()}


@contextmanager
def _running(
    command: Sequence[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


# --- looks --------------------------------------------------------------------------


@dataclass
class _Queue:
    """The queue of looks, of which workers take a third between two ticks."""

    waiting: int = 0

    def room(self, queue: str) -> int:
        del queue
        return QUEUE_ROOM - self.waiting

    def send(self, queue: str, actor: str, *args: object) -> None:
        del queue, actor, args
        self.waiting += 1


def _flood_of_polls(store: Store, count: int) -> Highs:
    highs, queue = Highs(), _Queue()
    ticking.fill(store, count, taken=count, early=0)
    carrier = FakeCarrier("cainiao", budget=Budget(per_second=1e6, per_day=10**9))
    dispatcher = Dispatcher(store, queue, {"cainiao": carrier.declaration}, ticking.CLOCK, 3600.0)
    given = 0
    while given * carrier.declaration.batch < count:
        began = time.perf_counter()
        given += dispatcher.tick().polls
        highs.see("milliseconds of a tick", (time.perf_counter() - began) * 1000)
        highs.see(f"messages waiting (room: {QUEUE_ROOM})", queue.waiting)
        queue.waiting -= queue.waiting // 3
    highs.see("megabytes of this process", psutil.Process().memory_info().rss / 2**20)
    return highs


if __name__ == "__main__":
    main()

"""Mails from the mailbox to their outcomes, against a bare loop that fetches and takes apart.

The way is the real one: `watch`, `dispatch` and `work` are processes of their own, between an
IMAP server and a database. Alone: `python -m benchmarks.ingesting [MAILS] [WORKERS]`, which
also says what each role costs.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

import mailparser
import psutil
from dramatiq.brokers.redis import RedisBroker
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from benchmarks.delivering import running_broker, wait_until
from benchmarks.hostile import make_analyzer
from benchmarks.mailboxes import full
from benchmarks.measure import Ratio, Stopwatch
from benchmarks.stores import STORES, OpenStore
from mailtrack.inbox.mailbox import open_session
from mailtrack.jobs.liveness import count_workers
from mailtrack.sandbox.imap import ImapAccount
from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    ShopMail,
    forwarded,
    gmail,
    parcel_update,
)
from mailtrack.store.engine import Store
from mailtrack.store.schema import inbound

MAILS, WORKERS = 1_000, 2
#: Mails that the bare loop fetches at once.
FETCHED_AT_ONCE = 50
#: Mails that are read alone, to know what reading one costs.
READ_ALONE = 100

#: What shops write below the news: cards of other articles, in tables.
_CARD = (
    '<table width="100%" cellpadding="0" cellspacing="0" border="0"><tbody><tr>'
    '<td align="left" style="padding:8px 12px;font-family:Open Sans,Arial,sans-serif;'
    'font-size:14px;line-height:20px;color:#191919"><a href="https://www.aliexpress.com/item/'
    "100500{0:07}.html?edm_log_data=%7B%22position%22%3A{0}%2C%22type%22%3A%22rec%22%7D&amp;"
    'tracelog=rowan&amp;rowan_id1=shipping_1_fr_FR_2026" style="text-decoration:none">'
    '<img src="https://ae01.alicdn.com/kf/S{0:032x}.jpg_220x220.jpg" width="110" height="110" '
    'alt="" style="display:block;border:0"></a></td><td style="font-size:12px;color:#757575">'
    "Lampe de bureau pliable n° {0}, lumière réglable<br><b>{0},99 €</b></td>"
    "</tr></tbody></table>\n"
)
#: How many of them each sort of mail has, and by how much it may be slower than the bare loop.
SORTS = {"3 KB": (0, "≤ 8.3"), "45 KB": (44, "≤ 2.9")}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took: seconds by the clock, and of the processor by role."""

    mails: int
    ours_s: float
    bare_s: float
    reading_s: float
    cpu_s: Mapping[str, float]

    @property
    def roles_s(self) -> float:
        """Return what our own processes took of the processor."""
        return sum(taken for role, taken in self.cpu_s.items() if role != DATABASE)


#: How the table calls the processes of the database, where it has any.
DATABASE = "database"


def ratios() -> Iterator[Ratio]:
    """Measure both sorts of mails on each database."""
    with running_broker() as redis_url:
        for name, open_store in STORES.items():
            for sort, (cards, target) in SORTS.items():
                taken = measure(open_store, redis_url, _forwards(MAILS, cards), WORKERS)
                what = f"{MAILS} mails of {sort}"
                yield Ratio(
                    f"{what} from the mailbox to their outcome ({name})",
                    taken.ours_s,
                    "fetching, mail-parser",
                    taken.bare_s,
                    target,
                    count=MAILS,
                )
                yield Ratio(
                    f"{what}: the processor's time of all roles ({name})",
                    taken.roles_s,
                    "our reading alone",
                    taken.reading_s,
                    "≤ 2",
                    count=MAILS,
                )


def measure(
    open_store: OpenStore, redis_url: str, mails: Sequence[bytes], workers: int
) -> Measured:
    """Let everything be read, from the first mail that is stored to the last outcome.

    1. The workers are ready, and the mailbox full, before the watcher comes.
    2. The bare loop has the same mailbox, when the parts are gone.
    """
    ours, bare = Stopwatch(), Stopwatch()
    with ExitStack() as outside:
        account = outside.enter_context(full(mails))
        store = outside.enter_context(open_store())
        environment = environment_of(store, account, redis_url)
        # 1.
        with ExitStack() as parts:
            roles = {"dispatch": [parts.enter_context(running_role("dispatch", environment))]}
            roles["work"] = [
                parts.enter_context(running_role("work", environment)) for _ in range(workers)
            ]
            broker = RedisBroker(url=redis_url)  # type: ignore[no-untyped-call]
            wait_until(lambda: count_workers(broker) == workers)
            roles["watch"] = [parts.enter_context(running_role("watch", environment))]
            roles[DATABASE] = _servers(store)
            wait_until(lambda: _stored(store) > 0)
            before = _cpu_s(roles)
            with ours.lap():
                wait_until(lambda: _read(store) == len(mails))
            after = _cpu_s(roles)
        # 2.
        with bare.lap():
            _fetch_and_parse(account)
    cpu_s = {role: after[role] - before[role] for role in roles}
    return Measured(len(mails), ours.median_s, bare.median_s, _reading_s(mails), cpu_s)


def _forwards(count: int, cards: int) -> list[bytes]:
    """Return forwards, each by somebody else and about a parcel of their own."""
    at, below = datetime.now(UTC), "".join(map(_CARD.format, range(1, cards + 1)))

    def forward(mail: ShopMail, to: DemoPerson, at: datetime, note: str) -> EmailMessage:
        """Forward as Gmail does, with the cards that the shop wrote below its news."""
        message = gmail(mail, to, at, note)
        html = message.get_body(("html",))
        assert isinstance(html, EmailMessage)
        end = "</div></div></body>"
        html.set_content(html.get_content().replace(end, below + end), subtype="html")
        return message

    return [
        forwarded(
            forward,
            parcel_update(f"LP{serial:014}", f"{3054169918880000 + serial}", "Lampe de bureau"),
            DemoPerson(f"Ana {serial}", f"ana@p{serial}.example.org"),
            at,
            "Voilà",
            serial,
        )
        for serial in range(count)
    ]


def environment_of(
    store: Store, account: ImapAccount, redis_url: str, smtp_port: int = 25
) -> dict[str, str]:
    """Return the settings of the parts: nothing but the mails gives them work."""
    ours = {
        "DATABASE_URL": store.engine.url.render_as_string(hide_password=False),
        "REDIS_URL": redis_url,
        "LINKS__SECRET": "a secret of the benchmarks",
        "INBOX__HOST": account.host,
        "INBOX__PORT": str(account.port),
        "INBOX__SECURITY": "plain",
        "INBOX__USER": account.user,
        "INBOX__PASSWORD": account.password,
        "INBOX__ADDRESS": FORWARD_TO,
        "INBOX__AUTHSERV_ID": AUTHSERV_ID,
        # One request, which nobody answers: the legs of the parcels are due and wait.
        "CARRIERS__CAINIAO__URL": "http://127.0.0.1:9",
        "CARRIERS__CAINIAO__PER_DAY": "1",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": str(smtp_port),
        "SMTP__SECURITY": "plain",
        "SMTP__FROM_ADDRESS": "suivi@colis.example",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILTRACK_")}
    return kept | {f"MAILTRACK_{name}": value for name, value in ours.items()}


@contextmanager
def running_role(name: str, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "mailtrack", name]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(40)


def _servers(store: Store) -> list[psutil.Process]:
    """Return the process of the database, none where that is a file."""
    if store.engine.dialect.name == "sqlite":
        return []
    with store.read() as connection:
        mine = connection.execute(select(func.pg_backend_pid())).scalar_one()
    return [psutil.Process(mine).parent() or psutil.Process(mine)]


def _cpu_s(roles: Mapping[str, Sequence[psutil.Process]]) -> dict[str, float]:
    """Return what the processes of each role, and those that they started, took so far."""
    return {
        role: sum(_taken_s(one) for each in mains for one in (each, *each.children(recursive=True)))
        for role, mains in roles.items()
    }


def _taken_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _stored(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(inbound)).scalar_one()


def _read(store: Store) -> int:
    query = select(func.count()).where(inbound.c.outcome.is_not(None))
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _fetch_and_parse(account: ImapAccount) -> None:
    """Do what cannot be left out: fetch each mail, and take it apart."""
    with open_session(account.settings()) as client:
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for start in range(0, len(uids), FETCHED_AT_ONCE):
            batch = client.fetch(uids[start : start + FETCHED_AT_ONCE], ["BODY.PEEK[]"])
            for fetched in batch.values():
                mailparser.parse_from_bytes(fetched[b"BODY[]"])


def _reading_s(mails: Sequence[bytes]) -> float:
    """Return what reading the mails costs in this process, by some of them."""
    analyzer, some = make_analyzer(), mails[:READ_ALONE]
    analyzer.analyze(mails[0])
    watch = Stopwatch()
    with watch.lap():
        for raw in some:
            analyzer.analyze(raw)
    return watch.median_s * len(mails) / len(some)


def main() -> None:
    """Measure as often as asked, and say what each role took."""
    count, workers = (*map(int, sys.argv[1:]), *(MAILS, WORKERS)[len(sys.argv) - 1 :])
    table = Table("store", "mails", "mails/s", "bare", "ratio", "CPU ms a mail", "reading", "roles")
    with running_broker() as redis_url:
        for name, open_store in STORES.items():
            for sort, (cards, _) in SORTS.items():
                taken = measure(open_store, redis_url, _forwards(count, cards), workers)
                table.add_row(
                    name,
                    sort,
                    f"{count / taken.ours_s:.0f}",
                    f"{count / taken.bare_s:.0f}",
                    f"{taken.bare_s / taken.ours_s:.3f}",
                    f"{taken.roles_s * 1000 / count:.1f}",
                    f"{taken.reading_s * 1000 / count:.1f}",
                    ", ".join(f"{r} {s * 1000 / count:.1f}" for r, s in taken.cpu_s.items()),
                )
    Console(width=160).print(table)


if __name__ == "__main__":
    main()

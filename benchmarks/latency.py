"""From a mail in the mailbox to its answer at the relay, beside what no program could leave out.

`watch`, `dispatch` and `work` are processes of their own, between an IMAP server (Dovecot where
it is installed) and an SMTP server, all on loopback. Mails come one at a time; the floor is a
bare loop on the same mailbox that is told by IDLE, fetches and sends one mail by SMTP. Alone:
`python -m benchmarks.latency [MAILS]`, which also prints the slowest tenth.
"""

import smtplib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median, quantiles

from dramatiq.brokers.redis import RedisBroker
from imapclient import IMAPClient
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from benchmarks.delivering import running_broker, wait_until
from benchmarks.ingesting import environment_of, running_role
from benchmarks.mailboxes import full
from benchmarks.measure import Ratio
from benchmarks.stores import STORES, OpenStore
from mailtrack.inbox.mail_store import WatcherState
from mailtrack.inbox.mailbox import open_session
from mailtrack.jobs.liveness import count_workers
from mailtrack.sandbox.imap import ImapAccount
from mailtrack.sandbox.mails import DemoPerson, forwarded, gmail, order_shipped
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.store.engine import Store
from mailtrack.store.schema import mailbox

MAILS = 20
#: Seconds that an answer may take until it counts as lost.
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    """How long each mail took (seconds)."""

    ours: Sequence[float]
    floor: Sequence[float]


def ratios() -> Iterator[Ratio]:
    """Measure on each database."""
    with running_broker() as redis_url:
        for name, open_store in STORES.items():
            taken = measure(open_store, redis_url, MAILS)
            yield Ratio(
                f"a mail in the mailbox to its answer at the relay ({name})",
                median(taken.ours),
                "IDLE, fetch, SMTP",
                median(taken.floor),
                "≤ 2",
            )


def measure(open_store: OpenStore, redis_url: str, count: int) -> Measured:
    """Let mails come one by one, to us and then to the bare loop."""
    mails = [_forward(serial) for serial in range(2 * count + 1)]
    with ExitStack() as outside:
        account = outside.enter_context(full([]))
        store = outside.enter_context(open_store())
        sink = outside.enter_context(SmtpSink())
        environment = environment_of(store, account, redis_url, sink.port)
        with ExitStack() as parts:
            for role in ("dispatch", "work", "watch"):
                parts.enter_context(running_role(role, environment))
            broker = RedisBroker(url=redis_url)  # type: ignore[no-untyped-call]
            wait_until(lambda: count_workers(broker) == 1)
            wait_until(lambda: _is_idling(store))
            _answered(account, sink, mails[0])  # whoever is first waits for what is loaded then
            ours = [_answered(account, sink, mail) for mail in mails[1 : count + 1]]
        floor = list(_bare(account, sink, mails[count + 1 :]))
    return Measured(ours, floor)


def _forward(serial: int) -> bytes:
    """Return a mail about an order alone: its answer waits for no carrier's."""
    mail = order_shipped(f"{3054169918880000 + serial}", "Lampe de bureau")
    person = DemoPerson(f"Ana {serial}", f"ana@p{serial}.example.org")
    return forwarded(gmail, mail, person, datetime.now(UTC), "Voilà", serial)


def _answered(
    account: ImapAccount, sink: SmtpSink, mail: bytes, then: Callable[[], object] = lambda: None
) -> float:
    """Deliver a mail and do what follows; return the seconds until the relay had one more mail."""
    before = len(sink.messages)
    with open_session(account.settings()) as client:
        client.append("INBOX", mail)
    stored = time.perf_counter()
    then()
    while len(sink.messages) == before:
        assert time.perf_counter() - stored < _PATIENCE_S, "no answer came"
        time.sleep(0.001)
    taken = time.perf_counter() - stored
    time.sleep(0.2)  # all that follows is over, and everybody waits
    return taken


def _bare(account: ImapAccount, sink: SmtpSink, mails: Sequence[bytes]) -> Iterator[float]:
    """Be told of each mail by IDLE, fetch it, and send it on."""
    with open_session(account.settings()) as client, smtplib.SMTP("127.0.0.1", sink.port) as relay:
        client.select_folder("INBOX")

        def pass_on() -> None:
            while not any(word == b"EXISTS" for _, word in client.idle_check(timeout=1)):
                pass
            client.idle_done()
            _send_newest(client, relay)

        for mail in mails:
            client.idle()
            yield _answered(account, sink, mail, pass_on)


def _send_newest(client: IMAPClient, relay: smtplib.SMTP) -> None:
    uid = client.search()[-1]
    raw = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
    relay.sendmail("suivi@colis.example", "ana@example.org", raw)


def _is_idling(store: Store) -> bool:
    with store.read() as connection:
        return connection.execute(select(mailbox.c.state)).scalar() == WatcherState.IDLING


def main() -> None:
    """Measure as often as asked, and print the median and the slowest tenth."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MAILS
    table = Table("store", "ours", "slowest tenth", "floor", "ratio")
    with running_broker() as redis_url:
        for name, open_store in STORES.items():
            taken = measure(open_store, redis_url, count)
            ours, floor = median(taken.ours), median(taken.floor)
            slowest = quantiles(taken.ours, n=10)[-1]
            times = (f"{seconds * 1000:.0f} ms" for seconds in (ours, slowest, floor))
            table.add_row(name, *times, f"{ours / floor:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

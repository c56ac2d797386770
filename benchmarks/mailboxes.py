"""A mailbox that is full from the start: Dovecot's where it is installed, the sandbox's else."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.dovecot import DOVECOT, mail_owner, running_dovecot
from mailtrack.inbox.mailbox import open_session
from mailtrack.sandbox.imap import ImapAccount, ImapServer
from mailtrack.sandbox.loopback import HOST, free_port

USER, PASSWORD = "colis", "secret"


@contextmanager
def full(mails: Sequence[bytes]) -> Iterator[ImapAccount]:
    """Run a server on loopback whose INBOX holds some mails; gone afterwards."""
    with _dovecot(mails) if DOVECOT else _sandbox(mails) as account:
        yield account


@contextmanager
def _sandbox(mails: Sequence[bytes]) -> Iterator[ImapAccount]:
    with ImapServer(USER, PASSWORD) as server:
        with open_session(server.settings()) as client:
            for raw in mails:
                client.append("INBOX", raw)
        yield server.account


@contextmanager
def _dovecot(mails: Sequence[bytes]) -> Iterator[ImapAccount]:
    with tempfile.TemporaryDirectory(prefix="mailtrack-bench-") as folder:
        home, account = Path(folder), ImapAccount(HOST, free_port(), USER, PASSWORD)
        _fill(home / "mail", mails)
        with running_dovecot(home, account, account.port):
            yield account


def _fill(home: Path, mails: Sequence[bytes]) -> None:
    """Write a Maildir as a delivering server does; logging in for each would take minutes."""
    new, owner = home / "Maildir" / "new", mail_owner()
    for folder in (new, new.parent / "cur", new.parent / "tmp"):
        folder.mkdir(parents=True)
    for serial, raw in enumerate(mails):
        (new / f"{serial:09}.bench").write_bytes(raw)
    for path in (home, *home.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)

"""A mailbox that is full from the start: Dovecot's where it is installed, the sandbox's else."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mailtrack.inbox.mailbox import open_session
from mailtrack.sandbox.imap import ImapAccount, ImapServer

#: Debian keeps it out of the PATH of ordinary users.
DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
USER, PASSWORD = "colis", "secret"
#: Seconds that a server gets to start or to stop.
_PATIENCE_S = 15.0

#: Dovecot 2.3, as Debian 12 ships it.
_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
default_internal_user = {internal}
default_internal_group = {internal}
default_login_user = {login}
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


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
    """Mails belong to "nobody" where root runs it: Dovecot gives root none."""
    is_root = os.geteuid() == 0
    me = pwd.getpwuid(os.geteuid())
    owner = pwd.getpwnam("nobody") if is_root else me
    with tempfile.TemporaryDirectory(prefix="mailtrack-bench-") as folder:
        home, account = Path(folder), ImapAccount("127.0.0.1", _free_port(), USER, PASSWORD)
        home.chmod(0o755)
        _fill(home / "mail", mails, owner)
        configuration = home / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                home=home,
                internal="dovecot" if is_root else me.pw_name,
                login="dovenull" if is_root else me.pw_name,
                password=PASSWORD,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                port=account.port,
            )
        )
        with subprocess.Popen([str(DOVECOT), "-F", "-c", str(configuration)]) as server:
            try:
                _wait_for(account, home / "dovecot.log")
                yield account
            finally:
                server.terminate()
                server.wait(_PATIENCE_S)


def _fill(home: Path, mails: Sequence[bytes], owner: pwd.struct_passwd) -> None:
    """Write a Maildir as a delivering server does; logging in for each would take minutes."""
    new = home / "Maildir" / "new"
    for folder in (new, new.parent / "cur", new.parent / "tmp"):
        folder.mkdir(parents=True)
    for serial, raw in enumerate(mails):
        (new / f"{serial:09}.bench").write_bytes(raw)
    for path in (home, *home.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _wait_for(account: ImapAccount, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((account.host, account.port), 1.0) as one:
            if one.recv(4) == b"* OK":
                return
        time.sleep(0.05)
    raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log'}")

"""Dovecot on loopback, as Debian 12 ships it (2.3): for the benchmarks, and for tests/e2e."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mailtrack.sandbox.imap import ImapAccount

#: Debian keeps servers out of the PATH of ordinary users.
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
#: Where it is installed, None where it is not.
DOVECOT = shutil.which("dovecot", path=SEARCH_PATH)
#: Seconds that it gets to start or to stop.
PATIENCE_S = 15.0

_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {home}/users
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
{more}
"""


def mail_owner() -> pwd.struct_passwd:
    """Return whom mails belong to: "nobody" where root runs it, as Dovecot gives root none."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


@contextmanager
def running_dovecot(home: Path, account: ImapAccount, port: int, more: str = "") -> Iterator[None]:
    """Serve the Maildir in `mail/Maildir` of a folder to one account, in clear on a port.

    `more`: further lines of the configuration. Raises RuntimeError where it does not start.
    """
    me, owner = pwd.getpwuid(os.geteuid()), mail_owner()
    is_root = me.pw_uid == 0
    home.chmod(0o755)
    (home / "mail").mkdir(exist_ok=True)
    os.chown(home / "mail", owner.pw_uid, owner.pw_gid)
    (home / "users").write_text(f"{account.user}:{account.password}\n", encoding="utf-8")
    configuration = home / "dovecot.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            home=home,
            internal="dovecot" if is_root else me.pw_name,
            group="dovecot" if is_root else grp.getgrgid(me.pw_gid).gr_name,
            login="dovenull" if is_root else me.pw_name,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            port=port,
            more=more,
        ),
        encoding="utf-8",
    )
    with subprocess.Popen([str(DOVECOT), "-F", "-c", str(configuration)]) as server:
        try:
            _wait_until_it_answers(server, port, home / "dovecot.log")
            yield
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            if connection.recv(4) == b"* OK":
                return
        time.sleep(0.02)
    raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log'}")

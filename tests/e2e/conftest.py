"""A Dovecot of our own on loopback, as Debian 12 ships it (2.3); gone when the test is."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailtrack.sandbox.imap import ImapAccount
from mailtrack.settings import Security

#: Debian keeps it out of the PATH of ordinary users.
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
#: Seconds that Dovecot gets to start or to stop.
PATIENCE_S = 15.0

CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {home}/users
}}
{tokens}
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
    port = {tls_port}
  }}
}}
protocol imap {{
{extra}
}}
"""


#: Of a server that takes tokens, and asks whoever gave them (RFC 7662).
TOKENS = """\
auth_mechanisms = plain {mechanism}
passdb {{
  driver = oauth2
  mechanisms = {mechanism}
  args = {home}/tokens
}}
"""
INTROSPECTION = """\
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""


@dataclass(frozen=True)
class TakesTokens:
    """How a server takes tokens, and where it asks about them."""

    mechanism: str
    url: str


#: Starts a server with lines of one's own in `protocol imap`; see `start_dovecot`.
StartDovecot = Callable[..., ImapAccount]


@pytest.fixture
def start_dovecot() -> Iterator[StartDovecot]:
    """Call it for a server: `start_dovecot("line", security=Security.TLS)`.

    The account knows host, port, user, password and `ca_file`, the authority that signed
    the server's certificate.
    """
    with ExitStack() as running:

        def start(
            *extra: str, security: Security = Security.PLAIN, tokens: TakesTokens | None = None
        ) -> ImapAccount:
            return running.enter_context(_running(extra, security, tokens))

        yield start


@pytest.fixture
def dovecot(start_dovecot: StartDovecot) -> ImapAccount:
    """A server as it comes, without encryption; STARTTLS works on the same port."""
    return start_dovecot()


@contextmanager
def _running(
    extra: tuple[str, ...], security: Security, tokens: TakesTokens | None
) -> Iterator[ImapAccount]:
    binary = _tool("dovecot", "dovecot-imapd")
    with TemporaryDirectory(prefix="dovecot-") as name:
        home = Path(name)
        ports = _free_ports()
        server = ImapAccount(
            host="127.0.0.1",
            port=ports[security is Security.TLS],
            user="colis",
            password="sésame ouvre-toi",
            security=security,
            ca_file=home / "ca.pem",
        )
        _make_certificates(home)
        _configure(home, server, ports, extra, tokens)
        process = subprocess.Popen([binary, "-F", "-c", str(home / "dovecot.conf")])
        try:
            _wait_until_it_answers(process, ports[0], home)
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        pytest.fail(f"{name} is not installed; run: apt-get install {package}", pytrace=False)
    return found


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


def _configure(
    home: Path,
    server: ImapAccount,
    ports: tuple[int, int],
    extra: tuple[str, ...],
    tokens: TakesTokens | None,
) -> None:
    """Write the configuration; mails belong to "nobody" where root runs the tests."""
    me = pwd.getpwuid(os.geteuid())
    is_root = me.pw_uid == 0
    owner = pwd.getpwnam("nobody") if is_root else me
    (home / "users").write_text(f"{server.user}:{server.password}\n", encoding="utf-8")
    (home / "mail").mkdir()
    os.chown(home / "mail", owner.pw_uid, owner.pw_gid)
    home.chmod(0o755)
    takes = ""
    if tokens:
        takes = TOKENS.format(mechanism=tokens.mechanism, home=home)
        (home / "tokens").write_text(INTROSPECTION.format(url=tokens.url), encoding="utf-8")
    (home / "dovecot.conf").write_text(
        CONFIGURATION.format(
            home=home,
            internal="dovecot" if is_root else me.pw_name,
            login="dovenull" if is_root else me.pw_name,
            group="dovecot" if is_root else grp.getgrgid(me.pw_gid).gr_name,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            port=ports[0],
            tls_port=ports[1],
            extra="\n".join(extra),
            tokens=takes,
        ),
        encoding="utf-8",
    )


def _make_certificates(home: Path) -> None:
    """Make an authority of our own and a certificate for 127.0.0.1 that it signs."""
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    signs = "-addext keyUsage=critical,keyCertSign,cRLSign"  # Python 3.13 wants it (RFC 5280)
    (home / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl = _tool("openssl", "openssl")
    for command in (
        f"req -x509 {new_key} -keyout ca.key -out ca.pem -subj /CN=Essai {signs}",
        f"req {new_key} -keyout server.key -out server.csr -subj /CN=127.0.0.1",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -extfile names -out server.pem",
    ):
        subprocess.run((openssl, *command.split()), cwd=home, check=True, capture_output=True)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
                if connection.recv(4) == b"* OK":
                    return
        except OSError:
            time.sleep(0.02)
    log = home / "dovecot.log"
    words = log.read_text() if log.exists() else "no log"
    pytest.fail(f"Dovecot did not start: {words}", pytrace=False)

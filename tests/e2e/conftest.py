"""A Dovecot of our own on loopback, as Debian 12 ships it (2.3); gone when the test is."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.dovecot import SEARCH_PATH, running_dovecot
from mailtrack.sandbox.imap import ImapAccount
from mailtrack.sandbox.loopback import free_port
from mailtrack.settings import Security

#: It speaks TLS, too, and lets a test say more of IMAP.
ENCRYPTION = """\
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
service imap-login {{
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
    _tool("dovecot", "dovecot-imapd")
    with TemporaryDirectory(prefix="dovecot-") as name:
        home, port, tls_port = Path(name), free_port(), free_port()
        server = ImapAccount(
            host="127.0.0.1",
            port=tls_port if security is Security.TLS else port,
            user="colis",
            password="sésame ouvre-toi",
            security=security,
            ca_file=home / "ca.pem",
        )
        _make_certificates(home)
        more = ENCRYPTION.format(home=home, tls_port=tls_port, extra="\n".join(extra))
        if tokens:
            (home / "tokens").write_text(INTROSPECTION.format(url=tokens.url), encoding="utf-8")
            more += TOKENS.format(mechanism=tokens.mechanism, home=home)
        with running_dovecot(home, server, port, more):
            yield server


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        pytest.fail(f"{name} is not installed; run: apt-get install {package}", pytrace=False)
    return found


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

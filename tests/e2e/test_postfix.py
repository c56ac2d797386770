"""Our mails through the relay that most of the world runs: Postfix, with Dovecot's logins."""

import base64
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dkim
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from mailtrack.errors import AuthError, TransientError
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.notify.dkim import sign
from mailtrack.notify.mail import OutgoingMail, SmtpIdentity, compose
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import NOW, sample
from mailtrack.notify.smtp import RefusedError, SmtpRelay
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.sandbox.loopback import free_port
from mailtrack.sandbox.smtp import Fault, SmtpSink
from mailtrack.settings import Security, SmtpSettings
from mailtrack.store import inbound, notices
from mailtrack.store import schema as t
from mailtrack.store.subscriptions import Subscription

pytestmark = pytest.mark.e2e

Rows = Callable[..., list[Mapping[str, Any]]]

#: Debian keeps them out of the PATH of ordinary users.
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PATIENCE_S = 20.0

#: The domain that the mails come from; the others are example.org's.
OURS = "colis.example"
USER, PASSWORD = f"suivi@{OURS}", "sésame ouvre-toi"
KEY = rsa.generate_private_key(65537, 2048)

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
maillog_file = {home}/postfix.log
maillog_file_prefixes = {home}
myhostname = relay.example
mydestination =
mynetworks =
local_transport = error
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [127.0.0.1]:{sink_port}
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {home}/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {home}/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{
    {{ tard@example.org = 450 4.2.0 Greylisted, try again later }}
    {{ personne@example.org = 550 5.1.1 No such user }} }}
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

#: Dovecot as a keeper of passwords only; Postfix asks it at a socket.
DOVECOT_CONF = """
protocols = none
base_dir = {home}/dovecot
state_dir = {home}/dovecot
log_path = {home}/dovecot.log
ssl = no
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {home}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={home}
}}
service anvil {{
  chroot =
}}
service auth {{
  unix_listener {home}/auth {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True)
class Relay:
    """How to reach the relay, and where what it lets through arrives."""

    port: int
    ca_file: Path
    sink: SmtpSink

    def open(self, **changes: Any) -> SmtpRelay:
        details = {"user": USER, "password": PASSWORD, "ca_file": self.ca_file, **changes}
        return SmtpRelay("127.0.0.1", self.port, "starttls", **details)


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A Postfix of our own that hands on to the sandbox; gone when the module is."""
    with TemporaryDirectory(prefix="postfix-") as name, ExitStack() as running:
        home = Path(name)
        home.chmod(0o755)
        sink = running.enter_context(SmtpSink())
        port = free_port()
        _write_files(home, port, sink.port)
        running.enter_context(_dovecot(home))
        running.enter_context(_postfix(home))
        found = Relay(port, home / "ca.pem", sink)
        _wait_until_it_lets_us_in(found, home)
        yield found


def _write_files(home: Path, port: int, sink_port: int) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(home / "server.pem")
    )
    for folder in ("spool", "data", "dovecot"):
        (home / folder).mkdir()
    shutil.chown(home / "data", "postfix")
    texts = {
        "main.cf": MAIN_CF.format(home=home, sink_port=sink_port),
        "master.cf": MASTER_CF.format(port=port),
        "dovecot.conf": DOVECOT_CONF.format(home=home),
        "users": f"{USER}:{{PLAIN}}{PASSWORD}\n",
    }
    for name, text in texts.items():
        (home / name).write_text(text, encoding="utf-8")


@contextmanager
def _dovecot(home: Path) -> Iterator[None]:
    command = [_tool("dovecot", "dovecot-imapd"), "-F", "-c", str(home / "dovecot.conf")]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _postfix(home: Path) -> Iterator[None]:
    """Run it in the foreground; `start-fg` is a script, whose end would not be the server's."""
    command = [_tool("postfix", "postfix"), "-c", str(home)]
    with subprocess.Popen([*command, "start-fg"], stdin=subprocess.DEVNULL):
        try:
            yield
        finally:
            subprocess.run([*command, "abort"], check=True, timeout=PATIENCE_S)


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None or os.geteuid() != 0:
        pytest.fail(f"root must run {name}; apt-get install {package}", pytrace=False)
    return found


def _wait_until_it_lets_us_in(relay: Relay, home: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(TransientError), relay.open() as connection:
            connection.check(mail())
            return
        time.sleep(0.05)
    logs = "\n".join(path.read_text() for path in home.glob("*.log"))
    pytest.fail(f"Postfix did not start: {logs}", pytrace=False)


def mail(kind: NoticeKind = NoticeKind.CUSTOMS_CLEARED, to: str = "") -> OutgoingMail:
    view = sample(kind)
    view = replace(view, to=to) if to else view
    rendered = Renderer(templates_dir()).render(view)
    return compose(view, rendered, SmtpIdentity(USER, "Suivi de colis"), NOW)


def arrived(relay: Relay, mail: OutgoingMail) -> bytes:
    """Return a mail as it came out at the other end."""
    return relay.sink.wait_for(
        lambda got: got.message["Message-ID"] == mail.message_id, timeout=PATIENCE_S
    ).raw


def _public_record(name: bytes, timeout: int = 5) -> bytes:
    key = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key)


PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SIGN = partial(sign, domain=OURS, selector="s1", private_key_pem=PEM)


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_mail_arrives_with_its_headers_its_words_and_a_valid_signature(
    relay: Relay, kind: NoticeKind
) -> None:
    outgoing = mail(kind)
    with relay.open(sign=SIGN) as connection:
        connection.send(outgoing)
    raw = arrived(relay, outgoing)

    written, received = (message_from_bytes(m, policy=policy.default) for m in (outgoing.wire, raw))
    headers = {name: str(value) for name, value in written.items()}
    assert headers == {name: str(received[name]) for name in headers}
    for form in ("plain", "html"):
        ours, theirs = (m.get_body((form,)) for m in (written, received))
        assert ours is not None
        assert theirs is not None
        assert ours.get_content().splitlines() == theirs.get_content().splitlines()
    assert dkim.verify(raw, dnsfunc=_public_record)


def test_a_mail_that_the_relay_signs_arrives_over_an_encrypted_and_proven_connection(
    relay: Relay,
) -> None:
    with relay.open() as connection:
        connection.send(mail(to="leo@example.org"))
    got = relay.sink.wait_for(lambda got: got.recipients == ("leo@example.org",), PATIENCE_S)

    assert "DKIM-Signature" not in got.message
    assert "by relay.example (Postfix) with ESMTPSA" in str(got.message["Received"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ca_file": None}, "certificate"),
        ({"password": "sesame"}, "535"),
        ({"user": ""}, "554"),
    ],
    ids=["private authority not named", "wrong password", "no login"],
)
def test_a_relay_that_refuses_us_is_told_from_one_that_refuses_a_mail(
    relay: Relay, changes: dict[str, Any], said: str
) -> None:
    """Else a slip in a setting would silence everybody whom we write to."""
    with relay.open(**changes) as connection, pytest.raises(AuthError) as caught:
        connection.send(mail())

    assert said in str(caught.value)
    assert "check MAILTRACK_SMTP__" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_for_later_and_what_is_for_good_do_not_stop_the_next(relay: Relay) -> None:
    with relay.open() as connection:
        with pytest.raises(TransientError, match="450"):
            connection.send(mail(to="tard@example.org"))
        with pytest.raises(RefusedError, match="550"):
            connection.send(mail(to="personne@example.org"))
        connection.send(mail(to="ensuite@example.org"))

    assert relay.sink.wait_for(lambda got: got.recipients == ("ensuite@example.org",), PATIENCE_S)


@pytest.fixture
def database() -> str:
    """One is enough here."""
    return "sqlite"


@pytest.fixture
def through_postfix(services: Services, relay: Relay) -> Services:
    """The service with Postfix as its relay."""
    smtp = SmtpSettings(
        host="127.0.0.1",
        port=relay.port,
        security=Security.STARTTLS,
        user=USER,
        password=SecretStr(PASSWORD),
        ca_file=relay.ca_file,
        from_address=USER,
    )
    changed = Services(services.settings.model_copy(update={"smtp": smtp}))
    vars(changed).update(store=services.store, clock=services.clock)
    return changed


def test_an_address_that_bounces_after_the_relay_took_the_mail_is_left_alone(
    relay: Relay, through_postfix: Services, follow: Callable[..., Subscription], rows: Rows
) -> None:
    """Postfix reports to the sender of the envelope, in words of its own (RFC 3464)."""
    relay.sink.fail_next(Fault.NO_SUCH_USER)
    _send_a_notice(through_postfix, follow())
    (notice,) = rows(t.notice)
    assert "sent" == notice["state"]

    report = relay.sink.wait_for(
        lambda got: not got.sender and b"Feedback-ID: registered" in got.raw, PATIENCE_S
    )
    assert through_postfix.bounces is not None
    reader = rows(t.subscriber, id=notice["subscriber_id"])[0]["key"]
    assert (through_postfix.bounces.of(notice["id"], reader),) == report.recipients
    _receive(through_postfix, report.raw)

    assert ["bounce"] == [got["outcome"] for got in rows(t.inbound)]
    assert all(person["bounced_at"] for person in rows(t.subscriber))


def _send_a_notice(services: Services, mine: Subscription) -> None:
    now = services.clock.now()
    with services.store.write() as connection:
        notices.owe_follower(connection, mine.id, NoticeKind.REGISTERED, occurrence="1", now=now)
        ids = notices.claim_notices(connection, token="token", now=now, until=now, limit=10)
    services.deliverer().deliver(ids, "token")


def _receive(services: Services, raw: bytes) -> None:
    clock = services.clock
    SqlMailStore(services.store, clock).keep(USER, "INBOX", 1, FetchedMail(1, raw, clock.now()))
    with services.store.write() as connection:
        mails = inbound.claim_unread(
            connection, token="token", now=clock.now(), until=clock.later(60), limit=10
        )
    for mail_id in mails:
        services.reader().read([mail_id], "token")

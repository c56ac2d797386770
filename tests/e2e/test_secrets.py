"""Nothing that the service writes, anywhere, holds a secret, or names a person."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, SecretStr

from mailtrack.carriers import declarations
from mailtrack.sandbox.imap import ImapAccount, ImapServer
from mailtrack.sandbox.loopback import free_port
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.sandbox.smtp import Fault, SmtpSink
from mailtrack.settings import CarrierSettings, Settings
from mailtrack.web.admin.passwords import hash_password

pytestmark = pytest.mark.e2e

PASSWORD = f"imap-{secrets.token_hex(12)}"
#: Kept for other commands of the same settings: what a running service does not ask for.
NOT_HERE = ("OAUTH", "RETIRED")
#: Answered at once, where the mail about a parcel waits for its carrier.
HELP = (
    f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n"
    "From: Ana <ana@example.org>\r\nSubject: AIDE\r\n\r\nAIDE\r\n"
).encode()


def _secret_settings(section: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yield the variable of every secret that the settings know."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if kind is SecretStr:
            yield f"{path}{name}".upper()
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _secret_settings(kind, f"{path}{name}__")


def _secret_values() -> Mapping[str, str]:
    """Return a secret for every such variable that a running service may have."""
    names = [name for name in _secret_settings(Settings) if not any(w in name for w in NOT_HERE)]
    for declaration in declarations():
        names += _secret_settings(CarrierSettings, f"CARRIERS__{declaration.code}__")
    made = {name: secrets.token_hex(16) for name in names}
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    hashed = hash_password(secrets.token_hex(16))
    return made | {
        "INBOX__PASSWORD": PASSWORD,
        "SMTP__DKIM_KEY": pem.decode(),
        "ADMIN__PASSWORD_HASH": hashed,
    }


class Run:
    """`mailtrack up` and other commands, with everything that they wrote."""

    def __init__(self, folder: Path, account: ImapAccount, sink: SmtpSink) -> None:
        self.secrets = _secret_values()
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "up.log"
        self.folder = folder
        plain = {
            "DATA_DIR": str(folder / "data"),
            "LOG_LEVEL": "DEBUG",
            "INBOX__HOST": account.host,
            "INBOX__PORT": str(account.port),
            "INBOX__USER": account.user,
            "INBOX__SECURITY": "plain",
            "INBOX__ADDRESS": FORWARD_TO,
            "INBOX__AUTHSERV_ID": AUTHSERV_ID,
            "SMTP__HOST": sink.host,
            "SMTP__PORT": str(sink.port),
            "SMTP__SECURITY": "plain",
            "SMTP__FROM_ADDRESS": "suivi@colis.example",
            "SMTP__DKIM_SELECTOR": "s1",
            "WEB__PORT": self.url.rpartition(":")[2],
            "WEB__PUBLIC_URL": self.url,
            # Each is on, and asks a port at which nobody is.
            **{f"CARRIERS__{d.code}__URL": "http://127.0.0.1:9" for d in declarations()},
            "JOBS__TICK_S": "0.1",
        }
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MAILTRACK_")}
        self.environment |= {f"MAILTRACK_{name.upper()}": value for name, value in plain.items()}
        for name, value in self.secrets.items():
            file = folder / f"{name}.secret"
            file.write_text(value)
            self.environment[f"MAILTRACK_{name.upper()}_FILE"] = str(file)

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "mailtrack", "up"]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environment, cwd=self.folder
            )

    def output_of(self, *command: str, **changed: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "mailtrack", *command],
            env=self.environment | changed,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.stdout + ended.stderr

    def leaks(self, written: str) -> list[str]:
        """Return the secrets of which a piece is in a text; of a key, any line."""
        return [
            name
            for name, value in self.secrets.items()
            if any(line in written for line in value.splitlines() if not line.startswith("---"))
        ]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[Run, ImapAccount, SmtpSink]]:
    with ImapServer("colis", PASSWORD) as imap, SmtpSink() as sink:
        yield Run(tmp_path, imap.account, sink), imap.account, sink


def _process_list(process: psutil.Process) -> str:
    return "\n".join(
        " ".join(one.cmdline()) for one in (process, *process.children(recursive=True))
    )


def test_a_run_writes_no_secret_and_no_address_anywhere(
    run: tuple[Run, ImapAccount, SmtpSink],
    mail: Callable[..., bytes],
    eventually: Callable[..., None],
) -> None:
    service, account, sink = run
    process = service.start()
    try:
        eventually(lambda: process.poll() is not None or _is_served(service.url), 60)
        assert process.poll() is None, service.log.read_text()
        sink.fail_next(Fault.TRY_LATER)
        account.deliver(mail())
        account.deliver(HELP)
        for trouble in ("notice refused", "carrier failed"):
            eventually(lambda wanted=trouble: wanted in service.log.read_text(), 60)
        pages = [httpx.get(f"{service.url}{path}").text for path in ("/d/forged", "/x", "/readyz")]
        listed = _process_list(psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(40)
    written = service.log.read_text() + "".join(pages) + listed

    assert [] == service.leaks(written)
    assert "ana@example.org" not in written


def _is_served(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        (["doctor"], {}),
        (["doctor"], {"MAILTRACK_INBOX__USER": "nobody"}),
        (["doctor"], {"MAILTRACK_DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:1/db"}),
        (["doctor"], {"MAILTRACK_REDIS_URL": f"redis://u:{PASSWORD}@127.0.0.1:1/0"}),
        (["status"], {"MAILTRACK_DATABASE_URL": f"nonsense://u:{PASSWORD}@127.0.0.1:1/db"}),
        (["carriers"], {}),
        (["watch"], {"MAILTRACK_LOG_LEVEL": "LOUD"}),
        (["work"], {"MAILTRACK_REDIS_URL": f"redis://u:{PASSWORD}@127.0.0.1:1/0"}),
    ],
    ids=lambda value: str(value) if isinstance(value, list) else next(iter(value), "as set"),
)
def test_no_command_tells_a_secret_when_something_is_wrong(
    run: tuple[Run, ImapAccount, SmtpSink], command: list[str], changed: dict[str, Any]
) -> None:
    service, _, _ = run
    written = service.output_of(*command, **changed)

    assert written
    assert [] == service.leaks(written)

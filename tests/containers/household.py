"""What an operator prepares, in one folder: settings, secrets, a private authority."""

import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

import trustme

from mailtrack.carriers import declarations
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE
from mailtrack.sandbox.demo import HEARTBEAT_S, LEASE_S, SPEED
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.settings import PREFIX
from tests.containers.outside import IMAPS, NAME, SMTPS

CHECKOUT = Path(__file__).parents[2]
#: Where the containers see the private authority of the mail servers.
CA_FILE = "/ca.pem"


def write_household(folder: Path, web: str) -> None:
    """Write what the documentation wants before the first start.

    `web`: what the others in the containers' network call the pages.
    """
    folder.mkdir()
    shutil.copy(CHECKOUT / "docker-compose.yml", folder)
    shutil.copy(Path(__file__).parent / "outside.yml", folder)
    settings = {PREFIX + name: value for name, value in _settings(web).items()}
    example = (CHECKOUT / ".env.example").read_text(encoding="utf-8").splitlines()
    kept = [line for line in example if line.partition("=")[0] not in settings]
    lines = [*kept, *(f"{name}={value}" for name, value in settings.items())]
    (folder / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write_secrets(folder / "secrets")
    _write_certificates(folder)


def _write_secrets(folder: Path) -> None:
    password = secrets.token_hex(24)
    values = {
        "postgres_password": password,
        "database_url": f"postgresql://mailtrack:{password}@postgres/mailtrack",
        "links_secret": secrets.token_urlsafe(32),
        "inbox_password": "an-app-password",
        "smtp_password": "an-app-password",
        "laposte_key": "sandbox-key",
    }
    folder.mkdir(mode=0o700)
    for name, value in values.items():
        (folder / name).write_text(value)
        (folder / name).chmod(0o444)


def _write_certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "outside").mkdir()
    server = authority.issue_cert(NAME).private_key_and_cert_chain_pem
    server.write_to_path(folder / "outside" / "server.pem")


def _settings(web: str) -> dict[str, str]:
    """Return what differs from the example: other servers, time sped up, no mail unsaid."""
    carriers = f"http://{NAME}"
    return {
        "INBOX__HOST": NAME,
        "INBOX__PORT": str(IMAPS),
        "INBOX__USER": "colis",
        "INBOX__ADDRESS": FORWARD_TO,
        "INBOX__AUTHSERV_ID": AUTHSERV_ID,
        "INBOX__CA_FILE": CA_FILE,
        "SMTP__HOST": NAME,
        "SMTP__PORT": str(SMTPS),
        "SMTP__SECURITY": "tls",
        "SMTP__USER": "",
        "SMTP__FROM_ADDRESS": "suivi@colis.example",
        "SMTP__CA_FILE": CA_FILE,
        "WEB__PUBLIC_URL": web,
        **{f"CARRIERS__{d.code.upper()}__ENABLED": "false" for d in declarations()},
        **{f"CARRIERS__{code.upper()}__ENABLED": "true" for code in (CAINIAO, LAPOSTE)},
        f"CARRIERS__{CAINIAO.upper()}__URL": f"{carriers}/cainiao",
        f"CARRIERS__{LAPOSTE.upper()}__URL": f"{carriers}/laposte/suivi/v2",
        f"CARRIERS__{LAPOSTE.upper()}__KEY": "sandbox-key",
        "CLOCK__SPEED": str(SPEED),
        "CLOCK__EPOCH": datetime.now(UTC).isoformat(),
        "NOTICES__QUIET_FROM": "0",
        "NOTICES__QUIET_UNTIL": "0",
        "NOTICES__PER_DAY": "100",
        "JOBS__TICK_S": "0.1",
        "JOBS__LEASE_S": str(LEASE_S),
        "JOBS__HEARTBEAT_S": str(HEARTBEAT_S),
        "JOBS__TAKEOVER_S": str(HEARTBEAT_S),
    }

"""What is tried before the service starts, and what is said of each thing that fails."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from stat import S_IMODE
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from mailtrack.admin.doctor import check_all, require_all
from mailtrack.errors import ConfigurationError, MailtrackError
from mailtrack.runtime.roles import listen
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import embedded_broker
from mailtrack.sandbox.imap import ImapServer
from mailtrack.sandbox.loopback import free_port
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.settings import (
    AdminSettings,
    InboxSettings,
    Security,
    Settings,
    SmtpSettings,
    WebSettings,
)
from mailtrack.store.engine import open_store
from mailtrack.store.migrate import require_current, upgrade
from mailtrack.web.admin.passwords import hash_password
from mailtrack.web.server import serve
from tests.jobs.scripted import serving

SECRET = "hush-hush"
Prepare = Callable[..., Services]


@pytest.fixture
def servers() -> Iterator[tuple[ImapServer, SmtpSink]]:
    with ExitStack() as running:
        yield (
            running.enter_context(ImapServer("colis", SECRET)),
            running.enter_context(SmtpSink()),
        )


@pytest.fixture
def prepare(
    servers: tuple[ImapServer, SmtpSink], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Prepare]:
    """Make a service whose settings are right, but for those that a test changes."""
    monkeypatch.chdir(tmp_path)
    imap, smtp = servers
    opened: list[Services] = []

    def make(**changes: Any) -> Services:
        inbox = {
            "host": imap.account.host,
            "port": imap.account.port,
            "security": Security.PLAIN,
            "user": "colis",
            "password": SecretStr(SECRET),
            **changes.pop("inbox", {}),
        }
        relay = {
            "host": smtp.host,
            "port": smtp.port,
            "security": Security.PLAIN,
            "from_address": "suivi@colis.example",
            **changes.pop("smtp", {}),
        }
        settings = Settings(
            data_dir=tmp_path / "data",
            inbox=InboxSettings.model_validate(inbox),
            smtp=SmtpSettings.model_validate(relay),
            web=WebSettings(port=free_port()),
            **changes,
        )
        opened.append(Services(settings))
        return opened[-1]

    yield make
    for services in opened:
        services.close()


def _failures(services: Services) -> dict[str, str]:
    return {check.name: check.detail for check in check_all(services) if not check.ok}


def _said(services: Services, name: str) -> str:
    """Return what is said of the one check that fails."""
    upgrade(services.store)
    failures = _failures(services)
    assert [name] == [*failures]
    assert SECRET not in failures[name]
    assert "\n" not in failures[name]
    return failures[name]


def test_a_service_that_is_set_up_passes(prepare: Prepare) -> None:
    services = prepare()
    require_all(services)

    assert {} == _failures(services)
    require_current(services.store)


@pytest.mark.parametrize(("found", "left"), [(0o755, 0o700), (0o750, 0o700), (0o1777, 0o1777)])
def test_nobody_else_looks_into_a_data_folder_that_is_not_shared(
    prepare: Prepare, tmp_path: Path, found: int, left: int
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(found)
    require_all(prepare())

    assert left == S_IMODE(folder.stat().st_mode)
    assert 0o600 == S_IMODE((folder / "mailtrack.db").stat().st_mode)


def test_nothing_is_sent(prepare: Prepare, servers: tuple[ImapServer, SmtpSink]) -> None:
    require_all(prepare())

    assert [] == servers[1].messages


def test_the_first_failure_keeps_the_service_from_starting(prepare: Prepare) -> None:
    with pytest.raises(MailtrackError, match="MAILTRACK_SMTP__FROM_ADDRESS is not set"):
        require_all(prepare(smtp={"from_address": ""}))


def test_a_port_of_the_operator_s_page_that_is_taken_keeps_it_from_starting(
    prepare: Prepare,
) -> None:
    admin = AdminSettings(
        password_hash=SecretStr(hash_password("un sésame", n=2)), port=free_port()
    )
    with listen(admin), pytest.raises(ConfigurationError, match="set MAILTRACK_ADMIN__PORT"):
        require_all(prepare(admin=admin))


def test_a_wrong_password_is_said_and_not_shown(prepare: Prepare) -> None:
    said = _said(prepare(inbox={"password": SecretStr("hush-hush-hush")}), "mailbox")

    assert "refuse" in said.lower() or "password" in said.lower()


@pytest.mark.parametrize("name", ["mailbox", "relay"])
def test_an_unknown_host_is_named(prepare: Prepare, name: str) -> None:
    section = {"mailbox": "inbox", "relay": "smtp"}[name]
    wrong = {"host": "nowhere.invalid", "security": Security.TLS}

    assert "nowhere.invalid" in _said(prepare(**{section: wrong}), name)


def test_a_port_where_nobody_listens_is_named(prepare: Prepare) -> None:
    port = free_port()

    assert str(port) in _said(prepare(smtp={"port": port}), "relay")


def _scripted(port: int) -> dict[str, Any]:
    """Return the settings for a relay that says what it is told to."""
    return {"port": port, "host": "127.0.0.1"}


@pytest.mark.parametrize(
    ("stage", "answer", "said"),
    [
        ("mail", "550 5.7.60 no permissions to send as this sender", "refuses us"),
        ("rcpt", "554 5.7.1 Relay access denied", "refuses us"),
        ("mail", "550 5.4.5 Daily user sending limit exceeded", "takes no more mails for now"),
        ("rcpt", "550 5.4.5 Daily user sending limit exceeded", "takes no more mails for now"),
        ("mail", "421 4.3.2 shutting down", "out of order"),
    ],
)
def test_a_relay_that_will_not_take_our_mails_is_said_with_its_words(
    prepare: Prepare, stage: str, answer: str, said: str
) -> None:
    with serving() as relay:
        relay.answers[stage] = answer
        detail = _said(prepare(smtp=_scripted(relay.port)), "relay")

    assert said in detail
    assert answer[4:20] in detail


def test_a_limit_that_is_used_up_keeps_nothing_from_starting(prepare: Prepare) -> None:
    """Mails are read and carriers asked meanwhile; what is owed waits."""
    with serving() as relay:
        relay.answers["mail"] = "550 5.4.5 Daily user sending limit exceeded"
        require_all(prepare(smtp=_scripted(relay.port)))


def test_a_relay_that_wants_one_mail_later_is_well_and_is_given_none(prepare: Prepare) -> None:
    with serving() as relay:
        relay.answers["rcpt"] = "451 4.7.1 Greylisted"
        checks = check_all(
            prepare(smtp=_scripted(relay.port), inbox={"address": "a@colis.example"})
        )

        assert next(check.ok for check in checks if check.name == "relay")
        assert [] == relay.taken


@pytest.mark.parametrize(
    ("smtp", "said"),
    [
        ({"dkim_key": SecretStr("no key"), "dkim_selector": "s1"}, "MAILTRACK_SMTP__DKIM_KEY"),
        ({"dkim_key": SecretStr("no key")}, "MAILTRACK_SMTP__DKIM_SELECTOR"),
    ],
)
def test_a_key_that_signs_nothing_is_said_before_the_start(
    prepare: Prepare, smtp: dict[str, Any], said: str
) -> None:
    services = prepare(smtp=smtp)
    upgrade(services.store)
    failures = _failures(services)
    assert {"relay", "signature"} == {*failures}
    assert said in failures["relay"]

    with pytest.raises(MailtrackError, match=said):
        require_all(services)


def test_a_key_that_the_dns_does_not_know_is_said_and_keeps_nothing_from_starting(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    """It may take the DNS an hour to know a new one."""

    def unknown(*_: object) -> str:
        raise ConfigurationError("The DNS has no key at s1._domainkey.colis.example")

    monkeypatch.setattr("mailtrack.notify.dkim.check", unknown)
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    services = prepare(smtp={"dkim_key": SecretStr(pem.decode()), "dkim_selector": "s1"})
    assert "The DNS has no key at s1" in _said(services, "signature")

    require_all(services)
    assert ["signature"] == [entry["check"] for entry in logged if entry["event"] == "not now"]


def test_a_port_in_use_is_named_with_what_to_do(prepare: Prepare) -> None:
    services = prepare()
    address = (services.settings.web.host, services.settings.web.port)
    with socket.create_server(address):
        said = _said(services, "web")

    assert f"Cannot listen on {address[0]}:{address[1]}: Address already in use" in said
    assert "MAILTRACK_WEB__PORT" in said


def test_beside_a_service_at_work_all_is_well(prepare: Prepare) -> None:
    services = prepare()
    upgrade(services.store)
    settings = services.settings.web
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        serving_pages = pool.submit(serve, services, listen(settings), stop)
        try:
            checks = {check.name: check for check in check_all(services)}
            with pytest.raises(ConfigurationError, match="Address already in use"):
                require_all(services)
        finally:
            stop.set()
        serving_pages.result(30)

    assert [] == [check for check in checks.values() if not check.ok]
    where = f"{settings.host}:{settings.port}"
    assert f"mailtrack serves its pages on {where}" == checks["web"].detail


def test_a_full_disk_is_said(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("mailtrack.admin.doctor.shutil.disk_usage", lambda _: full)

    assert "is full (1 MB left): make room" in _said(prepare(), "disk")


def test_a_data_folder_that_is_a_file_is_named(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    assert f"Cannot use the data folder {tmp_path / 'data'}" in _failures(prepare())["disk"]


def test_a_database_that_is_away_is_named_without_its_password(prepare: Prepare) -> None:
    services = prepare()
    upgrade(services.store)
    services.close()
    vars(services)["store"] = open_store(f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/db")
    failures = _failures(services)

    assert "127.0.0.1:1/db does not answer" in failures["store"]
    assert SECRET not in failures["store"]


def test_a_folder_that_was_in_use_gets_no_empty_database_of_its_own_accord(
    prepare: Prepare, tmp_path: Path
) -> None:
    """Started again and again by systemd, a service whose file was deleted would forget all."""
    services = prepare()
    require_all(services)
    embedded_broker(services.settings.data_dir)
    require_all(prepare())
    services.store.close()
    for file in services.settings.data_dir.glob("mailtrack.db*"):
        file.unlink()

    for _ in range(2):
        with pytest.raises(MailtrackError, match="was in use: put it back"):
            require_all(prepare())
    upgrade(prepare().store)
    require_all(prepare())


def test_carriers_that_are_all_off_are_said(prepare: Prepare) -> None:
    services = prepare()
    vars(services)["carriers"] = {}

    assert "see `mailtrack carriers`" in _said(services, "carriers")


def test_a_database_of_its_own_needs_a_secret_that_all_hosts_share(
    prepare: Prepare, tmp_path: Path
) -> None:
    services = prepare(database_url=f"sqlite:///{tmp_path / 'other.db'}")

    assert "MAILTRACK_LINKS__SECRET is not set" in _said(services, "links")

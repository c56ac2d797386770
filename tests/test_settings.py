"""The settings: variables, files of secrets, and one line about each mistake."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailtrack.clock import FastClock, SystemClock
from mailtrack.errors import ConfigurationError
from mailtrack.inbox.mailbox import TIMEOUT
from mailtrack.inbox.watcher import IDLE_JITTER
from mailtrack.runtime.services import Services
from mailtrack.settings import (
    ENV_FILE,
    PREFIX,
    CarrierSettings,
    InboxSettings,
    Security,
    Settings,
    SmtpSettings,
    load_settings,
    variables,
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env of the developer's."""
    monkeypatch.chdir(tmp_path)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()

    assert "sqlite:///mailtrack-data/mailtrack.db" == settings.store_url
    assert isinstance(settings.make_clock(), SystemClock)


def test_by_default_whatever_is_lost_is_taken_up_again_within_two_minutes() -> None:
    settings = load_settings()
    until_dead_connection_is_known = (1 + IDLE_JITTER) * settings.inbox.idle_s + TIMEOUT.read

    assert settings.jobs.heartbeat_s < settings.jobs.lease_s
    assert settings.jobs.lease_s + settings.jobs.tick_s < 120
    assert until_dead_connection_is_known < 120


def test_names_nest_with_two_underscores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__HOST", "imap.example.org")
    monkeypatch.setenv("MAILTRACK_SMTP__SECURITY", "tls")
    monkeypatch.setenv("MAILTRACK_CARRIERS__LAPOSTE__KEY", "hush")
    monkeypatch.setenv("MAILTRACK_CARRIERS__4PX__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("MAILTRACK_WEB__PUBLIC_URL", "https://colis.example/")
    settings = load_settings()

    assert "imap.example.org" == settings.inbox.host
    assert Security.TLS is settings.smtp.security
    assert "hush" == settings.carriers["laposte"].key.get_secret_value()
    assert "http://127.0.0.1:1" == settings.carriers["4px"].url
    assert "https://colis.example" == settings.web.public_url


def test_a_file_beside_the_program_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MAILTRACK_INBOX__HOST=one\nMAILTRACK_INBOX__USER=ana\n")
    monkeypatch.setenv("MAILTRACK_INBOX__HOST", "other")
    settings = load_settings()

    assert ("other", "ana") == (settings.inbox.host, settings.inbox.user)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__PORT", "")
    monkeypatch.setenv("MAILTRACK_DATABASE_URL", "")

    assert 993 == load_settings().inbox.port


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("INBOX__PASSWORD", lambda s: s.inbox.password.get_secret_value()),
        ("SMTP__PASSWORD", lambda s: s.smtp.password.get_secret_value()),
        ("LINKS__SECRET", lambda s: s.links.secret.get_secret_value()),
        ("CARRIERS__LAPOSTE__KEY", lambda s: s.carriers["laposte"].key.get_secret_value()),
        ("DATABASE_URL", lambda s: s.database_url),
        ("REDIS_URL", lambda s: s.redis_url),
    ],
)
def test_a_secret_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, read: object
) -> None:
    assert callable(read)
    secret = tmp_path / "secret"
    secret.write_text("postgresql://u:hush@host/db\n")
    monkeypatch.setenv(f"MAILTRACK_{name}_FILE", str(secret))

    assert "postgresql://u:hush@host/db" == read(load_settings())


@pytest.mark.parametrize(
    "value", ["Ana@example.org,leo@example.org", '["ana@example.org", "leo@example.org"]']
)
def test_who_may_forward_is_a_list_in_any_notation(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__ALLOW", value)

    assert {"ana@example.org", "leo@example.org"} == load_settings().inbox.allowed


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_name_that_is_no_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    if place == "environment":
        monkeypatch.setenv("MAILTRACK_INBX__HOST", "imap.example.org")
    else:
        (tmp_path / ".env").write_text("MAILTRACK_INBX__HOST=imap.example.org\nOTHER=1\n")

    with pytest.raises(ConfigurationError, match="MAILTRACK_INBX__HOST is no setting"):
        load_settings()


@pytest.mark.parametrize("name", ["INBOX__PASSWORD_FILE", "DATABASE_URL_FILE"])
def test_a_secret_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"MAILTRACK_{name}", "/nowhere/secret")

    with pytest.raises(ConfigurationError, match="cannot read /nowhere/secret: No such file"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INBOX__PORT", "hush"),
        ("SMTP__SECURITY", "hush"),
        ("CLOCK__EPOCH", "hush"),
        ("JOBS__THREADS", "hush"),
        ("CARRIERS__LAPOSTE__PER_DAY", "hush"),
        ("LOG_LEVEL", "hush"),
        ("WEB__PUBLIC_URL", "hush"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MAILTRACK_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert f"MAILTRACK_{name}: " in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


#: Settings that take any line of text: names, accounts, and what only the other side can judge.
_ANY_TEXT = {
    "data_dir",
    *("user", "password", "client_id", "client_secret", "refresh_token", "scope", "key"),
    *("webhook_secret", "secret", "dkim_key", "from_name", "folder", "move_to"),
    *("name", "postal_address", "contact"),
}
#: What no other setting takes for a value, whatever its type.
_GARBAGE = ("hush hush", "hush\nhush", "[hush hush", "-1 hush", "\u202ehush hush")
#: What no number is, beside that: too small, too large, or none at all.
_NO_NUMBERS = ("-1", "nan", "inf", "1e999", "9" * 30, "0x10", "")
CODE = "LAPOSTE"
NAMES = [name for name in variables([CODE]) if name != "MAILTRACK_PUBLISHER__HOST"]


def _default(name: str) -> object:
    """Return what a setting is where nobody sets it."""
    found: object = load_settings()
    for part in name.removeprefix(PREFIX).lower().split("__"):
        if part == CODE.lower():
            found = CarrierSettings()
        elif part != "carriers":
            found = getattr(found, part)
    return found


def _refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    said = str(caught.value)
    assert said.startswith(f"{name}: "), said
    assert "hush" not in said
    assert 1 == len(said.splitlines())
    return said


@pytest.mark.parametrize("name", NAMES)
def test_garbage_is_one_line_that_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    free = name.rpartition("__")[2].removeprefix(PREFIX).lower() in _ANY_TEXT

    for garbage in () if free else _GARBAGE:
        _refused(monkeypatch, name, garbage)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_of_several_lines_is_refused_where_it_would_end_a_command(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    last = name.rpartition("__")[2].lower()
    if last in {"dkim_key", "postal_address"} or "__" not in name:
        return

    _refused(monkeypatch, name, "hush\r\nhush")


@pytest.mark.parametrize(
    "name",
    [n for n in NAMES if type(_default(n)) in (int, float) or n.endswith("LAPOSTE__PER_DAY")],
)
def test_a_number_has_a_range(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for garbage in filter(None, _NO_NUMBERS):
        _refused(monkeypatch, name, garbage)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INBOX__HOST", "imaps://imap.example.org"),
        ("SMTP__HOST", "smtp.example.org:587"),
        ("WEB__PORT", "0"),
        ("WEB__PORT", "65536"),
        ("INBOX__ADDRESS", "colis"),
        ("INBOX__ALLOW", "ana@example.org, leo"),
        ("OAUTH__TOKEN_URL", "login.example.org"),
        ("INBOX__AUTHSERV_ID", "mx.example.org; spf=pass"),
        ("INBOX__IDLE_S", "1741"),
        ("CARRIERS__LAPOSTE__URL", "ftp://example.org"),
        ("CARRIERS__LAPOSTE__PER_DAY", "0"),
        ("CARRIERS__17TRACK__POSTCODE", "Paris"),
        ("DATABASE_URL", "mysql://db/mailtrack"),
        ("REDIS_URL", "http://redis.example.org"),
        ("INBOX__CA_FILE", "/nowhere/ca.pem"),
        ("CLOCK__EPOCH", "2026-03-02T08:00:00"),
        ("CLOCK__SPEED", "0"),
        ("INBOX", "hush"),
        ("CARRIERS", "[1]"),
        ("SMTP", "7"),
    ],
)
def test_a_value_that_means_nothing_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    _refused(monkeypatch, f"MAILTRACK_{name}", value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("INBX__HOST", "INBOX__HOST"),
        ("INBOX__PASWORD", "INBOX__PASSWORD"),
        ("INBOX__PASWORD_FILE", "INBOX__PASSWORD_FILE"),
        ("INBOX_HOST", "INBOX__HOST"),
        ("CARRIERS__LAPOSTE__KEYS", "CARRIERS__LAPOSTE__KEY"),
        ("KEEP__PARCELS_DAYS", "KEEP__PARCEL_DAYS"),
        ("DATABASE", "DATABASE_URL"),
        ("LOGLEVEL", "LOG_LEVEL"),
    ],
)
def test_a_misspelt_setting_is_said_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    monkeypatch.setenv(f"MAILTRACK_{written}", "hush")

    said = f"MAILTRACK_{written} is no setting; did you mean MAILTRACK_{meant}?"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(said)}$"):
        load_settings()


def test_a_carrier_that_there_is_not_is_said_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAILTRACK_CARRIERS__LAPOST__KEY", "hush")

    with pytest.raises(ConfigurationError, match=r"__LAPOST is no carrier's.* mean LAPOSTE\?$"):
        _ = Services(load_settings()).on


def test_another_file_of_settings_takes_the_place_of_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MAILTRACK_INBOX__HOST=one\n")
    (tmp_path / "other.env").write_text("MAILTRACK_INBOX__USER=ana\n")
    monkeypatch.setenv(ENV_FILE, str(tmp_path / "other.env"))
    settings = load_settings()

    assert ("", "ana") == (settings.inbox.host, settings.inbox.user)


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INBOX__PASSWORD", "LINKS__SECRET", "CARRIERS__DHL__CLIENT_SECRET"):
        monkeypatch.setenv(f"MAILTRACK_{name}", "hush")
    settings = load_settings()

    assert "hush" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_of_postgresql_gets_our_driver(scheme: str) -> None:
    settings = load_settings(database_url=f"{scheme}://u:p@host/db")

    assert "postgresql+psycopg://u:p@host/db" == settings.store_url


def test_the_clock_of_the_demo_runs_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_CLOCK__EPOCH", "2026-03-02T08:00:00+00:00")
    monkeypatch.setenv("MAILTRACK_CLOCK__SPEED", "3600")

    assert FastClock(datetime(2026, 3, 2, 8, tzinfo=UTC), 3600) == load_settings().make_clock()


def test_a_password_is_sent_in_clear_to_this_machine_only() -> None:
    SmtpSettings(host="127.0.0.1", security=Security.PLAIN).check("SMTP")

    with pytest.raises(
        ConfigurationError, match=r"SMTP__SECURITY=plain .* in clear to mx\.example"
    ):
        SmtpSettings(host="mx.example", security=Security.PLAIN).check("SMTP")
    with pytest.raises(ConfigurationError, match="MAILTRACK_SMTP__HOST is not set"):
        SmtpSettings().check("SMTP")


def test_trusted_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_WEB__TRUSTED_PROXIES", "127.0.0.1, 172.16.0.0/12,2001:db8::/32")
    assert "127.0.0.1/32,172.16.0.0/12,2001:db8::/32" == load_settings().web.trusted_proxies

    for wrong in ("*", "localhost", "172.16.0.1/12"):
        monkeypatch.setenv("MAILTRACK_WEB__TRUSTED_PROXIES", wrong)
        with pytest.raises(ConfigurationError, match="MAILTRACK_WEB__TRUSTED_PROXIES"):
            load_settings()


@pytest.mark.parametrize(
    ("inbox", "from_address", "chosen", "bounces_to"),
    [
        ("colis@example.org", "suivi@example.org", "", "colis@example.org"),
        ("colis@Example.org", "suivi@example.ORG", "", "colis@Example.org"),
        ("colis@gmail.com", "suivi@example.org", "", ""),
        ("colis@example.org", "", "", ""),
        ("colis@example.org", "suivi@example.org", "off", ""),
        ("colis@gmail.com", "suivi@example.org", "retours@example.org", "retours@example.org"),
    ],
)
def test_reports_come_to_the_inbox_where_the_domain_of_our_mails_covers_it(
    inbox: str, from_address: str, chosen: str, bounces_to: str
) -> None:
    """An envelope sender in another domain fails SPF there."""
    settings = Settings(
        inbox=InboxSettings(address=inbox),
        smtp=SmtpSettings(from_address=from_address, bounces_to=chosen),
    )

    assert bounces_to == settings.bounces_to


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("colis@colis.example", "mailtrack", "colis@colis.example"),
        ("Colis <colis@colis.example>", "Colis", "colis@colis.example"),
        ('"Suivi, des colis" <colis@colis.example>', "Suivi, des colis", "colis@colis.example"),
        ("À vous <colis@bücher.example> ", "À vous", "colis@xn--bcher-kva.example"),
        ("<colis@colis.example>", "mailtrack", "colis@colis.example"),
    ],
)
def test_who_mails_are_from_may_be_written_with_a_name(
    monkeypatch: pytest.MonkeyPatch, written: str, name: str, address: str
) -> None:
    monkeypatch.setenv("MAILTRACK_SMTP__FROM_ADDRESS", written)
    smtp = load_settings().smtp
    assert (name, address) == (smtp.from_name, smtp.from_address)

    monkeypatch.setenv("MAILTRACK_SMTP__FROM_NAME", "Le suivi")
    assert "Le suivi" == load_settings().smtp.from_name


def test_who_mails_are_from_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "from").write_text("Colis <colis@colis.example>\n")
    monkeypatch.setenv("MAILTRACK_SMTP__FROM_ADDRESS_FILE", str(tmp_path / "from"))
    smtp = load_settings().smtp

    assert ("Colis", "colis@colis.example") == (smtp.from_name, smtp.from_address)


@pytest.mark.parametrize("name", ["FROM_ADDRESS", "BOUNCES_TO"])
@pytest.mark.parametrize(
    "written",
    [
        "Colis",
        "Colis <colis>",
        "colis@",
        "a@-é..example",
        "a@b.example, c@d.example",
        "été@colis.example",
        "a b@c",
    ],
)
def test_an_address_of_ours_that_is_none_is_refused_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str
) -> None:
    monkeypatch.setenv(f"MAILTRACK_SMTP__{name}", written)

    with pytest.raises(ConfigurationError, match=f"^MAILTRACK_SMTP__{name}: is no e-mail address"):
        load_settings()


def test_all_that_follows_from_our_address_follows_from_the_address_in_it() -> None:
    smtp = SmtpSettings(from_address="Colis <colis@colis.example>")
    inbox = InboxSettings(address="inbox@colis.example")

    assert "colis.example" == smtp.domain
    assert "inbox@colis.example" == Settings(smtp=smtp, inbox=inbox).bounces_to

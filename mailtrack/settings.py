"""The one settings object: `MAILTRACK_*` variables, a `.env` file, `*_FILE` for secrets.

Names nest with two underscores (`MAILTRACK_INBOX__HOST`). Any variable may end in
`_FILE` instead and name a file that holds the value (Docker and systemd secrets).
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from mailtrack.clock import Clock, FastClock, SystemClock
from mailtrack.errors import ConfigurationError, did_you_mean
from mailtrack.setting_types import (
    Address,
    Addresses,
    Count,
    CountOrNone,
    DatabaseUrl,
    Days,
    Folder,
    Host,
    Hour,
    Networks,
    PasswordHash,
    Port,
    PortOrNone,
    ReadableFile,
    RedisUrl,
    Seconds,
    Url,
    Word,
    Workers,
    as_sent,
    words,
)

PREFIX = "MAILTRACK_"
#: What only the tests read, and what `mailtrack up` tells its children.
_NOT_OURS = frozenset({"samples", "supervisor", "env_file"})
#: Names the file of settings, where it is not `.env`.
ENV_FILE = f"{PREFIX}ENV_FILE"
_HAS_LINES = frozenset({"dkim_key", "postal_address"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Security(StrEnum):
    """How a connection is protected; `plain` is for loopback only."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


class LogLevel(StrEnum):
    """What is worth a line in the log, and everything graver."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Section(BaseModel):
    """A group of settings; a misspelt name is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: Any) -> Any:
        """Replace `password_file` by the content of that file as `password`, and so on."""
        if not isinstance(values, dict):  # pydantic says what it is instead
            return values
        return dict(_resolve(name, value, cls.model_fields) for name, value in values.items())

    @field_validator("*")
    @classmethod
    def _is_one_line(cls, value: Any, info: ValidationInfo) -> Any:
        """A line break would end a header or a command; a key (PEM) has lines."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        has_lines = info.field_name in _HAS_LINES
        if isinstance(text, str) and not has_lines and not text.isprintable():
            raise ValueError("is more than one line of text")
        return value


def _resolve(name: str, value: Any, fields: Mapping[str, Any]) -> tuple[str, Any]:
    plain = name.removesuffix("_file")
    if name in fields or plain not in fields:
        return name, value
    return plain, _read_secret(name, Path(value))


def _read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{name.upper()}: cannot read {path}: {error.strerror}") from error


class Server(Section):
    """A mail server that we log in to."""

    host: Host = ""
    port: Port = 1
    security: Security = Security.TLS
    user: str = ""
    password: SecretStr = SecretStr("")
    #: A private certificate authority (PEM file), besides the system's.
    ca_file: ReadableFile | None = None

    @property
    def has_password(self) -> bool:
        return bool(self.password.get_secret_value())

    def check(self, name: str) -> None:
        """Raise ConfigurationError where the server is missing or would talk in clear."""
        if not self.host:
            raise ConfigurationError(f"{PREFIX}{name}__HOST is not set.")
        if self.security is Security.PLAIN and self.host not in LOOPBACK:
            raise ConfigurationError(
                f"{PREFIX}{name}__SECURITY=plain would send the password in clear to "
                f"{self.host}; use tls or starttls."
            )


class OAuthSettings(Section):
    """The program as Google or Microsoft knows it, for mailboxes that take no passwords.

    What `mailtrack login` brings is used by the mailbox and by the relay, whichever has no
    password. The addresses and the scope are the provider's own, unless they are set.
    """

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    #: Microsoft: whose accounts may sign in: `common`, `consumers`, or an organisation's own.
    tenant: str = Field(default="common", pattern=r"^[\w.-]+$")
    authorize_url: str = ""
    token_url: str = ""
    device_url: str = ""
    scope: str = ""

    @field_validator("authorize_url", "token_url", "device_url")
    @classmethod
    def _keeps_secrets(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
        except ValueError as error:
            raise ValueError("is no address of a page") from error
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if value and not (is_safe and parts.hostname):
            raise ValueError("must start with https:// (http:// on this machine alone)")
        return value


class InboxSettings(Server):
    """The mailbox that people forward to."""

    port: Port = 993
    #: The address that people forward to; the user name where it is not set.
    address: Address = ""
    folder: Folder = "INBOX"
    #: Where read mails go; empty leaves them in place.
    move_to: str = ""
    #: Seconds between two IDLE renewals (RFC 2177 allows 29 minutes; NATs do not). Only a
    #: renewal finds out that a connection is dead, and mails wait until it does.
    idle_s: float = Field(default=45.0, ge=0, le=1_740)
    #: Seconds between two searches where the server has no IDLE.
    poll_s: Seconds = 60.0
    #: The name by which the receiving server signs its Authentication-Results (RFC 8601).
    authserv_id: Word = ""
    #: Whether it writes them into every mail, below its own `Received` line; see
    #: `inbox.authentication`.
    authserv_below: bool = False
    #: Only these addresses may forward, with commas between; empty admits every proven sender.
    allow: Addresses = ""
    #: Of larger mails only the texts are fetched (bytes).
    max_bytes: int = Field(default=5_000_000, ge=10_000, le=1_000_000_000)
    #: So many mails wait to be read at most; more are left on the server until some are.
    most_unread: Count = 500
    #: New parcels that one address may add in a day: nobody's forwards starve the others.
    parcels_per_day: Count = 30
    #: The same for all addresses of one mail domain, but for those that sell addresses to many.
    domain_parcels_per_day: Count = 300
    #: The same for everybody together.
    all_parcels_per_day: Count = 20_000

    @property
    def allowed(self) -> frozenset[str]:
        """Return the addresses of `allow`, in lower case."""
        return frozenset(words(self.allow))

    @property
    def forward_to(self) -> str:
        return self.address or self.user

    @property
    def place(self) -> tuple[str, str]:
        """Return the account, by which the store knows this mailbox, and the folder."""
        return f"{self.user}@{self.host}", self.folder

    @property
    def place_if_set(self) -> tuple[str, str] | None:
        """Return the same, None where these settings name no mailbox."""
        return self.place if self.host else None


class SmtpSettings(Server):
    """The relay that our mails leave through.

    >>> SmtpSettings(from_address="Suivi <suivi@colis.example>").from_name
    'Suivi'
    """

    port: Port = 587
    security: Security = Security.STARTTLS
    #: `Name <address>` is taken apart: the name is `from_name`, unless that is set.
    from_address: Address = ""
    from_name: str = "mailtrack"
    #: Mails of the whole service within 24 hours; 0 is no limit of ours.
    per_day: CountOrNone = 0
    #: Where the relay does not sign (RFC 6376, RFC 8463): the selector in the DNS, and the
    #: private key (PEM), best from a file: MAILTRACK_SMTP__DKIM_KEY_FILE.
    dkim_selector: Host = ""
    dkim_key: SecretStr = SecretStr("")
    timeout_s: Seconds = 30.0
    #: Where failed deliveries are reported to, with a "+" and the notice in it: an address of
    #: the watched mailbox, or `off` for `from_address` itself.
    bounces_to: str = ""

    @model_validator(mode="before")
    @classmethod
    def _take_the_name_apart(cls, values: Any) -> Any:
        """Let `Name <address>` set the name, too, where no other is set."""
        if not isinstance(values, dict):
            return values
        values = dict(_resolve(name, value, cls.model_fields) for name, value in values.items())
        written = str(values.get("from_address", "")).strip()
        if not written.endswith(">") or "<" not in written:
            return {**values, "from_address": written}
        name, _, address = written.rstrip("> ").rpartition("<")
        named = {"from_name": name.strip(' "')} if name.strip(' "') else {}
        return {**named, **values, "from_address": address.strip()}

    @field_validator("bounces_to")
    @classmethod
    def _is_an_address_or_off(cls, value: str) -> str:
        if value in ("", "off"):
            return value
        mailbox = as_sent(value)
        if mailbox is None:
            raise ValueError("is no e-mail address such as colis@example.com, nor off")
        return mailbox

    @property
    def domain(self) -> str:
        """Return the domain that our mails come from."""
        return self.from_address.rpartition("@")[2]

    @property
    def place(self) -> str:
        """Return what the store knows this relay and our account there by."""
        return f"{self.user}@{self.host}:{self.port}"


class WebSettings(Section):
    """Where the pages are served."""

    host: Host = "127.0.0.1"
    port: Port = 8080
    #: How the outside world sees us; links in mails start with it.
    public_url: Url = "http://localhost:8080"
    #: What is for the operator alone; off where the pages have no proxy that hides it.
    metrics: bool = True
    ready: bool = True
    #: Proxies whose X-Forwarded-For is believed: addresses or networks, with commas between.
    trusted_proxies: Networks = ""

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not value:
            raise ValueError("must start with https:// or http://")
        return value.rstrip("/")


class AdminSettings(Section):
    """The operator's page; nothing of it is served where nobody may sign in to it."""

    #: What `mailtrack hash-password` prints.
    password_hash: PasswordHash = SecretStr("")
    #: In which a proxy names whom it let in, and the proxies that are believed.
    proxy_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    proxies: Networks = ""
    #: Where it is served with a port of its own; 0: beside the other pages.
    host: Host = "127.0.0.1"
    port: PortOrNone = 0

    @model_validator(mode="after")
    def _believes_somebody(self) -> Self:
        if self.proxy_header and not self.proxies:
            raise ValueError(f"PROXY_HEADER is believed from nobody: set {PREFIX}ADMIN__PROXIES")
        return self

    @property
    def is_on(self) -> bool:
        """Return True if there is a way to sign in."""
        return bool(self.password_hash.get_secret_value() or self.proxy_header)

    @property
    def is_apart(self) -> bool:
        """Return True if it is on, and has a port of its own."""
        return self.is_on and self.port > 0


class LinkSettings(Section):
    """The secret that signs the links in mails; retired ones stay valid for old mails."""

    secret: SecretStr = SecretStr("")
    retired: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    @field_validator("retired", mode="before")
    @classmethod
    def _is_a_list(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError('is no list in JSON, such as ["one", "two"]') from error


class CarrierSettings(Section):
    """One carrier's address and credentials."""

    #: Whether it is asked at all; unset leaves it to the carrier, most of which are on.
    enabled: bool | None = None
    #: Use the carrier's undocumented service without credentials, where it has one.
    keyless: bool = False
    url: Url = ""
    key: SecretStr = SecretStr("")
    client_id: SecretStr = SecretStr("")
    client_secret: SecretStr = SecretStr("")
    #: Requests a day, where the contract grants other than the published budget.
    per_day: Count | None = None
    #: By which what the carrier sends of itself is proven, where that is not its key.
    webhook_secret: SecretStr = SecretStr("")
    #: The destination's, where all parcels go to one place: some carriers ask for it.
    postcode: str = Field(default="", pattern=r"^([A-Z0-9 -]*[0-9][A-Z0-9 -]*)?$", max_length=10)


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class JobSettings(Section):
    """How work is handed out."""

    threads: Workers = 8
    #: Processes of a worker that read mails.
    readers: Workers = Field(default_factory=_cores)
    #: Real seconds between two ticks of the dispatcher.
    tick_s: Seconds = 1.0
    #: Real seconds after which work that nobody finished is handed out again.
    lease_s: Seconds = 90.0
    #: Real seconds without a heartbeat after which a worker counts as dead.
    heartbeat_s: Seconds = 60.0
    #: Real seconds without a sign of life after which another watcher or dispatcher takes over.
    takeover_s: Seconds = 30.0


class NoticeSettings(Section):
    """When mails may go out; hours of a clock in France, equal ones for no quiet at all."""

    quiet_from: Hour = 22
    quiet_until: Hour = 7
    #: Mails to one address in a day; the rest goes into one mail on the next morning.
    per_day: Count = 6


class PublisherSettings(Section):
    """Who runs this service, for the legal notice (LCEN, article 6)."""

    name: str = ""
    postal_address: str = ""
    contact: str = ""
    #: Who hosts the servers, with address and telephone.
    host: str = ""


class KeepSettings(Section):
    """How long personal data is kept (days)."""

    raw_mail_days: Days = 30
    parcel_days: Days = 90


class ClockSettings(Section):
    """Sped-up time for the demo: `speed` times as fast since `epoch`."""

    speed: float = Field(default=1.0, gt=0, le=1_000_000, allow_inf_nan=False)
    epoch: AwareDatetime | None = None


class Settings(BaseSettings):
    """All settings; the defaults run the embedded store and broker under `data_dir`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Path("mailtrack-data")
    #: SQLAlchemy address of the store; empty means SQLite under `data_dir`.
    database_url: DatabaseUrl = ""
    #: Address of the broker; empty means an embedded Valkey server.
    redis_url: RedisUrl = ""
    #: The same two from files: they hold passwords.
    database_url_file: Path | None = None
    redis_url_file: Path | None = None
    log_level: LogLevel = LogLevel.INFO
    inbox: InboxSettings = InboxSettings()
    smtp: SmtpSettings = SmtpSettings()
    oauth: OAuthSettings = OAuthSettings()
    web: WebSettings = WebSettings()
    admin: AdminSettings = AdminSettings()
    links: LinkSettings = LinkSettings()
    carriers: Mapping[str, CarrierSettings] = Field(default_factory=dict)
    #: Ask the carriers that nobody can have a contract with: by the service behind their pages.
    keyless_carriers: bool = False
    jobs: JobSettings = JobSettings()
    notices: NoticeSettings = NoticeSettings()
    keep: KeepSettings = KeepSettings()
    publisher: PublisherSettings = PublisherSettings()
    clock: ClockSettings = ClockSettings()

    @model_validator(mode="after")
    def _read_url_files(self) -> Self:
        for name in ("database_url", "redis_url"):
            path = getattr(self, f"{name}_file")
            if path is not None:
                object.__setattr__(self, name, _read_secret(f"{name}_file", path))
        return self

    @property
    def store_url(self) -> str:
        """Return the store's address with the driver that we use."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir / 'mailtrack.db'}"
        for plain in ("postgresql://", "postgres://"):
            if self.database_url.startswith(plain):
                return "postgresql+psycopg://" + self.database_url.removeprefix(plain)
        return self.database_url

    @property
    def links_file(self) -> Path:
        """Return where the secret is kept that an installation makes for itself."""
        return self.data_dir / "links.secret"

    @property
    def bounces_to(self) -> str:
        """Return the address that reports go to; "" where they go to whom mails are from.

        The inbox's own will do where SPF covers it: in the domain that mails come from.
        """
        chosen, inbox = self.smtp.bounces_to, self.inbox.forward_to
        if chosen:
            return "" if chosen == "off" else chosen
        ours, mailbox = self.smtp.domain.lower(), as_sent(inbox) or ""
        return mailbox if ours and mailbox.lower().endswith(f"@{ours}") else ""

    def make_clock(self) -> Clock:
        """Return the machine's clock, or the demo's fast one."""
        if self.clock.epoch is None:
            return SystemClock()
        return FastClock(self.clock.epoch, self.clock.speed)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; raise ConfigurationError with one line for the first mistake."""
    file = os.environ.get(ENV_FILE) or ".env"
    # A variable whose name means nothing is a slip of the pen, and what it was to set is not set.
    for name in sorted({*os.environ, *dotenv_values(file, interpolate=False)}):
        section = name.removeprefix(PREFIX).lower().partition("__")[0]
        if name.startswith(PREFIX) and section not in {*Settings.model_fields, *_NOT_OURS}:
            raise _no_setting(name)
    try:
        return Settings(**{"_env_file": file, **overrides})
    except ValidationError as error:
        raise _mistake(error.errors()[0]) from error
    except SettingsError as error:  # pydantic-settings: a group or a list that is no JSON
        named = re.search(r'field "(\w+)"', str(error))
        name = PREFIX + named[1].upper() if named else "A setting"
        raise ConfigurationError(f"{name}: is no JSON; docs/operate.md shows it.") from error


def _mistake(first: ErrorDetails) -> ConfigurationError:
    """Return the one line about a value that cannot be; it never shows the value."""
    place = [part.upper() for part in first["loc"] if isinstance(part, str)]
    what = first["msg"].removeprefix("Value error, ")
    if file := re.match(r"([A-Z_]+_FILE): (.+)", what):
        place, what = [*place, file[1]], file[2]
    name = PREFIX + "__".join(place)
    if first["type"] == "extra_forbidden":
        return _no_setting(name)
    return ConfigurationError(f"{name}: {what}.")


def _no_setting(name: str) -> ConfigurationError:
    of_file = "_FILE" if name.endswith("_FILE") else ""
    known = variables(re.findall(r"CARRIERS__(.+?)__", name))
    near = did_you_mean(name, (one + of_file for one in known))
    return ConfigurationError(f"{name} is no setting{near or '; docs/operate.md lists them all.'}")


def variables(carriers: Iterable[str] = ("<CODE>",)) -> Iterator[str]:
    """Yield the names of all settings, those of a carrier for each of some codes."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if name == "carriers":
            for code in carriers:
                yield from _within(CarrierSettings, f"{PREFIX}CARRIERS__{code}__")
        elif isinstance(kind, type) and issubclass(kind, Section):
            yield from _within(kind, f"{PREFIX}{name.upper()}__")
        elif not name.endswith("_url_file"):
            yield PREFIX + name.upper()


def _within(section: type[Section], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _within(kind, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper()

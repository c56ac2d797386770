"""The one settings object."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import (
    Field,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from mailtrack.clock import Clock, FastClock, SystemClock
from mailtrack.environment import PREFIX
from mailtrack.settings.channels import ChannelSettings
from mailtrack.settings.mail import InboxSettings, OAuthSettings, SmtpSettings
from mailtrack.settings.pages import AdminSettings, LinkSettings, PublisherSettings, WebSettings
from mailtrack.settings.section import read_secret
from mailtrack.settings.types import (
    DatabaseUrl,
    RedisUrl,
    as_sent,
)
from mailtrack.settings.work import (
    CarrierSettings,
    ClockSettings,
    JobSettings,
    KeepSettings,
    LogLevel,
    NoticeSettings,
)


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
    channels: ChannelSettings = ChannelSettings()
    keep: KeepSettings = KeepSettings()
    publisher: PublisherSettings = PublisherSettings()
    clock: ClockSettings = ClockSettings()

    @model_validator(mode="after")
    def _read_url_files(self) -> Self:
        for name in ("database_url", "redis_url"):
            path = getattr(self, f"{name}_file")
            if path is not None:
                object.__setattr__(self, name, read_secret(f"{name}_file", path))
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

"""The one settings object: `MAILTRACK_*` variables, a `.env` file, `*_FILE` for secrets.

Names nest with two underscores (`MAILTRACK_INBOX__HOST`). Any variable may end in
`_FILE` instead and name a file that holds the value (Docker and systemd secrets).
"""

from mailtrack.environment import ENV_FILE, PREFIX
from mailtrack.settings.channels import ChannelSettings
from mailtrack.settings.everything import Settings
from mailtrack.settings.loading import load_settings, variables
from mailtrack.settings.mail import InboxSettings, OAuthSettings, SmtpSettings
from mailtrack.settings.pages import AdminSettings, LinkSettings, PublisherSettings, WebSettings
from mailtrack.settings.section import LOOPBACK, Section, Security, Server
from mailtrack.settings.work import (
    CarrierSettings,
    ClockSettings,
    JobSettings,
    KeepSettings,
    LogLevel,
    NoticeSettings,
)

__all__ = [
    "ENV_FILE",
    "LOOPBACK",
    "PREFIX",
    "AdminSettings",
    "CarrierSettings",
    "ChannelSettings",
    "ClockSettings",
    "InboxSettings",
    "JobSettings",
    "KeepSettings",
    "LinkSettings",
    "LogLevel",
    "NoticeSettings",
    "OAuthSettings",
    "PublisherSettings",
    "Section",
    "Security",
    "Server",
    "Settings",
    "SmtpSettings",
    "WebSettings",
    "load_settings",
    "variables",
]

"""The addresses that people type for channels: read, checked by their words, and masked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import PermanentError

#: Characters of an address; those of others are a few hundred.
MOST_CHARACTERS = 1_000
#: Characters of the host, and of what follows it, that are shown.
_MOST_SHOWN, _SHOWN = 60, 3

_WEB = ("https", "http")


@dataclass(frozen=True, slots=True)
class AppriseScheme:
    """How an address of Apprise is called: `host` is "" where the address names it.

    `service`: Apprise's own module and class for it; `port`: where it is called when the address
    names none. `targets`: how many parts its path has at least and at most, where each part names
    somebody else who gets the message; None where they do not.
    """

    service: str
    web: str
    host: str = ""
    port: int = 443
    targets: tuple[int, int] | None = None


#: The schemes of Apprise that were found safe: one request, by HTTP, to a host that is fixed or
#: stands in the address.
APPRISE_SCHEMES: Mapping[str, AppriseScheme] = MappingProxyType(
    {
        "discord": AppriseScheme("discord.NotifyDiscord", "https", "discord.com"),
        "gotify": AppriseScheme("gotify.NotifyGotify", "http", port=80),
        "gotifys": AppriseScheme("gotify.NotifyGotify", "https"),
        "hassio": AppriseScheme("home_assistant.NotifyHomeAssistant", "http", port=8123),
        "hassios": AppriseScheme("home_assistant.NotifyHomeAssistant", "https"),
        "ntfy": AppriseScheme("ntfy.NotifyNtfy", "http", port=80, targets=(1, 1)),
        "ntfys": AppriseScheme("ntfy.NotifyNtfy", "https", targets=(1, 1)),
        "pover": AppriseScheme("pushover.NotifyPushover", "https", "api.pushover.net"),
        "tgram": AppriseScheme(
            "telegram.NotifyTelegram", "https", "api.telegram.org", targets=(1, 1)
        ),
    }
)


class AddressFault(StrEnum):
    """Why an address cannot be a channel's."""

    NO_ADDRESS = "no_address"
    #: A name or a password before the host: some programs read the host elsewhere then.
    USERINFO = "userinfo"
    #: It leads where the operator lets nobody call.
    NOT_CALLABLE = "not_callable"
    #: Apprise: none of the schemes that were found safe.
    SCHEME = "scheme"
    #: Apprise: with parameters, of which some read files and some skip checks.
    PARAMETERS = "parameters"


class WrongAddressError(PermanentError):
    """Raised when an address cannot be a channel's; its words name no part of it."""

    def __init__(self, fault: AddressFault) -> None:
        super().__init__(f"The address of the channel cannot be used: {fault}.")
        self.fault = fault


def read_webhook(typed: str, hosts: CallableHosts) -> str:
    """Return the address of a webhook as it is called; raises WrongAddressError.

    >>> read_webhook(" HTTPS://Hooks.Example.org#x ", CallableHosts.parse("*"))
    'https://hooks.example.org/'
    """
    parts, host, port = _apart(typed)
    if parts.scheme not in _WEB or not host:
        raise WrongAddressError(AddressFault.NO_ADDRESS)
    if "@" in parts.netloc:
        raise WrongAddressError(AddressFault.USERINFO)
    if not hosts.may_call(parts.scheme, host, port):
        raise WrongAddressError(AddressFault.NOT_CALLABLE)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query, ""))


def read_apprise(typed: str, hosts: CallableHosts) -> str:
    """Return an address of Apprise as it is used; raises WrongAddressError.

    What stands behind a "?" is refused: some parameters read files, and some skip checks. So is
    a comma, behind which Apprise reads another address, and whatever names several targets: one
    click proves one.
    """
    parts, host, port = _apart(typed)
    scheme = APPRISE_SCHEMES.get(parts.scheme)
    if scheme is None:
        raise WrongAddressError(AddressFault.SCHEME)
    if not parts.netloc or "," in typed:
        raise WrongAddressError(AddressFault.NO_ADDRESS)
    if "?" in typed or "#" in typed:
        raise WrongAddressError(AddressFault.PARAMETERS)
    if scheme.targets is not None:
        least, most = scheme.targets
        if not least <= len(_targets(parts.path)) <= most:
            raise WrongAddressError(AddressFault.NO_ADDRESS)
    called = (scheme.host, None) if scheme.host else (host, port or scheme.port)
    if not hosts.may_call(scheme.web, *called):
        raise WrongAddressError(AddressFault.NOT_CALLABLE)
    return urlunsplit(parts)


def _targets(path: str) -> list[str]:
    """Return the parts of a path as Apprise reads them, each of which gets the message."""
    return [part for part in re.split(r"[\s,;/]+", unquote(path)) if part]


def _apart(typed: str) -> tuple[SplitResult, str, int | None]:
    """Return the parts of an address, its host and its port; raises WrongAddressError."""
    text = typed.strip()
    is_plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    if not is_plain or len(text) > MOST_CHARACTERS:
        raise WrongAddressError(AddressFault.NO_ADDRESS)
    try:
        parts = urlsplit(text)
        scheme = APPRISE_SCHEMES.get(parts.scheme)
        # Where the host is fixed, a token stands in its place: what ends it is no port.
        port = None if scheme and scheme.host else parts.port
    except ValueError as error:
        raise WrongAddressError(AddressFault.NO_ADDRESS) from error
    return parts, parts.hostname or "", port


def masked(address: str) -> str:
    """Return what may be shown of an address: where it leads, and how what follows begins.

    >>> masked("https://ntfy.sh/abcdefgh"), masked("ntfys://tk_secret@ntfy.sh/abcdefgh")
    ('ntfy.sh/abc…', 'ntfy.sh/abc…')
    """
    parts = urlsplit(address)
    fixed = APPRISE_SCHEMES.get(parts.scheme)
    if fixed and fixed.host:
        return f"{fixed.host}/…"  # all of it is a token
    host = parts.netloc.rpartition("@")[2]
    rest = parts.path.lstrip("/") or parts.query
    return f"{host[:_MOST_SHOWN]}/{rest[:_SHOWN]}…" if rest else host[:_MOST_SHOWN]

"""The addresses that people type for channels: read, checked by their words, and masked."""

from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import PermanentError

#: Characters of an address; those of others are a few hundred.
MOST_CHARACTERS = 1_000
#: Characters of what follows the host that are shown.
_SHOWN = 3

_WEB = ("https", "http")


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
    text = typed.strip()
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise WrongAddressError(AddressFault.NO_ADDRESS)
    try:
        parts = urlsplit(text[: MOST_CHARACTERS + 1])
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise WrongAddressError(AddressFault.NO_ADDRESS) from error
    if parts.scheme not in _WEB or not host or len(text) > MOST_CHARACTERS:
        raise WrongAddressError(AddressFault.NO_ADDRESS)
    if "@" in parts.netloc:
        raise WrongAddressError(AddressFault.USERINFO)
    if not hosts.may_call(parts.scheme, host, port):
        raise WrongAddressError(AddressFault.NOT_CALLABLE)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query, ""))


def masked(address: str) -> str:
    """Return what may be shown of an address: where it leads, and how what follows begins.

    >>> masked("https://ntfy.sh/abcdefgh"), masked("ntfys://tk_secret@ntfy.sh/abcdefgh")
    ('ntfy.sh/abc…', 'ntfy.sh/abc…')
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    rest = parts.path.lstrip("/") or parts.query
    return f"{host}/{rest[:_SHOWN]}…" if rest else host

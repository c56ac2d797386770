"""What a setting may be, so that a slip of the pen is said at the start and not at night."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

#: An address as SMTP takes it without extensions (RFC 5321, 4.1.2); the domain may have accents.
_MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?u:[\w-]+(?:\.[\w-]+)*)", re.ASCII)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?")
_URL = re.compile(r"https?://[^/\s]+\S*")
#: What `mailtrack hash-password` prints: scrypt, its cost (n, r, p), the salt and the key.
PASSWORD_HASH = re.compile(
    r"scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([\w-]{22}):([\w-]{43})", re.ASCII
)


def as_sent(address: str) -> str | None:
    """Return an address as SMTP takes it, None for what is none; its domain may have accents."""
    local, _, domain = address.rpartition("@")
    if not _MAILBOX.fullmatch(address):
        return None
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None


def words(text: str) -> list[str]:
    """Return the words of a list in any notation, in lower case.

    >>> words('["Noe@example.org", ines@example.org]')
    ['noe@example.org', 'ines@example.org']
    """
    return [word.lower() for word in re.findall(r"[^\s,;\[\]\"']+", text)]


def _host(value: str) -> str:
    if not value or _HOST.fullmatch(value):
        return value
    try:
        ip_address(value)
    except ValueError as error:
        raise ValueError("is no name of a host, such as mail.example.org") from error
    return value


def _url(value: str) -> str:
    if value and not _URL.fullmatch(value):
        raise ValueError("must start with https:// or http://")
    return value


def _address(value: str) -> str:
    mailbox = as_sent(value) if value else ""
    if mailbox is None:
        raise ValueError("is no e-mail address such as colis@example.com")
    return mailbox


def _addresses(value: str) -> str:
    if not all(as_sent(word) for word in words(value)):
        raise ValueError("holds a word that is no e-mail address")
    return value


def _begins(*schemes: str) -> AfterValidator:
    """Return what takes an address that begins with one of some schemes, or none at all."""

    def check(value: str) -> str:
        if value and not (value.startswith(schemes) and value.isprintable() and " " not in value):
            raise ValueError(f"must start with {' or '.join(schemes)}")
        return value

    return AfterValidator(check)


def _networks(value: str) -> str:
    try:
        return ",".join(str(ip_network(word)) for word in words(value))
    except ValueError as error:
        raise ValueError("holds a word that is no address or network of IP") from error


def _password_hash(value: SecretStr) -> SecretStr:
    written = value.get_secret_value()
    if written and not PASSWORD_HASH.fullmatch(written):
        raise ValueError("is nothing that `mailtrack hash-password` prints")
    return value


def _file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("there is no such file")
    return value


def _word(value: str) -> str:
    if re.search(r"\s", value):
        raise ValueError("is one word, without spaces")
    return value


def _folder(value: str) -> str:
    if not value:
        raise ValueError("is the name of a folder, such as INBOX")
    return value


Host: TypeAlias = Annotated[str, AfterValidator(_host)]
Url: TypeAlias = Annotated[str, AfterValidator(_url)]
Address: TypeAlias = Annotated[str, AfterValidator(_address)]
Addresses: TypeAlias = Annotated[str, AfterValidator(_addresses)]
#: Addresses or networks of IP, with commas between.
Networks: TypeAlias = Annotated[str, AfterValidator(_networks)]
PasswordHash: TypeAlias = Annotated[SecretStr, AfterValidator(_password_hash)]
Word: TypeAlias = Annotated[str, AfterValidator(_word)]
Folder: TypeAlias = Annotated[str, AfterValidator(_folder)]
DatabaseUrl: TypeAlias = Annotated[
    str,
    _begins("postgresql://", "sqlite:///", "postgres://", "postgresql+psycopg://"),
]
RedisUrl: TypeAlias = Annotated[str, _begins("redis://", "rediss://", "unix://")]
ReadableFile: TypeAlias = Annotated[Path, AfterValidator(_file)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65_535)]
#: A port of one's own, or 0 for none.
PortOrNone: TypeAlias = Annotated[int, Field(ge=0, le=65_535)]
Hour: TypeAlias = Annotated[int, Field(ge=0, le=23)]
#: A count that is never none, and one that may be.
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000_000)]
CountOrNone: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000_000)]
#: Threads or processes.
Workers: TypeAlias = Annotated[int, Field(ge=1, le=256)]
#: A time that something may take: an hour is as good as for ever.
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)]
#: How long something is kept: a century is as good as for ever.
Days: TypeAlias = Annotated[int, Field(ge=1, le=36_500)]

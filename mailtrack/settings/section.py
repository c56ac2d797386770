"""What every group of settings is: no unknown names, secrets from files, a server to log in to."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mailtrack.environment import PREFIX
from mailtrack.errors import ConfigurationError
from mailtrack.settings.types import Host, Port, ReadableFile

#: Settings that may be more than one line of text.
_HAS_LINES = frozenset({"dkim_key", "postal_address"})

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Security(StrEnum):
    """How a connection is protected; `plain` is for loopback only."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


class Section(BaseModel):
    """A group of settings; a misspelt name is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: Any) -> Any:
        """Replace `password_file` by the content of that file as `password`, and so on."""
        if not isinstance(values, dict):  # pydantic says what it is instead
            return values
        return dict(from_file(name, value, cls.model_fields) for name, value in values.items())

    @field_validator("*")
    @classmethod
    def _is_one_line(cls, value: Any, info: ValidationInfo) -> Any:
        """A line break would end a header or a command; a key (PEM) has lines."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        has_lines = info.field_name in _HAS_LINES
        if isinstance(text, str) and not has_lines and not text.isprintable():
            raise ValueError("is more than one line of text")
        return value


def from_file(name: str, value: Any, fields: Mapping[str, Any]) -> tuple[str, Any]:
    """Return a setting, read from the file that `<name>_file` names unless that is a field itself.

    Raises as `read_secret`.
    """
    plain = name.removesuffix("_file")
    if name in fields or plain not in fields:
        return name, value
    return plain, read_secret(name, Path(value))


def read_secret(name: str, path: Path) -> str:
    """Return what a file holds, without blanks around it; raises ValueError, which names both."""
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

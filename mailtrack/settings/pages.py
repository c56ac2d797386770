"""Where pages are served, by whom, and what signs the links to them."""

import json
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from mailtrack.environment import PREFIX
from mailtrack.settings.section import Section
from mailtrack.settings.types import (
    Host,
    Networks,
    PasswordHash,
    Port,
    PortOrNone,
    Url,
)


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


class PublisherSettings(Section):
    """Who runs this service, for the legal notice (LCEN, article 6)."""

    name: str = ""
    postal_address: str = ""
    contact: str = ""
    #: Who hosts the servers, with address and telephone.
    host: str = ""

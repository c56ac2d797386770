"""Where mails come from and leave through."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from mailtrack.settings.section import LOOPBACK, Section, Security, Server, from_file
from mailtrack.settings.types import (
    Address,
    Addresses,
    Count,
    CountOrNone,
    Folder,
    Host,
    Port,
    Seconds,
    Word,
    as_sent,
    words,
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
        values = dict(from_file(name, value, cls.model_fields) for name, value in values.items())
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

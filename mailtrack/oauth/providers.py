"""Where people sign in, and where tokens come from: a row for each provider.

Sources: https://developers.google.com/identity/protocols/oauth2/native-app and
https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mailtrack.oauth.names import ProviderName
from mailtrack.settings import OAuthSettings


@dataclass(frozen=True, slots=True)
class Provider:
    """Addresses and habits of one provider; `{tenant}` in them is Microsoft's."""

    name: ProviderName
    authorize_url: str
    token_url: str
    device_url: str
    #: IMAP and SMTP with one sign-in, and a refresh token.
    scope: str
    #: The name of this machine in the address that the browser comes back to: Microsoft lets
    #: any port be asked for where it is called `localhost` only.
    loopback: str
    #: What it wants beside the standard's own parameters, or else gives no refresh token.
    extras: Mapping[str, str] = field(default_factory=dict)


_PROVIDERS = (
    Provider(
        ProviderName.GOOGLE,
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        device_url="https://oauth2.googleapis.com/device/code",
        scope="https://mail.google.com/",
        loopback="127.0.0.1",
        extras={"access_type": "offline", "prompt": "consent"},
    ),
    Provider(
        ProviderName.MICROSOFT,
        authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106
        device_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
        scope=(
            "https://outlook.office.com/IMAP.AccessAsUser.All "
            "https://outlook.office.com/SMTP.Send offline_access"
        ),
        loopback="localhost",
    ),
)


def provider_of(name: str, settings: OAuthSettings) -> Provider:
    """Return a provider, with what the settings say of it."""
    (found,) = (provider for provider in _PROVIDERS if provider.name == name)
    return replace(
        found,
        authorize_url=settings.authorize_url or _filled(found.authorize_url, settings),
        token_url=settings.token_url or _filled(found.token_url, settings),
        device_url=settings.device_url or _filled(found.device_url, settings),
        scope=settings.scope or found.scope,
    )


def _filled(address: str, settings: OAuthSettings) -> str:
    return address.replace("{tenant}", settings.tenant)

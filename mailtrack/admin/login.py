"""Signing in to a mailbox that takes no passwords: `mailtrack login`."""

from collections.abc import Callable

from mailtrack.errors import AuthError
from mailtrack.oauth.browser_sign_in import sign_in_elsewhere, sign_in_here
from mailtrack.oauth.device_sign_in import sign_in_by_code
from mailtrack.oauth.endpoint import Grant, TokenEndpoint
from mailtrack.oauth.names import ProviderName
from mailtrack.runtime.services import Services
from mailtrack.store.migrate import require_current

#: Lets a person sign in at a provider, the user of the mailbox if they like.
SignIn = Callable[[TokenEndpoint, str], Grant]


def by_browser_here(port: int, say: Callable[[str], None]) -> SignIn:
    """Return the way for a browser on this machine, which comes back to a port of ours."""
    return lambda endpoint, user: sign_in_here(endpoint, user, port, say)


def by_browser_elsewhere(read: Callable[[], str], say: Callable[[str], None]) -> SignIn:
    """Return the way for a browser anywhere, whose last address a person copies to `read`."""
    return lambda endpoint, user: sign_in_elsewhere(endpoint, user, read, say)


def by_code(say: Callable[[str], None]) -> SignIn:
    """Return the way for a code that a person types on any device."""
    return lambda endpoint, _: sign_in_by_code(endpoint, say)


def log_in(services: Services, name: ProviderName, way: SignIn) -> None:
    """Let a person sign in, and keep what that brings for all processes.

    Whatever would keep it from being kept is said before the person goes to the provider.
    Raises AuthError where they or the provider refuse.
    """
    require_current(services.store)
    settings = services.settings
    grant = way(services.token_endpoint(name), settings.inbox.user or settings.smtp.user)
    if not grant.refresh_token:
        raise AuthError(
            f"{name} gave no refresh token, without which the sign-in would end in an hour: "
            "check MAILTRACK_OAUTH__SCOPE."
        )
    services.tokens.keep(name, grant)

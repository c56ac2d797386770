"""Access tokens for mailboxes that take no passwords (XOAUTH2): Microsoft 365, Google.

A token is fetched at every connect: one that ends during IDLE makes the server hang up,
and the next connect brings a new one.
"""

from collections.abc import Callable, Mapping
from contextlib import closing

from mailtrack.carriers.transport import Answer, Transport
from mailtrack.clock import SystemClock
from mailtrack.errors import AuthError, ConfigurationError, TransientError
from mailtrack.settings import OAuthSettings

Post = Callable[[str, Mapping[str, str]], Answer]

#: What lies behind "authenticated but not connected" and its like (mjs/imapclient#525 and
#: many others): no server says which of them it is.
CAUSES = (
    "check that the scope is the one for IMAP, that the user is the mailbox itself (a shared "
    "one by its own address), that IMAP is switched on for it, and that not too many "
    "programs are connected"
)


def access_token(settings: OAuthSettings, post: Post | None = None) -> str:
    """Return a fresh access token.

    Raises ConfigurationError where a setting is missing, AuthError where the refresh token
    is refused, TransientError where the server is away.
    """
    if not (settings.token_url and settings.client_id):
        raise ConfigurationError(
            "MAILTRACK_INBOX__OAUTH__TOKEN_URL and __CLIENT_ID are needed beside the refresh token."
        )
    form = {
        "grant_type": "refresh_token",
        "refresh_token": settings.refresh_token.get_secret_value(),
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.get_secret_value(),
        "scope": settings.scope,
    }
    given = {name: value for name, value in form.items() if value}
    if post is not None:
        answer = post(settings.token_url, given)
    else:
        with closing(Transport(SystemClock())) as transport:
            answer = transport.post(settings.token_url, data=given)
    if answer.status in (400, 401, 403):
        raise AuthError(
            f"{answer.host} refuses the refresh token ({answer.status}): sign in anew and set "
            "MAILTRACK_INBOX__OAUTH__REFRESH_TOKEN."
        )
    token = answer.object().get("access_token") if answer.status == 200 else None
    if not isinstance(token, str) or not token:
        raise TransientError(f"{answer.host} gave no access token ({answer.status}).")
    return token

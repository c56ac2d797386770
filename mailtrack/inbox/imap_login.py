"""Logging in to an IMAP server, by a password or by an access token."""

from imapclient import IMAPClient

from mailtrack.domain.sasl import AccessToken, BearerMechanism
from mailtrack.errors import AuthError, ConfigurationError
from mailtrack.inbox.imap_errors import ServerErrors
from mailtrack.settings import InboxSettings

_IF_REFUSED = (
    "check MAILTRACK_INBOX__USER and MAILTRACK_INBOX__PASSWORD"
    " (Gmail, iCloud and Yahoo want an app password)"
)
_SIGN_IN = "unset MAILTRACK_INBOX__PASSWORD and sign in by `mailtrack login`"
#: What lies behind "authenticated but not connected" and its like (mjs/imapclient#525 and
#: many others): no server says which of them it is.
_IF_SIGNED_IN = (
    "check that who signed in by `mailtrack login` is MAILTRACK_INBOX__USER (a shared mailbox by "
    "its own address), that IMAP is switched on for it, and that not too many programs are "
    "connected"
)


def log_in_by_password(client: IMAPClient, settings: InboxSettings, errors: ServerErrors) -> None:
    """Log in by the password of the settings, unless the server takes none (RFC 9051, 6.2.3).

    Raises ConfigurationError before anything is sent, AuthError where it is refused.
    """
    if not settings.has_password:
        raise ConfigurationError(
            "MAILTRACK_INBOX__PASSWORD is not set, and neither is MAILTRACK_OAUTH__CLIENT_ID, by "
            "which one signs in without."
        )
    with errors.during("asking what it offers"):
        offered = _mechanisms(client)
        is_disabled = client.has_capability("LOGINDISABLED")
    by_token = BearerMechanism.among(offered) is not None
    if is_disabled:  # by the server itself: a password is not for it, or not on this line
        what_to_do = _SIGN_IN if by_token else "check MAILTRACK_INBOX__SECURITY"
        raise ConfigurationError(
            f"{errors.where}: takes no password (LOGINDISABLED; it offers "
            f"{', '.join(offered) or 'nothing'}), so none was sent; {what_to_do}."
        )
    password = settings.password.get_secret_value()
    # LOGIN is ASCII in imaplib; AUTHENTICATE PLAIN is UTF-8 (RFC 4616).
    is_ascii = f"{settings.user}{password}".isascii()
    login = client.login if is_ascii else client.plain_login
    advice = _IF_REFUSED + (f", or {_SIGN_IN}" if by_token else "")
    with errors.during("login", refusal=AuthError, advice=advice):
        login(settings.user, password)


def log_in_by_token(
    client: IMAPClient, settings: InboxSettings, errors: ServerErrors, access_token: AccessToken
) -> None:
    """Log in by an access token, and once more by a newer one where the server refuses it.

    It may have ended before its time, or a clock was set. Raises ConfigurationError where the
    server takes no tokens, AuthError where it refuses both, and what `access_token` does.
    """
    with errors.during("asking what it offers"):
        offered = _mechanisms(client)
    mechanism = BearerMechanism.among(offered)
    if mechanism is None:
        raise ConfigurationError(
            f"{errors.where}: takes no access tokens (it offers {', '.join(offered) or 'nothing'}, "
            "not XOAUTH2 or OAUTHBEARER): set MAILTRACK_INBOX__PASSWORD."
        )
    token = access_token("")
    try:
        _show(client, settings, errors, mechanism, token)
    except AuthError:
        _show(client, settings, errors, mechanism, access_token(token))


def _show(
    client: IMAPClient,
    settings: InboxSettings,
    errors: ServerErrors,
    mechanism: BearerMechanism,
    token: str,
) -> None:
    first = mechanism.first_response(settings.user, token, settings.host, settings.port)

    def respond(challenge: bytes) -> str:
        return mechanism.farewell if challenge else first

    with errors.keeping(token).during("login", refusal=AuthError, advice=_IF_SIGNED_IN):
        client.sasl_login(mechanism.name, respond)


def _mechanisms(client: IMAPClient) -> list[str]:
    """Return the ways to log in that a server offers (RFC 9051, 6.2.2)."""
    offered = (capability.decode("ascii", "replace") for capability in client.capabilities())
    return [name.removeprefix("AUTH=") for name in offered if name.startswith("AUTH=")]

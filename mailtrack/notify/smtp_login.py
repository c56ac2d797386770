"""Logging in to a relay, by a password or by an access token (RFC 4954)."""

import smtplib
from base64 import b64encode

from mailtrack.domain.sasl import AccessToken, BearerMechanism

_BY_PASSWORD = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})
_LOGGED_IN, _GO_ON = 235, 334


def log_in_by_password(connection: smtplib.SMTP, user: str, password: str) -> None:
    """Log in by a password, in a way that the relay offers; raises OSError.

    smtplib knows ASCII only, AUTH PLAIN is UTF-8 (RFC 4616).
    """
    offered = _offered(connection)
    if not _BY_PASSWORD.intersection(offered):
        raise smtplib.SMTPNotSupportedError(f"it takes no password ({_said(connection)})")
    if f"{user}{password}".isascii():
        connection.login(user, password)
        return
    credentials = _in_base64(f"\0{user}\0{password}")
    code, answer = connection.docmd("AUTH", f"PLAIN {credentials}")
    if code != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, answer)


def log_in_by_token(
    connection: smtplib.SMTP, user: str, server: tuple[str, int], access_token: AccessToken
) -> None:
    """Log in by an access token, and once more by a newer one where the relay refuses it.

    It may have ended before its time, or a clock was set. Raises OSError, and what
    `access_token` does.
    """
    mechanism = BearerMechanism.among(_offered(connection))
    if mechanism is None:
        raise smtplib.SMTPNotSupportedError(f"it takes no access tokens ({_said(connection)})")
    token = access_token("")
    code, _ = _show(connection, mechanism, mechanism.first_response(user, token, *server))
    if code == _LOGGED_IN:
        return
    newer = access_token(token)
    code, answer = _show(connection, mechanism, mechanism.first_response(user, newer, *server))
    if code != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, answer.replace(newer.encode(), b"..."))


def _show(connection: smtplib.SMTP, mechanism: BearerMechanism, first: str) -> tuple[int, bytes]:
    """Show a token; return the relay's answer, after its reasons if it gave any."""
    code, answer = connection.docmd("AUTH", f"{mechanism.name} {_in_base64(first)}")
    if code == _GO_ON:
        code, answer = connection.docmd(_in_base64(mechanism.farewell))
    return code, answer


def _offered(connection: smtplib.SMTP) -> list[str]:
    return connection.esmtp_features.get("auth", "").upper().split()


def _said(connection: smtplib.SMTP) -> str:
    """Say how a relay lets clients log in."""
    offered = _offered(connection)
    if offered:
        return f"it offers {', '.join(offered)}"
    return "it offers no login" + ("; STARTTLS first" if connection.has_extn("starttls") else "")


def _in_base64(text: str) -> str:
    return b64encode(text.encode()).decode()

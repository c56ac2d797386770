"""Signing our mails ourselves (DKIM, RFC 6376), where the relay does not do it.

A one-click unsubscription counts only under a signature that covers both of its headers
(RFC 8058, 4), and Google reads a Feedback-ID only from a signed header.
"""

import dkim

from mailtrack.errors import ConfigurationError

#: Signed once.
_SIGNED = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
)

#: Signed once more than the mail has them, so that nobody adds another (RFC 6376, 8.15).
_SEALED = ("From", "To", "Subject", "Date", "Reply-To")

#: Both relaxed: relays fold headers anew and trim lines.
_CANONICALIZATION = (b"relaxed", b"relaxed")


def sign(wire: bytes, domain: str, selector: str, private_key_pem: str) -> bytes:
    """Return a mail as it goes over the wire, signed with an RSA key in PEM.

    Raises ConfigurationError where the key is none, or the domain or selector is empty.
    """
    if not (domain and selector):
        raise ConfigurationError("DKIM needs a domain and a selector; set both or neither.")
    try:
        signature: bytes = dkim.sign(
            wire,
            selector.encode("ascii"),
            domain.encode("idna"),
            private_key_pem.replace("\r\n", "\n").encode("ascii"),
            canonicalize=_CANONICALIZATION,
            include_headers=[name.encode("ascii") for name in (*_SIGNED, *_SEALED)],
        )
    except (dkim.DKIMException, ValueError) as error:
        raise ConfigurationError(
            "The DKIM key is no RSA private key in PEM; make one with `openssl genrsa 2048`."
        ) from error
    return signature + wire

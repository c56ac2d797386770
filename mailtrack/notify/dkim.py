"""Signing our mails ourselves (DKIM, RFC 6376 and 8463), where the relay does not do it.

A one-click unsubscription counts only under a signature that covers both of its headers
(RFC 8058, 4), and Google reads a Feedback-ID only from a signed header.
"""

import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Callable

import dkim
import dns.exception
import dns.resolver

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


#: dkimpy would log what we say ourselves.
_SILENT = logging.getLogger(__name__)
_SILENT.disabled = True

_SELECTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_PEM = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
#: What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7).
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")


def sign(wire: bytes, domain: str, selector: str, private_key_pem: str) -> bytes:
    """Return a mail as it goes over the wire, signed with an RSA or Ed25519 key in PEM.

    1. Under whose name: a domain and a selector.
    2. With which algorithm: dkimpy takes RSA keys in PEM, and those of Ed25519 bare.
    3. Sign what a mail has once, and seal what nobody may add.

    Raises ConfigurationError where the key is none, or the domain or selector is empty.
    """
    # 1.
    if not (domain and _SELECTOR.fullmatch(selector)):
        raise ConfigurationError(
            "DKIM needs a domain and a selector, a name in the DNS such as s1: set "
            "MAILTRACK_SMTP__DKIM_SELECTOR and MAILTRACK_SMTP__DKIM_KEY, or neither."
        )
    try:
        # 2.
        text = private_key_pem.replace("\r\n", "\n")
        found = _PEM.search(text)
        der = b64decode("".join(found[2].split())) if found else b""
        if der.startswith(_ED25519):
            algorithm, key = b"ed25519-sha256", b64encode(der[len(_ED25519) :])
        else:
            algorithm, key = b"rsa-sha256", text.encode("ascii")
        # 3.
        signature: bytes = dkim.sign(
            wire,
            selector.encode("ascii"),
            domain.encode("idna"),
            key,
            signature_algorithm=algorithm,
            canonicalize=_CANONICALIZATION,
            include_headers=[name.encode("ascii") for name in (*_SIGNED, *_SEALED)],
        )
    except (dkim.DKIMException, ValueError) as error:
        raise ConfigurationError(
            "MAILTRACK_SMTP__DKIM_KEY is no RSA or Ed25519 private key in PEM; make one with "
            "`openssl genrsa 2048`."
        ) from error
    return signature + wire


def ask_dns(name: bytes, timeout: int = 5) -> bytes | None:
    """Return a TXT record, None where there is none; raises dkim.DnsTimeoutError."""
    try:
        answer = dns.resolver.resolve(name.decode(), "TXT", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except dns.exception.DNSException as error:
        raise dkim.DnsTimeoutError(str(error)) from error
    return b"".join(next(iter(answer)).strings)


def check(
    wire: bytes, domain: str, selector: str, ask: Callable[..., bytes | None] = ask_dns
) -> str:
    """Look whether receivers will find our signature under a mail valid; say so.

    Raises ConfigurationError where the DNS has no key, or another; a DNS that does not answer
    is said.
    """
    name = f"{selector}._domainkey.{domain}"
    try:
        record = ask(name.encode("idna") + b".")
        valid = dkim.DKIM(wire, logger=_SILENT).verify(dnsfunc=lambda *_, **__: record)
    except dkim.DnsTimeoutError:
        return f"signed by {name}, which the DNS could not be asked about"
    except (dkim.DKIMException, ValueError):  # a key of another kind
        valid = False
    if not valid:
        raise ConfigurationError(
            f"The DNS has no key at {name} that fits MAILTRACK_SMTP__DKIM_KEY: receivers would "
            "take our signature for a forgery."
        )
    return f"signed by {name}"

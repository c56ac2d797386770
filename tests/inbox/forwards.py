"""Mails of carriers and shops, as people forward them by hand."""

from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO

ANA, BRUNO, MALLORY = "ana@example.org", "bruno@example.org", "mallory@example.net"


def _sent(address: str, subject: str, lines: tuple[str, ...]) -> bytes:
    domain = address.partition("@")[2]
    return "\r\n".join(
        [
            f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}",
            f"Received: from mail.{domain} (mail.{domain} [192.0.2.1]) by {AUTHSERV_ID}; x",
            f"From: <{address}>",
            f"To: {FORWARD_TO}",
            f"Subject: {subject}",
            "Content-Type: text/plain; charset=utf-8",
            "",
            *lines,
        ]
    ).encode()


def typed(address: str, *lines: str) -> bytes:
    """Return a mail in somebody's own words, whose server vouches for them."""
    return _sent(address, "Mon colis", lines)


def forwarded(address: str, sender: str, subject: str, *lines: str) -> bytes:
    """Return a mail of a carrier or shop that somebody forwards by hand."""
    head = (
        "---------- Forwarded message ---------",
        f"De : Expéditeur <{sender}>",
        "Date: lun. 2 mars 2026 à 09:30",
        f"Subject: {subject}",
        f"To: <{address}>",
        "",
    )
    return _sent(address, f"Fwd: {subject}", (*head, *lines))

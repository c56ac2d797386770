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


def forwarded(address: str, sender: str, subject: str, *lines: str, note: str = "") -> bytes:
    """Return a mail of a carrier or shop that somebody forwards by hand, with a note above it."""
    head = (
        note,
        "---------- Forwarded message ---------",
        f"De : Expéditeur <{sender}>",
        "Date: lun. 2 mars 2026 à 09:30",
        f"Subject: {subject}",
        f"To: <{address}>",
        "",
    )
    return _sent(address, f"Fwd: {subject}", (*head, *lines))


def by_shop(address: str, number: str, local: str = "", note: str = "") -> bytes:
    """Return AliExpress's mail about a parcel, which may name its local number, too."""
    page = f"https://www.aliexpress.com/p/tracking/index.html?trackingNumber={number}"
    lines = [f"Tracking number: {local}"] if local else []
    sender, subject = "transaction@notice.aliexpress.com", f"Package {number} has an update"
    return forwarded(
        address, sender, subject, f"Your package {number} has an update.", *lines, page, note=note
    )


def by_colissimo(address: str, number: str) -> bytes:
    """Return Colissimo's mail about a parcel that waits to be fetched."""
    sender = "noreply@notif-colissimo-laposte.info"
    return forwarded(address, sender, "Votre colis vous attend !", f"N° du colis {number}")

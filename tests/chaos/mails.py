"""The mails that are fed in, byte for byte."""

from base64 import encodebytes
from datetime import datetime
from email.utils import format_datetime

from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    apple,
    forwarded,
    gmail,
    orange,
    outlook,
    parcel_update,
    thunderbird,
)
from tests.chaos.plan import Journey, Letter

_FORMS = (gmail, outlook, apple, thunderbird, orange)
_DEPTH = 1_500


def forward(journey: Journey, person: DemoPerson, at: datetime, serial: int) -> bytes:
    """Return a forward of the shop's mail about a parcel, as some mail program writes it."""
    mail = parcel_update(journey.number, journey.order, f"Article {journey.order[-4:]}")
    form = _FORMS[journey.form % len(_FORMS)]
    return forwarded(form, mail, person, at, "Pouvez-vous suivre ce colis ?", serial)


def stop(person: DemoPerson, at: datetime, serial: int) -> bytes:
    """Return a mail that says STOP."""
    return _mail(person, at, serial, "Subject: STOP", "STOP")


def letter(kind: Letter, person: DemoPerson, at: datetime, serial: int) -> bytes:
    """Return a mail that names no parcel."""
    head, body = _LETTERS[kind]
    return _mail(person, at, serial, head, body)


def _mail(person: DemoPerson, at: datetime, serial: int, head: str, body: str) -> bytes:
    domain = person.address.rpartition("@")[2]
    lines = [
        f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}",
        f"From: {person.name} <{person.address}>",
        f"To: {FORWARD_TO}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{serial}.chaos@{domain}>",
        head,
        "",
        body,
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _too_deep() -> tuple[str, str]:
    """Wrap what no reader takes, in base64: the sandbox's own server would choke on it, too."""
    levels = (f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(_DEPTH))
    inner = encodebytes("".join(levels).encode("ascii")).decode("ascii").replace("\n", "\r\n")
    part = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{inner}"
    head = "Subject: Poupees russes\r\nContent-Type: multipart/mixed; boundary=out"
    return head, f"--out\r\n{part}\r\n--out--"


#: The headers and the body of each letter.
_LETTERS: dict[Letter, tuple[str, str]] = {
    Letter.HELP: ("Subject: AIDE", "AIDE"),
    Letter.NOISE: ("Subject: Voisins", "Le repas de quartier aura lieu samedi."),
    Letter.NEWSLETTER: (
        "Subject: Nos offres\r\nList-Unsubscribe: <https://quartier.example.org/non>",
        "Moins vingt pour cent sur tout le magasin.",
    ),
    Letter.AUTOMATIC: (
        "Subject: Absence\r\nAuto-Submitted: auto-replied",
        "Je suis absent jusqu'au 15.",
    ),
    Letter.TWO_SUBJECTS: ("Subject: Un\r\nSubject: Deux", "Bonjour"),
    Letter.NUL: ("Subject: =?utf-8?q?Bon=00jour?=", "Bonjour"),
    Letter.BAD_CHARSET: ("Subject: Voisins\r\nContent-Type: text/plain; charset=aucun", "Bonjour"),
    Letter.CUT_OFF: (
        "Subject: Voisins\r\nContent-Type: multipart/alternative; boundary=b",
        "--b\r\nContent-Type: text/html\r\n\r\n<p>Le repas de quartier aura lieu sam",
    ),
    Letter.TOO_DEEP: _too_deep(),
}

"""From texts to a mail: headers, identity and conversation (RFC 5322, 8058, 3834).

The Message-ID follows from the notice alone, by a keyed hash. SMTP may deliver twice when we
crash between its "250" and our commit, and a restored store sends again what it has forgotten:
mail programs then show one mail, not two. Nobody else can name a mail of ours to us.
Signing (DKIM) is the relay's work or that of `notify.dkim`: RFC 8058 wants it.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from binascii import b2a_qp
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache

from mailtrack.errors import ConfigurationError, PermanentError
from mailtrack.notify.render import RenderedMail
from mailtrack.notify.view import NoticeView

#: Names the notice in a header of our own, so that a bounce that quotes it can be matched.
NOTICE_HEADER = "X-Mailtrack-Notice"

#: Where a header goes on in the next line.
_FOLD = "\r\n "

#: Printable ASCII on both sides; a header line may have 998 characters (RFC 5322, 2.1.1).
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,400}@[!-;=?A-~]{1,400}>")


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail as it goes over the wire (RFC 5322), from one mailbox to another."""

    sender: str
    recipient: str
    message_id: str
    wire: bytes


@dataclass(frozen=True, slots=True)
class SmtpIdentity:
    """Who our mails are from."""

    from_address: str
    from_name: str

    @property
    def domain(self) -> str:
        """Return the domain that our Message-IDs live in."""
        return self.from_address.rpartition("@")[2]


class MailNames:
    """Names mails: each time the same name, that nobody can guess without the secret."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"mailtrack.mail", hashlib.sha256)

    def name(self, thread: str, kind: str, occurrence: str) -> str:
        """Return the name of a mail; up to its "-", that of its conversation (80 bits each)."""
        return f"{self._hash(thread)}-{self._hash(thread, kind, occurrence)}"

    def _hash(self, *parts: str) -> str:
        digest = hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)
        return b32encode(digest[:10]).decode("ascii").lower()


def compose(
    view: NoticeView, rendered: RenderedMail, sender: SmtpIdentity, now: datetime
) -> OutgoingMail:
    """Return the mail, ready to be sent; raises PermanentError for an impossible recipient.

    1. From whom to whom; the subject is folded, in encoded words where it has accents (RFC 2047).
    2. The conversation: below the forwarded mail where that has a name, below the parcel's else.
    3. The ways out, what keeps machines from answering (RFC 8058, 3834), the notice's own name.
    4. Both texts, as they go over the wire.

    It is put together here, since the standard library takes three times as long.
    """
    domain = sender.domain
    to = _address(view.to)
    subject = Header(" ".join(rendered.subject.splitlines()), header_name="Subject")
    own_id = message_id(view.key, domain)
    root = f"<thread-{view.thread}@{domain}>"
    forwarded = view.message_id if _MESSAGE_ID.fullmatch(view.message_id) else ""
    headers = {
        # 1.
        "From": _from(sender),
        "To": str(to),
        "Subject": subject.encode(linesep="\r\n"),
        # 2.
        "Message-ID": own_id,
        "Date": format_datetime(now),
        "In-Reply-To": forwarded or root,
        "References": f"{root}{_FOLD}{forwarded}" if forwarded else root,
        # 3.
        "List-Unsubscribe": f"<{view.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Feedback-ID": f"{view.kind}:mailtrack",
        "Content-Language": "fr",
        NOTICE_HEADER: view.key,
        "MIME-Version": "1.0",
    }
    # 4.
    wire = _multipart(headers, {"plain": rendered.text, "html": rendered.html}, f"=_{view.key}")
    return OutgoingMail(sender.from_address, to.addr_spec, own_id, wire)


def _multipart(headers: Mapping[str, str], parts: Mapping[str, str], boundary: str) -> bytes:
    """Write a mail whose parts say the same (RFC 2046, 5.1.4).

    No boundary is looked for in the parts: "=_" never occurs in quoted-printable. A header
    that would bring another with it is a mistake of ours: ValueError.
    """
    for name, value in headers.items():
        if not value.replace(_FOLD, "").isprintable():
            raise ValueError(f"{name} is one printable line")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    for subtype, text in parts.items():
        lines += ["", f"--{boundary}"]
        lines.append(f'Content-Type: text/{subtype}; charset="utf-8"')
        lines += ["Content-Transfer-Encoding: quoted-printable", ""]
        lines.append(b2a_qp(text.encode()).decode("ascii").rstrip().replace("\n", "\r\n"))
    return "\r\n".join([*lines, f"--{boundary}--", ""]).encode("ascii")


@cache
def _from(sender: SmtpIdentity) -> str:
    """Return the header, the same in every mail; raises ConfigurationError.

    An address of our own that is none is the operator's mistake, and no fault of any reader.
    """
    try:
        mailbox = _address(sender.from_address, sender.from_name)
    except PermanentError as error:
        raise ConfigurationError(
            "MAILTRACK_SMTP__FROM_ADDRESS is no e-mail address such as colis@example.com."
        ) from error
    parsed = SMTP.header_factory("From", str(mailbox))
    folded: str = parsed.fold(policy=SMTP)
    return folded.partition(": ")[2].rstrip()


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of a notice, the same each time."""
    return f"<{key}@{domain}>"


def _address(mailbox: str, name: str = "") -> Address:
    """Return one address; a list of them or a line break in one is refused."""
    local, _, domain = mailbox.rpartition("@")
    try:
        return Address(name, addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except (ValueError, IndexError, MessageError) as error:
        raise PermanentError("This is no e-mail address that a mail can be sent to.") from error

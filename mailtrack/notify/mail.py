"""From texts to a mail: headers, identity and conversation (RFC 5322, 8058, 3834).

The Message-ID follows from the notice alone. SMTP may deliver twice when we crash
between its "250" and our commit; mail programs then show one mail, not two.
Signing (DKIM) is the relay's work or that of `notify.dkim`: RFC 8058 wants it.
"""

import re
from binascii import b2a_qp
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from typing import Any

from mailtrack.errors import PermanentError
from mailtrack.notify.render import RenderedMail
from mailtrack.notify.view import NoticeView

#: Names the notice in a header of our own, so that a bounce that quotes it can be matched.
NOTICE_HEADER = "X-Mailtrack-Notice"

#: Printable ASCII on both sides; a header line may have 998 characters (RFC 5322, 2.1.1).
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,400}@[!-;=?A-~]{1,400}>")

#: Headers that we write ourselves, in ASCII and in their final form.
_PLAIN = frozenset(
    {
        "auto-submitted",
        "content-language",
        "content-transfer-encoding",
        "content-type",
        "date",
        "feedback-id",
        "in-reply-to",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "message-id",
        "mime-version",
        "references",
        "x-auto-response-suppress",
        NOTICE_HEADER.lower(),
    }
)


class _Policy(EmailPolicy):
    """SMTP's policy, but takes plain headers as they are.

    The standard one breaks what is longer than a line into encoded words, which no mail
    program decodes in an identifier (https://github.com/python/cpython/issues/85725). And
    it parses each header three times over, which took longer than all else about a mail.
    """

    def header_max_count(self, name: str) -> None:
        """Trust `compose`, which sets each header once: asking makes a class for each."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if name.lower() in _PLAIN and not value.isprintable():
            raise ValueError(f"{name} is one printable line")
        return (name, value) if name.lower() in _PLAIN else super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return value if name.lower() in _PLAIN else super().header_fetch_parse(name, value)

    def fold(self, name: str, value: str) -> str:
        if name.lower() in _PLAIN:
            return f"{name}: {value.replace(' <', self.linesep + ' <')}{self.linesep}"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _PLAIN:
            return self.fold(name, value).encode("ascii", "replace")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class SmtpIdentity:
    """Who our mails are from."""

    from_address: str
    from_name: str

    @property
    def domain(self) -> str:
        """Return the domain that our Message-IDs live in."""
        return self.from_address.rpartition("@")[2]


def compose(
    view: NoticeView, rendered: RenderedMail, sender: SmtpIdentity, now: datetime
) -> EmailMessage:
    """Return the mail, ready to be sent; raises PermanentError for an impossible address."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _from(sender)
    message["To"] = _address(view.to)
    message["Subject"] = " ".join(rendered.subject.splitlines())
    for name, value in _headers(view, sender.domain, now).items():
        message[name] = value
    # "=_" never occurs in quoted-printable
    message["Content-Type"] = f'multipart/alternative; boundary="=_{view.key}"'
    message.set_payload([_part("plain", rendered.text), _part("html", rendered.html)])
    return message


def _part(subtype: str, text: str) -> MIMEPart:
    """Return one of the two parts; the standard library's own encoder is far slower."""
    part = MIMEPart(policy=_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(b2a_qp(text.encode()).decode("ascii"))
    return part


@cache
def _from(sender: SmtpIdentity) -> Any:
    """Return the parsed header, the same in every mail."""
    return _POLICY.header_factory("From", str(_address(sender.from_address, sender.from_name)))


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of a notice, the same each time."""
    return f"<{key}@{domain}>"


def _headers(view: NoticeView, domain: str, now: datetime) -> dict[str, str]:
    root = f"<thread-{view.thread}@{domain}>"
    forwarded = view.message_id if _MESSAGE_ID.fullmatch(view.message_id) else ""
    return {
        "Date": format_datetime(now),
        "Message-ID": message_id(view.key, domain),
        "In-Reply-To": forwarded or root,
        "References": f"{root} {forwarded}".rstrip(),
        "List-Unsubscribe": f"<{view.links.stop_parcel or view.links.stop_all}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Feedback-ID": f"{view.kind}:mailtrack",
        "Content-Language": "fr",
        NOTICE_HEADER: view.key,
        "MIME-Version": "1.0",
    }


def _address(mailbox: str, name: str = "") -> Address:
    """Return one address; a list of them or a line break in one is refused."""
    local, _, domain = mailbox.rpartition("@")
    try:
        return Address(name, addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except (ValueError, IndexError, MessageError) as error:
        raise PermanentError("This is no e-mail address that a mail can be sent to.") from error

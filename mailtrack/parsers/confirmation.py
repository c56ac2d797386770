"""Gmail's mail that asks whether an address may be forwarded to.

Whoever can write such a mail in Gmail's name can have any mailbox forwarded: the caller
believes it only where DKIM proves google.com. The link that cancels the request looks the
same but for two letters (`/uf-`), and is never returned.
"""

import re
from urllib.parse import urlsplit

from mailtrack.parsers.content import from_html, from_text
from mailtrack.parsers.message import Message
from mailtrack.parsers.people import ADDRESS
from mailtrack.parsers.reading import Confirmation

KIND = "gmail"
SENDER = "forwarding-noreply@google.com"
#: The only hosts that a link is believed of.
HOSTS = frozenset({"mail-settings.google.com", "mail.google.com"})
_ACCEPT = "/mail/vf-"
_MAX_TEXT = 20_000

_CODE_IN_SUBJECT = re.compile(r"^\s*\(?#(\d{6,12})\)")
# "Confirmation code: 871234567", in every language: a label, a colon, a number on its own.
_CODE_IN_TEXT = re.compile(r"^[^\W\d][^:\n]{2,60}[:\uff1a]\s{0,3}(\d{6,12})\s*$", re.MULTILINE)


def is_confirmation(message: Message) -> bool:
    """Return True if a mail pretends to be Gmail's request."""
    return message.sender.address.lower() == SENDER


def read_confirmation(message: Message) -> Confirmation | None:
    """Read who asks, and with which link to agree; None where either is missing."""
    text = message.text[:_MAX_TEXT]
    contents = (from_text(text), from_html(message.html[:_MAX_TEXT]))
    urls = (link.url for content in contents for link in content.links)
    agrees = next((url for url in urls if _accepts(url)), "")
    # "(#871…) … from jane.doe@gmail.com": the only address of the subject, in all languages.
    requester = ADDRESS.search(message.subject) or ADDRESS.search(text)
    if not agrees or not requester:
        return None
    code = _CODE_IN_SUBJECT.search(message.subject) or _CODE_IN_TEXT.search(text)
    return Confirmation(agrees, code[1] if code else "", requester[0].rstrip("."))


def _accepts(url: str) -> bool:
    """Return True if an address is the link that agrees, exactly as Gmail writes it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and parts.netloc.lower() == host  # neither credentials nor a port
        and port is None
        and host in HOSTS
        and parts.path.startswith(_ACCEPT)
        and "\\" not in url
    )

"""Which mail came back, and why: delivery reports (RFC 3464) and their look-alikes.

Reads the standard library's parts, since mail-parser shows nothing of a report.
"""

import re
from dataclasses import dataclass
from email.message import Message as Part
from email.utils import parseaddr

from mailtrack.parsers.people import ADDRESS

#: Local parts that send reports when there is no `multipart/report`.
REPORTERS = frozenset({"mailer-daemon", "postmaster", "mail-daemon"})

_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_REPLY_CODE = re.compile(r"\b([45])\d\d[ -]")
_MESSAGE_ID = re.compile(r"^message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
#: What is read of a server's words (characters).
_LONGEST_SAID = 1_000
#: Of the texts of a report, so much is looked through (characters).
MAX_TEXT = 200_000
# Reports of success and of relaying are no bounces.
_BAD_ACTIONS = frozenset({"failed", "delayed", ""})


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail of ours that did not arrive.

    `status` is the enhanced status code ("5.1.1", RFC 3463), `message_id` that of the
    mail that came back, with its angle brackets; each "" where the report is silent.
    `diagnostic`: what the server said that would not take it, beside the status.
    """

    recipients: tuple[str, ...] = ()
    status: str = ""
    message_id: str = ""
    diagnostic: str = ""


def read_bounce(part: Part) -> Bounce | None:
    """Return what a delivery report says, None where the mail is no bounce.

    1. Without a report, a daemon's mail that nobody may answer is read by its words.
    2. Take the blocks of the report that tell of a failure or a delay, and who was meant.
    3. Take the status, or that of the server's own words where a relay writes 5.0.0.
    """
    # 1.
    reports = [p for p in part.walk() if p.get_content_type() == "message/delivery-status"]
    if not reports:
        address = parseaddr(str(part.get("from", "")))[1]
        is_daemon = address.partition("@")[0].lower() in REPORTERS
        is_bounce = is_daemon and _field(part, "return-path") in ("", "<>")
        return _from_words(part) if is_bounce else None
    # 2.
    payloads = [payload for p in reports if isinstance(payload := p.get_payload(), list)]
    blocks = [block for payload in payloads for block in payload if isinstance(block, Part)]
    failed = [block for block in blocks if _field(block, "action").lower() in _BAD_ACTIONS]
    recipients: dict[str, None] = {}
    for block in failed:
        names = (_field(block, name) for name in ("original-recipient", "final-recipient"))
        meant = next(filter(None, map(ADDRESS.search, names)), None)
        if meant:
            recipients[meant[0].lower()] = None
    if not recipients:
        return None
    # 3.
    status = next((_field(b, "status") for b in failed if _field(b, "status")), "")
    said = next((_field(b, "diagnostic-code") for b in failed if _field(b, "diagnostic-code")), "")
    code, quoted = _STATUS.search(status), _STATUS.search(said[:_LONGEST_SAID])
    if code is None or code[0].endswith(".0.0"):
        code = quoted or code
    return Bounce(
        recipients=tuple(recipients),
        status=code[0] if code else "",
        message_id=_original(part),
        diagnostic=" ".join(said[:_LONGEST_SAID].split()),
    )


def _field(block: Part, name: str) -> str:
    return str(block.get(name, "")).strip()


def _from_words(part: Part) -> Bounce | None:
    text = _text(part)
    named = ADDRESS.findall(str(part.get("x-failed-recipients", "")))
    recipients = named or [a for a in ADDRESS.findall(text) if "daemon" not in a.lower()][:1]
    status = _STATUS.search(text)
    reply = _REPLY_CODE.search(text)
    code = status[0] if status else f"{reply[1]}.0.0" if reply else ""
    if not (recipients or code):
        return None
    line = next((line for line in text.splitlines() if code and code in line), "")
    said = " ".join(line[:_LONGEST_SAID].split())
    return Bounce(tuple(a.lower() for a in recipients), code, _original(part), said)


def _text(part: Part) -> str:
    """Return the beginning of all texts of a report."""
    leaves = (leaf for leaf in part.walk() if leaf.get_content_maintype() == "text")
    payloads = (leaf.get_payload(decode=True) for leaf in leaves)
    texts = (p[:MAX_TEXT].decode("utf-8", "replace") for p in payloads if isinstance(p, bytes))
    return "\n".join(texts)[:MAX_TEXT]


def _original(part: Part) -> str:
    """Return the Message-ID of the mail that came back, from its copy in the report."""
    for leaf in part.walk():
        if leaf is not part and leaf.get("message-id") and leaf.get("from"):
            return _field(leaf, "message-id")
    found = _MESSAGE_ID.search(_text(part))
    return found[1] if found else ""

"""Which mail came back, and why: delivery reports (RFC 3464) and their look-alikes.

Reads the standard library's parts, since mail-parser shows nothing of a report.
"""

import re
from dataclasses import dataclass
from email.message import Message as Part
from email.utils import parseaddr

#: Local parts that send reports when there is no `multipart/report`.
REPORTERS = frozenset({"mailer-daemon", "postmaster", "mail-daemon"})

# Bounded, as everywhere here: strangers write these mails, and some to stall us.
_ADDRESS = re.compile(r"[\w.+=%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
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
    """Return what a delivery report says, None where the mail is no bounce."""
    reports = [p for p in part.walk() if p.get_content_type() == "message/delivery-status"]
    if reports:
        return _from_report(part, reports)
    return _from_words(part) if _comes_from_a_daemon(part) else None


def _from_report(part: Part, reports: list[Part]) -> Bounce | None:
    blocks = [b for report in reports for b in _blocks(report)]
    failed = [b for b in blocks if _field(b, "action").lower() in _BAD_ACTIONS]
    recipients = [_recipient(block) for block in failed]
    if not any(recipients):
        return None
    status = next((_field(b, "status") for b in failed if _field(b, "status")), "")
    said = next((_field(b, "diagnostic-code") for b in failed if _field(b, "diagnostic-code")), "")
    return Bounce(
        recipients=tuple(dict.fromkeys(r for r in recipients if r)),
        status=_telling(status, said),
        message_id=_original(part),
        diagnostic=" ".join(said[:_LONGEST_SAID].split()),
    )


def _telling(status: str, said: str) -> str:
    """Return the status, or that of the server's own words where a relay writes 5.0.0."""
    found, quoted = _STATUS.search(status), _STATUS.search(said[:_LONGEST_SAID])
    if found is None or found[0].endswith(".0.0"):
        found = quoted or found
    return found[0] if found else ""


def _blocks(report: Part) -> list[Part]:
    payload = report.get_payload()
    return [p for p in payload if isinstance(p, Part)] if isinstance(payload, list) else []


def _field(block: Part, name: str) -> str:
    return str(block.get(name, "")).strip()


def _recipient(block: Part) -> str:
    for name in ("original-recipient", "final-recipient"):
        found = _ADDRESS.search(_field(block, name))
        if found:
            return found[0].lower()
    return ""


def _comes_from_a_daemon(part: Part) -> bool:
    address = parseaddr(str(part.get("from", "")))[1]
    if address.partition("@")[0].lower() not in REPORTERS:
        return False
    return _field(part, "return-path") in ("", "<>")


def _from_words(part: Part) -> Bounce | None:
    text = _text(part)
    named = _ADDRESS.findall(str(part.get("x-failed-recipients", "")))
    recipients = named or [a for a in _ADDRESS.findall(text) if "daemon" not in a.lower()][:1]
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

"""Whose refusal it is when a relay refuses: ours, the system's, this mail's or this address's.

The enhanced status code decides first (RFC 3463, RFC 5248, RFC 7372), the basic code second
(RFC 5321, 4.2.3), the stage of the conversation third; words decide where relays use one code
for several things, or give none. In doubt it is the mail that waits: nobody's address is
marked for what may be about us.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

#: What is read of an answer or a report: relays write a few hundred characters.
_LONGEST = 1_000
#: What is shown of it.
_LONGEST_SHOWN = 240


class SmtpStage(StrEnum):
    """What a relay answers to (RFC 5321, 3); `REPORT`: it took the mail, and a report came."""

    CONNECT = "connect"
    TLS = "starttls"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    REPORT = "report"


class Whose(StrEnum):
    """Whom or what a refusal is about."""

    #: We have sent as much as we may for now.
    LIMIT = "limit"
    #: Who we are or what we are known for: relaying, SPF, DMARC, blacklists.
    POLICY = "policy"
    #: Our name and password.
    CREDENTIALS = "credentials"
    #: A setting of ours: the sender's address, TLS, a key.
    CONFIGURATION = "configuration"
    #: The relay itself is out of order.
    SYSTEM = "system"
    #: This one mail: its size, its content, or its reader's mailbox for now.
    MAIL = "mail"
    #: The reader's address: it does not exist (any more).
    ADDRESS = "address"
    #: Nobody can tell from one answer; where every mail meets it, it is about us.
    UNKNOWN = "unknown"


#: What is no fault of any mail or reader.
OURS = frozenset({Whose.LIMIT, Whose.POLICY, Whose.CREDENTIALS, Whose.CONFIGURATION})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose refusal it is; `lasting`: a later try with the same mail meets it again."""

    whose: Whose
    lasting: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """A row of the table, which fits where all that it names holds.

    `status` is subject and detail of the enhanced code, "" where there is none; `code` what
    the basic code begins with. `lasting`: None leaves it to the code.
    """

    whose: Whose
    status: str | None = None
    code: str = ""
    words: str = ""
    stages: frozenset[SmtpStage] = frozenset(SmtpStage)
    lasting: bool | None = None

    def fits(self, stage: SmtpStage, code: str, status: str, words: str) -> bool:
        """Return True if the row speaks of such an answer."""
        return (
            stage in self.stages
            and re.match(self.code, code) is not None
            and (self.status is None or re.fullmatch(self.status, status) is not None)
            and re.search(self.words, words, re.IGNORECASE) is not None
        )


#: Until a relay is told who gets the mail, nothing it says can be about them.
_BEFORE_RCPT = frozenset({SmtpStage.CONNECT, SmtpStage.TLS, SmtpStage.LOGIN, SmtpStage.MAIL})
_LOGIN = frozenset({SmtpStage.LOGIN})
_TLS = frozenset({SmtpStage.TLS})
_DATA = frozenset({SmtpStage.DATA})
_REPORT = frozenset({SmtpStage.REPORT})
_OF_READERS = frozenset({SmtpStage.RCPT, SmtpStage.REPORT})

#: As Gmail, Exchange, SES, IONOS, cPanel, Zoho and policy daemons say it; some in French.
_OUR_LIMIT = (
    r"\b(?:daily|hourly|peak)\b[^.]{0,30}\b(?:sending|relay|messages?|e?mails?)\b[^.]{0,20}"
    r"\b(?:limit|quota)"
    r"|\b(?:send|sending|submission|relay|outgoing|outbound|e?mail) (?:rate |message )?"
    r"(?:limits?|quota)\b"
    r"|SubmissionQuotaExceeded|\bsender (?:thread limit|(?:is )?throttled)|\bthrottl(?:e|ing)\b"
    r"|concurrent connections? limit|tenant has exceeded|exceeded (?:the max|permitted limits)"
    r"|\byou(?: have|.ve) (?:exceeded|reached) your|policy rejection[^.]{0,5}quota"
    r"|unusual (?:rate|sending)|too much mail\b"
    r"|too many (?:login attempts|connections|messages|e?-?mails|recipients from)"
    r"|\bsender\b[^.]{0,20}\bquota|limite d.envoi|quota d.envoi"
    r"|trop de (?:messages|mails|connexions|courriers)"
)
_READERS_RATE = r"receiving mail (?:too quickly|at a rate)|recipient(?:.s)? (?:thread|per hour)"
_TOO_BIG = (
    r"\b(?:message|mail)\b[^.]{0,40}(?:too (?:big|large)|exceed(?:s|ed)?\b[^.]{0,40}\bsize"
    r"|size exceeds|larger than)"
)
_FULL = (
    r"\b(?:over|exceeded|exceeds|out of)\b[^.]{0,20}\b(?:quota|storage)|\bis full\b|mailbox full"
)
_NO_SUCH_USER = (
    r"\b(?:user|recipient|mailbox|address|account|addressee|utilisateur|destinataire|adresse|bo.te)"
    r"\b[^;]{0,60}\b(?:unknown|not (?:known|found)|(?:does|do)(?:n.t| not) exist|inconnue?|invalide"
    r"|inexistante?|n.existe (?:pas|plus)|no longer (?:valid|exists|active)"
    r"|is (?:disabled|inactive|invalid))"
    r"|\b(?:no such|unknown|invalid|bad|nonexistent) (?:local )?(?:user|recipient|mailbox|address"
    r"|account|person|destination)|no mailbox here|not our customer"
)
_SENDER = (
    r"not owned by|send ?as ?denied|permissions? to send as|identities failed|from address"
    r"|\bsender (?:address|denied|verify|is not)|not (?:verified|permitted to send)"
    r"|not allowed to (?:send|relay)|starttls|requires? (?:tls|encryption)"
)
_WHO_WE_ARE = (
    r"\brelay(?:ing)?\b[^.]{0,20}\b(?:denied|not|prohibited|disallowed)"
    r"|(?:unable|cannot|not permitted|denied) to relay|mail relay"
    r"|\b(?:spf|dmarc|dkim|spamhaus|spamcop|rbl|dnsbl|ptr|reputation|unauthenticated)\b"
    r"|bl(?:a|o)ck ?list|\bblocked\b|\bbanned\b|reverse dns|not authori[sz]ed|service refus"
    r"|\b(?:OFR|LPN)_?\d|client host|helo command|access denied|suspended|outgoing|policy violation"
)
_CONTENT = r"\b(?:spam|virus|malware|phish(?:ing)?|unsolicited|content|attachment|ind.sirables?)\b"

#: The first row that fits decides: narrow ones stand above wide ones.
_RULES = (
    # What the RFCs or a provider keep one code for.
    _Rule(Whose.MAIL, words=_READERS_RATE, lasting=False),
    _Rule(Whose.LIMIT, r"1\.90|2\.25[1-5]|7\.(?:23[23]|508|70[58])"),  # Exchange Online
    _Rule(Whose.POLICY, r"1\.8", words=r"outbound|outgoing|blocked"),  # Exchange Online, Zoho
    _Rule(Whose.CONFIGURATION, r"1\.[78]|7\.(?:27|60)"),
    _Rule(Whose.ADDRESS, r"1\.(?:1|2|3|6|10)|7\.1[78]", "5", stages=_OF_READERS),
    _Rule(Whose.LIMIT, r"4\.5"),  # congestion: also Gmail's day
    _Rule(Whose.MAIL, r"3\.4", lasting=True),
    # Words that say whose it is under several codes.
    _Rule(Whose.LIMIT, words=_OUR_LIMIT),
    _Rule(Whose.MAIL, r"|[25]\.\d+", "5", _TOO_BIG, lasting=True),
    _Rule(Whose.CONFIGURATION, code="5[03]", words="starttls"),
    _Rule(Whose.CREDENTIALS, code=r"53[0458]|525"),  # RFC 4954, 6
    _Rule(Whose.CREDENTIALS, r"7\.(?:8|9|11|12|14|57|139)"),
    _Rule(Whose.CREDENTIALS, code="5", words=r"credentials|authenticat\w+ (?:required|first)"),
    _Rule(Whose.LIMIT, r"2\.2", stages=_BEFORE_RCPT),  # a full mailbox, and nobody named yet
    _Rule(Whose.MAIL, r"2\.2", lasting=False),
    _Rule(Whose.MAIL, words=_FULL, stages=_OF_READERS | _DATA, lasting=False),
    _Rule(Whose.MAIL, r"4\.\d+", "5", "recipient address rejected", lasting=False),  # Exchange
    _Rule(Whose.CONFIGURATION, code="5", words=_SENDER),
    _Rule(Whose.ADDRESS, r"2\.1", "5", stages=_OF_READERS),
    _Rule(Whose.ADDRESS, r"|0\.0|1\.\d+|5\.0", "55", _NO_SUCH_USER, _OF_READERS),
    _Rule(Whose.MAIL, None, "5", _NO_SUCH_USER, _OF_READERS, lasting=False),
    _Rule(Whose.MAIL, None, "5", f"{_CONTENT}|{_NO_SUCH_USER}", _DATA, lasting=True),
    _Rule(Whose.POLICY, code="5|421", words=_WHO_WE_ARE),
    _Rule(Whose.ADDRESS, r"1\.\d+", "5", stages=_OF_READERS),
    _Rule(Whose.MAIL, r"[16]\.\d+", "5", stages=_DATA, lasting=True),
    # What the code and the stage leave open. Policies of relays come at any stage, those of a
    # reader's own server in a report: neither is a word about the reader.
    _Rule(Whose.SYSTEM, code="421"),
    _Rule(Whose.POLICY, r"7\.\d+", stages=_REPORT),
    _Rule(Whose.SYSTEM, r"[34]\.\d+", stages=_REPORT),
    _Rule(Whose.CREDENTIALS, code="5", stages=_LOGIN),
    _Rule(Whose.CONFIGURATION, code="5", stages=_TLS),
    _Rule(Whose.CONFIGURATION, code="50|555", stages=_BEFORE_RCPT),
    _Rule(Whose.SYSTEM, r"[34]\.\d+", stages=_BEFORE_RCPT, lasting=False),
    _Rule(Whose.POLICY, code="5", stages=_BEFORE_RCPT),
    _Rule(Whose.SYSTEM, stages=_BEFORE_RCPT),
    _Rule(Whose.UNKNOWN, r"[34]\.\d+", lasting=False),
    _Rule(Whose.MAIL, code="4", lasting=False),
    _Rule(Whose.UNKNOWN, lasting=False),
)

#: Not a part of an IP address; qmail writes "#5.1.1".
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
_ADDRESS = re.compile(r"<[^<>\s:]*>|\S*@\S*")


def judge(stage: SmtpStage, code: int, words: str) -> Verdict:
    """Return whose refusal an answer is; `words`: all of it but the basic code.

    `code` is 0 where only an enhanced code is known, as in a report.

    >>> judge(SmtpStage.RCPT, 550, "5.1.1 No such user here")
    Verdict(whose=<Whose.ADDRESS: 'address'>, lasting=True)
    >>> judge(SmtpStage.RCPT, 550, "5.7.1 Client host blocked by a blacklist")
    Verdict(whose=<Whose.POLICY: 'policy'>, lasting=True)
    """
    words = " ".join(words[:_LONGEST].split())
    found = _STATUS.search(words)
    if not code:
        code = {"4": 450, "5": 550}.get(found[1] if found else "", 0)
    status = f"{found[2]}.{found[3]}" if found else ""
    rule = next(row for row in _RULES if row.fits(stage, str(code), status, words))
    return Verdict(rule.whose, code >= 500 if rule.lasting is None else rule.lasting)


def shown(words: str, recipient: str = "") -> str:
    """Return a relay's words on one line, without addresses, nor the name in the recipient's."""
    plain = _ADDRESS.sub("…", " ".join(words[:_LONGEST].split()))
    name = recipient.rpartition("@")[0]
    if len(name) > 1:
        plain = re.sub(rf"\b{re.escape(name)}\b", "…", plain, flags=re.IGNORECASE)
    return plain if len(plain) <= _LONGEST_SHOWN else f"{plain[:_LONGEST_SHOWN]}…"

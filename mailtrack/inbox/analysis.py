"""What one mail says, and whom it speaks for. Pure: no store, no clock."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailtrack.domain.model import Outcome, RowKey
from mailtrack.inbox.addresses import BounceAddresses, PersonalAddresses, ReturnedTo
from mailtrack.inbox.authentication import findings
from mailtrack.inbox.origin import origin
from mailtrack.inbox.sender import Sender, identify, is_from, is_signed_by
from mailtrack.parsers import is_shop_sender, parse, signers_of
from mailtrack.parsers.delivery_report import REPORTERS
from mailtrack.parsers.forwarded import source_of
from mailtrack.parsers.message import Message, read_message
from mailtrack.parsers.reading import ForwardMethod, Reading
from mailtrack.parsers.slimming import header_of

#: Senders that say in their name that nobody reads what they get.
_NOBODY = re.compile(
    r"(?:.*[._-])?(?:no|ne|not?)[._-]?(?:reply|pas[._-]?repondre|responder)(?:[._-].*)?"
    r"|mailer-daemon|postmaster|bounces?(?:[._+-].*)?"
)
#: What lists and newsletters carry (RFC 2369, RFC 2919), and no person's mail does.
_LIST_HEADERS = ("list-id", "list-unsubscribe", "list-post", "feedback-id")
_BULK = frozenset({"bulk", "list", "junk"})


@dataclass(frozen=True, slots=True)
class MailAnalyzer:
    """Whom we listen to; see `inbox.sender` and `inbox.addresses`."""

    authserv_id: str
    allow: Collection[str]
    own_addresses: Collection[str]
    personal: PersonalAddresses
    bounces: BounceAddresses | None = None
    authserv_below: bool = False

    def analyze(self, raw: bytes) -> "AnalyzedMail":
        """Read a raw mail; raises PermanentError where it is no mail at all."""
        message = read_message(raw)
        reading = parse(message)
        # Of two From headers, a signature may cover the one and a reader see the other.
        by_one = len(message.all("from")) == 1
        found = findings(message, self.authserv_id, below=self.authserv_below) if by_one else ()
        sender = identify(
            message,
            reading.forward,
            authserv_id=self.authserv_id,
            allow=self.allow,
            own_addresses=self.own_addresses,
            found=found,
        )
        # Where all mail reaches us through an address of our own, that is no person's rule.
        source, ours = source_of(message), {address.lower() for address in self.own_addresses}
        mine = {message.sender.address.lower(), *ours}
        return AnalyzedMail(
            message,
            reading,
            sender,
            personal=self.personal.owner(message),
            by_google=is_signed_by(found, "google.com"),
            returned=None if self.bounces is None else self.bounces.returned(message),
            shop_signed=is_from(found, signers_of(message.author)),
            passed_on=source is not None and source.address.lower() not in mine,
        )

    def analyze_each(self, mails: Sequence[bytes]) -> "list[AnalyzedMail | Exception]":
        """Read raw mails; return of each what it says, or why it cannot be read."""
        read: list[AnalyzedMail | Exception] = []
        for raw in mails:
            try:
                read.append(self.analyze(raw))
            except Exception as error:  # noqa: BLE001 - strangers write these mails
                read.append(error)
        return read

    def analyze_header(self, raw: bytes) -> "AnalyzedMail":
        """Read the header alone of a mail whose body nobody can read; raises the same."""
        return self.analyze(header_of(raw))


@dataclass(frozen=True, slots=True)
class AnalyzedMail:
    """A mail after reading, before anything is done about it.

    `personal` is the key of whose personal address it was sent to; `by_google` whether Google
    signed it, as our own server found; `returned` the bounce address it was sent to, where
    only machines write.

    `shop_signed`: our server found that the shop whose address it bears, or the relay it came
    through, did write it; False where we have no such server. `passed_on`: a mailbox's rule
    left its marks on it, whoever wrote it.
    """

    message: Message
    reading: Reading
    sender: Sender
    personal: RowKey | None
    by_google: bool
    returned: ReturnedTo | None = None
    shop_signed: bool = False
    passed_on: bool = False

    @property
    def outcome(self) -> Outcome:
        """Return how the reading ends, if its sender is who they say."""
        if self.message.bounce is not None:
            return Outcome.BOUNCE
        if self.returned is not None or (self.message.is_automatic and not self.by_rule):
            return Outcome.AUTOMATIC_REPLY
        return self.reading.outcome

    @property
    def source(self) -> str:
        """Return where it came from, to share what is scarce fairly between sources."""
        return origin(self.message)

    @property
    def from_mailer(self) -> bool:
        """Return True if a mail server wrote it: with no sender to answer to (RFC 5321, 4.5.5)."""
        envelope = self.message.header("return-path").strip()
        local = self.message.sender.address.lower().partition("@")[0]
        return envelope == "<>" or (not envelope and local in REPORTERS)

    @property
    def is_answerable(self) -> bool:
        """Return True if a person reads what we answer: no list, no newsletter, no robot."""
        local = self.message.sender.address.lower().partition("@")[0]
        if _NOBODY.fullmatch(local) or any(map(self.message.header, _LIST_HEADERS)):
            return False
        return self.message.header("precedence").lower() not in _BULK

    @property
    def by_hand(self) -> bool:
        """Return True if a person sent it, who waits for an answer."""
        sent = self.outcome not in (Outcome.BOUNCE, Outcome.AUTOMATIC_REPLY)
        return sent and self.is_answerable and not self.by_rule

    @property
    def by_rule(self) -> bool:
        """Return True if a rule of a mailbox forwarded it, not a hand."""
        method = self.reading.forward.method
        # What is no forward at all came from the shop itself; its people forward as others do.
        is_shops_own = method is None and is_shop_sender(self.message.author)
        return method is ForwardMethod.AUTOMATIC or is_shops_own

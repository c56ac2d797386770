"""What was fed in, what must come of it by the rules, and what came.

Nothing in here asks the service what it meant to do: what is owed follows from what was
fed in, what came is what lies in people's mailboxes and the outcome of each mail.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.smtp import ReceivedMail
from tests.chaos.journeys import Step
from tests.chaos.plan import Letter

#: Milestones that a subscriber is written to about (the closed list's "mailed: yes").
TOLD = {
    milestone: NoticeKind(milestone)
    for milestone in (
        Milestone.CARRIER_ACCEPTED,
        Milestone.ARRIVED_IN_COUNTRY,
        Milestone.CUSTOMS_CLEARED,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.DELIVERY_FAILED,
        Milestone.PICKUP_AVAILABLE,
        Milestone.DELIVERED,
        Milestone.RETURNING,
        Milestone.RETURNED,
    )
}
#: What comes of a silence, however long it seems in sped-up time: neither owed nor forbidden.
OF_TIME = frozenset(
    {NoticeKind.NOT_FOUND, NoticeKind.STALLED, NoticeKind.EXPIRED, NoticeKind.PICKUP_REMINDER}
)
#: What comes of a letter: its outcome, and the answer that its sender gets.
LETTERS: Mapping[Letter, tuple[Outcome, NoticeKind | None]] = {
    Letter.HELP: (Outcome.COMMAND, NoticeKind.HELP),
    Letter.NOISE: (Outcome.NOT_A_SHOP_MAIL, NoticeKind.NOTHING_FOUND),
    Letter.NEWSLETTER: (Outcome.NOT_A_SHOP_MAIL, None),
    Letter.AUTOMATIC: (Outcome.AUTOMATIC_REPLY, None),
    Letter.TWO_SUBJECTS: (Outcome.NOT_A_SHOP_MAIL, NoticeKind.NOTHING_FOUND),
    Letter.NUL: (Outcome.NOT_A_SHOP_MAIL, NoticeKind.NOTHING_FOUND),
    Letter.BAD_CHARSET: (Outcome.NOT_A_SHOP_MAIL, NoticeKind.NOTHING_FOUND),
    Letter.CUT_OFF: (Outcome.NOT_A_SHOP_MAIL, NoticeKind.NOTHING_FOUND),
    Letter.TOO_DEEP: (Outcome.QUARANTINED, NoticeKind.NOTHING_FOUND),
}

_NUMBER = re.compile(r"\b(?:LP\d{14}|6A\d{11})\b")


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that somebody is owed, once; `number` is "" where it is about no parcel."""

    address: str
    kind: NoticeKind
    number: str = ""

    def __str__(self) -> str:
        return f"{self.kind} to {self.address} {self.number}".rstrip()


def told_by(step: Step) -> NoticeKind | None:
    """Return what one look that brings a step is told by: its newest scan worth a mail.

    Rule 2: one look, one mail, about the newest. Rule 4: what happened before the last
    that was told is told no more. Rule 5: a scan told by two carriers is one happening.
    """
    news = [scan for scan in step if not scan.late and not scan.copy]
    kinds = [TOLD[scan.milestone] for scan in news if scan.milestone in TOLD]
    return kinds[-1] if kinds else None


@dataclass(slots=True)
class Expectations:
    """`aliases`: the parcel of each number, since a parcel gets a second one."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    owed: Counter[Due] = field(default_factory=Counter)
    #: What may come, once, and need not.
    allowed: Counter[Due] = field(default_factory=Counter)
    aliases: dict[str, str] = field(default_factory=dict)
    mails: int = 0
    #: Message-IDs of what arrived, so that a mail that comes twice counts once.
    _arrived: dict[str, Due] = field(default_factory=dict)
    counted: Counter[Due] = field(default_factory=Counter)
    received: int = 0
    #: The kind of each mail that arrived, by its subject.
    subjects: dict[str, NoticeKind] = field(default_factory=dict)

    def feed(self, raw: bytes, outcome: Outcome) -> None:
        """Note a mail that was put into the mailbox; the same bytes are the same mail."""
        self.mails += 1
        self.outcomes.setdefault(content_key(raw), outcome)

    def owe(self, due: Due) -> None:
        """Note a mail that must arrive."""
        self.owed[due] += 1

    def allow(self, due: Due) -> None:
        """Note a mail that is right if it comes, and right if it does not."""
        self.allowed[due] += 1

    def take_in(self, mails: Iterable[ReceivedMail]) -> None:
        """Note what lies in people's mailboxes."""
        for mail in mails:
            self.received += 1
            message_id = str(mail.message["Message-ID"])
            if message_id not in self._arrived:
                self._arrived[message_id] = self._due(mail)
                subject = " ".join(str(mail.message["Subject"]).split())
                self.subjects[subject] = self._arrived[message_id].kind
                self.counted[self._arrived[message_id]] += 1

    @property
    def repeated(self) -> int:
        """Return how many mails came again with the same Message-ID."""
        return self.received - len(self._arrived)

    @property
    def by_the_clock(self) -> int:
        """Return how many mails spoke of nothing but time that had passed."""
        return sum(times for due, times in self.counted.items() if due.kind in OF_TIME)

    def lost(self, stored: Mapping[str, Outcome | None]) -> Iterator[str]:
        """Yield what should have come and did not; `stored`: outcomes by content key."""
        for key, outcome in self.outcomes.items():
            got = stored.get(key)
            if got != outcome:
                yield f"mail {key[:8]}: {got or 'no outcome'} instead of {outcome}"
        yield from map(str, (self.owed - self.counted).elements())

    def doubled(self, stored: Mapping[str, Outcome | None]) -> Iterator[str]:
        """Yield what came too often, or was not owed at all."""
        for key in stored.keys() - self.outcomes.keys():
            yield f"mail {key[:8]}: {stored[key]}, which nobody sent"
        for due in (self.counted - self.owed - self.allowed).elements():
            if due.kind not in OF_TIME:
                yield str(due)

    def _due(self, mail: ReceivedMail) -> Due:
        kind = mail.kind or NoticeKind.DIGEST
        text = mail.message.get_body(("plain",))
        about = kind in _ABOUT_A_PARCEL and text is not None
        numbers = _NUMBER.findall(text.get_content()) if about and text else []
        number = next((self.aliases[n] for n in numbers if n in self.aliases), "")
        return Due(mail.recipients[0], kind, number)


_ABOUT_A_PARCEL = frozenset({NoticeKind.REGISTERED, *TOLD.values(), *OF_TIME})


def content_key(raw: bytes) -> str:
    """Return the name of a mail by its content, as the store has it."""
    return hashlib.sha256(raw).hexdigest()

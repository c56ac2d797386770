"""Who may be invited to hear of somebody's parcels, how often, and what that says to whom.

Whoever is invited has asked for nothing. So a mailbox gets few such mails before its owner
clicks, whoever invites, and one "no" ends them for good. Who invites learns whether somebody
accepted and nothing else: an address that does not exist, bounces, is left in peace or refused
looks like one whose owner has not looked yet, until the invitation lapses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailtrack.domain.model import RowKey, SubscriberId, SubscriptionId

#: How long an invitation waits for its answer; then it is erased.
LASTS = timedelta(days=7)
#: In which one person, one mail domain and everybody may invite so many times.
DAY = timedelta(days=1)
PER_INVITER, PER_DOMAIN = 10, 50
#: Invitations that a mailbox gets while they last and its owner accepts none of them.
UNANSWERED = 3

#: Providers that read a name with dots and without as one mailbox.
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


class InvitationState(StrEnum):
    """What who invited may know."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One address invited to hear of one parcel (`about`), or of all (`everything`).

    `inviter` and `about` are None once they were erased. `mailed_at`: when its mail was owed;
    None where another one of the same inviter waits already, or none may go there. `ended_at`:
    when either of both ended it; `refused_at`: when the invited wanted none of anybody any more.
    """

    id: int
    key: RowKey
    inviter: SubscriberId | None
    about: SubscriptionId | None
    everything: bool
    address: str
    created_at: datetime
    mailed_at: datetime | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    refused_at: datetime | None = None

    def state(self, now: datetime) -> InvitationState:
        """Return what who invited sees: a refusal looks as if nobody had answered."""
        has_object = self.everything or self.about is not None
        if self.ended_at is not None or self.inviter is None or not has_object:
            return InvitationState.OVER
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        return InvitationState.WAITING if now < self.lapses_at else InvitationState.OVER

    def is_open(self, now: datetime) -> bool:
        """Return True if a click may still accept it."""
        return self.refused_at is None and self.state(now) is InvitationState.WAITING

    @property
    def lapses_at(self) -> datetime:
        """Return until when it waits."""
        return self.created_at + LASTS


@dataclass(frozen=True, slots=True)
class InvitationCounts:
    """Invitations of the last day: of one person, of their mail domain, of everybody."""

    of_inviter: int
    of_domain: int
    of_all: int

    def is_full(self, most: int) -> bool:
        """Return True if one more would be too many; `most`: of everybody."""
        return self.of_inviter >= PER_INVITER or self.of_domain >= PER_DOMAIN or self.of_all >= most


def mailbox_of(address: str) -> str:
    """Return the mailbox behind an address, by which its owner's peace is counted.

    What stands behind a plus leads to the same one (RFC 5233), and at Gmail so do dots.

    >>> mailbox_of("ana+colis@example.org"), mailbox_of("a.n.a@gmail.com")
    ('ana@example.org', 'ana@gmail.com')
    """
    local, _, domain = address.lower().rpartition("@")
    name = local.partition("+")[0] or local
    if domain in _DOTLESS:
        name, domain = name.replace(".", "") or name, "gmail.com"
    return f"{name}@{domain}"

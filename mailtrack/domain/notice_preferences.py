"""Which mails a person wants: what comes by itself and what is mailed on request."""

from dataclasses import dataclass

from mailtrack.domain.milestones import Milestone, mailed_on_request

#: Kinds of mails, by name, that come to those alone who ask for them.
_ON_REQUEST: frozenset[str] = mailed_on_request()


@dataclass(frozen=True, slots=True)
class NoticePreferences:
    """The kinds of mails that somebody chose not to get, and those that they asked for."""

    unwanted: frozenset[str] = frozenset()
    also_wanted: frozenset[str] = frozenset()

    def decline(self, kind: str) -> bool:
        """Return True if a kind of mail is not to go to them."""
        return kind in self.unwanted or (kind in _ON_REQUEST and kind not in self.also_wanted)

    def among(self, usual: frozenset[Milestone]) -> frozenset[Milestone]:
        """Return the milestones that they hear of; `usual`: what comes to who made no choice."""
        return frozenset(m for m in usual | mailed_on_request() if not self.decline(m))

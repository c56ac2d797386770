"""Where people may have their news besides mail, or in its place."""

from pydantic import field_validator

from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.domain.channels import ChannelKind
from mailtrack.settings.section import Section
from mailtrack.settings.types import words


class ChannelSettings(Section):
    """What the operator offers, and what may be called for it; nothing by default."""

    #: `webhook`, `apprise`, or both with a comma between.
    on: str = ""
    #: Names, addresses and networks, each with its port where that is none of the usual ones;
    #: `*` for every public host.
    hosts: str = ""

    @field_validator("on")
    @classmethod
    def _names_kinds(cls, value: str) -> str:
        if not set(ChannelKind).issuperset(words(value)):
            raise ValueError("names webhook, apprise, or both with a comma between")
        return value

    @field_validator("hosts")
    @classmethod
    def _names_hosts(cls, value: str) -> str:
        CallableHosts.parse(value)
        return value

    @property
    def kinds(self) -> frozenset[ChannelKind]:
        """Return the kinds that are on."""
        return frozenset(map(ChannelKind, words(self.on)))

    @property
    def callable_hosts(self) -> CallableHosts:
        """Return the hosts that may be called."""
        return CallableHosts.parse(self.hosts)

"""What the tests of the pages share: settings that name a mailbox, and a broker to look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
import redis

from mailtrack.settings import Settings

#: The mailbox of these settings, as the store knows it.
ACCOUNT, FOLDER = "colis@host", "INBOX"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    user, _, host = ACCOUNT.partition("@")
    inbox = settings.inbox.model_copy(update={"user": user, "host": host})
    return settings.model_copy(update={"inbox": inbox})


@dataclass
class FakeBroker:
    """Redis, as far as the pages ask: `waiting` messages, `still_s` since a queue moved."""

    waiting: dict[str, int] = field(default_factory=dict)
    still_s: float | Mapping[str, float] = 0.0
    workers: int = 1
    error: str = ""
    namespace: str = "dramatiq"

    @property
    def client(self) -> "FakeBroker":
        if self.error:
            raise redis.ConnectionError(self.error)
        return self

    def llen(self, key: str) -> int:
        return self.waiting.get(key.rpartition(":")[2], 0)

    def hlen(self, key: str) -> int:
        return self.llen(key.removesuffix(".msgs"))

    def pttl(self, key: str) -> float:
        still = self.still_s
        seconds = still if isinstance(still, int | float) else still.get(key.rpartition(":")[2], 0)
        return (86_400 - seconds) * 1000

    def scan_iter(self, _pattern: str, count: int) -> Iterator[str]:
        assert count
        yield from map(str, range(self.workers))

"""What the tests of the pages share: settings that name a mailbox, a broker, a way to ask."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import redis
from selectolax.lexbor import LexborHTMLParser

from mailtrack.runtime.services import Services
from mailtrack.settings import Settings
from mailtrack.web.app import make_app

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


@pytest.fixture
def ask(services: Services) -> Callable[..., httpx.Response]:
    """Ask the application, all at one moment; redirects are not followed."""
    transport = httpx.ASGITransport(make_app(services, monotonic=lambda: 0.0))

    def make(address: str, method: str = "GET", **details: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(method, address, **details)

        return asyncio.run(go())

    return make


def words_of(page: LexborHTMLParser) -> str:
    """Return what a page says, on one line."""
    assert page.body
    return " ".join(page.body.text(separator=" ").split())

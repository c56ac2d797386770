"""News elsewhere than by mail: how somebody comes to have them, what is owed there, what came."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage

import httpx

from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.loopback import HOST
from tests.channels.receiver import Received
from tests.chaos.expectations import OF_TIME
from tests.chaos.outside import Outside
from tests.chaos.plan import Journey

_PREFERENCES = re.compile(r"https?://\S+/p/[\w.-]+")
_CHANNELS = re.compile(r'href="(https?://[^"]+/o/[\w.-]+)"')
_PROOF = re.compile(r"https?://\S+/n/[\w.-]+")
#: How long a page may take (real seconds).
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class ChaosChannel:
    """The channel of one journey's first follower: its topic or path is the parcel's number."""

    journey: Journey
    outside: Outside

    @property
    def address(self) -> str:
        port = self.outside.to_receiver.port
        if self.journey.elsewhere == "ntfy":
            return f"ntfy://{HOST}:{port}/{self.journey.number}"
        return f"http://{HOST}:{port}/{self.journey.number}"

    def is_added(self, mail: EmailMessage) -> bool:
        """Add it by the pages that a mail leads to, unless that was done; False to try again."""
        text = mail.get_body(("plain",))
        found = _PREFERENCES.search(text.get_content()) if text else None
        assert found, "every mail leads to its reader's list"
        with suppress(httpx.TransportError):
            page = _CHANNELS.search(httpx.get(found[0], timeout=_PATIENCE_S).text)
            if page is None:
                return False
            if "message d’essai</small>" in httpx.get(page[1], timeout=_PATIENCE_S).text:
                return True
            form = {"do": "add_channel", "address": self.address, "mode": "beside"}
            return httpx.post(page[1], data=form, timeout=_PATIENCE_S).is_success
        return False

    def is_proven(self) -> bool:
        """Click in the message that came there; False while none did, or to try again."""
        asked = next(filter(None, map(self._question, list(self.outside.receiver.got))), None)
        with suppress(httpx.TransportError):
            form = {"do": "prove_channel"}
            return bool(asked) and httpx.post(str(asked), data=form, timeout=_PATIENCE_S).is_success
        return False

    def _question(self, got: Received) -> str:
        found = _PROOF.search(got.body.decode())
        mine = self.journey.number in (got.path.strip("/"), got.said.get("topic"))
        return found[0].rstrip('"}') if found and mine else ""


@dataclass(slots=True)
class Elsewhere:
    """What must come on the channels, by the number of the parcel and the kind of the news."""

    owed: Counter[tuple[str, NoticeKind]] = field(default_factory=Counter)
    allowed: Counter[tuple[str, NoticeKind]] = field(default_factory=Counter)
    counted: Counter[tuple[str, NoticeKind]] = field(default_factory=Counter)
    received: int = 0
    repeated: int = 0

    def owe(self, number: str, kind: NoticeKind) -> None:
        """Note news that must come."""
        self.owed[number, kind] += 1

    def allow(self, number: str, kind: NoticeKind) -> None:
        """Note news that are right if they come, and right if they do not."""
        self.allowed[number, kind] += 1

    def take_in(self, requests: Iterable[Received], subjects: Mapping[str, NoticeKind]) -> None:
        """Count what came, once for each id; `subjects`: what the mails of some titles are about.

        ntfy's messages have no id: the same words on one topic are one message.
        """
        seen: set[tuple[str, str]] = set()
        for got in requests:
            if _PROOF.search(got.body.decode()):
                continue
            self.received += 1
            if got.path == "/":
                number, title = got.said["topic"], got.said["title"]
                name = (number, got.said["message"])
                kind = subjects[" ".join(title.split())]
            else:
                number = got.path.strip("/")
                name, kind = ("", got.headers["webhook-id"]), NoticeKind(got.said["data"]["kind"])
            self.repeated += name in seen
            if name not in seen:
                seen.add(name)
                self.counted[number, kind] += 1

    def lost(self) -> Iterator[str]:
        """Yield what should have come and did not."""
        for number, kind in (self.owed - self.counted).elements():
            yield f"{kind} of {number} elsewhere"

    def doubled(self) -> Iterator[str]:
        """Yield what came too often, or was not owed at all."""
        for number, kind in (self.counted - self.owed - self.allowed).elements():
            if kind not in OF_TIME:
                yield f"{kind} of {number} elsewhere"

"""Whatever two people do about one parcel at the same moment, nothing of either is lost.

Each pair of actions meets in many parcels at once, on PostgreSQL, whose row locks are finer
than SQLite's one writer.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import combinations_with_replacement
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import update

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import inbound, leg_claims, parcels
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking.polling import Poller
from mailtrack.web.own_data import OwnData
from mailtrack.web.service import PageService

Rows = Callable[..., list[Mapping[str, Any]]]
Act = Callable[["Encounter", str], None]

#: Parcels in which a pair of actions meets.
TIMES = 12
LINK_OF = {"stop": Purpose.STOP_PARCEL, "erase": Purpose.DATA}


@pytest.fixture
def database() -> str:
    return "postgresql"


class OneAnswer:
    """A carrier that knows every number, and tells one step of it."""

    def __init__(self, clock: FakeClock) -> None:
        self._event = TrackingEvent(clock.now(), Milestone.CUSTOMS_CLEARED, "cainiao", "CC")

    def fetch(self, numbers: list[str]) -> Mapping[str, PollResult]:
        return {number: PollResult(number, PollState.FOUND, (self._event,)) for number in numbers}


@dataclass(frozen=True)
class Encounter:
    """One parcel that two people have to do with, and what each of them may do about it."""

    number: str
    services: Services
    reader: Reader
    poller: Poller
    clock: FakeClock
    link: Callable[..., str]
    follow: Callable[..., Subscription]
    rows: Rows
    uids: Iterator[int]
    tokens: dict[str, str] = field(default_factory=dict)

    def address(self, who: str) -> str:
        return f"{who}.{self.number.lower()}@example.org"

    def begin(self, who: str, action: str) -> None:
        """Let who does something else than to come be there before, with a mail's link."""
        if action != "follow":
            followed = self.follow(self.number, self.address(who))
            purpose = LINK_OF.get(action, Purpose.STOP_ALL)
            by_parcel = purpose is Purpose.STOP_PARCEL
            about = followed.id if by_parcel else followed.subscriber
            self.tokens[who] = self.link(purpose, about).rpartition("/")[2]

    def do_follow(self, who: str) -> None:
        raw = (
            f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n"
            f"From: {self.address(who)}\r\nTo: {FORWARD_TO}\r\nSubject: Colis\r\n\r\n"
            f"{self.number}\r\n"
        ).encode()
        mail_store = SqlMailStore(self.services.store, self.clock)
        mail_store.keep("me@host", "INBOX", 1, FetchedMail(next(self.uids), raw, self.clock.now()))
        key = inbound.content_key(raw)
        with self.services.store.write() as connection:
            mine = t.inbound.c.content_key == key
            number = connection.execute(
                update(t.inbound).where(mine).values(claim=key[:32]).returning(t.inbound.c.id)
            ).scalar_one()
        self.reader.read([number], key[:32])

    def do_stop(self, who: str) -> None:
        PageService(self.services).stop(self.tokens[who])

    def do_leave(self, who: str) -> None:
        PageService(self.services).stop(self.tokens[who])

    def do_resume(self, who: str) -> None:
        PageService(self.services).resume(self.tokens[who])

    def do_erase(self, who: str) -> None:
        OwnData(self.services).erase(self.tokens[who])

    def do_poll(self, who: str) -> None:
        store, token = self.services.store, f"{who} {self.number}"
        with store.write() as connection:
            legs = leg_claims.claim_number(
                connection, "cainiao", self.number, token=token, until=self.clock.later(120)
            )
        self.poller.poll("cainiao", [leg.id for leg in legs], token)

    def do_forget(self, who: str) -> None:
        """Let housekeeping find that polling ended long ago."""
        with self.services.store.write() as connection:
            parcel = parcels.find_parcel(connection, self.number)
            if parcel is not None:
                long_ago = self.clock.now() - timedelta(days=400)
                parcels.end(connection, parcel, "nobody_follows", long_ago)
        self.services.housekeeping().run()

    def lost(self, who: str, action: str, *, forgotten: bool) -> str:
        """Say what is missing of what somebody did, "" where nothing is."""
        people = self.rows(t.subscriber, address=self.address(who))
        if action == "erase":
            return "is still there" if people else ""
        if not people:
            return "is not there any more"
        mine = self.rows(t.subscription, subscriber_id=people[0]["id"])
        if action == "follow" and not (mine and self.rows(t.leg, number=self.number)):
            return "does not follow what is polled"
        if action in ("stop", "leave") and not forgotten and not mine[0]["muted_at"]:
            return "hears of it"
        return ""


ACTIONS = ("follow", "stop", "leave", "resume", "erase", "poll", "forget")


@pytest.fixture
def encounters(
    services: Services,
    reader: Reader,
    clock: FakeClock,
    store: Store,
    link: Callable[..., str],
    follow: Callable[..., Subscription],
    rows: Rows,
) -> list[Encounter]:
    carrier: Any = OneAnswer(clock)
    poller = replace(services.poller(), carriers={"cainiao": carrier})
    uids = iter(range(1, 10_000))
    return [
        Encounter(
            f"LP001234567890{n:02}", services, reader, poller, clock, link, follow, rows, uids
        )
        for n in range(TIMES)
    ]


@pytest.mark.parametrize(("ana", "bruno"), [*combinations_with_replacement(ACTIONS, 2)])
def test_two_people_who_act_at_once_lose_nothing(
    encounters: list[Encounter], rows: Rows, ana: str, bruno: str
) -> None:
    for meeting in encounters:
        meeting.begin("ana", ana)
        meeting.begin("bruno", bruno)
    start = Barrier(4)

    def act(who: str, action: str, half: list[Encounter]) -> None:
        start.wait()
        for meeting in half:
            getattr(meeting, f"do_{action}")(who)

    half = len(encounters) // 2
    with ThreadPoolExecutor(4) as pool:
        done = [
            pool.submit(act, who, action, some)
            for who, action in (("ana", ana), ("bruno", bruno))
            for some in (encounters[:half], encounters[half:])
        ]
    for finished in done:
        finished.result()

    lost = [
        f"{meeting.number}: {who}, who did {action}, {what}"
        for meeting in encounters
        for who, action in (("ana", ana), ("bruno", bruno))
        if (what := meeting.lost(who, action, forgotten="forget" in (ana, bruno)))
    ]
    followed = {row["parcel_id"] for row in rows(t.subscription)}
    assert [] == lost
    assert {row["id"] for row in rows(t.parcel)} <= followed
    assert {"tracked"} >= {row["outcome"] for row in rows(t.inbound)}

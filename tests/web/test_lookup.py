"""Number in, timeline out: for anybody, at a bearable pace, without a word on who follows it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, TrackingEvent
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import orders, parcels, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging
from mailtrack.web import limits
from mailtrack.web.app import make_app
from mailtrack.web.server import configure

Follow = Callable[..., Subscription]
Rows = Callable[..., list[Mapping[str, Any]]]

HERE = "192.0.2.7"
NUMBER = "LP00123456789012"
ORDER = "3054169918880001"


class Seconds:
    """A clock for the limits that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def app(services: Services, seconds: Seconds) -> Starlette:
    return make_app(services, limits.Limiter(), seconds)


async def _ask(app: Starlette, host: str, address: str, **params: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(host, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
        return await client.get(address, params=params)


@pytest.fixture
def look_up(app: Starlette) -> Callable[..., httpx.Response]:
    """Look a number up from an address of the network."""
    return lambda number, host=HERE: asyncio.run(_ask(app, host, "/suivi", number=number))


@pytest.fixture
def travelling(follow: Follow, store: Store, clock: FakeClock) -> Subscription:
    """Ana waits for a lamp; carriers and a mail of hers told of its way."""
    mine = follow()
    assert mine.parcel is not None
    now = clock.now()
    told = [
        TrackingEvent(
            now - timedelta(days=2), Milestone.ARRIVED_IN_COUNTRY, "cainiao", place="Roissy"
        ),
        TrackingEvent(now - timedelta(days=1), Milestone.CUSTOMS_CLEARED, "cainiao"),
    ]
    with store.write() as connection:
        order = orders.order_of(connection, mine.subscriber, ORDER, "aliexpress", None, now)
        orders.join_parcel(connection, order, mine.parcel)
        parcels.lock(connection, mine.parcel)
        result = PollResult(
            NUMBER,
            PollState.FOUND,
            tuple(told),
            local_number="6A12345678901",
            estimated_delivery=(now + timedelta(days=3)).date(),
            pickup_point=PickupPoint("Tabac de la Gare", "1 place de la Gare, Lyon", None),
        )
        parcels.save_results(connection, {mine.parcel: result}, now)
        merging.take_in(connection, {mine.parcel: told}, now)
        mail = subscriptions.mail_event_of(Milestone.OUT_FOR_DELIVERY, "parcel_update", now)
        merging.take_in_mail(connection, mine.parcel, mine.id, mail, now)
        point = PickupPoint("Epicerie des Arts", "2 quai Test, Lyon", None, "Q48213")
        subscriptions.note_pickup(connection, mine.id, point)
        day = (now + timedelta(days=3)).date()
        subscriptions.expect(connection, mine.id, day, "colissimo", "11:15-15:15")
    return mine


def test_a_number_that_is_followed_shows_its_way(
    travelling: Subscription, look_up: Callable[..., httpx.Response]
) -> None:
    answer = look_up(" lp00-1234 5678 9012")

    assert 200 == answer.status_code
    for said in (
        "Dédouané",
        "dernier passage connu\u00a0: <bdi>Roissy</bdi>",
        "Livraison prévue",
        "Vérifié",
        "Le parcours",
    ):
        assert said in answer.text


def test_what_is_personal_stays_unsaid(
    travelling: Subscription, look_up: Callable[..., httpx.Response], services: Services
) -> None:
    """Not whose it is, what is in it, where it is fetched, nor what a mail of theirs told."""
    page = look_up(NUMBER).text
    token = services.links.link(Purpose.TIMELINE, travelling.key).rpartition("/")[2]

    by_mail = ("Epicerie", "quai Test", "Q48213", "11\u00a0h\u00a015")
    by_others = ("Tabac", "place de la Gare", "En cours de")
    for unsaid in ("ana@", "Lampe", ORDER, token, *by_mail, *by_others):
        assert unsaid not in page


def test_a_timeline_names_the_page_of_its_parcel_that_may_be_shared(
    travelling: Subscription,
    app: Starlette,
    services: Services,
    look_up: Callable[..., httpx.Response],
) -> None:
    own = asyncio.run(_ask(app, HERE, services.links.link(Purpose.TIMELINE, travelling.key)))

    assert f'href="{look_up(NUMBER).url.raw_path.decode()}"' in own.text


def test_looking_up_asks_no_carrier_and_changes_nothing(
    travelling: Subscription, look_up: Callable[..., httpx.Response], rows: Rows
) -> None:
    before = [rows(table) for table in t.metadata.sorted_tables]
    for _ in range(3):
        look_up(NUMBER)

    assert before == [rows(table) for table in t.metadata.sorted_tables]


def test_a_number_without_news_looks_the_same_whether_it_is_followed_or_not(
    follow: Follow, look_up: Callable[..., httpx.Response]
) -> None:
    follow(NUMBER)
    followed, unknown = look_up(NUMBER).text, look_up("LP00123456789013").text

    def bare(page: str, number: str) -> str:
        head, _, rest = page.partition('nonce="')
        return (head + rest.partition('"')[2]).replace(number, "")

    assert bare(followed, NUMBER) == bare(unknown, "LP00123456789013")
    assert "Cainiao" in unknown
    assert "mailto:" in unknown


@pytest.mark.parametrize(
    "typed",
    [
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "'; DROP TABLE parcel; --",
        "LP00123456789012\r\nX-Injected: 1",
        "{{ 7*7 }}",
        "%00\x00",
        "é" * 100_000,
        "9" * 41,
        "ﷺ" * 90,
        "12",
    ],
)
def test_what_is_no_number_is_met_with_a_page_that_helps(
    travelling: Subscription, look_up: Callable[..., httpx.Response], typed: str
) -> None:
    answer = look_up(typed[:8_000])

    assert 200 == answer.status_code
    assert "Vérifiez qu’il est complet" in answer.text
    assert "<script>" not in answer.text
    assert len(answer.text) < 20_000
    assert "x-injected" not in answer.headers


def test_who_looks_up_too_much_is_asked_in_french_to_wait(
    look_up: Callable[..., httpx.Response], app: Starlette, seconds: Seconds
) -> None:
    burst, per_second = limits.EACH
    assert {200} == {look_up(f"LP{number:014}").status_code for number in range(burst)}

    refused = look_up(NUMBER)
    assert (429, "3") == (refused.status_code, refused.headers["retry-after"])
    assert "Réessayez dans 3" in refused.text
    assert 200 == asyncio.run(_ask(app, HERE, "/suivi")).status_code
    assert 200 == look_up(NUMBER, "192.0.2.8").status_code
    seconds.now = 1 / per_second
    assert 200 == look_up(NUMBER).status_code


def test_a_home_s_many_ipv6_addresses_count_as_one(look_up: Callable[..., httpx.Response]) -> None:
    told = [
        look_up(NUMBER, f"2001:db8:1:2::{number:x}").status_code
        for number in range(limits.EACH[0] + 1)
    ]

    assert [200, 429] == told[-2:]


@pytest.mark.parametrize(("proxies", "expected"), [("127.0.0.1/32", 200), ("", 429)])
def test_only_a_trusted_proxy_says_who_asks(app: Starlette, proxies: str, expected: int) -> None:
    served = configure(app, proxies)
    served.load()

    async def ask(number: int) -> int:
        transport = httpx.ASGITransport(served.loaded_app, client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
            visitor = {"X-Forwarded-For": f"192.0.2.99, 198.51.100.{number}"}
            return (await client.get(f"/suivi?number={NUMBER}", headers=visitor)).status_code

    told = [asyncio.run(ask(number)) for number in range(limits.EACH[0] + 1)]
    assert expected == told[-1]


def test_a_flood_of_look_ups_leaves_room_for_the_other_pages(
    app: Starlette, travelling: Subscription, statements: Callable[[], list[str]]
) -> None:
    """From as many addresses as there are questions: few reach the store."""

    async def flood() -> list[int]:
        hosts = [f"10.0.{number // 256}.{number % 256}" for number in range(1_000)]
        answers = [await _ask(app, host, "/suivi", number=NUMBER) for host in hosts]
        return [answer.status_code for answer in answers]

    statements()
    told = asyncio.run(flood())

    assert limits.TOGETHER[0] == told.count(200) == len(told) - told.count(429)
    assert len(statements()) <= 10 * limits.TOGETHER[0]
    assert 200 == asyncio.run(_ask(app, HERE, "/aide")).status_code

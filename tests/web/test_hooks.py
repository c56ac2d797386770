"""What 17TRACK sends of itself."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from mailtrack.clock import FakeClock
from mailtrack.runtime.services import Services
from mailtrack.sandbox.carriers import CarrierWorld, carrier_app, serve, seventeentrack
from mailtrack.settings import CarrierSettings, Settings
from mailtrack.store import leg_claims, parcels, people, subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app

NUMBER = "LP00827165780001"


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    world = CarrierWorld()
    carriers = {"17track": CarrierSettings.model_validate({"key": world.key})}
    services = Services(settings.model_copy(update={"carriers": carriers}))
    yield services
    services.close()


@pytest.fixture
def push(services: Services) -> tuple[bytes, str]:
    """A push about a parcel that somebody follows: it was delivered."""
    now = services.clock.now()
    with services.store.write() as connection:
        owner = people.subscriber_of(connection, "camille@example.org", now)
        number = parcels.parcels_of(connection, [NUMBER], now)[NUMBER]
        parcels.add_leg(connection, number, "17track", NUMBER, now)
        subscriptions.follow_parcel(connection, owner, number, [], [], now)
    world = CarrierWorld()
    world.parcel(NUMBER)
    world.scan(NUMBER, "17track", "Delivered", "Delivered", datetime(2026, 3, 1, 9, tzinfo=UTC))
    return seventeentrack.push(world, NUMBER)


def post(services: Services, body: bytes, sign: str, carrier: str = "17track") -> int:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(f"/hooks/{carrier}", content=body, headers={"sign": sign})

    return asyncio.run(send()).status_code


def milestone(services: Services) -> str | None:
    with services.store.read() as connection:
        number = parcels.find_parcel(connection, NUMBER)
        assert number is not None
        return parcels.parcel_row(connection, number).milestone


def test_a_signed_push_is_taken_in_at_once_and_again_without_harm(
    services: Services, push: tuple[bytes, str]
) -> None:
    assert [200, 200] == [post(services, *push), post(services, *push)]
    assert "delivered" == milestone(services)


@pytest.mark.parametrize("sign", ["", "0" * 64, "sign"])
def test_a_push_that_is_not_signed_changes_nothing(
    services: Services, push: tuple[bytes, str], sign: str
) -> None:
    assert 401 == post(services, push[0], sign)
    assert milestone(services) is None


def test_a_push_whose_bytes_were_changed_is_refused(
    services: Services, push: tuple[bytes, str]
) -> None:
    body, sign = push

    assert 401 == post(services, body + b" ", sign)


def test_a_carrier_without_pushes_and_one_that_sends_too_much_are_turned_away(
    services: Services, push: tuple[bytes, str]
) -> None:
    assert 404 == post(services, *push, carrier="cainiao")
    assert 413 == post(services, b"x" * 1_000_001, push[1])


def test_a_number_that_17track_has_stopped_is_taken_up_again_with_the_next_request(
    settings: Settings, store: Store, clock: FakeClock, follow: Callable[..., Subscription]
) -> None:
    world = CarrierWorld()
    world.register("17track", NUMBER)
    world.scan(NUMBER, "17track", "InTransit_Other", "En route", datetime(2026, 3, 1, tzinfo=UTC))
    with serve(carrier_app(world)) as base:
        own = CarrierSettings.model_validate({"url": f"{base}/17track", "key": world.key})
        services = Services(settings.model_copy(update={"carriers": {"17track": own}}))
        vars(services).update(store=store, clock=clock)
        follow(NUMBER, carrier="17track")
        assert 1 == _ask_what_is_due(services)
        assert 0 == _ask_what_is_due(services)

        world.scan(NUMBER, "17track", "Expired_Other", "", datetime(2026, 4, 1, tzinfo=UTC))
        assert 200 == post(services, *seventeentrack.push(world, NUMBER, "TRACKING_STOPPED"))
        assert 1 == _ask_what_is_due(services)
        services.transport.close()

    assert [(NUMBER,)] == world.asked[seventeentrack.RETRACK]


def test_a_stop_wakes_nobody_whose_polling_has_ended(
    services: Services, push: tuple[bytes, str]
) -> None:
    assert 200 == post(services, *push)
    with services.store.write() as connection:
        number = parcels.find_parcel(connection, NUMBER)
        assert number is not None
        parcels.end(connection, number, "delivered", services.clock.now())

    stop = seventeentrack.push(CarrierWorld(), NUMBER, "TRACKING_STOPPED")
    assert 200 == post(services, *stop)
    assert 0 == _ask_what_is_due(services)


def _ask_what_is_due(services: Services) -> int:
    now = services.clock.now()
    with services.store.write() as connection:
        legs = leg_claims.claim_legs(
            connection,
            "17track",
            token="t",
            now=now,
            until=services.clock.later(120),
            limit=10,
        )
    if legs:
        services.poller().poll("17track", legs, "t")
    return len(legs)

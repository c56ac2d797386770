"""What 17TRACK and AfterShip send of themselves."""

import asyncio
import base64
import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from mailtrack.clock import FakeClock
from mailtrack.runtime.services import Services
from mailtrack.sandbox.carriers import CarrierWorld, aftership, carrier_app, serve, seventeentrack
from mailtrack.settings import CarrierSettings, Settings
from mailtrack.store import leg_claims, parcels, people, subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app

NUMBER = "LP00827165780001"
#: Each carrier's pushes, and the header that their signature comes in.
PUSHES = {"17track": seventeentrack.push, "aftership": aftership.push}
HEADERS = {"17track": "sign", "aftership": "aftership-hmac-sha256"}
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    world = CarrierWorld()
    own = {"key": world.key, "webhook_secret": world.webhook_secret}
    carriers = {code: CarrierSettings.model_validate(own) for code in PUSHES}
    services = Services(settings.model_copy(update={"carriers": carriers}))
    yield services
    services.close()


@pytest.fixture(params=PUSHES)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(services: Services, carrier: str) -> CarrierWorld:
    """A world with a parcel that somebody follows."""
    now = services.clock.now()
    with services.store.write() as connection:
        owner = people.subscriber_of(connection, "camille@example.org", now)
        number = parcels.lock_named(connection, [NUMBER], now).named[NUMBER]
        parcels.add_leg(connection, number, carrier, NUMBER, now)
        subscriptions.follow_parcel(connection, owner, number, [], [], now)
    world = CarrierWorld()
    world.parcel(NUMBER)
    return world


@pytest.fixture
def push(world: CarrierWorld, carrier: str) -> tuple[bytes, str]:
    """A push about the parcel: it was delivered."""
    code = "Delivered" if carrier == "17track" else "Delivered_001"
    world.scan(NUMBER, carrier, code, "Delivered", START + timedelta(days=2))
    return PUSHES[carrier](world, NUMBER)


def post(services: Services, body: bytes, sign: str, carrier: str = "17track") -> int:
    header = HEADERS.get(carrier, "sign")

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(f"/hooks/{carrier}", content=body, headers={header: sign})

    return asyncio.run(send()).status_code


def milestone(services: Services) -> str | None:
    with services.store.read() as connection:
        number = parcels.find_parcel(connection, NUMBER)
        assert number is not None
        return parcels.parcel_rows(connection, [number])[0].milestone


def test_a_signed_push_is_taken_in_at_once_and_again_without_harm(
    services: Services, push: tuple[bytes, str], carrier: str
) -> None:
    assert [200, 200] == [post(services, *push, carrier), post(services, *push, carrier)]
    assert "delivered" == milestone(services)


def test_an_older_push_that_somebody_kept_changes_nothing(
    services: Services, world: CarrierWorld, carrier: str
) -> None:
    """Not the local number or the promised day either, and no other carrier is asked."""
    unknown = PUSHES[carrier](world, NUMBER)
    world.scan(NUMBER, carrier, "InTransit_001", "Under way", START)
    world.parcel(NUMBER, local_number="6A00000000017", estimate=START + timedelta(days=9))
    old = PUSHES[carrier](world, NUMBER)
    world.scan(NUMBER, carrier, "OutForDelivery", "Out for delivery", START + timedelta(days=5))
    world.parcel(NUMBER, local_number="8V00000000017", estimate=START + timedelta(days=5))
    assert 200 == post(services, *PUSHES[carrier](world, NUMBER), carrier)
    before = _known(services)

    assert [200, 200] == [post(services, *kept, carrier) for kept in (unknown, old)]
    assert before == _known(services)
    assert "8V00000000017" in repr(before)


def _known(services: Services) -> object:
    with services.store.read() as connection:
        number = parcels.find_parcel(connection, NUMBER)
        assert number is not None
        (row,) = parcels.parcel_rows(connection, [number])
        legs = parcels.legs_of(connection, number)
        told = parcels.history(connection, number)
        return (
            (row.milestone, row.local_number, row.estimated_delivery),
            [(leg.carrier, leg.number, leg.state) for leg in legs],
            told,
        )


@pytest.mark.parametrize("sign", ["", "0" * 64, "sign"])
def test_a_push_that_is_not_signed_changes_nothing(
    services: Services, push: tuple[bytes, str], sign: str, carrier: str
) -> None:
    assert 401 == post(services, push[0], sign, carrier)
    assert milestone(services) is None


def test_a_push_whose_bytes_were_changed_is_refused(
    services: Services, push: tuple[bytes, str], carrier: str
) -> None:
    body, sign = push

    assert 401 == post(services, body + b" ", sign, carrier)


def test_what_is_signed_and_is_no_push_is_refused(services: Services) -> None:
    secret = CarrierWorld.webhook_secret.encode()
    sign = base64.b64encode(hmac.digest(secret, b"[]", "sha256")).decode()

    assert 400 == post(services, b"[]", sign, "aftership")


def test_without_a_secret_of_its_own_no_push_of_aftership_is_believed(settings: Settings) -> None:
    own = CarrierSettings.model_validate({"key": "k"})
    services = Services(settings.model_copy(update={"carriers": {"aftership": own}}))
    sign = base64.b64encode(hmac.digest(b"k", b"{}", "sha256")).decode()

    assert [401, 401] == [post(services, b"{}", told, "aftership") for told in ("", sign)]
    services.close()


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


@pytest.mark.parametrize("carrier", ["17track"], indirect=True)
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

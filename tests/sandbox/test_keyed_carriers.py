"""The sandbox's carriers with credentials: tokens, limits, registration, pushes."""

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mailtrack.sandbox.carriers import CarrierWorld, carrier_app, serve
from mailtrack.sandbox.carriers.seventeentrack import push

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
GLS = "/gls/track-and-trace-v1/tracking/simple/trackids"
FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def world() -> CarrierWorld:
    return CarrierWorld()


@pytest.fixture
def client(world: CarrierWorld) -> Iterator[httpx.Client]:
    with serve(carrier_app(world)) as base, httpx.Client(base_url=base) as client:
        yield client


def _bearer(client: httpx.Client, world: CarrierWorld) -> dict[str, str]:
    auth = (world.client_id, world.client_secret)
    answer = client.post("/gls/oauth2/v1/token", data=FORM, auth=auth)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _seventeentrack(client: httpx.Client, world: CarrierWorld, method: str, number: str) -> Any:
    answer = client.post(
        f"/17track/track/v2.4/{method}", json=[{"number": number}], headers={"17token": world.key}
    )
    return answer.json()["data"]


def test_a_client_is_named_in_the_form_or_by_http_basic(
    world: CarrierWorld, client: httpx.Client
) -> None:
    pair = {"client_id": world.client_id, "client_secret": world.client_secret}
    in_form = client.post("/fedex/oauth/token", data=FORM | pair)
    by_nobody = client.post("/fedex/oauth/token", data=FORM)

    assert (200, 401) == (in_form.status_code, by_nobody.status_code)
    assert "Authorization" in _bearer(client, world)


def test_a_token_opens_the_door_until_it_is_revoked(
    world: CarrierWorld, client: httpx.Client
) -> None:
    headers = _bearer(client, world)
    opened = client.get(f"{GLS}/1", headers=headers).status_code
    world.revoke_tokens()

    assert (200, 401) == (opened, client.get(f"{GLS}/1", headers=headers).status_code)


def test_gls_takes_ten_numbers_and_no_more(world: CarrierWorld, client: httpx.Client) -> None:
    headers = _bearer(client, world)
    numbers = [str(number) for number in range(11)]

    assert [200, 400] == [
        client.get(f"{GLS}/{','.join(some)}", headers=headers).status_code
        for some in (numbers[:10], numbers)
    ]


def test_17track_knows_a_number_once_it_is_registered(
    world: CarrierWorld, client: httpx.Client
) -> None:
    codes = [
        [
            item["error"]["code"]
            for item in _seventeentrack(client, world, method, "RR1CN")["rejected"]
        ]
        for method in ("gettrackinfo", "register", "register", "gettrackinfo")
    ]

    assert [[-18019902], [], [-18019901], []] == codes


def test_a_push_is_signed_over_its_bytes(world: CarrierWorld) -> None:
    world.scan("RR1CN", "17track", "Delivered", "Livré", START)
    body, sign = push(world, "RR1CN")

    assert hashlib.sha256(body + b"/sandbox-key").hexdigest() == sign
    assert "Livré".encode() in body


def test_latency_delays_every_answer() -> None:
    with serve(carrier_app(CarrierWorld(latency_s=0.1))) as base:
        began = time.monotonic()
        httpx.get(f"{base}/dhl/track/shipments")

    assert time.monotonic() - began >= 0.1

"""Tokens are fetched once, renewed in time, and renewed once where a carrier ends them early."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.oauth import ClientCredentials
from mailtrack.carriers.transport import Answer, Transport
from mailtrack.clock import FakeClock
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.settings import CarrierSettings

SETTINGS = CarrierSettings(client_id=SecretStr("me"), client_secret=SecretStr("hush"))
Wired = Callable[[Callable[[httpx.Request], httpx.Response]], Transport]


class Office:
    """Gives tokens t1, t2 … and remembers who asked."""

    def __init__(self, life: object = 3600) -> None:
        self.asked: list[httpx.Request] = []
        self.life = life

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        token = {"access_token": f"t{len(self.asked)}", "expires_in": self.life}
        return httpx.Response(200, json=token)


class Carrier:
    """Admits one token at a time and remembers what it was shown."""

    def __init__(self, good: str = "t1") -> None:
        self.good = good
        self.shown: list[str] = []

    def __call__(self, headers: object) -> Answer:
        assert isinstance(headers, dict)
        token = headers["Authorization"].removeprefix("Bearer ")
        self.shown.append(token)
        return Answer("carrier.example", 200 if token == self.good else 401, {}, b"{}")


def _tokens(
    transport: Transport, clock: FakeClock, *, in_header: bool = False
) -> ClientCredentials:
    url = "https://carrier.example/token"
    return ClientCredentials(url, SETTINGS, transport, clock, in_header=in_header)


def test_one_token_serves_until_a_minute_before_its_end(wired: Wired, clock: FakeClock) -> None:
    office, carrier = Office(), Carrier()
    tokens = _tokens(wired(office), clock)

    tokens.send(carrier)
    clock.advance(seconds=3539)
    tokens.send(carrier)
    clock.advance(seconds=1)
    carrier.good = "t2"

    assert 200 == tokens.send(carrier).status
    assert ["t1", "t1", "t2"] == carrier.shown


@pytest.mark.parametrize("life", ["3600", 3600])
def test_a_life_may_be_written_as_a_string(wired: Wired, clock: FakeClock, life: object) -> None:
    office = Office(life)
    tokens = _tokens(wired(office), clock)
    tokens.send(Carrier())
    clock.advance(minutes=58)
    tokens.send(Carrier())

    assert 1 == len(office.asked)


@pytest.mark.parametrize("life", [None, "soon", -1, "9" * 400])
def test_an_unreadable_life_is_a_short_or_a_bounded_one(
    wired: Wired, clock: FakeClock, life: object
) -> None:
    office = Office(life)
    tokens = _tokens(wired(office), clock)
    tokens.send(Carrier())
    clock.advance(days=1)
    tokens.send(Carrier(good="t2"))

    assert 2 == len(office.asked)


def test_the_client_is_named_in_the_form(wired: Wired, clock: FakeClock) -> None:
    office = Office()
    _tokens(wired(office), clock).send(Carrier())

    form = parse_qs(office.asked[0].content.decode())
    assert {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "client_secret": ["hush"],
    } == form
    assert "authorization" not in office.asked[0].headers


def test_the_client_is_named_by_http_basic(wired: Wired, clock: FakeClock) -> None:
    office = Office()
    _tokens(wired(office), clock, in_header=True).send(Carrier())

    assert "Basic bWU6aHVzaA==" == office.asked[0].headers["authorization"]
    assert b"grant_type=client_credentials" == office.asked[0].content


def test_a_401_is_answered_by_one_new_token(wired: Wired, clock: FakeClock) -> None:
    office, carrier = Office(), Carrier(good="t2")

    assert 200 == _tokens(wired(office), clock).send(carrier).status
    assert ["t1", "t2"] == carrier.shown


def test_a_second_401_is_handed_on_and_not_hammered(wired: Wired, clock: FakeClock) -> None:
    office, carrier = Office(), Carrier(good="never")

    assert 401 == _tokens(wired(office), clock).send(carrier).status
    assert ["t1", "t2"] == carrier.shown


def test_threads_that_need_a_token_at_once_fetch_it_once(wired: Wired, clock: FakeClock) -> None:
    office = Office()
    tokens = _tokens(wired(office), clock)
    together = threading.Barrier(8)

    def send(_: int) -> int:
        together.wait()
        return tokens.send(Carrier()).status

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(8)))

    assert [200] * 8 == answers
    assert 1 == len(office.asked)


def test_threads_that_meet_the_same_401_renew_it_once(wired: Wired, clock: FakeClock) -> None:
    office = Office()
    tokens = _tokens(wired(office), clock)
    tokens.send(Carrier())
    refused = threading.Barrier(4)

    def request(headers: object) -> Answer:
        assert isinstance(headers, dict)
        if headers["Authorization"] == "Bearer t1":
            refused.wait()
            return Answer("carrier.example", 401, {}, b"")
        return Answer("carrier.example", 200, {}, b"")

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(tokens.send, request) for _ in range(4)]

    answers = [future.result().status for future in asked]
    assert [200] * 4 == answers
    assert 2 == len(office.asked)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), AuthError),
        (httpx.Response(401), AuthError),
        (httpx.Response(403), AuthError),
        (httpx.Response(429, headers={"Retry-After": "7"}), QuotaError),
        (httpx.Response(500), TransientError),
        (httpx.Response(200, text="<html>"), ChallengeError),
        (httpx.Response(200, json=[]), PermanentError),
        (httpx.Response(200, json={"access_token": ""}), PermanentError),
        (httpx.Response(200, json={"access_token": "a\nb"}), PermanentError),
        (httpx.Response(200, json={"access_token": "é"}), PermanentError),
    ],
)
def test_no_token_is_one_of_the_four_branches_and_keeps_the_secret(
    wired: Wired, clock: FakeClock, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    tokens = _tokens(wired(lambda _: answer), clock)

    with pytest.raises(error) as caught:
        tokens.send(Carrier())

    assert error is type(caught.value)
    assert "hush" not in str(caught.value)


def test_a_failed_renewal_leaves_the_next_call_free_to_try_again(
    wired: Wired, clock: FakeClock
) -> None:
    answers = iter([httpx.Response(500), httpx.Response(200, json={"access_token": "t1"})])
    tokens = _tokens(wired(lambda _: next(answers)), clock)

    with pytest.raises(TransientError):
        tokens.send(Carrier())

    assert 200 == tokens.send(Carrier()).status

"""How much strangers may ask for, who they are, and what that costs the others: nothing."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mailtrack.web import server
from mailtrack.web.limits import Limiter, Shares, asker

THREE = (3, 0.5)
PLENTY = (1e9, 1e9)


def test_a_few_look_ups_pass_at_once_and_then_one_every_while() -> None:
    limiter = Limiter(THREE, PLENTY)

    assert [0, 0, 0, 2] == [limiter.wait_s("a", 10.0) for _ in range(4)]
    assert [0, 2] == [limiter.wait_s("a", 12.0) for _ in range(2)]


def test_one_who_asks_too_often_keeps_nobody_else_waiting() -> None:
    limiter = Limiter(THREE, PLENTY)
    for _ in range(100):
        limiter.wait_s("a", 0.0)

    assert 0 == limiter.wait_s("b", 0.0)


def test_all_together_have_a_limit_too() -> None:
    limiter = Limiter(PLENTY, THREE)

    assert [0, 0, 0, 2] == [limiter.wait_s(str(number), 0.0) for number in range(4)]
    assert 0 == limiter.wait_s("late", 2.0)


def test_who_is_sent_away_for_the_others_loses_nothing_of_their_own() -> None:
    limiter = Limiter((1, 0.001), (1, 1.0))
    limiter.wait_s("a", 0.0)

    assert [1, 0] == [limiter.wait_s("b", 0.0), limiter.wait_s("b", 1.0)]


def test_ten_thousand_askers_take_the_memory_of_a_hundred() -> None:
    limiter = Limiter(THREE, PLENTY, most=100)
    for number in range(10_000):
        limiter.wait_s(f"10.0.{number // 256}.{number % 256}", 0.0)

    assert 100 == limiter.remembered


def test_who_asks_on_is_remembered_longest() -> None:
    limiter = Limiter(THREE, PLENTY, most=2)
    for _ in range(3):
        limiter.wait_s("a", 0.0)
    for other in ("b", "c", "d"):
        limiter.wait_s(other, 0.0)
        assert limiter.wait_s("a", 0.0)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        (None, "unknown"),
        ("<script>\r\n", "unknown"),
        ("9" * 10_000, "unknown"),
    ],
)
def test_a_home_is_one_asker_whatever_its_address(host: str | None, name: str) -> None:
    assert name == asker(host)


# --- how much at a time ---------------------------------------------------------------


def test_who_has_enough_under_way_waits_and_nobody_else_does() -> None:
    shares = Shares(most=2)

    assert [True, True, False] == [shares.take("203.0.113.7") for _ in range(3)]
    assert shares.take("203.0.113.8")
    shares.give_back("203.0.113.7")
    assert [True, False] == [shares.take("203.0.113.7") for _ in range(2)]


def test_a_home_has_one_share_whatever_its_address() -> None:
    shares = Shares(most=1)

    assert [True, False] == [shares.take(f"2001:db8:1:2::{n}") for n in (1, 2)]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "172.18.0.3",
        "::ffff:172.18.0.3",
        "192.0.2.9",
        "2001:db8::5",
    ],
)
def test_proxies_come_for_many(host: str) -> None:
    shares = Shares("172.16.0.0/12,192.0.2.9/32,2001:db8::/64", most=1)

    assert all(shares.take(host) for _ in range(5))


@pytest.mark.parametrize("host", ["172.32.0.1", "192.0.2.8", "2001:db8:0:1::1", "", None, "junk"])
def test_others_have_one_share_each(host: str | None) -> None:
    shares = Shares("172.16.0.0/12,192.0.2.9/32,2001:db8::/64", most=1)

    assert [True, False] == [shares.take(host) for _ in range(2)]


def test_what_is_over_takes_no_memory() -> None:
    shares = Shares()
    for number in range(1_000):
        shares.take(f"2001:db8:1:{number:x}::1")
        shares.give_back(f"2001:db8:1:{number:x}::1")

    assert 0 == shares.remembered


# --- who asks -------------------------------------------------------------------------


async def _who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(asker(request.client.host if request.client else None))


def _seen(proxies: str, peer: str, *forwarded: str) -> str:
    """Return whom the pages take for the asker of a request that comes from a peer."""
    config = server.configure(Starlette(routes=[Route("/", _who)]), proxies)
    config.load()

    async def ask() -> str:
        transport = httpx.ASGITransport(config.loaded_app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport) as client:
            headers = [("X-Forwarded-For", value) for value in forwarded]
            return (await client.get("http://x/", headers=headers)).text

    return asyncio.run(ask())


OURS = "127.0.0.1/32,172.16.0.0/12,2001:db8:ffff::/48"


@pytest.mark.parametrize(
    ("forwarded", "asker"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["[2001:db8::1]:4711"], "2001:db8::"),
        (["[2001:db8::1]"], "2001:db8::"),
        (["2001:db8::1"], "2001:db8::"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["[::ffff:203.0.113.7]:4711"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the left one is the visitor's invention
        (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 172.16.0.9"], "203.0.113.7"),
        (["203.0.113.7, 172.16.0.9:80, [2001:db8:ffff::2]:80"], "203.0.113.7"),
        (["203.0.113.7, ::ffff:172.16.0.9"], "203.0.113.7"),
        (["203.0.113.7, unknown"], "unknown"),
        (["203.0.113.7, _hidden"], "unknown"),
        (["203.0.113.7, 300.1.1.1:99999999999999"], "unknown"),
        (["203.0.113.7, [::1"], "unknown"),
        (["203.0.113.7,"], "127.0.0.1"),
        ([""], "127.0.0.1"),
        ([], "127.0.0.1"),
        (["172.16.0.9"], "172.16.0.9"),
        ([", ".join(["198.51.100.1"] * 5_000 + ["203.0.113.7"])], "203.0.113.7"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_the_asker_is_the_last_of_those_who_are_no_proxies_of_ours(
    forwarded: list[str], asker: str
) -> None:
    assert asker == _seen(OURS, "127.0.0.1", *forwarded)


@pytest.mark.parametrize("peer", ["::ffff:127.0.0.1", "172.18.0.1", "::ffff:172.18.0.1"])
def test_a_proxy_is_known_by_whichever_name_its_socket_has(peer: str) -> None:
    assert "203.0.113.7" == _seen(OURS, peer, "203.0.113.7:4711")


@pytest.mark.parametrize(("proxies", "peer"), [(OURS, "203.0.113.9"), ("", "127.0.0.1")])
def test_who_is_no_proxy_of_ours_speaks_for_themselves_alone(proxies: str, peer: str) -> None:
    assert peer == _seen(proxies, peer, "198.51.100.1")

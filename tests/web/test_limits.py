"""How often strangers may look up, and what that costs the others: nothing."""

import pytest

from mailtrack.web.limits import Limiter, asker

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

"""The day of an order, told on the parcel's page: the protection is counted from it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import orders, people, personal_data
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app
from mailtrack.web.order_day import read_order_day
from tests.web.conftest import words_of

Rows = Callable[..., list[Mapping[str, Any]]]
ORDER = "3054169918880001"
FORM = "#ordered-on"


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    return follow()


@pytest.fixture
def order(store: Store, clock: FakeClock, mine: Subscription) -> Callable[..., None]:
    """Let a mail of AliExpress name the order, with or without its day."""

    def make(day: date | None = None, shop: str = "aliexpress") -> None:
        with store.write() as connection:
            known = orders.order_of(connection, mine.subscriber, ORDER, shop, day, clock.now())
            assert mine.parcel is not None
            orders.join_parcel(connection, known, mine.parcel)

    return make


@pytest.fixture
def ask(services: Services, link: Callable[..., str], mine: Subscription) -> Callable[..., Any]:
    """Ask for the parcel's page; with a day, send its form."""
    app = make_app(services)

    def make(typed: str | None = None) -> LexborHTMLParser:
        async def go() -> httpx.Response:
            form = None if typed is None else {"do": "order_day", "ordered_on": typed}
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                method = "GET" if form is None else "POST"
                return await client.request(method, link(Purpose.TIMELINE, mine.id), data=form)

        answer = asyncio.run(go())
        assert 200 == answer.status_code
        return LexborHTMLParser(answer.text)

    return make


def _day(rows: Rows) -> tuple[date | None, bool]:
    (row,) = rows(t.shop_order)
    return row["ordered_at"], row["dated_by_owner"]


def test_a_day_that_no_mail_told_is_asked_for_kept_and_counted_from(
    ask: Callable[..., Any], order: Callable[..., None], rows: Rows, clock: FakeClock
) -> None:
    order()
    today = clock.now().date()
    assert "Fin de la protection" not in words_of(ask())

    saved = ask(today.isoformat())

    assert "C’est noté : nous comptons à partir de ce jour." in words_of(saved)
    assert "Fin de la protection" in words_of(saved)
    assert "60 jours après la commande" in words_of(saved)
    assert today.isoformat() == saved.css_first(FORM).attributes["value"]
    assert (today, True) == _day(rows)


def test_an_empty_field_takes_the_day_back(
    ask: Callable[..., Any], order: Callable[..., None], rows: Rows, clock: FakeClock
) -> None:
    order()
    ask(clock.now().date().isoformat())

    assert "effacé" in words_of(ask(""))
    assert (None, False) == _day(rows)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2035-01-01", "à venir"),
        ("2001-01-01", "plus de deux ans"),
        ("demain", "Nous ne lisons pas cette date"),
        ("2026-02-31", "Nous ne lisons pas cette date"),
        ("<script>", "Nous ne lisons pas cette date"),
    ],
)
def test_a_day_that_cannot_be_is_refused_in_one_line(
    ask: Callable[..., Any], order: Callable[..., None], rows: Rows, typed: str, said: str
) -> None:
    order()

    (box,) = ask(typed).css("[role=status]")

    assert said in box.text()
    assert (None, False) == _day(rows)


def test_a_mail_knows_better_than_who_typed_a_day(
    ask: Callable[..., Any], order: Callable[..., None], rows: Rows, clock: FakeClock
) -> None:
    order()
    today = clock.now().date()
    ask(today.isoformat())
    order(date(2026, 1, 2))
    assert (date(2026, 1, 2), False) == _day(rows)

    assert not ask().css(FORM)
    ask(today.isoformat())
    assert (date(2026, 1, 2), False) == _day(rows)


@pytest.mark.parametrize("shop", ["amazon", "temu"])
def test_nobody_is_asked_whose_shop_promises_nothing(
    ask: Callable[..., Any], order: Callable[..., None], shop: str
) -> None:
    order(shop=shop)

    assert not ask().css(FORM)


def test_another_person_s_order_of_the_same_number_is_not_touched(
    ask: Callable[..., Any],
    order: Callable[..., None],
    rows: Rows,
    store: Store,
    clock: FakeClock,
) -> None:
    with store.write() as connection:
        bruno = people.subscriber_of(connection, "bruno@example.org", clock.now())
        orders.order_of(connection, bruno, ORDER, "aliexpress", None, clock.now())
    order()
    ask(clock.now().date().isoformat())

    days = {row["subscriber_id"]: row["ordered_at"] for row in rows(t.shop_order)}
    assert days[bruno] is None
    assert 1 == sum(day is not None for day in days.values())


def test_the_day_is_in_the_export(
    ask: Callable[..., Any],
    order: Callable[..., None],
    store: Store,
    mine: Subscription,
    clock: FakeClock,
) -> None:
    order()
    ask(clock.now().date().isoformat())

    with store.read() as connection:
        kept = personal_data.everything_about_subscriber(
            connection, mine.subscriber, lambda _: "colis+x@example.org"
        )

    assert [clock.now().date().isoformat()] == [one["ordered_at"] for one in kept["parcels"]]


def test_a_day_may_be_typed_as_people_write_it() -> None:
    assert date(2026, 1, 14) == read_order_day(" 14/01/2026 ", date(2026, 3, 10))

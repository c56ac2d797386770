"""The list of somebody's parcels: added to by hand, put aside, searched and sorted."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import schema as t
from mailtrack.store import subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.following import NOT_ENDED, Selection, Sorting
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app
from mailtrack.web.parcel_list import SEARCHED_FROM, ListAddress

Rows = Callable[..., list[Mapping[str, Any]]]
Ask = Callable[..., httpx.Response]
Many = Callable[[int], list[Subscription]]
CERTAIN, MISCOPIED = "LP00123456789013", "6A15602676301"


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    return follow()


@pytest.fixture
def many(follow: Callable[..., Subscription]) -> Many:
    def make(count: int) -> list[Subscription]:
        names = (f"Article {chr(65 + one % 26)}" for one in range(count))
        return [
            follow(number=f"LP0012345678{one:04}", items=(name,)) for one, name in enumerate(names)
        ]

    return make


@pytest.fixture
def ask(services: Services, link: Callable[..., str]) -> Ask:
    app = make_app(services)

    def make(
        mine: Subscription, query: str = "", form: Mapping[str, str] | None = None
    ) -> httpx.Response:
        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                address = link(Purpose.PREFERENCES, mine.subscriber) + query
                return await client.request("POST" if form else "GET", address, data=form)

        return asyncio.run(go())

    return make


def _names(answer: httpx.Response) -> list[str]:
    page = LexborHTMLParser(answer.text)
    return [node.text() for node in page.css(".list .what a")]


def _words(answer: httpx.Response) -> str:
    body = LexborHTMLParser(answer.text).body
    assert body
    return " ".join(body.text(separator=" ").split())


# --- a number added by hand -----------------------------------------------------------


def test_a_typed_number_is_followed_as_one_in_a_mail_is(
    ask: Ask, mine: Subscription, rows: Rows
) -> None:
    answer = ask(mine, form={"do": "add", "number": f" {CERTAIN.lower()} "})

    assert f"nous suivons {CERTAIN}" in _words(answer)
    assert CERTAIN in _names(answer)
    assert ["registered"] == [row["kind"] for row in rows(t.notice)]
    assert CERTAIN in {row["number"] for row in rows(t.leg)}


def test_a_number_typed_twice_is_followed_once(ask: Ask, mine: Subscription, rows: Rows) -> None:
    for _ in range(2):
        ask(mine, form={"do": "add", "number": CERTAIN})

    assert 2 == len(rows(t.subscription))
    assert 1 == len(rows(t.notice))


def test_a_miscopied_number_is_asked_about_on_the_page_of_the_question(
    ask: Ask, mine: Subscription, link: Callable[..., str], rows: Rows
) -> None:
    answer = ask(mine, form={"do": "add", "number": MISCOPIED})

    (asked,) = rows(t.doubtful_number)
    assert (303, link(Purpose.FOLLOW, asked["id"])) == (
        answer.status_code,
        answer.headers["location"],
    )
    assert 1 == len(rows(t.subscription))


@pytest.mark.parametrize(
    "typed", ["", "bonjour", "12", "<script>", "\x00", "🎁" * 60, "06 39 98 00 00"]
)
def test_what_is_no_number_is_refused_in_one_line(
    ask: Ask, mine: Subscription, rows: Rows, typed: str
) -> None:
    answer = ask(mine, form={"do": "add", "number": typed})

    (box,) = LexborHTMLParser(answer.text).css(".alert[role=status]")
    assert "pas un numéro de colis" in box.text()
    assert 1 == len(rows(t.subscription))


def test_a_day_has_its_share_of_typed_numbers_too(
    ask: Ask, mine: Subscription, services: Services, rows: Rows
) -> None:
    vars(services)["quotas"] = ParcelQuotas(per_address=1, per_domain=9, in_all=9)

    assert "revenez demain" in _words(ask(mine, form={"do": "add", "number": CERTAIN}))
    assert 1 == len(rows(t.subscription))


def test_whoever_types_numbers_in_a_row_is_asked_to_wait(ask: Ask, mine: Subscription) -> None:
    answers = {ask(mine, form={"do": "add", "number": "x"}).status_code for _ in range(40)}

    assert {200, 429} == answers


# --- what is over ---------------------------------------------------------------------


def test_what_is_over_is_one_click_away(
    ask: Ask, many: Many, store: Store, clock: FakeClock
) -> None:
    way, here, received = many(3)
    with store.write() as connection:
        subscriptions.save_states(connection, {here.id: (Milestone.DELIVERED, clock.now(), None)})
        subscriptions.receive(connection, received.id, clock.now())

    assert ["Article A"] == _names(ask(way))
    assert "1 suivi en cours" in _words(ask(way))
    assert "Mes colis terminés (2)" in _words(ask(way))
    assert ["Article C", "Article B"] == _names(ask(way, "?vue=termines"))
    assert "90 jours" in _words(ask(way, "?vue=termines"))


def test_who_has_everything_stopped_still_sees_it_in_the_list(
    ask: Ask, many: Many, store: Store, clock: FakeClock
) -> None:
    (one,) = many(1)
    with store.write() as connection:
        subscriptions.mute(connection, one.id, clock.now())

    assert ["Article A"] == _names(ask(one))


# --- search and sorting ---------------------------------------------------------------


def test_a_short_list_has_nothing_to_search_by(ask: Ask, many: Many) -> None:
    one, *_ = many(SEARCHED_FROM - 1)

    assert 'name="q"' not in ask(one).text


def test_a_long_list_is_searched_by_name_and_number(ask: Ask, many: Many, store: Store) -> None:
    one, two, *_ = many(SEARCHED_FROM)
    with store.write() as connection:
        subscriptions.rename(connection, two.id, "Cadeau 100 %")

    assert 'name="q"' in ask(one).text
    assert ["Cadeau 100\xa0%"] == _names(ask(one, "?q=cadeau"))
    assert ["Article D"] == _names(ask(one, "?q=LP00123456780003"))
    assert ["Cadeau 100\xa0%"] == _names(ask(one, "?q=%25"))
    assert [] == _names(ask(one, "?q=_____nothing"))
    assert "Rien ici ne porte" in _words(ask(one, "?q=%3Cscript%3E"))


def test_a_long_list_is_sorted_as_asked(
    ask: Ask, many: Many, store: Store, clock: FakeClock
) -> None:
    all_of_them = many(SEARCHED_FROM)
    with store.write() as connection:
        for hours, one in ((2, all_of_them[4]), (1, all_of_them[9])):
            at = clock.now() - timedelta(hours=hours)
            subscriptions.save_states(connection, {one.id: (Milestone.IN_TRANSIT, at, None)})

    assert "Article T" == _names(ask(all_of_them[0]))[0]
    assert "Article A" == _names(ask(all_of_them[0], "?tri=nom"))[0]
    assert ["Article J", "Article E"] == _names(ask(all_of_them[0], "?tri=nouvelles"))[:2]


def test_nobody_finds_what_is_another_s(
    ask: Ask, many: Many, follow: Callable[..., Subscription]
) -> None:
    one, *_ = many(SEARCHED_FROM)
    follow(number="LP00999999999999", address="bruno@example.org", items=("Secret",))

    assert [] == _names(ask(one, "?q=Secret"))


def test_pages_of_a_search_and_their_buttons_keep_to_it(ask: Ask, many: Many) -> None:
    one, *_ = many(60)
    page = LexborHTMLParser(ask(one, "?q=article&tri=nom&page=2").text)

    assert 10 == len(page.css(".list .what a"))
    (newer,) = page.css(".pages a")
    assert str(newer.attributes["href"]).endswith("?q=article&tri=nom")
    stops = page.css("form:has(input[value=stop])")
    assert all("q=article&tri=nom&page=2" in str(one.attributes["action"]) for one in stops)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ({}, ListAddress()),
        ({"vue": "x", "tri": "' --", "page": "-1"}, ListAddress()),
        ({"page": "0"}, ListAddress()),
        ({"page": "9" * 40}, ListAddress()),
        (
            {"q": " a\r\nb ", "tri": "nom", "page": "3"},
            ListAddress(Selection(False, "a b", Sorting.NAME), 3),
        ),
    ],
)
def test_a_query_means_what_it_says_or_the_usual(
    query: Mapping[str, str], read: ListAddress
) -> None:
    assert read == ListAddress.read(query)


def test_an_address_is_read_as_it_was_written() -> None:
    there = ListAddress(Selection(True, "é&=# %", Sorting.NEWS), 7)
    query = dict(httpx.URL(there.behind("https://example.org/p/x")).params)

    assert there == ListAddress.read(query)
    assert "/p/x" == ListAddress(NOT_ENDED).behind("/p/x")

"""The page of an order that has no parcel: waiting for one, ended, or told of by mails alone."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import SubscriberId, SubscriptionId
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.notify.french import stage
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import orders, parcels, people, subscriptions
from mailtrack.store.engine import Store
from mailtrack.tracking import merging
from mailtrack.web.app import make_app
from tests.web.conftest import words_of

Ask = Callable[..., LexborHTMLParser]
Order = Callable[..., tuple[SubscriberId, SubscriptionId]]

ORDER = "3054169918880001"
AWAITS = "Attend son numéro de colis"


@pytest.fixture
def ask(services: Services, link: Callable[..., str]) -> Ask:
    """Open the page of a link."""
    app = make_app(services)

    async def go(address: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.get(address)

    def make(purpose: Purpose, number: int, query: str = "") -> LexborHTMLParser:
        answer = asyncio.run(go(link(purpose, number) + query))
        assert 200 == answer.status_code
        return LexborHTMLParser(answer.text)

    return make


@pytest.fixture
def order(store: Store, clock: FakeClock) -> Order:
    """Let Ana follow an order without a parcel; mails then tell its steps, one by one."""

    def make(
        *steps: Milestone,
        number: str = ORDER,
        unwanted: frozenset[str] = frozenset(),
        shop: str = "aliexpress",
    ) -> tuple[SubscriberId, SubscriptionId]:
        now = clock.now()
        with store.write() as connection:
            owner = people.subscriber_of(connection, "ana@example.org", now)
            people.choose(connection, owner, NoticePreferences(unwanted))
            bought = orders.order_of(connection, owner, number, shop, None, now)
            mine, _ = subscriptions.follow_order(connection, owner, bought, ["Tapis"], now)
            for step in steps:
                event = subscriptions.mail_event_of(step, "parcel_update", now)
                merging.take_in_order_mail(connection, mine, [event], now)
        return owner, mine

    return make


def _title(page: LexborHTMLParser) -> str:
    (title,) = page.css("h1")
    return title.text()


def test_an_order_that_waits_says_what_to_forward(ask: Ask, order: Order) -> None:
    owner, mine = order()

    assert "Commande en attente de son colis" == _title(ask(Purpose.TIMELINE, mine))
    assert AWAITS in words_of(ask(Purpose.PREFERENCES, owner))


@pytest.mark.parametrize("end", ENDS_OF_AN_ORDER)
def test_an_order_that_ended_asks_nobody_to_forward_its_parcel(
    ask: Ask, order: Order, end: Milestone
) -> None:
    owner, mine = order(end)
    page = ask(Purpose.TIMELINE, mine)

    assert stage(end) == _title(page)
    assert "le suivi commencera aussitôt" not in words_of(page)
    listed = words_of(ask(Purpose.PREFERENCES, owner))
    assert AWAITS not in listed
    assert "Mes colis terminés (1)" in listed


def test_an_order_has_ended_for_who_wants_no_mail_about_it_too(ask: Ask, order: Order) -> None:
    _, mine = order(Milestone.CANCELLED, unwanted=frozenset({Milestone.CANCELLED}))

    assert "Commande annulée" == _title(ask(Purpose.TIMELINE, mine))


def test_a_refund_after_a_cancellation_is_what_is_shown(ask: Ask, order: Order) -> None:
    _, mine = order(Milestone.CANCELLED, Milestone.REFUNDED)
    page = ask(Purpose.TIMELINE, mine)

    assert "Commande remboursée" == _title(page)
    assert page.css("main.good")
    assert "15 à 30 jours" in words_of(page).replace("\u00a0", " ")


def test_a_cancelled_order_says_where_to_look_for_the_money(ask: Ask, order: Order) -> None:
    _, mine = order(Milestone.CANCELLED)
    page = ask(Purpose.TIMELINE, mine)

    assert page.css("main.alert")
    assert "Vérifiez le remboursement" in words_of(page)


def test_a_parcel_that_comes_after_all_has_its_own_page(
    ask: Ask, order: Order, store: Store, clock: FakeClock
) -> None:
    owner, mine = order(Milestone.CANCELLED)
    with store.write() as connection:
        parcel = parcels.lock_named(connection, ["LP00123456789012"], clock.now()).named[
            "LP00123456789012"
        ]
        parcels.add_leg(connection, parcel, "cainiao", "LP00123456789012", clock.now())
        bought = orders.order_of(connection, owner, ORDER, "aliexpress", None, clock.now())
        subscriptions.follow_parcel(connection, owner, parcel, [bought], [], clock.now())

    assert "Pas encore connu des transporteurs" == _title(ask(Purpose.TIMELINE, mine))


def test_many_ended_orders_are_listed_with_as_few_queries_as_one(
    ask: Ask, order: Order, statements: Callable[[], list[str]]
) -> None:
    owner, _ = order(Milestone.CANCELLED)
    statements()
    ask(Purpose.PREFERENCES, owner, "?vue=termines")
    one = len(statements())
    for number in range(20):
        order(Milestone.REFUNDED, number=f"30541699188800{number:02}9")
    statements()
    listed = ask(Purpose.PREFERENCES, owner, "?vue=termines")

    assert one == len(statements())
    assert 20 == words_of(listed).count("Commande remboursée, ")


@pytest.mark.parametrize("step", [Milestone.ORDER_RECEIVED, Milestone.SHIPPED])
def test_an_order_that_was_sent_at_most_waits_for_its_parcel_still(
    ask: Ask, order: Order, step: Milestone
) -> None:
    owner, mine = order(step)
    page = ask(Purpose.TIMELINE, mine)

    assert "Commande en attente de son colis" == _title(page)
    assert "le mail d’AliExpress qui donne le numéro du colis" in words_of(page)
    assert stage(step) in words_of(page)
    assert AWAITS in words_of(ask(Purpose.PREFERENCES, owner))


def test_an_order_whose_shop_names_no_parcel_shows_its_steps_and_asks_for_its_mails(
    ask: Ask, order: Order
) -> None:
    owner, mine = order(
        Milestone.ORDER_RECEIVED,
        Milestone.SHIPPED,
        Milestone.OUT_FOR_DELIVERY,
        number="405-1234567-1234567",
        shop="amazon",
    )
    page = ask(Purpose.TIMELINE, mine)
    words = words_of(page)

    assert "En cours de livraison" == _title(page)
    steps = [node.text().strip() for node in page.css("ol.events span")]
    assert ["En cours de livraison", "Expédié", "Commande reçue"] == steps
    assert "405-1234567-1234567" in words
    assert "Amazon ne donne ni le numéro de ses colis ni leur transporteur" in words
    assert "AliExpress" not in words
    assert "suivi?number" not in (page.html or "")
    assert "En cours de livraison, " in words_of(ask(Purpose.PREFERENCES, owner))


def test_an_order_that_something_happened_to_does_not_wait_for_a_number(
    ask: Ask, order: Order
) -> None:
    _, mine = order(Milestone.EXCEPTION)
    page = ask(Purpose.TIMELINE, mine)

    assert "Incident" == _title(page)
    assert "ouvrez un litige dans" in words_of(page)


def test_an_order_without_a_step_is_noted_where_no_parcel_is_to_come(
    ask: Ask, order: Order
) -> None:
    _, mine = order(shop="amazon")

    assert "Commande notée" == _title(ask(Purpose.TIMELINE, mine))


@pytest.mark.parametrize(
    ("step", "tone", "words"),
    [
        (Milestone.DELIVERED, "good", "Arrivé à destination"),
        (Milestone.DELIVERY_FAILED, "alert", "Cherchez l’avis de passage"),
        (Milestone.PICKUP_AVAILABLE, "calm", "le mail d’Amazon dit où et jusqu’à quand"),
        (Milestone.EXCEPTION, "alert", "S’il est perdu ou abîmé"),
    ],
)
def test_the_page_of_an_order_says_what_its_step_asks_for(
    ask: Ask, order: Order, step: Milestone, tone: str, words: str
) -> None:
    _, mine = order(step, shop="amazon")
    page = ask(Purpose.TIMELINE, mine)

    assert page.css(f"main.{tone}")
    assert words in words_of(page).replace("\u00a0", " ")


def test_a_delivered_order_asks_for_no_more_mails(ask: Ask, order: Order) -> None:
    _, mine = order(Milestone.DELIVERED, shop="amazon")

    assert "Transférez" not in words_of(ask(Purpose.TIMELINE, mine))

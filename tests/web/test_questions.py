"""« Est-ce votre colis ? »: whoever looks changes nothing, a click follows, a second finds it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.model import SubscriberId
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import doubtful_numbers, erasure, orders, people, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app
from tests.web.test_app import Browser

Rows = Callable[..., list[Mapping[str, Any]]]
Ask = Callable[..., str]

NUMBER = "6A15602676301"
YES = {"do": "follow"}


@pytest.fixture
def client(services: Services) -> Browser:
    vars(services)["on"] = frozenset({"cainiao", "laposte"})
    return Browser(make_app(services))


@pytest.fixture
def ana(store: Store, clock: FakeClock) -> SubscriberId:
    with store.write() as connection:
        return people.subscriber_of(connection, "ana@example.org", clock.now())


@pytest.fixture
def question(
    ana: SubscriberId, store: Store, clock: FakeClock, link: Callable[[Purpose, int], str]
) -> str:
    """The link in a mail that asks Ana about a number."""
    with store.write() as connection:
        doubtful_numbers.ask(
            connection, ana, NUMBER, ["laposte"], "check_digit", "trace", clock.now()
        )
    return link(Purpose.FOLLOW, 1)


def title(html: str) -> str:
    return LexborHTMLParser(html).css("h1")[0].text()


def test_the_page_asks_and_names_the_number_and_its_carrier(
    client: Browser, question: str, rows: Rows
) -> None:
    page = client.get(question)

    assert "Est-ce votre colis\u202f?" == title(page.text)
    assert NUMBER in page.text
    assert "La Poste" in page.text
    assert "ana@example.org" not in page.text
    assert [] == rows(t.parcel)


@pytest.mark.parametrize("form", [{}, {"do": "stop"}, {"List-Unsubscribe": "One-Click"}])
def test_what_is_not_a_yes_follows_nothing(
    client: Browser, question: str, rows: Rows, form: Mapping[str, str]
) -> None:
    assert "Est-ce votre colis\u202f?" == title(client.post(question, data=form).text)
    assert [] == rows(t.subscription)


def test_a_click_follows_it_and_leads_to_its_page(
    client: Browser, question: str, ana: SubscriberId, rows: Rows
) -> None:
    page = client.post(question, data=YES)

    assert "C’est noté" == title(page.text)
    assert [(ana, NUMBER)] == [
        (mine["subscriber_id"], rows(t.parcel, id=mine["parcel_id"])[0]["number"])
        for mine in rows(t.subscription)
    ]
    assert ["laposte"] == [leg["carrier"] for leg in rows(t.leg)]
    assert ["registered"] == [notice["kind"] for notice in rows(t.notice)]
    (timeline,) = LexborHTMLParser(page.text).css('a[href*="/c/"]')
    assert 200 == client.get(str(timeline.attributes["href"])).status_code


def test_a_second_click_finds_it_followed(client: Browser, question: str, rows: Rows) -> None:
    client.post(question, data=YES)

    assert "Ce colis est déjà suivi" == title(client.post(question, data=YES).text)
    assert "Ce colis est déjà suivi" == title(client.get(question).text)
    assert (1, 1) == (len(rows(t.subscription)), len(rows(t.notice)))


def test_a_number_that_is_followed_already_is_not_asked_about(
    client: Browser, question: str, follow: Callable[..., Subscription]
) -> None:
    follow(NUMBER)

    assert "Ce colis est déjà suivi" == title(client.get(question).text)


def test_that_somebody_else_follows_it_answers_nothing(
    client: Browser, question: str, follow: Callable[..., Subscription]
) -> None:
    follow(NUMBER, address="bruno@example.org")

    assert "Est-ce votre colis\u202f?" == title(client.get(question).text)


def test_an_order_that_awaits_its_parcel_answers_nothing(
    client: Browser, question: str, ana: SubscriberId, store: Store, clock: FakeClock
) -> None:
    """Its subscription has no parcel, and neither has a number that nobody follows."""
    now = clock.now()
    with store.write() as connection:
        for number in ("3054169918880001", "3054169918880002"):
            order = orders.order_of(connection, ana, number, "aliexpress", None, now)
            subscriptions.follow_order(connection, ana, order, [], now)

    assert "Est-ce votre colis\u202f?" == title(client.get(question).text)
    assert "C’est noté" == title(client.post(question, data=YES).text)


def test_what_was_stopped_since_is_asked_about_again(
    client: Browser, question: str, store: Store, clock: FakeClock, rows: Rows
) -> None:
    client.post(question, data=YES)
    (mine,) = rows(t.subscription)
    with store.write() as connection:
        subscriptions.mute(connection, mine["id"], clock.now())

    assert "Est-ce votre colis\u202f?" == title(client.get(question).text)
    assert "C’est noté" == title(client.post(question, data=YES).text)
    assert [None] == [row["muted_at"] for row in rows(t.subscription)]


def test_on_a_full_day_it_is_said_so_and_the_link_is_good_for_tomorrow(
    client: Browser, question: str, services: Services, rows: Rows
) -> None:
    vars(services)["quotas"] = ParcelQuotas(per_address=0, per_domain=300, in_all=20_000)
    assert "Trop de nouveaux colis aujourd’hui" == title(client.post(question, data=YES).text)
    assert [] == rows(t.parcel)

    del vars(services)["quotas"]
    assert "C’est noté" == title(client.post(question, data=YES).text)


def test_who_had_left_hears_of_this_parcel_again(
    client: Browser, question: str, ana: SubscriberId, store: Store, clock: FakeClock, rows: Rows
) -> None:
    with store.write() as connection:
        people.unsubscribe(connection, ana, clock.now())
    client.post(question, data=YES)

    assert [None] == [row["unsubscribed_at"] for row in rows(t.subscriber)]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("why", ["old", "erased"])
def test_a_question_that_is_asked_no_more_says_so_and_follows_nothing(
    client: Browser,
    question: str,
    ana: SubscriberId,
    store: Store,
    clock: FakeClock,
    rows: Rows,
    method: str,
    why: str,
) -> None:
    with store.write() as connection:
        if why == "old":
            erasure.forget_questions(connection, clock.now() + timedelta(days=1))
        else:
            erasure.erase(connection, ana)
    answer = client.request(method, question, data=YES if method == "POST" else None)

    assert (410, "Cette question n’est plus posée") == (answer.status_code, title(answer.text))
    assert [] == rows(t.parcel)


def test_nobody_makes_a_link_for_somebody_else(
    client: Browser, question: str, ana: SubscriberId, services: Services, store: Store
) -> None:
    """Neither their own token nor the key of another row opens the page of a question."""
    with store.read() as connection:
        key = people.key_of(connection, ana)
    token = services.links.link(Purpose.PREFERENCES, key).rpartition("/")[2]

    assert 404 == client.post(f"/f/{token}", data=YES).status_code
    assert 410 == client.post(services.links.link(Purpose.FOLLOW, key), data=YES).status_code

"""What somebody does with one parcel of theirs: a name, "reçu", another carrier."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.inbox.subscriptions import ASKED_AGAIN_AFTER
from mailtrack.notify.defusing import NO_LINK
from mailtrack.notify.links import Purpose
from mailtrack.notify.render import RenderedMail, Renderer, templates_dir
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import (
    followers,
    named_carriers,
    notices,
    people,
    personal_data,
    subscription_details,
)
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app
from mailtrack.web.own_name import LONGEST, read_own_name
from tests.web.conftest import words_of

Rows = Callable[..., list[Mapping[str, Any]]]
Page = Callable[..., LexborHTMLParser]
#: Twelve digits that GLS, Mondial Relay, FedEx and others may have.
SHARED = "123456789012"
HOSTILE = (
    "https://evil.example/x",
    "<script>alert(1)</script>",
    "Léa\r\nBcc: a@example.org",
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnol\u202c",
    "06 39 98 00 00",
    '"><img src=x onerror=alert(1)>',
)


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    return follow()


@pytest.fixture
def press(services: Services, link: Callable[..., str]) -> Page:
    """Send a form to the page of a parcel (or of all parcels), and return what it shows."""
    app = make_app(services)

    def make(mine: Subscription, *, everywhere: bool = False, **form: str) -> LexborHTMLParser:
        purpose, number = Purpose.TIMELINE, int(mine.id)
        if everywhere:
            purpose, number = Purpose.PREFERENCES, int(mine.subscriber)
            form |= {"subscription": form.get("subscription", mine.key)}

        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                method = "POST" if form.get("do") else "GET"
                return await client.request(method, link(purpose, number), data=form)

        answer = asyncio.run(go())
        assert answer.status_code in (200, 410), answer.text
        return LexborHTMLParser(answer.text)

    return make


# --- a name of one's own ------------------------------------------------------------


def _mail(services: Services, store: Store, clock: FakeClock, mine: Subscription) -> RenderedMail:
    """Write the mail that is owed first about a parcel."""
    with store.write() as connection:
        now, later = clock.now(), clock.later(60)
        notices.owe_follower(connection, mine.id, NoticeKind.REGISTERED, occurrence="1", now=now)
        due = notices.claim_notices(connection, token="t", now=now, until=later, limit=1)
        ((notice, to),) = notices.claimed(connection, due, "t")
        details = subscription_details.read(connection, [mine.id])[mine.id]
        view = services.views.notice(connection, notice, details, to.address, clock.now())
    return Renderer(templates_dir()).render(view)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_name_takes_the_place_of_the_article_s_title(
    press: Page, mine: Subscription, everywhere: bool
) -> None:
    page = press(mine, everywhere=everywhere, do="rename", name="  Cadeau de\tLéa ")

    assert "C’est noté" in words_of(page)
    assert "Cadeau de Léa" in words_of(press(mine))
    assert "Cadeau de Léa" in words_of(press(mine, everywhere=True))
    assert "Lampe de bureau" not in words_of(press(mine, everywhere=True))


def test_an_empty_name_gives_the_title_back(press: Page, mine: Subscription, rows: Rows) -> None:
    press(mine, do="rename", name="Cadeau")

    assert "effacé ce nom" in words_of(press(mine, do="rename", name=" \u200b "))
    assert "Lampe de bureau" in words_of(press(mine))
    assert rows(t.subscription)[0]["own_name"] is None


def test_too_long_a_name_is_refused_in_one_line(
    press: Page, mine: Subscription, rows: Rows
) -> None:
    press(mine, do="rename", name="x" * LONGEST)

    (box,) = press(mine, do="rename", name="y" * (LONGEST + 1)).css(".alert[role=status]")

    assert "60 caractères au plus" in box.text()
    assert rows(t.subscription)[0]["own_name"] == "x" * LONGEST


@examples(suppress_health_check=list(HealthCheck), deadline=None)
@given(typed=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=90)))
def test_whatever_is_typed_is_one_printable_line_or_refused(typed: str) -> None:
    with suppress(ValueError):
        _is_one_line(read_own_name(typed))


def _is_one_line(name: str) -> None:
    assert len(name) <= LONGEST
    assert name == name.strip() == read_own_name(name)
    assert name.replace("\xa0", "").isprintable()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_text_on_pages_and_in_subjects(
    press: Page,
    mine: Subscription,
    services: Services,
    store: Store,
    clock: FakeClock,
    name: str,
) -> None:
    before = press(mine, everywhere=True)
    press(mine, do="rename", name=name)
    after = press(mine, everywhere=True)

    for tag in ("a", "script", "img"):
        assert len(before.css(tag)) == len(after.css(tag))
    mail = _mail(services, store, clock, mine)
    assert "\n" not in mail.subject
    assert "evil.example" not in mail.subject + mail.text + words_of(after)
    assert "06 39 98" not in mail.subject + mail.text + words_of(after)


def test_a_link_in_a_name_is_said_to_be_taken_out(press: Page, mine: Subscription) -> None:
    press(mine, do="rename", name=HOSTILE[0])

    assert NO_LINK in words_of(press(mine))


def test_the_name_stands_in_the_subject_and_in_the_mail(
    press: Page, mine: Subscription, services: Services, store: Store, clock: FakeClock
) -> None:
    press(mine, do="rename", name="Cadeau de Léa")

    mail = _mail(services, store, clock, mine)

    assert "(Cadeau de Léa)" in mail.subject
    assert "Nom : Cadeau de Léa" in mail.text.replace("\u202f", " ").replace("\xa0", " ")
    assert "Lampe" not in mail.subject + mail.text + mail.html


def test_nobody_else_sees_the_name(
    press: Page, mine: Subscription, follow: Callable[..., Subscription]
) -> None:
    theirs = follow(address="bruno@example.org")
    press(mine, do="rename", name="Cadeau de Bruno")

    assert "Cadeau" not in words_of(press(theirs)) + words_of(press(theirs, everywhere=True))


def test_another_person_s_parcel_takes_no_name_from_us(
    press: Page, mine: Subscription, follow: Callable[..., Subscription], rows: Rows
) -> None:
    theirs = follow(address="bruno@example.org")

    press(mine, everywhere=True, do="rename", name="x", subscription=theirs.key)
    press(mine, everywhere=True, do="received", subscription=theirs.key)

    assert {row["own_name"] for row in rows(t.subscription)} == {None}
    assert {row["received_at"] for row in rows(t.subscription)} == {None}


def test_name_and_receipt_are_in_the_export(
    press: Page, mine: Subscription, store: Store, clock: FakeClock
) -> None:
    press(mine, do="rename", name="Cadeau")
    press(mine, do="received")

    with store.read() as connection:
        (kept,) = personal_data.everything_about_subscriber(
            connection, mine.subscriber, lambda _: ""
        )["parcels"]

    assert ("Cadeau", clock.now().isoformat()) == (kept["name"], kept["received_at"])


# --- "reçu" --------------------------------------------------------------------------


@pytest.mark.parametrize("everywhere", [False, True])
def test_who_has_it_hears_no_more_of_it_and_nobody_is_asked(
    press: Page, mine: Subscription, rows: Rows, everywhere: bool
) -> None:
    page = press(mine, everywhere=everywhere, do="received")

    assert "plus aucun mail" in words_of(page)
    assert rows(t.parcel)[0]["ended_why"] == "nobody_follows"
    assert rows(t.leg)[0]["next_poll_at"] is None
    assert "Pas encore reçu" in words_of(press(mine))


def test_others_go_on_hearing_of_a_parcel_that_one_has_received(
    press: Page,
    mine: Subscription,
    follow: Callable[..., Subscription],
    store: Store,
    rows: Rows,
) -> None:
    theirs = follow(address="bruno@example.org")
    press(mine, do="received")

    assert rows(t.leg)[0]["next_poll_at"] is not None
    assert mine.parcel
    with store.read() as connection:
        told = followers.of_parcels(connection, [mine.parcel], frozenset(Milestone))[mine.parcel]
    assert {mine.id: True, theirs.id: False} == {
        one.subscription: one.silenced is not None for one in told
    }


def test_a_receipt_is_taken_back_and_the_carrier_asked_again(
    press: Page, mine: Subscription, rows: Rows
) -> None:
    press(mine, do="received")
    press(mine, do="resume")

    (row,) = rows(t.subscription)
    assert (None, None) == (row["received_at"], row["muted_at"])
    assert rows(t.leg)[0]["next_poll_at"] is not None


def test_resuming_everything_wakes_nothing_that_was_received(
    press: Page, mine: Subscription, follow: Callable[..., Subscription], rows: Rows
) -> None:
    other = follow(number="LP00123456789013")
    press(mine, everywhere=True, do="stop_all")
    press(mine, do="received")
    press(mine, everywhere=True, do="resume_all")

    muted = {row["id"]: row["muted_at"] is not None for row in rows(t.subscription)}
    assert {mine.id: True, other.id: False} == muted


def test_a_second_click_finds_it_received(
    press: Page, mine: Subscription, clock: FakeClock, rows: Rows
) -> None:
    press(mine, do="received")
    first = rows(t.subscription)[0]["received_at"]
    clock.advance(hours=1)
    press(mine, do="received")

    assert first == rows(t.subscription)[0]["received_at"]


# --- another carrier -----------------------------------------------------------------


@pytest.fixture
def shared(follow: Callable[..., Subscription]) -> Subscription:
    return follow(number=SHARED, carrier="gls")


def _legs(rows: Rows) -> dict[str, bool]:
    """Return whether each carrier is asked."""
    return {row["carrier"]: row["next_poll_at"] is not None for row in rows(t.leg)}


def _offered(page: LexborHTMLParser) -> list[str]:
    return [str(option.attributes["value"]) for option in page.css("#carrier option")]


@pytest.fixture
def on(services: Services) -> None:
    vars(services)["on"] = {"gls", "fedex"}


@pytest.mark.usefixtures("on")
def test_a_carrier_that_its_reader_names_is_asked_in_place_of_the_guess(
    press: Page, shared: Subscription, rows: Rows
) -> None:
    assert {"gls", "fedex"} < set(_offered(press(shared)))

    page = press(shared, do="carrier", carrier="fedex")

    assert "nous interrogeons FedEx" in words_of(page)
    assert {"gls": False, "fedex": True} == _legs(rows)
    (chosen,) = page.css("#carrier option[selected]")
    assert "fedex" == chosen.attributes["value"]


@pytest.mark.usefixtures("on")
def test_one_follower_s_word_keeps_no_carrier_from_the_others(
    press: Page, shared: Subscription, follow: Callable[..., Subscription], rows: Rows
) -> None:
    follow(number=SHARED, carrier="gls", address="bruno@example.org")
    press(shared, do="carrier", carrier="fedex")

    assert {"gls": True, "fedex": True} == _legs(rows)


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("code", ["cainiao", "nobody", "<script>", "' OR 1=1"])
def test_a_carrier_that_is_not_offered_changes_nothing(
    press: Page, shared: Subscription, rows: Rows, code: str
) -> None:
    page = press(shared, do="carrier", carrier=code)

    assert not page.css("[role=status]")
    assert {"gls": True} == _legs(rows)
    assert [] == rows(t.named_carrier)


@pytest.mark.usefixtures("on")
def test_who_changes_their_mind_at_once_has_nobody_asked_sooner(
    press: Page, shared: Subscription, store: Store, clock: FakeClock, rows: Rows
) -> None:
    with store.write() as connection:
        connection.execute(t.leg.update().values(last_answer_at=clock.now()))
    press(shared, do="carrier", carrier="fedex")
    press(shared, do="carrier", carrier="gls")

    gls = next(row for row in rows(t.leg) if row["carrier"] == "gls")
    assert clock.now() + ASKED_AGAIN_AFTER == gls["next_poll_at"]


@pytest.mark.usefixtures("on")
def test_a_choice_is_taken_back(press: Page, shared: Subscription, store: Store) -> None:
    press(shared, do="carrier", carrier="fedex")
    press(shared, do="carrier", carrier="")

    with store.read() as connection:
        assert {shared.id: {}} == named_carriers.told_to(connection, [shared.id])


@pytest.mark.usefixtures("on")
def test_a_carrier_that_we_cannot_ask_is_named_with_its_page(
    press: Page, shared: Subscription
) -> None:
    page = press(shared, do="carrier", carrier="mondialrelay")

    assert "Nous ne pouvons pas interroger Mondial Relay" in words_of(page)


def test_a_number_that_names_its_carrier_leaves_no_choice(press: Page, mine: Subscription) -> None:
    assert [] == _offered(press(mine))


# --- the number ----------------------------------------------------------------------


def test_the_number_is_selected_whole_by_one_touch(press: Page, mine: Subscription) -> None:
    page = press(mine)

    assert "LP00123456789012" in [node.text() for node in page.css(".number.whole")]
    assert ".whole { -webkit-user-select: all; user-select: all; }" in page.css("style")[0].text()


def test_everything_of_it_goes_with_its_person(
    press: Page, mine: Subscription, store: Store, services: Services, clock: FakeClock, rows: Rows
) -> None:
    press(mine, do="rename", name="Cadeau")
    with store.write() as connection:
        personal_data.erase_at_their_word(
            connection, mine.subscriber, services.suppression, clock.now()
        )
        assert not people.exists(connection, mine.subscriber)

    assert [] == rows(t.subscription)

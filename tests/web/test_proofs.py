"""The proof for a dispute: made at a click, the same for whoever has its address, of nobody."""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.forecast import Forecast
from mailtrack.domain.forecast_score import Promise
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, Reason, TrackingEvent
from mailtrack.domain.proof import MOST_SCANS
from mailtrack.domain.stage_times import Lane
from mailtrack.notify.links import Purpose
from mailtrack.store import erasure, orders, parcels, promises, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.promises import PromiseMade
from mailtrack.store.subscriptions import Subscription
from mailtrack.web import proof_pdf
from mailtrack.web.limits import FILES_EACH

Ask = Callable[..., httpx.Response]
Rows = Callable[..., list[Mapping[str, Any]]]

NUMBER, LOCAL, ORDER = "LP00123456789012", "6A15602676301", "3054169918880001"
#: Typst's markup, HTML's, and a template's.
HOSTILE = '#panic("x") *b* $1 `c` <script>alert(1)</script> {{ 7*7 }} \\ [ ] @y'


@pytest.fixture
def mine(follow: Callable[..., Subscription], store: Store, clock: FakeClock) -> Subscription:
    """Ana's parcel: 34 days without news, then on its way back."""
    mine = follow(NUMBER)
    now = clock.now()
    with store.write() as connection:
        assert mine.parcel is not None
        bought = orders.order_of(connection, mine.subscriber, ORDER, "aliexpress", None, now)
        orders.join_parcel(connection, bought, mine.parcel)
        (leg,) = parcels.legs_of(connection, mine.parcel)
        for _ in range(3):
            parcels.note_answers(connection, [parcels.AnsweredLeg(leg.id, PollState.FOUND)], now)
        told = PollResult(
            NUMBER,
            PollState.FOUND,
            local_number=LOCAL,
            estimated_delivery=date(2026, 2, 20),
            pickup_point=PickupPoint("Tabac des Lilas", "12 rue de l’Exemple, 69003 Lyon"),
        )
        parcels.save_results(connection, {mine.parcel: told}, now)
        subscriptions.expect(connection, mine.id, date(2026, 2, 18), "aliexpress", "")
        days = date(2026, 2, 9), date(2026, 2, 13), date(2026, 2, 20)
        reached = date(2026, 1, 25)
        ours = Promise(
            Milestone.IN_TRANSIT, Lane("cainiao"), reached, reached, reached, Forecast(*days)
        )
        promises.add(connection, {mine.parcel: PromiseMade(ours, now - timedelta(days=36), None)})
        for event in (
            _scan(clock, Milestone.IN_TRANSIT, 36, "Departed", "Shenzhen, CN"),
            _scan(clock, Milestone.RETURNING, 2, HOSTILE, "Roissy", reason=Reason.BAD_ADDRESS),
        ):
            parcels.add_events_of_each(connection, {mine.parcel: [event]}, now)
        sent = now - timedelta(days=38)
        mailed = subscriptions.mail_event_of(Milestone.SHIPPED, "order_shipped", sent, "aliexpress")
        subscriptions.add_mail_event(connection, mine.id, mailed)
        subscriptions.save_states(
            connection,
            {mine.id: (Milestone.RETURNING, now - timedelta(days=2), Reason.BAD_ADDRESS)},
        )
    return mine


def _scan(
    clock: FakeClock,
    milestone: Milestone,
    days_ago: int,
    text: str,
    place: str = "",
    **more: Any,
) -> TrackingEvent:
    at = clock.now() - timedelta(days=days_ago)
    return TrackingEvent(at, milestone, "cainiao", text=text, place=place, **more)


@pytest.fixture
def made(ask: Ask, link: Callable[..., str], mine: Subscription) -> Callable[[], str]:
    """Press the button on the parcel's page; return the public address."""

    def make() -> str:
        address = link(Purpose.TIMELINE, mine.id)
        answer = ask(address, "POST", data={"do": "prove"})
        assert 303 == answer.status_code
        return answer.headers["location"]

    return make


def words(page: httpx.Response) -> str:
    assert 200 == page.status_code, page.text
    body = LexborHTMLParser(page.text).body
    assert body is not None
    return _plain(body.text(separator=" "))


def pdf_words(answer: httpx.Response) -> str:
    assert 200 == answer.status_code, answer.text
    return _plain(
        " ".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    )


def _plain(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


def test_the_parcel_s_page_offers_a_proof(ask: Ask, link: Callable[..., str], mine: Any) -> None:
    page = LexborHTMLParser(ask(link(Purpose.TIMELINE, mine.id)).text)

    assert ["prove"] == [i.attributes["value"] for i in page.css("#dossier ~ form input[name=do]")]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "",
            {
                "Dossier de suivi du colis LP00123456789012",
                "Établi le 2 mars 2026 à 9 h 00 (UTC+1)",
                "Sans nouvelles 2 jours, depuis le",
                "Plus long silence 34 jours, du",
                "AliExpress 18 février 2026",
                "20 février 2026",
                "mailtrack (notre estimation) du 9 février 2026 au 20 février 2026 25 janvier 2026",
                "Retour à l’expéditeur en cours · adresse incorrecte ou incomplète",
                "Motif du retour adresse incorrecte ou incomplète",
                "AliExpress, par mail",
                "Cainiao LP00123456789012 3 ",
                "numéro connu",
            },
        ),
        (
            "?langue=en",
            {
                "Tracking record of parcel LP00123456789012",
                "No news 2 days, since",
                "Longest silence 34 days, from",
                "20 February 2026",
                "mailtrack (our estimate) from 9 February 2026 to 20 February 2026 25 January 2026",
                "Being returned to the sender · incorrect or incomplete address",
                "Reason for the return incorrect or incomplete address",
                "AliExpress, by mail",
                "number known",
            },
        ),
    ],
)
def test_a_proof_shows_the_order_the_numbers_every_scan_silences_promises_and_polls(
    ask: Ask, made: Callable[[], str], clock: FakeClock, language: str, expected: set[str]
) -> None:
    shown = words(ask(made() + language))
    always = {NUMBER, LOCAL, ORDER, "Shenzhen, CN", "Roissy", "Departed", "Cainiao", "(UTC+1)"}

    assert set() == {one for one in always | expected if _plain(one) not in shown}


@pytest.mark.parametrize("way", ["", "?langue=en", "/pdf", "/pdf?langue=en"])
def test_a_proof_shows_nothing_of_its_person(
    ask: Ask, made: Callable[[], str], mine: Subscription, rows: Rows, way: str
) -> None:
    address = made()
    answer = ask(address + way)
    body = LexborHTMLParser(answer.text).body
    shown = pdf_words(answer) if "pdf" in way else str(body and body.html)
    (person,) = rows(t.subscriber)
    secrets = [person["key"], mine.key, "@example", "mailto", "Lampe", "Tabac", "rue de l’Exemple"]

    assert [] == [one for one in secrets if one in shown]
    ways = {str(a.attributes["href"]) for a in LexborHTMLParser(answer.text).css("a")}
    own = {one for one in ways if one.startswith(address)}
    assert set() == ways - own - {"/aide", "/confidentialite", "/mentions-legales"}


@pytest.mark.parametrize("language", ["", "?langue=en"])
def test_the_file_says_what_the_page_says_and_can_be_read_aloud(
    ask: Ask, made: Callable[[], str], language: str
) -> None:
    address = made()
    page = LexborHTMLParser(ask(address + language).text)
    file = ask(f"{address}/pdf{language}")
    told = [node.text() for node in page.css("main h1, main h2, main p, dt, dd, th, td")]
    # A line may end in the middle of what is told.
    run = pdf_words(file).replace(" ", "")

    assert [] == [one for one in told if _plain(one).replace(" ", "") not in run]
    reader = PdfReader(BytesIO(file.content))
    root: Any = reader.trailer["/Root"]
    assert "application/pdf" == file.headers["content-type"]
    assert (language[-2:] or "fr") == root["/Lang"]
    assert root["/MarkInfo"]["/Marked"]
    assert {"/Document"} == {kid.get_object()["/S"] for kid in [root["/StructTreeRoot"]["/K"][0]]}
    assert page.css("h1")[0].text() == (reader.metadata and reader.metadata.title)


def test_a_stranger_s_words_are_text_on_the_page_and_in_the_file(
    ask: Ask, made: Callable[[], str]
) -> None:
    address = made()
    page = ask(address)

    assert [] == LexborHTMLParser(page.text).css("script")
    for shown in (words(page), pdf_words(ask(f"{address}/pdf"))):
        assert '#panic("x") *b* $1 `c` <script>alert(1)</script> {{ 7*7 }}' in shown


def test_a_proof_stays_as_it_was_made(
    ask: Ask, made: Callable[[], str], mine: Subscription, store: Store, clock: FakeClock
) -> None:
    first = made()
    before = words(ask(first))
    clock.advance(hours=1)
    again = made()
    with store.write() as connection:
        assert mine.parcel is not None
        event = _scan(clock, Milestone.RETURNED, 0, "Back in Shenzhen")
        parcels.add_events_of_each(connection, {mine.parcel: [event]}, clock.now())
    second = made()

    assert first == again != second
    assert before == words(ask(first))
    assert "Back in Shenzhen" in words(ask(second))


def test_another_day_has_a_proof_of_its_own(made: Callable[[], str], clock: FakeClock) -> None:
    first = made()
    clock.advance(days=1)

    assert first != made()


@pytest.mark.parametrize("way", ["", "/pdf"])
def test_an_address_that_was_tampered_with_shows_nothing(
    ask: Ask, made: Callable[[], str], link: Callable[..., str], mine: Subscription, way: str
) -> None:
    good = made()
    token = good.rpartition("/")[2]
    other = link(Purpose.TIMELINE, mine.id).rpartition("/")[2]

    for bad in (token[:-1], "x" + token, token[1:], other):
        assert 404 == ask(good.replace(token, bad) + way).status_code
    assert 404 == ask(link(Purpose.TIMELINE, mine.id).replace(other, token)).status_code


@pytest.mark.parametrize("way", ["", "/pdf"])
def test_whose_data_is_erased_has_no_proof_any_more(
    ask: Ask, made: Callable[[], str], mine: Subscription, store: Store, rows: Rows, way: str
) -> None:
    address = made()
    with store.write() as connection:
        erasure.erase(connection, mine.subscriber)

    assert 410 == ask(address + way).status_code
    assert [] == rows(t.proof)


def test_an_order_without_a_parcel_has_nothing_to_prove(
    ask: Ask, link: Callable[..., str], mine: Subscription, store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        number = "3054169918880002"
        now = clock.now()
        bought = orders.order_of(connection, mine.subscriber, number, "aliexpress", None, now)
        awaited, _ = subscriptions.follow_order(connection, mine.subscriber, bought, [], now)
    address = link(Purpose.TIMELINE, awaited)

    assert "#dossier" not in ask(address).text
    assert 410 == ask(address, "POST", data={"do": "prove"}).status_code


def test_a_long_history_is_cut_and_says_so(
    ask: Ask, made: Callable[[], str], mine: Subscription, store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        assert mine.parcel is not None
        more = [_scan(clock, Milestone.IN_TRANSIT, 400 + day, f"no {day}") for day in range(250)]
        parcels.add_events_of_each(connection, {mine.parcel: more}, clock.now())
    address = made()
    page = ask(address)

    assert "53 passages plus anciens ne sont pas montrés" in words(page)
    assert MOST_SCANS == len(LexborHTMLParser(page.text).css("td[data-label=Lieu]"))
    assert "53 passages" in pdf_words(ask(f"{address}/pdf"))


def test_who_asks_for_many_files_is_asked_to_wait(ask: Ask, made: Callable[[], str]) -> None:
    address = made()
    statuses = [ask(f"{address}/pdf").status_code for _ in range(FILES_EACH[0] + 1)]

    assert [200] * FILES_EACH[0] + [429] == statuses
    assert 200 == ask(address).status_code


@pytest.mark.parametrize("program", ["import sys; sys.exit(1)", "import time; time.sleep(60)"])
def test_a_file_that_cannot_be_written_is_an_answer_and_leaves_the_page_alone(
    ask: Ask, made: Callable[[], str], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(proof_pdf, "_COMMAND", (sys.executable, "-c", program))
    monkeypatch.setattr(proof_pdf, "MOST_WAIT_S", 0.5)
    address = made()

    assert 503 == ask(f"{address}/pdf").status_code
    assert 200 == ask(address).status_code


def test_a_proof_is_found_by_no_search_and_runs_no_script(
    ask: Ask, made: Callable[[], str]
) -> None:
    page = ask(made())

    assert "noindex, nofollow" == page.headers["x-robots-tag"]
    assert "no-store" == page.headers["cache-control"]
    assert re.match(
        r"default-src 'none'; style-src 'nonce-", page.headers["content-security-policy"]
    )


def test_without_the_extra_the_page_is_printed_by_the_browser(
    ask: Ask, made: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = made()
    monkeypatch.setattr("mailtrack.web.proofs.is_at_hand", lambda: False)

    assert "/pdf" not in ask(address).text
    assert 410 == ask(f"{address}/pdf").status_code

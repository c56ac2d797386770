"""The page of one person's own parcels and preferences: short lists, plain forms, own rows only."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.admin.blocking import block
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.notify.links import Purpose
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import orders, parcels, people, personal_data, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.outcomes import NOBODY_FOLLOWS
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging
from mailtrack.web.app import make_app
from mailtrack.web.preferences import IMPORTANT, ON_REQUEST, USUAL
from mailtrack.web.service import OTHERS, PER_PAGE
from tests.web.conftest import words_of

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Ask = Callable[..., LexborHTMLParser]
Link = Callable[..., str]


@pytest.fixture
def ask(services: Services, link: Link) -> Ask:
    """Ask for the page of a purpose; with a form, press its button."""
    return _asking(services, link)


def _asking(services: Services, link: Link) -> Ask:
    app = make_app(services)

    def make(
        purpose: Purpose, number: int, form: Mapping[str, str] | None = None, page: str = ""
    ) -> LexborHTMLParser:
        async def go() -> httpx.Response:
            address = link(purpose, number) + page
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                method = "GET" if form is None else "POST"
                return await client.request(method, address, data=form)

        answer = asyncio.run(go())
        assert 200 == answer.status_code
        return LexborHTMLParser(answer.text)

    return make


def _form(*left_out: str, also: Collection[str] = ()) -> dict[str, str]:
    """Return what a browser sends when some boxes are not left as they were at first."""
    return {"do": "choose", **dict.fromkeys((USUAL - set(left_out)) | set(also), "on")}


def _ticked(page: LexborHTMLParser) -> set[str | None]:
    return {box.attributes["name"] for box in page.css("input[type=checkbox][checked]")}


def _unwanted(rows: Rows) -> list[frozenset[str]]:
    return [row["unwanted"] for row in rows(t.subscriber)]


def test_everybody_hears_of_all_that_is_usual_until_they_choose(ask: Ask, follow: Follow) -> None:
    page = ask(Purpose.PREFERENCES, follow().subscriber)

    assert _ticked(page) == USUAL
    assert not page.css("details[open]")


def test_choices_are_kept_said_and_shown_again(ask: Ask, follow: Follow, rows: Rows) -> None:
    mine = follow()
    follow(address="bruno@example.org")
    form = _form(Milestone.CUSTOMS_CLEARED, NoticeKind.STALLED)
    page = ask(Purpose.PREFERENCES, mine.subscriber, form)

    assert [{"customs_cleared", "stalled"}, frozenset()] == _unwanted(rows)
    assert "nous vous écrirons dans 17 cas sur 19." in words_of(page)
    assert page.css("details[open]")
    again = ask(Purpose.PREFERENCES, mine.subscriber)
    assert USUAL - {"customs_cleared", "stalled"} == _ticked(again)


def test_what_is_mailed_on_request_is_asked_for_said_and_shown_again(
    ask: Ask, follow: Follow, rows: Rows
) -> None:
    mine = follow()
    asked = {"in_transit", "local_transit"}
    saved = ask(Purpose.PREFERENCES, mine.subscriber, _form("stalled", also=asked))

    said = "En plus, à votre demande : « En transit international », « Chez le transporteur local »"
    assert said in words_of(saved).replace("\u00a0", " ")
    assert [({"stalled"}, asked)] == [(r["unwanted"], r["also_wanted"]) for r in rows(t.subscriber)]
    again = ask(Purpose.PREFERENCES, mine.subscriber)
    assert USUAL - {"stalled"} | asked == _ticked(again)

    as_shown = {name: "on" for name in _ticked(again) if name}
    ask(Purpose.PREFERENCES, mine.subscriber, {"do": "choose", **as_shown})
    assert [asked] == [row["also_wanted"] for row in rows(t.subscriber)]
    ask(Purpose.PREFERENCES, mine.subscriber, _form())
    assert [frozenset()] == [row["also_wanted"] for row in rows(t.subscriber)]


def test_what_is_mailed_on_request_has_a_group_of_its_own(ask: Ask, follow: Follow) -> None:
    group = ask(Purpose.PREFERENCES, follow().subscriber).css("fieldset")[-1]

    legend = group.css_first("legend")
    assert legend
    assert "En plus, sur demande" == legend.text()
    assert ON_REQUEST == {box.attributes["name"] for box in group.css("input")}


def test_who_wants_nothing_but_what_they_ask_for_reads_so(ask: Ask, follow: Follow) -> None:
    form = _form(*USUAL, also=["customs_started"])
    said = words_of(ask(Purpose.PREFERENCES, follow().subscriber, form)).replace("\u00a0", " ")

    assert "nous ne vous écrirons plus que pour « En cours de dédouanement »." in said


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (set(), "à chaque étape"),
        (USUAL, "plus de nouvelles"),
        ({"out_for_delivery"}, "Attention : 1 cas important"),
        ({"out_for_delivery", "returning"}, "Attention : 2 cas importants"),
        ({"delivered"}, "dans 18 cas sur 19."),
    ],
)
def test_it_is_said_what_was_chosen_and_what_is_risky(
    ask: Ask, follow: Follow, left_out: set[str], said: str
) -> None:
    page = ask(Purpose.PREFERENCES, follow().subscriber, _form(*left_out))

    assert said in words_of(page)


def test_a_wish_can_be_taken_back(ask: Ask, follow: Follow, rows: Rows) -> None:
    mine = follow()
    ask(Purpose.PREFERENCES, mine.subscriber, _form(Milestone.DELIVERED))
    ask(Purpose.PREFERENCES, mine.subscriber, _form())

    assert [frozenset()] == _unwanted(rows)


def test_one_button_leaves_only_what_is_important(ask: Ask, follow: Follow, rows: Rows) -> None:
    form = _form(also=ON_REQUEST) | {"only": "important"}
    shown = ask(Purpose.PREFERENCES, follow().subscriber, form)

    assert [USUAL - IMPORTANT] == _unwanted(rows)
    assert [frozenset()] == [row["also_wanted"] for row in rows(t.subscriber)]
    assert "Attention" not in words_of(shown)


def test_what_no_box_names_cannot_be_unchosen(ask: Ask, follow: Follow, rows: Rows) -> None:
    ask(Purpose.PREFERENCES, follow().subscriber, {"do": "choose", "registered": "", "x": "1"})

    assert [frozenset()] == [row["also_wanted"] for row in rows(t.subscriber)]
    assert [USUAL] == _unwanted(rows)


def test_an_export_tells_what_was_chosen(
    ask: Ask, follow: Follow, store: Store, services: Services
) -> None:
    mine = follow()
    ask(Purpose.PREFERENCES, mine.subscriber, _form(Milestone.DELIVERED, also=["in_transit"]))
    with store.read() as connection:
        told = personal_data.everything_about_subscriber(
            connection, mine.subscriber, services.addresses.of
        )

    assert (["delivered"], ["in_transit"]) == (told["unwanted"], told["also_wanted"])


@pytest.fixture
def many(store: Store, follow: Follow, clock: FakeClock) -> Subscription:
    """Ana follows one parcel and has noted a thousand orders since."""
    mine = follow()
    with store.write() as connection:
        for number in range(1_000):
            order = orders.order_of(
                connection,
                mine.subscriber,
                f"30541699188{number:05}",
                "aliexpress",
                None,
                clock.now(),
            )
            subscriptions.follow_order(connection, mine.subscriber, order, [], clock.now())
    return mine


def test_a_thousand_parcels_are_shown_in_pages_with_few_queries(
    ask: Ask, many: Subscription, statements: Callable[[], list[str]]
) -> None:
    statements()
    first = ask(Purpose.PREFERENCES, many.subscriber)
    assert len(statements()) <= 11
    last = ask(Purpose.PREFERENCES, many.subscriber, page="?page=21")

    assert (PER_PAGE, 1) == (len(first.css(".list li")), len(last.css(".list li")))
    assert "1001" in words_of(first)
    assert ["Plus anciens →"] == [link.text() for link in first.css(".pages a")]
    assert ["← Plus récents"] == [link.text() for link in last.css(".pages a")]


def test_a_list_names_who_expects_a_parcel_and_takes_back_a_day_that_has_passed(
    ask: Ask, follow: Follow, store: Store, clock: FakeClock
) -> None:
    mine = follow()
    day = (clock.now() + timedelta(days=1)).date()
    event = TrackingEvent(clock.now(), Milestone.IN_TRANSIT, "cainiao", "Departed")
    told = PollResult("LP00123456789012", PollState.FOUND, estimated_delivery=day)
    with store.write() as connection:
        assert mine.parcel is not None
        (leg,) = parcels.legs_of(connection, mine.parcel)
        parcels.note_answers(
            connection, [parcels.AnsweredLeg(leg.id, PollState.FOUND)], clock.now()
        )
        parcels.lock(connection, mine.parcel)
        merging.take_in(connection, {mine.parcel: [event]}, clock.now())
        parcels.save_results(connection, {mine.parcel: told}, clock.now())

    assert "Livraison prévue : mardi 3 mars, selon Cainiao" in words_of(
        ask(Purpose.PREFERENCES, mine.subscriber)
    )
    clock.advance(days=2)
    assert "Cainiao l’attendait le mardi 3 mars : ce jour est passé." in words_of(
        ask(Purpose.PREFERENCES, mine.subscriber)
    )


@pytest.mark.parametrize("page", ["?page=0", "?page=-1", "?page=x", "?page=" + "9" * 30])
def test_a_page_that_makes_no_sense_is_the_first(ask: Ask, many: Subscription, page: str) -> None:
    shown = ask(Purpose.PREFERENCES, many.subscriber, page=page)

    assert ["Plus anciens →"] == [link.text() for link in shown.css(".pages a")]


def test_a_page_after_the_last_is_the_last(ask: Ask, many: Subscription) -> None:
    shown = ask(Purpose.PREFERENCES, many.subscriber, page="?page=999")

    assert 1 == len(shown.css(".list li"))


def test_a_button_leads_back_to_its_own_page_of_the_list(
    ask: Ask, many: Subscription, rows: Rows
) -> None:
    form = {"do": "stop", "subscription": many.key}
    shown = ask(Purpose.PREFERENCES, many.subscriber, form, "?page=21")

    assert "Suivi arrêté" in words_of(shown)
    assert [many.id] == [row["id"] for row in rows(t.subscription) if row["muted_at"]]


def test_a_timeline_names_a_few_others_and_leads_to_the_rest(
    ask: Ask, many: Subscription, statements: Callable[[], list[str]]
) -> None:
    statements()
    page = ask(Purpose.TIMELINE, many.id)

    assert len(statements()) <= 16
    assert OTHERS == len(page.css(".list li"))
    assert f"{1_000 - OTHERS} autres suivis" in words_of(page)


def test_who_stopped_single_parcels_is_not_offered_to_resume_everything(
    ask: Ask, follow: Follow
) -> None:
    mine = follow()
    form = {"do": "stop", "subscription": mine.key}
    shown = ask(Purpose.PREFERENCES, mine.subscriber, form)

    assert "Tout reprendre" not in words_of(shown)
    assert "Reprendre" in words_of(shown)


def test_who_stopped_everything_is_told_so_and_may_resume(ask: Ask, follow: Follow) -> None:
    mine = follow()
    stopped = ask(Purpose.PREFERENCES, mine.subscriber, {"do": "stop_all"})
    assert "Vous avez tout arrêté" in words_of(stopped)

    resumed = ask(Purpose.PREFERENCES, mine.subscriber, {"do": "resume_all"})
    assert "Vous avez tout arrêté" not in words_of(resumed)
    assert "1 suivi en cours" in words_of(resumed)


def test_who_is_blocked_resumes_nothing_by_a_click(
    ask: Ask, follow: Follow, store: Store, services: Services, clock: FakeClock
) -> None:
    mine = follow()
    with store.write() as connection:
        block(connection, "ana@example.org", services.suppression, clock.now())
    for form in ({"do": "resume_all"}, {"do": "resume", "subscription": mine.key}):
        resumed = ask(Purpose.PREFERENCES, mine.subscriber, form)
        assert "Vous avez tout arrêté" in words_of(resumed)


@pytest.fixture
def bounced(store: Store, follow: Follow, clock: FakeClock) -> Subscription:
    """Somebody whose address refuses our mails, so that nobody is asked about their parcel."""
    mine = follow()
    assert mine.parcel is not None
    with store.write() as connection:
        people.bounced(connection, mine.subscriber, clock.now())
        parcels.end(connection, mine.parcel, NOBODY_FOLLOWS, clock.now())
    return mine


def test_who_reads_that_our_mails_come_back_gets_them_again_with_one_button(
    ask: Ask, bounced: Subscription, rows: Rows, clock: FakeClock
) -> None:
    told = words_of(ask(Purpose.PREFERENCES, bounced.subscriber))
    assert "Nos mails à votre adresse nous reviennent" in told
    assert "Tout reprendre" in told

    resumed = words_of(ask(Purpose.PREFERENCES, bounced.subscriber, {"do": "resume_all"}))
    assert "nous reviennent" not in resumed
    assert "Tout reprendre" not in resumed
    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]
    assert [None] == [row["ended_at"] for row in rows(t.parcel)]
    assert [clock.now()] == [leg["next_poll_at"] for leg in rows(t.leg)]


def test_resuming_one_parcel_brings_back_the_mails_of_an_address_that_had_refused_them(
    ask: Ask, bounced: Subscription, rows: Rows
) -> None:
    for button in ("stop", "resume"):
        form = {"do": button, "subscription": bounced.key}
        ask(Purpose.PREFERENCES, bounced.subscriber, form)

    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]


def test_what_was_stopped_by_hand_stays_so_when_the_mails_of_an_address_come_back(
    ask: Ask, bounced: Subscription, rows: Rows
) -> None:
    form = {"do": "stop", "subscription": bounced.key}
    ask(Purpose.PREFERENCES, bounced.subscriber, form)
    ask(Purpose.PREFERENCES, bounced.subscriber, {"do": "resume_all"})

    assert [NOBODY_FOLLOWS] == [row["ended_why"] for row in rows(t.parcel)]


@pytest.mark.parametrize("purpose", [Purpose.STOP_ALL, Purpose.STOP_PARCEL])
def test_a_resume_in_a_mail_brings_the_mails_of_a_refusing_address_back(
    ask: Ask, bounced: Subscription, rows: Rows, purpose: Purpose
) -> None:
    number = bounced.id if purpose is Purpose.STOP_PARCEL else bounced.subscriber
    ask(purpose, number, {"do": "stop"})
    ask(purpose, number, {"do": "resume"})

    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]
    assert [None] == [row["ended_at"] for row in rows(t.parcel)]


# --- the postcode that some carriers want ---------------------------------------------


@pytest.fixture
def keyless(services: Services) -> Services:
    """Switch on the carriers that want a postcode."""
    on = Services(services.settings.model_copy(update={"keyless_carriers": True}))
    vars(on).update(store=services.store, clock=services.clock)
    return on


@pytest.fixture
def ask_keyless(keyless: Services, link: Link) -> Ask:
    return _asking(keyless, link)


def _postcode(page: LexborHTMLParser) -> str | None:
    field = page.css_first("input[name=postcode]")
    return field.attributes["value"] if field else None


def _postcodes(rows: Rows) -> list[str | None]:
    return [row["postcode"] for row in rows(t.subscriber)]


def test_nobody_is_asked_for_a_postcode_where_no_carrier_wants_one(
    ask: Ask, follow: Follow
) -> None:
    assert _postcode(ask(Purpose.PREFERENCES, follow().subscriber)) is None


def test_a_postcode_is_kept_for_its_own_person_shown_to_them_and_taken_back(
    ask_keyless: Ask, follow: Follow, rows: Rows
) -> None:
    mine, other = follow(), follow(address="bruno@example.org")
    assert not _postcode(ask_keyless(Purpose.PREFERENCES, mine.subscriber))

    saved = ask_keyless(
        Purpose.PREFERENCES, mine.subscriber, {"do": "postcode", "postcode": " 69 001 "}
    )
    assert ["69001", None] == _postcodes(rows)
    assert "69001" == _postcode(saved)
    assert not _postcode(ask_keyless(Purpose.PREFERENCES, other.subscriber))

    ask_keyless(Purpose.PREFERENCES, mine.subscriber, {"do": "postcode", "postcode": ""})
    assert [None, None] == _postcodes(rows)


@pytest.mark.parametrize(
    "typed", ["6900", "690011", "2A004", "<b>69001", "６９００１", "1" * 3_000]
)
def test_what_is_no_french_postcode_changes_nothing(
    ask_keyless: Ask, follow: Follow, rows: Rows, typed: str
) -> None:
    mine = follow()
    form = {"do": "postcode", "postcode": typed}
    page = ask_keyless(Purpose.PREFERENCES, mine.subscriber, form)

    assert "cinq chiffres" in words_of(page)
    assert [None] == _postcodes(rows)


def test_a_parcel_that_waits_for_a_postcode_says_so_until_its_reader_told_theirs(
    ask_keyless: Ask, follow: Follow, store: Store, clock: FakeClock
) -> None:
    number = "Q00000000017"
    mine = follow(number, carrier="colisprive")
    bruno = follow(number, "bruno@example.org", "colisprive")
    assert mine.parcel
    with store.write() as connection:
        leg = parcels.legs_of(connection, mine.parcel)[0].id
        parcels.note_answers(
            connection, [parcels.AnsweredLeg(leg, PollState.NEEDS_POSTCODE)], clock.now()
        )
    assert "chez Colis Privé" in words_of(ask_keyless(Purpose.TIMELINE, mine.id))

    form = {"do": "postcode", "postcode": "69001"}
    ask_keyless(Purpose.PREFERENCES, mine.subscriber, form)

    assert "chez Colis Privé" not in words_of(ask_keyless(Purpose.TIMELINE, mine.id))
    hers = words_of(ask_keyless(Purpose.TIMELINE, bruno.id))
    assert "chez Colis Privé" in hers
    assert "69001" not in hers


def test_a_postcode_is_in_its_persons_export_and_goes_with_them(
    ask_keyless: Ask, follow: Follow, keyless: Services, rows: Rows
) -> None:
    mine = follow()
    form = {"do": "postcode", "postcode": "69001"}
    ask_keyless(Purpose.PREFERENCES, mine.subscriber, form)
    with keyless.store.write() as connection:
        kept = personal_data.everything_about_subscriber(connection, mine.subscriber, str)
        now = keyless.clock.now()
        personal_data.erase_at_their_word(connection, mine.subscriber, keyless.suppression, now)

    assert "69001" == kept["postcode"]
    assert [] == _postcodes(rows)

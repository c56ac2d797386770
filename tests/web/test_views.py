"""Every page, in every state, from invented data."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.domain.milestones import Milestone
from mailtrack.notify.render import make_environment, templates_dir
from mailtrack.notify.samples import NOW, NUMBER, ORDER, sample
from mailtrack.notify.view import NoticeKind, ParcelView
from mailtrack.web.views import (
    Action,
    BadLinkPage,
    CarrierLine,
    HomePage,
    LookupPage,
    Page,
    ParcelLine,
    PreferencesPage,
    StopPage,
    StopState,
    TimelinePage,
    draw,
)

ENVIRONMENT = make_environment(templates_dir())

LAMP = ParcelLine(
    7, NUMBER, "Lampe LED de bureau", Milestone.CUSTOMS_CLEARED, NOW, timeline="/c/lamp"
)
CABLE = ParcelLine(
    8, "RS1300705226Y", "Câble USB", Milestone.IN_TRANSIT, NOW, timeline="/c/cable", stopped=True
)
UNKNOWN = ParcelLine(9, "LP00000000000019", timeline="/c/unknown")
ORDERED = ParcelLine(10, ORDER, "Ruban à mesurer", timeline="/c/order", awaited=True)
LINES = (LAMP, CABLE, UNKNOWN, ORDERED)


def parcel(kind: NoticeKind = NoticeKind.CUSTOMS_CLEARED) -> ParcelView:
    found = sample(kind).parcel
    assert found
    return found


def timeline(kind: NoticeKind = NoticeKind.CUSTOMS_CLEARED) -> TimelinePage:
    shown = parcel(kind)
    return TimelinePage(
        line=replace(LAMP, milestone=shown.milestone),
        stop="/d/lamp",
        preferences="/p/me",
        forward_to="colis@example.org",
        now=NOW + timedelta(minutes=12),
        parcel=shown,
        others=LINES[1:],
    )


WAITING = TimelinePage(ORDERED, "/d/order", "/p/me", "colis@example.org", NOW)


def stop(state: StopState, line: ParcelLine | None = LAMP) -> StopPage:
    return StopPage(state, "/d/token", "/p/me", line, count=3)


PAGES: dict[str, Page] = {
    "home": HomePage("colis@example.org"),
    "bad_link": BadLinkPage("colis@example.org"),
    "gone": BadLinkPage("colis@example.org", gone=True),
    "preferences": PreferencesPage("/p/me", "colis@example.org", LINES),
    "preferences_saved": PreferencesPage("/p/me", "colis@example.org", LINES, saved="C’est noté !"),
    "preferences_all_stopped": PreferencesPage("/p/me", "colis@example.org", (CABLE,)),
    "preferences_empty": PreferencesPage("/p/me", "colis@example.org"),
    "lookup": LookupPage("colis@example.org"),
    "lookup_found": LookupPage("colis@example.org", NUMBER, (CarrierLine("Cainiao", "/cainiao"),)),
    "lookup_unknown": LookupPage("colis@example.org", "???"),
    "timeline_waiting": WAITING,
    "timeline_stopped": replace(timeline(), line=replace(LAMP, stopped=True)),
    **{f"timeline_{kind}": timeline(kind) for kind in NoticeKind if sample(kind).parcel},
    **{f"stop_{state}": stop(state) for state in StopState},
    **{f"stop_all_{state}": stop(state, None) for state in StopState},
    **{f"stop_order_{state}": stop(state, ORDERED) for state in StopState},
}


def drawn(page: Page) -> LexborHTMLParser:
    return LexborHTMLParser(draw(ENVIRONMENT, page, "n0nce"))


def words(page: Page) -> str:
    body = drawn(page).body
    assert body is not None
    return " ".join(body.text(separator=" ").split())


def forms(page: Page) -> list[dict[str, str | None]]:
    """Return the hidden fields of each form, with where it goes."""
    return [
        {
            "action": form.attributes["action"],
            "method": form.attributes["method"],
            **{str(i.attributes["name"]): i.attributes["value"] for i in form.css("input")},
        }
        for form in drawn(page).css("form")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(name: str) -> None:
    html = draw(ENVIRONMENT, PAGES[name], "n0nce")

    assert re.search(r"\{\{|\{%|\bNone\b|Milestone\.|datetime\.", html) is None
    assert re.search(r"<script|<img|<link|@import|url\(|src=| style=", html) is None
    assert '<html lang="fr">' in html
    assert '<style nonce="n0nce">' in html
    assert 'name="referrer" content="no-referrer"' in html


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_set_as_in_print(name: str) -> None:
    body = drawn(PAGES[name]).body
    assert body is not None

    assert re.search(r" [:;!?»]|« |\w'\w", body.text()) is None


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_one_title(name: str) -> None:
    (title,) = drawn(PAGES[name]).css("h1")

    assert title.text().strip()


def test_looking_at_the_unsubscribe_page_only_offers_a_button() -> None:
    expected = {"action": "/d/token", "method": "post", "do": Action.STOP}

    assert [expected] == forms(stop(StopState.CONFIRM))
    assert "Arrêter ce suivi" in words(stop(StopState.CONFIRM))
    assert [expected] == forms(stop(StopState.CONFIRM, None))
    assert "Tout arrêter" in words(stop(StopState.CONFIRM, None))


@pytest.mark.parametrize("state", [StopState.DONE, StopState.ALREADY_DONE])
def test_what_was_stopped_can_be_taken_up_again(state: StopState) -> None:
    expected = {"action": "/d/token", "method": "post", "do": Action.RESUME}

    assert [expected] == forms(stop(state))
    assert [expected] == forms(stop(state, None))


def test_after_taking_it_up_again_nothing_is_left_to_press() -> None:
    assert [] == forms(stop(StopState.RESUMED))


def test_the_preferences_name_the_parcel_of_each_button() -> None:
    pressed = [(form["do"], form.get("subscription")) for form in forms(PAGES["preferences"])]

    assert [
        (Action.STOP, "7"),
        (Action.RESUME, "8"),
        (Action.STOP, "9"),
        (Action.STOP, "10"),
        (Action.STOP_ALL, None),
    ] == pressed


def test_who_stopped_everything_can_take_everything_up_again() -> None:
    assert Action.RESUME_ALL == forms(PAGES["preferences_all_stopped"])[-1]["do"]


def test_who_follows_nothing_reads_where_to_forward_to() -> None:
    assert [] == forms(PAGES["preferences_empty"])
    assert "colis@example.org" in words(PAGES["preferences_empty"])


def test_a_timeline_tells_when_it_was_checked_and_when_it_will_be() -> None:
    assert "Vérifié à 14 h 05, prochain contrôle vers 15 h 10." in words(timeline())


def test_a_check_on_another_day_is_told_with_its_day() -> None:
    shown = replace(parcel(), next_check_at=NOW + timedelta(days=1))
    text = words(replace(timeline(), parcel=shown))

    assert "prochain contrôle vers mercredi 11 mars à 14 h 05." in text


def test_a_timeline_shows_place_expected_day_and_the_whole_way() -> None:
    text = words(timeline())

    assert "vu en dernier à Roissy" in text
    assert "Livraison prévue vendredi 13 mars" in text
    assert len(parcel().events) == len(drawn(timeline()).css(".events li"))


def test_a_timeline_marks_the_step_that_a_parcel_has_reached() -> None:
    (step,) = drawn(timeline(NoticeKind.DELIVERY_FAILED)).css('[aria-current="step"]')

    assert "Livraison" == step.text()


def test_a_timeline_lists_what_else_is_followed() -> None:
    text = words(timeline())

    assert "Câble USB" in text
    assert "Attend son numéro de colis" in text
    assert "Pas encore connu des transporteurs" in text


def test_an_order_without_parcel_says_what_to_forward() -> None:
    text = words(WAITING)

    assert "colis@example.org" in text
    assert "numéro du colis" in text


def test_a_timeline_speaks_in_the_carriers_words_where_there_is_no_milestone() -> None:
    strange = replace(parcel().events[0], milestone=Milestone.UNKNOWN, text="Trié à Lille")
    shown = replace(parcel(), milestone=Milestone.UNKNOWN, events=(strange,))
    (title,) = drawn(replace(timeline(), parcel=shown)).css("h1")

    assert "Trié à Lille" == title.text()


def test_a_look_up_leads_to_the_carriers_own_page() -> None:
    (link,) = drawn(PAGES["lookup_found"]).css(".list a")

    assert "/cainiao" == link.attributes["href"]
    assert "Vérifiez qu’il est complet" in words(PAGES["lookup_unknown"])
    assert "Vérifiez qu’il est complet" not in words(PAGES["lookup"])


def test_what_strangers_wrote_stays_text_on_pages_too() -> None:
    hostile = "<script>alert(1)</script>\u202e\n{{ 7*7 }}"
    page = timeline()
    assert page.parcel
    events = tuple(
        replace(event, text=hostile, place=hostile, milestone=Milestone.UNKNOWN)
        for event in page.parcel.events
    )
    shown = replace(page.parcel, name=hostile, carrier=hostile, orders=(hostile,), events=events)
    page = replace(page, parcel=shown, line=replace(LAMP, name=hostile))

    assert [] == drawn(page).css("script")
    assert "\u202e" not in draw(ENVIRONMENT, page, "n0nce")
    assert "{{ 7*7 }}" in words(page)


@pytest.mark.parametrize("gone", [False, True])
def test_a_link_that_leads_nowhere_says_what_to_do(gone: bool) -> None:
    assert "colis@example.org" in words(BadLinkPage("colis@example.org", gone))

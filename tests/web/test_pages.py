"""Every page, in every state, from invented data."""

import re
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import HeldMail, InboundId, PickupPoint
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.domain.proof import Proof
from mailtrack.notify.french import local_day
from mailtrack.notify.render import jinja_environment, templates_dir
from mailtrack.notify.samples import NOW, NUMBER, ORDER, PERSONAL_ADDRESS, PICKUP, sample
from mailtrack.notify.tidy import LIMITS
from mailtrack.notify.view import NoticeKind, ParcelView
from mailtrack.store.following import ENDED_ALONE, Selection, Sorting
from mailtrack.web.pages.buttons import Action, Saved
from mailtrack.web.pages.lookup import BusyPage, CarrierLine, LookupPage
from mailtrack.web.pages.own_data import DataPage, DataState
from mailtrack.web.pages.page import Page, draw
from mailtrack.web.pages.parcel import CarrierChoice, ParcelLine, TimelinePage
from mailtrack.web.pages.preferences import PreferencesPage
from mailtrack.web.pages.proof import ProofPage, ProofWay
from mailtrack.web.pages.questions import ConfirmPage, ConfirmState, FollowPage, FollowState
from mailtrack.web.pages.site import (
    BadLinkPage,
    HelpPage,
    HomePage,
    LegalPage,
    PrivacyPage,
    Publisher,
)
from mailtrack.web.pages.stop import StopPage, StopState
from mailtrack.web.preferences import CHOOSABLE, ON_REQUEST
from mailtrack.web.proof_document import set_out
from mailtrack.web.proof_words import Language
from tests.notify.finder import links
from tests.notify.test_hostile import LURES, MAP

ENVIRONMENT = jinja_environment(templates_dir())

LAMP = ParcelLine(
    "7", NUMBER, "Lampe LED de bureau", Milestone.CUSTOMS_CLEARED, NOW, timeline="/c/lamp"
)
CABLE = ParcelLine(
    "8", "RS1300705226Y", "Câble USB", Milestone.IN_TRANSIT, NOW, timeline="/c/cable", stopped=True
)
UNKNOWN = ParcelLine("9", "LP00000000000019", timeline="/c/unknown")
ORDERED = ParcelLine("10", ORDER, "Ruban à mesurer", timeline="/c/order", is_order=True)
LINES = (LAMP, CABLE, UNKNOWN, ORDERED)


def parcel(kind: NoticeKind = NoticeKind.CUSTOMS_CLEARED) -> ParcelView:
    found = sample(kind).parcel
    assert found
    return found


def timeline(kind: NoticeKind = NoticeKind.CUSTOMS_CLEARED) -> TimelinePage:
    shown = parcel(kind)
    return TimelinePage(
        line=replace(LAMP, milestone=shown.milestone),
        action="/c/lamp",
        stop="/d/lamp",
        preferences="/p/me",
        forward_to="colis@example.org",
        now=NOW + timedelta(minutes=12),
        parcel=shown,
        others=LINES[1:],
    )


def unasked() -> TimelinePage:
    """A number that we can ask no carrier about."""
    shown = replace(
        parcel(),
        asked=False,
        carrier="UPS",
        milestone=None,
        milestone_at=None,
        events=(),
        checked_at=None,
        next_check_at=None,
    )
    return replace(timeline(), line=UNKNOWN, parcel=shown)


WAITING = TimelinePage(
    line=ORDERED,
    action="/c/order",
    stop="/d/order",
    preferences="/p/me",
    forward_to="colis@example.org",
    now=NOW,
)


OWN = replace(
    timeline(),
    line=replace(LAMP, milestone=Milestone.IN_TRANSIT, name="Cadeau", own_name="Cadeau"),
    carriers=(CarrierChoice("gls", "GLS", chosen=True), CarrierChoice("dhl", "DHL")),
    saved=Saved("C’est noté : nous interrogeons GLS."),
)


def public(kind: NoticeKind = NoticeKind.CUSTOMS_CLEARED) -> LookupPage:
    """What anybody sees who has the number."""
    shown = replace(parcel(kind), name="", orders=(), pickup_point=None)
    return LookupPage("colis@example.org", NOW + timedelta(minutes=12), shown, NUMBER)


def stop(state: StopState, line: ParcelLine | None = LAMP) -> StopPage:
    return StopPage(state, "/d/token", line, count=3)


FORWARD_TO = "colis@example.org"
HELP = HelpPage(FORWARD_TO, local_day(NOW))
HELP_OF_ANA = replace(HELP, personal_address=PERSONAL_ADDRESS)

PUBLISHER = Publisher(
    name="Camille Exemple",
    postal_address="12 rue de l’Exemple, 69003 Lyon",
    contact="contact@example.org",
    host="Hébergeur Exemple, 1 place du Serveur, 75001 Paris",
)

DATA = DataPage(
    state=DataState.SHOW,
    action="/m/token",
    forward_to=FORWARD_TO,
    preferences="/p/me",
    mailbox="camille@example.org",
    personal_address=PERSONAL_ADDRESS,
    since=NOW,
    parcels=4,
    orders=1,
    received=7,
    sent=23,
)


def confirm(state: ConfirmState, personal_address: str = "") -> ConfirmPage:
    return ConfirmPage(state, "/a/token", "/p/me", FORWARD_TO, personal_address)


def follow(state: FollowState) -> FollowPage:
    """Ask whether a miscopied number is the reader's parcel's."""
    return FollowPage(
        state,
        "/f/token",
        FORWARD_TO,
        "6A15602676301",
        carrier="La Poste",
        why="check_digit",
        timeline="/c/lamp",
        preferences="/p/me",
    )


HELD = (
    HeldMail(InboundId(31), NOW, "stop"),
    HeldMail(InboundId(30), NOW, "order_shipped", (NUMBER,)),
    HeldMail(InboundId(29), NOW, "number", (NUMBER, "RS1300705226Y")),
)

PAGES: dict[str, Page] = {
    "home": HomePage("colis@example.org"),
    "bad_link": BadLinkPage("colis@example.org"),
    "gone": BadLinkPage("colis@example.org", gone=True),
    "preferences": PreferencesPage("/p/me", "colis@example.org", LINES, 3),
    "preferences_saved": PreferencesPage(
        "/p/me", "colis@example.org", LINES, 3, saved=Saved("C’est noté !", choosing=True)
    ),
    "preferences_all_stopped": PreferencesPage("/p/me", "colis@example.org", (CABLE,), left=True),
    "preferences_refused": PreferencesPage("/p/me", FORWARD_TO, LINES, 3, refused=True),
    "preferences_of_many": PreferencesPage(
        "/p/me?page=2", FORWARD_TO, LINES, 120, newer="/p/me", older="/p/me?page=3"
    ),
    "preferences_empty": PreferencesPage("/p/me", "colis@example.org"),
    "timeline_own": OWN,
    "timeline_received": replace(
        timeline(),
        line=replace(LAMP, milestone=Milestone.IN_TRANSIT, received_at=NOW, stopped=True),
    ),
    "preferences_searched": PreferencesPage(
        "/p/me?q=lampe",
        FORWARD_TO,
        LINES,
        selection=Selection(ended=False, search="lampe", sorting=Sorting.NAME),
        list_address="/p/me",
        found=3,
        searchable=True,
        ended="/p/me?vue=termines",
        ended_count=7,
    ),
    "preferences_nothing_found": PreferencesPage(
        "/p/me", FORWARD_TO, selection=Selection(ended=False, search="lampe"), searchable=True
    ),
    "preferences_ended": PreferencesPage(
        "/p/me?vue=termines",
        FORWARD_TO,
        (replace(CABLE, stopped=True, received_at=NOW, own_name="Câble de Léa"),),
        selection=ENDED_ALONE,
        kept_days=90,
    ),
    "preferences_refused_name": PreferencesPage(
        "/p/me", FORWARD_TO, LINES, saved=Saved("Rien n’est changé.", wrong=True)
    ),
    "preferences_with_data": PreferencesPage("/p/me", FORWARD_TO, LINES, 3, data="/m/me"),
    "help": HELP,
    "help_personal": HELP_OF_ANA,
    "legal": LegalPage(PUBLISHER),
    "legal_unsaid": LegalPage(Publisher()),
    "privacy": PrivacyPage(PUBLISHER, FORWARD_TO, mails_kept_days=30, parcels_kept_days=365),
    "privacy_channels": PrivacyPage(PUBLISHER, FORWARD_TO, channels=True),
    "privacy_unsaid": PrivacyPage(Publisher(), FORWARD_TO),
    **{f"data_{state}": replace(DATA, state=state) for state in DataState},
    "data_bare": DataPage(DataState.SHOW, "/m/token", FORWARD_TO),
    **{f"confirm_{state}": confirm(state) for state in ConfirmState},
    "confirm_mails": replace(confirm(ConfirmState.CONFIRM), mails=HELD),
    "confirm_done_read": replace(confirm(ConfirmState.DONE), read=2),
    "confirm_done_personal": confirm(ConfirmState.DONE, PERSONAL_ADDRESS),
    **{f"follow_{state}": follow(state) for state in FollowState},
    "follow_uncertain": replace(follow(FollowState.ASK), why="uncertain", carrier=""),
    "question_gone": BadLinkPage(FORWARD_TO, gone=True, question=True),
    "timeline_unasked": unasked(),
    "lookup": LookupPage("colis@example.org", NOW),
    "lookup_carriers": LookupPage(
        "colis@example.org", NOW, None, NUMBER, (CarrierLine("Cainiao", "/cainiao"),)
    ),
    "lookup_unknown": LookupPage("colis@example.org", NOW, None, "???"),
    "lookup_found": public(),
    "lookup_returned": public(NoticeKind.RETURNED),
    "busy": BusyPage("colis@example.org", 3),
    "busy_with_files": BusyPage("colis@example.org", 3, file=True),
    "proof": ProofPage(
        set_out(Proof(NOW, NUMBER, NOW), Language.FRENCH, "https://colis.example.org/l/token"),
        (ProofWay("/l/token?langue=en", "English", "en"),),
    ),
    "timeline_waiting": WAITING,
    "timeline_stopped": replace(timeline(), line=replace(LAMP, stopped=True)),
    **{f"timeline_{kind}": timeline(kind) for kind in NoticeKind if sample(kind).parcel},
    **{f"stop_{state}": stop(state) for state in StopState},
    **{f"stop_all_{state}": stop(state, None) for state in StopState},
    **{f"stop_order_{state}": stop(state, ORDERED) for state in StopState},
}


HIDDEN = "input[type=hidden]"


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
            **{str(i.attributes["name"]): i.attributes.get("value") for i in form.css(HIDDEN)},
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


def test_a_number_that_is_asked_about_is_followed_by_one_button() -> None:
    expected = {"action": "/f/token", "method": "post", "do": Action.FOLLOW}

    assert [expected] == forms(follow(FollowState.ASK))
    assert "mal recopié" in words(follow(FollowState.ASK))
    assert "rien ne prouve" in words(PAGES["follow_uncertain"])


@pytest.mark.parametrize("state", sorted({*FollowState} - {FollowState.ASK}))
def test_after_the_answer_nothing_is_left_to_press(state: FollowState) -> None:
    assert [] == forms(follow(state))


def test_the_preferences_name_the_parcel_of_each_button() -> None:
    pressed = [(form["do"], form.get("subscription")) for form in forms(PAGES["preferences"])]

    assert [
        (Action.RECEIVED, "7"),
        (Action.STOP, "7"),
        (Action.RENAME, "7"),
        (Action.RESUME, "8"),
        (Action.RENAME, "8"),
        (Action.RECEIVED, "9"),
        (Action.STOP, "9"),
        (Action.RENAME, "9"),
        (Action.RECEIVED, "10"),
        (Action.STOP, "10"),
        (Action.RENAME, "10"),
        (Action.ADD, None),
        (Action.CHOOSE, None),
        (Action.CALENDAR, None),
        (Action.STOP_ALL, None),
    ] == pressed


def test_who_stopped_everything_can_take_everything_up_again() -> None:
    assert Action.RESUME_ALL == forms(PAGES["preferences_all_stopped"])[0]["do"]


def test_every_choice_has_its_box_and_what_is_unwanted_is_not_ticked() -> None:
    page = PreferencesPage(
        "/p/me", FORWARD_TO, preferences=NoticePreferences(frozenset({"stalled", "delivered"}))
    )
    boxes = drawn(page).css("input[type=checkbox]")

    assert CHOOSABLE == {box.attributes["name"] for box in boxes}
    assert {"stalled", "delivered"} | ON_REQUEST == {
        box.attributes["name"] for box in boxes if "checked" not in box.attributes
    }


def test_what_costs_a_parcel_when_it_is_missed_is_marked() -> None:
    marked = [box.text() for box in drawn(PAGES["preferences"]).css(".choice") if box.css(".tag")]

    assert any("En cours de livraison" in words for words in marked)
    assert not any("Dédouané" in words for words in marked)


def test_every_mail_is_either_chosen_or_an_answer_that_always_comes() -> None:
    """Invitations have a refusal of their own, which ends them all."""
    answers = {
        NoticeKind.REGISTERED,
        NoticeKind.ORDER_REGISTERED,
        NoticeKind.NOTHING_FOUND,
        NoticeKind.READ_SUMMARY,
        NoticeKind.CONFIRM_ADDRESS,
        NoticeKind.HELP,
        NoticeKind.GOODBYE,
        NoticeKind.FORWARDING_REQUEST,
        NoticeKind.TOO_MANY,
        NoticeKind.CHANNEL_ENDED,
        NoticeKind.DIGEST,
        NoticeKind.INVITATION,
    }

    assert set(NoticeKind) - answers == CHOOSABLE


def test_a_long_list_is_shown_in_pages() -> None:
    links = [a.attributes["href"] for a in drawn(PAGES["preferences_of_many"]).css(".pages a")]

    assert ["/p/me", "/p/me?page=3"] == links
    assert [] == drawn(PAGES["preferences"]).css(".pages")


def test_who_follows_nothing_reads_where_to_forward_to() -> None:
    offered = [form["do"] for form in forms(PAGES["preferences_empty"])]
    assert [Action.ADD, Action.CHOOSE, Action.CALENDAR] == offered
    assert "colis@example.org" in words(PAGES["preferences_empty"])


def test_a_timeline_tells_when_it_was_checked_and_when_it_will_be() -> None:
    assert "Vérifié à 14 h 05, prochain contrôle vers 15 h 10." in words(timeline())


def test_a_check_that_is_due_already_is_not_promised_for_the_past() -> None:
    shown = replace(parcel(), next_check_at=NOW - timedelta(minutes=5))

    assert "Vérifié à 14 h 05." in words(replace(timeline(), parcel=shown))


def test_a_check_on_another_day_is_told_with_its_day() -> None:
    shown = replace(parcel(), next_check_at=NOW + timedelta(days=1))
    text = words(replace(timeline(), parcel=shown))

    assert "prochain contrôle vers mercredi 11 mars à 14 h 05." in text


def test_a_timeline_shows_place_expected_day_and_the_whole_way() -> None:
    text = words(timeline())

    assert "dernier passage connu : Roissy" in text
    assert "Livraison prévue vendredi 13 mars" in text
    assert len(parcel().events) == len(drawn(timeline()).css(".events li"))


def test_a_timeline_marks_the_step_that_a_parcel_has_reached() -> None:
    (step,) = drawn(timeline(NoticeKind.DELIVERY_FAILED)).css('[aria-current="step"]')

    assert "Livraison" == step.text()


@pytest.mark.parametrize(
    ("kind", "todo"),
    [
        (NoticeKind.CUSTOMS_HELD, "elle dit ce qui manque"),
        (NoticeKind.PICKUP_AVAILABLE, "une pièce d’identité"),
        (NoticeKind.EXCEPTION, "ouvrez un litige"),
    ],
)
def test_a_timeline_says_what_to_do_where_a_parcel_waits(kind: NoticeKind, todo: str) -> None:
    assert todo in words(timeline(kind))
    assert todo not in words(timeline())


def test_a_timeline_links_the_carriers_page_where_it_sends_people_to_it() -> None:
    (link,) = drawn(timeline(NoticeKind.CUSTOMS_HELD)).css(".box a")

    assert parcel(NoticeKind.CUSTOMS_HELD).carrier_page == link.attributes["href"]


def test_a_timeline_offers_a_page_to_share_that_opens_nothing_else() -> None:
    (link,) = [a for a in drawn(timeline()).css("a") if a.text() == "Page à partager"]

    assert f"/suivi?number={NUMBER}" == link.attributes["href"]


def test_a_parcel_that_no_carrier_knows_has_no_page_to_share() -> None:
    told_by_mail = tuple(replace(event, source="mail") for event in parcel().events)
    unknown = replace(timeline(), parcel=replace(parcel(), events=told_by_mail))

    assert "Page à partager" not in words(unknown)
    assert "Page à partager" not in words(WAITING)


def test_a_timeline_says_where_to_fetch_a_parcel_and_with_which_code() -> None:
    text = words(timeline(NoticeKind.PICKUP_AVAILABLE))

    assert "Tabac des Lilas" in text
    assert "À retirer jusqu’au mardi 24 mars" in text
    assert "Code de retrait : 482913" in text
    assert "Allez le chercher avec une pièce d’identité et ce code." in text


def test_a_code_is_shown_although_nobody_told_the_place() -> None:
    page = timeline(NoticeKind.PICKUP_AVAILABLE)
    assert page.parcel
    page = replace(page, parcel=replace(page.parcel, pickup_point=PickupPoint("", code="Q48213")))

    assert "Code de retrait : Q48213" in words(page)


def test_a_timeline_says_between_which_hours_a_parcel_is_expected() -> None:
    text = words(timeline(NoticeKind.OUT_FOR_DELIVERY))

    assert "entre 16 h et 18 h 30" in text


def test_a_parcel_on_its_way_back_is_not_to_be_fetched_any_more() -> None:
    gone = timeline(NoticeKind.RETURNING)
    assert gone.parcel
    gone = replace(gone, parcel=replace(gone.parcel, pickup_point=PICKUP))

    assert PICKUP.name not in words(gone)


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


def test_a_look_up_shows_the_way_of_a_parcel_and_nothing_of_its_owner() -> None:
    page = drawn(PAGES["lookup_found"])
    text = words(PAGES["lookup_found"])

    assert 5 == len(page.css(".steps li"))
    assert len(parcel().events) == len(page.css(".events li"))
    assert page.css("h3")
    for said in (
        "dernier passage connu : Roissy",
        "Livraison prévue vendredi 13 mars",
        "Vérifié à 14 h 05",
    ):
        assert said in text
    for unsaid in ("Lampe", ORDER, "Mes colis"):
        assert unsaid not in text


def test_a_look_up_offers_a_mail_that_follows_the_number() -> None:
    links = [a.attributes["href"] for a in drawn(PAGES["lookup_carriers"]).css("a")]

    assert f"mailto:colis@example.org?subject={NUMBER}" in links


def test_a_look_up_leads_to_the_carriers_own_page() -> None:
    (link,) = drawn(PAGES["lookup_carriers"]).css(".list a")

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


def test_names_from_right_to_left_leave_the_commas_around_them_in_place() -> None:
    arabic = "مصباح مكتب"
    page = timeline(NoticeKind.PICKUP_AVAILABLE)
    assert page.parcel
    events = tuple(replace(event, place=arabic) for event in page.parcel.events)
    shown = replace(page.parcel, events=events, pickup_point=PickupPoint(arabic, arabic))
    tree = drawn(replace(page, parcel=shown, line=replace(LAMP, name=arabic)))

    assert arabic in "".join(node.text() for node in tree.css(".lead, .box"))
    tree.strip_tags(["bdi"], recursive=True)
    assert arabic not in "".join(node.text() for node in tree.css(".lead, .box"))


@pytest.mark.parametrize("gone", [False, True])
def test_a_link_that_leads_nowhere_says_what_to_do(gone: bool) -> None:
    assert "colis@example.org" in words(BadLinkPage("colis@example.org", gone))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_leads_to_help_privacy_and_legal_notice(name: str) -> None:
    links = [link.attributes["href"] for link in drawn(PAGES[name]).css("footer a")]

    assert ["/aide", "/confidentialite", "/mentions-legales"] == links


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small(name: str) -> None:
    assert len(draw(ENVIRONMENT, PAGES[name], "n0nce").encode()) < 60_000


@pytest.mark.parametrize("name", PAGES)
def test_every_anchor_that_a_page_leads_to_is_on_it(name: str) -> None:
    page = drawn(PAGES[name])
    wanted = {str(a.attributes["href"])[1:] for a in page.css('a[href^="#"]')}
    there = [str(node.attributes["id"]) for node in page.css("[id]")]

    assert wanted <= set(there)
    assert len(set(there)) == len(there)


def test_looking_at_a_confirmation_only_offers_a_button() -> None:
    expected = {"action": "/a/token", "method": "post", "do": Action.CONFIRM}

    assert [expected] == forms(confirm(ConfirmState.CONFIRM))
    assert "Vous n’avez rien envoyé" in words(confirm(ConfirmState.CONFIRM))


def test_a_confirmation_lists_what_a_click_would_release_and_no_stop_by_itself() -> None:
    page = replace(confirm(ConfirmState.CONFIRM), mails=HELD)
    boxes = drawn(page).css("input[type=checkbox]")

    assert {"mail-31": False, "mail-30": True, "mail-29": True} == {
        box.attributes["name"]: "checked" in box.attributes for box in boxes
    }
    assert [Action.CONFIRM, Action.DISOWN] == [
        button.attributes["value"] for button in drawn(page).css("button[name=do]")
    ]
    for said in ("STOP", NUMBER, "RS1300705226Y", "Un mail d’expédition transféré", "reçu le"):
        assert said in words(page)


@pytest.mark.parametrize("state", [ConfirmState.DONE, ConfirmState.ALREADY])
def test_after_confirming_the_personal_address_is_shown(state: ConfirmState) -> None:
    assert [] == forms(confirm(state))
    assert PERSONAL_ADDRESS in words(confirm(state, PERSONAL_ADDRESS))
    assert "adresse personnelle" not in words(confirm(state))


def test_who_confirms_when_nothing_waits_any_more_is_asked_to_forward_again() -> None:
    asked, confirmed = confirm(ConfirmState.CONFIRM), confirm(ConfirmState.DONE)

    assert "transférez-le de nouveau" in words(asked)
    assert "Transférez maintenant" in words(confirmed)
    assert "en cours de lecture" not in words(confirmed)
    assert "en cours de lecture" in words(replace(confirmed, read=1))


def test_help_begins_with_the_telephone() -> None:
    headings = [heading.text() for heading in drawn(HELP).css("h2")]

    assert "Sur un téléphone" == headings[0]


@pytest.mark.parametrize(
    "mailbox",
    [
        *("gmail", "outlook", "yahoo", "orange", "free", "sfr", "laposte", "bouygues"),
        *("icloud", "proton", "thunderbird"),
    ],
)
def test_help_has_a_section_on_each_mailbox_with_its_anchor(mailbox: str) -> None:
    (title,) = drawn(HELP).css(f"h3#{mailbox}")

    assert title.parent
    assert len(title.parent.text()) > 100


def test_help_puts_the_persons_own_address_into_each_step_where_it_is_known() -> None:
    assert words(HELP_OF_ANA).count(PERSONAL_ADDRESS) >= 8
    assert "de la forme colis+…@example.org" in words(HELP)


def test_data_can_be_taken_along_and_erased_after_a_second_question() -> None:
    shown = [form["do"] for form in forms(DATA)]
    asked = [form["do"] for form in forms(replace(DATA, state=DataState.CONFIRM))]

    assert [Action.EXPORT, Action.ERASE] == shown
    assert [Action.ERASE_FOR_GOOD] == asked
    assert [] == forms(replace(DATA, state=DataState.ERASED))


def test_the_page_of_data_counts_what_is_kept() -> None:
    for said in ("camille@example.org", "mardi 10 mars 2026", "4 colis et 1 commande"):
        assert said in words(DATA)


def test_an_address_is_shown_as_it_is() -> None:
    assert "jean.d'arc@example.org" in words(replace(DATA, mailbox="jean.d'arc@example.org"))


def test_erased_data_leaves_no_link_that_would_lead_nowhere() -> None:
    page = drawn(replace(DATA, state=DataState.ERASED))

    assert [] == [a for a in page.css("main a") if str(a.attributes["href"]).startswith("/")]


def test_the_legal_notice_names_publisher_contact_and_host() -> None:
    text = words(LegalPage(PUBLISHER))

    for said in (PUBLISHER.name, PUBLISHER.postal_address, PUBLISHER.contact, PUBLISHER.host):
        assert said in text


def test_privacy_tells_how_long_things_are_kept() -> None:
    assert "Les mails transférés : 30 jours." in words(PAGES["privacy"])
    assert "jusqu’à ce que vous les effaciez" in words(PAGES["privacy_unsaid"])
    assert "contact@example.org" in words(PAGES["privacy"])


def test_what_an_operator_wrote_into_the_settings_stays_text() -> None:
    hostile = Publisher(*["<script>alert(1)</script>"] * 4)

    for page in (LegalPage(hostile), PrivacyPage(hostile, FORWARD_TO)):
        assert [] == drawn(page).css("script")
        assert "<script>" in words(page)


def test_the_page_of_a_number_that_we_can_ask_nobody_about_says_so() -> None:
    told = words(unasked())

    assert "Nous ne pouvons pas interroger UPS" in told
    assert "Pas encore connu" not in told.partition("Vos autres suivis")[0]


def spoiled(value: Any, words: str, name: str = "") -> Any:
    """Return a page in which strangers wrote the same words wherever they can."""
    if isinstance(value, str) and type(value) is str:
        return words if name in LIMITS else value
    if isinstance(value, tuple):
        return tuple(spoiled(part, words, name) for part in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {f.name: spoiled(getattr(value, f.name), words, f.name) for f in fields(value)}
    return replace(value, **changes)


@pytest.mark.parametrize("lure", LURES)
@pytest.mark.parametrize("name", PAGES)
def test_no_browser_makes_a_link_of_a_strangers_words(name: str, lure: str) -> None:
    page = spoiled(PAGES[name], f"Lampe {lure} !")
    hrefs = [link.attributes["href"] or "" for link in drawn(page).css("a[href*='://']")]

    assert [] == [link for link in links(words(page)) if "evil" in link or "192.0.2" in link]
    assert [] == [href for href in hrefs if "evil" in href and not href.startswith(MAP)]


def test_the_page_of_an_unknown_number_says_why_where_somebody_told() -> None:
    told = replace(parcel(), hint="Grève <b>", hint_by="17TRACK")
    html = draw(ENVIRONMENT, replace(timeline(), parcel=told), "n0nce")

    assert "par 17TRACK" in html
    assert "Grève &lt;b&gt;" in html


@pytest.mark.parametrize(
    ("kind", "asks"),
    [
        (NoticeKind.ARRIVED_IN_COUNTRY, True),
        (NoticeKind.CUSTOMS_HELD, True),
        (NoticeKind.OUT_FOR_DELIVERY, False),
    ],
)
def test_what_customs_cost_is_on_the_page_of_a_parcel_that_is_at_customs(
    kind: NoticeKind, asks: bool
) -> None:
    assert asks == ("Douane : qui paie quoi" in words(timeline(kind)))


def test_the_help_tells_what_customs_ask_for_on_the_day_it_is_read() -> None:
    later = replace(HELP, today=date(2026, 11, 28))

    assert "3 € par type d’article" not in words(HELP)
    assert "3 € par type d’article, depuis le 1er juillet 2026" in words(later)


def test_a_parcel_s_page_tells_each_last_day_and_how_it_is_counted() -> None:
    ending = words(timeline(NoticeKind.PROTECTION_ENDING))

    assert "Fin de la protection dimanche 15 mars 60 jours après la commande" in ending
    assert "Dernier jour pour un litige lundi 30 mars 15 jours après la fin" in ending
    assert not drawn(unasked()).css("dl.stack")


def test_the_day_of_an_order_is_asked_for_where_no_mail_told_it() -> None:
    page = timeline(NoticeKind.CUSTOMS_CLEARED)
    field = "input[name=ordered_on]"

    assert drawn(page).css(field)
    assert not drawn(replace(page, dated_by_mail=True)).css(field)
    assert not drawn(timeline(NoticeKind.DELIVERED)).css(field)


def test_a_pick_up_point_is_on_a_map_in_the_browser_and_on_the_telephone() -> None:
    hrefs = [
        a.attributes["href"] or "" for a in drawn(timeline(NoticeKind.PICKUP_AVAILABLE)).css("a")
    ]

    for start in (f"{MAP}12%20rue", "geo:0,0?q=12%20rue"):
        assert 1 == sum(href.startswith(start) for href in hrefs)

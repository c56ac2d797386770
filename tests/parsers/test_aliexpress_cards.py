"""A mail of AliExpress about several parcels tells each one's own step, or none."""

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.parsers.aliexpress_cards import read_steps
from mailtrack.parsers.content import Content, Link

ONE, OTHER = "LP00827165784034", "AP00827165784035"
DELIVERED, IN_TRANSIT, UNKNOWN = Milestone.DELIVERED, Milestone.IN_TRANSIT, Milestone.UNKNOWN


def _content(*lines: str, links: dict[str, int] | None = None) -> Content:
    """Return a mail whose links to the parcels stand in some lines."""
    page = "https://www.aliexpress.com/p/tracking/index.html?trackingNumber="
    known = (links or {ONE: 3, OTHER: 7}).items()
    return Content(lines, tuple(Link(page + number, line) for number, line in known))


HEAD = "Vos 2 colis ont des mises à jour"
CARDS = (HEAD, "Livré", "Coque", "Suivre", "En transit", "Câble", "Noir", "Suivre")


def test_each_parcel_has_the_step_of_its_card() -> None:
    assert {ONE: DELIVERED, OTHER: IN_TRANSIT} == read_steps(_content(*CARDS), (ONE, OTHER))


def test_a_text_without_places_of_links_tells_them_in_turn() -> None:
    content = _content(*CARDS, links={ONE: 0, OTHER: 0})

    assert {ONE: DELIVERED, OTHER: IN_TRANSIT} == read_steps(content, (ONE, OTHER))


def test_a_step_that_nobody_knows_takes_no_other_one_s() -> None:
    content = _content(*CARDS[:4], "Ha salido de la central", *CARDS[5:])

    assert {ONE: DELIVERED, OTHER: UNKNOWN} == read_steps(content, (ONE, OTHER))


@pytest.mark.parametrize(
    ("lines", "links"),
    [
        pytest.param((HEAD, "Coque", "Suivre", "Livré"), {ONE: 2, OTHER: 2}, id="one step for two"),
        pytest.param(
            (HEAD, "Coque", "Suivre", "Livré", "Câble", "Suivre", "En transit"),
            {ONE: 2, OTHER: 5},
            id="steps below their links",
        ),
        pytest.param(
            (HEAD, "Expédié", "En transit", "Suivre", "Livré", "Retour en cours", "Suivre"),
            {ONE: 0, OTHER: 0},
            id="more steps than parcels",
        ),
        pytest.param((HEAD, "Coque livrée hier", "Suivre", "Câble", "Suivre"), None, id="no step"),
    ],
)
def test_what_a_mail_leaves_open_is_not_guessed(
    lines: tuple[str, ...], links: dict[str, int] | None
) -> None:
    assert {} == read_steps(_content(*lines, links=links or {ONE: 2, OTHER: 4}), (ONE, OTHER))


def test_cards_that_mix_tell_nothing() -> None:
    links = [*_content(*CARDS).links, *_content(*CARDS, links={ONE: 7}).links]

    assert {} == read_steps(Content(CARDS, tuple(links)), (ONE, OTHER))

"""Pages for people, where mailtrack cannot ask."""

from datetime import timedelta
from importlib.resources import files

import pytest

from mailtrack.carriers import REGISTRY, declarations
from mailtrack.carriers.pages import PAGES, name_of, named_page, only_page, page_of, pages_for
from mailtrack.domain.choosing import BEFORE_FALLBACK, choices, next_choice
from mailtrack.domain.number_formats import FORMATS, S10_POSTS
from mailtrack.parsers.sender_declarations import declared


@pytest.mark.parametrize("code", ["dpd", "colisprive", "relaiscolis", "pickup"])
def test_the_carriers_of_france_without_an_interface_have_a_page(code: str) -> None:
    page = page_of(code, "250123456789012")

    assert page is not None
    assert page.name
    assert page.address.startswith("https://")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("250012345678901", "dpd"),
        ("01234567890123A", "dpd"),
        ("10421234567890", "dpd"),
        ("VD1234567890", "relaiscolis"),
        ("Q12345678901", "colisprive"),
        ("D0000123456769001", "colisprive"),
        ("12345678901234567", "colisprive"),
    ],
)
def test_a_number_of_a_carrier_that_cannot_be_asked_leads_to_its_page_or_to_a_fallback(
    number: str, code: str
) -> None:
    page = next(pages_for(number, {d.code: d for d in declarations()}))
    assert page_of(code, number) == page

    keyless = {"cainiao", "ems", "upu", "correos"}
    asked = [*choices(number, keyless)]
    told_apart = BEFORE_FALLBACK if asked else timedelta(0)
    assert "17track" == next_choice(number, {*keyless, "17track"}, asked, told_apart)


@pytest.mark.parametrize(("on", "name"), [({"17track"}, "DPD France"), ({"chronopost"}, None)])
def test_people_are_sent_to_the_page_of_whom_we_cannot_ask(on: set[str], name: str | None) -> None:
    page = only_page("10421234567890", on)

    assert name == (page and page.name)


def test_a_number_stands_in_its_place() -> None:
    page = page_of("dpd", "250123456789012")

    assert page is not None
    assert "https://trace.dpd.fr/fr/trace/250123456789012" == page.address


def test_a_carrier_without_a_page_has_none() -> None:
    assert page_of("pigeon", "1") is None


#: Whose mails or links say whose number it is.
NAMED = {sender.carrier for sender in declared() if sender.carrier} | {
    row.partition("\t")[0]
    for row in (files("mailtrack.parsers") / "senders" / "links.tsv").read_text().splitlines()
    if row and not row.startswith("#")
}


@pytest.mark.parametrize("code", sorted(NAMED))
def test_a_carrier_that_mails_name_has_a_page_whatever_its_numbers_look_like(code: str) -> None:
    """Else the page of another would be shown, whose numbers look alike."""
    assert named_page(code, "123456789012", {d.code: d for d in declarations()}) is not None


def test_the_codes_are_those_of_numbers_and_mails_and_have_no_client_but_a_keyless_one() -> None:
    known = {code for form in FORMATS for code in form.carriers} | set(S10_POSTS.values())

    assert {"pickup"} == PAGES.keys() - known - NAMED
    keyless = {d.code for d in declarations() if d.keyless}
    assert PAGES.keys() & REGISTRY.keys() <= keyless


def test_a_carrier_is_named_where_we_ask_it_and_where_people_can() -> None:
    known = {declaration.code: declaration for declaration in declarations()}

    assert "La Poste" == name_of(["laposte", "dpd"], known)
    assert "DPD France" == name_of(["nobody", "dpd"], known)
    assert "" == name_of(["nobody"], known)

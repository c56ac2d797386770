"""Pages for people, where mailtrack cannot ask."""

import pytest

from mailtrack.carriers import REGISTRY
from mailtrack.carriers.pages import PAGES, page_of
from mailtrack.domain.number_formats import FORMATS, S10_POSTS


@pytest.mark.parametrize("code", ["dpd", "colisprive", "relaiscolis", "pickup"])
def test_the_carriers_of_france_without_an_interface_have_a_page(code: str) -> None:
    page = page_of(code, "250123456789012")

    assert page is not None
    assert page.name
    assert page.address.startswith("https://")


def test_a_number_stands_in_its_place() -> None:
    page = page_of("dpd", "250123456789012")

    assert page is not None
    assert "https://trace.dpd.fr/fr/trace/250123456789012" == page.address


def test_a_carrier_without_a_page_has_none() -> None:
    assert page_of("pigeon", "1") is None


def test_the_codes_are_those_of_the_number_formats_and_have_no_client() -> None:
    known = {code for form in FORMATS for code in form.carriers} | set(S10_POSTS.values())

    assert {"pickup"} == PAGES.keys() - known
    assert set() == PAGES.keys() & REGISTRY.keys()

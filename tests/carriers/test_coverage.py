"""The page that says what each carrier tells is what the program says."""

import pytest

from benchmarks.coverage import PAGE, write
from mailtrack import carriers
from mailtrack.carriers.base import Access, Declaration


def test_the_page_is_what_the_command_writes() -> None:
    assert write() == PAGE.read_text(encoding="utf-8"), "run `make coverage`"


@pytest.mark.parametrize(
    ("carrier", "cells"),
    [
        ("La Poste", ["a free key", "", "yes", "yes", "yes", ""]),
        ("DHL", ["a free key", "", "", "", "yes", ""]),
        ("Cainiao", ["nothing", "yes", "", "", "yes", ""]),
        ("UPS", ["a free key", "yes", "yes", "yes", "yes", ""]),
    ],
)
def test_it_tells_what_a_client_hands_over(carrier: str, cells: list[str]) -> None:
    row = next(line for line in write().splitlines() if line.startswith(f"| {carrier} |"))

    assert cells == [cell.strip() for cell in row.split("|")][3:9]


@pytest.mark.parametrize("declaration", carriers.declarations(), ids=lambda d: d.code)
def test_who_wants_credentials_says_how_to_come_by_them(declaration: Declaration) -> None:
    assert bool(declaration.credentials) == (declaration.access is not Access.OPEN)


def test_who_sends_news_of_itself_is_marked() -> None:
    pushing = [
        line.split("|")[2].strip() for line in write().splitlines() if "| yes | sandbox" in line
    ]

    assert ["`17track`", "`aftership`"] == sorted(pushing)

"""How many new parcels a day: nobody uses up with many addresses what all share."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.store import schema as t

Rows = Callable[..., list[Mapping[str, Any]]]
Mail = Callable[..., bytes]
Add = Callable[[str, int], str]


@pytest.fixture
def add(
    keep: Callable[[bytes], None],
    read_with: Callable[[Reader], None],
    reader: Reader,
    mail: Mail,
    rows: Rows,
) -> Add:
    """Let an address forward a parcel; return what became of it."""
    small = replace(reader, quotas=ParcelQuotas(per_address=2, per_domain=3, in_all=5))

    def make(address: str, number: int) -> str:
        keep(mail(f"LP00123456789{number:03}", address=address))
        read_with(small)
        return str(rows(t.inbound)[-1]["reason"])

    return make


def test_an_address_has_its_share_of_a_day(add: Add, clock: FakeClock) -> None:
    assert ["", ""] == [add("ana@example.org", n) for n in range(2)]
    assert "more new parcels than an address may add in a day" == add("ana@example.org", 2)
    assert "" == add("bruno@example.org", 2)

    clock.advance(days=1, seconds=1)
    assert "" == add("ana@example.org", 3)


def test_all_the_addresses_of_a_domain_share_one(add: Add) -> None:
    """Who has a domain makes addresses by the thousand."""
    assert ["", "", ""] == [add(f"{name}@example.org", n) for n, name in enumerate("abc")]

    refused = "more new parcels than the addresses of a domain may add in a day"
    assert refused == add("d@example.org", 3)
    assert refused == add("d@EXAMPLE.org", 3)
    assert "" == add("d@example.com", 3)


def test_the_addresses_of_a_free_mail_provider_are_as_many_people(add: Add) -> None:
    assert [""] * 5 == [add(f"{name}@laposte.net", n) for n, name in enumerate("abcde")]


def test_the_service_takes_so_many_a_day_and_no_more(add: Add, clock: FakeClock) -> None:
    assert [""] * 5 == [add(f"a@{name}.example", n) for n, name in enumerate("abcde")]
    assert "more new parcels than this service takes in a day" == add("a@f.example", 5)

    clock.advance(days=1, seconds=1)
    assert "" == add("a@f.example", 5)


def test_a_parcel_that_somebody_follows_already_is_no_new_one(add: Add) -> None:
    add("ana@example.org", 0)
    add("ana@example.org", 1)

    assert "" == add("ana@example.org", 1)

"""Addresses that are left in peace after an erasure: known by a keyed hash alone."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.errors import PermanentError
from mailtrack.inbox.addresses import PersonalAddresses
from mailtrack.store import people, personal_data
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Suppressed, Suppression, Why

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]

ANA = "ana@example.org"
LIST = Suppression("a secret of the tests")


def test_who_erases_everything_leaves_a_hash_and_nothing_else(
    store: Store, follow: Follow, rows: Rows, clock: FakeClock
) -> None:
    mine = follow()
    with store.write() as connection:
        personal_data.erase_at_their_word(connection, mine.subscriber, LIST, clock.now())

    left = {table.name: rows(table) for table in t.metadata.sorted_tables if rows(table)}
    assert {0} == {count["total"] for count in left.pop("row_count")}
    (row,) = left.pop("suppressed")
    assert {} == left
    assert {"key": row["key"], "why": "erased", "at": clock.now()} == row
    assert 64 == len(row["key"])
    assert "ana" not in json.dumps(row, default=str)


@pytest.mark.parametrize("address", [ANA, " Ana@Example.ORG "])
def test_an_address_is_found_however_it_is_written(
    store: Store, clock: FakeClock, address: str
) -> None:
    with store.write() as connection:
        LIST.add(connection, ANA, Why.ERASED, clock.now())

        assert Suppressed(Why.ERASED, clock.now()) == LIST.find(connection, address)
        assert None is LIST.find(connection, "anna@example.org")


def test_the_list_means_nothing_without_its_secret(store: Store, clock: FakeClock) -> None:
    with store.write() as connection:
        LIST.add(connection, ANA, Why.ERASED, clock.now())

        assert None is Suppression("another secret").find(connection, ANA)


def test_a_new_secret_finds_what_a_retired_one_hid(
    store: Store, clock: FakeClock, rows: Rows
) -> None:
    renewed = Suppression("a new secret", ["a secret of the tests"])
    with store.write() as connection:
        LIST.add(connection, ANA, Why.BOUNCED, clock.now())
        renewed.add(connection, ANA, Why.ERASED, clock.now() + timedelta(days=1))

        assert renewed.refuses(connection, ANA)
        assert not renewed.refuses(connection, ANA, clock.now() + timedelta(days=2))
    assert [] == rows(t.suppressed)


def test_only_what_was_written_after_the_erasure_ends_the_peace(
    store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        LIST.add(connection, ANA, Why.ERASED, clock.now())
        moments = [None, clock.now() - timedelta(days=1), clock.now()]

        assert [True] * 3 == [LIST.refuses(connection, ANA, moment) for moment in moments]
        assert not LIST.refuses(connection, ANA, clock.now() + timedelta(seconds=1))
        assert not LIST.refuses(connection, ANA)


def test_the_operator_s_erasure_remembers_who_had_left_or_refused_our_mails(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    left, dead, _ = (
        follow(address=f"{name}@example.org").subscriber for name in ("left", "dead", "well")
    )
    with store.write() as connection:
        people.unsubscribe(connection, left, clock.now())
        people.bounced(connection, dead, clock.now())
        told = [
            personal_data.erase(connection, f"{name}@example.org", LIST, clock.now())
            for name in ("left", "dead", "well")
        ]

        assert [Why.UNSUBSCRIBED, Why.BOUNCED, None] == told
        assert [True, True, False] == [
            LIST.refuses(connection, f"{name}@example.org") for name in ("left", "dead", "well")
        ]


def test_an_export_after_an_erasure_tells_that_a_hash_is_kept_and_why(
    store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        LIST.add(connection, ANA, Why.UNSUBSCRIBED, clock.now())
        told = personal_data.everything_about(
            connection, ANA, LIST, PersonalAddresses("colis@example.org", "a secret").of
        )

        assert {"why": "unsubscribed", "at": clock.now().isoformat()} == told["suppressed"]
        with pytest.raises(PermanentError, match="keyed hash"):
            personal_data.erase(connection, ANA, LIST, clock.now())

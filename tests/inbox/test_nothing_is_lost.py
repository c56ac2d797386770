"""What a mail says reaches the store: no field of its reading is thrown away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Candidate, MailRead, Outcome, PickupPoint
from mailtrack.inbox.doubtful import ask
from mailtrack.inbox.subscriptions import SubscriptionService
from mailtrack.parsers.reading import (
    Doubt,
    DoubtfulNumber,
    Forward,
    OrderRead,
    Original,
    ParcelRead,
    Person,
    Reading,
)
from mailtrack.store import people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]

LP, COLISSIMO, ORDER = "LP00123456789012", "6A12345678905", "3054169918880001"
DAY, ORDERED = date(2026, 3, 12), date(2026, 2, 1)
POINT = PickupPoint("TABAC DE LA GARE", "1 rue du Port, 75011 Paris", date(2026, 3, 20), "123456")
PARCEL = ParcelRead(
    LP,
    orders=(ORDER,),
    local_number=COLISSIMO,
    carriers=(Candidate("laposte", "mail", "none", named=True),),
    milestone=Milestone.PICKUP_AVAILABLE,
    source="colissimo",
    items=("Lampe",),
    expected_on=DAY,
    pickup=POINT,
    slot="09:00-11:00",
)
TOLD = OrderRead(ORDER, "aliexpress", "order_shipped", Milestone.SHIPPED, ("Lampe",), ORDERED)
READING = Reading(
    Outcome.TRACKED,
    Forward(True, None, Person(), "", Original()),
    shop="aliexpress",
    kind="order_shipped",
    milestone=Milestone.PICKUP_AVAILABLE,
    orders=(ORDER,),
    parcels=(PARCEL,),
    told_of_orders=(TOLD,),
    doubtful=(DoubtfulNumber("31234567", (), Doubt.UNCERTAIN),),
)

Where = tuple[Table, str, object]
#: Where the store keeps each field of a parcel, and what it holds of the one above.
OF_A_PARCEL: Mapping[str, Where] = {
    "number": (t.parcel, "number", LP),
    "orders": (t.shop_order, "number", ORDER),
    "local_number": (t.leg, "number", COLISSIMO),
    "carriers": (t.named_carrier, "carrier", "laposte"),
    "milestone": (t.mail_event, "milestone", "pickup_available"),
    "source": (t.mail_event, "told_by", "colissimo"),
    "items": (t.subscription, "titles", "Lampe"),
    "expected_on": (t.subscription, "expected_on", DAY),
    "pickup": (t.subscription, "pickup_code", "123456"),
    "slot": (t.subscription, "expected_slot", "09:00-11:00"),
}
OF_AN_ORDER: Mapping[str, Where] = {
    "number": (t.shop_order, "number", ORDER),
    "shop": (t.shop_order, "shop", "aliexpress"),
    "kind": (t.mail_event, "code", "order_shipped"),
    "milestone": (t.mail_event, "milestone", "shipped"),
    "items": (t.subscription, "titles", "Lampe"),
    "ordered_at": (t.shop_order, "ordered_at", ORDERED),
}
#: Fields of a reading that are the mail's own record (`MailResult`), and what reads them.
OF_THE_MAIL = {"outcome", "reason", "shop", "kind", "mails"}
#: Fields that say for the whole mail what its parcels and orders say each for itself.
SAID_OF_EACH = {
    "milestone": "milestone",
    "orders": "orders",
    "items": "items",
    "estimated_delivery": "expected_on",
}
#: What is acted upon and not kept: the forward itself (its raw mail is kept), the language and
#: the shop's words of steps that nobody knows (`mailtrack parse` prints them), Gmail's question.
ACTED_UPON = {"forward", "language", "step", "confirmation"}
ELSEWHERE = {"parcels": OF_A_PARCEL, "told_of_orders": OF_AN_ORDER, "ordered_at": OF_AN_ORDER}
ASKED = {"doubtful"}


@pytest.fixture
def follow(store: Store, clock: FakeClock) -> Callable[[Reading], None]:
    """Let somebody follow what a reading names."""

    def make(reading: Reading) -> None:
        with store.write() as connection:
            now = clock.now()
            ana = people.subscriber_of(connection, "ana@example.org", now)
            people.lock(connection, ana)
            came = now - timedelta(minutes=1)
            service = SubscriptionService(
                connection, ("cainiao", "laposte"), clock, ana, "t", came, reading, by_rule=False
            )
            service.follow(service.followed())
            ask(connection, ana, reading.doubtful, "t", now)

    return make


def _holds(rows: Rows, where: Where) -> bool:
    table, column, value = where
    return any(value in (row[column], str(row[column])) for row in rows(table))


def test_every_field_of_a_reading_has_a_place() -> None:
    told = {f.name for f in fields(Reading)}

    assert told == OF_THE_MAIL | {*SAID_OF_EACH} | ACTED_UPON | {*ELSEWHERE} | ASKED
    assert {f.name for f in fields(ParcelRead)} == {*OF_A_PARCEL}
    assert {f.name for f in fields(OrderRead)} == {*OF_AN_ORDER}
    assert {*SAID_OF_EACH.values()} <= {*OF_A_PARCEL}
    assert {f.name for f in fields(MailRead)} == {
        "subject", "sender", "outcome", "kind", "numbers", "doubtful", "orders"
    }  # fmt: skip


@pytest.mark.parametrize("where", OF_A_PARCEL.values(), ids=OF_A_PARCEL)
def test_what_a_mail_says_of_a_parcel_is_kept(
    follow: Callable[[Reading], None], rows: Rows, where: Where
) -> None:
    follow(READING)

    assert _holds(rows, where)


@pytest.mark.parametrize("where", OF_AN_ORDER.values(), ids=OF_AN_ORDER)
def test_what_a_mail_says_of_an_order_is_kept(
    follow: Callable[[Reading], None], rows: Rows, where: Where
) -> None:
    follow(_without_parcels())

    assert _holds(rows, where)


def test_a_pick_up_is_kept_whole(follow: Callable[[Reading], None], rows: Rows) -> None:
    follow(READING)

    (mine,) = rows(t.subscription)
    kept: Sequence[object] = [
        mine[f"pickup_{name}"] for name in ("name", "address", "last_day", "code")
    ]
    assert [POINT.name, POINT.address, POINT.last_day, POINT.code] == kept
    assert len(kept) == len(fields(PickupPoint))


def test_a_doubtful_number_is_kept_for_its_click(
    follow: Callable[[Reading], None], rows: Rows
) -> None:
    follow(READING)

    assert [("31234567", "uncertain")] == [
        (asked["number"], asked["why"]) for asked in rows(t.doubtful_number)
    ]


def _without_parcels() -> Reading:
    return Reading(
        Outcome.ORDER_NOTED,
        READING.forward,
        shop="aliexpress",
        kind="order_shipped",
        orders=(ORDER,),
        told_of_orders=(TOLD,),
    )

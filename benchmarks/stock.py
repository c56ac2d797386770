"""A store with the history of many parcels: a few written by the service, then copied.

Each parcel was forwarded by a mail, told of by two carriers, and followed by somebody who got its
mails. Nothing is due in it: neither polls nor notices, nor anything for the housekeeping.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    func,
    insert,
    literal_column,
    select,
    update,
)

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import InboundId, Outcome, SubscriberId, TrackingEvent
from mailtrack.sandbox.mails import DemoPerson, forwarded, gmail, parcel_update
from mailtrack.store import inbound, notices, orders, parcels, people, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace, MailResult
from mailtrack.tracking import merging

#: Parcels that the service writes itself; all others are copies of them.
ORIGINALS = 100
#: Days since the first of them was named; a parcel is under way for about 18.
DAYS = 105
#: How old mails are that are kept as they came (days).
RAW_DAYS = 30
#: How often a person has something sent.
PARCELS_OF_A_PERSON = 5

_HUBS = ("HONGKONG", "SHENZHEN", "LIEGE", "PARIS CDG", "ROISSY", "Frankfurt", "Madrid", "")
_TOWNS = tuple(
    f"{kind} {number:02}" for kind in ("PIC", "PFC", "AGENCE", "POINT") for number in range(80)
)
#: What two carriers tell of a parcel: hours since it was named, who says it, and how.
_SCANS: Sequence[tuple[int, str, Milestone, str, str]] = (
    (2, "cainiao", Milestone.SHIPPED, "GTMS_CREATED", "Your order was created by the sender"),
    (20, "cainiao", Milestone.CARRIER_ACCEPTED, "PU_PICKUP_SUCCESS", "Accepted by carrier"),
    (40, "cainiao", Milestone.IN_TRANSIT, "SC_OUTBOUND_SUCCESS", "Departed from sorting center"),
    (90, "cainiao", Milestone.IN_TRANSIT, "LH_HO_AIRLINE", "Departed from country of origin"),
    (180, "cainiao", Milestone.ARRIVED_IN_COUNTRY, "LH_ARRIVE", "Arrived at destination country"),
    (200, "cainiao", Milestone.CUSTOMS_CLEARED, "CC_IM_SUCCESS", "Import clearance complete"),
    (260, "laposte", Milestone.LOCAL_TRANSIT, "ET1", "Votre colis est en cours d'acheminement."),
    (300, "laposte", Milestone.LOCAL_TRANSIT, "ET2", "Votre colis est arrivé sur son site."),
    (380, "laposte", Milestone.OUT_FOR_DELIVERY, "MD2", "Votre colis est préparé pour ce jour."),
    (386, "laposte", Milestone.DELIVERED, "DI1", "Votre colis est livré."),
)
#: Ids that go on counting with each copy, and what must differ, made of the number of the row.
_UNIQUE = {
    ("subscriber", "key"): "{id}",
    ("subscriber", "address"): "'p' || {id} || '@example.org'",
    ("inbound", "uid"): "{id}",
    ("inbound", "content_key"): "substr(content_key, 1, 52) || (100000000000 + {id})",
    ("shop_order", "number"): "305400000000000 + {id}",
    ("parcel", "number"): "'LP' || (10000000000000 + {id})",
    ("leg", "number"): "'LP' || (10000000000000 + {parcel_id})",
    ("subscription", "key"): "{id}",
}
_SHARED = frozenset({"wording_id"})
_COPIED = (
    t.subscriber, t.inbound, t.shop_order, t.parcel, t.parcel_order, t.leg, t.subscription,
    t.tracking_event, t.notice,
)  # fmt: skip


def fill(store: Store, parcels_wanted: int, now: datetime) -> None:
    """Fill an empty store with the history of some parcels, a multiple of `ORIGINALS`."""
    chance = Random(7)
    with store.write() as connection:
        for serial in range(ORIGINALS):
            _write(connection, serial, now, chance)
    _let_nothing_be_due(store, now)
    copies = parcels_wanted // ORIGINALS - 1
    with store.write() as connection:
        for copy in _powers(copies):
            _copy(connection, copy)


def _write(connection: Connection, serial: int, now: datetime, chance: Random) -> None:
    """Let one person's mail name a parcel, and carriers tell of it up to now."""
    named_at = now - timedelta(days=serial * DAYS / ORIGINALS, minutes=30)
    number, item = f"LP{10**13 + serial + 1}", f"Lampe de bureau {chance.randrange(99)}"
    person = DemoPerson("Ana", f"p{serial // PARCELS_OF_A_PERSON + 1}@example.org")
    order_number = str(305400000000000 + serial + 1)
    raw = forwarded(
        gmail, parcel_update(number, order_number, item), person, named_at, "Voilà", serial
    )
    owner = people.subscriber_of(connection, person.address, named_at)
    _keep_mail(connection, serial, raw, owner, number, named_at, now)
    order = orders.order_of(
        connection, owner, order_number, "aliexpress", named_at.date() - timedelta(days=3), named_at
    )
    parcel = parcels.lock_named(connection, [number], named_at).named[number]
    for carrier in ("cainiao", "laposte"):
        parcels.add_leg(connection, parcel, carrier, number, now + timedelta(hours=1))
    mine, _ = subscriptions.follow_parcel(connection, owner, parcel, [order], [item], named_at)
    orders.join_parcel(connection, order, parcel)
    notices.owe(connection, owner, "registered", at=named_at, now=named_at, subscription_id=mine)
    for hours, source, milestone, code, text in _SCANS:
        at = named_at + timedelta(hours=hours + chance.random())
        if at > now:
            break
        place = chance.choice(_HUBS if source == "cainiao" else _TOWNS)
        mark = at.strftime("%Y-%m-%d %H:%M:%S")
        event = TrackingEvent(
            at.replace(microsecond=0), milestone, source, code, text, place, mark=mark
        )
        merging.take_in(connection, {parcel: [event]}, at + timedelta(hours=1))
        if milestone is Milestone.DELIVERED:
            parcels.end(connection, parcel, "delivered", at)


def _keep_mail(
    connection: Connection,
    serial: int,
    raw: bytes,
    owner: SubscriberId,
    number: str,
    at: datetime,
    now: datetime,
) -> None:
    inbound.keep(connection, MailPlace("colis@host", "INBOX", 1, serial + 1), raw, at, at)
    result = MailResult(
        Outcome.TRACKED, "", owner, f"Fwd: Package {number} has an update", "<1@mail.example.org>",
        "aliexpress", "parcel_update", (number,),
    )  # fmt: skip
    inbound.finish(connection, InboundId(serial + 1), result, at)
    if now - at > timedelta(days=RAW_DAYS):
        forgotten = {"raw": None, "subject": "", "message_id": "", "names": ""}
        mine = t.inbound.c.id == serial + 1
        connection.execute(update(t.inbound).where(mine).values(**forgotten))


def _let_nothing_be_due(store: Store, now: datetime) -> None:
    """Let mails be sent, and people and orders be looked at another day."""
    owed, later = t.notice.c.state == "due", now + timedelta(days=DAYS)
    with store.write() as connection:
        sent = {"state": "sent", "sent_at": t.notice.c.created_at, "attempts": 1}
        connection.execute(update(t.notice).where(owed).values(**sent))
        connection.execute(update(t.subscriber).values(review_at=later))
        connection.execute(update(t.shop_order).values(remind_on=later.date()))


def _powers(copies: int) -> Iterator[int]:
    """Yield how many copies are there already, each time that as many more are made."""
    there = 1
    while there <= copies:
        yield min(there, copies + 1 - there)
        there += min(there, copies + 1 - there)


def _copy(connection: Connection, times: int) -> None:
    """Copy the first rows once more: those of as many times the originals."""
    highest = {
        table.name: connection.scalar(select(func.max(table.c.id))) or 0
        for table in _COPIED
        if "id" in table.c
    }
    share = {name: number * times // _there(connection) for name, number in highest.items()}
    for table in _COPIED:
        columns: list[ColumnElement[Any]] = [
            literal_column(_copied(table, one.name, highest)) for one in table.c
        ]
        key, whose = (table.c.id, table.name) if "id" in table.c else (table.c.parcel_id, "parcel")
        rows = select(*columns).select_from(table)
        some = rows.where(key <= share[whose])
        connection.execute(insert(table).from_select(list(table.c.keys()), some))


def _there(connection: Connection) -> int:
    count = connection.scalar(select(func.max(t.parcel.c.id))) or 0
    return count // ORIGINALS


def _copied(table: Table, name: str, highest: Mapping[str, int]) -> str:
    """Return the expression of a column of a copied row."""
    made = _UNIQUE.get((table.name, name))
    if made:
        ids = [one for one in ("id", "parcel_id") if one in table.c]
        shifted = {one: f"({one} + {highest[_named(table, one)]})" for one in ids}
        text = made.format(**shifted)
        return text if name == "uid" else f"CAST({text} AS text)"
    owner = _named(table, name)
    return f"{name} + {highest[owner]}" if owner in highest and name not in _SHARED else name


def _named(table: Table, name: str) -> str:
    """Return the table whose row a column names."""
    return table.name if name == "id" else name.removesuffix("_id").removeprefix("local_")

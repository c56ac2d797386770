"""Reading forwarded mails, small and dense, against mail-parser alone taking them apart."""

from collections.abc import Iterator
from datetime import UTC, datetime

import mailparser

from benchmarks.dense import PARCEL, dense_mails
from benchmarks.measure import Ratio, in_turns
from mailtrack.domain.model import Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.sandbox.mails import (
    Person,
    apple,
    forwarded,
    gmail,
    orange,
    outlook,
    parcel_update,
    thunderbird,
)

ROUNDS = 40


def ratios() -> Iterator[Ratio]:
    """Measure over one forward by each mail program."""
    mails = _mails()
    assert all(parse(read_message(raw)).outcome is Outcome.TRACKED for raw in mails)
    ours, yardstick = in_turns(
        lambda: [parse(read_message(raw)) for raw in mails],
        lambda: [mailparser.parse_from_bytes(raw) for raw in mails],
        ROUNDS,
    )
    yield Ratio(
        f"reading {len(mails)} mails to their parcels", ours, "mail-parser", yardstick, "≤ 3"
    )
    for name, raw in dense_mails().items():
        yield _dense(name, raw)


def _dense(name: str, raw: bytes) -> Ratio:
    assert parse(read_message(raw)).parcels[0].number == PARCEL, name
    ours, yardstick = in_turns(
        lambda: parse(read_message(raw)), lambda: mailparser.parse_from_bytes(raw), ROUNDS
    )
    return Ratio(f"reading {len(raw) // 1000} KB: {name}", ours, "mail-parser", yardstick, "≤ 3")


def _mails() -> list[bytes]:
    shop_mail = parcel_update("LP00123456789012", "3054169918880001", "Lampe de bureau")
    ana, at = Person("Ana", "ana@example.org"), datetime(2026, 3, 2, 8, tzinfo=UTC)
    forwarders = (gmail, outlook, apple, thunderbird, orange)
    return [
        forwarded(forwarder, shop_mail, ana, at, "Voilà", serial)
        for serial, forwarder in enumerate(forwarders)
    ]

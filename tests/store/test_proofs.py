"""Proofs are kept as they were made."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason, RowKey
from mailtrack.domain.proof import CarrierAnswers, PromisedDelivery, Proof, ProvenScan
from mailtrack.store import proofs
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

AT = datetime(2026, 3, 10, 13, 5, 1, 250, tzinfo=UTC)
MADE = Proof(
    AT,
    "LP00123456789012",
    AT,
    orders=("3054169918880001",),
    local_number="6A15602676301",
    shop="AliExpress",
    carrier="La Poste",
    milestone=Milestone.RETURNING,
    milestone_at=AT,
    reason=Reason.REFUSED,
    scans=(
        ProvenScan(AT, Milestone.RETURNING, "La Poste", "Refusé", "Lyon", False, Reason.REFUSED),
        ProvenScan(AT, Milestone.SHIPPED, "", by_mail=True),
    ),
    left_out=3,
    answers=(CarrierAnswers("La Poste", "6A15602676301", 7, AT, "found"),),
    promises=(
        PromisedDelivery("AliExpress", date(2026, 3, 1), date(2026, 3, 4)),
        PromisedDelivery(
            "", date(2026, 3, 2), date(2026, 3, 9), Milestone.IN_TRANSIT, date(2026, 2, 20)
        ),
    ),
)


def test_a_proof_is_read_as_it_was_kept(store: Store, follow: Callable[..., Subscription]) -> None:
    mine, other = follow(), follow("LP00123456789013")
    later = replace(MADE, left_out=4)
    with store.write() as connection:
        key = proofs.keep(connection, mine.id, MADE)
        newest = proofs.keep(connection, mine.id, later)

        assert MADE == proofs.by_key(connection, key)
        assert proofs.KeptProof(newest, later) == proofs.newest(connection, mine.id)
        assert [later, MADE] == [p.proof for p in proofs.of_subscription(connection, mine.id)]
        assert proofs.newest(connection, other.id) is None
        assert proofs.by_key(connection, RowKey("nobody")) is None

"""The carrier that other rooms test with."""

import pytest

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import TransientError

PENDING = PollResult("A1", PollState.PENDING)
FOUND = PollResult("A1", PollState.FOUND)


def test_scripted_looks_come_in_order_and_the_last_one_stays() -> None:
    fake = FakeCarrier()
    fake.script(PENDING, FOUND)

    assert [PENDING, FOUND, FOUND] == [fake.fetch(["A1"])["A1"] for _ in range(3)]
    assert [("A1",)] * 3 == fake.asked


def test_scripted_errors_come_first_and_use_up_no_look() -> None:
    fake = FakeCarrier()
    fake.script(FOUND)
    fake.fail(TransientError("out of order"))

    with pytest.raises(TransientError, match="out of order"):
        fake.fetch(["A1"])

    assert FOUND == fake.fetch(["A1"])["A1"]


def test_a_number_can_be_left_out() -> None:
    fake = FakeCarrier()
    fake.leave_out("A1")

    assert ["B2"] == list(fake.fetch(["A1", "B2"]))

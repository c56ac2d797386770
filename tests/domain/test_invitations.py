"""How long an invitation waits, what who invited may know of it, and whose peace is counted."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.invitations import (
    LASTS,
    PER_DOMAIN,
    PER_INVITER,
    Invitation,
    InvitationCounts,
    InvitationState,
    mailbox_of,
)
from mailtrack.domain.model import RowKey, SubscriberId, SubscriptionId

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


def invitation(**other: object) -> Invitation:
    known = {
        "id": 1,
        "key": RowKey("key"),
        "inviter": SubscriberId(1),
        "about": SubscriptionId(1),
        "everything": False,
        "address": "dominique@example.org",
        "created_at": NOW,
    }
    return Invitation(**(known | other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "state"),
    [
        ({}, InvitationState.WAITING),
        ({"accepted_at": NOW}, InvitationState.ACCEPTED),
        ({"ended_at": NOW}, InvitationState.OVER),
        ({"accepted_at": NOW, "ended_at": NOW}, InvitationState.OVER),
        ({"inviter": None, "accepted_at": NOW}, InvitationState.OVER),
        ({"about": None, "accepted_at": NOW}, InvitationState.OVER),
        ({"about": None, "everything": True}, InvitationState.WAITING),
        # Who refused, or was never written to, looks like who has not looked yet.
        ({"refused_at": NOW}, InvitationState.WAITING),
        ({"mailed_at": NOW}, InvitationState.WAITING),
    ],
)
def test_who_invited_learns_of_a_yes_alone(
    other: dict[str, object], state: InvitationState
) -> None:
    assert state is invitation(**other).state(NOW)


@given(st.timedeltas(timedelta(0), 2 * LASTS))
def test_an_invitation_lapses_in_its_time_whether_it_was_refused_or_not(age: timedelta) -> None:
    now = NOW + age

    assert (age < LASTS) is invitation().is_open(now)
    assert invitation().state(now) is invitation(refused_at=NOW).state(now)
    assert not invitation(refused_at=NOW).is_open(now)


@pytest.mark.parametrize(
    ("counts", "full"),
    [
        (InvitationCounts(PER_INVITER - 1, PER_DOMAIN - 1, 499), False),
        (InvitationCounts(PER_INVITER, 0, 0), True),
        (InvitationCounts(0, PER_DOMAIN, 0), True),
        (InvitationCounts(0, 0, 500), True),
    ],
)
def test_each_quota_is_enough_to_wait_for_tomorrow(counts: InvitationCounts, full: bool) -> None:
    assert full is counts.is_full(500)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Ana@Example.org", "ana@example.org"),
        ("ana+colis@example.org", "ana@example.org"),
        ("a.n.a+x@googlemail.com", "ana@gmail.com"),
        ("a.n.a@example.org", "a.n.a@example.org"),
        ("+only@example.org", "+only@example.org"),
    ],
)
def test_one_mailbox_has_one_peace_however_it_is_written(address: str, mailbox: str) -> None:
    assert mailbox == mailbox_of(address)
    assert mailbox == mailbox_of(mailbox)

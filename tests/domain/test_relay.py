"""When a relay that refused us is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from mailtrack.domain.relay import LONGEST_PAUSE, MOST_DOUBTS, RelayState, doubted, refused

NOW = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=90)


@pytest.mark.parametrize(
    ("lasting", "minutes"),
    [(True, [15, 30, 60, 120, 120]), (False, [1, 2, 4, 8, 15, 15])],
)
def test_pauses_double_up_to_a_longest_one(minutes: list[int], *, lasting: bool) -> None:
    state, now, pauses = RelayState(), NOW, []
    for _ in minutes:
        state = refused(state, "limit", "no", now, lasting=lasting)
        assert state.blocked_until is not None
        pauses.append((state.blocked_until - now) // timedelta(minutes=1))
        now = state.blocked_until

    assert minutes == pauses
    assert NOW == state.since


def test_while_it_is_left_alone_further_refusals_change_nothing() -> None:
    state = refused(RelayState(), "limit", "no", NOW, lasting=True)

    assert state == refused(state, "policy", "no", NOW + timedelta(minutes=14), lasting=True)


def test_only_one_mail_tries_it_afterwards() -> None:
    state = refused(RelayState(), "limit", "no", NOW, lasting=True)
    after = NOW + timedelta(minutes=15)
    assert not state.may_try("any", NOW)
    assert not state.wants_probe(NOW, LEASE)
    assert state.wants_probe(after, LEASE)

    probed = RelayState(refusals=1, probe="mine", probe_until=after + LEASE)
    assert not probed.wants_probe(after, LEASE)
    assert probed.wants_probe(after + LEASE, LEASE)
    assert probed.may_try("mine", after)
    assert not probed.may_try("other", after)


def test_what_nobody_can_tell_the_fault_of_is_the_relays_when_it_goes_on() -> None:
    state = RelayState()
    for _ in range(MOST_DOUBTS - 1):
        state = doubted(state, "unknown", "550 no", NOW)
        assert state.is_suspect
        assert state.may_try("any", NOW)

    assert doubted(state, "unknown", "550 no", NOW).is_blocked(NOW)


def test_a_pause_or_a_probe_that_a_wrong_clock_set_far_ahead_holds_nothing_up() -> None:
    late = NOW + 2 * LONGEST_PAUSE
    assert not RelayState(refusals=1, blocked_until=late).is_blocked(NOW)
    assert RelayState(refusals=1, probe="lost", probe_until=late).wants_probe(NOW, LEASE)

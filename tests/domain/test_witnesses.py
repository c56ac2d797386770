"""What is only read is believed once something else bears it out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.domain.milestones import Milestone, mailed_by_default
from mailtrack.domain.model import Certainty, SubscriptionId, TrackingEvent
from mailtrack.domain.tracking import Follower, Key, apply, owed, timeline, walk
from mailtrack.domain.witnesses import (
    ALARMS,
    NEARBY,
    awaits_witness,
    bears_out,
    believed,
    outlasting,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
M = Milestone
READ, KNOWN = Certainty.READ, Certainty.KNOWN


def event(
    hours: float,
    milestone: Milestone,
    text: str = "",
    certainty: Certainty = READ,
    source: str = "cainiao",
) -> TrackingEvent:
    at = START + timedelta(hours=hours)
    return TrackingEvent(at, milestone, source, text=text, certainty=certainty)


@pytest.mark.parametrize("alarm", sorted(ALARMS))
def test_a_read_alarm_alone_moves_nothing_and_is_owed_to_nobody(alarm: Milestone) -> None:
    told = [event(0, M.IN_TRANSIT), event(5, alarm, "Ainsi parle le transporteur")]

    assert M.IN_TRANSIT is walk(told)[-1].milestone
    assert {M.IN_TRANSIT} == {key.milestone for key in owed(told)}
    assert ("Ainsi parle le transporteur", M.UNKNOWN) == (
        timeline(told)[0].text,
        timeline(told)[0].milestone,
    )


def test_what_is_known_and_what_is_no_alarm_needs_no_witness() -> None:
    told = [event(0, M.CUSTOMS_CLEARED), event(5, M.DELIVERED, certainty=KNOWN)]

    assert told == believed(told)


@pytest.mark.parametrize(
    ("alarm", "witness"),
    [
        # another source, in its own words or by its own table
        (event(5, M.DELIVERED, "livré"), event(9, M.DELIVERED, "delivered", READ, "laposte")),
        (event(5, M.DELIVERED, "livré"), event(1, M.DELIVERED, "livré", KNOWN, "laposte")),
        # the next scan
        (event(5, M.PICKUP_AVAILABLE, "au relais"), event(200, M.DELIVERED, "remis", KNOWN)),
        (event(5, M.DELIVERY_FAILED, "absent"), event(9, M.PICKUP_AVAILABLE, "au relais")),
        (event(5, M.CUSTOMS_HELD, "bloqué"), event(50, M.CUSTOMS_CLEARED, "libéré")),
        (event(5, M.RETURNING, "retour"), event(90, M.RETURNED, "rendu")),
    ],
)
def test_a_witness_makes_an_alarm_count(alarm: TrackingEvent, witness: TrackingEvent) -> None:
    assert alarm in believed([alarm, witness])


@pytest.mark.parametrize("alarm", sorted(ALARMS))
def test_an_alarm_that_stays_the_last_word_for_days_counts(alarm: Milestone) -> None:
    """Nobody else may ever bear it out: who waits at a counter gets no other scan."""
    before, last = event(0, M.IN_TRANSIT), event(5, alarm, "Ainsi parle le transporteur")

    soon = outlasting([before, last], [before, last], last.at + NEARBY - timedelta(minutes=1))
    later = outlasting([before, last], [before, last], last.at + NEARBY)

    assert [before, last] == soon
    assert [before, replace(last, certainty=KNOWN)] == later == believed(later)
    assert (replace(last, certainty=KNOWN),) == apply([before, last], later, []).confirmed


def test_what_another_scan_followed_does_not_count_for_having_stood_long() -> None:
    alarm, after = event(5, M.PICKUP_AVAILABLE, "au relais"), event(30, M.IN_TRANSIT, "trié")
    now = after.at + 9 * NEARBY

    assert [alarm, after] == outlasting([], [alarm, after], now)
    assert [alarm] == outlasting([after], [alarm], now)
    assert [after] == outlasting([alarm], [after], now)


@pytest.mark.parametrize(
    ("alarm", "other"),
    [
        # the same words, read twice
        (event(5, M.DELIVERED, "Livré !"), event(9, M.DELIVERED, "livré", READ, "laposte")),
        # a scan of before
        (event(5, M.PICKUP_AVAILABLE, "au relais"), event(1, M.DELIVERED, "remis", KNOWN)),
        # days apart
        (event(5, M.DELIVERED, "livré"), event(90, M.DELIVERED, "delivered", READ, "laposte")),
        (event(5, M.DELIVERED, "livré"), event(9, M.OUT_FOR_DELIVERY, "en tournée", KNOWN)),
    ],
)
def test_what_does_not_bear_an_alarm_out_is_no_witness(
    alarm: TrackingEvent, other: TrackingEvent
) -> None:
    assert alarm not in believed([alarm, other])


def test_a_code_that_only_says_trouble_bears_out_the_trouble_that_words_tell() -> None:
    assert bears_out(M.RETURNING, M.EXCEPTION)
    assert bears_out(M.DELIVERED, M.DELIVERED)
    assert not bears_out(M.DELIVERED, M.EXCEPTION)
    assert not bears_out(M.PICKUP_AVAILABLE, M.DELIVERED)


def test_a_parcel_is_asked_about_again_while_its_alarm_is_fresh_and_alone() -> None:
    alarm = event(0, M.DELIVERED, "livré")

    assert awaits_witness([alarm], START + timedelta(hours=3))
    assert not awaits_witness([alarm], START + NEARBY)
    assert not awaits_witness([replace(alarm, certainty=KNOWN)], START)


events = st.builds(
    TrackingEvent,
    at=st.integers(0, 24 * 12).map(lambda h: START + timedelta(hours=h)),
    milestone=st.sampled_from(Milestone),
    source=st.sampled_from(["cainiao", "laposte", "mail"]),
    code=st.sampled_from(["A", "B"]),
    text=st.sampled_from(["un", "deux"]),
    certainty=st.sampled_from(Certainty),
)
histories = st.lists(events, max_size=12, unique_by=lambda e: e.fingerprint)


def _told(answers: list[list[TrackingEvent]]) -> tuple[set[Key], Milestone | None]:
    """Take answers in one after the other; return the notices that exist, and the state."""
    me = Follower(SubscriptionId(1), mailed_by_default())
    known: tuple[TrackingEvent, ...] = ()
    recorded: set[Key] = set()
    milestone = None
    for answer in answers:
        change = apply(known, answer, [replace(me, recorded=frozenset(recorded))])
        recorded |= {decision.key for decision in change.decisions}
        known, milestone = change.events, change.milestone
    return recorded, milestone


@settings(deadline=None)
@given(histories, st.randoms(use_true_random=False), st.data())
def test_the_order_of_answers_changes_neither_notices_nor_state(
    history: list[TrackingEvent], rng: object, data: st.DataObject
) -> None:
    # Some are told a second time, known by then.
    again = [replace(e, certainty=KNOWN) for e in history if data.draw(st.booleans())]
    one_by_one = [[told] for told in (*history, *again)]
    forwards = _told(one_by_one)
    rng.shuffle(one_by_one)  # type: ignore[attr-defined]

    assert forwards == _told(one_by_one)
    assert forwards == _told([history, again])


@given(histories, histories)
def test_more_events_only_ever_add_belief_and_notices(
    history: list[TrackingEvent], more: list[TrackingEvent]
) -> None:
    fingerprints = {told.fingerprint for told in history}
    more = [told for told in more if told.fingerprint not in fingerprints]
    before, after = believed(history), believed([*history, *more])

    assert owed(history).keys() <= owed([*history, *more]).keys()
    assert all(
        now == then or then.milestone is M.UNKNOWN for then, now in zip(before, after, strict=False)
    )

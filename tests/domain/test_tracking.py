"""What a parcel's history comes to, and whom it makes write to whom."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.milestones import (
    STAGES,
    Mailed,
    Milestone,
    mailed_by_default,
    mailed_on_request,
)
from mailtrack.domain.model import Certainty, Reason, SubscriptionId, TrackingEvent
from mailtrack.domain.tracking import Follower, Key, Skip, apply, owed, timeline, walk

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANNA = SubscriptionId(1)
M = Milestone


def scan(hours: float, milestone: Milestone, **more: object) -> TrackingEvent:
    """Return an event so many hours after the start."""
    at = START + timedelta(hours=hours)
    return TrackingEvent(at, milestone, str(more.pop("source", "cainiao")), **more)  # type: ignore[arg-type]


def follower(**more: object) -> Follower:
    return Follower(ANNA, mailed_by_default(), **more)  # type: ignore[arg-type]


class Subscriber:
    """Plays looks one after the other, as the store would."""

    def __init__(self, *also: Milestone, known: bool = True) -> None:
        self.wanted = mailed_by_default() | frozenset(also)
        self.history: list[TrackingEvent] = []
        self.recorded: set[Key] = set()
        self.told: dict[Milestone, datetime] = {}
        self.told_on_request: dict[Milestone, datetime] = {}
        self.mailed: list[Key] = []
        self.skipped: dict[Key, Skip] = {}
        self.milestone: Milestone | None = None
        self.first_answer = not known

    def result(self, *events: TrackingEvent) -> list[Milestone]:
        """Take one answer in; return what is mailed because of it."""
        me = Follower(
            ANNA,
            self.wanted,
            recorded=frozenset(self.recorded),
            told=dict(self.told),
            told_on_request=dict(self.told_on_request),
        )
        change = apply(self.history, events, [me], first_answer=self.first_answer)
        self.first_answer = False
        self.history = list(change.events)
        self.milestone = change.milestone
        mails = [d for d in change.decisions if d.skip is None]
        for decision in change.decisions:
            self.recorded.add(decision.key)
            if decision.skip is not None:
                self.skipped[decision.key] = decision.skip
            if decision.skip in (None, Skip.FIRST_ANSWER):
                asked = decision.skip is None and decision.key.milestone in mailed_on_request()
                told = self.told_on_request if asked else self.told
                before = told.get(decision.key.milestone, decision.event.at)
                told[decision.key.milestone] = max(before, decision.event.at)
        self.mailed += [d.key for d in mails]
        return [d.key.milestone for d in mails]


def states(*milestones: Milestone, step_h: float = 24) -> list[Milestone]:
    events = [scan(i * step_h, milestone) for i, milestone in enumerate(milestones)]
    return [step.milestone for step in walk(events)]


@pytest.mark.parametrize(
    ("told", "comes_to"),
    [
        ([M.SHIPPED, M.IN_TRANSIT, M.CUSTOMS_CLEARED], M.CUSTOMS_CLEARED),
        ([M.OUT_FOR_DELIVERY, M.DELIVERY_FAILED, M.OUT_FOR_DELIVERY], M.OUT_FOR_DELIVERY),
        ([M.OUT_FOR_DELIVERY, M.DELIVERY_FAILED, M.LOCAL_TRANSIT], M.LOCAL_TRANSIT),
        # The local carrier takes it over: no step back for the person who waits.
        ([M.CUSTOMS_CLEARED, M.CARRIER_ACCEPTED], M.CUSTOMS_CLEARED),
        ([M.CUSTOMS_CLEARED, M.ARRIVED_IN_COUNTRY], M.CUSTOMS_CLEARED),
        ([M.IN_TRANSIT, M.CARRIER_ACCEPTED], M.IN_TRANSIT),
        ([M.CUSTOMS_CLEARED, M.CUSTOMS_HELD], M.CUSTOMS_HELD),
        ([M.RETURNING, M.LOCAL_TRANSIT], M.RETURNING),
        ([M.RETURNING, M.OUT_FOR_DELIVERY], M.RETURNING),
        ([M.RETURNING, M.DELIVERED], M.RETURNED),
        ([M.RETURNING, M.RETURNED], M.RETURNED),
        ([M.DELIVERED, M.IN_TRANSIT], M.DELIVERED),
        ([M.DELIVERED, M.RETURNING], M.RETURNING),
        ([M.IN_TRANSIT, M.EXCEPTION], M.EXCEPTION),
        ([M.IN_TRANSIT, M.EXCEPTION, M.IN_TRANSIT], M.IN_TRANSIT),
        ([M.IN_TRANSIT, M.UNKNOWN], M.IN_TRANSIT),
        ([M.CANCELLED, M.REFUNDED], M.REFUNDED),
    ],
)
def test_a_history_comes_to_its_newest_meaningful_event(
    told: Sequence[Milestone], comes_to: Milestone
) -> None:
    assert comes_to is states(*told)[-1]


def test_a_return_is_undone_only_when_the_carrier_says_so_in_words() -> None:
    events = [
        scan(0, M.RETURNING),
        scan(24, M.OUT_FOR_DELIVERY, reason=Reason.REDELIVERY),
        scan(30, M.DELIVERED),
    ]

    assert [M.RETURNING, M.OUT_FOR_DELIVERY, M.DELIVERED] == [s.milestone for s in walk(events)]


def test_one_look_with_several_new_milestones_makes_one_mail_about_the_newest() -> None:
    person = Subscriber()

    mailed = person.result(
        scan(0, M.ARRIVED_IN_COUNTRY), scan(20, M.CUSTOMS_CLEARED), scan(40, M.OUT_FOR_DELIVERY)
    )

    assert [M.OUT_FOR_DELIVERY] == mailed
    assert Skip.SUPERSEDED is person.skipped[Key(M.CUSTOMS_CLEARED, "1")]


def test_the_newest_mailed_milestone_is_told_when_a_quiet_one_follows_it() -> None:
    assert [M.CUSTOMS_CLEARED] == Subscriber().result(
        scan(0, M.CUSTOMS_CLEARED), scan(5, M.LOCAL_TRANSIT)
    )


def test_the_first_look_mails_nothing_but_counts_as_told() -> None:
    person = Subscriber(known=False)

    assert [] == person.result(scan(0, M.CARRIER_ACCEPTED), scan(90, M.CUSTOMS_CLEARED))
    assert [] == person.result(scan(50, M.ARRIVED_IN_COUNTRY))
    assert [M.OUT_FOR_DELIVERY] == person.result(scan(120, M.OUT_FOR_DELIVERY))


def test_who_asks_for_the_quiet_steps_hears_of_each_once_however_many_scans_it_has() -> None:
    person = Subscriber(*mailed_on_request())
    road = [
        (scan(0, M.CARRIER_ACCEPTED), M.CARRIER_ACCEPTED),
        (scan(20, M.IN_TRANSIT, place="Shenzhen"), M.IN_TRANSIT),
        (scan(45, M.IN_TRANSIT, place="Hangzhou"), None),
        (scan(50, M.EXCEPTION), M.EXCEPTION),
        (scan(90, M.IN_TRANSIT, place="Liège"), None),
        (scan(120, M.ARRIVED_IN_COUNTRY), M.ARRIVED_IN_COUNTRY),
        (scan(121, M.IN_TRANSIT, place="Roissy"), None),
        (scan(140, M.CUSTOMS_STARTED), M.CUSTOMS_STARTED),
        (scan(160, M.CUSTOMS_CLEARED), M.CUSTOMS_CLEARED),
        (scan(170, M.LOCAL_TRANSIT, source="laposte", place="Lyon"), M.LOCAL_TRANSIT),
        (scan(190, M.LOCAL_TRANSIT, source="laposte", place="Bron"), None),
        (scan(200, M.OUT_FOR_DELIVERY), M.OUT_FOR_DELIVERY),
    ]

    for event, told in road:
        assert [told] * (told is not None) == person.result(event)


def test_of_two_steps_at_once_the_one_that_comes_to_everybody_is_told() -> None:
    result = scan(0, M.CUSTOMS_CLEARED), scan(5, M.LOCAL_TRANSIT)
    person = Subscriber(M.LOCAL_TRANSIT)

    assert [M.CUSTOMS_CLEARED] == person.result(*result)
    assert Skip.SUPERSEDED is person.skipped[Key(M.LOCAL_TRANSIT, "1")]


def test_a_step_that_was_asked_for_makes_no_old_news_of_those_that_everybody_hears_of() -> None:
    person = Subscriber(M.CUSTOMS_STARTED, M.LOCAL_TRANSIT)

    assert [M.LOCAL_TRANSIT] == person.result(scan(20, M.LOCAL_TRANSIT, source="laposte"))
    assert [M.CUSTOMS_CLEARED] == person.result(scan(15, M.CUSTOMS_CLEARED))
    assert [] == person.result(scan(5, M.CUSTOMS_STARTED))
    assert Skip.LATE is person.skipped[Key(M.CUSTOMS_STARTED, "1")]


def test_a_parcel_that_comes_back_from_its_round_is_not_told_as_new_at_the_local_carrier() -> None:
    person = Subscriber(M.LOCAL_TRANSIT)
    person.result(scan(0, M.OUT_FOR_DELIVERY))

    assert [] == person.result(scan(9, M.LOCAL_TRANSIT))
    assert Skip.LATE is person.skipped[Key(M.LOCAL_TRANSIT, "1")]


def test_what_nobody_asked_for_is_skipped_by_name() -> None:
    person = Subscriber()

    assert [] == person.result(scan(0, M.IN_TRANSIT))
    assert {Key(M.IN_TRANSIT, "1"): Skip.NOT_WANTED} == person.skipped


def test_an_event_older_than_one_told_changes_the_timeline_and_mails_nothing() -> None:
    person = Subscriber()
    person.result(scan(100, M.OUT_FOR_DELIVERY))

    assert [] == person.result(scan(20, M.CUSTOMS_CLEARED))
    assert Skip.LATE is person.skipped[Key(M.CUSTOMS_CLEARED, "1")]
    assert 2 == len(person.history)


def test_a_delivery_that_two_clocks_date_on_two_days_is_told_once() -> None:
    person = Subscriber()
    person.result(scan(13.5, M.OUT_FOR_DELIVERY))  # 22:30 UTC, 23:30 in France

    assert [] == person.result(scan(15, M.OUT_FOR_DELIVERY, source="laposte"))
    assert [Skip.REPEATED] == [
        s for k, s in person.skipped.items() if k.milestone == "out_for_delivery"
    ]


def test_a_second_attempt_on_another_day_is_told_again() -> None:
    person = Subscriber()
    mailed = [
        *person.result(scan(0, M.OUT_FOR_DELIVERY)),
        *person.result(scan(3, M.DELIVERY_FAILED)),
        *person.result(scan(24, M.OUT_FOR_DELIVERY)),
        *person.result(scan(26, M.DELIVERED)),
    ]

    assert [M.OUT_FOR_DELIVERY, M.DELIVERY_FAILED, M.OUT_FOR_DELIVERY, M.DELIVERED] == mailed


def test_a_delivery_dated_a_few_hours_too_early_is_still_told() -> None:
    """Cainiao's clock may be hours ahead of the local carrier's."""
    person = Subscriber()
    person.result(scan(8, M.CUSTOMS_CLEARED, at_certain=False))

    assert [M.OUT_FOR_DELIVERY] == person.result(scan(2, M.OUT_FOR_DELIVERY, source="laposte"))


def test_the_handover_to_the_sender_is_told_as_returned_never_as_delivered() -> None:
    person = Subscriber()
    person.result(scan(0, M.RETURNING))

    assert [M.RETURNED] == person.result(scan(200, M.DELIVERED))


@pytest.mark.parametrize("silenced", [Skip.MUTED, Skip.UNSUBSCRIBED, Skip.BOUNCED])
def test_who_asked_for_silence_is_not_written_to(silenced: Skip) -> None:
    change = apply([], [scan(0, M.DELIVERED)], [follower(silenced=silenced)])

    assert [silenced] == [d.skip for d in change.decisions]


def test_a_parcel_that_was_given_back_is_not_shown_as_delivered() -> None:
    shown = timeline([scan(0, M.RETURNING), scan(9, M.DELIVERED, text="Delivered")])

    assert [M.RETURNED, M.RETURNING] == [event.milestone for event in shown]


def test_a_delivery_before_a_return_and_one_after_a_new_round_are_shown_as_such() -> None:
    again = scan(20, M.OUT_FOR_DELIVERY, reason=Reason.REDELIVERY)
    way = [scan(0, M.DELIVERED), scan(9, M.RETURNING), again, scan(24, M.DELIVERED)]

    assert [event.milestone for event in way] == [e.milestone for e in reversed(timeline(way))]


def test_one_scan_told_by_two_carriers_stands_once_in_the_timeline() -> None:
    shown = timeline(
        [
            scan(0, M.CUSTOMS_CLEARED, place="Roissy"),
            scan(7, M.CUSTOMS_CLEARED, source="laposte"),
            scan(8, M.LOCAL_TRANSIT, source="laposte", text="En transit", mark="1"),
            scan(9, M.LOCAL_TRANSIT, source="laposte", text="Au centre de tri", mark="2"),
        ]
    )

    assert [M.LOCAL_TRANSIT, M.LOCAL_TRANSIT, M.CUSTOMS_CLEARED] == [e.milestone for e in shown]


events = st.builds(
    TrackingEvent,
    at=st.integers(0, 60 * 24).map(lambda h: START + timedelta(hours=h)),
    milestone=st.sampled_from(Milestone),
    source=st.sampled_from(["cainiao", "laposte", "mail"]),
    code=st.sampled_from(["A", "B"]),
    reason=st.sampled_from([None, Reason.REDELIVERY]),
    certainty=st.sampled_from(Certainty),
)
histories = st.lists(events, max_size=12, unique_by=lambda e: e.fingerprint)


@given(histories, st.randoms(use_true_random=False), st.lists(st.integers(1, 4), max_size=12))
def test_order_repetition_and_splitting_of_looks_change_neither_state_nor_notices(
    history: list[TrackingEvent], rng: object, sizes: list[int]
) -> None:
    whole = Subscriber()
    whole.result(*history)
    shuffled = [*history, *history]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    pieces = Subscriber()
    for size in [*sizes, len(shuffled)]:
        part, shuffled = shuffled[:size], shuffled[size:]
        pieces.result(*part)

    assert whole.milestone is pieces.milestone
    assert whole.recorded == pieces.recorded
    assert set(owed(history)) == whole.recorded


@given(st.lists(histories, max_size=6))
def test_one_look_never_mails_twice_and_no_notice_is_ever_mailed_twice(
    results: list[list[TrackingEvent]],
) -> None:
    person = Subscriber()
    for result in results:
        assert len(person.result(*result)) <= 1

    assert len(person.mailed) == len(set(person.mailed))
    assert not set(person.mailed) & person.skipped.keys()


@given(st.lists(histories, max_size=6), st.frozensets(st.sampled_from(sorted(mailed_on_request()))))
def test_who_asks_for_more_mails_gets_all_the_others_as_well(
    results: list[list[TrackingEvent]], also: frozenset[Milestone]
) -> None:
    plain, curious = Subscriber(), Subscriber(*also)
    for result in results:
        plain.result(*result)
        curious.result(*result)

    assert plain.mailed == [key for key in curious.mailed if key.milestone not in also]


@given(histories)
def test_a_parcel_never_goes_back_to_an_earlier_phase_but_by_a_redelivery(
    history: list[TrackingEvent],
) -> None:
    plain = [e for e in history if e.reason is None and e.milestone is not M.EXCEPTION]
    order = ["order", "road", "arrival", "delivery", "return", "end"]
    ranks = [order.index(STAGES[s.milestone].phase) for s in walk(plain)]
    after_delivery = {M.RETURNING, M.RETURNED, M.REFUNDED, M.CANCELLED}

    for (before, after), step in zip(pairwise(ranks), walk(plain)[1:], strict=True):
        assert after >= before or step.milestone in after_delivery


def test_every_milestone_that_may_be_mailed_gives_rise_to_a_notice() -> None:
    for milestone, stage in STAGES.items():
        keys = owed([scan(0, milestone)])

        assert (stage.mailed is not Mailed.NO) == bool(keys)

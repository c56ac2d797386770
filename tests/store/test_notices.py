"""The outbox: every notice once, claimed, sent or skipped with a reason."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone, mailed_by_default
from mailtrack.domain.model import NoticeId, TrackingEvent
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.domain.tracking import Decision, Follower, Key, Skip
from mailtrack.notify.view import NoticeKind
from mailtrack.store import followers, notice_counts, notices, people, returns, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]

CLEARED = Key(Milestone.CUSTOMS_CLEARED, "1")
LEASE_S = 120.0


def _decision(
    mine: Subscription, clock: FakeClock, key: Key = CLEARED, skip: Skip | None = None
) -> Decision:
    return Decision(mine.id, key, TrackingEvent(clock.now(), key.milestone, "cainiao"), skip)


def _record(store: Store, clock: FakeClock, *decisions: Decision) -> int:
    with store.write() as connection:
        return notices.record(connection, decisions, clock.now())


def _claim(store: Store, clock: FakeClock, token: str = "token") -> list[NoticeId]:
    with store.write() as connection:
        return notices.claim_notices(
            connection, token=token, now=clock.now(), until=clock.later(LEASE_S), limit=10
        )


def _followers(store: Store, mine: Subscription) -> list[Follower]:
    assert mine.parcel is not None
    with store.read() as connection:
        return followers.of_parcels(connection, [mine.parcel], mailed_by_default())[mine.parcel]


def test_a_notice_is_recorded_once_whoever_decides_it(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    mine = follow()

    assert 1 == _record(store, clock, _decision(mine, clock))
    assert 0 == _record(store, clock, _decision(mine, clock), _decision(mine, clock))
    assert ["due"] == [row["state"] for row in rows(t.notice)]


def test_another_day_and_another_person_are_other_notices(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    ana, bruno = follow(), follow(address="bruno@example.org")
    monday = Key(Milestone.OUT_FOR_DELIVERY, "2026-03-02")
    tuesday = Key(Milestone.OUT_FOR_DELIVERY, "2026-03-03")

    assert 3 == _record(
        store,
        clock,
        _decision(ana, clock, monday),
        _decision(ana, clock, tuesday),
        _decision(bruno, clock, monday),
    )


def test_what_is_skipped_is_recorded_but_owed_to_nobody(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    assert 0 == _record(store, clock, _decision(follow(), clock, skip=Skip.SUPERSEDED))

    assert [("skipped", "superseded")] == [(r["state"], r["skip"]) for r in rows(t.notice)]
    assert [] == _claim(store, clock)


def test_a_follower_knows_what_was_recorded_and_what_they_read(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    mine = follow()
    accepted = Key(Milestone.CARRIER_ACCEPTED, "1")
    arrived = Key(Milestone.ARRIVED_IN_COUNTRY, "1")
    _record(
        store,
        clock,
        _decision(mine, clock),
        _decision(mine, clock, accepted, Skip.FIRST_ANSWER),
        _decision(mine, clock, arrived, Skip.SUPERSEDED),
    )

    (follower,) = _followers(store, mine)
    assert {CLEARED, accepted, arrived} == follower.recorded
    assert {m: clock.now() for m in (CLEARED.milestone, accepted.milestone)} == follower.told
    assert None is follower.silenced


def _choose(store: Store, mine: Subscription, *unwanted: str, also: Collection[str] = ()) -> None:
    preferences = NoticePreferences(frozenset(unwanted), frozenset(also))
    with store.write() as connection:
        people.choose(connection, mine.subscriber, preferences)


def test_everyone_hears_of_what_they_chose(store: Store, follow: Follow) -> None:
    ana, _ = follow(), follow(address="bruno@example.org")
    _choose(store, ana, Milestone.CUSTOMS_CLEARED, NoticeKind.STALLED)

    wanted = [follower.wanted for follower in _followers(store, ana)]
    assert [mailed_by_default() - {Milestone.CUSTOMS_CLEARED}, mailed_by_default()] == wanted


def test_what_is_mailed_on_request_goes_to_those_who_ask(store: Store, follow: Follow) -> None:
    ana, _ = follow(), follow(address="bruno@example.org")
    _choose(store, ana, Milestone.DELIVERED, also=(Milestone.IN_TRANSIT,))

    wanted = [follower.wanted for follower in _followers(store, ana)]
    hers = mailed_by_default() - {Milestone.DELIVERED} | {Milestone.IN_TRANSIT}
    assert [hers, mailed_by_default()] == wanted
    with store.read() as connection:
        assert NoticePreferences(
            frozenset({"delivered"}), frozenset({"in_transit"})
        ) == people.preferences_of(connection, ana.subscriber)


def test_what_was_asked_for_is_known_apart_from_what_everybody_is_told(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    mine = follow()
    started = Key(Milestone.CUSTOMS_STARTED, "1")
    first_answer = _decision(mine, clock, Key(Milestone.IN_TRANSIT, "1"), Skip.FIRST_ANSWER)
    _record(store, clock, first_answer, _decision(mine, clock, started, Skip.NOT_WANTED))
    at = clock.now()

    (before,) = _followers(store, mine)
    _choose(store, mine, also=(Milestone.CUSTOMS_STARTED,))
    (after,) = _followers(store, mine)
    assert [({Milestone.IN_TRANSIT: at}, {})] == [(before.told, before.told_on_request)]
    assert [({Milestone.IN_TRANSIT: at}, {Milestone.CUSTOMS_STARTED: at})] == [
        (after.told, after.told_on_request)
    ]


def test_what_was_unwanted_when_it_came_is_old_news_to_who_wants_it_now(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    mine = follow()
    _choose(store, mine, Milestone.CUSTOMS_CLEARED)
    _record(store, clock, _decision(mine, clock, skip=Skip.UNWANTED))

    assert [{}] == [follower.told for follower in _followers(store, mine)]
    _choose(store, mine)
    assert [{Milestone.CUSTOMS_CLEARED: clock.now()}] == [
        follower.told for follower in _followers(store, mine)
    ]


def test_a_reminder_that_nobody_wants_is_recorded_and_skipped_by_name(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    mine = follow()
    for unwanted in ((NoticeKind.STALLED,), ()):
        _choose(store, mine, *unwanted)
        with store.write() as connection:
            notices.owe_follower(
                connection, mine.id, NoticeKind.STALLED, occurrence="1", now=clock.now()
            )

    assert [("skipped", "unwanted")] == [(r["state"], r["skip"]) for r in rows(t.notice)]


def test_a_mail_that_waits_for_the_morning_can_still_be_declined(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    mine = follow()
    _record(store, clock, _decision(mine, clock))
    _choose(store, mine, Milestone.CUSTOMS_CLEARED)
    (number,) = _claim(store, clock)
    with store.write() as connection:
        ((_, reader),) = notices.claimed(connection, [number], "token")

        assert Skip.UNWANTED == reader.silenced


def test_a_mail_that_was_asked_for_can_be_declined_while_it_waits(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    mine = follow()
    _choose(store, mine, also=(Milestone.IN_TRANSIT, Milestone.LOCAL_TRANSIT))
    for milestone in (Milestone.IN_TRANSIT, Milestone.LOCAL_TRANSIT):
        _record(store, clock, _decision(mine, clock, Key(milestone, "1")))
    _choose(store, mine, also=(Milestone.LOCAL_TRANSIT,))
    numbers = _claim(store, clock)
    with store.write() as connection:
        waiting = notices.claimed(connection, numbers, "token")

    assert [("in_transit", Skip.UNWANTED), ("local_transit", None)] == [
        (one.kind, reader.silenced) for one, reader in waiting
    ]


@pytest.mark.parametrize(
    ("first", "then", "overtaken"),
    [
        (Milestone.CUSTOMS_CLEARED, Milestone.LOCAL_TRANSIT, False),
        (Milestone.CUSTOMS_STARTED, Milestone.CUSTOMS_CLEARED, True),
        (Milestone.CUSTOMS_STARTED, Milestone.LOCAL_TRANSIT, True),
    ],
)
def test_what_was_asked_for_overtakes_nothing_that_everybody_is_told(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    first: Milestone,
    then: Milestone,
    overtaken: bool,
) -> None:
    mine = follow()
    _record(store, clock, _decision(mine, clock, Key(first, "1")))
    clock.advance(hours=1)
    _record(store, clock, _decision(mine, clock, Key(then, "1")))

    with store.read() as connection:
        assert overtaken is (NoticeId(1) in notices.overtaken(connection, [NoticeId(1)]))


def test_many_followers_are_read_by_one_query(
    store: Store, clock: FakeClock, follow: Follow, statements: Callable[[], list[str]]
) -> None:
    many = [follow(address=f"ana{number}@example.org") for number in range(20)]
    _record(store, clock, *(_decision(mine, clock) for mine in many))
    statements()

    assert 20 == len(_followers(store, many[0]))
    assert 1 == len(statements())


def test_mails_without_an_event_are_none_of_the_history(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    mine = follow()
    with store.write() as connection:
        notices.owe_follower(
            connection, mine.id, NoticeKind.STALLED, occurrence="1", now=clock.now()
        )

    assert frozenset() == _followers(store, mine)[0].recorded


@pytest.mark.parametrize("silence", ["muted", "unsubscribed", "bounced"])
def test_a_follower_who_wants_no_mail_is_silenced(
    store: Store, clock: FakeClock, follow: Follow, silence: str
) -> None:
    mine = follow()
    with store.write() as connection:
        if silence == "muted":
            subscriptions.mute(connection, mine.id, clock.now())
        elif silence == "unsubscribed":
            people.unsubscribe(connection, mine.subscriber, clock.now())
        else:
            people.bounced(connection, mine.subscriber, clock.now())

    assert Skip(silence) is _followers(store, mine)[0].silenced


def test_a_mail_that_waits_is_hastened_but_never_one_that_is_under_way(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    mine = follow()
    later = clock.now() + timedelta(hours=1)
    with store.write() as connection:
        notices.owe(
            connection,
            mine.subscriber,
            NoticeKind.REGISTERED,
            at=later,
            now=clock.now(),
            subscription_id=mine.id,
        )
        assert mine.parcel is not None
        notices.hasten(connection, mine.parcel, NoticeKind.STALLED, clock.now())
    assert [] == _claim(store, clock)

    with store.write() as connection:
        notices.hasten(connection, mine.parcel, NoticeKind.REGISTERED, clock.now())
    assert [1] == _claim(store, clock)

    with store.write() as connection:
        notices.hasten(connection, mine.parcel, NoticeKind.REGISTERED, clock.now())
    assert [clock.later(LEASE_S)] == [row["next_attempt_at"] for row in rows(t.notice)]


def test_a_claimed_notice_is_marked_sent_once(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    mine = follow()
    _record(store, clock, _decision(mine, clock))
    (number,) = _claim(store, clock)

    with store.write() as connection:
        assert [] == notices.claimed(connection, [number], "another token")
        ((taken, _),) = notices.claimed(connection, [number], "token")
        assert (0, mine.subscriber, mine.id, "customs_cleared") == (
            taken.failures,
            taken.subscriber,
            taken.subscription,
            taken.kind,
        )
        sent = [notices.mark_sent(connection, number, "<a@b>", clock.now()) for _ in range(2)]
        assert [True, False] == sent
        assert number == returns.by_message_id(connection, "<a@b>")
        assert None is returns.by_message_id(connection, "<forged@b>")
        assert mine.subscriber == returns.addressee(connection, number)
        assert None is returns.addressee(connection, NoticeId(99))

    assert ("sent", clock.now(), None) == _state(rows(t.notice)[0])


def _state(row: Mapping[str, Any]) -> tuple[object, ...]:
    return row["state"], row["sent_at"], row["claim"]


def test_what_was_sent_stays_sent(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    _record(store, clock, _decision(follow(), clock))
    (number,) = _claim(store, clock)
    with store.write() as connection:
        notices.mark_sent(connection, number, "<a@b>", clock.now())
        notices.mark_failed(connection, number, "too late")
        notices.mark_skipped(connection, number, "muted")
        notices.try_later(connection, number, "too late", clock.now())

    assert [("sent", "")] == [(row["state"], row["last_error"]) for row in rows(t.notice)]


def test_the_notice_that_waits_longest_is_seen_also_while_claimed(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    _record(store, clock, _decision(follow(), clock))

    with store.read() as connection:
        assert clock.now() == notice_counts.oldest_due(connection, clock.now())
    _claim(store, clock)
    with store.read() as connection:
        assert clock.later(LEASE_S) == notice_counts.oldest_due(connection, clock.now())


def test_a_mail_that_was_held_back_may_have_been_read_all_the_same(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    """The relay may have hung up after it took the mail."""
    mine, kind = follow(), NoticeKind.REGISTERED
    assert mine.parcel is not None
    with store.write() as connection:
        notices.owe_follower(connection, mine.id, kind, occurrence="1", now=clock.now())
        assert {mine.id} == notices.unwritten(connection, [mine.parcel], kind)
    number = NoticeId(rows(t.notice)[0]["id"])
    with store.write() as connection:
        notices.hold_back(connection, number, "it closed the connection", clock.now())
        assert set() == notices.unwritten(connection, [mine.parcel], kind)


def test_urgent_news_and_answers_go_before_the_others(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    mine = follow()
    for milestone in (Milestone.CUSTOMS_CLEARED, Milestone.PICKUP_AVAILABLE):
        _record(store, clock, _decision(mine, clock, Key(milestone, "1")))
    with store.write() as connection:
        now, owner = clock.now(), mine.subscriber
        notices.owe(connection, owner, NoticeKind.HELP, at=now, now=now, prompt=True)
        notices.owe(connection, owner, NoticeKind.PICKUP_REMINDER, at=now, now=now)

    assert [False, True, True, True] == [row["urgent"] for row in rows(t.notice)]

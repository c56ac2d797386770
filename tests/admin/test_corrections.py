"""What an operator's mistake did is taken back, as far as it is still true."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mailtrack.admin import corrections
from mailtrack.admin import people as admin_people
from mailtrack.admin.filters import Filter, moment, moment_to_come, row_ids
from mailtrack.admin.notices import notice_list
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.tracking import Decision, Key
from mailtrack.errors import PermanentError
from mailtrack.notify.view import NoticeKind
from mailtrack.store import notices, parcels, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.outcomes import NOBODY_FOLLOWS
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Tell = Callable[..., int]
Correct = Callable[[Filter], str]


@pytest.fixture
def tell(store: Store, clock: FakeClock, rows: Rows) -> Tell:
    """Owe somebody a notice that ended in a state; return its number."""

    def make(mine: Subscription, kind: str = Milestone.CUSTOMS_CLEARED, **ended: object) -> int:
        now = clock.now()
        with store.write() as connection:
            if kind in set(Milestone):
                event = TrackingEvent(now, Milestone(kind), "cainiao", kind)
                notices.record(
                    connection, [Decision(mine.id, Key(event.milestone, "1"), event, None)], now
                )
            else:
                notices.owe_follower(connection, mine.id, kind, occurrence="1", now=now)
        number = int(rows(t.notice)[-1]["id"])
        with store.write() as connection:
            values = {"state": "failed", "attempts": 3, "last_error": "given up: no", **ended}
            connection.execute(update(t.notice).where(t.notice.c.id == number).values(**values))
        return number

    return make


@pytest.fixture
def retry(store: Store, clock: FakeClock) -> Correct:
    def make(wanted: Filter) -> str:
        with store.write() as connection:
            return corrections.retry(connection, wanted, clock.now())

    return make


@pytest.fixture
def revive(store: Store, clock: FakeClock) -> Correct:
    def make(wanted: Filter) -> str:
        with store.write() as connection:
            return corrections.revive(connection, wanted, clock.now())

    return make


def _bounce(store: Store, mine: Subscription, at: datetime) -> None:
    with store.write() as connection:
        people.bounced(connection, mine.subscriber, at)


def _states(rows: Rows) -> list[tuple[str, int, str]]:
    return [(row["state"], row["attempts"], row["last_error"]) for row in rows(t.notice)]


DUE = ("due", 0, "")


def test_what_failed_is_due_again_once(
    follow: Callable[..., Subscription], tell: Tell, retry: Correct, clock: FakeClock, rows: Rows
) -> None:
    number = tell(follow())
    clock.advance(hours=3)

    assert "1 notice is due again." == retry(Filter([number]))
    assert [DUE] == _states(rows)
    assert clock.now() == rows(t.notice)[0]["next_attempt_at"]
    assert "0 notices are due again; left as they are: 1 did not fail, or are no more." == retry(
        Filter([number])
    )


def test_all_that_failed_or_only_that_since_a_moment(
    follow: Callable[..., Subscription], tell: Tell, retry: Correct, clock: FakeClock, rows: Rows
) -> None:
    tell(follow("LP00123456789011"))
    clock.advance(hours=5)
    tell(follow("LP00123456789012"))

    assert "1 notice is due again." == retry(Filter(since=clock.now() - timedelta(hours=1)))
    assert ["failed", "due"] == [state for state, *_ in _states(rows)]
    assert "1 notice is due again." == retry(Filter())


@pytest.mark.parametrize(
    ("state", "error", "skip", "again"),
    [
        ("failed", "The relay refused the mail with 550.", None, True),
        ("sent", "returned 5.4.5", None, True),
        ("skipped", "", "bounced", True),
        ("sent", "", None, False),
        ("sent", "returned 4.4.1", None, False),
        ("skipped", "", "muted", False),
        ("due", "held back: 550", None, False),
    ],
)
def test_only_what_did_not_reach_its_reader_is_sent_again(
    follow: Callable[..., Subscription],
    tell: Tell,
    retry: Correct,
    rows: Rows,
    state: str,
    error: str,
    skip: str | None,
    again: bool,
) -> None:
    tell(follow(), state=state, last_error=error, skip=skip)
    retry(Filter())

    assert again is (DUE == _states(rows)[0])


@pytest.mark.parametrize(
    ("kind", "hours", "again"),
    [
        (Milestone.OUT_FOR_DELIVERY, 3, True),
        (Milestone.OUT_FOR_DELIVERY, 24, False),
        (Milestone.CUSTOMS_CLEARED, 24 * 13, True),
        (Milestone.CUSTOMS_CLEARED, 24 * 15, False),
        (NoticeKind.PROTECTION_ENDING, 24 * 4, True),
        (NoticeKind.PROTECTION_ENDING, 24 * 6, False),
        (NoticeKind.DIGEST, 24 * 4, False),
        (NoticeKind.STALLED, 24 * 4, True),
    ],
)
def test_news_of_another_time_are_not_told_again(
    follow: Callable[..., Subscription],
    tell: Tell,
    retry: Correct,
    clock: FakeClock,
    rows: Rows,
    kind: str,
    hours: float,
    again: bool,
) -> None:
    tell(follow(), kind)
    clock.advance(hours=hours)
    said = retry(Filter())

    assert again is (DUE == _states(rows)[0])
    assert again is ("tell what is over" not in said)


def test_what_later_news_have_overtaken_is_not_told_again(
    follow: Callable[..., Subscription], tell: Tell, retry: Correct, clock: FakeClock, rows: Rows
) -> None:
    mine = follow()
    tell(mine, Milestone.ARRIVED_IN_COUNTRY)
    clock.advance(hours=1)
    tell(mine, Milestone.CUSTOMS_CLEARED, state="sent", last_error="")

    assert "1 tell what is over" in retry(Filter())
    assert ["failed", "sent"] == [state for state, *_ in _states(rows)]


@pytest.mark.parametrize("kind", [Milestone.ARRIVED_IN_COUNTRY, NoticeKind.STALLED])
def test_what_its_parcel_has_left_behind_is_not_told_again(
    store: Store,
    follow: Callable[..., Subscription],
    tell: Tell,
    retry: Correct,
    clock: FakeClock,
    rows: Rows,
    kind: str,
) -> None:
    """Also where nobody was told what came after it."""
    mine = follow()
    tell(mine, kind)
    later = clock.advance(hours=1)
    with store.write() as connection:
        moved = {"milestone": Milestone.DELIVERED, "milestone_at": later, "last_event_at": later}
        connection.execute(update(t.parcel).values(**moved))

    assert "1 tell what is over" in retry(Filter())
    assert ["failed"] == [state for state, *_ in _states(rows)]


def test_what_goes_to_addresses_that_count_as_dead_waits_for_them_to_be_revived(
    store: Store,
    follow: Callable[..., Subscription],
    tell: Tell,
    retry: Correct,
    revive: Correct,
    clock: FakeClock,
    rows: Rows,
) -> None:
    mine = follow()
    tell(mine)
    _bounce(store, mine, clock.now())
    assert "1 go to addresses marked dead" in retry(Filter())

    revive(Filter([mine.subscriber]))
    assert "1 notice is due again." == retry(Filter())
    assert [DUE] == _states(rows)


def test_people_who_were_marked_get_mails_again_and_their_parcels_are_asked_about(
    store: Store, follow: Callable[..., Subscription], revive: Correct, clock: FakeClock, rows: Rows
) -> None:
    ana = follow("LP00123456789011", "ana@example.org")
    bruno = follow("LP00123456789012", "bruno@example.org")
    _bounce(store, ana, clock.now())
    clock.advance(days=2)
    _bounce(store, bruno, clock.now())
    with store.write() as connection:
        for mine in (ana, bruno):
            assert mine.parcel is not None
            parcels.end(connection, mine.parcel, NOBODY_FOLLOWS, clock.now())

    since = Filter(since=clock.now() - timedelta(hours=1))
    assert "1 person gets mails again, 1 parcel is asked about again." == revive(since)
    assert [True, False] == [row["bounced_at"] is not None for row in rows(t.subscriber)]
    assert [None, clock.now()] == [row["next_poll_at"] for row in rows(t.leg)]
    assert "0 people get mails again." == revive(since)
    assert "1 are not marked, or are no more" in revive(Filter([bruno.subscriber]))


def test_failures_in_a_row_are_taken_back_too(
    store: Store, follow: Callable[..., Subscription], revive: Correct, clock: FakeClock, rows: Rows
) -> None:
    mine = follow()
    with store.write() as connection:
        people.bounced_softly(connection, mine.subscriber, 5, clock.now())

    assert "1 person gets mails again." == revive(Filter([mine.subscriber]))
    assert [0] == [row["soft_bounces"] for row in rows(t.subscriber)]


def test_lists_name_people_by_number_alone(
    store: Store, follow: Callable[..., Subscription], tell: Tell, clock: FakeClock
) -> None:
    mine = follow()
    number = tell(mine)
    _bounce(store, mine, clock.now())
    clock.advance(hours=3)
    with store.read() as connection:
        listed = notice_list(connection, Filter())
        marked = admin_people.people_list(connection, Filter())

    owed_at = clock.now() - timedelta(hours=3)
    ended = ("customs_cleared", "failed", owed_at, "given up: no")
    assert [(number, mine.subscriber, *ended, "LP00123456789012")] == listed.rows
    assert [(mine.subscriber, owed_at, 0, 1, None)] == marked.rows


NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2d", NOW - timedelta(days=2)),
        ("3h", NOW - timedelta(hours=3)),
        ("20min", NOW - timedelta(minutes=20)),
        ("2026-03-02", datetime(2026, 3, 1, 23, 0, tzinfo=UTC)),
        ("2026-03-02T14:05", datetime(2026, 3, 2, 13, 5, tzinfo=UTC)),
        ("2026-03-02T14:05+00:00", datetime(2026, 3, 2, 14, 5, tzinfo=UTC)),
    ],
)
def test_a_moment_is_written_in_several_ways(text: str, at: datetime) -> None:
    assert at == moment(text, NOW)


@pytest.mark.parametrize("text", ["yesterday", "2w", "9999d99", "2026-13-01", "2026-03-11", "-2d"])
def test_a_moment_that_is_none_or_not_past_is_refused(text: str) -> None:
    with pytest.raises(PermanentError, match=text):
        moment(text, NOW)


def test_a_moment_to_come_is_written_in_the_same_ways() -> None:
    assert NOW + timedelta(hours=3) == moment_to_come("3h", NOW)
    assert datetime(2026, 3, 11, 23, 0, tzinfo=UTC) == moment_to_come("2026-03-12", NOW)
    with pytest.raises(PermanentError, match="is over"):
        moment_to_come("2026-03-02", NOW)


@pytest.mark.parametrize("text", ["ana@example", "-1", "1.5", "²", "12345678901234567890"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PermanentError, match="is no number of a row"):
        row_ids(["1", text])

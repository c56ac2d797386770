"""Reminders that a date calls for, and forgetting what is over."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome, ParcelId, SubscriptionId, TrackingEvent
from mailtrack.domain.sending_policy import PARIS
from mailtrack.jobs.housekeeping import Housekeeping
from mailtrack.runtime.services import Services
from mailtrack.store import inbound, orders, parcels, people, subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace, MailResult
from mailtrack.store.schema import inbound as mails
from mailtrack.store.schema import notice, parcel, subscription, tracking_event
from mailtrack.tracking import merging

pytestmark = pytest.mark.usefixtures("counted")


@pytest.fixture
def housekeeping(services: Services) -> Housekeeping:
    return services.housekeeping()


def pass_days(housekeeping: Housekeeping, clock: FakeClock, days: int) -> None:
    """Let days pass with a round of housekeeping on each: a clock that jumps is not believed."""
    for _ in range(days):
        clock.advance(days=1)
        housekeeping.run()


def follow(store: Store, now: datetime, ordered_at: date | None = None) -> ParcelId:
    with store.write() as connection:
        owner = people.subscriber_of(connection, "camille@example.org", now)
        order = orders.order_of(
            connection, owner, "3054169918880001", "aliexpress", ordered_at, now
        )
        number = parcels.lock_named(connection, ["LP00827165780001"], now).named["LP00827165780001"]
        orders.join_parcel(connection, order, number)
        subscriptions.follow_parcel(connection, owner, number, [order], [], now)
    return number


def change(store: Store, number: ParcelId, **values: object) -> None:
    with store.write() as connection:
        connection.execute(update(parcel).where(parcel.c.id == number).values(**values))
        state = {name: new for name, new in values.items() if name in subscription.c}
        if state:
            mine = subscription.c.parcel_id == number
            connection.execute(update(subscription).where(mine).values(**state))


def owed(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(notice.c.kind)))


@pytest.mark.parametrize(("days", "reminded"), [(3, []), (2, ["pickup_reminder"]), (-1, [])])
def test_a_parcel_that_waits_is_recalled_once_two_days_before_it_goes_back(
    store: Store, clock: FakeClock, housekeeping: Housekeeping, days: int, reminded: list[str]
) -> None:
    number = follow(store, clock.now())
    last_day = clock.now().date() + timedelta(days=days)
    change(store, number, milestone=Milestone.PICKUP_AVAILABLE, pickup_last_day=last_day)

    housekeeping.run()
    housekeeping.run()

    assert reminded == owed(store)


@pytest.mark.parametrize(
    ("by_mail", "by_carrier", "reminded"),
    [
        (2, None, ["pickup_reminder"]),
        (3, None, []),
        (-1, None, []),
        (2, 9, []),
        (9, 2, ["pickup_reminder"]),
    ],
)
def test_the_last_day_of_a_mail_is_recalled_where_no_carrier_tells_one(
    store: Store,
    clock: FakeClock,
    housekeeping: Housekeeping,
    by_mail: int,
    by_carrier: int | None,
    reminded: list[str],
) -> None:
    number, today = follow(store, clock.now()), clock.now().date()
    change(store, number, milestone=Milestone.PICKUP_AVAILABLE)
    with store.write() as connection:
        last_day = today + timedelta(days=by_mail)
        connection.execute(update(subscription).values(pickup_last_day=last_day))
        if by_carrier is not None:
            last_day = today + timedelta(days=by_carrier)
            connection.execute(update(parcel).values(pickup_last_day=last_day))

    housekeeping.run()
    housekeeping.run()

    assert reminded == owed(store)


@pytest.mark.parametrize(
    ("source", "days_ago", "reminded"),
    [
        ("chronopost", 5, []),
        ("chronopost", 6, ["pickup_reminder"]),
        ("chronopost", 8, ["pickup_reminder"]),
        ("chronopost", 9, []),
        ("cainiao", 6, []),
    ],
)
def test_where_nobody_tells_a_last_day_the_usual_one_is_recalled(
    store: Store,
    clock: FakeClock,
    housekeeping: Housekeeping,
    source: str,
    days_ago: int,
    reminded: list[str],
) -> None:
    """A relay of the network Pickup usually keeps a parcel for eight days."""
    number, came = follow(store, clock.now()), clock.now() - timedelta(days=days_ago)
    arrival = TrackingEvent(came, Milestone.PICKUP_AVAILABLE, source, text="Disponible en relais")
    with store.write() as connection:
        parcels.add_events_of_each(connection, {number: [arrival]}, clock.now())
    change(store, number, milestone=Milestone.PICKUP_AVAILABLE, milestone_at=came)

    housekeeping.run()
    housekeeping.run()

    assert reminded == owed(store)


@pytest.mark.parametrize(("hour", "reminded"), [(21, ["pickup_reminder"]), (22, []), (23, [])])
def test_no_reminder_is_written_that_would_leave_after_the_last_day(
    store: Store, clock: FakeClock, housekeeping: Housekeeping, hour: int, reminded: list[str]
) -> None:
    """Nights are quiet: from ten o'clock on it would leave the next morning."""
    number = follow(store, clock.now())
    evening = clock.now().astimezone(PARIS).replace(hour=hour, minute=30)
    clock.instant = evening.astimezone(clock.now().tzinfo)
    change(store, number, milestone=Milestone.PICKUP_AVAILABLE, pickup_last_day=evening.date())

    housekeeping.run()

    assert reminded == owed(store)


def test_late_in_the_evening_a_reminder_is_written_for_the_next_morning(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now())
    evening = clock.now().astimezone(PARIS).replace(hour=23)
    clock.instant = evening.astimezone(clock.now().tzinfo)
    tomorrow = evening.date() + timedelta(days=1)
    change(store, number, milestone=Milestone.PICKUP_AVAILABLE, pickup_last_day=tomorrow)

    housekeeping.run()

    assert ["pickup_reminder"] == owed(store)


def test_nobody_is_reminded_of_what_they_have_only_just_been_told(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now())
    change(
        store,
        number,
        milestone=Milestone.PICKUP_AVAILABLE,
        milestone_at=clock.now(),
        pickup_last_day=clock.now().date() + timedelta(days=2),
    )
    housekeeping.run()
    assert [] == owed(store)

    clock.advance(days=1)
    housekeeping.run()
    assert ["pickup_reminder"] == owed(store)


@pytest.mark.parametrize(
    ("milestone", "age_days", "told"),
    [
        (Milestone.IN_TRANSIT, 54, []),
        (Milestone.IN_TRANSIT, 55, ["protection_ending"]),
        (None, 58, ["protection_ending"]),
        (Milestone.DELIVERED, 58, []),
        (Milestone.IN_TRANSIT, 60, []),
    ],
)
def test_the_end_of_the_buyer_protection_is_told_once_in_time(
    store: Store,
    clock: FakeClock,
    housekeeping: Housekeeping,
    milestone: Milestone | None,
    age_days: int,
    told: list[str],
) -> None:
    number = follow(store, clock.now(), clock.now().date() - timedelta(days=age_days))
    change(store, number, milestone=milestone)

    housekeeping.run()
    housekeeping.run()

    assert told == owed(store)


def follow_order(
    store: Store, now: datetime, age_days: int | None, shop: str = "aliexpress"
) -> SubscriptionId:
    """Let somebody follow an order of which no parcel is known, placed so many days ago."""
    day = None if age_days is None else now.date() - timedelta(days=age_days)
    with store.write() as connection:
        owner = people.subscriber_of(connection, "camille@example.org", now)
        order = orders.order_of(connection, owner, "3054169918880001", shop, day, now)
        mine, _ = subscriptions.follow_order(connection, owner, order, [], now)
    return mine


def reach(store: Store, mine: SubscriptionId, milestone: Milestone, at: datetime) -> None:
    with store.write() as connection:
        subscriptions.save_states(connection, {mine: (milestone, at, None)})


@pytest.mark.parametrize(
    ("shop", "milestone", "age_days", "told"),
    [
        ("aliexpress", None, 54, []),
        ("aliexpress", None, 55, ["protection_ending"]),
        ("aliexpress", Milestone.SHIPPED, 59, ["protection_ending"]),
        ("aliexpress", Milestone.DELIVERED, 58, []),
        ("aliexpress", Milestone.CANCELLED, 58, []),
        ("aliexpress", Milestone.REFUNDED, 58, []),
        ("aliexpress", None, 60, []),
        ("aliexpress", None, None, []),
        ("amazon", Milestone.SHIPPED, 58, []),
        ("temu", Milestone.SHIPPED, 58, []),
    ],
)
def test_who_ordered_is_reminded_once_of_the_end_of_the_protection_without_a_parcel_too(
    store: Store,
    clock: FakeClock,
    housekeeping: Housekeeping,
    shop: str,
    milestone: Milestone | None,
    age_days: int | None,
    told: list[str],
) -> None:
    mine = follow_order(store, clock.now(), age_days, shop)
    if milestone is not None:
        reach(store, mine, milestone, clock.now())

    housekeeping.run()
    housekeeping.run()

    assert told == owed(store)


def test_the_reminder_comes_where_a_later_mail_told_the_day_of_the_order(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    follow_order(store, clock.now(), None)
    housekeeping.run()
    assert [] == owed(store)

    follow_order(store, clock.now(), 57)
    housekeeping.run()
    assert ["protection_ending"] == owed(store)


def test_an_order_whose_parcel_came_is_not_reminded_of_twice(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    follow_order(store, clock.now(), 57)
    housekeeping.run()
    follow(store, clock.now())
    housekeeping.run()

    assert ["protection_ending"] == owed(store)


def test_a_delivered_order_is_forgotten_three_months_later_and_told_of_no_more(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    mine = follow_order(store, clock.now(), 1)
    reach(store, mine, Milestone.DELIVERED, clock.now())

    pass_days(housekeeping, clock, 89)
    assert (1, []) == (_followed(store), owed(store))
    pass_days(housekeeping, clock, 2)
    assert (0, []) == (_followed(store), owed(store))


def test_an_order_that_is_under_way_is_kept_while_there_is_news_of_it(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    mine = follow_order(store, clock.now(), None, "amazon")
    pass_days(housekeeping, clock, 100)
    reach(store, mine, Milestone.SHIPPED, clock.now())
    pass_days(housekeeping, clock, 100)

    assert 1 == _followed(store)
    pass_days(housekeeping, clock, 51)
    assert (0, []) == (_followed(store), owed(store))


def _followed(store: Store) -> int:
    with store.read() as connection:
        return len(connection.execute(select(subscription.c.id)).all())


def test_who_muted_a_parcel_is_not_reminded(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now(), clock.now().date() - timedelta(days=57))
    with store.write() as connection:
        owner = people.find_subscriber(connection, "camille@example.org")
        assert owner is not None
        people.unsubscribe(connection, owner, clock.now())

    housekeeping.run()

    assert number
    assert [] == owed(store)


def test_raw_mails_are_forgotten_after_a_month_and_their_outcomes_kept(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    place = MailPlace("colis@imap.example.org", "INBOX", 1, 1)
    with store.write() as connection:
        inbound.keep(connection, place, b"From: a", clock.now(), clock.now())
        (mail,) = inbound.claim_unread(
            connection, token="t", now=clock.now(), until=clock.now(), limit=1
        )
        inbound.finish(connection, mail, MailResult(Outcome.TRACKED), clock.now())

    pass_days(housekeeping, clock, 29)
    kept = _raws(store)
    pass_days(housekeeping, clock, 2)

    assert [(b"From: a", "tracked")] == kept
    assert [(None, "tracked")] == _raws(store)


def test_a_parcel_is_forgotten_with_its_events_three_months_after_its_end(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now())
    with store.write() as connection:
        parcels.end(connection, number, "delivered", clock.now())

    clock.advance(days=91)
    housekeeping.run()

    with store.read() as connection:
        assert connection.execute(select(parcel)).all() == []
        assert connection.execute(select(tracking_event)).all() == []


def _ends(store: Store) -> list[str | None]:
    with store.read() as connection:
        return list(connection.scalars(select(parcel.c.ended_why)))


def test_a_number_that_nobody_could_be_asked_about_is_given_up_once_after_a_month(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    follow(store, clock.now())
    pass_days(housekeeping, clock, 29)
    assert ([], [None]) == (owed(store), _ends(store))

    pass_days(housekeeping, clock, 1)
    housekeeping.run()
    assert (["expired"], ["never_known"]) == (owed(store), _ends(store))

    pass_days(housekeeping, clock, 91)
    assert [] == _ends(store)


def test_what_a_mail_told_of_is_late_after_a_month_and_given_up_after_two(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    """Nobody can be asked about it: the clock alone tells."""
    number = follow(store, clock.now())
    with store.write() as connection:
        owner = people.find_subscriber(connection, "camille@example.org")
        assert owner is not None
        (mine,) = subscriptions.of_subscriber(connection, owner)
        parcels.lock(connection, number)
        event = subscriptions.mail_event_of(Milestone.SHIPPED, "order_shipped", clock.now())
        merging.take_in_mail(connection, number, mine.id, event, clock.now())

    pass_days(housekeeping, clock, 29)
    assert [] == owed(store)
    pass_days(housekeeping, clock, 1)
    assert (["stalled"], [None]) == (owed(store), _ends(store))
    pass_days(housekeeping, clock, 30)
    assert (["expired", "stalled"], ["never_known"]) == (sorted(owed(store)), _ends(store))


def test_a_number_that_a_carrier_is_asked_about_is_not_given_up_here(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now())
    with store.write() as connection:
        parcels.add_leg(connection, number, "cainiao", "LP00827165780001", clock.now())

    clock.advance(days=40)
    housekeeping.run()

    assert ([], [None]) == (owed(store), _ends(store))


def test_news_in_a_mail_or_a_newcomer_keep_a_number_that_nobody_is_asked_about(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now())
    clock.advance(days=20)
    change(store, number, last_event_at=clock.now(), milestone=Milestone.IN_TRANSIT)
    clock.advance(days=20)
    housekeeping.run()
    assert [None] == _ends(store)

    with store.write() as connection:
        newcomer = people.subscriber_of(connection, "bruno@example.org", clock.now())
        subscriptions.follow_parcel(connection, newcomer, number, [], [], clock.now())
    clock.advance(days=29)
    housekeeping.run()
    assert [None] == _ends(store)

    clock.advance(days=1)
    housekeeping.run()
    assert (["expired", "expired"], ["never_known"]) == (owed(store), _ends(store))


def test_a_parcel_that_a_mail_alone_told_delivered_ends_without_a_word(
    store: Store, clock: FakeClock, housekeeping: Housekeeping
) -> None:
    number = follow(store, clock.now())
    change(store, number, last_event_at=clock.now(), milestone=Milestone.DELIVERED)

    clock.advance(days=30)
    housekeeping.run()

    assert ([], ["delivered"]) == (owed(store), _ends(store))


def _raws(store: Store) -> list[tuple[bytes | None, str]]:
    with store.read() as connection:
        rows = connection.execute(select(mails.c.raw, mails.c.outcome)).all()
    return [(row.raw, row.outcome) for row in rows]

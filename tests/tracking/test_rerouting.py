"""Carriers that are switched off or on: every number goes on being asked about, by somebody."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from mailtrack.carriers.base import Budget
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import ParcelId, PollResult, PollState, TrackingEvent
from mailtrack.jobs.housekeeping import Housekeeping
from mailtrack.runtime.services import Services
from mailtrack.store import leg_claims, named_carriers, parcels, people, rerouted, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.tracking import rerouting
from mailtrack.tracking.polling import Poller
from mailtrack.tracking.rerouting import Rerouting

Rows = Callable[..., list[Mapping[str, Any]]]
Switch = Callable[..., None]
Legs = Callable[..., dict[str, str]]

FOUND, NOT_FOUND, REJECTED = PollState.FOUND, PollState.NOT_FOUND, PollState.REJECTED
#: Cainiao's alone; the post's of France, which UPU and Cainiao know, too; nobody's.
ITS_OWN, FRENCH, UNKNOWN = "LP00123456789012", "LA123456785FR", "QQQ123"
#: Of a form that many have.
LIKE_MANY = "10421234567890"
CODES = ("cainiao", "laposte", "chronopost", "gls", "upu", "17track", "aftership")


@pytest.fixture
def switch(store: Store, clock: FakeClock) -> Switch:
    """Do a round of the housekeeping with only these carriers on."""

    def make(*on: str, per_day: int = 10**6, batch: int = 10) -> None:
        budget = Budget(per_second=1.0, per_day=per_day)
        known = {c: FakeCarrier(c, batch=batch, budget=budget).declaration for c in CODES}
        off = set(CODES) - set(on)
        Rerouting(store, clock, {code: known[code] for code in on}, off).run()

    return make


@pytest.fixture
def ship(store: Store, clock: FakeClock) -> Callable[..., ParcelId]:
    """Let somebody follow a parcel, which carriers were asked about and answered so."""

    def make(
        number: str, legs: Mapping[str, str], days: int = 0, *, followed: bool = True
    ) -> ParcelId:
        now, soon = clock.now() - timedelta(days=days), clock.now() + timedelta(hours=3)
        with store.write() as connection:
            parcel_id = parcels.lock_named(connection, [number], now).named[number]
            for code, state in legs.items():
                parcels.add_leg(connection, parcel_id, code, number, soon)
                which = t.leg.c.carrier == code, t.leg.c.parcel_id == parcel_id
                connection.execute(update(t.leg).where(*which).values(state=state))
            if followed:
                owner = people.subscriber_of(connection, "ana@example.org", now)
                subscriptions.follow_parcel(connection, owner, parcel_id, [], [], now)
        return parcel_id

    return make


@pytest.fixture
def legs(rows: Rows, clock: FakeClock) -> Legs:
    """Tell when a parcel is asked about, by carrier."""

    def make(parcel: int = 1) -> dict[str, str]:
        def when(row: Mapping[str, Any]) -> str:
            due = row["next_poll_at"]
            return "never" if due is None else "now" if due <= clock.now() else "later"

        return {row["carrier"]: when(row) for row in rows(t.leg, parcel_id=parcel)}

    return make


# --- off ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "on", "after"),
    [
        # The next choice by the form of the number, whatever the first one had said.
        ({"laposte": FOUND}, ["chronopost", "upu"], {"laposte": "never", "chronopost": "now"}),
        ({"laposte": ""}, ["upu", "17track"], {"laposte": "never", "upu": "now"}),
        # A fallback at once: no other carrier on knows such numbers.
        ({"laposte": FOUND}, ["17track"], {"laposte": "never", "17track": "now"}),
        ({"laposte": NOT_FOUND}, ["aftership"], {"laposte": "never", "aftership": "now"}),
        # One fallback for another.
        ({"17track": FOUND}, ["aftership"], {"17track": "never", "aftership": "now"}),
        # Nobody is left.
        ({"laposte": FOUND}, [], {"laposte": "never"}),
        ({"laposte": FOUND}, ["cainiao"], {"laposte": "never", "cainiao": "now"}),
        # Somebody else knows it, or is yet to answer.
        (
            {"laposte": FOUND, "chronopost": FOUND},
            ["chronopost", "upu", "17track"],
            {"laposte": "never", "chronopost": "later"},
        ),
        (
            {"laposte": FOUND, "chronopost": ""},
            ["chronopost", "upu", "17track"],
            {"laposte": "never", "chronopost": "later"},
        ),
        # Who said no is not asked in its place; what somebody knew is not too young either.
        (
            {"laposte": FOUND, "chronopost": NOT_FOUND},
            ["chronopost", "17track"],
            {"laposte": "never", "chronopost": "later", "17track": "now"},
        ),
        # Young, and nobody knew it: those who are on are asked again before a fallback is.
        (
            {"laposte": NOT_FOUND, "chronopost": NOT_FOUND},
            ["chronopost", "17track"],
            {"laposte": "never", "chronopost": "later"},
        ),
        # Nothing is off.
        ({"laposte": FOUND}, ["laposte", "17track"], {"laposte": "later"}),
    ],
    ids=str,
)
def test_a_number_whose_carrier_is_off_goes_on_at_the_next_choice(
    ship: Callable[..., ParcelId],
    switch: Switch,
    legs: Legs,
    before: dict[str, str],
    on: list[str],
    after: dict[str, str],
) -> None:
    ship(FRENCH, before)

    for _ in range(3):
        switch(*on)
        assert after == legs()


def test_the_local_number_goes_on_as_one_and_needs_no_second_fallback(
    store: Store, clock: FakeClock, ship: Callable[..., ParcelId], switch: Switch, rows: Rows
) -> None:
    parcel = ship(ITS_OWN, {"cainiao": FOUND})
    with store.write() as connection:
        parcels.add_leg(connection, parcel, "laposte", FRENCH, clock.now(), is_local=True)

    switch("cainiao", "17track")
    planned = [(r["carrier"], r["number"], r["is_local"]) for r in rows(t.leg) if r["next_poll_at"]]
    assert [("cainiao", ITS_OWN, False), ("cainiao", FRENCH, True)] == planned

    switch("17track")
    planned = [(r["carrier"], r["number"], r["is_local"]) for r in rows(t.leg) if r["next_poll_at"]]
    assert [("17track", ITS_OWN, False)] == planned


def test_what_nobody_follows_ends_and_what_has_ended_is_left_alone(
    store: Store, clock: FakeClock, ship: Callable[..., ParcelId], switch: Switch, rows: Rows
) -> None:
    ship(ITS_OWN, {"cainiao": FOUND}, followed=False)
    over = ship(FRENCH, {"laposte": FOUND})
    with store.write() as connection:
        parcels.end(connection, over, "delivered", clock.now())

    switch("17track")

    assert ["nobody_follows", "delivered"] == [row["ended_why"] for row in rows(t.parcel)]
    assert {"cainiao", "laposte"} == {row["carrier"] for row in rows(t.leg)}


def test_a_leg_that_a_worker_of_former_settings_asks_about_is_moved_when_it_is_back(
    store: Store, clock: FakeClock, ship: Callable[..., ParcelId], switch: Switch, legs: Legs
) -> None:
    ship(FRENCH, {"laposte": FOUND})
    clock.advance(hours=4)
    with store.write() as connection:
        leg_claims.claim_legs(
            connection, "laposte", token="t", now=clock.now(), until=clock.later(90), limit=1
        )

    switch("upu")
    assert ["laposte"] == list(legs())
    clock.advance(seconds=91)
    switch("upu")
    assert {"laposte": "never", "upu": "now"} == legs()


def test_a_worker_does_nothing_about_a_carrier_that_is_off(
    poller: Poller, ship: Callable[..., ParcelId], clock: FakeClock, store: Store, rows: Rows
) -> None:
    """The message is from before; asking nobody is no error of the carrier's."""
    ship(FRENCH, {"upu": FOUND})
    clock.advance(hours=4)
    with store.write() as connection:
        out = leg_claims.claim_legs(
            connection, "upu", token="t", now=clock.now(), until=clock.later(90), limit=1
        )

    poller.poll("upu", out, "t")

    assert (0, []) == (rows(t.leg)[0]["failures"], rows(t.carrier))


def test_what_a_carrier_that_is_off_once_said_keeps_nobody_from_being_asked(
    ship: Callable[..., ParcelId],
    switch: Switch,
    poll: Callable[..., int],
    legs: Legs,
) -> None:
    """It knew the number; that makes the others no wrong guesses."""
    ship(FRENCH, {"upu": FOUND})

    switch("cainiao", "laposte")
    assert {"upu": "never", "laposte": "now"} == legs()
    poll("laposte")
    assert {"upu": "never", "laposte": "later", "cainiao": "now"} == legs()
    poll("cainiao")
    assert {"upu": "never", "laposte": "later", "cainiao": "later"} == legs()


def test_the_first_answer_is_shown_though_one_that_is_off_never_gave_any(
    ship: Callable[..., ParcelId], switch: Switch, poll: Callable[..., int], rows: Rows
) -> None:
    ship(FRENCH, {"upu": ""})
    switch("laposte")
    poll("laposte")
    poll("cainiao")

    assert rows(t.parcel)[0]["first_answer_at"] is not None


@pytest.mark.parametrize(("local", "rarely"), [("laposte", True), ("upu", False)])
def test_a_parcel_whose_local_carrier_is_off_is_asked_about_as_often_as_any(
    ship: Callable[..., ParcelId],
    store: Store,
    clock: FakeClock,
    switch: Switch,
    poll: Callable[..., int],
    carriers: dict[str, FakeCarrier],
    found: Callable[..., PollResult],
    scan: Callable[..., TrackingEvent],
    rows: Rows,
    local: str,
    rarely: bool,
) -> None:
    parcel = ship(ITS_OWN, {"cainiao": FOUND})
    with store.write() as connection:
        parcels.add_leg(connection, parcel, local, "6A12345678901", clock.now(), is_local=True)
        which = t.leg.c.carrier == local
        connection.execute(update(t.leg).where(which).values(state=FOUND))
        connection.execute(update(t.leg).values(next_poll_at=clock.now()))
    carriers["cainiao"].script(found(scan(Milestone.OUT_FOR_DELIVERY), number=ITS_OWN))

    switch("cainiao", "laposte")
    poll("cainiao")

    (leg,) = rows(t.leg, carrier="cainiao", number=ITS_OWN)
    assert rarely == (leg["next_poll_at"] > clock.now() + timedelta(hours=2))


# --- nobody is left -------------------------------------------------------------------


@pytest.fixture
def housekeeping(services: Services) -> Housekeeping:
    return services.housekeeping()


@pytest.mark.parametrize(
    ("said", "milestone", "days", "why"),
    [
        (NOT_FOUND, None, 29, None),
        (NOT_FOUND, None, 30, "never_known"),
        (REJECTED, None, 30, "never_known"),
        (FOUND, Milestone.IN_TRANSIT, 59, None),
        (FOUND, Milestone.IN_TRANSIT, 60, "in_transit"),
    ],
)
def test_a_parcel_that_nobody_can_be_asked_about_any_more_is_judged_in_its_time(
    ship: Callable[..., ParcelId],
    store: Store,
    switch: Switch,
    housekeeping: Housekeeping,
    rows: Rows,
    said: str,
    milestone: Milestone | None,
    days: int,
    why: str | None,
) -> None:
    ship(ITS_OWN, {"cainiao": said}, days)
    with store.write() as connection:
        connection.execute(update(t.parcel).values(milestone=milestone))

    housekeeping.run()
    assert [None] == [row["ended_why"] for row in rows(t.parcel)]
    for _ in range(2):
        switch("laposte")
        housekeeping.run()

    assert [why] == [row["ended_why"] for row in rows(t.parcel)]
    assert (["expired"] if why else []) == [row["kind"] for row in rows(t.notice)]


# --- on -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "days", "before", "on", "after"),
    [
        # Nobody could be asked before.
        (FRENCH, 20, {}, ["laposte"], {"laposte": "now"}),
        (UNKNOWN, 20, {}, ["17track"], {"17track": "now"}),
        (ITS_OWN, 20, {}, ["laposte"], {}),
        # Those who were asked do not know it.
        (
            FRENCH,
            20,
            {"chronopost": NOT_FOUND},
            ["chronopost", "laposte"],
            {"chronopost": "later", "laposte": "now"},
        ),
        (
            FRENCH,
            20,
            {"laposte": NOT_FOUND, "chronopost": NOT_FOUND},
            ["chronopost", "laposte", "17track"],
            {"laposte": "later", "chronopost": "later", "17track": "now"},
        ),
        # It would have been the first choice, and who was asked has not answered.
        (
            FRENCH,
            20,
            {"chronopost": ""},
            ["chronopost", "laposte"],
            {"chronopost": "later", "laposte": "now"},
        ),
        # It would not have been chosen, or is asked already, or somebody knows the number.
        (FRENCH, 20, {"laposte": ""}, ["chronopost", "laposte"], {"laposte": "later"}),
        (FRENCH, 20, {"laposte": NOT_FOUND}, ["laposte"], {"laposte": "later"}),
        (FRENCH, 20, {"17track": FOUND}, ["17track", "laposte"], {"17track": "later"}),
        # A number that is young may be one that nobody knows yet.
        (FRENCH, 1, {"laposte": NOT_FOUND}, ["laposte", "17track"], {"laposte": "later"}),
    ],
    ids=str,
)
def test_a_carrier_that_is_switched_on_is_asked_about_numbers_from_before(
    ship: Callable[..., ParcelId],
    switch: Switch,
    legs: Legs,
    number: str,
    days: int,
    before: dict[str, str],
    on: list[str],
    after: dict[str, str],
) -> None:
    ship(number, before, days)

    for _ in range(3):
        switch(*on)
        assert after == legs()


def test_a_carrier_that_was_off_for_a_while_takes_its_numbers_up_where_nobody_else_knows_them(
    ship: Callable[..., ParcelId], switch: Switch, legs: Legs, store: Store
) -> None:
    lonely, at_home = ship(ITS_OWN, {"cainiao": FOUND}), ship(FRENCH, {"laposte": FOUND})
    switch("cainiao", "laposte")
    switch("upu")
    with store.write() as connection:
        connection.execute(update(t.leg).where(t.leg.c.carrier == "upu").values(state=FOUND))
    assert {"cainiao": "never"} == legs(lonely)
    assert {"laposte": "never", "upu": "now"} == legs(at_home)

    switch("upu", "cainiao", "laposte")
    assert {"cainiao": "now"} == legs(lonely)
    assert {"laposte": "never", "upu": "now"} == legs(at_home)


def test_a_local_carrier_that_was_off_for_a_while_is_asked_again_about_its_number(
    store: Store, clock: FakeClock, ship: Callable[..., ParcelId], switch: Switch, legs: Legs
) -> None:
    """It did not know the number yet; that the first carrier knows its own is another matter."""
    parcel = ship(ITS_OWN, {"cainiao": FOUND})
    with store.write() as connection:
        parcels.add_leg(connection, parcel, "laposte", "6A12345678901", clock.now(), is_local=True)
        local = t.leg.c.carrier == "laposte"
        connection.execute(update(t.leg).where(local).values(state=NOT_FOUND))
    switch("cainiao", "laposte")
    switch("upu")
    assert {"cainiao": "never", "laposte": "never"} == legs()

    for _ in range(3):
        switch("cainiao", "laposte")
        assert {"cainiao": "now", "laposte": "now"} == legs()


def test_nobody_is_asked_for_nobody_or_about_what_has_ended(
    ship: Callable[..., ParcelId], store: Store, clock: FakeClock, switch: Switch, rows: Rows
) -> None:
    ship(ITS_OWN, {}, followed=False)
    over = ship(FRENCH, {})
    with store.write() as connection:
        parcels.end(connection, over, "never_known", clock.now())

    switch("cainiao", "laposte", "17track")

    assert [] == rows(t.leg)


@pytest.mark.parametrize(
    ("on", "after"),
    [
        (["chronopost", "laposte"], {}),
        (["chronopost", "gls"], {"gls": "now"}),
        (["chronopost", "17track"], {"17track": "now"}),
    ],
    ids=str,
)
def test_a_number_whose_carrier_the_mails_name_is_asked_there_and_of_nobody_who_has_such_numbers(
    ship: Callable[..., ParcelId],
    switch: Switch,
    legs: Legs,
    rows: Rows,
    store: Store,
    on: list[str],
    after: dict[str, str],
) -> None:
    """Fourteen digits are Chronopost's, DPD's or Mondial Relay's by their form."""
    ship(LIKE_MANY, {}, 20)
    with store.write() as connection:
        (mine,) = rows(t.subscription)
        named_carriers.name(connection, mine["id"], LIKE_MANY, "gls")

    for _ in range(3):
        switch(*on)
        assert after == legs()


def test_a_wrong_guess_is_not_taken_up_again_where_the_mails_name_another_carrier(
    ship: Callable[..., ParcelId], switch: Switch, legs: Legs, rows: Rows, store: Store
) -> None:
    ship(LIKE_MANY, {"chronopost": NOT_FOUND, "gls": NOT_FOUND}, 20)
    with store.write() as connection:
        (mine,) = rows(t.subscription)
        named_carriers.name(connection, mine["id"], LIKE_MANY, "gls")
        guess = t.leg.c.carrier == "chronopost"
        connection.execute(update(t.leg).where(guess).values(next_poll_at=None))

    for _ in range(3):
        switch("chronopost")
        assert {"chronopost": "never", "gls": "never"} == legs()


# --- little at a time -----------------------------------------------------------------


@pytest.mark.parametrize("before", [{"cainiao": FOUND}, {}], ids=["off", "on"])
def test_a_round_adds_no_more_than_the_budget_has_room_for(
    ship: Callable[..., ParcelId],
    switch: Switch,
    rows: Rows,
    clock: FakeClock,
    store: Store,
    before: dict[str, str],
) -> None:
    """A day of 300 requests has room for one in a round, with three numbers in it."""
    for number in range(20):
        ship(f"LP001234567890{number:02}", before)

    def due() -> int:
        return sum(row["carrier"] == "17track" for row in rows(t.leg))

    def answer() -> None:
        with store.write() as connection:
            later = clock.now() + timedelta(days=1)
            which = t.leg.c.carrier == "17track"
            connection.execute(update(t.leg).where(which).values(next_poll_at=later, state=FOUND))

    switch("17track", per_day=300, batch=3)
    assert 3 == due()
    switch("17track", per_day=300, batch=3)
    assert 3 == due()  # those are still to be asked about

    for _ in range(7):
        answer()
        switch("17track", per_day=300, batch=3)
    assert 20 == due()


def test_what_has_no_room_at_its_next_choice_keeps_nobody_else_waiting(
    ship: Callable[..., ParcelId],
    switch: Switch,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rerouting, "PARCELS_PER_ROUND", 5)
    for number in range(8):
        ship(f"LP001234567890{number:02}", {"cainiao": FOUND})
    ship(FRENCH, {"laposte": FOUND})

    for _ in range(3):
        switch("17track", "upu", per_day=1, batch=1)

    assert {"17track": 1, "upu": 1} == {
        code: sum(row["carrier"] == code for row in rows(t.leg)) for code in ("17track", "upu")
    }


def test_carriers_catch_up_step_by_step_to_the_newest_parcel(
    ship: Callable[..., ParcelId], switch: Switch, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerouting, "PARCELS_PER_ROUND", 4)
    monkeypatch.setattr(rerouted, "SPAN", 6)
    for number in range(15):
        ship(f"LP001234567890{number:02}", {})

    asked = []
    for _ in range(5):
        switch("cainiao")
        asked.append(len(rows(t.leg)))

    assert [4, 8, 12, 15, 15] == asked
    assert [("cainiao", 15)] == [(row["carrier"], row["parcel_id"]) for row in rows(t.catch_up)]


def test_with_nothing_to_do_a_round_reads_no_parcel(
    ship: Callable[..., ParcelId], switch: Switch, store: Store
) -> None:
    for number in range(15):
        ship(f"LP001234567890{number:02}", {"cainiao": FOUND})
    switch("cainiao", "laposte")
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    switch("cainiao", "laposte")
    event.remove(store.engine, "before_cursor_execute", note)

    assert [] == [s for s in asked if "UPDATE" in s or "INSERT" in s]
    assert [] == [s for s in asked if "parcel.number" in s]

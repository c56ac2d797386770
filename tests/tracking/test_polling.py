"""Asking carriers: every way that an answer, or none, can take."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.carriers.base import Push
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Certainty, Hint, LegId, PollResult, PollState, TrackingEvent
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.notify.view import NoticeKind
from mailtrack.store import budgets, leg_claims, notices, parcels, people, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging
from mailtrack.tracking.polling import Poller

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Poll = Callable[..., int]
PassDays = Callable[[float], int]
Carriers = dict[str, FakeCarrier]
Scan = Callable[..., TrackingEvent]
Found = Callable[..., PollResult]

NUMBER = "LP00123456789012"
#: A format that La Poste and Cainiao share; La Poste is the better guess.
SHARED = "LA123456785FR"
LOCAL = "6A12345678901"
#: A number of DPD France, whom nobody can ask.
DPD = "250012345678901"


def _owe_registered(store: Store, clock: FakeClock, mine: Subscription) -> None:
    """Owe "suivi enregistré" as the intake does: it waits for the first answer."""
    with store.write() as connection:
        notices.owe(
            connection,
            mine.subscriber,
            NoticeKind.REGISTERED,
            at=clock.later(120),
            now=clock.now(),
            subscription_id=mine.id,
        )


def _mailed(rows: Rows) -> list[str]:
    return [row["kind"] for row in rows(t.notice, state="due")]


def _legs(rows: Rows, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows(t.leg)]


# --- failures -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "silence_s"),
    [
        (QuotaError("slow down", 600), 600),
        (ChallengeError("are you a robot?", 21_600), 21_600),
        (AuthError("wrong key"), 3_600),
    ],
)
def test_a_carrier_that_refuses_us_is_left_alone_and_the_leg_has_no_part_in_it(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    error: MailtrackError,
    silence_s: float,
) -> None:
    follow()
    carriers["cainiao"].fail(error)
    poll()

    free_again = clock.now() + timedelta(seconds=silence_s)
    assert [(free_again, 0)] == _legs(rows, "next_poll_at", "failures")
    assert [] == rows(t.leg_claim)
    with store.read() as connection:
        seen = budgets.health(connection)["cainiao"]
    assert (free_again, str(error)) == (seen.allowance.blocked_until, seen.last_error)


@pytest.mark.parametrize("error", [TransientError("half a page"), PermanentError("no such form")])
def test_a_carrier_out_of_order_is_asked_again_after_ever_longer_waits(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    error: MailtrackError,
) -> None:
    follow()
    carriers["cainiao"].fail(*[error] * 6)
    waits = []
    for _ in range(6):
        poll()
        ((due, why),) = _legs(rows, "next_poll_at", "last_error")
        assert str(error) == why
        waits.append((due - clock.now()) / timedelta(minutes=1))
        clock.instant = due

    usual = (5, 15, 45, 120, 360, 360)
    shares = [wait / expected for wait, expected in zip(waits, usual, strict=True)]
    assert all(0.8 <= share <= 1.2 for share in shares)

    poll()
    assert [(0, "", PollState.NOT_FOUND)] == _legs(rows, "failures", "last_error", "state")


def test_a_number_that_the_answer_leaves_out_waits_alone(
    follow: Follow, carriers: Carriers, poll: Poll, rows: Rows
) -> None:
    follow()
    follow("LP00123456789013")
    carriers["cainiao"].leave_out(NUMBER)
    poll()

    left_out, answered = rows(t.leg)
    assert (1, "") == (left_out["failures"], left_out["state"])
    assert "left this number out" in left_out["last_error"]
    assert (0, PollState.NOT_FOUND) == (answered["failures"], answered["state"])


def test_why_a_number_is_unknown_is_kept_until_the_next_answer(
    clock: FakeClock, follow: Follow, carriers: Carriers, poll: Poll, rows: Rows
) -> None:
    follow()
    unread = PollResult(NUMBER, PollState.NOT_FOUND, hint=Hint.NOT_READ)
    carriers["cainiao"].script(unread, PollResult(NUMBER, PollState.NOT_FOUND))
    poll()
    assert [(0, Hint.NOT_READ)] == _legs(rows, "failures", "last_error")

    ((due,),) = _legs(rows, "next_poll_at")
    clock.instant = due
    poll()
    assert [(0, "")] == _legs(rows, "failures", "last_error")


def test_a_number_that_two_parcels_share_is_asked_once_and_answers_both(
    store: Store, clock: FakeClock, follow: Follow, carriers: Carriers, poll: Poll, rows: Rows
) -> None:
    follow()
    follow(LOCAL)
    with store.write() as connection:
        other = parcels.find_parcel(connection, LOCAL)
        assert other is not None
        parcels.add_leg(connection, other, "cainiao", NUMBER, clock.now(), is_local=True)
    poll()

    assert [{NUMBER, LOCAL}] == [set(numbers) for numbers in carriers["cainiao"].asked]
    assert 2 == len(carriers["cainiao"].asked[0])
    assert [PollState.NOT_FOUND] * 3 == [leg["state"] for leg in rows(t.leg, carrier="cainiao")]


def test_a_mistake_in_a_carrier_s_code_does_not_hammer_the_carrier(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(numbers: object) -> Mapping[str, PollResult]:
        raise KeyError("module")

    follow()
    monkeypatch.setattr(carriers["cainiao"], "fetch", broken)
    poll()

    ((failures, due, why),) = _legs(rows, "failures", "next_poll_at", "last_error")
    assert (1, True) == (failures, due > clock.now() + timedelta(minutes=3))
    assert "KeyError" in why


def test_numbers_that_are_asked_apart_are_asked_no_further_once_the_carrier_refuses(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
) -> None:
    for last in range(4):
        follow(f"LP0012345678901{last}")
    carriers["cainiao"].fail(PermanentError("no such form"), PermanentError("no such number"))
    carriers["cainiao"].fail(QuotaError("slow down", 600))
    poll()

    assert [4, 1, 1] == [len(numbers) for numbers in carriers["cainiao"].asked]
    later = clock.now() + timedelta(seconds=600)
    choked, refused, *unasked = rows(t.leg)
    assert (1, "no such number") == (choked["failures"], choked["last_error"])
    assert (0, later) == (refused["failures"], refused["next_poll_at"])
    assert [(0, clock.now())] * 2 == [(leg["failures"], leg["next_poll_at"]) for leg in unasked]
    assert [] == rows(t.leg_claim)
    with store.read() as connection:
        assert 3 == budgets.health(connection)["cainiao"].allowance.spent


def test_an_answer_that_cannot_be_stored_does_not_hold_up_the_others(
    clock: FakeClock, follow: Follow, carriers: Carriers, poll: Poll, rows: Rows, scan: Scan
) -> None:
    follow()
    follow("LP00123456789013")
    odd = replace(scan(Milestone.SHIPPED), text="half a surrogate: \ud83d")
    carriers["cainiao"].script(
        PollResult(NUMBER, PollState.FOUND, (odd,)),
        PollResult("LP00123456789013", PollState.FOUND, (scan(Milestone.SHIPPED),)),
    )
    poll()

    assert [(1, ""), (0, PollState.FOUND)] == _legs(rows, "failures", "state")
    assert [] == rows(t.leg_claim)
    assert clock.now() + timedelta(minutes=3) < rows(t.leg)[0]["next_poll_at"]


# --- claims -------------------------------------------------------------------------


def test_a_claim_that_has_passed_on_asks_nobody(
    store: Store, clock: FakeClock, follow: Follow, carriers: Carriers, poller: Poller, rows: Rows
) -> None:
    follow()
    before = rows(t.leg)
    poller.poll("cainiao", [LegId(1)], "somebody else's token")

    assert [] == carriers["cainiao"].asked
    assert before == rows(t.leg)


def test_a_message_that_comes_twice_asks_once(
    store: Store, clock: FakeClock, follow: Follow, carriers: Carriers, poller: Poller
) -> None:
    follow()
    with store.write() as connection:
        legs = leg_claims.claim_legs(
            connection, "cainiao", token="t", now=clock.now(), until=clock.later(120), limit=1
        )
    for _ in range(2):
        poller.poll("cainiao", legs, "t")

    assert [(NUMBER,)] == carriers["cainiao"].asked


def test_a_claim_that_lapses_during_the_answer_changes_nothing(
    store: Store, clock: FakeClock, follow: Follow, poller: Poller, rows: Rows, scan: Scan
) -> None:
    """The other worker, who holds the claim now, brings the same answer."""
    follow()
    with store.write() as connection:
        legs = leg_claims.claim_legs(
            connection, "cainiao", token="t", now=clock.now(), until=clock.later(120), limit=1
        )
    results = {NUMBER: PollResult(NUMBER, PollState.FOUND, (scan(Milestone.SHIPPED),))}

    class Slow(FakeCarrier):
        def fetch(self, numbers: object) -> Mapping[str, PollResult]:
            clock.advance(seconds=121)
            with store.write() as connection:
                leg_claims.claim_legs(
                    connection,
                    "cainiao",
                    token="other",
                    now=clock.now(),
                    until=clock.later(120),
                    limit=1,
                )
            return results

    slow = replace(poller, carriers={"cainiao": Slow("cainiao")})
    slow.poll("cainiao", legs, "t")

    assert [("other", "")] == [
        (claim["token"], row["state"])
        for claim, row in zip(rows(t.leg_claim), rows(t.leg), strict=True)
    ]
    assert [] == rows(t.tracking_event)


def test_events_state_and_notices_are_stored_together_or_not_at_all(
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    follow()
    carriers["cainiao"].script(found(scan(Milestone.CUSTOMS_CLEARED)))
    before = [rows(table) for table in (t.tracking_event, t.parcel, t.notice)]
    with monkeypatch.context() as broken:
        broken.setattr("mailtrack.store.notices.record", lambda *_: 1 / 0)
        poll()

    assert before == [rows(table) for table in (t.tracking_event, t.parcel, t.notice)]
    assert [("", None)] == _legs(rows, "state", "last_answer_at")


# --- which carrier, which number ----------------------------------------------------


def test_a_wrong_guess_costs_one_call_and_is_remembered(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow(SHARED, carrier="laposte")
    carriers["cainiao"].script(found(scan(Milestone.CARRIER_ACCEPTED), number=SHARED))
    pass_days(3)

    assert [(SHARED,)] == carriers["laposte"].asked
    assert 3 < len(carriers["cainiao"].asked)
    assert [("laposte", None), ("cainiao", "found")] == [
        (carrier, state if carrier == "cainiao" else due)
        for carrier, state, due in _legs(rows, "carrier", "state", "next_poll_at")
    ]


def test_a_number_that_nobody_knows_yet_is_asked_of_everybody(
    clock: FakeClock, follow: Follow, carriers: Carriers, pass_days: PassDays, rows: Rows
) -> None:
    follow(SHARED, carrier="laposte")
    pass_days(2)

    assert ["laposte", "cainiao"] == [row["carrier"] for row in rows(t.leg)]
    assert all(len(carriers[code].asked) > 1 for code in ("laposte", "cainiao"))


def test_a_refused_number_is_a_dead_end_only_where_another_carrier_is_left(
    clock: FakeClock, follow: Follow, carriers: Carriers, pass_days: PassDays, rows: Rows
) -> None:
    follow(SHARED, carrier="laposte")
    follow(LOCAL, carrier="laposte", address="bruno@example.org")
    for number in (SHARED, LOCAL):
        carriers["laposte"].script(PollResult(number, PollState.REJECTED))
    pass_days(4)

    assert 1 == sum(SHARED in numbers for numbers in carriers["laposte"].asked)
    assert ["not_found", "not_found"] == _mailed(rows)


def test_after_the_hand_over_the_local_carrier_is_asked_and_the_first_one_less(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    handed = replace(found(scan(Milestone.LOCAL_TRANSIT)), local_number=LOCAL)
    carriers["cainiao"].script(handed)
    carriers["laposte"].script(found(scan(Milestone.LOCAL_TRANSIT, source="laposte"), number=LOCAL))
    poll()
    assert [("cainiao", NUMBER, False), ("laposte", LOCAL, True)] == _legs(
        rows, "carrier", "number", "is_local"
    )

    pass_days(4)
    assert 2 * len(carriers["cainiao"].asked) < len(carriers["laposte"].asked)
    assert 1 < len(carriers["cainiao"].asked)
    assert [LOCAL] == [row["local_number"] for row in rows(t.parcel)]


@pytest.mark.parametrize(
    ("teller", "on", "asked"),
    [
        ("cainiao", ("cainiao", "laposte"), []),
        ("cainiao", ("cainiao", "17track", "aftership"), ["17track"]),
        # It follows the parcel to its end by the number that it has, and counts another one.
        ("17track", ("cainiao", "17track", "aftership"), []),
    ],
)
def test_a_local_carrier_that_cannot_be_asked_is_left_to_a_fallback(
    follow: Follow,
    poller: Poller,
    scan: Scan,
    rows: Rows,
    teller: str,
    on: tuple[str, ...],
    asked: list[str],
) -> None:
    carriers = {code: FakeCarrier(code) for code in on}
    result = PollResult(NUMBER, PollState.FOUND, (scan(Milestone.IN_TRANSIT),), local_number=DPD)
    follow(carrier=teller)
    replace(poller, carriers=carriers).take_push(teller, Push({NUMBER: result}))

    local = [(leg["carrier"], leg["number"]) for leg in rows(t.leg, is_local=True)]
    assert [(code, DPD) for code in asked] == local


def test_a_placeholder_is_followed_to_the_number_behind_it(
    follow: Follow, carriers: Carriers, poll: Poll, rows: Rows, scan: Scan, found: Found
) -> None:
    real = "LP00987654321098"
    follow()
    carriers["cainiao"].script(PollResult(NUMBER, PollState.PENDING, local_number=real))
    carriers["cainiao"].script(found(scan(Milestone.CARRIER_ACCEPTED), number=real))
    poll()
    poll()

    assert [(NUMBER,), (real,)] == carriers["cainiao"].asked
    assert ["carrier_accepted"] == [row["milestone"] for row in rows(t.parcel)]


def test_two_carriers_telling_one_scan_make_one_mail(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    handed = replace(found(scan(Milestone.LOCAL_TRANSIT)), local_number=LOCAL)
    out = scan(Milestone.OUT_FOR_DELIVERY, hours_ago=-2)
    carriers["cainiao"].script(handed, replace(handed, events=(*handed.events, out)))
    carriers["laposte"].script(
        found(replace(out, source="laposte", at=out.at + timedelta(hours=6)), number=LOCAL)
    )
    poll()
    clock.advance(hours=12)
    poll()
    poll("laposte")

    assert ["out_for_delivery"] == _mailed(rows)


# --- what people are told -----------------------------------------------------------


def test_the_first_answer_sends_the_mail_that_waited_for_it_and_no_other(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    _owe_registered(store, clock, follow())
    carriers["cainiao"].script(
        found(scan(Milestone.CARRIER_ACCEPTED, 48), scan(Milestone.CUSTOMS_CLEARED))
    )
    poll()

    assert [("registered", clock.now())] == [
        (row["kind"], row["next_attempt_at"]) for row in rows(t.notice, state="due")
    ]
    assert {"first_answer"} == {row["skip"] for row in rows(t.notice, state="skipped")}


def test_the_mail_that_waits_is_not_sent_on_a_wrong_guess(
    store: Store, clock: FakeClock, follow: Follow, poll: Poll, rows: Rows
) -> None:
    _owe_registered(store, clock, follow(SHARED, carrier="laposte"))
    poll("laposte")
    assert [clock.later(120)] == [row["next_attempt_at"] for row in rows(t.notice)]

    poll("cainiao")
    assert [clock.now()] == [row["next_attempt_at"] for row in rows(t.notice)]


def test_a_first_answer_after_that_mail_was_sent_is_news(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    """The carrier was away for hours: "suivi enregistré" could tell nothing."""
    mine = follow()
    _owe_registered(store, clock, mine)
    carriers["cainiao"].fail(QuotaError("slow down", 7_200))
    poll()
    clock.advance(hours=2)
    with store.write() as connection:
        notices.claim_notices(
            connection, token="t", now=clock.now(), until=clock.later(120), limit=1
        )
        (row,) = rows(t.notice)
        notices.mark_sent(connection, row["id"], "<1@colis.example>", clock.now())
    carriers["cainiao"].script(
        found(scan(Milestone.CARRIER_ACCEPTED, 48), scan(Milestone.OUT_FOR_DELIVERY))
    )
    poll()

    assert ["out_for_delivery"] == _mailed(rows)


def test_news_is_told_in_a_mail_of_its_own_once_the_first_one_may_have_arrived(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    """A relay took "suivi enregistré" and hung up before it said so.

    The mail is tried again under its Message-ID, and mail programs hide the second copy:
    what only that one tells, nobody reads.
    """
    _owe_registered(store, clock, follow())
    clock.advance(seconds=120)
    with store.write() as connection:
        (number,) = notices.claim_notices(
            connection, token="t", now=clock.now(), until=clock.later(120), limit=1
        )
        notices.claimed(connection, [number], "t")
        notices.try_later(connection, number, "hung up", clock.later(3_600))
    carriers["cainiao"].script(found(scan(Milestone.OUT_FOR_DELIVERY)))
    poll()

    assert ["registered", "out_for_delivery"] == _mailed(rows)


def test_news_goes_to_those_who_want_it(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    ana, bruno = follow(), follow(address="bruno@example.org")
    with store.write() as connection:
        subscriptions.mute(connection, bruno.id, clock.now())
    carriers["cainiao"].script(found(scan(Milestone.CUSTOMS_CLEARED)))
    poll()

    assert [(ana.id, "due", None), (bruno.id, "skipped", "muted")] == [
        (row["subscription_id"], row["state"], row["skip"]) for row in rows(t.notice)
    ]


def test_the_same_answer_again_is_no_news(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    carriers["cainiao"].script(found(scan(Milestone.CUSTOMS_CLEARED)))
    pass_days(3)

    assert 3 < len(carriers["cainiao"].asked)
    assert ["customs_cleared"] == _mailed(rows)
    assert 1 == len(rows(t.tracking_event))


def test_an_unknown_phrase_is_noted_and_mailed_to_nobody(
    follow: Follow, carriers: Carriers, poll: Poll, rows: Rows, scan: Scan, found: Found
) -> None:
    follow()
    carriers["cainiao"].script(found(scan(Milestone.UNKNOWN, text="Colis chez le vétérinaire")))
    poll()

    assert [("cainiao", "UNKNOWN", "Colis chez le vétérinaire")] == [
        (row["carrier"], row["code"], row["text"]) for row in rows(t.unmapped)
    ]
    assert [] == _mailed(rows)


def test_an_alarm_that_is_only_read_waits_for_a_second_witness_and_is_asked_about_soon(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    read = replace(scan(Milestone.PICKUP_AVAILABLE), certainty=Certainty.READ)
    carriers["cainiao"].script(found(read), found(replace(read, certainty=Certainty.KNOWN)))
    poll()
    (leg,) = rows(t.leg)

    assert [] == _mailed(rows)
    assert leg["next_poll_at"] <= clock.now() + timedelta(hours=3.5)

    clock.advance(hours=4)
    poll()

    assert ["pickup_available"] == _mailed(rows)
    assert ["known"] == [row["certainty"] for row in rows(t.wording)]


def test_an_alarm_that_nothing_ever_follows_is_told_after_two_days(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    read = replace(scan(Milestone.PICKUP_AVAILABLE), certainty=Certainty.READ)
    carriers["cainiao"].script(found(read))
    pass_days(1.5)
    before = _mailed(rows)
    pass_days(2)

    assert ([], ["pickup_available"]) == (before, _mailed(rows))


# --- the end ------------------------------------------------------------------------


def test_a_parcel_that_nobody_follows_is_not_asked_for_again(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    rows: Rows,
) -> None:
    mine = follow(SHARED, carrier="laposte")
    pass_days(1)
    with store.write() as connection:
        people.unsubscribe(connection, mine.subscriber, clock.now())
    before = sum(len(carrier.asked) for carrier in carriers.values())
    pass_days(30)

    assert 1 >= sum(len(carrier.asked) for carrier in carriers.values()) - before
    assert [(None,)] * 2 == _legs(rows, "next_poll_at")
    assert [] == rows(t.leg_claim)


@pytest.mark.parametrize("hours_ago", [0.0, 1.0, 30.0, 24 * 90.0])
def test_a_delivered_parcel_is_looked_at_once_more_and_then_never(
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
    found: Found,
    hours_ago: float,
) -> None:
    follow()
    carriers["cainiao"].script(found(scan(Milestone.DELIVERED, hours_ago)))
    pass_days(60)

    assert len(carriers["cainiao"].asked) <= 2
    assert [("delivered", None)] == [
        (row["ended_why"], rows(t.leg)[0]["next_poll_at"]) for row in rows(t.parcel)
    ]
    assert ["delivered"] == _mailed(rows)


def test_a_return_right_after_the_delivery_is_seen(
    follow: Follow,
    carriers: Carriers,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    delivered = scan(Milestone.DELIVERED)
    returned = scan(Milestone.RETURNING, hours_ago=-5)
    carriers["cainiao"].script(found(delivered), found(delivered, returned))
    pass_days(3)

    assert ["delivered", "returning"] == _mailed(rows)


def test_a_number_that_stays_unknown_is_told_after_three_days_and_given_up_after_thirty(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    pass_days: PassDays,
    rows: Rows,
) -> None:
    follow()
    pass_days(2.9)
    assert [] == _mailed(rows)
    pass_days(1)
    assert ["not_found"] == _mailed(rows)
    clock.advance(days=27)
    poll()

    assert ["not_found", "expired"] == _mailed(rows)
    assert ["never_known"] == [row["ended_why"] for row in rows(t.parcel)]
    assert 0 == pass_days(300)


def test_a_number_is_unknown_until_a_carrier_knows_it_whatever_its_shop_wrote(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
) -> None:
    mine = follow()
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.lock(connection, mine.parcel)
        shipped = subscriptions.mail_event_of(Milestone.SHIPPED, "order_shipped", clock.now())
        merging.take_in_mail(connection, mine.parcel, mine.id, shipped, clock.now())
    pass_days(4)
    assert ["not_found"] == _mailed(rows)
    pass_days(27)

    assert ["not_found", "expired"] == _mailed(rows)
    assert ["never_known"] == [row["ended_why"] for row in rows(t.parcel)]


def test_sixty_days_of_silence_end_the_parcel_with_one_mail(
    clock: FakeClock,
    follow: Follow,
    carriers: Carriers,
    poll: Poll,
    pass_days: PassDays,
    rows: Rows,
    scan: Scan,
    found: Found,
) -> None:
    follow()
    carriers["cainiao"].script(found(scan(Milestone.CARRIER_ACCEPTED)))
    for days in (0, 59, 2):
        clock.advance(days=days)
        poll()

    assert ["carrier_accepted", "expired"] == _mailed(rows)
    assert ["carrier_accepted"] == [row["ended_why"] for row in rows(t.parcel)]
    assert 0 == pass_days(300)

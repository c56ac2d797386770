"""The local number that a shop's mail names is followed at once, for who forwarded that alone."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import (
    PickupPoint,
    PollResult,
    PollState,
    RowKey,
    SubscriptionId,
    TrackingEvent,
)
from mailtrack.notify.links import Purpose
from mailtrack.notify.view import ParcelView
from mailtrack.runtime.services import Services
from mailtrack.store import parcels, personal_data, subscription_details
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.tracking import lateness
from mailtrack.web.service import PageService
from tests.inbox.forwards import ANA, BRUNO, MALLORY, by_colissimo, by_shop, forwarded, typed

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]
Answer = Callable[..., None]
Mailed = Callable[[str], list[str]]
Seen = Callable[[str], ParcelView]

NUMBER, LOCAL, OTHER = "LP00123456789012", "6A12345678905", "LP00999999999999"


@pytest.fixture
def carriers() -> dict[str, FakeCarrier]:
    return {code: FakeCarrier(code) for code in ("cainiao", "laposte")}


@pytest.fixture
def answer(carriers: dict[str, FakeCarrier], clock: FakeClock, poll: Callable[..., int]) -> Answer:
    """Let a carrier know a number by one step more, an hour on, and be asked what is due."""
    told: dict[tuple[str, str], list[TrackingEvent]] = {}

    def make(
        carrier: str,
        number: str,
        *milestones: Milestone,
        local: str | None = None,
        pickup: PickupPoint | None = None,
    ) -> None:
        for milestone in milestones:
            clock.advance(hours=1)
            event = TrackingEvent(clock.now(), milestone, carrier, milestone)
            told.setdefault((carrier, number), []).append(event)
        events = tuple(told.get((carrier, number), ()))
        result = PollResult(number, PollState.FOUND, events, local, None, pickup)
        carriers[carrier].fetch([number])  # what was scripted last stays
        carriers[carrier].script(result)
        carriers[carrier].fetch([number])
        clock.advance(hours=24)
        poll(carrier)

    return make


@pytest.fixture
def mailed(rows: Rows) -> Mailed:
    """Tell which mails somebody is owed, or got."""

    def make(address: str) -> list[str]:
        (owner,) = rows(t.subscriber, address=address)
        return [n["kind"] for n in rows(t.notice, subscriber_id=owner["id"]) if n["skip"] is None]

    return make


@pytest.fixture
def seen(rows: Rows, store: Store, services: Services) -> Seen:
    """Return the only parcel that somebody follows, as they see it."""

    def make(address: str) -> ParcelView:
        (owner,) = rows(t.subscriber, address=address)
        (mine,) = rows(t.subscription, subscriber_id=owner["id"])
        with store.read() as connection:
            details = subscription_details.read(connection, [SubscriptionId(mine["id"])])
        view = services.views.parcel(details[mine["id"]])
        assert view is not None
        return view

    return make


def _asked(rows: Rows) -> list[tuple[str, str, str]]:
    """Return what is asked about: the parcel's number, the leg's and its carrier."""
    own = {row["id"]: row["number"] for row in rows(t.parcel)}
    legs = [leg for leg in rows(t.leg) if leg["next_poll_at"] is not None]
    return sorted((own[leg["parcel_id"]], leg["number"], leg["carrier"]) for leg in legs)


# --- what its reader gains ------------------------------------------------------------


def test_the_local_number_is_asked_about_at_once_and_its_news_told(
    receive: Receive,
    answer: Answer,
    send_all: Callable[[], list[str]],
    mailed: Mailed,
    seen: Seen,
    rows: Rows,
    clock: FakeClock,
) -> None:
    assert "tracked" == receive(by_shop(ANA, NUMBER, LOCAL))["outcome"]
    assert [(LOCAL, LOCAL, "laposte"), (NUMBER, NUMBER, "cainiao")] == _asked(rows)

    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY)
    send_all()
    last_day = clock.now().date() + timedelta(days=9)
    point = PickupPoint("Tabac de la Gare", "1 place de la Gare", last_day)
    answer("laposte", LOCAL, Milestone.PICKUP_AVAILABLE, pickup=point)
    view = seen(ANA)
    assert (NUMBER, LOCAL, "La Poste") == (view.number, view.local_number, view.carrier)
    assert (Milestone.PICKUP_AVAILABLE, point) == (view.milestone, view.pickup_point)
    assert LOCAL in view.carrier_page
    assert ["laposte", "cainiao"] == [event.source for event in view.events]
    assert clock.now() == view.checked_at

    answer("laposte", LOCAL, Milestone.DELIVERED)
    assert ["registered", "pickup_available", "delivered"] == mailed(ANA)
    assert 1 == len(rows(t.subscription))


def test_what_happened_before_is_in_the_first_mail(
    receive: Receive, answer: Answer, mailed: Mailed, seen: Seen
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    answer("laposte", LOCAL, Milestone.OUT_FOR_DELIVERY)
    receive(by_shop(BRUNO, NUMBER, LOCAL))

    assert Milestone.OUT_FOR_DELIVERY is seen(BRUNO).milestone
    assert ["registered"] == mailed(BRUNO)


def test_the_page_to_share_is_the_one_that_has_news(
    receive: Receive, answer: Answer, rows: Rows, services: Services
) -> None:
    def shared() -> str:
        key = RowKey(rows(t.subscription)[0]["key"])
        link = services.links.link(Purpose.TIMELINE, key)
        return PageService(services).timeline(link.rpartition("/")[2]).shared

    receive(by_shop(ANA, NUMBER, LOCAL))
    assert "" == shared()
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    assert f"/suivi?number={LOCAL}" == shared()
    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY)
    assert f"/suivi?number={NUMBER}" == shared()


@pytest.fixture
def ask_after(store: Store, clock: FakeClock, poll: Callable[..., int]) -> Callable[[float], None]:
    """Let days pass, the carriers be asked about what is due then, and people told what is late."""

    def make(days: float) -> None:
        clock.advance(days=days)
        for carrier in ("cainiao", "laposte"):
            poll(carrier)
        store.transact(lambda connection: lateness.tell(connection, clock.now()))

    return make


def test_one_silence_is_told_of_both_and_none_while_either_moves(
    receive: Receive, answer: Answer, ask_after: Callable[[float], None], mailed: Mailed
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    answer("cainiao", NUMBER, Milestone.IN_TRANSIT)
    ask_after(28)
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    ask_after(4)
    assert ["registered"] == mailed(ANA)

    for _ in range(3):
        ask_after(5)
    assert ["registered", "stalled"] == mailed(ANA)
    for _ in range(6):
        ask_after(10)
    assert ["registered", "stalled", "expired"] == mailed(ANA)


def test_a_local_number_that_nobody_knows_is_asked_about_for_a_month_without_a_word(
    receive: Receive,
    answer: Answer,
    ask_after: Callable[[float], None],
    mailed: Mailed,
    rows: Rows,
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    for milestone in (Milestone.SHIPPED, Milestone.CARRIER_ACCEPTED, Milestone.IN_TRANSIT):
        answer("cainiao", NUMBER, milestone)
        ask_after(8)
    assert 2 == len(_asked(rows))

    ask_after(8)
    assert [(NUMBER, NUMBER, "cainiao")] == _asked(rows)
    assert ["never_known"] == [row["ended_why"] for row in rows(t.parcel, number=LOCAL)]
    assert ["registered"] == mailed(ANA)


def test_a_number_is_not_unknown_while_the_local_one_is_known(
    receive: Receive, answer: Answer, ask_after: Callable[[float], None], mailed: Mailed
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    for _ in range(2):
        ask_after(2)

    assert ["registered"] == mailed(ANA)


@pytest.mark.parametrize("days", [2, 5])
def test_the_last_day_at_the_local_carrier_s_pick_up_point_is_recalled(
    receive: Receive,
    answer: Answer,
    services: Services,
    clock: FakeClock,
    send_all: Callable[[], list[str]],
    mailed: Mailed,
    days: int,
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    last_day = clock.now().date() + timedelta(days=days + 2)
    point = PickupPoint("Tabac de la Gare", "1 place de la Gare", last_day)
    answer("laposte", LOCAL, Milestone.PICKUP_AVAILABLE, pickup=point)
    send_all()
    clock.advance(days=1)
    services.housekeeping().run()
    services.housekeeping().run()

    assert ["pickup_reminder"] * (days == 2) == [k for k in mailed(ANA) if k == "pickup_reminder"]


def test_a_parcel_that_was_followed_gets_its_local_number_by_a_later_mail(
    receive: Receive,
    answer: Answer,
    send_all: Callable[[], list[str]],
    mailed: Mailed,
    seen: Seen,
    rows: Rows,
) -> None:
    receive(typed(BRUNO, LOCAL))
    receive(by_shop(ANA, NUMBER))
    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY)
    answer("laposte", LOCAL, Milestone.OUT_FOR_DELIVERY)
    send_all()

    assert "updated" == receive(by_shop(ANA, NUMBER, LOCAL))["outcome"]
    assert ["registered", "out_for_delivery"] == mailed(ANA)
    assert Milestone.OUT_FOR_DELIVERY is seen(ANA).milestone


@pytest.mark.parametrize("delivered_by", ["cainiao", "laposte"])
def test_the_delivery_ends_both(
    receive: Receive,
    answer: Answer,
    pass_days: Callable[[float], int],
    rows: Rows,
    delivered_by: str,
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY)
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    answer(delivered_by, {"cainiao": NUMBER, "laposte": LOCAL}[delivered_by], Milestone.DELIVERED)
    pass_days(4)

    assert ["delivered", "delivered"] == [row["ended_why"] for row in rows(t.parcel)]
    assert [] == _asked(rows)


# --- one number, one subscription -----------------------------------------------------


@pytest.mark.parametrize("known_from", ["its shop's mail", "its carrier"])
def test_the_carrier_s_own_mail_belongs_to_the_parcel_that_is_followed(
    receive: Receive,
    answer: Answer,
    send_all: Callable[[], list[str]],
    mailed: Mailed,
    seen: Seen,
    rows: Rows,
    store: Store,
    known_from: str,
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL if known_from == "its shop's mail" else ""))
    if known_from != "its shop's mail":
        answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY, local=LOCAL)
    send_all()

    assert "updated" == receive(by_colissimo(ANA, LOCAL))["outcome"]
    assert Milestone.PICKUP_AVAILABLE is seen(ANA).milestone
    answer("laposte", LOCAL, Milestone.DELIVERED)
    assert 1 == mailed(ANA).count("delivered")
    assert 1 == len([leg for leg in rows(t.leg) if leg["number"] == LOCAL])


def test_so_does_that_of_a_local_carrier_whom_nobody_can_ask(
    receive: Receive, answer: Answer, seen: Seen, rows: Rows
) -> None:
    dpd = "250012345678901"
    receive(by_shop(ANA, NUMBER))
    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY, local=dpd)
    page = f"https://trace.dpd.fr/fr/trace/{dpd}"
    sent = forwarded(ANA, "noreply@dpd.fr", "Votre colis est en cours de livraison", page)

    assert "updated" == receive(sent)["outcome"]
    assert [NUMBER] == [row["number"] for row in rows(t.parcel)]
    assert ("DPD France", page) == (seen(ANA).carrier, seen(ANA).carrier_page)


def test_the_carrier_s_mail_may_come_before_the_shop_s(
    receive: Receive, answer: Answer, send_all: Callable[[], list[str]], mailed: Mailed, seen: Seen
) -> None:
    receive(by_colissimo(ANA, LOCAL))
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    send_all()
    receive(by_shop(ANA, NUMBER, LOCAL))
    send_all()
    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY)

    view = seen(ANA)
    assert (NUMBER, LOCAL, Milestone.LOCAL_TRANSIT) == (
        view.number,
        view.local_number,
        view.milestone,
    )
    answer("laposte", LOCAL, Milestone.DELIVERED)
    assert ["registered", "delivered"] == mailed(ANA)


def test_a_local_number_that_is_typed_above_its_forward_is_followed_once(
    receive: Receive, rows: Rows, seen: Seen
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL, note=f"Colissimo {LOCAL}"))

    assert (NUMBER, LOCAL) == (seen(ANA).number, seen(ANA).local_number)
    assert ["registered"] == [notice["kind"] for notice in rows(t.notice)]


def test_who_follows_both_by_themselves_is_told_of_each_once(
    receive: Receive, answer: Answer, send_all: Callable[[], list[str]], mailed: Mailed, rows: Rows
) -> None:
    receive(typed(ANA, NUMBER, LOCAL))
    receive(by_shop(ANA, NUMBER, LOCAL))
    send_all()
    answer("laposte", LOCAL, Milestone.DELIVERED)

    assert 1 == mailed(ANA).count("delivered")
    assert [None, None] == [mine["local_parcel_id"] for mine in rows(t.subscription)]


def test_what_the_parcel_s_own_carrier_confirms_is_told_once_and_asked_for_it_alone(
    receive: Receive,
    answer: Answer,
    send_all: Callable[[], list[str]],
    pass_days: Callable[[float], int],
    mailed: Mailed,
    seen: Seen,
    rows: Rows,
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    send_all()
    answer("cainiao", NUMBER, Milestone.ARRIVED_IN_COUNTRY, local=LOCAL)
    answer("laposte", LOCAL, Milestone.OUT_FOR_DELIVERY)
    pass_days(2)

    assert ["registered", "out_for_delivery"] == mailed(ANA)
    assert [(NUMBER, LOCAL, "laposte"), (NUMBER, NUMBER, "cainiao")] == _asked(rows)
    assert [Milestone.OUT_FOR_DELIVERY, Milestone.LOCAL_TRANSIT] == [
        event.milestone for event in seen(ANA).events if event.source == "laposte"
    ]


def test_a_stop_by_the_local_number_stops_the_parcel_and_a_forward_resumes_both(
    receive: Receive,
    pass_days: Callable[[float], int],
    rows: Rows,
    clock: FakeClock,
    services: Services,
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    receive(typed(ANA, f"STOP {LOCAL}"))
    (mine,) = rows(t.subscription)
    assert mine["muted_at"] is not None
    pass_days(2)
    assert ["nobody_follows"] * 2 == [row["ended_why"] for row in rows(t.parcel)]

    pages = PageService(services)
    link = services.links.link(Purpose.STOP_PARCEL, RowKey(mine["key"]))
    pages.resume(link.rpartition("/")[2])
    assert [(LOCAL, LOCAL, "laposte"), (NUMBER, NUMBER, "cainiao")] == _asked(rows)
    receive(typed(ANA, f"STOP {NUMBER}"))
    pass_days(2)
    assert [] == _asked(rows)
    receive(by_colissimo(ANA, LOCAL))
    assert [(LOCAL, LOCAL, "laposte"), (NUMBER, NUMBER, "cainiao")] == _asked(rows)


# --- one person's word ----------------------------------------------------------------


@pytest.fixture
def life(
    receive: Receive,
    answer: Answer,
    send_all: Callable[[], list[str]],
    mailed: Mailed,
    seen: Seen,
    store: Store,
    services: Services,
    rows: Rows,
) -> Callable[..., dict[str, Any]]:
    """Let Ana follow a parcel to its end while others' mails come; tell all that she got."""

    def make(*, before: tuple[bytes, ...] = (), after: tuple[bytes, ...] = ()) -> dict[str, Any]:
        for mail in before:
            receive(mail)
        receive(by_shop(ANA, NUMBER))
        for mail in after:
            receive(mail)
        steps = []
        for milestone in (
            Milestone.ARRIVED_IN_COUNTRY,
            Milestone.CUSTOMS_CLEARED,
            Milestone.OUT_FOR_DELIVERY,
        ):
            answer("laposte", LOCAL, Milestone.DELIVERED)
            answer("cainiao", NUMBER, milestone)
            send_all()
            (own,) = rows(t.parcel, number=NUMBER)
            with store.read() as connection:
                public = services.views.public(connection, own["id"], services.clock.now())
                asked = [leg.carrier for leg in parcels.legs_of(connection, own["id"])]
            assert public is not None
            view = seen(ANA)
            steps.append(
                (
                    own["milestone"],
                    own["ended_at"],
                    asked,
                    [leg["number"] for leg in rows(t.leg, parcel_id=own["id"])],
                    [e.milestone for e in public.events],
                    (public.local_number, public.milestone, public.carrier),
                    [e.milestone for e in view.events],
                    (view.local_number, view.milestone, view.carrier),
                )
            )
        return {"steps": steps, "mails": mailed(ANA)}

    return make


@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_a_forged_local_number_changes_nothing_for_who_follows_the_parcel(
    life: Callable[..., dict[str, Any]], seen: Seen, when: str
) -> None:
    told = life(**({} if when == "never" else {when: (by_shop(MALLORY, NUMBER, LOCAL),)}))

    assert ["registered", "customs_cleared", "out_for_delivery"] == told["mails"]
    for own, ended, asked, numbers, public, shown, events, mine in told["steps"]:
        assert (None, ["cainiao"], [NUMBER]) == (ended, asked, numbers)
        assert own == public[0] == events[0]
        assert Milestone.DELIVERED not in (*public, *events)
        assert (None, None) == (shown[0], mine[0])
    if when != "never":
        assert Milestone.DELIVERED is seen(MALLORY).milestone


@pytest.mark.parametrize("forged_first", [True, False])
def test_a_parcel_forged_around_somebody_s_number_changes_nothing_for_them(
    receive: Receive,
    answer: Answer,
    send_all: Callable[[], list[str]],
    pass_days: Callable[[float], int],
    mailed: Mailed,
    seen: Seen,
    rows: Rows,
    forged_first: bool,
) -> None:
    """Ana follows La Poste's number; the other parcel of the forged mail is delivered."""
    mails = [by_colissimo(ANA, LOCAL), by_shop(MALLORY, OTHER, LOCAL)]
    for mail in reversed(mails) if forged_first else mails:
        receive(mail)
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    send_all()
    answer("cainiao", OTHER, Milestone.DELIVERED)
    pass_days(2)
    assert (LOCAL, LOCAL, "laposte") in _asked(rows)

    answer("laposte", LOCAL, Milestone.OUT_FOR_DELIVERY)
    assert [LOCAL, None] == [seen(ANA).number, seen(ANA).local_number]
    assert {"mail", "laposte"} == {event.source for event in seen(ANA).events}
    assert [] == [kind for kind in mailed(ANA) if kind in ("delivered", "not_found")]


def test_a_mail_gives_a_parcel_one_local_number_whatever_later_ones_say(
    receive: Receive, rows: Rows
) -> None:
    """Else one parcel after the other could be asked about that no quota counts."""
    receive(by_shop(ANA, NUMBER, LOCAL))
    receive(by_shop(ANA, NUMBER, "6A12345678912"))

    assert [LOCAL] == [row["number"] for row in rows(t.leg) if row["carrier"] == "laposte"]


# --- what is kept ---------------------------------------------------------------------


def test_the_local_parcel_is_exported_with_its_own_and_erased_unless_others_follow_it(
    receive: Receive, answer: Answer, rows: Rows, store: Store, services: Services
) -> None:
    receive(by_shop(ANA, NUMBER, LOCAL))
    receive(by_shop(BRUNO, OTHER, LOCAL))
    answer("laposte", LOCAL, Milestone.LOCAL_TRANSIT)
    with store.read() as connection:
        told = personal_data.everything_about(
            connection, ANA, services.suppression, services.addresses.of
        )
    (parcel,) = told["parcels"]
    assert (NUMBER, LOCAL, ["laposte"]) == (
        parcel["number"],
        parcel["local_number"],
        [event["source"] for event in parcel["events"]],
    )

    for address, left in ((ANA, {OTHER, LOCAL}), (BRUNO, set())):
        with store.write() as connection:
            now = services.clock.now()
            personal_data.erase(connection, address, services.suppression, now)
        assert left == {row["number"] for row in rows(t.parcel)}

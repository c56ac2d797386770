"""Notices to mails: sent once, tried again, given up, or left out with a reason."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from mailtrack.clock import FakeClock
from mailtrack.domain.channels import ChannelKind, ChannelMode, EndReason
from mailtrack.domain.milestones import Milestone, mailed_by_default, mailed_on_request
from mailtrack.domain.model import NoticeId, RowKey, TrackingEvent
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.domain.sending_policy import SendingPolicy
from mailtrack.domain.tracking import Decision, Key
from mailtrack.errors import AuthError, MailtrackError, TransientError
from mailtrack.jobs.delivering import FRESH_S, RETRY_WAITS, Deliverer
from mailtrack.notify import french
from mailtrack.notify.mail import OutgoingMail, compose
from mailtrack.notify.smtp import FakeRelay, RefusedError
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import (
    channels,
    followers,
    invitations,
    notices,
    parcels,
    people,
    relays,
    subscriptions,
)
from mailtrack.store import schema as t
from mailtrack.store.channels import NewChannel
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Deliver = Callable[..., None]

LEASE_S = 120.0


@pytest.fixture
def owe(store: Store, clock: FakeClock) -> Callable[..., None]:
    """Owe the subscriber of a subscription a mail, from now on."""

    def make(mine: Subscription, kind: str = NoticeKind.REGISTERED, occurrence: str = "1") -> None:
        with store.write() as connection:
            notices.owe_follower(connection, mine.id, kind, occurrence=occurrence, now=clock.now())

    return make


@pytest.fixture
def claim(store: Store, services: Services, clock: FakeClock) -> Callable[[str], list[NoticeId]]:
    """Claim what is due and the relay may be given, as the dispatcher would."""

    def make(token: str) -> list[NoticeId]:
        now, until = clock.now(), clock.later(LEASE_S)
        with store.write() as connection:
            room = relays.room(
                connection, services.settings.smtp.place, 20, token=token, now=now, until=until
            )
            return notices.claim_notices(connection, token=token, now=now, until=until, limit=room)

    return make


@pytest.fixture
def deliver(
    deliverer: Deliverer, claim: Callable[[str], list[NoticeId]], clock: FakeClock
) -> Deliver:
    """Deliver what is due, as the dispatcher would; `script`: what each mail meets."""

    def make(*script: MailtrackError | None, sending_policy: SendingPolicy | None = None) -> None:
        token = f"token {clock.now()}"
        due = claim(token)
        with_script = (
            deliverer
            if sending_policy is None
            else replace(deliverer, sending_policy=sending_policy)
        )
        if script:
            relay = FakeRelay(script)
            with_script = replace(with_script, open_relay=lambda: nullcontext(relay))
        with_script.deliver(due, token)

    return make


def _states(rows: Rows) -> list[tuple[str, str | None]]:
    return [(row["state"], row["skip"]) for row in rows(t.notice)]


def _ids(mails: Iterable[Any]) -> list[str]:
    return [mail["Message-ID"] for mail in mails]


def test_a_notice_is_sent_once(
    follow: Follow, owe: Callable[..., None], deliver: Deliver, relay: FakeRelay, rows: Rows
) -> None:
    owe(follow())
    deliver()
    deliver()

    (mail,) = relay.sent
    assert "ana@example.org" == mail["To"]
    assert [("sent", None)] == _states(rows)


@pytest.mark.parametrize("takes_any_sender", [True, False])
def test_a_report_may_name_a_mail_only_where_it_left_without_an_address_of_its_own(
    follow: Follow,
    owe: Callable[..., None],
    claim: Callable[[str], list[NoticeId]],
    deliverer: Deliverer,
    rows: Rows,
    takes_any_sender: bool,
) -> None:
    """Who reads a mail knows its Message-ID; its return address is gone by then."""

    class Picky(FakeRelay):
        def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
            return super().send(mail, return_path if takes_any_sender else "")

    owe(follow())
    relay = Picky()
    replace(deliverer, open_relay=lambda: nullcontext(relay)).deliver(claim("token"), "token")

    (mail,) = relay.sent
    known_by = None if takes_any_sender else mail["Message-ID"]
    assert [known_by] == [row["message_id"] for row in rows(t.notice)]


def test_a_sent_notice_is_logged_with_the_id_of_the_mail_that_it_goes_back_to(
    store: Store,
    clock: FakeClock,
    owe: Callable[..., None],
    deliver: Deliver,
    logged: list[Mapping[str, Any]],
) -> None:
    with store.write() as connection:
        now = clock.now()
        owner = people.subscriber_of(connection, "ana@example.org", now)
        parcel_id = parcels.lock_named(connection, ["LP00123456789012"], now).named[
            "LP00123456789012"
        ]
        mine, _ = subscriptions.follow_parcel(
            connection, owner, parcel_id, [], [], now, "4fd1c2ab90e3"
        )
        (followed,) = subscriptions.read(connection, [mine])
    owe(followed)
    deliver()

    assert ["4fd1c2ab90e3"] == [e["trace"] for e in logged if e["event"] == "notice sent"]


def _invite(connection: Connection, address: str, clock: FakeClock) -> RowKey:
    """Let Bruno invite an address to all his parcels; return what the mail is about."""
    bruno = people.subscriber_of(connection, "bruno@example.org", clock.now())
    return invitations.add(connection, bruno, None, address, clock.now(), mailed=True).key


def _end_channel(connection: Connection, mine: Subscription, clock: FakeClock) -> RowKey:
    """Let a channel of somebody's have ended; return what the mail is about."""
    new = NewChannel(ChannelKind.WEBHOOK, ChannelMode.INSTEAD, b"sealed", "hooks.example.org/abc…")
    number, key = channels.add(connection, mine.subscriber, new, clock.now())
    channels.prove(connection, key, clock.now())
    channels.end(connection, number, EndReason.GONE, clock.now())
    return key


def test_every_kind_of_notice_can_be_written_from_the_store(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    mine = follow()
    with store.write() as connection:
        people.choose(
            connection, mine.subscriber, NoticePreferences(also_wanted=mailed_on_request())
        )
        told_of = {
            NoticeKind.INVITATION: _invite(connection, "ana@example.org", clock),
            NoticeKind.CHANNEL_ENDED: _end_channel(connection, mine, clock),
        }
    for kind in NoticeKind:
        owe(mine, kind, told_of.get(kind, "1"))
    (digest,) = rows(t.notice, kind=NoticeKind.DIGEST)
    with store.write() as connection:  # a digest of nothing is not sent
        told = t.notice.update().where(t.notice.c.kind == NoticeKind.CUSTOMS_CLEARED)
        connection.execute(told.values(digest_id=digest["id"]))
    deliver()
    deliver()
    clock.advance(hours=1)
    deliver()

    assert {"sent"} == {state for state, _ in _states(rows)}
    assert len(NoticeKind) == len(set(_ids(relay.sent)))


def test_a_message_that_comes_twice_sends_once(
    deliverer: Deliverer,
    claim: Callable[[str], list[NoticeId]],
    follow: Follow,
    owe: Callable[..., None],
    relay: FakeRelay,
) -> None:
    owe(follow())
    due = claim("token")
    for token in ("token", "token", "another token"):
        deliverer.deliver(due, token)

    assert 1 == len(relay.sent)


def test_a_relay_out_of_order_is_tried_again_after_ever_longer_waits_and_at_last_no_more(
    clock: FakeClock, follow: Follow, owe: Callable[..., None], deliver: Deliver, rows: Rows
) -> None:
    owe(follow())
    waits = []
    while rows(t.notice, state="due"):
        deliver(TransientError("greylisted"))
        (row,) = rows(t.notice)
        waits.append(row["next_attempt_at"] - clock.now())
        clock.instant = max(clock.now(), row["next_attempt_at"])

    assert list(RETRY_WAITS) == waits[:-1]
    assert timedelta(days=2) < sum(waits[:-1], timedelta()) < timedelta(days=5)
    assert ("failed", "given up: greylisted") == (row["state"], row["last_error"])
    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]


def test_a_refused_key_is_tried_for_as_long_as_it_takes(
    clock: FakeClock, follow: Follow, owe: Callable[..., None], deliver: Deliver, rows: Rows
) -> None:
    owe(follow())
    for _ in range(len(RETRY_WAITS) + 3):
        deliver(AuthError("wrong password"))
        clock.advance(days=2)

    assert [("due", None)] == _states(rows)
    assert [0] == [row["attempts"] for row in rows(t.notice)]


def test_a_refused_key_is_not_tried_anew_for_each_mail_of_a_batch(
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    for last in range(5):
        owe(follow(f"LP0012345678901{last}"))
    deliver(*[AuthError("wrong password"), None, None, None, None])
    assert [("due", None)] * 5 == _states(rows)

    clock.advance(hours=1)
    deliver()
    assert 1 == len(relay.sent)
    clock.advance(seconds=1)
    deliver()
    assert 5 == len(relay.sent)


def test_an_address_that_refuses_our_mail_for_good_gets_no_more(
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    mine = follow()
    owe(mine)
    deliver(RefusedError(550))
    assert [("failed", None)] == _states(rows)
    assert [clock.now()] == [person["bounced_at"] for person in rows(t.subscriber)]

    owe(mine, NoticeKind.STALLED)
    deliver()
    assert [("failed", None), ("skipped", "bounced")] == _states(rows)
    assert [] == relay.sent


def test_of_many_mails_to_an_address_that_is_dead_one_is_tried(
    follow: Follow, owe: Callable[..., None], deliver: Deliver, rows: Rows
) -> None:
    for last in range(3):
        owe(follow(f"LP0012345678901{last}"))
    deliver(RefusedError(550), RefusedError(550), RefusedError(550))

    skipped = ("skipped", "bounced")
    assert [("failed", None), skipped, skipped] == _states(rows)


def test_who_leaves_while_the_relay_is_slow_gets_no_more(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    claim: Callable[[str], list[NoticeId]],
    deliverer: Deliverer,
    rows: Rows,
) -> None:
    mine = [follow(f"LP0012345678901{last}") for last in range(2)]
    for one in mine:
        owe(one)

    class SlowRelay(FakeRelay):
        def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
            clock.advance(seconds=FRESH_S + 1)
            with store.write() as connection:
                people.unsubscribe(connection, mine[0].subscriber, clock.now())
            return super().send(mail, return_path)

    slow = SlowRelay()
    replace(deliverer, open_relay=lambda: nullcontext(slow)).deliver(claim("token"), "token")

    assert 1 == len(slow.sent)
    assert [("sent", None), ("skipped", "unsubscribed")] == _states(rows)


def test_what_a_mail_says_may_be_refused_without_its_reader_being_silenced(
    follow: Follow, owe: Callable[..., None], deliver: Deliver, rows: Rows
) -> None:
    """A spam filter that dislikes one mail would otherwise cost us every subscriber."""
    owe(follow())
    deliver(RefusedError(554, address=False))

    assert [("failed", None)] == _states(rows)
    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]


def test_every_mail_leaves_with_an_address_that_brings_its_own_report_back(
    services: Services,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    for address in ("ana@example.org", "bruno@example.org"):
        owe(follow(address=address))
    deliver()

    assert services.bounces is not None
    keys = {row["id"]: row["key"] for row in rows(t.subscriber)}
    expected = [
        services.bounces.of(NoticeId(row["id"]), keys[row["subscriber_id"]])
        for row in rows(t.notice)
    ]
    assert expected == relay.return_paths


@pytest.mark.parametrize("broken", ["an impossible address", "a broken template"])
def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    address = "nobody@@" if broken == "an impossible address" else "nobody@example.org"
    owe(follow(address=address))
    owe(follow(address="bruno@example.org"))
    if broken == "a broken template":
        _break_for(monkeypatch, address)
    deliver()

    assert ["bruno@example.org"] == [mail["To"] for mail in relay.sent]
    first, _ = rows(t.notice)
    gone = ("failed", None) if broken == "an impossible address" else ("due", None)
    assert gone == (first["state"], first["claim"])
    assert "" != first["last_error"]
    silenced = [person["address"] for person in rows(t.subscriber) if person["bounced_at"]]
    assert silenced == ([address] if broken == "an impossible address" else [])


def _break_for(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def broken(view: Any, *rest: Any) -> Any:
        if view.to == address:
            raise KeyError("no such field")
        return compose(view, *rest)

    monkeypatch.setattr("mailtrack.jobs.delivering.compose", broken)


@pytest.mark.parametrize(("leave", "why"), [("mute", "muted"), ("unsubscribe", "unsubscribed")])
def test_who_left_while_a_mail_was_due_does_not_get_it(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
    leave: str,
    why: str,
) -> None:
    mine = follow()
    owe(mine)
    with store.write() as connection:
        if leave == "mute":
            subscriptions.mute(connection, mine.id, clock.now())
        else:
            people.unsubscribe(connection, mine.subscriber, clock.now())
    deliver()

    assert [] == relay.sent
    assert [("skipped", why)] == _states(rows)


def test_a_crash_between_sending_and_noting_it_repeats_the_mail_under_the_same_message_id(
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SMTP cannot be taken back; mail programs show two mails of one Message-ID as one."""
    owe(follow())
    with monkeypatch.context() as broken:
        broken.setattr("mailtrack.store.notices.mark_sent", _crash)
        with pytest.raises(SystemExit):
            deliver()
    clock.advance(seconds=LEASE_S - 1)
    deliver()
    assert 1 == len(relay.sent)

    clock.advance(seconds=1)
    deliver()
    assert 2 == len(relay.sent)
    assert 1 == len(set(_ids(relay.sent)))
    assert [("sent", None)] == _states(rows)


def _crash(*_: object) -> None:
    raise SystemExit


def test_a_mail_under_way_is_not_handed_out_again_however_slow_those_before_it_were(
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    claim: Callable[[str], list[NoticeId]],
    deliverer: Deliverer,
) -> None:
    """A batch may last longer than the claim that all its mails began with."""
    for address in ("ana@example.org", "bob@example.org", "zoe@example.org"):
        owe(follow(address=address))
    taken_meanwhile: list[NoticeId] = []

    class SlowRelay(FakeRelay):
        def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
            clock.advance(seconds=0.6 * LEASE_S)
            taken_meanwhile.extend(claim(f"token {clock.now():%H%M%S}"))
            return super().send(mail, return_path)

    slow = SlowRelay()
    batch = claim("token")
    replace(deliverer, open_relay=lambda: nullcontext(slow)).deliver(batch, "token")

    assert batch[2:] == taken_meanwhile
    assert ["ana@example.org", "bob@example.org"] == [mail["To"] for mail in slow.sent]


def test_a_mail_is_written_from_what_is_known_when_it_is_sent(
    follow: Follow, owe: Callable[..., None], deliver: Deliver, relay: FakeRelay
) -> None:
    owe(follow())
    deliver()

    text = relay.sent[0].get_body(("plain",))
    assert text is not None
    assert "LP00123456789012" in text.get_content()
    assert "Lampe de bureau" in relay.sent[0]["Subject"] + text.get_content()


# --- sending policy ------------------------------------------------------------------------


@pytest.fixture
def answer(store: Store, clock: FakeClock) -> Callable[..., None]:
    """Owe somebody "suivi enregistré"; `prompt`: they forwarded by hand."""

    def make(mine: Subscription, *, prompt: bool) -> None:
        with store.write() as connection:
            notices.owe(
                connection,
                mine.subscriber,
                NoticeKind.REGISTERED,
                at=clock.now(),
                now=clock.now(),
                subscription_id=mine.id,
                prompt=prompt,
            )

    return make


@pytest.fixture
def tell(store: Store, clock: FakeClock) -> Callable[..., None]:
    """Owe the subscriber of a subscription news of their parcel."""

    def make(mine: Subscription, milestone: Milestone) -> None:
        event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
        assert mine.parcel is not None
        with store.write() as connection:
            parcels.add_events_of_each(connection, {mine.parcel: [event]}, clock.now())
            decision = Decision(mine.id, Key(milestone, "1"), event, None)
            notices.record(connection, [decision], clock.now())

    return make


def test_the_night_is_quiet_but_for_what_is_urgent(
    clock: FakeClock,
    follow: Follow,
    tell: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    clock.instant = clock.now().replace(hour=23)  # midnight in France
    mine = follow()
    tell(mine, Milestone.CUSTOMS_CLEARED)
    tell(mine, Milestone.OUT_FOR_DELIVERY)
    deliver(sending_policy=SendingPolicy())
    assert 1 == len(relay.sent)

    (waiting,) = rows(t.notice, state="due")
    seven_in_france = clock.now() + timedelta(hours=7)
    assert ("customs_cleared", seven_in_france, 0) == (
        waiting["kind"],
        waiting["next_attempt_at"],
        waiting["attempts"],
    )
    clock.instant = seven_in_france
    deliver(sending_policy=SendingPolicy())
    assert 2 == len(relay.sent)


@pytest.mark.parametrize(("days", "state"), [(0, ("sent", None)), (-1, ("skipped", "too_late"))])
def test_nobody_is_reminded_of_a_last_day_that_is_past(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    rows: Rows,
    days: int,
    state: tuple[str, str | None],
) -> None:
    owe(follow(), NoticeKind.PICKUP_REMINDER)
    last_day = clock.now().date() + timedelta(days=days)
    with store.write() as connection:
        connection.execute(
            t.parcel.update().values(pickup_name="Tabac des Lilas", pickup_last_day=last_day)
        )
    deliver()

    assert [state] == _states(rows)


@pytest.mark.parametrize("sent_at_once", [True, False])
def test_what_waited_for_the_morning_is_not_told_after_what_followed_it(
    clock: FakeClock,
    follow: Follow,
    tell: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
    sent_at_once: bool,
) -> None:
    clock.instant = clock.now().replace(hour=23)  # midnight in France
    mine = follow()
    tell(mine, Milestone.ARRIVED_IN_COUNTRY)
    deliver(sending_policy=SendingPolicy())
    clock.advance(hours=5)
    tell(mine, Milestone.OUT_FOR_DELIVERY if sent_at_once else Milestone.CUSTOMS_CLEARED)
    for _ in range(2):
        deliver(sending_policy=SendingPolicy())
        clock.advance(hours=2)

    assert 1 == len(relay.sent)
    assert [("skipped", "superseded"), ("sent", None)] == _states(rows)


def test_news_beyond_a_day_s_measure_comes_in_one_mail_on_the_next_morning(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    tell: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    polite = SendingPolicy(per_day=2)
    mine = [follow(f"LP0012345678901{last}") for last in range(4)]
    for one in mine:
        tell(one, Milestone.CUSTOMS_CLEARED)
    deliver(sending_policy=polite)
    assert 2 == len(relay.sent)

    clock.advance(days=1)
    deliver(sending_policy=polite)
    text = relay.sent[-1].get_body(("plain",))
    assert text is not None
    for number in ("LP00123456789012", "LP00123456789013"):
        assert number in text.get_content()
    clock.advance(days=1)
    deliver(sending_policy=polite)
    assert 3 == len(relay.sent)
    with store.read() as connection:
        assert mine[3].parcel is not None
        (reader,) = followers.of_parcels(connection, [mine[3].parcel], mailed_by_default())[
            mine[3].parcel
        ]
    assert {Milestone.CUSTOMS_CLEARED} == reader.told.keys()


def test_a_digest_leaves_out_what_its_reader_has_stopped_since(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    tell: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
) -> None:
    mine = [follow(f"LP0012345678901{last}") for last in range(3)]
    for one in mine:
        tell(one, Milestone.CUSTOMS_CLEARED)
    deliver(sending_policy=SendingPolicy(per_day=1))
    with store.write() as connection:
        subscriptions.mute(connection, mine[1].id, clock.now())

    clock.advance(days=1)
    deliver(sending_policy=SendingPolicy(per_day=1))
    text = relay.sent[-1].get_body(("plain",))
    assert text is not None
    assert "LP00123456789012" in text.get_content()
    assert "LP00123456789011" not in text.get_content()


@pytest.mark.parametrize("how", ["mute", "choose"])
def test_a_digest_of_nothing_is_not_sent(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    tell: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    rows: Rows,
    how: str,
) -> None:
    mine = [follow(f"LP0012345678901{last}") for last in range(2)]
    for one in mine:
        tell(one, Milestone.CUSTOMS_CLEARED)
    deliver(sending_policy=SendingPolicy(per_day=1))
    with store.write() as connection:
        if how == "mute":
            subscriptions.mute(connection, mine[1].id, clock.now())
        else:
            people.choose(
                connection,
                mine[0].subscriber,
                NoticePreferences(frozenset({Milestone.CUSTOMS_CLEARED})),
            )

    clock.advance(days=1)
    deliver(sending_policy=SendingPolicy(per_day=1))
    assert 1 == len(relay.sent)
    assert [("skipped", "nothing_left")] == [
        (row["state"], row["skip"]) for row in rows(t.notice, kind=NoticeKind.DIGEST)
    ]


def test_what_answers_a_forward_is_never_held_back(
    clock: FakeClock,
    follow: Follow,
    answer: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
) -> None:
    """Its sender is awake, and waits to hear that all is well."""
    clock.instant = clock.now().replace(hour=23)  # midnight in France
    for last in range(5):
        answer(follow(f"LP0012345678901{last}"), prompt=True)
    deliver(sending_policy=SendingPolicy(per_day=2))

    assert 5 == len(relay.sent)


def test_what_a_rule_forwards_by_night_is_told_in_the_morning(
    clock: FakeClock,
    follow: Follow,
    answer: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
) -> None:
    clock.instant = clock.now().replace(hour=23)
    answer(follow(), prompt=False)
    deliver(sending_policy=SendingPolicy())
    assert [] == relay.sent

    clock.advance(hours=7)
    deliver(sending_policy=SendingPolicy())
    assert 1 == len(relay.sent)


@pytest.mark.parametrize(
    "kind",
    [
        NoticeKind.REGISTERED,
        NoticeKind.ORDER_REGISTERED,
        NoticeKind.NOT_FOUND,
        NoticeKind.STALLED,
        NoticeKind.EXPIRED,
        NoticeKind.PROTECTION_ENDING,
    ],
)
def test_a_day_has_only_so_many_mails_whatever_they_tell(
    clock: FakeClock,
    follow: Follow,
    owe: Callable[..., None],
    deliver: Deliver,
    relay: FakeRelay,
    kind: NoticeKind,
) -> None:
    for last in range(5):
        owe(follow(f"LP0012345678901{last}"), kind)
    deliver(sending_policy=SendingPolicy(per_day=2))
    assert 2 == len(relay.sent)

    clock.advance(days=1)
    deliver(sending_policy=SendingPolicy(per_day=2))
    text = relay.sent[-1].get_body(("plain",))
    assert text is not None
    assert 3 == len(relay.sent)
    assert 3 == text.get_content().count(french.news(kind))


def test_two_batches_to_one_reader_make_no_more_mails_than_one(
    follow: Follow,
    owe: Callable[..., None],
    claim: Callable[[str], list[NoticeId]],
    deliverer: Deliverer,
    relay: FakeRelay,
) -> None:
    """Whichever worker is first, and both at once."""
    for last in range(8):
        owe(follow(f"LP0012345678901{last}"), NoticeKind.STALLED)
    due = claim("token")
    polite = replace(
        deliverer, sending_policy=SendingPolicy(quiet_from=0, quiet_until=0, per_day=3)
    )
    polite.deliver(due[4:], "token")
    polite.deliver(due[:4], "token")

    assert 3 == len(relay.sent)

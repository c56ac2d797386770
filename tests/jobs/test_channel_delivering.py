"""Notices on channels: each once, beside mail or in its place, and by mail again where they end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailtrack.channels.message import ChannelGoneError, ChannelMessage
from mailtrack.clock import FakeClock
from mailtrack.domain import tracking
from mailtrack.domain.channels import PROOF_ATTEMPTS, ChannelKind, ChannelMode
from mailtrack.domain.milestones import Milestone, mailed_by_default
from mailtrack.domain.model import ChannelId, TrackingEvent
from mailtrack.domain.sending_policy import SendingPolicy
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.jobs.channel_delivering import ChannelDeliverer
from mailtrack.jobs.delivering import Deliverer
from mailtrack.notify.render import PROOF_TEXT, Renderer, templates_dir
from mailtrack.notify.smtp import FakeRelay
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import channel_notices, channels, followers, notices, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.channels import ChannelAddress, NewChannel
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
URL = "https://hooks.example.org/abcdef"


@dataclass
class FakeSender:
    """A channel of others: keeps what it takes; `script`: what each message meets first."""

    script: list[MailtrackError | None] = field(default_factory=list)
    always: MailtrackError | None = None
    took: list[ChannelMessage] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def send(self, address: str, secret: str, message: ChannelMessage) -> None:
        error = self.script.pop(0) if self.script else self.always
        if error is not None:
            raise error
        self.took.append(message)
        self.addresses.append(address)


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def channel_deliverer(services: Services, sender: FakeSender) -> ChannelDeliverer:
    return replace(
        services.channel_deliverer(Renderer(templates_dir())),
        senders={ChannelKind.WEBHOOK: sender},
        sending_policy=SendingPolicy(quiet_from=0, quiet_until=0, per_day=1_000),
    )


@pytest.fixture
def mine(follow: Follow) -> Subscription:
    return follow()


@pytest.fixture
def add(
    store: Store, services: Services, mine: Subscription, clock: FakeClock
) -> Callable[..., ChannelId]:
    """Let Ana have a channel; a proven one by default."""

    def make(mode: ChannelMode = ChannelMode.BESIDE, *, proven: bool = True) -> ChannelId:
        sealed = services.channel_seal.close(ChannelAddress(URL, "whsec_AAAA"))
        new = NewChannel(ChannelKind.WEBHOOK, mode, sealed, "hooks.example.org/abc…")
        with store.write() as connection:
            number, key = channels.add(connection, mine.subscriber, new, clock.now())
            if proven:
                channels.prove(connection, key, clock.now())
            else:
                channel_notices.owe_proof(connection, number, new.kind, clock.now())
        return number

    return make


@pytest.fixture
def happen(
    store: Store, mine: Subscription, scan: Callable[..., TrackingEvent], clock: FakeClock
) -> Callable[..., None]:
    """Let something happen to Ana's parcel, as the poller would note it."""

    def make(milestone: Milestone, hours_ago: float = 0.1) -> None:
        event = scan(milestone, hours_ago)
        with store.write() as connection:
            found = followers.of_subscription(connection, mine.id, mailed_by_default())
            change = tracking.apply([], [event], found)
            notices.record(connection, change.decisions, clock.now())

    return make


@pytest.fixture
def bring(
    store: Store, channel_deliverer: ChannelDeliverer, clock: FakeClock
) -> Callable[..., None]:
    """Bring what is due to the channels, as the dispatcher would."""

    def make(sending_policy: SendingPolicy | None = None) -> None:
        token = f"token {clock.now()}"
        with store.write() as connection:
            batches = channel_notices.claim(
                connection, token=token, now=clock.now(), until=clock.later(90), limit=100, each=5
            )
        used = channel_deliverer
        if sending_policy is not None:
            used = replace(used, sending_policy=sending_policy)
        for batch in batches:
            used.deliver(batch, token)

    return make


@pytest.fixture
def mail_out(store: Store, deliverer: Deliverer, clock: FakeClock) -> Callable[[], None]:
    """Send the mails that are due, as the dispatcher would."""

    def make() -> None:
        token = f"mail {clock.now()}"
        with store.write() as connection:
            due = notices.claim_notices(
                connection, token=token, now=clock.now(), until=clock.later(120), limit=100
            )
        deliverer.deliver(due, token)

    return make


def test_a_milestone_goes_to_the_channel_and_by_mail_once_each(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    mail_out: Callable[[], None],
    sender: FakeSender,
    relay: FakeRelay,
) -> None:
    add()
    happen(Milestone.OUT_FOR_DELIVERY)
    happen(Milestone.OUT_FOR_DELIVERY)
    for _ in range(2):
        bring()
        mail_out()

    (message,) = sender.took
    (mail,) = relay.sent
    assert message.title == " ".join(str(mail["Subject"]).split())
    assert message.text
    assert "/c/" in message.url
    assert [URL] == sender.addresses


def test_nothing_goes_to_a_channel_that_no_click_has_proven_but_the_question(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
) -> None:
    add(proven=False)
    happen(Milestone.OUT_FOR_DELIVERY)
    bring()

    (message,) = sender.took
    assert PROOF_TEXT.title == message.title
    assert "/n/" in message.url


def test_who_does_not_take_the_question_is_not_asked_for_days(
    add: Callable[..., ChannelId],
    bring: Callable[..., None],
    sender: FakeSender,
    clock: FakeClock,
    rows: Rows,
) -> None:
    """It may be somebody's who has never heard of us."""
    sender.script = [TransientError("405") for _ in range(10)]
    add(proven=False)
    for _ in range(10):
        bring()
        clock.advance(hours=5)

    assert PROOF_ATTEMPTS == 10 - len(sender.script)
    assert ["failing"] == [row["ended_why"] for row in rows(t.channel)]
    assert [] == rows(t.notice, kind="channel_ended")


def test_in_the_place_of_mail_no_mail_goes_out(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    mail_out: Callable[[], None],
    sender: FakeSender,
    relay: FakeRelay,
    rows: Rows,
) -> None:
    add(ChannelMode.INSTEAD)
    happen(Milestone.OUT_FOR_DELIVERY)
    mail_out()
    bring()

    assert 1 == len(sender.took)
    assert [] == relay.sent
    assert [("skipped", "elsewhere")] == [(n["state"], n["skip"]) for n in rows(t.notice)]


def test_what_was_told_elsewhere_is_old_news_and_makes_older_ones_old(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    mail_out: Callable[[], None],
    sender: FakeSender,
) -> None:
    add(ChannelMode.INSTEAD)
    happen(Milestone.CUSTOMS_CLEARED, hours_ago=1)
    mail_out()
    bring()
    happen(Milestone.ARRIVED_IN_COUNTRY, hours_ago=48)
    bring()

    assert 1 == len(sender.took)


def test_a_double_is_known_by_its_id(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
    store: Store,
    clock: FakeClock,
) -> None:
    """A crash between the sending and its note: the same is sent again, under the same id."""
    add()
    happen(Milestone.OUT_FOR_DELIVERY)
    bring()
    with store.write() as connection:
        connection.execute(t.channel_notice.update().values(state="due", sent_at=None))
    clock.advance(minutes=5)
    bring()

    first, again = sender.took
    assert first.id == again.id


def test_each_channel_and_each_notice_has_an_id_of_its_own(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
) -> None:
    add()
    add()
    happen(Milestone.CUSTOMS_CLEARED)
    happen(Milestone.OUT_FOR_DELIVERY)
    bring()

    assert 4 == len(sender.took) == len({message.id for message in sender.took})


def test_a_channel_is_spoken_to_by_one_worker_at_a_time(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    store: Store,
    clock: FakeClock,
) -> None:
    """Its failures, and the limit of its day, count for the next messages."""
    add()
    for milestone in (Milestone.CUSTOMS_CLEARED, Milestone.OUT_FOR_DELIVERY, Milestone.DELIVERED):
        happen(milestone)

    def claim(token: str) -> list[int]:
        with store.write() as connection:
            batches = channel_notices.claim(
                connection, token=token, now=clock.now(), until=clock.later(90), limit=100, each=2
            )
        return [len(batch) for batch in batches]

    assert [2] == claim("first")
    assert [] == claim("second")
    clock.advance(seconds=91)
    assert [2] == claim("after the first was killed")


def test_a_channel_that_fails_rests_and_is_tried_again(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
    clock: FakeClock,
    rows: Rows,
) -> None:
    add()
    happen(Milestone.CUSTOMS_CLEARED)
    happen(Milestone.OUT_FOR_DELIVERY)
    sender.script = [TransientError("The channel answered 500.")]
    bring()
    assert [] == sender.took
    clock.advance(seconds=30)
    bring()
    assert [] == sender.took
    clock.advance(minutes=2)
    bring()

    assert 2 == len(sender.took)
    (channel,) = rows(t.channel)
    assert (0, None, "") == (channel["failures"], channel["failing_since"], channel["last_error"])


def test_a_channel_that_is_gone_is_ended_and_its_person_told_once_by_mail(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    mail_out: Callable[[], None],
    sender: FakeSender,
    relay: FakeRelay,
    clock: FakeClock,
    rows: Rows,
) -> None:
    add()
    happen(Milestone.CUSTOMS_CLEARED)
    happen(Milestone.OUT_FOR_DELIVERY)
    sender.always = ChannelGoneError("The channel answered 410.")
    bring()
    clock.advance(hours=5)
    bring()
    mail_out()

    assert "gone" == rows(t.channel)[0]["ended_why"]
    told = [mail for mail in relay.sent if "vers hooks.example.org/abc…" in str(mail["Subject"])]
    assert 1 == len(told)
    happen(Milestone.DELIVERED, hours_ago=0)
    assert {"skipped"} == {row["state"] for row in rows(t.channel_notice)}


def test_what_a_dead_channel_did_not_take_goes_by_mail_after_all(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    mail_out: Callable[[], None],
    sender: FakeSender,
    relay: FakeRelay,
    clock: FakeClock,
) -> None:
    add(ChannelMode.INSTEAD)
    happen(Milestone.PICKUP_AVAILABLE)
    mail_out()
    assert [] == relay.sent
    sender.always = TransientError("hooks.example.org does not answer.")
    for _ in range(40):
        bring()
        clock.advance(hours=3)
    mail_out()

    assert [] == sender.took
    subjects = [str(mail["Subject"]) for mail in relay.sent]
    assert 2 == len(subjects)
    assert any("reviennent par mail" in subject for subject in subjects)


def test_a_message_that_always_fails_keeps_up_no_other(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
    clock: FakeClock,
) -> None:
    add()
    happen(Milestone.CUSTOMS_CLEARED)
    sender.script = [TransientError("The channel answered 500.")]
    bring()
    happen(Milestone.OUT_FOR_DELIVERY)
    sender.script = [None, TransientError("The channel answered 500.")]
    clock.advance(minutes=2)
    bring()

    assert [NoticeKind.OUT_FOR_DELIVERY] == [m.about and m.about.kind for m in sender.took]


def test_nights_are_quiet_and_a_day_has_only_so_many(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
    clock: FakeClock,
) -> None:
    add()
    clock.advance(hours=14)  # 23 h in France
    happen(Milestone.CUSTOMS_CLEARED)
    bring(SendingPolicy())
    assert [] == sender.took
    happen(Milestone.OUT_FOR_DELIVERY)
    bring(SendingPolicy())
    assert 1 == len(sender.took)


def test_who_stopped_the_parcel_hears_of_it_nowhere(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    sender: FakeSender,
    store: Store,
    mine: Subscription,
    clock: FakeClock,
    rows: Rows,
) -> None:
    add()
    happen(Milestone.OUT_FOR_DELIVERY)
    with store.write() as connection:
        subscriptions.mute(connection, mine.id, clock.now())
    bring()

    assert [] == sender.took
    assert ["muted"] == [row["skip"] for row in rows(t.channel_notice)]


def test_a_kind_that_is_switched_off_ends_and_mails_come_again(
    services: Services,
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    mail_out: Callable[[], None],
    relay: FakeRelay,
    rows: Rows,
) -> None:
    add(ChannelMode.INSTEAD)
    happen(Milestone.OUT_FOR_DELIVERY)
    mail_out()
    services.housekeeping().run()
    mail_out()

    assert "switched_off" == rows(t.channel)[0]["ended_why"]
    assert 2 == len(relay.sent)


def test_an_answer_to_a_mail_goes_by_mail_alone(
    add: Callable[..., ChannelId],
    store: Store,
    mine: Subscription,
    clock: FakeClock,
    rows: Rows,
) -> None:
    add(ChannelMode.INSTEAD)
    with store.write() as connection:
        notices.owe_follower(
            connection, mine.id, NoticeKind.REGISTERED, occurrence="1", now=clock.now()
        )

    assert [] == rows(t.channel_notice)


def test_no_address_is_in_the_store_as_it_is_nor_in_a_log(
    add: Callable[..., ChannelId],
    happen: Callable[..., None],
    bring: Callable[..., None],
    rows: Rows,
    logged: Sequence[Mapping[str, Any]],
) -> None:
    add()
    happen(Milestone.OUT_FOR_DELIVERY)
    bring()

    assert "abcdef" not in repr(rows(t.channel)) + repr(logged)

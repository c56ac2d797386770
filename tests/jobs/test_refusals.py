"""A relay that refuses us: nothing is counted against a mail or a person, and all arrives."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.relay import LONGEST_PAUSE, MOST_DOUBTS
from mailtrack.domain.sending_policy import SendingPolicy
from mailtrack.domain.tracking import Decision, Key
from mailtrack.jobs.delivering import Deliverer
from mailtrack.notify.smtp import SmtpRelay
from mailtrack.runtime.services import Services
from mailtrack.settings import SmtpSettings
from mailtrack.store import notices, parcels
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from tests.jobs.scripted import AUTHORITY, ScriptedRelay, serving

Rows = Callable[..., list[Mapping[str, Any]]]
Work = Callable[..., None]
Tell = Callable[..., Subscription]

PEOPLE = 10
GMAILS_DAY = (
    "550-5.4.5 Daily user sending limit exceeded. For more information on\r\n550 5.4.5 Gmail"
)


@dataclass
class Tray:
    """An outlet that keeps what it is given."""

    sent: list[tuple[Any, ...]] = field(default_factory=list)

    def room(self, queue: str) -> int:
        return 100

    def send(self, queue: str, actor: str, *args: object) -> None:
        self.sent.append(args)


@pytest.fixture
def server() -> Iterator[ScriptedRelay]:
    with serving() as server:
        yield server


@pytest.fixture
def deliverer(services: Services, server: ScriptedRelay, tmp_path: Any) -> Deliverer:
    """What sends mails through that relay, at any hour."""
    ca_file = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca_file))

    def open_relay() -> SmtpRelay:
        login = {"user": "colis", "password": "sesame", "ca_file": ca_file, "timeout_s": 30.0}
        return SmtpRelay("127.0.0.1", server.port, "starttls", **login)

    all_day = SendingPolicy(quiet_from=0, quiet_until=0, per_day=1_000)
    return replace(services.deliverer(), open_relay=open_relay, sending_policy=all_day)


@pytest.fixture
def work(services: Services, deliverer: Deliverer) -> Work:
    """Let the dispatcher tick, and workers send what it hands out."""
    tray = Tray()
    dispatcher = replace(services.dispatcher(tray), carriers={})

    def make(times: int = 1, only: Deliverer | None = None) -> None:
        for _ in range(times):
            dispatcher.tick()
            while tray.sent:
                batch, token = tray.sent.pop(0)
                (only or deliverer).deliver(batch, token)

    return make


@pytest.fixture
def tell(store: Store, clock: FakeClock, follow: Callable[..., Subscription]) -> Tell:
    """Owe somebody news of a parcel of their own."""

    def make(number: int, milestone: Milestone = Milestone.CUSTOMS_CLEARED) -> Subscription:
        mine = follow(f"LP001234567{number:05}", f"reader{number}@example.org")
        event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
        assert mine.parcel is not None
        with store.write() as connection:
            parcels.add_events_of_each(connection, {mine.parcel: [event]}, clock.now())
            notices.record(
                connection, [Decision(mine.id, Key(milestone, "1"), event, None)], clock.now()
            )
        return mine

    return make


@pytest.fixture
def ten(tell: Tell) -> None:
    for number in range(PEOPLE):
        tell(number)


def _states(rows: Rows) -> Counter[tuple[str, int]]:
    return Counter((row["state"], row["attempts"]) for row in rows(t.notice))


def _marked(rows: Rows) -> list[Any]:
    return [row for row in rows(t.subscriber) if row["bounced_at"] or row["soft_bounces"]]


ANSWERS = [
    *[(stage, GMAILS_DAY) for stage in ("connect", "ehlo", "auth", "mail", "rcpt", "data", "end")],
    *[(stage, "421 4.7.0 Try again later, closing connection.") for stage in ("connect", "ehlo")],
    *[(stage, "421 4.3.2 Service shutting down") for stage in ("auth", "mail", "rcpt", "end")],
    *[(stage, "") for stage in ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "end")],
    ("starttls", "454 4.7.0 TLS not available due to local problem"),
    ("auth", "454 4.7.0 Too many login attempts, please try again later."),
    ("auth", "535 5.7.8 Username and Password not accepted."),
    ("mail", "552 5.2.2 Over quota"),
    ("mail", "553 5.7.1 Sender address rejected: not owned by user colis"),
    ("rcpt", "554 5.7.1 <reader@example.org>: Relay access denied"),
    ("rcpt", "450 4.2.1 Peak SMTP relay limit exceeded for customer."),
    ("end", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"),
    ("end", "550 5.7.26 Unauthenticated email is not accepted due to DMARC policy"),
    ("end", "550 5.7.1 Service refuse. Veuillez essayer plus tard. LPN007_510"),
]


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize(
    ("stage", "answer"), ANSWERS, ids=[f"{stage}: {said[:20]}" for stage, said in ANSWERS]
)
def test_a_refusal_of_us_at_any_stage_costs_nobody_anything_and_all_is_sent_in_the_end(
    server: ScriptedRelay, work: Work, clock: FakeClock, rows: Rows, stage: str, answer: str
) -> None:
    server.answers[stage] = answer
    for _ in range(8):
        work()
        clock.advance(hours=12)
    assert {("due", 0): PEOPLE} == _states(rows)
    assert [] == server.taken

    server.answers.clear()
    clock.advance(seconds=LONGEST_PAUSE.total_seconds())
    work(times=3)
    assert {"sent": PEOPLE} == Counter(row["state"] for row in rows(t.notice))
    assert PEOPLE == len(set(server.taken)) == len(server.taken)
    assert [] == _marked(rows)


@pytest.mark.usefixtures("ten")
def test_a_relay_that_has_a_limit_is_left_alone_and_then_tried_with_one_mail(
    server: ScriptedRelay, work: Work, clock: FakeClock
) -> None:
    server.answers["mail"] = GMAILS_DAY
    tried = []
    for _ in range(6 * 60):
        work()
        tried.append(server.connections)
        clock.advance(minutes=1)

    # At once, then after 15, 30, 60 and 120 minutes, each with one connection.
    assert [0, 15, 45, 105, 225, 345] == [
        minute for minute in range(6 * 60) if tried[minute] > (tried[minute - 1] if minute else 0)
    ]
    assert 6 == server.connections


def test_urgent_news_are_the_first_to_go_when_a_relay_takes_mails_again(
    server: ScriptedRelay, work: Work, tell: Tell, clock: FakeClock, rows: Rows
) -> None:
    for number in range(PEOPLE):
        tell(number)
    tell(PEOPLE, Milestone.PICKUP_AVAILABLE)
    server.answers["mail"] = GMAILS_DAY
    work()
    clock.advance(minutes=20)
    server.answers.clear()
    work()

    assert ["pickup_available"] == [row["kind"] for row in rows(t.notice, state="sent")]
    work()
    assert PEOPLE + 1 == len(server.taken)


@pytest.mark.usefixtures("ten")
def test_one_alarm_repeats_the_relays_words_without_the_addresses(
    server: ScriptedRelay, work: Work, clock: FakeClock, logged: list[Mapping[str, Any]]
) -> None:
    server.answers["rcpt"] = "550 5.4.5 Daily limit of <reader0@example.org> exceeded: reader0 stop"
    for _ in range(5):
        work()
        clock.advance(hours=3)

    (alarm,) = [entry for entry in logged if entry["log_level"] == "error"]
    assert ("relay left alone", "limit") == (alarm["event"], alarm["whose"])
    assert "550 5.4.5 Daily limit of … exceeded: … stop" == alarm["said"]


@pytest.mark.usefixtures("ten")
def test_a_refusal_that_one_mail_alone_meets_again_and_again_is_about_that_mail(
    server: ScriptedRelay, work: Work, clock: FakeClock, rows: Rows
) -> None:
    """Else one reader's server could keep everybody's mails back, a pause at a time."""
    server.only_to = "reader3@"
    server.answers["rcpt"] = "550 5.7.1 blocked by us"
    for _ in range(3):
        work(times=3)
        clock.advance(minutes=20)
    assert PEOPLE - 1 == len(server.taken)

    for _ in range(30):
        work()
        clock.advance(hours=6)
        assert [None] == [row["blocked_until"] for row in rows(t.relay)]
    (left,) = rows(t.notice, state="failed")
    assert left["last_error"].startswith("given up")
    assert [] == _marked(rows)


@pytest.mark.parametrize(
    "answer", ["550 rejected", "554 5.7.1 no", "451 4.3.0 queue file write error", "554 spam"]
)
@pytest.mark.usefixtures("ten")
def test_what_may_be_about_a_mail_or_about_us_is_about_us_where_every_mail_meets_it(
    server: ScriptedRelay, work: Work, clock: FakeClock, rows: Rows, answer: str
) -> None:
    server.answers["end"] = answer
    for _ in range(8):
        work()
        clock.advance(hours=1)
    untouched = sum(
        n for (state, times), n in _states(rows).items() if not times and state == "due"
    )
    assert PEOPLE - MOST_DOUBTS + 1 <= untouched

    server.answers.clear()
    clock.advance(days=1)
    work(times=4)
    assert PEOPLE - MOST_DOUBTS + 1 <= len(server.taken)
    assert [] == _marked(rows)


@pytest.mark.usefixtures("ten")
def test_a_reader_whose_mailbox_is_full_waits_alone(
    server: ScriptedRelay, work: Work, clock: FakeClock, rows: Rows
) -> None:
    server.only_to = "reader3@"
    server.answers["rcpt"] = "552 5.2.2 The email account that you tried to reach is over quota."
    work()

    assert PEOPLE - 1 == len(server.taken)
    assert [("due", 1)] == [
        (row["state"], row["attempts"]) for row in rows(t.notice) if row["state"] != "sent"
    ]
    assert [] == rows(t.relay)
    assert [] == _marked(rows)


@pytest.mark.usefixtures("ten")
def test_workers_that_meet_a_limit_at_once_lengthen_no_pause(
    server: ScriptedRelay,
    services: Services,
    deliverer: Deliverer,
    store: Store,
    clock: FakeClock,
    rows: Rows,
) -> None:
    server.answers["mail"] = GMAILS_DAY
    for token in ("one", "two", "three"):
        with store.write() as connection:
            batch = notices.claim_notices(
                connection, token=token, now=clock.now(), until=clock.later(90), limit=3
            )
        deliverer.deliver(batch, token)

    (state,) = rows(t.relay)
    assert (1, clock.now() + timedelta(minutes=15)) == (state["refusals"], state["blocked_until"])
    assert 1 == server.connections


@pytest.mark.parametrize(("hours", "told"), [(1, 3), (5, 1)])
def test_what_waited_long_is_told_only_where_nothing_has_overtaken_it(
    server: ScriptedRelay,
    work: Work,
    tell: Tell,
    clock: FakeClock,
    rows: Rows,
    hours: int,
    told: int,
) -> None:
    """A reader does not get the whole way of a parcel at once when a limit is over."""
    server.answers["mail"] = GMAILS_DAY
    for milestone in (
        Milestone.ARRIVED_IN_COUNTRY,
        Milestone.CUSTOMS_CLEARED,
        Milestone.OUT_FOR_DELIVERY,
    ):
        tell(1, milestone)
        work()
        clock.advance(minutes=1)
    clock.advance(hours=hours)
    server.answers.clear()
    work(times=3)

    assert told == len(server.taken)
    assert 3 - told == sum(row["skip"] == "superseded" for row in rows(t.notice))


def test_a_delivery_of_another_day_is_not_announced(
    server: ScriptedRelay, work: Work, tell: Tell, clock: FakeClock, rows: Rows
) -> None:
    server.answers["mail"] = GMAILS_DAY
    tell(1, Milestone.OUT_FOR_DELIVERY)
    tell(2, Milestone.PICKUP_AVAILABLE)
    work()
    clock.advance(days=1)
    server.answers.clear()
    work(times=3)

    assert [("skipped", "too_late"), ("sent", None)] == [
        (row["state"], row["skip"]) for row in rows(t.notice)
    ]


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize("mistake", ["from", "key", "selector", "certificates"])
def test_a_mistake_in_our_settings_stops_sending_until_it_is_mended(
    services: Services,
    deliverer: Deliverer,
    work: Work,
    clock: FakeClock,
    rows: Rows,
    logged: list[Mapping[str, Any]],
    server: ScriptedRelay,
    mistake: str,
    tmp_path: Any,
) -> None:
    certificates = tmp_path / "removed.pem"
    certificates.touch()
    wrong = {
        "key": {"dkim_selector": "s1", "dkim_key": SecretStr("no key")},
        "selector": {"dkim_selector": "é", "dkim_key": SecretStr("no key")},
        "certificates": {"ca_file": certificates},
        "from": {},
    }[mistake]
    smtp = SmtpSettings(host="127.0.0.1", from_address="suivi@colis.example", **wrong)
    certificates.unlink()  # it was there at the start
    settings = services.settings.model_copy(update={"smtp": smtp})
    broken = replace(deliverer, open_relay=Services(settings).open_relay)
    if mistake == "from":
        broken = replace(deliverer, identity=replace(deliverer.identity, from_address="Colis <c@"))
    for _ in range(8):
        work(only=broken)
        clock.advance(hours=12)
    assert {("due", 0): PEOPLE} == _states(rows)
    assert [] == _marked(rows)
    (alarm,) = [entry for entry in logged if entry["log_level"] == "error"]
    assert "configuration" == alarm["whose"]
    assert "MAILTRACK_SMTP__" in alarm["said"]

    services.try_relay_again()
    work(times=3)
    assert PEOPLE == len(server.taken)

"""The ledger sees what is missing and what came too often; a test of the test."""

from datetime import UTC, datetime
from email.message import EmailMessage

from mailtrack.domain.model import Outcome
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.smtp import ReceivedMail
from tests.chaos.journeys import (
    ARRIVED,
    CLEARED,
    FLOWN,
    LATE_ARRIVED,
    ON_THE_VAN,
    ON_THE_VAN_AGAIN,
    POST_VAN,
    STARTED,
)
from tests.chaos.ledger import Due, Ledger, content_key, told_by

NUMBER, LOCAL = "LP00827165780001", "6A15602000007"
DUE = Due("ana@example.org", NoticeKind.CUSTOMS_CLEARED, NUMBER)


def _arrived(text: str = NUMBER, serial: int = 1, kind: str = "customs_cleared") -> ReceivedMail:
    mail = EmailMessage()
    mail["Message-ID"] = f"<{serial}@colis.example>"
    mail["Feedback-ID"] = f"{kind}:mailtrack"
    mail.set_content(f"Votre colis {text} …")
    return ReceivedMail("", ("ana@example.org",), b"", mail, datetime.now(UTC))


def _ledger() -> Ledger:
    ledger = Ledger(aliases={NUMBER: NUMBER, LOCAL: NUMBER})
    ledger.owe(DUE)
    return ledger


def test_a_notice_that_arrived_once_is_neither_lost_nor_doubled() -> None:
    ledger = _ledger()
    ledger.take_in([_arrived()])

    assert ([], []) == ([*ledger.lost({})], [*ledger.doubled({})])


def test_a_notice_that_never_came_is_lost() -> None:
    assert [str(DUE)] == [*_ledger().lost({})]


def test_a_notice_told_twice_is_doubled_under_whichever_number_it_names() -> None:
    ledger = _ledger()
    ledger.take_in([_arrived(), _arrived(LOCAL, serial=2)])

    assert [str(DUE)] == [*ledger.doubled({})]


def test_a_notice_that_nobody_was_owed_counts_as_doubled() -> None:
    ledger = _ledger()
    ledger.take_in([_arrived(), _arrived(serial=2, kind="delivered")])

    assert [f"delivered to ana@example.org {NUMBER}"] == [*ledger.doubled({})]


def test_the_same_mail_again_is_a_repetition_and_no_double() -> None:
    ledger = _ledger()
    ledger.take_in([_arrived(), _arrived()])

    assert 1 == ledger.repeated
    assert [] == [*ledger.doubled({})]


def test_a_mail_without_its_outcome_is_lost_and_a_stranger_in_the_store_is_doubled() -> None:
    ledger = Ledger()
    for raw in (b"kept", b"waiting", b"gone", b"kept"):
        ledger.feed(raw, Outcome.TRACKED)
    stored = {
        content_key(b"kept"): Outcome.TRACKED,
        content_key(b"waiting"): None,
        content_key(b"from nowhere"): Outcome.QUARANTINED,
    }

    assert 4 == ledger.mails
    assert 2 == len([*ledger.lost(stored)])
    assert 1 == len([*ledger.doubled(stored)])


def test_one_look_is_told_by_its_newest_news() -> None:
    assert NoticeKind.ARRIVED_IN_COUNTRY == told_by((FLOWN, ARRIVED, STARTED))
    assert NoticeKind.OUT_FOR_DELIVERY == told_by((CLEARED, ON_THE_VAN))
    assert None is told_by((FLOWN, STARTED))


def test_what_comes_late_or_from_a_second_carrier_is_no_news() -> None:
    assert None is told_by((LATE_ARRIVED,))
    assert NoticeKind.OUT_FOR_DELIVERY == told_by((POST_VAN, ON_THE_VAN_AGAIN))
    assert None is told_by((ON_THE_VAN_AGAIN,))

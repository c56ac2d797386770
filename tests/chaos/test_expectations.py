"""The expectations show what is missing and what came too often; a test of the test."""

import json
from datetime import UTC, datetime
from email.message import EmailMessage

from mailtrack.domain.model import Outcome
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.smtp import ReceivedMail
from tests.channels.receiver import Received
from tests.chaos.elsewhere import Elsewhere
from tests.chaos.expectations import Due, Expectations, content_key, told_by
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

NUMBER, LOCAL = "LP00827165780001", "6A15602000007"
DUE = Due("ana@example.org", NoticeKind.CUSTOMS_CLEARED, NUMBER)


def _arrived(text: str = NUMBER, serial: int = 1, kind: str = "customs_cleared") -> ReceivedMail:
    mail = EmailMessage()
    mail["Message-ID"] = f"<{serial}@colis.example>"
    mail["Feedback-ID"] = f"{kind}:mailtrack"
    mail.set_content(f"Votre colis {text} …")
    return ReceivedMail("", ("ana@example.org",), b"", mail, datetime.now(UTC))


def _expectations() -> Expectations:
    expectations = Expectations(aliases={NUMBER: NUMBER, LOCAL: NUMBER})
    expectations.owe(DUE)
    return expectations


def test_a_notice_that_arrived_once_is_neither_lost_nor_doubled() -> None:
    expectations = _expectations()
    expectations.take_in([_arrived()])

    assert ([], []) == ([*expectations.lost({})], [*expectations.doubled({})])


def test_a_notice_that_never_came_is_lost() -> None:
    assert [str(DUE)] == [*_expectations().lost({})]


def test_a_notice_told_twice_is_doubled_under_whichever_number_it_names() -> None:
    expectations = _expectations()
    expectations.take_in([_arrived(), _arrived(LOCAL, serial=2)])

    assert [str(DUE)] == [*expectations.doubled({})]


def test_a_notice_that_nobody_was_owed_counts_as_doubled() -> None:
    expectations = _expectations()
    expectations.take_in([_arrived(), _arrived(serial=2, kind="delivered")])

    assert [f"delivered to ana@example.org {NUMBER}"] == [*expectations.doubled({})]


def test_the_same_mail_again_is_a_repetition_and_no_double() -> None:
    expectations = _expectations()
    expectations.take_in([_arrived(), _arrived()])

    assert 1 == expectations.repeated
    assert [] == [*expectations.doubled({})]


def test_a_mail_without_its_outcome_is_lost_and_a_stranger_in_the_store_is_doubled() -> None:
    expectations = Expectations()
    for raw in (b"kept", b"waiting", b"gone", b"kept"):
        expectations.feed(raw, Outcome.TRACKED)
    stored = {
        content_key(b"kept"): Outcome.TRACKED,
        content_key(b"waiting"): None,
        content_key(b"from nowhere"): Outcome.QUARANTINED,
    }

    assert 4 == expectations.mails
    assert 2 == len([*expectations.lost(stored)])
    assert 1 == len([*expectations.doubled(stored)])


def test_one_look_is_told_by_its_newest_news() -> None:
    assert NoticeKind.ARRIVED_IN_COUNTRY == told_by((FLOWN, ARRIVED, STARTED))
    assert NoticeKind.OUT_FOR_DELIVERY == told_by((CLEARED, ON_THE_VAN))
    assert None is told_by((FLOWN, STARTED))


def test_what_comes_late_or_from_a_second_carrier_is_no_news() -> None:
    assert None is told_by((LATE_ARRIVED,))
    assert NoticeKind.OUT_FOR_DELIVERY == told_by((POST_VAN, ON_THE_VAN_AGAIN))
    assert None is told_by((ON_THE_VAN_AGAIN,))


def test_what_came_elsewhere_is_counted_once_for_each_id() -> None:
    def said(kind: str, name: str) -> Received:
        body = json.dumps({"type": f"notice.{kind}", "data": {"kind": kind}}).encode()
        return Received(f"/{NUMBER}", {"webhook-id": name}, body)

    elsewhere = Elsewhere()
    elsewhere.owe(NUMBER, NoticeKind.CUSTOMS_CLEARED)
    elsewhere.owe(NUMBER, NoticeKind.DELIVERED)
    elsewhere.take_in(
        [
            said("customs_cleared", "a"),
            said("customs_cleared", "a"),
            said("customs_cleared", "b"),
            said("stalled", "c"),
        ],
        {},
    )

    assert 1 == elsewhere.repeated
    assert [f"delivered of {NUMBER} elsewhere"] == list(elsewhere.lost())
    assert [f"customs_cleared of {NUMBER} elsewhere"] == list(elsewhere.doubled())

"""Inbound mails: none lost, none twice, none without an outcome."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import InboundId, MailRead, Outcome
from mailtrack.inbox.mail_store import FetchedMail, Position, SqlMailStore, WatcherState
from mailtrack.store import erasure, inbound
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailResult

Rows = Callable[..., list[Mapping[str, Any]]]
HERE = ("colis@host", "INBOX")


@pytest.fixture
def mail_store(store: Store, clock: FakeClock) -> SqlMailStore:
    return SqlMailStore(store, clock)


@pytest.fixture
def keep(mail_store: SqlMailStore, clock: FakeClock) -> Callable[..., bool]:
    def make(raw: bytes = b"mail", uid: int = 1, uidvalidity: int = 7) -> bool:
        return bool(mail_store.keep(*HERE, uidvalidity, FetchedMail(uid, raw, clock.now())))

    return make


def test_a_folder_that_was_never_read_has_no_position(
    mail_store: SqlMailStore, keep: Callable[..., bool]
) -> None:
    mail_store.note_state(*HERE, WatcherState.CONNECTING, "")
    assert mail_store.position(*HERE) is None

    keep(uid=12)
    assert Position(7, 12) == mail_store.position(*HERE)
    assert mail_store.position("colis@host", "Archive") is None


def test_mail_and_position_are_kept_together_or_not_at_all(
    mail_store: SqlMailStore,
    keep: Callable[..., bool],
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(b"first", uid=1)
    with monkeypatch.context() as broken:
        broken.setattr("mailtrack.store.inbound.advance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep(b"second", uid=2)

    assert [b"first"] == [row["raw"] for row in rows(t.inbound)]
    assert Position(7, 1) == mail_store.position(*HERE)

    with monkeypatch.context() as broken:
        broken.setattr("mailtrack.store.inbound.keep", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep(b"second", uid=2)

    assert Position(7, 1) == mail_store.position(*HERE)


def test_the_same_mail_under_a_new_uidvalidity_is_known_by_its_content(
    mail_store: SqlMailStore, keep: Callable[..., bool], rows: Rows
) -> None:
    assert keep(b"one", uid=5)
    mail_store.reset(*HERE, 8)
    assert Position(8, 0) == mail_store.position(*HERE)

    assert not keep(b"one", uid=1, uidvalidity=8)
    assert keep(b"two", uid=2, uidvalidity=8)
    assert [b"one", b"two"] == [row["raw"] for row in rows(t.inbound)]
    assert Position(8, 2) == mail_store.position(*HERE)


def test_two_mailboxes_may_hold_the_same_mail(mail_store: SqlMailStore, clock: FakeClock) -> None:
    mail = FetchedMail(1, b"mail", clock.now())

    assert mail_store.keep("one@host", "INBOX", 7, mail)
    assert mail_store.keep("other@host", "INBOX", 7, mail)


def test_a_mail_that_cannot_be_fetched_is_seen_and_passed_by(
    mail_store: SqlMailStore, rows: Rows
) -> None:
    mail_store.keep_unfetchable(*HERE, 7, 3, "the server gives no body")

    (row,) = rows(t.inbound)
    assert (Outcome.QUARANTINED, "the server gives no body", None) == (
        row["outcome"],
        row["reason"],
        row["raw"],
    )
    assert Position(7, 3) == mail_store.position(*HERE)


def test_a_mail_gets_one_outcome(store: Store, keep: Callable[..., bool], clock: FakeClock) -> None:
    keep()
    with store.write() as connection:
        mail = InboundId(1)
        done = [
            inbound.finish(connection, mail, MailResult(outcome), clock.now())
            for outcome in (Outcome.TRACKED, Outcome.REFUSED)
        ]

        assert [True, False] == done
        assert {"tracked": 1} == inbound.by_outcome(connection)


def test_a_mail_without_an_outcome_counts_as_waiting(
    store: Store, keep: Callable[..., bool], clock: FakeClock
) -> None:
    keep()
    with store.read() as connection:
        assert {"waiting": 1} == inbound.by_outcome(connection)
        assert clock.now() == inbound.oldest_waiting(connection)


def test_rereading_takes_the_named_mails_that_are_still_kept(
    store: Store, keep: Callable[..., bool], rows: Rows, clock: FakeClock
) -> None:
    for uid in (1, 2, 3):
        keep(b"mail %d" % uid, uid=uid)
    with store.write() as connection:
        for mail in (1, 2):
            inbound.finish(connection, InboundId(mail), MailResult(Outcome.TRACKED), clock.now())

        assert 1 == inbound.reread(connection, clock.now(), [InboundId(2), InboundId(3)])

    assert ["tracked", None, None] == [row["outcome"] for row in rows(t.inbound)]


def test_old_bytes_are_forgotten_and_never_read_again(
    store: Store, keep: Callable[..., bool], clock: FakeClock
) -> None:
    keep()
    with store.write() as connection:
        inbound.finish(connection, InboundId(1), MailResult(Outcome.TRACKED), clock.now())

        assert 0 == erasure.forget_raw(connection, clock.now())
        assert 1 == erasure.forget_raw(connection, clock.now() + timedelta(seconds=1))
        assert 0 == inbound.reread(connection, clock.now())


# --- reasons ------------------------------------------------------------------------


def test_no_reason_that_is_kept_names_anybody(
    store: Store, mail_store: SqlMailStore, rows: Rows
) -> None:
    """Servers and mails repeat addresses in what they say; every such column is guarded."""
    said = "550 <jane.doe@example.net>: no such user"
    mail_store.keep_unfetchable(*HERE, 7, 1, said)
    mail_store.note_state(*HERE, WatcherState.REFUSED, said)

    (mail,), (box,) = rows(t.inbound), rows(t.mailbox)
    assert ["550 <address>: no such user"] * 2 == [mail["reason"], box["detail"]]


def test_every_column_for_what_went_wrong_is_guarded() -> None:
    named = {
        f"{table.name}.{column.name}": column.type
        for table in t.metadata.sorted_tables
        for column in table.columns
        if column.name in ("reason", "detail", "last_error")
    }

    free = {name: kind for name, kind in named.items() if getattr(kind, "length", None) is None}
    assert {
        *("mailbox.detail", "inbound.reason"),
        *("leg.last_error", "notice.last_error", "carrier.last_error"),
        *("channel.last_error", "channel_notice.last_error"),
    } == free.keys()
    assert {t.Words} == {type(kind) for kind in free.values()}


def test_what_was_read_of_each_mail_is_kept_whatever_its_sender_wrote(
    keep: Callable[..., bool], store: Store, clock: FakeClock
) -> None:
    keep()
    told = (
        MailRead("Colis \x00\ud800 « é »", "", Outcome.TRACKED, "parcel_update", ("LP1",)),
        MailRead("", "Boutique", Outcome.NOTHING_FOUND, "", (), ("XT2",), ("3",)),
    )
    with store.write() as connection:
        mail = InboundId(1)
        inbound.finish(connection, mail, MailResult(Outcome.TRACKED, mails=told), clock.now())

        assert told == inbound.mails_read(connection, mail)


def test_a_mail_without_an_explained_answer_tells_of_no_mails(
    keep: Callable[..., bool], store: Store, clock: FakeClock, rows: Rows
) -> None:
    keep()
    with store.write() as connection:
        inbound.finish(connection, InboundId(1), MailResult(Outcome.TRACKED), clock.now())

        assert () == inbound.mails_read(connection, InboundId(1))
    assert [None] == [row["mails_read"] for row in rows(t.inbound)]

"""Rows for the phrase files, from what no phrase file knows."""

from datetime import timedelta

import pytest

from mailtrack.admin.phrase_rows import TO_BE_SAID, phrase_rows
from mailtrack.carriers.vocabulary import COLUMNS, Phrases, _load, classify, file_of
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.store import budgets
from mailtrack.store.engine import Store


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _told(
    store: Store, clock: FakeClock, *words: tuple[str, str, str], least: int = 2
) -> list[str]:
    with store.write() as connection:
        for carrier, code, text in words:
            budgets.note_unmapped(connection, carrier, code, text, clock.now())
    with store.read() as connection:
        return list(phrase_rows(connection, least))


def test_rows_are_sorted_by_file_and_say_how_often_and_since_when(
    store: Store, clock: FakeClock
) -> None:
    since = f"{clock.now():%Y-%m-%d}"
    sighting, zebra = ("laposte", "ZZ9", "Zèbres en vue"), ("cainiao", "ZEBRA", "")

    _told(store, clock, sighting, sighting, zebra, zebra, zebra)
    clock.instant += timedelta(days=3)

    assert [
        "# phrases/cainiao.tsv",
        "\t".join(COLUMNS),
        f"ZEBRA\t\t\t{TO_BE_SAID}\t\tseen 3 times since {since}",
        "# phrases/laposte.tsv",
        "\t".join(COLUMNS),
        f"ZZ9\t\tZèbres en vue\t{TO_BE_SAID}\t\tseen 3 times since {since}",
    ] == _told(store, clock, sighting)


def test_what_one_parcel_alone_was_told_stays_at_home(store: Store, clock: FakeClock) -> None:
    assert [] == _told(store, clock, ("laposte", "ZZ9", "Zèbre de M. Exemple"))


def test_numbers_days_and_telephones_leave_no_trace_and_make_one_row(
    store: Store, clock: FakeClock
) -> None:
    texts = [
        "Zebra 6A12345678901 seen on 29/04/2026, tel 06 39 98 12 34",
        "Zebra 8V98765432109 seen on 30/04/2026, tel 06 39 98 56 78",
    ]

    _, _, row = _told(store, clock, *(("laposte", "ZZ9", text) for text in texts))

    code, _, pattern, *_, source = row.split("\t")
    assert ("ZZ9", r"~^zebra \w+ seen on \w+ \w+ \w+$") == (code, pattern)
    assert source.startswith("seen 2 times")


@pytest.mark.parametrize("text", ["~zebra", "& zebra", "* zebra"])
def test_a_text_is_taken_for_no_pattern(store: Store, clock: FakeClock, text: str) -> None:
    _, _, row = _told(store, clock, ("laposte", "ZZ9", text), least=1)

    assert "zebra" == row.split("\t")[2]


def test_what_a_row_knows_by_now_and_a_code_that_may_be_a_number_are_left_out(
    store: Store, clock: FakeClock
) -> None:
    known = ("laposte", "", "Votre colis est en cours de livraison")
    assert Milestone.UNKNOWN is not classify(*known).milestone

    assert [] == _told(store, clock, known, ("laposte", "123456789012", ""), least=1)


def test_a_row_is_refused_until_somebody_said_what_it_means(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, head, row = _told(store, clock, ("laposte", "ZZ9", "zebra 12345"), least=1)
    written = dict(zip(head.split("\t"), row.split("\t"), strict=True)) | {"line": "laposte.tsv:2"}
    phrases = "mailtrack.carriers.vocabulary.read_table"

    monkeypatch.setattr(phrases, lambda _: iter([written]))
    with pytest.raises(ValueError, match=r"laposte\.tsv:2"):
        _load.__wrapped__("laposte")
    monkeypatch.setattr(phrases, lambda _: iter([written | {"milestone": "exception"}]))
    read = _load.__wrapped__("laposte")
    assert isinstance(read, Phrases)
    found = read.find(("ZZ9",), "zebra 67890")
    assert found is not None
    assert Milestone.EXCEPTION is found.milestone


def test_who_has_no_file_of_its_own_is_told_of_in_the_common_one() -> None:
    assert ("any", "upu") == (file_of("nobody"), file_of("UPU EMSEVT/M40"))

"""French as people write it."""

from datetime import UTC, date, datetime

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason, TrackingEvent
from mailtrack.notify import french
from mailtrack.notify.expectation import Expectation, ExpectedDay
from mailtrack.parsers.reading import IDLE_KINDS

AFTERNOON = datetime(2026, 3, 3, 13, 5, tzinfo=UTC)


def event(**changes: object) -> TrackingEvent:
    values: dict[str, object] = {"at": AFTERNOON, "milestone": Milestone.UNKNOWN, "source": "x"}
    return TrackingEvent(**(values | changes))  # type: ignore[arg-type]


def test_a_moment_is_told_in_paris_time_and_does_not_break() -> None:
    assert "mardi 3\u00a0mars à\u00a014\u00a0h\u00a005" == french.moment(AFTERNOON)


@pytest.mark.parametrize(
    ("slot", "words"),
    [
        ("09:00-11:00", "entre\u00a09\u00a0h et\u00a011\u00a0h"),
        ("11:15-15:05", "entre\u00a011\u00a0h\u00a015 et\u00a015\u00a0h\u00a005"),
    ],
)
def test_hours_are_told_as_people_say_them_and_do_not_break(slot: str, words: str) -> None:
    assert words == french.hours(slot)


TODAY = date(2026, 12, 10)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 12, 17), date(2026, 12, 22), "entre le jeudi 17 et le mardi 22~décembre"),
        (date(2027, 3, 1), date(2027, 3, 2), "entre le lundi 1er et le mardi 2~mars"),
        (date(2027, 2, 26), date(2027, 3, 1), "entre le vendredi 26~février et le lundi 1er~mars"),
        (
            date(2026, 12, 29),
            date(2027, 1, 4),
            "entre le mardi 29~décembre~2026 et le lundi 4~janvier~2027",
        ),
        (date(2026, 12, 10), date(2026, 12, 11), "aujourd’hui ou demain, vendredi 11~décembre"),
        (date(2026, 12, 11), date(2026, 12, 12), "demain ou après-demain, samedi 12~décembre"),
        (date(2026, 12, 10), date(2026, 12, 12), "entre aujourd’hui et le samedi 12~décembre"),
        (date(2026, 12, 11), date(2026, 12, 14), "entre demain et le lundi 14~décembre"),
        (date(2026, 12, 11), date(2027, 1, 4), "entre demain et le lundi 4~janvier~2027"),
    ],
)
def test_days_between_which_a_parcel_comes_are_told_as_people_say_them(
    first: date, last: date, words: str
) -> None:
    expected = Expectation(first, last, told_on=TODAY)
    words = words.replace("~", "\u00a0")

    assert f"sans doute {words}" == french.expected_days(expected)
    assert " (8\u00a0colis\u00a0sur\u00a010)" == french.expected_by(expected)


@pytest.mark.parametrize(
    ("missed", "words"),
    [
        (None, ""),
        (
            ExpectedDay(date(2026, 12, 9), "le transporteur"),
            "Le transporteur l’attendait le mercredi 9~décembre~: ce jour est passé.",
        ),
        (
            ExpectedDay(date(2026, 12, 1)),
            "Nous l’attendions au plus tard le mardi 1er~décembre~: nous nous sommes trompés.",
        ),
    ],
)
def test_a_day_that_was_told_and_has_passed_is_taken_back_in_one_sentence(
    missed: ExpectedDay | None, words: str
) -> None:
    expected = Expectation(TODAY, date(2026, 12, 12), told_on=TODAY, missed=missed)

    assert words.replace("~", "\u00a0") == french.taken_back(expected)


def test_a_day_that_somebody_named_is_told_with_its_hours_and_their_name() -> None:
    for named, words in (
        (ExpectedDay(TODAY, "GLS"), ", selon GLS"),
        (ExpectedDay(TODAY, "GLS", "09:00-11:00"), ", entre~9~h et~11~h, selon GLS"),
    ):
        expected = Expectation(TODAY, TODAY, TODAY, named)

        assert "jeudi 10\u00a0décembre" == french.expected_days(expected)
        assert words.replace("~", "\u00a0") == french.expected_by(expected)


def test_summer_time_counts() -> None:
    assert "15\u00a0h\u00a005" == french.hour(datetime(2026, 7, 3, 13, 5, tzinfo=UTC))


def test_an_evening_in_utc_may_be_the_next_day_in_paris() -> None:
    evening = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)

    assert date(2026, 3, 1) == french.local_day(evening)
    assert "dimanche 1er\u00a0mars" == french.day(evening)


def test_a_plain_date_is_no_instant() -> None:
    assert "lundi 2\u00a0mars" == french.day(date(2026, 3, 2))
    assert "1er\u00a0août" == french.short_day(date(2026, 8, 1))


def test_a_deadline_counts_days_of_paris() -> None:
    assert date(2026, 3, 18) == french.local_day(AFTERNOON, 15)


def test_a_doubtful_clock_is_not_told_to_the_minute() -> None:
    assert "mardi 3\u00a0mars" == french.event_moment(event(at_certain=False))
    assert "mardi 3\u00a0mars à\u00a014\u00a0h\u00a005" == french.event_moment(event())


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0\u00a0mail"), (1, "1\u00a0mail"), (2, "2\u00a0mails")]
)
def test_nothing_is_singular_in_french(count: int, words: str) -> None:
    assert words == french.plural(count, "mail", "mails")


@pytest.mark.parametrize(
    ("number", "shortened"), [("LP00827165784084", "LP…84"), ("123456", "123456")]
)
def test_a_number_is_shortened_to_what_is_recognised(number: str, shortened: str) -> None:
    assert shortened == french.short(number)


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("Lampe LED", 9, "Lampe LED"),
        ("Lampe LED de bureau pliable", 22, "Lampe LED de bureau…"),
        ("Anticonstitutionnellement", 10, "Anticonst…"),
        ("Câble, gris", 7, "Câble…"),
    ],
)
def test_a_long_text_is_cut_at_a_word(text: str, limit: int, cut: str) -> None:
    assert cut == french.shorten(text, limit)
    assert limit >= len(cut)


@pytest.mark.parametrize(
    ("typed", "set_in_type"),
    [
        ("Dédouané : votre colis", "Dédouané\u00a0: votre colis"),
        ("Et maintenant ?", "Et maintenant\u202f?"),
        ("Oui ; non !", "Oui\u202f; non\u202f!"),
        ("le « colis » perdu", "le «\u00a0colis\u00a0» perdu"),
        ("l'adresse d'Anne", "l’adresse d’Anne"),
        ("2 à 7 jours ouvrés", "2\u00a0à\u00a07\u00a0jours ouvrés"),
        ("dans « Mes commandes »", "dans «\u00a0Mes\u00a0commandes\u00a0»"),
        ("12 rue de l'Exemple, 69003 Lyon", "12 rue de l’Exemple, 69003\u00a0Lyon"),
        ("LP12345 Lyon", "LP12345 Lyon"),
        ("environ 8 €", "environ 8\u00a0€"),
        ("lent que 9 colis sur 10", "lent que 9\u00a0colis\u00a0sur\u00a010"),
        ("un mail sur 10", "un mail sur 10"),
        ("https://example.org/?a=1;b", "https://example.org/?a=1;b"),
        ("'entre guillemets'", "'entre guillemets'"),
    ],
)
def test_punctuation_is_set_as_in_print(typed: str, set_in_type: str) -> None:
    assert set_in_type == french.typeset(typed)
    assert set_in_type == french.typeset(set_in_type)


def test_an_unknown_event_speaks_in_the_carriers_words() -> None:
    assert "Trié à Lille" == french.headline(event(text="Trié à Lille"))
    assert "Étape inconnue" == french.headline(event())


def test_a_detail_does_not_repeat_the_headline() -> None:
    same = event(milestone=Milestone.CUSTOMS_CLEARED, text="Dédouané", place="Roissy")
    other = event(milestone=Milestone.CUSTOMS_CLEARED, text="Cleared", place="Roissy")

    assert "Roissy" == french.detail(same)
    assert "Roissy · Cleared" == french.detail(other)


def test_a_reason_does_not_repeat_its_milestone() -> None:
    held = event(milestone=Milestone.CUSTOMS_HELD, reason=Reason.CUSTOMS, place="Roissy")
    back = event(milestone=Milestone.RETURNING, reason=Reason.CUSTOMS, place="Roissy")

    assert "Roissy" == french.circumstances(held)
    assert "problème de douane · Roissy" == french.circumstances(back)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason) -> None:
    assert french.reason(reason)


def test_every_kind_of_mail_that_is_no_news_is_explained_in_words() -> None:
    assert {*french.NOTHING_TO_FOLLOW} == IDLE_KINDS

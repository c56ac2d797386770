"""A proof set out: in both languages from one table, and as a file with whatever is in it."""

import re
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason
from mailtrack.domain.proof import CarrierAnswers, PromisedDelivery, Proof, ProvenScan
from mailtrack.notify import english
from mailtrack.web import proof_words
from mailtrack.web.proof_document import ProofDocument, ProofSection, set_out
from mailtrack.web.proof_pdf import _FOREIGN, MISSING, write_pdf
from mailtrack.web.proof_words import SPEECHES, Language

NOW = datetime(2026, 7, 1, 12, 5, tzinfo=UTC)
LINK = "https://colis.example.org/l/token"


def document(language: Language = Language.FRENCH, text: str = "Departed") -> ProofDocument:
    proof = Proof(
        NOW,
        "LP00123456789012",
        NOW - timedelta(days=60),
        scans=(
            ProvenScan(NOW - timedelta(days=40), Milestone.SHIPPED, "AliExpress", by_mail=True),
            ProvenScan(NOW - timedelta(days=9), Milestone.UNKNOWN, "Cainiao", text, "Shenzhen"),
            ProvenScan(NOW, Milestone.DELIVERED, "La Poste", at_certain=False),
        ),
        milestone=Milestone.DELIVERED,
        answers=(CarrierAnswers("Cainiao", "LP00123456789012", 0),),
        promises=(PromisedDelivery("La Poste", date(2026, 6, 1), date(2026, 6, 4)),),
    )
    return set_out(proof, language, LINK)


def everything(document: ProofDocument) -> str:
    """Return all that a document says, in one text."""
    return str(document).replace("\\xa0", "\u00a0").replace("\u00a0", " ")


def test_english_names_every_milestone_and_every_reason() -> None:
    assert set(Milestone) == set(english.LABELS)
    assert set(Reason) == set(english.REASONS)


def test_both_languages_have_the_same_words_with_the_same_blanks_to_fill() -> None:
    blanks = {
        name: [set(re.findall(r"\{(\w+)\}", words)) for words in pair]
        for name, pair in proof_words._WORDS.items()
    }

    assert {} == {name: found for name, found in blanks.items() if found[0] != found[1]}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            Language.FRENCH,
            (
                "Établi le 1er juillet 2026 à 14 h 05 (UTC+2)",
                "31 jours, du 22 mai 2026 au 22 juin 2026",
                "du 1er juin 2026 au 4 juin 2026",
                "'1er juillet 2026', 'Arrivé à destination (livré)'",
                "'Departed', 'Shenzhen', 'Cainiao', '31'",
                "'0', 'jamais'",
            ),
        ),
        (
            Language.ENGLISH,
            (
                "Made on 1 July 2026, 14:05 (UTC+2)",
                "31 days, from 22 May 2026 to 22 June 2026",
                "from 1 June 2026 to 4 June 2026",
                "'1 July 2026', 'Delivered'",
                "'Departed', 'Shenzhen', 'Cainiao', '31'",
                "'0', 'never'",
            ),
        ),
    ],
)
def test_days_hours_and_zones_are_written_as_the_language_has_them(
    language: Language, expected: tuple[str, ...]
) -> None:
    said = everything(document(language))

    assert [] == [words for words in expected if words not in said]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_days_are_counted_as_the_language_has_it(count: int) -> None:
    expected = {0: ("0 jour", "0 days"), 1: ("1 jour", "1 day"), 2: ("2 jours", "2 days")}
    said = tuple(SPEECHES[language].days(count).replace("\u00a0", " ") for language in Language)

    assert expected[count] == said


@pytest.mark.parametrize(
    ("language", "row", "remark"),
    [
        (
            Language.FRENCH,
            (
                "mailtrack (notre estimation)",
                "du 28 mai 2026 au 9 juin 2026",
                "20 mai 2026",
                "En transit international",
            ),
            "le vendeur et le transporteur n’y sont pour rien",
        ),
        (
            Language.ENGLISH,
            (
                "mailtrack (our estimate)",
                "from 28 May 2026 to 9 June 2026",
                "20 May 2026",
                "In international transit",
            ),
            "no word of the seller or the carrier",
        ),
    ],
)
def test_our_own_estimates_stand_with_their_day_and_step_and_are_taken_for_nobody_else_s(
    language: Language, row: tuple[str, ...], remark: str
) -> None:
    named = PromisedDelivery("La Poste", date(2026, 6, 1), date(2026, 6, 1))
    ours = PromisedDelivery(
        "", date(2026, 5, 28), date(2026, 6, 9), Milestone.IN_TRANSIT, date(2026, 5, 20)
    )
    alone, both = (
        _promises(Proof(NOW, "LP00123456789012", NOW, promises=told), language)
        for told in ((ours,), (named, ours))
    )

    assert [row, row] == [alone.rows[-1], both.rows[-1]]
    assert ("La Poste", "", "") == (both.rows[0][0], *both.rows[0][2:])
    assert SPEECHES[language].say("no_promises") in alone.remarks
    assert [remark in words for words in both.remarks] == [True]


def _promises(proof: Proof, language: Language) -> ProofSection:
    title = SPEECHES[language].say("promises")
    sections = set_out(proof, language, LINK).sections
    return next(section for section in sections if section.title == title)


def test_an_unnamed_mail_s_day_is_not_taken_for_ours() -> None:
    told = PromisedDelivery("", date(2026, 6, 1), date(2026, 6, 1))
    proof = Proof(NOW, "LP00123456789012", NOW, promises=(told,))
    shown = _promises(proof, Language.FRENCH)

    assert (("mail transféré", "1er juin 2026"),) == shown.rows
    assert () == shown.remarks


def written(document: ProofDocument) -> str:
    reader = PdfReader(BytesIO(write_pdf(document, system_fonts=False)))
    return _words(" ".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize("language", Language)
def test_what_no_font_can_write_is_no_silent_blank(language: Language) -> None:
    said = written(document(language, "Departed 包裹 已发货 🚚 Lyon"))

    assert f"Departed {MISSING} Lyon" in said
    assert _words(SPEECHES[language].say("missing")) in said


def _words(text: str) -> str:
    return " ".join(text.split())


def test_every_letter_that_counts_as_ours_can_be_written() -> None:
    letters = [chr(code) for code in range(0x20, 0x2100) if not _FOREIGN.fullmatch(chr(code))]
    said = written(document(text=" ".join(letters)))

    assert MISSING not in said
    assert "Œ" in said
    assert "…" in said


def test_a_word_without_an_end_stays_on_its_sheet() -> None:
    said = written(document(text="W" * 200))

    assert "W" * 200 in said.replace(" ", "").replace("\u200b", "")


def test_a_parcel_that_was_never_quiet_has_no_days_without_news() -> None:
    scan = ProvenScan(NOW, Milestone.IN_TRANSIT, "Cainiao")
    proof = Proof(NOW, "LP00123456789012", NOW, scans=(scan,), milestone=scan.milestone)

    assert "Jours sans nouvelles" not in everything(set_out(proof, Language.FRENCH, LINK))

"""Words that are kept as numbers: each has its own, and none is refused that is in use."""

import pytest
from sqlalchemy.dialects.sqlite import dialect as sqlite

from mailtrack.admin.notices import MEANINGS
from mailtrack.admin.states import OF_NOTICES
from mailtrack.domain.milestones import Milestone
from mailtrack.notify.view import NoticeKind
from mailtrack.store.schema.codes import (
    UNKNOWN,
    Coded,
    NoticeKinds,
    NoticeStates,
    SkipReasons,
)

LISTS = (NoticeKinds(), NoticeStates(), SkipReasons())


def test_every_word_that_the_code_writes_has_a_number() -> None:
    assert {*Milestone, *NoticeKind} - {UNKNOWN} == set(NoticeKinds.words)
    assert set(MEANINGS) == set(SkipReasons.words)
    assert OF_NOTICES == NoticeStates.words


@pytest.mark.parametrize("words", LISTS, ids=lambda words: type(words).__name__)
def test_a_word_is_read_as_it_was_written(words: Coded) -> None:
    known = (UNKNOWN, *words.words)
    numbers = [words.process_bind_param(word, sqlite()) for word in known]

    assert list(range(len(known))) == numbers
    assert known == tuple(words.process_result_value(one, sqlite()) for one in numbers)


def test_what_another_version_wrote_is_unknown_and_stops_nothing() -> None:
    assert UNKNOWN == NoticeKinds().word(999)


def test_a_word_without_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="not in"):
        SkipReasons().process_bind_param("a new reason", sqlite())

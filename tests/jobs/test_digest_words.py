"""A digest finds a word for whatever may be in it."""

import pytest

from mailtrack.jobs.delivering import ALONE, ANSWERS
from mailtrack.notify import french
from mailtrack.notify.view import NoticeKind


@pytest.mark.parametrize("kind", sorted({*NoticeKind} - ANSWERS - ALONE))
def test_all_that_does_not_go_out_alone_has_its_words_in_a_digest(kind: NoticeKind) -> None:
    assert french.news(kind)

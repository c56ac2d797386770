"""The EMS Cooperative's pages, where the table's id is the only proof."""

from datetime import UTC, datetime
from html import escape

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.carriers.ems import Ems
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import ChallengeError, MailtrackError, QuotaError, TransientError
from mailtrack.settings import CarrierSettings

NUMBER = "EB123456785CN"
NOTHING = ("There were no results found.",)
asked: list[httpx.Request] = []


def _ask(text: str, number: str = NUMBER, status: int = 200) -> PollResult | None:
    asked.clear()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, text=text)

    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return Ems(CarrierSettings(), transport, clock).fetch([number]).get(number)


def _page(*rows: tuple[str, ...], number: str = NUMBER) -> str:
    cells = ("".join(f"<td> {escape(cell)}\n</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr class='result-table-row'>{row}</tr>" for row in cells)
    return (
        f"<html><body><input value='{NUMBER}'><table id='table-{number}'><thead><tr><th>Date</th>"
        f"</tr></thead><tbody>{lines}</tbody></table></body></html>"
    )


def test_the_number_is_asked_for_in_english() -> None:
    _ask(_page(NOTHING))

    assert [("/api/publicTracking/track", NUMBER, "EN")] == [
        (r.url.path, r.url.params["itemId"], r.url.params["language"]) for r in asked
    ]


def test_a_history_is_read_where_its_scans_were_made() -> None:
    result = _ask(
        _page(
            ("Sep 1, 2026, 9:00 AM", "Posted", "CHENGDU"),
            ("Sep 9, 2026, 2:30\u202fPM", "Released from import customs", "PARIS"),
        )
    )

    assert result is not None
    assert [
        (Milestone.CUSTOMS_CLEARED, datetime(2026, 9, 9, 12, 30, tzinfo=UTC), "PARIS"),
        (Milestone.CARRIER_ACCEPTED, datetime(2026, 9, 1, 1, 0, tzinfo=UTC), "CHENGDU"),
    ] == [(event.milestone, event.at, event.place) for event in result.events]
    assert not any(event.at_certain for event in result.events)


def test_the_order_of_the_table_is_kept_where_clocks_run_backwards() -> None:
    result = _ask(
        _page(
            ("Sep 9, 2026, 2:30 PM", "Arrived at post office", "A"),
            ("Sep 9, 2026, 2:10 PM", "Out for delivery", "B"),
        )
    )

    assert result is not None
    assert ["Out for delivery", "Arrived at post office"] == [
        event.text for event in sorted(result.events, key=lambda event: event.at, reverse=True)
    ]


def test_a_row_without_a_readable_date_is_left_out() -> None:
    result = _ask(
        _page(("Feb 30, 2026, 9:00 AM", "Posted", "X"), ("Sep 1, 2026, 9:00 AM", "Posted"))
    )

    assert result is not None
    assert 1 == len(result.events)


def test_an_unknown_number_is_a_row_that_says_so() -> None:
    result = _ask(_page(NOTHING))

    assert result is not None
    assert PollState.NOT_FOUND == result.state


def test_what_is_no_ems_number_is_rejected() -> None:
    told = _ask(f"<ul class='error'><li>{NUMBER} does not denote an EMS item.</li></ul>")
    not_asked = _ask(_page(NOTHING), "LZ123456785CN")

    assert told is not None
    assert not_asked is not None
    assert [PollState.REJECTED, PollState.REJECTED] == [told.state, not_asked.state]
    assert [] == asked


def test_another_numbers_table_is_not_believed() -> None:
    row = ("Sep 1, 2026, 9:00 AM", "Posted", "X")

    assert _ask(_page(row, number="EB123456799CN")) is None


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("<title>Just a moment...</title>", 200, ChallengeError),
        ("<html>Maintenance</html>", 200, TransientError),
        (_page(), 200, TransientError),
        ("", 200, TransientError),
        ("", 503, TransientError),
        ("", 429, QuotaError),
    ],
)
def test_every_failure_is_one_of_our_branches(
    text: str, status: int, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ask(text, status=status)

    assert error is type(caught.value)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=3), st.booleans())
def test_whatever_comes_is_read_or_refused_by_name(rows: list[tuple[str, str]], cut: bool) -> None:
    page = _page(("Sep 1, 2026, 9:00 AM", "Posted"), *rows)
    try:
        result = _ask(page[: len(page) // 2] if cut else page)
    except MailtrackError:
        return

    assert result is None or result.number == NUMBER

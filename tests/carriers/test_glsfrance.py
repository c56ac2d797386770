"""GLS France's own traps: codes alone, times of three forms, a check digit too much."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from mailtrack.carriers.glsfrance import GlsFrance
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import FakeClock
from mailtrack.domain.choosing import choices
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Candidate, PollResult, PollState
from mailtrack.errors import ChallengeError, MailtrackError, PermanentError
from mailtrack.settings import CarrierSettings

NUMBER = "00912345678"
UNKNOWN = httpx.Response(404, json={"message": "no command found", "status": 404})


def _event(code: str, kind: str, when: str, created: str = "", depot: str = "") -> dict[str, str]:
    keys = (
        "statutEvenement",
        "typeEvenement",
        "datereference",
        "datecreation",
        "codelieuEvenement",
    )
    return dict(zip(keys, (code, kind, when, created, depot), strict=True))


EVENTS = [
    _event("LIP", "LIV", "2026-11-13T10:22:00+01:00", "2026-11-13 10:23:11.0", "FR0091"),
    _event("TRV", "TRV", "0001-01-01T00:00:00", "2026-11-13 07:05:00.0", "FR0091"),
    _event("EXP", "EXP", "2026-11-12", depot="FR0001"),
    _event("CON", "CON", "2026-11-11 16:00:00.0"),
]


def _parcel(*events: dict[str, str], **fields: str) -> dict[str, Any]:
    parcel = {
        "trackid": NUMBER,
        "numeroalphaColis": "ZX9QK001",
        "numeroGp": "",
        "statutColis": "LIP",
        "dateActionColis": "2026-11-13 10:22:00.0",
        "dateTheoriqueLivraison": "2026-11-13T00:00:00",
    }
    return {"colis": parcel | fields, "evenements": list(events)}


def _ask(number: str, handler: Callable[[httpx.Request], httpx.Response]) -> PollResult | None:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return GlsFrance(CarrierSettings(), transport, clock).fetch([number]).get(number)


def _read(body: Any, number: str = NUMBER) -> PollResult | None:
    return _ask(number, lambda _: httpx.Response(200, json=body))


def test_an_answer_is_read_whole_in_each_form_of_its_times() -> None:
    result = _read(_parcel(*EVENTS))

    assert result is not None
    assert date(2026, 11, 13) == result.estimated_delivery
    assert [
        (datetime(2026, 11, 13, 9, 22, tzinfo=UTC), Milestone.PICKUP_AVAILABLE, "LIP", True),
        (datetime(2026, 11, 13, 6, 5, tzinfo=UTC), Milestone.OUT_FOR_DELIVERY, "TRV", True),
        (datetime(2026, 11, 11, 23, 0, tzinfo=UTC), Milestone.LOCAL_TRANSIT, "EXP", False),
        (datetime(2026, 11, 11, 15, 0, tzinfo=UTC), Milestone.SHIPPED, "CON", True),
    ] == [(e.at, e.milestone, e.code, e.at_certain) for e in result.events]
    assert ["agence GLS FR0091", "agence GLS FR0091", "agence GLS FR0001", ""] == [
        event.place for event in result.events
    ]


@pytest.mark.parametrize("number", [NUMBER, "ZX9QK001"])
def test_a_parcel_is_known_by_each_of_its_names(number: str) -> None:
    result = _read(_parcel(*EVENTS), number)

    assert result is not None
    assert (number, PollState.FOUND) == (result.number, result.state)


def test_twelve_digits_are_asked_without_the_last_and_then_as_they_are() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.rpartition("/")[2])
        return UNKNOWN if len(asked) == 1 else httpx.Response(200, json=_parcel(*EVENTS))

    result = _ask(f"{NUMBER}4", handler)

    assert [NUMBER, f"{NUMBER}4"] == asked
    assert result is None, "the parcel bears another number"


def test_an_answer_to_eleven_digits_is_one_to_twelve() -> None:
    result = _read(_parcel(*EVENTS), f"{NUMBER}4")

    assert result is not None
    assert f"{NUMBER}4" == result.number


def test_a_parcel_without_events_stands_where_its_state_says() -> None:
    result = _read(_parcel())

    assert result is not None
    assert [(Milestone.PICKUP_AVAILABLE, datetime(2026, 11, 13, 9, 22, tzinfo=UTC))] == [
        (event.milestone, event.at) for event in result.events
    ]


def test_no_day_is_promised_by_the_year_one() -> None:
    result = _read(_parcel(dateTheoriqueLivraison="0001-01-01T00:00:00", statutColis=""))

    assert result is not None
    assert result.estimated_delivery is None


def test_a_code_may_mean_another_thing_in_another_type_of_event() -> None:
    assert Milestone.DELIVERY_FAILED == classify("glsfrance", "DEL@LIV", "").milestone
    assert Milestone.UNKNOWN == classify("glsfrance", "DEL@DEL", "").milestone


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, text="<html>Not Found</html>"), PermanentError),
        (httpx.Response(200, json={"colis": None}), ChallengeError),
        (httpx.Response(200, text="<html></html>"), ChallengeError),
    ],
)
def test_a_service_that_has_moved_is_no_unknown_number(
    answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ask(NUMBER, lambda _: answer)

    assert error is type(caught.value)


@pytest.mark.parametrize(
    ("number", "named", "asked"),
    [
        (NUMBER, (), ["gls", "glsfrance"]),
        ("ZX9QK001", (Candidate("gls", "mail", "none"),), ["gls", "glsfrance"]),
        ("6A12345678901", (), []),
    ],
)
def test_whoever_asks_gls_may_ask_its_french_page(
    number: str, named: tuple[Candidate, ...], asked: list[str]
) -> None:
    assert asked == [*choices(number, {"gls", "glsfrance"}, named)]

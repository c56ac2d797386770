"""Whatever a carrier's page answers, only the branches of our errors are raised."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.carriers import REGISTRY, declarations
from mailtrack.carriers.base import WithPostcode
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.model import PollResult
from mailtrack.errors import MailtrackError
from mailtrack.settings import CarrierSettings

WHEN = "2026-11-10T09:00:00+01:00"
NUMBERS = {
    "gofo": "GFFR26110000000017",
    "sunyou": "SYAE000000017",
    "glsfrance": "00912345678",
    "relaiscolis": "CC300000000127",
    "ciblex": "00000000000017",
    "colisprive": "Q00000000017",
    "paack": "EXEMPLE00017",
}
#: A whole answer in JSON, any part of which may be replaced by anything.
ANSWERS: Mapping[str, Any] = {
    "gofo": {
        "code": 200,
        "data": [
            {
                "waybillNo": NUMBERS["gofo"],
                "expectedDeliveryTime": WHEN,
                "trackEventList": [
                    {"processDate": WHEN, "processCode": "208", "mainContent": "x"},
                ],
            }
        ],
    },
    "sunyou": {
        "status": 1,
        "data": [
            {
                "orderNo": NUMBERS["sunyou"],
                "has": True,
                "result": {
                    "origin": {
                        "items": [
                            {
                                "createTime": "2026-11-10 09:00:00",
                                "timeZone": "+08:00",
                                "status": "101",
                                "eventCode": "PreAlert",
                                "content": "x",
                            },
                            {"createTime": "2026-11-09 09:00:00"},
                        ]
                    }
                },
            }
        ],
    },
    "glsfrance": {
        "colis": {"trackid": NUMBERS["glsfrance"], "dateTheoriqueLivraison": WHEN},
        "evenements": [{"statutEvenement": "TRV", "typeEvenement": "X", "datereference": WHEN}],
    },
    "paack": {
        "state": {
            "loaderData": {
                "routes/tracking.order": {
                    "orderTrackData": {
                        "external_id": NUMBERS["paack"],
                        "expected_delivery_ts": {"start": WHEN, "end": WHEN},
                        "pudo_name": "A",
                        "pudo_address": "B",
                    },
                    "eventList": [
                        {"label": "availableForPickup", "timestamp": 1794553200},
                        {"label": "manifested", "time": WHEN, "timeline": True},
                    ],
                }
            }
        }
    },
}
GARBAGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9" * 15]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(node, list | dict):
        for step, inner in enumerate(node) if isinstance(node, list) else node.items():
            yield from _paths(inner, (*path, step))


def _replaced(node: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = node.copy()
    copy[path[0]] = _replaced(node[path[0]], path[1:], by)
    return copy


def _body(code: str, answer: Any) -> bytes:
    written = json.dumps(answer)
    if code == "paack":
        return f"<html><script>window.__remixContext = {written};</script></html>".encode()
    return f"searchCallback({written})".encode() if code == "sunyou" else written.encode()


def _ask(code: str, status: int, body: bytes) -> PollResult | None:
    def handler(request: httpx.Request) -> httpx.Response:
        if code == "relaiscolis" and request.method == "GET":
            return httpx.Response(200, text='<input id="track_package__token" value="t">')
        return httpx.Response(status, content=body)

    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(handler))
    carrier, number = REGISTRY[code](CarrierSettings(), transport, FakeClock()), NUMBERS[code]
    try:
        if isinstance(carrier, WithPostcode):
            return carrier.fetch_for(number, ["33000"])
        return carrier.fetch([number]).get(number)
    except MailtrackError:
        return None
    finally:
        transport.close()


def test_every_carrier_without_a_contract_is_tried_here() -> None:
    assert NUMBERS.keys() == {d.code for d in declarations() if d.keyless}


@pytest.mark.parametrize("code", ANSWERS)
def test_the_whole_answer_is_read(code: str) -> None:
    result = _ask(code, 200, _body(code, ANSWERS[code]))

    assert result is not None
    assert result.events


@pytest.mark.parametrize("code", ANSWERS)
@given(data=st.data(), by=GARBAGE)
@settings(max_examples=100, deadline=None)
def test_an_answer_with_anything_inside_is_read_or_refused(
    code: str, data: st.DataObject, by: Any
) -> None:
    path = data.draw(st.sampled_from([*_paths(ANSWERS[code])]))
    result = _ask(code, 200, _body(code, _replaced(ANSWERS[code], path, by)))

    assert result is None or NUMBERS[code] == result.number


@pytest.mark.parametrize("code", NUMBERS)
@given(
    body=st.binary(max_size=64)
    | st.text(alphabet="<>()/{}\"'tdr able=2", max_size=80).map(str.encode),
    status=st.sampled_from([200, 200, 200]) | st.integers(200, 599),
)
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_read_or_refused(code: str, body: bytes, status: int) -> None:
    result = _ask(code, status, body)

    assert result is None or (NUMBERS[code], ()) == (result.number, result.events)

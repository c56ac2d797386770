"""Whatever the carriers with credentials answer, only the four branches are raised."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mailtrack.carriers import CarrierType
from mailtrack.carriers.aftership import AfterShip
from mailtrack.carriers.dhl import Dhl
from mailtrack.carriers.fedex import FedEx
from mailtrack.carriers.gls import Gls
from mailtrack.carriers.seventeentrack import SeventeenTrack, read_push
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.ups import Ups
from mailtrack.clock import FakeClock
from mailtrack.domain.model import PollResult
from mailtrack.errors import MailtrackError
from mailtrack.settings import CarrierSettings

NUMBER = "N1"
SETTINGS = CarrierSettings(
    key=SecretStr("k"), client_id=SecretStr("me"), client_secret=SecretStr("hush")
)
WHEN = "2026-02-10T09:00:00+01:00"
#: A whole answer of each carrier, any part of which may be replaced by anything.
ANSWERS: Mapping[CarrierType, Any] = {
    Dhl: {
        "status": 404,
        "shipments": [
            {
                "id": NUMBER,
                "status": {"timestamp": WHEN},
                "estimatedTimeOfDelivery": WHEN,
                "estimatedDeliveryTimeFrame": {"estimatedThrough": WHEN},
                "events": [
                    {
                        "timestamp": WHEN,
                        "statusCode": "transit",
                        "description": "x",
                        "location": {"address": {"addressLocality": "A, B", "countryCode": "FR"}},
                    }
                ],
            }
        ],
    },
    FedEx: {
        "errors": [{"code": "X"}],
        "output": {
            "completeTrackResults": [
                {
                    "trackingNumber": NUMBER,
                    "trackResults": [
                        {
                            "error": {"code": ""},
                            "scanEvents": [{"date": WHEN, "eventType": "PU", "scanLocation": {}}],
                            "dateAndTimes": [{"type": "COMMITMENT", "dateTime": WHEN}],
                            "estimatedDeliveryTimeWindow": {"window": {"ends": WHEN}},
                            "additionalTrackingInfo": {
                                "packageIdentifiers": [
                                    {"type": "PARTNER_CARRIER_NUMBER", "values": ["6A1"]}
                                ]
                            },
                            "holdAtLocation": {
                                "locationContactAndAddress": {"address": {"streetLines": ["a"]}}
                            },
                        }
                    ],
                }
            ]
        },
    },
    Ups: {
        "response": {"errors": [{"code": "X"}]},
        "trackResponse": {
            "shipment": [
                {
                    "inquiryNumber": NUMBER,
                    "warnings": [{"code": "X"}],
                    "package": [
                        {
                            "trackingNumber": NUMBER,
                            "activity": [
                                {
                                    "date": "20260210",
                                    "time": "090000",
                                    "gmtOffset": "+01:00",
                                    "status": {"statusCode": "040", "type": "I"},
                                    "location": {"address": {"city": "A"}},
                                }
                            ],
                            "alternateTrackingNumber": [{"number": "6A1", "type": "X"}],
                            "deliveryDate": [{"type": "SDD", "date": "20260214"}],
                            "packageAddress": [{"type": "ACCESS", "address": {"city": "A"}}],
                            "accessPointInformation": {"pickupByDate": "20260220"},
                        }
                    ],
                }
            ]
        },
    },
    Gls: {
        "parcels": [
            {
                "requested": NUMBER,
                "errorCode": "",
                "status": "DELIVERED",
                "statusDateTime": WHEN,
                "events": [{"eventDateTime": WHEN, "code": "X", "city": "A"}],
            }
        ]
    },
    SeventeenTrack: {
        "code": 0,
        "data": {
            "rejected": [{"number": "N2", "error": {"code": -18019902}}],
            "accepted": [
                {
                    "number": NUMBER,
                    "track_info": {
                        "latest_status": {"status": "Expired"},
                        "time_metrics": {"estimated_delivery_date": {"to": WHEN}},
                        "misc_info": {"local_number": "6A1"},
                        "tracking": {
                            "providers": [
                                {
                                    "provider": {"key": 1},
                                    "events": [
                                        {"time_utc": WHEN, "time_raw": {}, "stage": "X"},
                                        {"time_iso": "2026-02-10T09:00:00", "sub_status": "X"},
                                    ],
                                }
                            ]
                        },
                    },
                }
            ],
        },
    },
    AfterShip: {
        "meta": {"code": 4003},
        "data": {
            "trackings": [
                {
                    "tracking_number": NUMBER,
                    "tag": "InTransit",
                    "checkpoints": [{"checkpoint_time": WHEN, "subtag": "X", "message": "x"}],
                    "last_mile": {"tracking_number": "6A1"},
                    "latest_estimated_delivery": {"datetime": WHEN},
                    "delivery_type": "pickup_at_store",
                    "pickup_location": "A",
                }
            ]
        },
    },
}
GARBAGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if not isinstance(node, list | dict):
        return
    for step, inner in enumerate(node) if isinstance(node, list) else node.items():
        yield from _paths(inner, (*path, step))


def _replaced(node: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = node.copy()
    copy[path[0]] = _replaced(node[path[0]], path[1:], by)
    return copy


def _fetch(make: CarrierType, status: int, body: bytes) -> Mapping[str, PollResult]:
    def handler(request: httpx.Request) -> httpx.Response:
        if "oauth" in request.url.path:
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return httpx.Response(status, content=body)

    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(handler))
    try:
        return make(SETTINGS, transport, FakeClock()).fetch([NUMBER])
    except MailtrackError:
        return {}
    finally:
        transport.close()


@pytest.mark.parametrize("make", ANSWERS, ids=lambda make: make.declaration.code)
def test_the_whole_answer_is_read(make: CarrierType) -> None:
    assert [NUMBER] == list(_fetch(make, 200, json.dumps(ANSWERS[make]).encode()))


@pytest.mark.parametrize("make", ANSWERS, ids=lambda make: make.declaration.code)
@given(data=st.data(), by=GARBAGE, status=st.sampled_from([200, 200, 200, 400, 404]))
@settings(max_examples=100, deadline=None)
def test_an_answer_with_anything_inside_is_read_or_refused(
    make: CarrierType, data: st.DataObject, by: Any, status: int
) -> None:
    path = data.draw(st.sampled_from([*_paths(ANSWERS[make])]))
    body = json.dumps(_replaced(ANSWERS[make], path, by)).encode()

    assert set(_fetch(make, status, body)) <= {NUMBER}


@pytest.mark.parametrize("make", ANSWERS, ids=lambda make: make.declaration.code)
@given(body=st.binary(max_size=64), status=st.integers(200, 599))
@settings(max_examples=30, deadline=None)
def test_any_bytes_are_read_or_refused(make: CarrierType, body: bytes, status: int) -> None:
    assert set(_fetch(make, status, body)) <= {NUMBER}


@given(data=st.data(), by=GARBAGE)
@settings(deadline=None)
def test_a_push_with_anything_inside_is_read_or_refused(data: st.DataObject, by: Any) -> None:
    push = {"event": "x", "data": ANSWERS[SeventeenTrack]["data"]["accepted"][0]}
    path = data.draw(st.sampled_from([*_paths(push)]))
    try:
        results = read_push(json.dumps(_replaced(push, path, by)).encode()).results
    except MailtrackError:
        results = {}

    assert all(number == result.number for number, result in results.items())

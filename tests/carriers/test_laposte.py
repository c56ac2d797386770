"""La Poste's Suivi v2, read with all its traps."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mailtrack.carriers.laposte import LaPoste
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, Reason, TrackingEvent
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.settings import CarrierSettings

NUMBER = "6A12345678901"
OTHER = "6A12345678902"
SITE = (
    "Votre colis est dans le site de livraison qui dessert votre adresse. "
    "Nous le préparons pour le mettre en livraison."
)


def _ask(
    handler: Callable[[httpx.Request], httpx.Response], *numbers: str
) -> dict[str, PollResult]:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    own = CarrierSettings(url="https://laposte.example", key=SecretStr("k3y"))
    return dict(LaPoste(own, transport, clock).fetch(numbers or [NUMBER]))


def _read(status: int, body: Any, *numbers: str) -> dict[str, PollResult]:
    return _ask(lambda _: httpx.Response(status, json=body), *numbers)


def _event(date: str, code: str, label: str, order: int = 100) -> dict[str, Any]:
    return {"date": date, "code": code, "label": label, "order": order}


def _found(*events: dict[str, Any], number: str = NUMBER, **fields: Any) -> dict[str, Any]:
    return {
        "returnCode": 200,
        "scope": "open",
        "shipment": {"idShip": number, "event": list(events), **fields},
    }


def _one(code: str, label: str) -> TrackingEvent:
    body = _found(_event("2026-03-06T09:27:28+01:00", code, label))
    return _read(200, body)[NUMBER].events[0]


def test_one_request_asks_for_all_numbers_with_the_key() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(207, json=[_found(), _found(number=OTHER)])

    _ask(handler, NUMBER, OTHER)

    assert [f"/suivi/v2/idships/{NUMBER},{OTHER}"] == [request.url.path for request in asked]
    assert "fr_FR" == asked[0].url.params["lang"]
    assert ("k3y", "application/json") == (
        asked[0].headers["x-okapi-key"],
        asked[0].headers["accept"],
    )


def test_a_number_cannot_leave_its_place_in_the_address() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(404)

    _ask(handler, "../../admin?x=1")

    assert ["/suivi/v2/idships/..%2F..%2Fadmin%3Fx%3D1?lang=fr_FR"] == asked


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: [e]])
def test_one_number_may_come_as_an_object_or_as_a_list(wrap: Callable[[Any], Any]) -> None:
    result = _read(200, wrap(_found(_event("2026-03-06T09:27:28+01:00", "DI1", "Livré"))))[NUMBER]

    assert PollState.FOUND == result.state
    assert datetime(2026, 3, 6, 8, 27, 28, tzinfo=UTC) == result.events[0].at
    assert result.events[0].at_certain


def test_each_number_of_a_batch_has_its_own_answer() -> None:
    body = [
        _found(_event("2026-03-06T09:27:28+01:00", "PC1", "Pris en charge")),
        {"returnCode": 104, "returnMessage": "…", "idShip": OTHER},
        {"returnCode": 400, "returnMessage": "…", "idShip": "BAD"},
        {"returnCode": 504, "returnMessage": "…", "idShip": "DOWN"},
        {"returnCode": 109, "returnMessage": "…", "idShip": "ODD"},
    ]

    results = _read(207, body, NUMBER, OTHER, "BAD", "DOWN", "ODD")

    assert {
        NUMBER: PollState.FOUND,
        OTHER: PollState.NOT_FOUND,
        "BAD": PollState.REJECTED,
    } == {number: result.state for number, result in results.items()}


@pytest.mark.parametrize(
    ("response", "state"),
    [
        (httpx.Response(404, json={"returnCode": 104, "idShip": NUMBER}), PollState.NOT_FOUND),
        (httpx.Response(404, json={"returnCode": 104}), PollState.NOT_FOUND),
        (httpx.Response(404, text="Not found"), PollState.NOT_FOUND),
        (httpx.Response(400, json={"returnCode": 400, "idShip": NUMBER}), PollState.REJECTED),
        (httpx.Response(400, text="Bad request"), PollState.REJECTED),
        (httpx.Response(200, json=_found()), PollState.PENDING),
    ],
)
def test_what_is_said_of_a_single_number_is_a_look(
    response: httpx.Response, state: PollState
) -> None:
    assert state == _ask(lambda _: response)[NUMBER].state


def test_another_numbers_answer_is_left_out() -> None:
    assert {} == _read(200, _found(number=OTHER))
    assert {} == _read(404, {"returnCode": 104, "idShip": OTHER})


@pytest.mark.parametrize("body", [{"returnCode": 104}, "Not found"])
def test_a_batch_of_which_no_number_is_named_is_not_unknown_as_a_whole(body: Any) -> None:
    """It fails for good, so that each is asked about alone."""
    answer = httpx.Response(404, json=body)

    with pytest.raises(PermanentError):
        _ask(lambda _: answer, NUMBER, OTHER)


def test_chronoposts_check_character_is_no_other_number() -> None:
    body = _found(number="13199341485349X")

    assert ["13199341485349"] == list(_read(200, body, "13199341485349"))


@pytest.mark.parametrize(
    ("code", "label", "milestone"),
    [
        ("MD2", SITE, Milestone.LOCAL_TRANSIT),
        ("MD2", "Votre colis est en cours de livraison.", Milestone.OUT_FOR_DELIVERY),
        ("MD2", "Mis en distribution", Milestone.OUT_FOR_DELIVERY),
        ("DR1", "Incident : livraison impossible", Milestone.DELIVERY_FAILED),
        ("ET1", "Votre colis est en cours d'acheminement.", Milestone.LOCAL_TRANSIT),
        (
            "ET3",
            "Votre colis est arrivé dans le pays du destinataire.",
            Milestone.ARRIVED_IN_COUNTRY,
        ),
        ("DI1", "Votre colis est livré.", Milestone.DELIVERED),
        ("DI2", "Votre colis est livré.", Milestone.RETURNED),
        ("DI1", "Votre colis a été livré à l’expéditeur.", Milestone.RETURNED),
        ("RE1", "", Milestone.RETURNING),
        ("ZZ1", "Texte que personne ne connaît", Milestone.UNKNOWN),
    ],
)
def test_the_label_is_read_before_the_code(code: str, label: str, milestone: Milestone) -> None:
    assert milestone == _one(code, label).milestone


def test_a_failed_delivery_says_why() -> None:
    assert Reason.ABSENT == _one("ND1", "Le destinataire était absent.").reason


def test_is_final_is_not_trusted() -> None:
    body = _found(_event("2026-03-06T09:27:28+01:00", "ET1", "En transit"), isFinal=True)

    assert Milestone.LOCAL_TRANSIT == _read(200, body)[NUMBER].events[0].milestone


def test_a_scan_keeps_its_fingerprint_when_its_order_and_label_change() -> None:
    """`order` counts down from the newest, which is always 100."""
    early = _found(_event("2026-03-06T09:27:28+01:00", "PC1", "Pris en charge", 100))
    late = _found(
        _event("2026-03-07T09:27:28+01:00", "ET1", "En transit", 100),
        _event("2026-03-06T09:27:28+01:00", "PC1", "Pris en charge.", 99),
    )

    before = {event.fingerprint for event in _read(200, early)[NUMBER].events}
    after = {event.fingerprint for event in _read(200, late)[NUMBER].events}

    assert before < after


def test_a_date_without_offset_is_read_in_paris_and_marked_doubtful() -> None:
    (event,) = _read(200, _found(_event("2026-07-06T09:00:00", "PC1", "x")))[NUMBER].events

    assert (datetime(2026, 7, 6, 7, 0, tzinfo=UTC), False) == (event.at, event.at_certain)


def test_a_scan_without_a_date_is_left_out_not_its_neighbours() -> None:
    body = _found(_event("soon", "DI1", "x"), _event("2026-07-06T09:00:00Z", "PC1", "y"))

    assert ["PC1"] == [event.code for event in _read(200, body)[NUMBER].events]


def test_the_estimate_is_a_day_in_france() -> None:
    body = _found(estimDate="2026-03-09T23:38:00+00:00")

    assert date(2026, 3, 10) == _read(200, body)[NUMBER].estimated_delivery


@pytest.mark.parametrize(
    ("label", "last_day"),
    [
        (
            "Votre colis est disponible dans votre point de retrait pendant 10 jours ouvrables.",
            None,
        ),
        ("Disponible dans votre point de retrait jusqu’au 14/03/2026.", date(2026, 3, 14)),
        ("Disponible dans votre bureau jusqu'au samedi 14 mars 2026", date(2026, 3, 14)),
        ("Disponible dans votre bureau jusqu'au dimanche 1er août 2027", date(2027, 8, 1)),
        ("Disponible dans votre bureau jusqu'au 31/02/2026", None),
    ],
)
def test_the_last_day_at_a_pickup_point_is_known_only_where_it_is_written(
    label: str, last_day: date | None
) -> None:
    point = {"removalPoint": {"name": "TABAC  DU PORT ", "type": "A2P"}}
    body = _found(_event("2026-03-06T09:27:28+01:00", "AG1", label), contextData=point)

    found = _read(200, body)[NUMBER].pickup_point

    assert found is not None
    assert ("TABAC DU PORT", last_day) == (found.name, found.last_day)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(401, json={"code": "UNAUTHORIZED"}), AuthError),
        (httpx.Response(403, text="no"), AuthError),
        (httpx.Response(429, json={"code": "TOO_MANY_REQUESTS"}), QuotaError),
        (httpx.Response(504, json={"returnCode": 504}), TransientError),
        (httpx.Response(500, text="oops"), TransientError),
        (httpx.Response(200, text="<html>"), ChallengeError),
        (httpx.Response(200, json=[]), TransientError),
        (httpx.Response(200, json="x"), PermanentError),
    ],
)
def test_every_failure_is_one_of_our_branches(
    response: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ask(lambda _: response)

    assert error is type(caught.value)


def test_a_bad_request_for_many_numbers_condemns_none_of_them() -> None:
    with pytest.raises(PermanentError):
        _read(400, {"returnMessage": "…"}, NUMBER, OTHER)


#: NaN and infinities too: Python's reader takes them.
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = [
    "idShip",
    "event",
    "date",
    "code",
    "label",
    "order",
    "contextData",
    "removalPoint",
    "name",
    "estimDate",
    "isFinal",
]
_LIKE_A_SHIPMENT = st.dictionaries(
    st.sampled_from(_FIELDS),
    _JSON | st.just(NUMBER) | st.lists(st.dictionaries(st.sampled_from(_FIELDS), _JSON)),
)
_LIKE_AN_ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "returnCode": _JSON | st.sampled_from([104, "104", 504]),
        "idShip": _JSON | st.just(NUMBER),
        "shipment": _JSON | _LIKE_A_SHIPMENT,
    },
)


@settings(deadline=None, max_examples=50)
@given(
    status=st.sampled_from([200, 207, 400, 404, 500]),
    body=_JSON | _LIKE_AN_ENVELOPE | st.lists(_LIKE_AN_ENVELOPE, max_size=3),
)
def test_whatever_comes_is_read_or_refused_by_name(status: int, body: Any) -> None:
    try:
        results = _ask(lambda _: httpx.Response(status, content=json.dumps(body)))
    except MailtrackError:
        return

    assert set(results) <= {NUMBER}

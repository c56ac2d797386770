"""A reading as the JSON object that `mailtrack parse --json` prints."""

from datetime import date
from typing import Any

from mailtrack.domain.model import Outcome, PickupPoint
from mailtrack.errors import PermanentError
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.parsers.reading import Forward, Original, Person, Reading

_NO_FORWARD = Forward(False, None, Person(), "", Original())


def read_as_json(raw: bytes, file: str) -> dict[str, Any]:
    """Read one raw mail; one that nobody can read is `quarantined`."""
    try:
        reading = parse(read_message(raw))
    except PermanentError as error:
        reading = Reading(Outcome.QUARANTINED, _NO_FORWARD, reason=str(error))
    return reading_as_json(reading, file)


def reading_as_json(reading: Reading, file: str) -> dict[str, Any]:
    """Return a reading with the keys that other tools rely on."""
    forward = reading.forward
    return {
        "file": file,
        "outcome": str(reading.outcome),
        "shop": reading.shop,
        "kind": reading.kind,
        "language": reading.language,
        "milestone": reading.milestone and str(reading.milestone),
        "orders": list(reading.orders),
        "parcels": [
            {
                "number": parcel.number,
                "orders": list(parcel.orders),
                "local_number": parcel.local_number,
                "carriers": [candidate.carrier for candidate in parcel.carriers],
                "milestone": parcel.milestone and str(parcel.milestone),
                "source": parcel.source,
                "estimated_delivery": _day(parcel.expected_on),
                "pickup": parcel.pickup and _pickup(parcel.pickup),
            }
            for parcel in reading.parcels
        ],
        "doubtful": [
            {
                "number": doubtful.number,
                "carriers": [candidate.carrier for candidate in doubtful.carriers],
                "why": str(doubtful.why),
            }
            for doubtful in reading.doubtful
        ],
        "items": list(reading.items),
        "estimated_delivery": _day(reading.estimated_delivery),
        "ordered_at": _day(reading.ordered_at),
        "forward": {
            "is_forward": forward.is_forward,
            "method": forward.method and str(forward.method),
            "forwarder": _person(forward.forwarder),
            "message": forward.message,
            "original": _original(forward.original),
            "others": [_original(other) for other in forward.others],
        },
    }


def _original(original: Original) -> dict[str, Any]:
    return {
        "from": _person(original.sender),
        "to": [_person(person) for person in original.to],
        "cc": [_person(person) for person in original.cc],
        "subject": original.subject,
        "date": original.date,
        "body": original.body,
    }


def _pickup(point: PickupPoint) -> dict[str, str | None]:
    return {
        "name": point.name,
        "address": point.address,
        "last_day": _day(point.last_day),
        "code": point.code,
    }


def _person(person: Person) -> dict[str, str]:
    return {"name": person.name, "address": person.address}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None

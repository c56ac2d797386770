"""`mailtrack track`: one question to the carriers, now, without the store."""

from typing import Any

from mailtrack.carriers import named, why_off
from mailtrack.domain import numbers, tracking
from mailtrack.domain.choosing import FALLBACKS, choices
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, QuotaError
from mailtrack.runtime.services import Services

#: Who is asked about a number whose form says nothing.
_FIRST_GUESS = "cainiao"
#: What is said of a carrier that failed, by the branch of its error.
_FAILED = ((QuotaError, "quota"), (AuthError, "auth"), (MailtrackError, "unavailable"))


def ask(services: Services, number: str, carrier: str = "") -> dict[str, Any]:
    """Ask the candidates of a number one after the other until one knows it.

    1. A carrier that is named is the only candidate; it must be on.
    2. Otherwise: those that the number's form speaks for, and behind them who may know any.
    3. Who could not be asked, or left it out of the answer, may well know it: that tells more
       than "not found".

    Raises ConfigurationError where the carrier that is named cannot be asked.
    """
    wanted = numbers.normalise(number)
    if carrier:
        code = named(carrier)
        if code not in services.carriers:
            why = why_off(services.declarations[code], services.settings)
            raise ConfigurationError(f"{code} is off: {why}.")
        candidates = [code]
    else:
        on = services.carriers.keys()
        fallbacks = [code for code in (_FIRST_GUESS, *FALLBACKS) if code in on]
        candidates = list(dict.fromkeys([*choices(wanted, on), *fallbacks]))
    failed: dict[str, Any] = {}
    unknown = _blank(wanted, "", "not_found")
    for code in candidates:
        try:
            result = services.carriers[code].fetch([wanted]).get(wanted)
        except MailtrackError as error:
            state = next(word for branch, word in _FAILED if isinstance(error, branch))
            failed = failed or _blank(wanted, code, state)
            continue
        if result is None:
            failed = failed or _blank(wanted, code, "unavailable")
            continue
        if result.state in (PollState.FOUND, PollState.PENDING):
            return _found(code, result)
        wants = result.state is PollState.NEEDS_POSTCODE
        unknown = _blank(wanted, code, "needs_postcode" if wants else "not_found")
    return failed or unknown


def _blank(number: str, code: str, state: str) -> dict[str, Any]:
    return {
        "number": number,
        "carrier": code,
        "state": state,
        "milestone": None,
        "local_number": None,
        "estimated_delivery": None,
        "pickup_point": None,
        "events": [],
    }


def _found(code: str, result: PollResult) -> dict[str, Any]:
    steps = tracking.walk(result.events)
    point = result.pickup_point
    return {
        "number": result.number,
        "carrier": code,
        "state": "found",
        "milestone": steps[-1].milestone if steps else None,
        "local_number": result.local_number,
        "estimated_delivery": result.estimated_delivery and result.estimated_delivery.isoformat(),
        "pickup_point": point
        and {
            "name": point.name,
            "address": point.address,
            "last_day": point.last_day and point.last_day.isoformat(),
        },
        "events": [
            {
                "at": event.at.isoformat(),
                "at_certain": event.at_certain,
                "code": event.code,
                "text": event.text,
                "place": event.place,
                "milestone": event.milestone,
                "reason": event.reason,
                "source": event.source,
            }
            for event in reversed(tracking.chronology(result.events))
        ],
    }

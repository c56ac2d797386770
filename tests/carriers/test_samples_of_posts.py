"""Answers of posts and relays as they were documented, where a folder of them is at hand.

`MAILTRACK_SAMPLES` names the folder; without it this file is not collected.
"""

import os
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from mailtrack import carriers
from mailtrack.carriers.base import Carrier
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollState
from mailtrack.errors import AuthError, MailtrackError, TransientError
from mailtrack.settings import CarrierSettings

SAMPLES = Path(os.environ["MAILTRACK_SAMPLES"]) / "carriers"
SECRET = SecretStr("x")
DELIVERED, OUT, MOVING = Milestone.DELIVERED, Milestone.OUT_FOR_DELIVERY, Milestone.IN_TRANSIT
#: File, carrier, number, state, events, newest milestone, newest time (UTC), local number.
ANSWERED = (
    (
        "mondial_relay/constructed_WSI2_TracingColisDetaille_82_delivered.xml",
        *("mondialrelay", "12345678", PollState.FOUND, 3, DELIVERED, "2026-07-12T09:30", None),
    ),
    (
        "mondial_relay/constructed_WSI2_TracingColisDetaille_94_unknown.xml",
        *("mondialrelay", "12345678", PollState.NOT_FOUND, 0, None, "", None),
    ),
    (
        "4px/slince_tr.order.tracking.get_ok.json",
        *("4px", "998071388879", PollState.FOUND, 4, MOVING, "2016-12-10T05:46", None),
    ),
    (
        "4px/ha-4px_synthetic_pending.json",
        *("4px-keyless", "SYNTHETICPENDING", PollState.PENDING, 0, None, "", None),
    ),
    (
        "yanwen/constructed_api_tracking_ok_and_notfound.json",
        *("yanwen", "UF000000001YP", PollState.FOUND, 2, OUT, "2019-08-15T10:52", "LZ000000002FR"),
    ),
    (
        "yanwen/constructed_api_tracking_ok_and_notfound.json",
        *("yanwen", "UF000000009YP", PollState.NOT_FOUND, 0, None, "", None),
    ),
    (
        "yanwen/slince_v2_api_Tracking_ok.json",
        *("yanwen", "AA071365715YR", PollState.FOUND, 22, DELIVERED, "", "LW529183198CN"),
    ),
    (
        "yanwen/slince_v2_api_Tracking_unknown_number.json",
        *("yanwen", "AA071365715YR", PollState.NOT_FOUND, 0, None, "", None),
    ),
    (
        "upu/unknown_item_http200_empty_body.txt",
        *("upu", "LZ123456785CN", PollState.NOT_FOUND, 0, None, "", None),
    ),
)
REFUSED = (
    (
        "mondial_relay/constructed_WSI2_TracingColisDetaille_97_bad_key.xml",
        "mondialrelay",
        AuthError,
    ),
    ("4px/slince_tr.order.tracking.get_bad_app_key.json", "4px", AuthError),
    ("yanwen/slince_v2_api_Tracking_error.json", "yanwen", TransientError),
    ("chronopost/karrio_trackSkybillV2_error.xml", "chronopost", TransientError),
)


def _present(table: tuple[tuple[object, ...], ...]) -> list[tuple[object, ...]]:
    return [row for row in table if (SAMPLES / str(row[0])).exists()]


def _carrier(name: str, path: str) -> Carrier:
    body = (SAMPLES / path).read_bytes()
    clock = FakeClock()
    transport = Transport(
        clock, wire=lambda: httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    )
    code = name.removesuffix("-keyless")
    own = CarrierSettings(
        key=SECRET, client_id=SECRET, client_secret=SECRET, keyless=name.endswith("-keyless")
    )
    return carriers.REGISTRY[code](own, transport, clock)


@pytest.mark.parametrize(
    ("path", "name", "number", "state", "events", "newest", "at", "local"), _present(ANSWERED)
)
def test_a_sample_is_read_without_loss(
    path: str,
    name: str,
    number: str,
    state: PollState,
    events: int,
    newest: Milestone | None,
    at: str,
    local: str | None,
) -> None:
    result = _carrier(name, path).fetch([number])[number]

    assert (state, events, local) == (result.state, len(result.events), result.local_number)
    assert Milestone.UNKNOWN not in {event.milestone for event in result.events}
    assert events == len({event.fingerprint for event in result.events})
    if result.events:
        assert newest is result.events[0].milestone
        assert result.events[0].at.isoformat().startswith(at)


@pytest.mark.parametrize(("path", "name", "error"), _present(REFUSED))
def test_a_sample_of_a_failure_is_refused_by_name(
    path: str, name: str, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _carrier(name, path).fetch(["12345678"])

    assert error is type(caught.value)

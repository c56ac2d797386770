"""Pages of carriers without a contract, where a folder of them is at hand, see test_samples.py."""

import os
from datetime import date
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from mailtrack.carriers import REGISTRY
from mailtrack.carriers.base import WithPostcode
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.settings import CarrierSettings

SAMPLES = Path(os.environ["MAILTRACK_SAMPLES"]) / "carriers"
FORM = '<input type="hidden" id="track_package__token" value="t0k3n">'


class Sample(NamedTuple):
    """One answer: its number, the milestones and places that are read of it, newest first."""

    code: str
    path: str
    number: str
    milestones: str = ""
    places: str = ""
    expected: date | None = None
    status: int = 200
    certain: bool = True


READ = (
    Sample(
        "gofo",
        "gofo/2026-11/fr_queryTrackV2_200.json",
        "GFFR26110000000017",
        "out_for_delivery local_transit carrier_accepted shipped",
        "EXEMPLEVILLE|EXEMPLEVILLE|HUB EXEMPLE|",
    ),
    Sample(
        "sunyou",
        "sunyou/2026-11/queryTrack_200.jsonp.txt",
        "SYAE000000017",
        "out_for_delivery customs_cleared in_transit shipped",
        "|||",
    ),
    Sample(
        "glsfrance",
        "gls_fr/2026-11/codes_200.json",
        "00912345678",
        "pickup_available out_for_delivery local_transit local_transit shipped",
        "agence GLS FR0091|agence GLS FR0091|agence GLS FR0091|agence GLS FR0001|",
        date(2026, 11, 13),
        certain=False,
    ),
    Sample(
        "relaiscolis",
        "relais_colis/2026-11/suivre_200_history.html",
        "CC300000000127",
        "pickup_available local_transit carrier_accepted shipped",
        "|||",
    ),
    Sample(
        "ciblex",
        "ciblex/2026-11/corps_200.html",
        "00000000000017",
        "out_for_delivery local_transit carrier_accepted",
        "EXEMPLEVILLE (33)|EXEMPLEVILLE (33)|AUTREVILLE (94)",
    ),
    Sample(
        "colisprive",
        "colis_prive/2026-11/detail_200_fr.html",
        "Q8EXMPL00417",
        "out_for_delivery local_transit carrier_accepted shipped",
        "|||",
        certain=False,
    ),
    Sample(
        "paack",
        "paack/2026-11/order_200.html",
        "EXEMPLE00017",
        "out_for_delivery shipped",
        "|",
        date(2026, 11, 13),
    ),
)
UNKNOWN = (
    Sample("gofo", "gofo/2026-11/fr_unknown_200.json", "GFFR26110000000999"),
    Sample("sunyou", "sunyou/2026-11/unknown_200.jsonp.txt", "SYAE000000999"),
    Sample("glsfrance", "gls_fr/2026-11/unknown_404.json", "00912345679", status=404),
    Sample("relaiscolis", "relais_colis/2026-11/suivre_200_unknown.html", "CC300000000999"),
)


def _at_hand(samples: tuple[Sample, ...]) -> list[Sample]:
    return [sample for sample in samples if (SAMPLES / sample.path).exists()]


def _read(sample: Sample) -> PollResult:
    body = (SAMPLES / sample.path).read_bytes()

    def handler(request: httpx.Request) -> httpx.Response:
        is_form = sample.code == "relaiscolis" and request.method == "GET"
        return httpx.Response(sample.status, content=FORM if is_form else body)

    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(handler))
    carrier = REGISTRY[sample.code](CarrierSettings(), transport, FakeClock())
    if not isinstance(carrier, WithPostcode):
        return carrier.fetch([sample.number])[sample.number]
    result = carrier.fetch_for(sample.number, ["33000"])
    assert result is not None
    return result


@pytest.mark.parametrize("sample", _at_hand(READ), ids=lambda sample: sample.code)
def test_a_sample_is_read_whole(sample: Sample) -> None:
    result = _read(sample)
    events = result.events

    assert sample.milestones.split() == [event.milestone for event in events]
    assert sample.places.split("|") == [event.place for event in events]
    assert sample.expected == result.estimated_delivery
    assert sample.certain == all(event.at_certain for event in events)
    assert "INVENT" not in repr(result)


@pytest.mark.parametrize("sample", _at_hand(UNKNOWN), ids=lambda sample: sample.code)
def test_a_sample_of_an_unknown_number_says_so(sample: Sample) -> None:
    assert PollResult(sample.number, PollState.NOT_FOUND) == _read(sample)

"""Answers as they were recorded or documented, where a folder of them is at hand.

`MAILTRACK_SAMPLES` names the folder; without it this file is not collected.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.cainiao import Cainiao
from mailtrack.carriers.laposte import LaPoste
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.vocabulary import classify_lines
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import MailtrackError
from mailtrack.settings import CarrierSettings

SAMPLES = Path(os.environ["MAILTRACK_SAMPLES"])
CAINIAO = sorted(SAMPLES.glob("carriers/cainiao/*.json"))
LAPOSTE = sorted(SAMPLES.glob("carriers/laposte/*http*.json"))
JOURNEYS = sorted(SAMPLES.glob("carriers/laposte/*_colissimo_*.json"))
REFUSED = sorted(SAMPLES.glob("carriers/laposte/*error_400*.json"))
TEXTS = sorted(SAMPLES.glob("event_texts.tsv"))
#: Where our list of milestones wins over the table: the way inside China, the
#: consolidation warehouse, the delivery site, and no guess where a text says nothing.
AGREEMENT = 0.95


def _answering(path: Path, status: int = 200) -> Transport:
    body = path.read_bytes()
    return Transport(
        FakeClock(),
        wire=lambda: httpx.MockTransport(lambda _: httpx.Response(status, content=body)),
    )


def _numbers(body: Any, key: str) -> list[str]:
    """Collect the numbers that an answer speaks of, wherever they stand."""
    if isinstance(body, list):
        return [number for item in body for number in _numbers(item, key)]
    if not isinstance(body, dict):
        return []
    own = [body[key]] if isinstance(body.get(key), str) else []
    return own + [n for value in body.values() for n in _numbers(value, key)]


def _check(results: dict[str, PollResult], numbers: list[str]) -> None:
    assert set(numbers) == set(results)
    for result in results.values():
        assert (result.state is PollState.FOUND) == bool(result.events)
        assert Milestone.UNKNOWN not in {event.milestone for event in result.events}
        assert len(result.events) == len({event.fingerprint for event in result.events})


@pytest.mark.parametrize("path", CAINIAO, ids=lambda path: path.stem)
def test_a_sample_of_cainiao_is_read_whole(path: Path) -> None:
    numbers = _numbers(json.loads(path.read_bytes()), "mailNo")
    carrier = Cainiao(CarrierSettings(), _answering(path), FakeClock())

    _check(dict(carrier.fetch(numbers)), numbers)


@pytest.mark.parametrize("path", LAPOSTE, ids=lambda path: path.stem)
def test_a_sample_of_la_poste_is_read_whole_or_refused_by_name(path: Path) -> None:
    status = int(path.stem.partition("http")[2][:3])
    numbers = _numbers(json.loads(path.read_bytes()), "idShip")
    settings = CarrierSettings(key=SecretStr("k"))
    carrier = LaPoste(settings, _answering(path, status), FakeClock())

    if status in (401, 429):
        with pytest.raises(MailtrackError):
            carrier.fetch(["6A12345678901"])
    else:
        _check(dict(carrier.fetch(numbers)), numbers)


@pytest.mark.parametrize("path", JOURNEYS, ids=lambda path: path.stem)
def test_a_recorded_journey_with_la_poste_is_read_line_by_line(path: Path) -> None:
    """Some were kept as the bare list of events, one from the service that came before."""
    body = json.loads(path.read_bytes())
    lines = body if isinstance(body, list) else body["shipment"]["event"]
    envelope = {"returnCode": 200, "shipment": {"idShip": "6A12345678901", "event": lines}}
    answer = httpx.Response(200, json=envelope)
    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(lambda _: answer))
    carrier = LaPoste(CarrierSettings(key=SecretStr("k")), transport, FakeClock())

    result = carrier.fetch(["6A12345678901"])["6A12345678901"]
    _check({result.number: result}, [result.number])
    assert [line["date"] for line in lines] == [event.mark for event in result.events]
    assert Milestone.DELIVERED == result.events[0].milestone


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_a_number_that_la_poste_calls_invalid_is_no_number_of_its_own(path: Path) -> None:
    number = json.loads(path.read_bytes())["idShip"]
    settings = CarrierSettings(key=SecretStr("k"))

    results = LaPoste(settings, _answering(path, 400), FakeClock()).fetch([number])
    assert PollState.REJECTED == results[number].state


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_the_phrases_agree_with_the_table_of_event_texts(path: Path) -> None:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    lines = [f"{carrier}\t{code}\t{text}" for carrier, _, code, text, _ in rows]
    told = [line.milestone for line in classify_lines(lines)]
    agreeing = sum(got == row[4] for got, row in zip(told, rows, strict=True))

    assert agreeing >= AGREEMENT * len(rows)

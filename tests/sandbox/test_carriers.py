"""The carriers of the sandbox speak as the real ones do, quirks included."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld, Failure, carrier_app, serve

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
NUMBER, LOCAL = "LP00123456789012", "6A12345678901"


@pytest.fixture
def world() -> CarrierWorld:
    return CarrierWorld()


@pytest.fixture
def client(world: CarrierWorld) -> Iterator[httpx.Client]:
    with (
        serve(carrier_app(world)) as base,
        httpx.Client(base_url=base, headers={"X-Okapi-Key": world.key}) as client,
    ):
        yield client
        world.release()


def _cainiao(client: httpx.Client, *numbers: str) -> httpx.Response:
    return client.get("/cainiao/global/detail.json", params={"mailNos": ",".join(numbers)})


def _laposte(client: httpx.Client, *numbers: str) -> httpx.Response:
    return client.get(f"/laposte/suivi/v2/idships/{','.join(numbers)}")


def test_cainiaos_epoch_is_the_wall_clock_taken_for_beijings(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.scan(NUMBER, CAINIAO, "CC_IM_SUCCESS", "Cleared", START, zone="GMT+1")

    trace = _cainiao(client, NUMBER).json()["module"][0]["detailList"][0]

    assert ("2026-02-10 04:00:00", "GMT+1") == (trace["timeStr"], trace["timeZone"])
    assert START - timedelta(hours=7) == datetime.fromtimestamp(trace["time"] / 1000, UTC)


def test_cainiao_may_print_a_chinese_zone_for_a_european_scan(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.scan(NUMBER, CAINIAO, "GTMS_ACCEPT", "Received", START, offset_h=1)

    trace = _cainiao(client, NUMBER).json()["module"][0]["detailList"][0]

    assert ("2026-02-10 04:00:00", "GMT+8") == (trace["timeStr"], trace["timeZone"])


def test_cainiao_lists_the_newest_first_and_puts_tabs_into_its_sentences(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.parcel(NUMBER, local_number=LOCAL)
    world.scan(NUMBER, CAINIAO, "A", "first", START, place="Shatian Town")
    world.scan(NUMBER, CAINIAO, "B", "second", START)

    (module,) = _cainiao(client, NUMBER).json()["module"]

    assert ["B", "A"] == [trace["actionCode"] for trace in module["detailList"]]
    assert "[Shatian Town] first" == module["detailList"][1]["standerdDesc"]
    assert f"Latest Tracking Number:\t{LOCAL}" == module["realMailNo"]
    assert "2\tday(s)" == module["daysNumber"]
    assert module["statusDesc"].endswith(" ")


def test_cainiao_echoes_an_unknown_number(client: httpx.Client) -> None:
    assert {
        "module": [{"mailNo": NUMBER, "mailNoSource": "EXTERNAL", "detailList": []}],
        "success": True,
    } == _cainiao(client, NUMBER).json()


def test_la_poste_answers_one_number_with_200_and_many_with_207(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.scan(LOCAL, LAPOSTE, "PC1", "Pris en charge", START)

    one, many = _laposte(client, LOCAL), _laposte(client, LOCAL, "6A00000000000", "AB1")

    assert (200, [200]) == (one.status_code, [e["returnCode"] for e in one.json()])
    assert (207, [200, 104, 400]) == (many.status_code, [e["returnCode"] for e in many.json()])


def test_la_poste_numbers_events_down_from_100(world: CarrierWorld, client: httpx.Client) -> None:
    world.scan(LOCAL, LAPOSTE, "PC1", "Pris en charge", START)
    world.scan(LOCAL, LAPOSTE, "DI1", "Livré", START + timedelta(days=1))

    shipment = _laposte(client, LOCAL).json()[0]["shipment"]

    assert [
        (100, "DI1", "2026-02-11T04:00:00+01:00"),
        (99, "PC1", "2026-02-10T04:00:00+01:00"),
    ] == [(event["order"], event["code"], event["date"]) for event in shipment["event"]]
    assert shipment["isFinal"]


def test_la_poste_wants_its_key(world: CarrierWorld, client: httpx.Client) -> None:
    answer = client.get(f"/laposte/suivi/v2/idships/{LOCAL}", headers={"X-Okapi-Key": "other"})

    assert (401, "UNAUTHORIZED") == (answer.status_code, answer.json()["code"])


def test_chronoposts_digits_come_back_with_a_check_letter(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.scan("13199341485349", LAPOSTE, "PC1", "Pris en charge", START)

    assert "13199341485349X" == _laposte(client, "13199341485349").json()[0]["shipment"]["idShip"]


def test_failures_come_as_often_as_ordered_and_then_stop(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.fail_next(CAINIAO, Failure.OUTAGE, times=2)
    world.fail_next(CAINIAO, "quota")

    assert [500, 500, 429, 200] == [_cainiao(client, NUMBER).status_code for _ in range(4)]


def test_requests_are_counted_with_the_numbers_asked(
    world: CarrierWorld, client: httpx.Client
) -> None:
    _cainiao(client, NUMBER, "LP2")
    _laposte(client, LOCAL)

    assert {CAINIAO: 1, LAPOSTE: 1} == world.requests
    assert [(NUMBER, "LP2")] == world.asked[CAINIAO]


def test_a_hanging_answer_comes_once_it_is_released(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.fail_next(CAINIAO, Failure.HANG)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(_cainiao(client, NUMBER).status_code))

    asking.start()
    assert [] == answers
    world.release()
    asking.join()

    assert [200] == answers


def test_many_threads_may_reveal_scans_at_once(world: CarrierWorld) -> None:
    def reveal() -> None:
        for _ in range(200):
            world.scan(NUMBER, CAINIAO, "A", "x", START)

    threads = [threading.Thread(target=reveal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 800 == len(world.parcel(NUMBER).scans[CAINIAO])


def test_a_failure_that_stands_spoils_every_answer_until_it_is_over(
    world: CarrierWorld, client: httpx.Client
) -> None:
    world.fail_always(CAINIAO, Failure.OUTAGE)
    world.fail_next(CAINIAO, Failure.QUOTA)
    spoiled = [_cainiao(client, NUMBER).status_code for _ in range(3)]
    world.fail_always(CAINIAO, None)

    assert [429, 500, 500] == spoiled
    assert 200 == _cainiao(client, NUMBER).status_code


def test_what_is_revealed_at_once_is_seen_at_once(
    world: CarrierWorld, client: httpx.Client
) -> None:
    seen: list[int] = []

    def ask() -> None:
        seen.append(len(_cainiao(client, NUMBER).json()["module"][0]["detailList"]))

    asking = threading.Thread(target=ask)
    with world.at_once():
        world.scan(NUMBER, CAINIAO, "LH_DEPART", "Departed", START)
        asking.start()
        world.scan(NUMBER, CAINIAO, "LH_ARRIVE", "Arrived", START)
    asking.join()

    assert [2] == seen

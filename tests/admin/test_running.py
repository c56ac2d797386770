"""What `mailtrack status` sees of the processes beside it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from mailtrack.admin.running import local_address, running
from mailtrack.jobs import liveness
from mailtrack.jobs.broker import INGEST, READ_MAILS, BrokerSink, make_broker
from mailtrack.runtime.roles import listen
from mailtrack.runtime.services import Services
from mailtrack.sandbox.loopback import free_port
from mailtrack.settings import Settings, WebSettings
from mailtrack.web.server import serve
from tests.jobs.conftest import Valkey, valkey  # noqa: F401 - a fixture


def _told(settings: Settings) -> dict[str, list[dict[str, object]]]:
    return {table.title: list(map(dict, table.as_dicts())) for table in running(settings)}


def test_the_queues_and_workers_of_the_embedded_broker_are_counted(
    valkey: Valkey,  # noqa: F811
    tmp_path: Path,
) -> None:
    broker = make_broker(valkey.url, 60)
    liveness.say_present(broker, "host/1", 60)
    for mail in range(3):
        BrokerSink(broker, 10).send(INGEST, READ_MAILS, [mail])
    told = _told(Settings(data_dir=tmp_path))

    assert [1] == [row["workers"] for row in told["Workers"]]
    assert ("ingest", 3) == (told["Queues"][0]["queue"], told["Queues"][0]["waiting"])
    broker.close()
    broker.client.close()


def test_what_does_not_run_is_said(tmp_path: Path) -> None:
    told = _told(Settings(data_dir=tmp_path, web=WebSettings(port=free_port())))

    assert ["not served"] == [row["state"] for row in told["Pages"]]
    assert ["The embedded broker does not run: is `mailtrack up` at work?"] == [
        row["trouble"] for row in told["Workers"]
    ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_pages_are_served_and_say_what_is_wrong(services: Services) -> None:
    settings = services.settings.model_copy(update={"web": WebSettings(port=free_port())})
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve, services, listen(settings.web), stop)
        try:
            (page,) = _told(settings)["Pages"]
        finally:
            stop.set()
        serving.result(30)

    assert ("served", local_address(settings.web)) == (page["state"], page["address"])
    assert "Nobody hands out work" in str(page["wrong"])

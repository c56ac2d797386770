"""What runs beside a command: the pages, the workers and their queues."""

from collections.abc import Callable
from contextlib import suppress

import httpx
from dramatiq.brokers.redis import RedisBroker

from mailtrack.admin.table import Table
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.jobs.broker import QUEUES, make_broker, standing_still, waiting
from mailtrack.jobs.liveness import count_workers
from mailtrack.runtime.supervisor import broker_socket
from mailtrack.settings import Settings, WebSettings

#: How long a page of our own machine may take (seconds).
_PATIENCE_S = 5.0
_ANYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - where pages are served, not by us


def answers(settings: WebSettings) -> bool:
    """Return True if mailtrack serves pages where these settings say."""
    try:
        answer = httpx.get(f"{local_address(settings)}/healthz", timeout=_PATIENCE_S)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and answer.text == "ok\n"


def local_address(settings: WebSettings) -> str:
    """Return where the pages are reached from this machine, without a proxy between.

    >>> local_address(WebSettings(host="::", port=8080))
    'http://localhost:8080'
    """
    host = "localhost" if settings.host in _ANYWHERE else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def running(settings: Settings) -> list[Table]:
    """Return what pages, workers and queues do; what does not answer says so in a line."""

    def open_broker() -> RedisBroker:
        address = settings.redis_url
        if not address:
            # The embedded one is there while `up` runs.
            socket = broker_socket(settings.data_dir)
            if not socket.exists():
                raise TransientError("The embedded broker does not run: is `mailtrack up` at work?")
            address = f"unix://{socket}"
        return make_broker(address, settings.jobs.heartbeat_s)

    return [_pages(settings.web), *queues(open_broker)]


def _pages(settings: WebSettings) -> Table:
    """Return whether the pages are served, and what `/readyz` says is wrong."""
    address = local_address(settings)
    wrong: list[str] = []
    state = "served" if answers(settings) else "not served"
    if state == "served" and settings.ready:
        with suppress(httpx.HTTPError, ValueError, KeyError):
            wrong = httpx.get(f"{address}/readyz", timeout=_PATIENCE_S).json()["wrong"]
    columns = ("address", "public address", "state", "wrong")
    row = (address, settings.public_url, state, " ".join(wrong))
    return Table("Pages", columns, [row])


def queues(open_broker: Callable[[], RedisBroker]) -> list[Table]:
    """Return the workers and what waits for them; Redis that is away has neither."""
    columns = ("queue", "waiting", "seconds without a move")
    try:
        broker = open_broker()
        still = standing_still(broker)
        workers = Table("Workers", ("workers", "trouble"), [(count_workers(broker), "")])
        rows = [(queue, waiting(broker, queue), round(still[queue])) for queue in QUEUES]
    except MailtrackError as error:
        return [Table("Workers", ("workers", "trouble"), [(None, str(error))])]
    return [workers, Table("Queues", columns, rows)]

"""The pages over real connections, fast ones and very slow ones."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread

import httpx
import pytest

from mailtrack.bootstrap import Services
from mailtrack.roles import listen
from mailtrack.settings import WebSettings
from mailtrack.web import server

#: What the database has to do with it: nothing.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HALF_A_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
HALF_A_FORM = (
    b"POST /d/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\ndo="
)


@pytest.fixture
def address(services: Services) -> Iterator[tuple[str, int]]:
    """The pages at work on a free port."""
    listener, stop = listen(WebSettings(port=0)), Event()
    thread = Thread(target=server.serve, args=(services, listener, stop))
    thread.start()
    yield listener.getsockname()
    stop.set()
    thread.join()


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1_000, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("beginning", [b"", HALF_A_REQUEST, HALF_A_FORM])
def test_slow_clients_keep_nobody_waiting_and_are_let_go(
    address: tuple[str, int],
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    beginning: bytes,
) -> None:
    monkeypatch.setattr(server, "LIFETIME_S", 0.5)
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(address)) for _ in range(100)]
        for connection in slow:
            connection.sendall(beginning)
        answer = httpx.get(f"http://{address[0]}:{address[1]}/healthz")

        assert 200 == answer.status_code
        eventually(lambda: all(_is_closed(connection) for connection in slow))
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


def test_more_connections_than_there_is_room_for_are_turned_away(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    with ExitStack() as stack:
        for _ in range(server.MOST_CONNECTIONS):
            stack.enter_context(socket.create_connection(address)).sendall(HALF_A_REQUEST)
        url = f"http://{address[0]}:{address[1]}/healthz"
        eventually(lambda: httpx.get(url).status_code == 503)
    eventually(lambda: httpx.get(url).status_code == 200)

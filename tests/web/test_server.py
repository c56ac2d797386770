"""The pages over real connections, fast ones and very slow ones."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from threading import Event, Thread

import httpx
import pytest

from mailtrack.runtime.roles import listen
from mailtrack.runtime.services import Services
from mailtrack.sandbox.loopback import free_port
from mailtrack.settings import WebSettings
from mailtrack.web import server
from mailtrack.web.headers import KEPT_TO_ITSELF
from mailtrack.web.limits import Shares

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
    listener, stop = listen(WebSettings(port=free_port())), Event()
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


def test_connections_that_ask_nothing_are_not_even_taken_before_files_run_out(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(server, "MOST_TURNED_AWAY", 10)
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address)) for _ in range(60)]

        eventually(lambda: 30 == sum(_is_closed(connection) for connection in idle))
    url = f"http://{address[0]}:{address[1]}/healthz"
    eventually(lambda: httpx.get(url).status_code == 200)


class _FewForAnybody(Shares):
    """Five at a time, also from this machine, from which nobody comes for themselves alone."""

    def __init__(self) -> None:
        super().__init__(most=5)

    def _comes_for_many(self, host: str | None) -> bool:
        return False


def test_one_client_takes_its_share_of_the_connections_and_no_more(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(server, "Shares", lambda _: _FewForAnybody())
    address = request.getfixturevalue("address")
    with ExitStack() as stack:
        mine = [stack.enter_context(socket.create_connection(address)) for _ in range(20)]

        eventually(lambda: 15 == sum(_is_closed(connection) for connection in mine))
    url = f"http://{address[0]}:{address[1]}/healthz"
    eventually(lambda: _status(url) == 200)


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


# --- what is hardly a request ---------------------------------------------------------


def _say(address: tuple[str, int], request: bytes) -> bytes:
    """Send bytes and return all that comes back until the server closes the connection."""
    answer = bytearray()
    with suppress(ConnectionError), socket.create_connection(address, timeout=30) as connection:
        connection.sendall(request)
        while chunk := connection.recv(65_536):
            answer += chunk
    return bytes(answer)


def _ask(target: str, *headers: str, method: str = "GET", close: bool = True) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join([*lines, *["Connection: close"] * close, "", ""]).encode()


def _statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


HEALTH = _ask("/healthz")


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
        (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),  # no Host
        (_ask("/healthz", "Host: y"), [400]),
        (_ask("http://colis.example/healthz"), [200]),
        (_ask("http://colis.example"), [200]),
        (_ask("http://colis.example/metrics"), [404]),
        (_ask("*", method="OPTIONS"), [404]),
        (_ask("evil.example:443", method="CONNECT"), [404]),
        (_ask("/%ff%00"), [404]),
        (_ask("/é"), [400]),
        (_ask("/healthz", close=False) * 2 + HEALTH, [200, 200, 200]),
        (HEALTH + b"\x16\x03\x01\x02\x00", [200]),
        (_ask("/healthz", close=False) + b"\x16\x03\x01 x\r\n\r\n", [200, 400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400]),
        (_ask("/healthz", "Upgrade: websocket", "Connection: Upgrade"), [200]),
        (_ask("/d/x", "Content-Length: -1", method="POST"), [400]),
        (_ask("/d/x", "Content-Length: 1", "Content-Length: 2", method="POST"), [400]),
        (_ask("/d/x", "Transfer-Encoding: gzip", method="POST"), [400]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_whatever_is_sent_is_answered_and_leaves_no_error(
    address: tuple[str, int],
    request_: bytes,
    statuses: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert statuses == _statuses(_say(address, request_))
    assert [200] == _statuses(_say(address, HEALTH))
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    "request_",
    [
        _ask("/" + "a" * 1_000_000),
        _ask("/healthz", "X: " + "a" * 1_000_000),
        _ask("/healthz", *["X: a"] * 200_000),
        _ask("/healthz", "Content-Length: 1000000", method="POST") + b"a" * 1_000_000,
    ],
    ids=["target", "header", "headers", "body"],
)
def test_what_is_huge_is_refused_and_holds_nobody_up(
    address: tuple[str, int], request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Who goes on sending may find the connection closed before they read why."""
    assert _statuses(_say(address, request_)) in ([400], [404], [405], [])
    assert [200] == _statuses(_say(address, HEALTH))
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("page", ["metrics", "readyz"])
@pytest.mark.parametrize(
    "spelling",
    [
        *("/{}/", "//{}", "/{}//", "/./{}", "/x/../{}", "/{}/.", "/{};x", "/{}%3Fx", "/{}%00"),
        *("http://colis.example/{}", "/%2F{}", "/{}%2F", "/{} "),
    ],
)
def test_what_a_proxy_hides_is_found_under_no_other_spelling(
    address: tuple[str, int], page: str, spelling: str
) -> None:
    assert _statuses(_say(address, _ask(spelling.format(page)))) in ([404], [400])


@pytest.mark.parametrize("page", ["metrics", "readyz"])
def test_what_a_proxy_hides_is_found_under_its_exact_bytes_alone(
    address: tuple[str, int], page: str
) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in page.encode())

    others = (page.upper(), page.title(), encoded, f"%{ord(page[0]):02X}{page[1:]}")
    assert [404] * 4 == [_statuses(_say(address, _ask(f"/{one}")))[0] for one in others]
    exact = [_statuses(_say(address, _ask(f"/{page}{query}")))[0] for query in ("", "?x=/")]
    assert [503 if page == "readyz" else 200] * 2 == exact


@pytest.mark.parametrize("request_", [HEALTH, _ask("/x"), _ask("/x", method="A"), b"\0\r\n\r\n"])
def test_every_answer_is_kept_by_nobody_and_taken_for_nothing_else(
    address: tuple[str, int], request_: bytes
) -> None:
    answer = _say(address, request_).lower()

    for name, value in KEPT_TO_ITSELF.items():
        assert 1 == answer.count(f"{name}: {value}\r\n".lower().encode())

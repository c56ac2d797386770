"""The relay that breaks what passes through it."""

import socket
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator

import pytest

from mailtrack.sandbox.faults import FaultProxy
from mailtrack.sandbox.loopback import StreamServer


class Echo(StreamServer):
    """Says every line again."""

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with Echo() as echo, FaultProxy(echo.host, echo.port) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection((proxy.host, proxy.port), timeout=30.0) as connection:
        connection.sendall(b"bonjour\n")
        assert connection.recv(100) == b"bonjour\n"
        yield connection


def test_what_is_cut_is_closed_for_both_sides(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.cut()

    assert client.recv(100) == b""


def test_a_new_connection_works_after_a_cut(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.cut()

    with socket.create_connection((proxy.host, proxy.port), timeout=30.0) as again:
        again.sendall(b"encore\n")
        assert again.recv(100) == b"encore\n"
    assert proxy.accepted == 2


def test_a_stranded_connection_stays_open_and_silent_and_a_new_one_works(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.strand()
    client.sendall(b"perdu\n")
    client.settimeout(0.1)

    with pytest.raises(TimeoutError):
        client.recv(100)
    with socket.create_connection((proxy.host, proxy.port), timeout=30.0) as again:
        again.sendall(b"encore\n")
        assert b"encore\n" == again.recv(100)


def test_a_frozen_connection_stays_open_and_silent(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.frozen = True
    client.sendall(b"perdu\n")
    client.settimeout(0.1)

    with pytest.raises(TimeoutError):
        client.recv(100)


def test_a_split_line_comes_in_two_pieces(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.split = True
    client.sendall(b"en deux\r\n")

    assert [client.recv(100), client.recv(100)] == [b"en deux", b"\r\n"]


def test_a_delay_holds_up_every_segment(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay_s = 0.1
    started = time.monotonic()
    client.sendall(b"lent\n")

    assert client.recv(100) == b"lent\n"
    assert time.monotonic() - started >= 0.2


def test_the_proxy_can_speak_for_the_server(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.say(b"* BYE\r\n")

    assert client.recv(100) == b"* BYE\r\n"

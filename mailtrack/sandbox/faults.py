"""A relay on loopback between a client and a server that breaks what passes through it."""

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from mailtrack.sandbox.loopback import StreamServer

#: Bytes read at a time.
CHUNK = 65_536
#: Seconds between two pieces of a split segment: enough for the other side to see one alone.
GAP_S = 0.02


class FaultProxy(StreamServer):
    """Forwards 127.0.0.1:`port` to a server; the faults can be changed at any time.

    `frozen`: nothing passes, and nobody is told (a half-open connection).
    `split`: what the server says comes in two pieces, cut before its last two bytes.
    `delay_s`: seconds that every segment takes. `accepted`: connections so far. `passed_on`:
    the last that came through, in either direction.
    """

    def __init__(self, upstream_host: str, upstream_port: int, *, port: int = 0) -> None:
        super().__init__(port)
        self._upstream = (upstream_host, upstream_port)
        self._clients: set[StreamWriter] = set()
        self._strandings = 0
        self.frozen = False
        self.split = False
        self.delay_s = 0.0
        self.accepted = 0
        self.passed_on = b""

    def cut(self) -> None:
        """Close every connection now."""
        self.in_loop(self._close_all)

    def strand(self) -> None:
        """Let nothing more pass on today's connections, which stay open; new ones work."""
        self.in_loop(self._strand)

    def say(self, data: bytes) -> None:
        """Send something to every client as if the server had said it."""
        self.in_loop(self._say, data)

    def _close_all(self) -> None:
        for client in self._clients:
            client.close()

    def _strand(self) -> None:
        self._strandings += 1

    def _say(self, data: bytes) -> None:
        for client in self._clients:
            client.write(data)

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        self._clients.add(writer)
        try:
            server_in, server_out = await asyncio.open_connection(*self._upstream)
            await self._both_ways((reader, server_out), (server_in, writer))
        finally:
            self._clients.discard(writer)

    async def _both_ways(
        self, up: tuple[StreamReader, StreamWriter], down: tuple[StreamReader, StreamWriter]
    ) -> None:
        """Forward until either side closes, then close both."""
        ways = [
            asyncio.create_task(self._forward(*up, split=False)),
            asyncio.create_task(self._forward(*down, split=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            up[1].close()

    async def _forward(self, source: StreamReader, target: StreamWriter, *, split: bool) -> None:
        strandings = self._strandings
        with suppress(ConnectionError):
            while data := await source.read(CHUNK):
                await asyncio.sleep(self.delay_s)
                if self.frozen or strandings < self._strandings:
                    continue
                self.passed_on = data
                for piece in _pieces(data) if split and self.split else (data,):
                    target.write(piece)
                    await target.drain()
                    await asyncio.sleep(GAP_S if self.split else 0)


def _pieces(data: bytes) -> tuple[bytes, ...]:
    return tuple(filter(None, (data[:-2], data[-2:])))

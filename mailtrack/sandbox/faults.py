"""A relay on loopback between a client and a server that breaks what passes through it."""

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from mailtrack.sandbox.loopback import StreamServer, in_server_thread

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

    @in_server_thread
    def cut(self) -> None:
        """Close every connection now."""
        for client in self._clients:
            client.close()

    @in_server_thread
    def strand(self) -> None:
        """Let nothing more pass on today's connections, which stay open; new ones work."""
        self._strandings += 1

    @in_server_thread
    def say(self, data: bytes) -> None:
        """Send something to every client as if the server had said it."""
        for client in self._clients:
            client.write(data)

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        self._clients.add(writer)
        try:
            server_in, server_out = await asyncio.open_connection(*self._upstream)
            ways = [
                asyncio.create_task(self._forward(reader, server_out, split=False)),
                asyncio.create_task(self._forward(server_in, writer, split=True)),
            ]
            try:
                # Either side closes, and then both do.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                server_out.close()
        finally:
            self._clients.discard(writer)

    async def _forward(self, source: StreamReader, target: StreamWriter, *, split: bool) -> None:
        strandings = self._strandings
        with suppress(ConnectionError):
            while data := await source.read(CHUNK):
                await asyncio.sleep(self.delay_s)
                if self.frozen or strandings < self._strandings:
                    continue
                self.passed_on = data
                pieces = (data[:-2], data[-2:]) if split and self.split else (data,)
                for piece in filter(None, pieces):
                    target.write(piece)
                    await target.drain()
                    await asyncio.sleep(GAP_S if self.split else 0)

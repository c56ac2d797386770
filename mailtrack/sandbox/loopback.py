"""A server on loopback in a thread of its own: what the stand-ins of the sandbox share."""

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

HOST = "127.0.0.1"
#: Seconds that a server gets to start or to stop; it needs a few milliseconds.
PATIENCE_S = 10.0

P = ParamSpec("P")
S = TypeVar("S", bound="LoopbackServer")
T = TypeVar("T")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


class LoopbackServer(ABC):
    """An asyncio server that starts and stops with a `with` block; port 0 takes a free one."""

    def __init__(self, port: int = 0) -> None:
        self.host = HOST
        self.port = port

    @abstractmethod
    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Bind to the address; what a stand-in has to define."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=type(self).__name__, daemon=True
        )
        self._thread.start()
        try:
            self._server = self._wait_for(self.listen(self.host, self.port))
        except BaseException:
            self._end_thread()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._wait_for(self._hang_up())
        self._end_thread()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _hang_up(self) -> None:
        """Listen no longer and let the open connections go."""
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One more turn of the loop, in which closed transports let go of their sockets.
        await asyncio.sleep(0)

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


def in_server_thread(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], T]:
    """Let a method of a server run in its thread; the caller waits for the result."""

    @wraps(method)
    def call(server: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        async def run() -> T:
            return method(server, *args, **kwargs)

        return server._wait_for(run())

    return call


class StreamServer(LoopbackServer):
    """A server that holds one conversation on each connection, and closes it afterwards."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._conversations: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Talk on one connection until it ends."""

    async def listen(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connected, host, port)

    def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        conversation = self._loop.create_task(self.converse(reader, writer))
        # The loop itself holds tasks weakly; one in mid-sentence would be collected.
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)
        # Not in `converse`: a task that is cancelled before it starts runs no `finally`.
        conversation.add_done_callback(lambda _: writer.close())

"""HTTP to hosts that subscribers name: one request, to a checked address, bounded in all ways.

A name is resolved once for each connection, and the connection is made to one of the addresses
that were checked: it cannot lead elsewhere in between (DNS rebinding). TLS and the Host header
know the name as it was written. No redirects, no proxy of the environment, no cookies.
"""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import httpcore

from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import PermanentError, TransientError

#: Seconds for everything: to resolve, connect, send and be answered.
DEADLINE_S = 10.0
#: Bytes that are read of an answer: its status is all that is wanted.
MOST_BYTES = 65_536

#: Returns the addresses of a host: `socket.getaddrinfo`, or a stand-in.
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]


class RefusedHostError(PermanentError):
    """Raised when a name leads into a network that may not be called."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the system resolves it, best first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def post(
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    hosts: CallableHosts,
    resolver: Resolve = resolve,
) -> int:
    """Post a body and return the status of the answer.

    Raises RefusedHostError, or TransientError where there is no answer in time; neither names
    more than the host.
    """
    until = time.monotonic() + DEADLINE_S
    backend = _GuardedBackend(hosts, resolver, until)
    try:
        target = httpcore.URL(url)
        host = target.host.decode("ascii")
        with (
            httpcore.ConnectionPool(network_backend=backend, retries=0) as pool,
            pool.stream("POST", target, headers=list(headers), content=body) as answer,
        ):
            return answer.status
    except (RefusedHostError, TransientError):
        raise
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise TransientError(f"{host} does not answer ({type(error).__name__}).") from error
    except (httpcore.UnsupportedProtocol, ValueError) as error:
        raise PermanentError("The address of the channel is none.") from error


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, hosts: CallableHosts, resolver: Resolve, until: float) -> None:
        self._hosts = hosts
        self._resolve = resolver
        self._until = until
        self._sync = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of all counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the addresses that a host has now, where all of them may be called."""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise TransientError(f"{host} has no address.") from error
        if not addresses or not all(self._hosts.may_connect(one, port) for one in addresses):
            raise RefusedHostError(f"{host} leads into a network that may not be called.")
        stream = self._sync.connect_tcp(
            addresses[0], port, _left(self._until), local_address, socket_options
        )
        return _BoundedStream(stream, self._until)


class _BoundedStream(httpcore.NetworkStream):
    """A connection that ends at a moment, and after so many bytes, whatever comes."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until
        self._bytes_left = MOST_BYTES

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        got = self._stream.read(min(max_bytes, self._bytes_left), _left(self._until))
        self._bytes_left -= len(got)
        if self._bytes_left <= 0:
            raise httpcore.ReadError("The answer is too long.")
        return got

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._until))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._until))
        return _BoundedStream(stream, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(until: float) -> float:
    """Return how many seconds are left; raises httpcore.ReadTimeout where none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The time of the whole request is used up.")
    return left

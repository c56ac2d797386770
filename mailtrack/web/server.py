"""The HTTP server of the pages."""

import asyncio
import socket
from threading import Event

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from mailtrack.bootstrap import Services
from mailtrack.web.app import make_app

#: Seconds that a connection may last: who dawdles over a request must not hold it for ever.
LIFETIME_S = 60.0
#: Connections at a time; more are turned away with 503, before memory and files run out.
MOST_CONNECTIONS = 800


def serve(services: Services, listener: socket.socket, stop: Event) -> None:
    """Serve the pages on an open socket until told to stop."""
    config = configure(make_app(services), services.settings.web.trusted_proxies)
    _Server(config, stop).run(sockets=[listener])


def configure(app: Starlette, proxies: str) -> uvicorn.Config:
    """Return how the pages are served; `proxies` may say in whose name they ask."""
    return uvicorn.Config(
        app,
        http=_Connection,
        log_config=None,
        access_log=False,  # addresses of pages are keys
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
    )


class _Server(uvicorn.Server):
    """Ends with our event: signals are caught in one place, `roles.stop_on_signals`."""

    def __init__(self, config: uvicorn.Config, stop: Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return self._stop.is_set() or await super().on_tick(counter)


class _Connection(H11Protocol):
    """A connection that ends after a while: uvicorn waits for a whole request for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(LIFETIME_S, self._end_of_life)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        super().connection_lost(exc)

    def _end_of_life(self) -> None:
        if self._is_answering():
            self._end = self.loop.call_later(LIFETIME_S, self._end_of_life)
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        """Tell whether a whole request is here that has no answer yet."""
        cycle = self.cycle
        return cycle is not None and not (cycle.response_complete or cycle.more_body)

"""The HTTP server of the pages: what it lets strangers take, before the pages see them."""

import asyncio
import socket
from functools import partial
from threading import Event
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mailtrack.runtime.services import Services
from mailtrack.web.admin import PEER
from mailtrack.web.app import make_admin_app, make_app
from mailtrack.web.headers import KEPT_TO_ITSELF
from mailtrack.web.limits import Shares, with_mapped

#: Seconds that a connection may last: who dawdles over a request must not hold it for ever.
LIFETIME_S = 60.0
#: Connections at a time; requests of more are turned away with 503.
MOST_CONNECTIONS = 800
#: Those that come above it and ask nothing are not even taken, before files run out (1024).
MOST_TURNED_AWAY = 100

_BUSY = PlainTextResponse(
    "Busy; come back in a minute.\n",
    503,
    {**KEPT_TO_ITSELF, "Retry-After": "60", "Connection": "close"},
)


def serve(services: Services, listener: socket.socket, stop: Event) -> None:
    """Serve the pages on an open socket until told to stop."""
    config = configure(make_app(services), services.settings.web.trusted_proxies)
    _Server(config, stop).run(sockets=[listener])


def serve_admin(services: Services, listener: socket.socket, stop: Event) -> None:
    """Serve the operator's pages alone; in a thread beside the other pages."""
    config = configure(make_admin_app(services), services.settings.web.trusted_proxies)
    _Server(config, stop).run(sockets=[listener])


def configure(app: Starlette, proxies: str) -> uvicorn.Config:
    """Return how the pages are served; `proxies` may say in whose name they ask."""
    return uvicorn.Config(
        app,
        http=partial(_Connection, shares=Shares(proxies)),  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,  # addresses of pages are keys
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=",".join(with_mapped(proxies)),
    )


class _Server(uvicorn.Server):
    """Ends with our event: signals are caught in one place, `roles.stop_on_signals`."""

    def __init__(self, config: uvicorn.Config, stop: Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return self._stop.is_set() or await super().on_tick(counter)


class _Connection(H11Protocol):
    """A connection that ends after a while, one of so many, all together and of one client.

    uvicorn waits for a whole request for ever.
    """

    def __init__(self, *args: Any, shares: Shares, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shares = shares
        self._pages, self.app = self.app, self._answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(LIFETIME_S, self._end_of_life)
        self._peer = self.client[0] if self.client else None
        self._counted = self._shares.take(self._peer)
        if not self._counted or len(self.connections) > MOST_CONNECTIONS + MOST_TURNED_AWAY:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        if self._counted:
            self._shares.give_back(self._peer)
        super().connection_lost(exc)

    def send_400_response(self, _msg: str) -> None:
        """Answer what is no request, unless an answer is already on its way."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [*KEPT_TO_ITSELF.items(), ("Connection", "close"), ("Content-Length", "0")]
            response = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            self.transport.write(self.conn.send(response) or b"")
        self.transport.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._pages if len(self.connections) <= MOST_CONNECTIONS else _BUSY
        scope[PEER] = self._peer  # `client` becomes whom a proxy names
        await app(scope, receive, send)

    def _end_of_life(self) -> None:
        """End the connection, or wait on where a whole request is here that has no answer yet."""
        cycle = self.cycle
        if cycle is not None and not (cycle.response_complete or cycle.more_body):
            self._end = self.loop.call_later(LIFETIME_S, self._end_of_life)
        else:
            self.transport.close()

"""The HTTP server of the pages."""

import socket
from threading import Event

import uvicorn

from mailtrack.bootstrap import Services
from mailtrack.web.app import make_app


def serve(services: Services, listener: socket.socket, stop: Event) -> None:
    """Serve the pages on an open socket until told to stop."""
    config = uvicorn.Config(make_app(services), log_config=None, server_header=False)
    _Server(config, stop).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends with our event: signals are caught in one place, `roles.stop_on_signals`."""

    def __init__(self, config: uvicorn.Config, stop: Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return self._stop.is_set() or await super().on_tick(counter)

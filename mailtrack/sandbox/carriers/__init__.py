"""Carriers on loopback, each in its own format, quirks included.

A `CarrierWorld` holds parcels whose scans somebody reveals one by one (a test, the
demo's director in another thread). `carrier_app` speaks to clients from it, every
carrier below its own code (`/laposte/…`), and `serve` runs any ASGI application on
a port of 127.0.0.1 (0: a free one). One file per carrier holds its routes and its form.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from mailtrack.sandbox.carriers.cainiao import CODE as CAINIAO
from mailtrack.sandbox.carriers.laposte import CODE as LAPOSTE
from mailtrack.sandbox.carriers.world import (
    HANG_S,
    CarrierWorld,
    Failure,
    SandboxParcel,
    SandboxScan,
)

__all__ = [
    "CAINIAO",
    "HANG_S",
    "LAPOSTE",
    "CarrierWorld",
    "Failure",
    "SandboxParcel",
    "SandboxScan",
    "carrier_app",
    "serve",
]


_MODULES = [import_module(f"{__name__}.{name}") for _, name, _ in iter_modules(__path__)]
#: What every carrier of the sandbox answers, by its code.
ROUTES: dict[str, Callable[[CarrierWorld], list[Route]]] = {
    module.CODE: module.routes for module in _MODULES if hasattr(module, "routes")
}


def carrier_app(world: CarrierWorld) -> ASGIApp:
    """Return all carriers as one application."""
    return Starlette(
        routes=[Mount(f"/{code}", routes=routes(world)) for code, routes in ROUTES.items()]
    )


@contextmanager
def serve(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Run `app` in a thread on a free port of 127.0.0.1; gives its base address."""
    # asyncio switches Nagle's algorithm off, and so 40 ms of delay, for sockets of this protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            # Connections wait in the listener's queue until the server accepts them.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()

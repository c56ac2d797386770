"""The world outside of the containers, in one of its own: mailbox, relay, carriers, people.

`python -m tests.containers.outside` plays the story of the demo against the service that the
settings tell of, and ends with 0 if all that must come of it came, once.
"""

import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx
from rich.console import Console

from mailtrack.runtime.roles import stop_on_signals
from mailtrack.sandbox.carriers import CarrierWorld, carrier_app, serve
from mailtrack.sandbox.director import Director
from mailtrack.sandbox.imap import ImapServer
from mailtrack.sandbox.loopback import StreamServer
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.sandbox.summary import differences
from mailtrack.settings import load_settings
from tests.chaos.expectations import OF_TIME

#: Where the containers of the check find it, under a name that its certificate bears.
NAME, IMAPS, SMTPS, HTTP = "outside", 993, 465, 80
#: What it prints when it can be reached.
READY = "the outside world is there"
#: The certificate with its key, as `tests.containers.household` writes it.
CERTIFICATE = Path("/outside/server.pem")
#: How long the service may take to start (seconds).
START_S = 120.0
#: How long one line of the story may take: every role is stopped and started meanwhile.
PATIENCE_S = 180.0


class Door(StreamServer):
    """Lets the network in to a server on loopback, by TLS where it has a certificate."""

    def __init__(self, port: int, inner: int, certificate: Path | None = None) -> None:
        super().__init__(port)
        self.host = "0.0.0.0"
        self._inner = inner
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(certificate)

    async def listen(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connected, host, port, ssl=self._tls)

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", self._inner)
        ways = [
            asyncio.create_task(_forward(reader, server_out)),
            asyncio.create_task(_forward(server_in, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            server_out.close()


async def _forward(source: StreamReader, target: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()


def main() -> int:
    """Play the story; 1 where a mail is lost or comes twice."""
    settings, stop = load_settings(), stop_on_signals()
    console, clock = Console(width=110, highlight=False), settings.make_clock()
    with ExitStack() as stack:
        world, sink = CarrierWorld(), stack.enter_context(SmtpSink(clock=clock))
        password = settings.inbox.password.get_secret_value()
        imap = stack.enter_context(ImapServer(settings.inbox.user, password))
        carriers = urlsplit(stack.enter_context(serve(carrier_app(world)))).port
        assert carriers is not None
        stack.enter_context(Door(IMAPS, imap.port, CERTIFICATE))
        stack.enter_context(Door(SMTPS, sink.port, CERTIFICATE))
        stack.enter_context(Door(HTTP, carriers))
        director = Director(world, imap.account, sink, clock, console, PATIENCE_S)
        console.print(READY)
        if not _is_ready(settings.web.public_url, stop) or not director.play(stop):
            console.print(*(director.stuck or ["the story was broken off"]), sep="\n")
            return 1
        missing, extra = differences(director)
        doubled = [kind for _, kind in extra.elements() if kind not in OF_TIME]
        console.print(f"lost {missing.total()}, doubled {len(doubled)}")
        return 1 if missing or doubled else 0


def _is_ready(url: str, stop: Event) -> bool:
    """Wait until the service says that it is ready; False where it never does."""
    waited = 0.0
    while waited < START_S and not stop.wait(0.2):
        waited += 0.2
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return True
    return False


if __name__ == "__main__":
    sys.exit(main())

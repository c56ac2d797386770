"""The outside world on loopback: mailbox, relay, carriers, each behind a door to shut."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailtrack.carriers import declarations
from mailtrack.clock import FastClock
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld, carrier_app, serve
from mailtrack.sandbox.faults import FaultProxy
from mailtrack.sandbox.imap import ImapServer
from mailtrack.sandbox.loopback import HOST, free_port
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.sandbox.smtp import SmtpSink
from tests.channels.receiver import Receiver, receiver

#: What a 429 asks for (seconds of the carriers' time).
RETRY_AFTER_S = 7_200


@dataclass(frozen=True, slots=True)
class Outside:
    """The servers, and the proxies that the service reaches them through."""

    clock: FastClock
    world: CarrierWorld
    imap: ImapServer
    sink: SmtpSink
    to_imap: FaultProxy
    to_sink: FaultProxy
    to_carriers: FaultProxy
    receiver: Receiver
    to_receiver: FaultProxy
    web_port: int

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    def settings(self) -> dict[str, str]:
        """Return what an operator would write to use these servers."""
        carriers = f"http://{HOST}:{self.to_carriers.port}"
        return {
            "LOG_LEVEL": "INFO",
            "INBOX__HOST": HOST,
            "INBOX__PORT": str(self.to_imap.port),
            "INBOX__SECURITY": "plain",
            "INBOX__USER": self.imap.user,
            "INBOX__PASSWORD": self.imap.password,
            "INBOX__ADDRESS": FORWARD_TO,
            "INBOX__AUTHSERV_ID": AUTHSERV_ID,
            "SMTP__HOST": HOST,
            "SMTP__PORT": str(self.to_sink.port),
            "SMTP__SECURITY": "plain",
            "SMTP__FROM_ADDRESS": "suivi@colis.example",
            "WEB__PORT": str(self.web_port),
            "WEB__PUBLIC_URL": self.web_url,
            "CHANNELS__ON": "webhook,apprise",
            "CHANNELS__HOSTS": f"{HOST}:{self.to_receiver.port}",
            "LINKS__SECRET": secrets.token_urlsafe(32),
            # Nobody outside this machine is asked anything.
            **{f"CARRIERS__{d.code.upper()}__ENABLED": "false" for d in declarations()},
            **{f"CARRIERS__{code.upper()}__ENABLED": "true" for code in (CAINIAO, LAPOSTE)},
            f"CARRIERS__{CAINIAO.upper()}__URL": f"{carriers}/cainiao",
            f"CARRIERS__{LAPOSTE.upper()}__URL": f"{carriers}/laposte/suivi/v2",
            f"CARRIERS__{LAPOSTE.upper()}__KEY": self.world.key,
            "CLOCK__SPEED": str(self.clock.speed),
            "CLOCK__EPOCH": self.clock.epoch.isoformat(),
            # Days pass in seconds: no nights, no digests, nothing forgotten.
            "NOTICES__QUIET_FROM": "0",
            "NOTICES__QUIET_UNTIL": "0",
            "NOTICES__PER_DAY": "100000",
            "KEEP__RAW_MAIL_DAYS": "36500",
            "KEEP__PARCEL_DAYS": "36500",
        }


@contextmanager
def outside(clock: FastClock, slow_s: float) -> Iterator[Outside]:
    """Run the outside world."""
    with ExitStack() as stack:
        world = CarrierWorld(retry_after_s=RETRY_AFTER_S)
        sink = stack.enter_context(SmtpSink(clock=clock, slow_s=slow_s))
        imap = stack.enter_context(ImapServer("colis", secrets.token_hex(8)))
        others = stack.enter_context(receiver())
        carriers = urlsplit(stack.enter_context(serve(carrier_app(world))))
        yield Outside(
            clock=clock,
            world=world,
            imap=imap,
            sink=sink,
            to_imap=stack.enter_context(FaultProxy(imap.host, imap.port)),
            to_sink=stack.enter_context(FaultProxy(sink.host, sink.port)),
            to_carriers=stack.enter_context(FaultProxy(HOST, carriers.port or 0)),
            receiver=others,
            to_receiver=stack.enter_context(FaultProxy(HOST, others.port)),
            web_port=free_port(),
        )

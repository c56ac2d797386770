"""A relay that says what it is told to at each stage of SMTP, and keeps what it takes."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import BinaryIO

import trustme

AUTHORITY = trustme.CA()
#: What is said where nothing else was asked for; "" closes the connection.
_FRIENDLY = {
    "connect": "220 relay.example ESMTP",
    "ehlo": "250-relay.example\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "helo": "250 relay.example",
    "starttls": "220 go on",
    "auth": "235 2.7.0 welcome",
    "mail": "250 2.1.0 OK",
    "rcpt": "250 2.1.5 OK",
    "data": "354 go on",
    "end": "250 2.0.0 OK",
    "rset": "250 2.0.0 OK",
    "quit": "221 2.0.0 bye",
}


@dataclass
class ScriptedRelay:
    """`answers`: what it says at a stage; `only_to`: about whom alone, everybody if empty."""

    answers: dict[str, str] = field(default_factory=dict)
    only_to: str = ""
    taken: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def say(self, stage: str, recipient: str = "") -> str:
        if self.only_to and self.only_to not in recipient:
            return _FRIENDLY[stage]
        if stage == "helo":  # what a client tries next where EHLO is refused
            return self.answers.get("ehlo", _FRIENDLY[stage])
        return self.answers.get(stage, _FRIENDLY[stage])


@contextmanager
def serving() -> Iterator[ScriptedRelay]:
    """Run a relay on loopback, one thread for each connection."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as door:
        relay = ScriptedRelay(port=door.getsockname()[1])
        threading.Thread(target=_welcome, args=(door, relay, context), daemon=True).start()
        yield relay
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)


def _welcome(door: socket.socket, relay: ScriptedRelay, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            visitor, _ = door.accept()
            relay.connections += 1
            threading.Thread(target=_serve, args=(visitor, relay, context), daemon=True).start()


def _serve(visitor: socket.socket, relay: ScriptedRelay, context: ssl.SSLContext) -> None:
    with suppress(OSError), ExitStack() as opened:
        opened.enter_context(visitor)
        lines = opened.enter_context(visitor.makefile("rb"))
        recipient, goes_on = "", _answer(visitor, relay.say("connect"))
        while goes_on and (command := lines.readline().decode().strip()):
            stage = command.partition(" ")[0].lower()
            recipient = command if stage == "rcpt" else recipient
            goes_on = _answer(visitor, said := relay.say(stage, recipient))
            if said.startswith("354"):
                goes_on = _take(visitor, lines, relay, recipient)
            if stage == "starttls" and said.startswith("220"):
                visitor = opened.enter_context(context.wrap_socket(visitor, server_side=True))
                lines = opened.enter_context(visitor.makefile("rb"))


def _take(visitor: socket.socket, lines: BinaryIO, relay: ScriptedRelay, recipient: str) -> bool:
    wire = b"".join(iter(lines.readline, b".\r\n"))
    said = relay.say("end", recipient)
    if said.startswith("250"):
        relay.taken.append(str(message_from_bytes(wire)["Message-ID"]))
    return _answer(visitor, said)


def _answer(visitor: socket.socket, said: str) -> bool:
    """Say something; False where the connection ends with it."""
    if said:
        visitor.sendall(f"{said}\r\n".encode())
    return bool(said) and not said.startswith(("221", "421"))

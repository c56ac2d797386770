"""A mailbox on loopback that speaks real IMAP, and a way to put mails into any mailbox.

The server is pymap with its in-memory backend; it forgets everything when it stops.
"""

import asyncio
import logging
from argparse import Namespace
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from proxyprotocol.sock import SocketInfoLocal
from pydantic import SecretStr
from pymap.backend.dict import Config, Login
from pymap.concurrent import Event, Subsystem
from pymap.config import BackendCapability
from pymap.context import connection_exit
from pymap.imap import IMAPConnection
from pymap.imap.state import ConnectionState
from pymap.parsing.command.select import IdleCommand
from pymap.parsing.response import UntaggedResponse
from pymap.user import UserMetadata
from pysasl.hashing import BuiltinHash

from mailtrack.inbox.mailbox import open_session
from mailtrack.sandbox.loopback import HOST, StreamServer
from mailtrack.settings import InboxSettings, Security

# It tells of every closed connection as of an error.
logging.getLogger("pymap").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """An account of some IMAP server: puts mails into it, as the delivering server would."""

    host: str
    port: int
    user: str
    password: str
    security: Security = Security.PLAIN
    ca_file: Path | None = None

    def settings(self) -> InboxSettings:
        """Return what a watcher needs to read the same mailbox."""
        return InboxSettings(
            host=self.host,
            port=self.port,
            security=self.security,
            user=self.user,
            password=SecretStr(self.password),
            ca_file=self.ca_file,
        )

    def deliver(self, raw: bytes, at: datetime | None = None) -> None:
        """Append a mail to INBOX; `at` is its INTERNALDATE (aware), now where not given."""
        with open_session(self.settings()) as client:
            client.append("INBOX", raw, msg_time=at)


class ImapServer(StreamServer):
    """One mailbox of one user on 127.0.0.1; runs while its `with` block does."""

    def __init__(self, user: str, password: str, *, port: int = 0, idle: bool = True) -> None:
        super().__init__(port)
        self.user = user
        self.password = password
        self.idle = idle

    @property
    def account(self) -> ImapAccount:
        return ImapAccount(self.host, self.port, self.user, self.password)

    def settings(self) -> InboxSettings:
        """Return what a watcher needs to read this mailbox."""
        return self.account.settings()

    def deliver(self, raw: bytes, at: datetime | None = None) -> None:
        """Put a mail into the mailbox."""
        self.account.deliver(raw, at)

    def renumber(self) -> None:
        """Give the mailbox another UIDVALIDITY, as a server does that has rebuilt it.

        Open sessions go on under the old one: cut them as well.
        """

        async def renumber() -> None:
            for folders, _ in self._config.set_cache.values():
                inbox = await folders.get_mailbox("INBOX")
                # pymap takes its seconds for the number, and two rebuilds may share one.
                inbox._uid_validity += 1

        self._wait_for(renumber())

    async def listen(self, host: str, port: int) -> asyncio.Server:
        config = _QuickConfig(self.user, self.password, idle=self.idle)
        login = Login(config)
        hashed = config.hash_context.hash(config.password_prep(self.password))
        owner = UserMetadata(config, self.user, password=hashed)
        await login.demo_user_identity.set(owner)
        self._config, self._login = config, login
        return await super().listen(host, port)

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        config = self._config
        client = SocketInfoLocal(writer)
        connection = IMAPConnection(config.commands, config, reader, writer, client)
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            stack.enter_context(closing(connection))
            await connection.run(_AttentiveState(self._login, config))


class _AttentiveState(ConnectionState):
    """Announces in IDLE what came before it, too: pymap waits for the next change only."""

    async def receive_updates(self, cmd: IdleCommand, done: Event) -> Iterable[UntaggedResponse]:
        selected = await self.session.check_mailbox(self.selected)
        self._selected, untagged = selected.fork(cmd)
        return list(untagged) or await super().receive_updates(cmd, done)


class _QuickConfig(Config):
    """pymap without what takes time: password hashing, look-ups of names, thread pools."""

    def __init__(self, user: str, password: str, *, idle: bool) -> None:
        self._idle = idle
        super().__init__(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            demo_data=False,
            demo_user=user,
            demo_password=password,
            host=HOST,
            port=0,
            tls_enabled=False,
            reject_dnsbl=False,
            invalid_user_sleep=0.0,
            hash_context=BuiltinHash(rounds=1),
            cpu_subsystem=Subsystem.for_asyncio(),
        )

    @property
    def backend_capability(self) -> BackendCapability:
        return BackendCapability(idle=self._idle, object_id=False, multi_append=False)

    @property
    def greeting(self) -> bytes:
        return b"Bonjour"

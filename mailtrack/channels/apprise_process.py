"""The process that hands one message to Apprise and ends; `apprise_sender` starts it.

Apprise opens its own connections, deep in libraries of others. So nothing of it runs in our
process, and here every connection is looked at as the interpreter makes it (an audit hook, PEP
578): by its address on the network, after all names were resolved. What the operator does not
allow is never connected to, whatever a name led to a moment before (DNS rebinding), and nothing
is redirected, run or looked up in files of settings.
"""

import json
import resource
import sys
from enum import IntEnum
from importlib import import_module
from typing import Any

from apprise import AppriseAsset, NotifyBase, NotifyFormat, PersistentStoreMode

from mailtrack.channels.addresses import (
    APPRISE_SCHEMES,
    AppriseScheme,
    WrongAddressError,
    read_apprise,
)
from mailtrack.domain.callable_hosts import CallableHosts

#: What one message may cost: seconds of the processor's time, bytes of address space.
MOST_CPU_S, MOST_MEMORY = 10, 1_000_000_000
#: What no message needs: to run programs, or to send without a connection.
_FORBIDDEN = ("subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system")
_FORBIDDEN_SENDING = ("socket.sendto", "socket.sendmsg", "socket.bind")


class Result(IntEnum):
    """What became of a message: the process's own result."""

    SENT = 0
    FAILED = 1
    REFUSED = 3


def main() -> int:
    """Send the message on standard input: JSON with `url`, `title`, `body` and `hosts`."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = json.load(sys.stdin.buffer)
    hosts = CallableHosts.parse(job["hosts"])
    guard_connections(hosts)
    return send(job["url"], job["title"], job["body"], hosts)


def guard_connections(hosts: CallableHosts) -> None:
    """Let this process connect to allowed addresses alone, until it ends."""

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            host, port = address[:2] if isinstance(address, tuple) else ("", 0)
            if not hosts.may_connect(str(host), port):
                raise ConnectionRefusedError("This address may not be called.")
        elif event in _FORBIDDEN or event in _FORBIDDEN_SENDING:
            raise PermissionError("No message needs this.")

    sys.addaudithook(look)


def send(url: str, title: str, body: str, hosts: CallableHosts) -> Result:
    """Hand one message to Apprise, where it reads the address as we do."""
    try:
        scheme = APPRISE_SCHEMES[read_apprise(url, hosts).partition(":")[0]]
    except WrongAddressError:
        return Result.REFUSED
    service = instantiate(scheme, url)
    if service is None or len(service) != 1:  # it would go to several
        return Result.REFUSED
    called = service.host or "", service.port or scheme.port
    if not scheme.host and not hosts.may_call(scheme.web, *called):
        return Result.REFUSED
    sent = service.notify(title=title, body=body, body_format=NotifyFormat.TEXT)
    return Result.SENT if sent else Result.FAILED


def instantiate(scheme: AppriseScheme, url: str) -> NotifyBase | None:
    """Return the one service of an address, None where it cannot read that.

    Apprise itself would load all hundred of them.
    """
    module, _, name = scheme.service.partition(".")
    kind: type[NotifyBase] = getattr(import_module(f"apprise.plugins.{module}"), name)
    read = kind.parse_url(url)
    if not read:
        return None
    asset = AppriseAsset(
        app_id="mailtrack",
        app_desc="mailtrack",
        app_url="",
        async_mode=False,
        http_redirects=False,
        image_url_mask="",
        storage_mode=PersistentStoreMode.MEMORY,
    )
    try:
        return kind(**{**read, "asset": asset})
    except TypeError:  # Apprise's own word for an address that lacks something
        return None


if __name__ == "__main__":
    sys.exit(main())

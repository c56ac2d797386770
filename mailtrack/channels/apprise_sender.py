"""Messages by Apprise (extra `push`): ntfy, Telegram, Home Assistant …, each in a process."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec

from mailtrack.channels.addresses import read_apprise
from mailtrack.channels.message import ChannelMessage
from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import TransientError

#: Seconds for one message, with the start of its process.
DEADLINE_S = 15.0
_PROCESS = "mailtrack.channels.apprise_process"
#: What the process sees of our environment: none of our secrets, no proxy, no `.netrc`.
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def is_at_hand() -> bool:
    """Return True if the extra `push` is installed."""
    return find_spec("apprise") is not None


@dataclass(frozen=True, slots=True)
class AppriseSender:
    """Sends within the operator's list of hosts, as it is written in the settings."""

    allowed: str

    def send(self, address: str, secret: str, message: ChannelMessage) -> None:  # noqa: ARG002
        """Send one message; Apprise tells no more than whether it was taken."""
        read_apprise(address, CallableHosts.parse(self.allowed))
        job = {
            "url": address,
            "title": message.title,
            "body": f"{message.text}\n{message.url}",
            "hosts": self.allowed,
        }
        try:
            done = subprocess.run(
                [sys.executable, "-B", "-m", _PROCESS],
                input=json.dumps(job).encode(),
                env={name: os.environ[name] for name in _KEPT if name in os.environ}
                | {"HOME": "/nonexistent"},
                # What Apprise says may name the address.
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=DEADLINE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TransientError("The channel did not answer in time.") from error
        if done.returncode != 0:
            raise TransientError("The channel did not take the message.")

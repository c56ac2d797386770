"""Webhooks as the Standard Webhooks specification has them: JSON, signed, with a stable id.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
docs/channels.md describes the JSON for who receives it.
"""

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from mailtrack import __version__
from mailtrack.channels.addresses import read_webhook
from mailtrack.channels.guarded_http import Resolve, post, resolve
from mailtrack.channels.message import ChannelGoneError, ChannelMessage
from mailtrack.clock import Clock
from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import TransientError
from mailtrack.notify.view import NoticeView, ParcelView

#: The version of the JSON: fields may be added to it, and none changes or goes.
SCHEMA = 1
#: Type of the message that asks for the click; that of a notice is `notice.` and its kind.
TEST_TYPE = "channel.test"

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_GONE = 410


def new_secret() -> str:
    """Return a secret that signs the requests of one channel."""
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature` of a request (HMAC-SHA256, version 1)."""
    key = b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key, signed, hashlib.sha256)
    return f"v1,{b64encode(digest).decode('ascii')}"


def as_json(message: ChannelMessage) -> dict[str, Any]:
    """Return what a webhook says, as docs/channels.md describes it."""
    view = message.about
    data: dict[str, Any] = {"title": message.title, "text": message.text, "url": message.url}
    if view is not None:
        data |= {"kind": str(view.kind), "parcel": _parcel(view), "orders": list(view.orders)}
    return {
        "type": TEST_TYPE if view is None else f"notice.{view.kind}",
        "schema": SCHEMA,
        "timestamp": _instant(message.at),
        "data": data,
    }


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Posts messages to addresses of people, within the operator's list of hosts."""

    hosts: CallableHosts
    clock: Clock
    resolver: Resolve = resolve

    def send(self, address: str, secret: str, message: ChannelMessage) -> None:
        """Post one message; any status of success counts, 410 ends the channel."""
        url = read_webhook(address, self.hosts)  # the operator's list may be shorter by now
        body = json.dumps(as_json(message), ensure_ascii=False).encode()
        timestamp = int(self.clock.now().timestamp())
        headers = (
            ("Host", urlsplit(url).netloc),
            ("User-Agent", f"mailtrack/{__version__}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            ("webhook-id", message.id),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", sign(secret, message.id, timestamp, body)),
        )
        status = post(url, headers, body, self.hosts, self.resolver)
        if status == _GONE:
            raise ChannelGoneError("The channel answered 410: there is nobody any more.")
        if not 200 <= status < 300:
            raise TransientError(f"The channel answered {status}.")


def _parcel(view: NoticeView) -> Mapping[str, Any] | None:
    parcel: ParcelView | None = view.parcel
    if parcel is None:
        return None
    expected = parcel.expected
    return {
        "number": parcel.number,
        "name": parcel.name,
        "carrier": parcel.carrier,
        "milestone": parcel.milestone,
        "milestone_at": parcel.milestone_at and _instant(parcel.milestone_at),
        "expected_first": expected and expected.first.isoformat(),
        "expected_last": expected and expected.last.isoformat(),
    }


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

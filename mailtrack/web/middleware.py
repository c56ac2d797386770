"""What every request goes through: its path, the headers of its answer, and its visitor's share."""

from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailtrack.web.admin import ADMIN
from mailtrack.web.headers import KEPT_TO_ITSELF
from mailtrack.web.limits import Shares

#: Pages for the operator alone, which a proxy hides by their addresses.
FOR_THE_OPERATOR = frozenset({"/metrics", "/readyz"})


@dataclass(frozen=True, slots=True)
class SlashlessPaths:
    """Serves an address with a slash at its end as the one without, but for the operator's.

    A redirect would name the scheme between the proxy and us, and RFC 8058 forbids it. What
    a proxy hides is served under the exact bytes of its address alone: a rule for `/metrics`
    lets `/metrics/` and `/%6detrics` pass.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            as_sent = scope.get("raw_path", path.encode()).decode("latin-1")
            if path.startswith(("http://", "https://")):  # allowed by RFC 9112, 3.2.2
                path = "/" + path.partition("://")[2].partition("/")[2]
            path = path.rstrip("/") or "/"
            is_hidden = path in FOR_THE_OPERATOR or path == ADMIN or path.startswith(f"{ADMIN}/")
            scope["path"] = as_sent if is_hidden else path
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class DefaultHeaders:
    """Says with every answer what its page does not say otherwise."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in KEPT_TO_ITSELF.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_on)


@dataclass(frozen=True, slots=True)
class FairShares:
    """Lets one visitor have so many requests under way, also through a proxy, and no more."""

    app: ASGIApp
    shares: Shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope["client"][0] if scope.get("client") else None
        if not self.shares.take(client):
            await Response(status_code=429, headers={"Retry-After": "10"})(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.shares.give_back(client)

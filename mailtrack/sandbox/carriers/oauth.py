"""OAuth2 client credentials on loopback: tokens for a client that is known."""

import base64
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld

#: Seconds that a token is good for, as carriers write it: UPS as a string.
LIFE_S = "3599"


def token_route(carrier: str, path: str, world: CarrierWorld) -> Route:
    """Return the route that gives tokens; its failures are queued as `<carrier>.token`."""

    def give(world: CarrierWorld, call: Call) -> Response:
        made = spoiled(world, world.begin(f"{carrier}.token", ()), {})
        if made:
            return made
        if _client(call) != (world.client_id, world.client_secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = world.give_token(carrier)
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": LIFE_S})

    return route(path, give, world, "POST")


def is_admitted(world: CarrierWorld, call: Call) -> bool:
    """Return True if a request carries a token that is good today."""
    return call.headers.get("authorization", "").removeprefix("Bearer ") in world.tokens


def _client(call: Call) -> tuple[str, str]:
    """Return who asks: named by HTTP Basic, else in the form."""
    kind, _, pair = call.headers.get("authorization", "").partition(" ")
    if kind == "Basic":
        client_id, _, secret = base64.b64decode(pair).decode().partition(":")
        return client_id, secret
    form = parse_qs(call.body.decode())
    return form.get("client_id", [""])[0], form.get("client_secret", [""])[0]

"""OAuth2 client credentials on loopback: tokens for a client that is known."""

import base64
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld

#: Seconds that a token is good for, as carriers write it: UPS as a string.
LIFE_S = "3599"


def offer_tokens(routes: CarrierRoutes, carrier: str, path: str) -> None:
    """Let a carrier give tokens at a path; failures of that are queued as `<carrier>.token`.

    Who asks is named by HTTP Basic, else in the form.
    """

    @routes.answer(path, "POST")
    def give(world: CarrierWorld, call: Call) -> Response:
        made = spoiled(world, world.begin(f"{carrier}.token", ()), {})
        if made:
            return made
        kind, _, pair = call.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            client_id, _, secret = base64.b64decode(pair).decode().partition(":")
        else:
            form = parse_qs(call.body.decode())
            client_id = form.get("client_id", [""])[0]
            secret = form.get("client_secret", [""])[0]
        if (client_id, secret) != (world.client_id, world.client_secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = world.give_token(carrier)
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": LIFE_S})


def is_admitted(world: CarrierWorld, call: Call) -> bool:
    """Return True if a request carries a token that is good today."""
    return call.headers.get("authorization", "").removeprefix("Bearer ") in world.tokens

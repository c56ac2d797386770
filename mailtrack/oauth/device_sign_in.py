"""Letting a person sign in on any device by typing a code there (RFC 8628)."""

import time
from collections.abc import Callable

from oauthlib.oauth2 import DeviceClient, OAuth2Error
from oauthlib.oauth2.rfc6749.errors import raise_from_error

from mailtrack.errors import AuthError, TransientError
from mailtrack.oauth.endpoint import Grant, RefusedGrantError, TokenEndpoint

#: Seconds between two questions whether the code was typed (RFC 8628, 3.2), and what `slow_down`
#: adds to them (3.5).
_INTERVAL_S, _SLOWER_S = 5.0, 5.0
#: Seconds that a code is good for at most, whatever a provider says.
_MAX_LIFE_S = 1_800.0
_STILL_WAITING = frozenset({"authorization_pending", "slow_down"})


def sign_in_by_code(
    endpoint: TokenEndpoint, say: Callable[[str], None], pause: Callable[[float], None] = time.sleep
) -> Grant:
    """Tell a person the code and where to type it, and wait until they have.

    1. The provider gives a code for the person and one for us.
    2. With ours we ask as often as it likes. That nobody answers for once is no end: the
       person is signing in meanwhile.

    Raises AuthError where the person or the provider refuses, or the code lapses.
    """
    # 1.
    provider = endpoint.provider
    answer = endpoint.ask(provider.device_url, {"scope": provider.scope})
    given = answer.object()
    try:
        if "error" in given:
            raise_from_error(given["error"], given)
    except OAuth2Error as error:
        raise endpoint.refusal(answer.host, error) from None
    code, typed = given.get("device_code"), given.get("user_code")
    page = given.get("verification_uri") or given.get("verification_url")  # the latter is Google's
    if not (code and typed and page):
        raise TransientError(f"{answer.host} gave no code to type; try again later.")
    say(f"Open {page} in any browser, type {typed}, and sign in.")
    # 2.
    body = DeviceClient(endpoint.settings.client_id).prepare_request_body(code)
    waited_s, interval_s = 0.0, _seconds(given.get("interval"), _INTERVAL_S)
    while waited_s < _seconds(given.get("expires_in"), _MAX_LIFE_S):
        pause(interval_s)
        waited_s += interval_s
        try:
            return endpoint.grant(body)
        except RefusedGrantError as error:
            if error.code not in _STILL_WAITING:
                raise
            interval_s += _SLOWER_S * (error.code == "slow_down")
        except TransientError as error:
            say(f"{error} Still waiting.")
    raise AuthError(f"The code has lapsed: run `mailtrack login {endpoint.name} --device` again.")


def _seconds(told: object, otherwise: float) -> float:
    is_told = isinstance(told, int | float) and 0 < told < _MAX_LIFE_S
    return float(told) if is_told else otherwise  # type: ignore[arg-type]

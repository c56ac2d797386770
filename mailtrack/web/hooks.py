"""What carriers send of themselves: `POST /hooks/<carrier>`, believed only if signed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from mailtrack.carriers import aftership, settings_of, seventeentrack
from mailtrack.carriers.base import Push
from mailtrack.errors import PermanentError
from mailtrack.runtime.services import Services

#: No push is longer.
MOST_PUSH_BYTES = 1_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hook:
    """How one carrier's pushes are proven and read: (body, signature, secret), (body).

    `header` holds the signature, `secret` names the setting that it is made with.
    """

    header: str
    secret: str
    verify: Callable[[bytes, str, str], bool]
    read: Callable[[bytes], Push]


HOOKS = {
    seventeentrack.DECLARATION.code: Hook(
        "sign", "key", seventeentrack.verify_push, seventeentrack.read_push
    ),
    aftership.DECLARATION.code: Hook(
        "aftership-hmac-sha256", "webhook_secret", aftership.verify_push, aftership.read_push
    ),
}


def take_in(services: Services, carrier: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Take a push in; return the HTTP status that tells its sender how it went.

    Pushes come twice and out of order: that changes nothing, each holds the whole history.
    """
    hook, declaration = HOOKS.get(carrier), services.declarations.get(carrier)
    if hook is None or declaration is None or carrier not in services.on:
        return 404
    own = settings_of(declaration, services.settings)
    secret = getattr(own, hook.secret).get_secret_value()
    if not hook.verify(body, headers.get(hook.header, ""), secret):
        log.warning("push refused", carrier=carrier, why="wrong signature")
        return 401
    try:
        push = hook.read(body)
    except PermanentError as error:
        log.warning("push not read", carrier=carrier, error=str(error))
        return 400
    services.poller().take_push(carrier, push)
    return 200

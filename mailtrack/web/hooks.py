"""What carriers send of themselves: `POST /hooks/<carrier>`, believed only if signed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from mailtrack.carriers import settings_of
from mailtrack.carriers.base import Push
from mailtrack.carriers.seventeentrack import read_push, verify_push
from mailtrack.errors import PermanentError
from mailtrack.runtime.services import Services

#: No push is longer.
MOST_PUSH_BYTES = 1_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hook:
    """How one carrier's pushes are proven and read: (body, signature, key), (body)."""

    header: str
    verify: Callable[[bytes, str, str], bool]
    read: Callable[[bytes], Push]


HOOKS = {"17track": Hook("sign", verify_push, read_push)}


def take_in(services: Services, carrier: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Take a push in; return the HTTP status that tells its sender how it went.

    Pushes come twice and out of order: that changes nothing, each holds the whole history.
    """
    hook, declaration = HOOKS.get(carrier), services.declarations.get(carrier)
    if hook is None or declaration is None or carrier not in services.on:
        return 404
    key = settings_of(declaration, services.settings).key.get_secret_value()
    if not hook.verify(body, headers.get(hook.header, ""), key):
        log.warning("push refused", carrier=carrier, why="wrong signature")
        return 401
    try:
        push = hook.read(body)
    except PermanentError as error:
        log.warning("push not read", carrier=carrier, error=str(error))
        return 400
    services.poller().take_push(carrier, push)
    return 200

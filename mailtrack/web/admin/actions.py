"""What an operator does on a page: the corrections of the commands, each as a form and its act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog
from sqlalchemy import Connection, select

from mailtrack.admin import blocking, corrections, pausing
from mailtrack.admin.filters import Filter, moment_to_come, row_ids
from mailtrack.admin.poll_now import poll_now
from mailtrack.carriers import named
from mailtrack.domain.harmless import without_addresses
from mailtrack.domain.model import InboundId
from mailtrack.errors import MailtrackError, PermanentError
from mailtrack.runtime.services import Services
from mailtrack.store import inbound
from mailtrack.store.schema import subscriber

#: What a form may name without naming a person.
_LOGGED = ("id", "carrier", "until")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ActionForm:
    """A button with what it sends: `hidden` values, and `typed` ones by the labels people read.

    `carriers`: codes to choose from; `careful`: it is not taken back by another button.
    """

    do: str
    button: str
    hidden: Mapping[str, str] = field(default_factory=dict)
    typed: Sequence[tuple[str, str, str]] = ()
    carriers: Sequence[str] = ()
    careful: bool = False


def act(services: Services, operator: str, form: Mapping[str, str]) -> str:
    """Do what a form asks for, say so, and log who did it; raises MailtrackError."""
    do = form.get("do", "")
    about = {name: form[name] for name in _LOGGED if form.get(name)}
    try:
        if do not in _ACTS:
            raise PermanentError("No button of these pages asks for that.")
        said = _ACTS[do](services, form)
    except MailtrackError as error:
        why = without_addresses(str(error))
        log.warning("operator failed", do=do, operator=operator, about=about, reason=why)
        raise
    log.info("operator acted", do=do, operator=operator, about=about, said=said)
    return said


def offered(topic: str, asked: Filter, services: Services) -> Sequence[ActionForm]:
    """Return the forms of a page, by its topic and what is opened on it."""
    one = {"id": str(asked.ids[0])} if asked.ids else {}
    match topic, bool(asked.ids), bool(asked.number):
        case "mails", True, _:
            return [ActionForm("reread", "Read it again", one)]
        case "notices", True, _:
            return [ActionForm("resend", "Send it again", one)]
        case "notices", False, _:
            return [ActionForm("resend", "Send again all that failed", {"id": "failed"})]
        case "parcels", _, True:
            return [ActionForm("poll", "Ask its carriers now", {"number": asked.number})]
        case "people", True, _:
            return [
                ActionForm("revive", "Let mails go to them again", one),
                ActionForm("block", "Block their address", one, careful=True),
                ActionForm("unblock", "Unblock their address", one),
            ]
        case "people", False, _:
            typed = [("address", "Address", "")]
            return [
                ActionForm("block", "Block an address", typed=typed, careful=True),
                ActionForm("unblock", "Unblock an address", typed=typed, careful=True),
            ]
        case "carriers", _, _:
            on, until = sorted(services.on), [("until", "Until (2h, 3d, 2026-03-02T14:05)", "24h")]
            return [
                ActionForm("pause", "Leave it alone", typed=until, carriers=on),
                ActionForm("resume", "Ask it again at once", carriers=on),
            ]
    return []


def _poll(services: Services, form: Mapping[str, str]) -> str:
    troubles = list(poll_now(services, form.get("number", "")))
    return " ".join(troubles) or "Its carriers were asked; what they said is kept."


def _resend(services: Services, form: Mapping[str, str]) -> str:
    wanted = Filter() if form.get("id") == "failed" else _one(form)
    with services.store.write() as connection:
        return corrections.retry(connection, wanted, services.clock.now())


def _reread(services: Services, form: Mapping[str, str]) -> str:
    mails = [InboundId(number) for number in _one(form).ids]
    with services.store.write() as connection:
        times = inbound.reread(connection, services.clock.now(), mails)
    return "It will be read again." if times else "Its content is kept no more."


def _revive(services: Services, form: Mapping[str, str]) -> str:
    with services.store.write() as connection:
        return corrections.revive(connection, _one(form), services.clock.now())


def _block(services: Services, form: Mapping[str, str]) -> str:
    with services.store.write() as connection:
        address, now = _address(connection, form), services.clock.now()
        return blocking.block(connection, address, services.suppression, now)


def _unblock(services: Services, form: Mapping[str, str]) -> str:
    with services.store.write() as connection:
        return blocking.unblock(connection, _address(connection, form), services.suppression)


def _pause(services: Services, form: Mapping[str, str]) -> str:
    declaration = services.declarations[named(form.get("carrier", ""))]
    now = services.clock.now()
    until = moment_to_come(form.get("until", ""), now)
    with services.store.write() as connection:
        return pausing.pause(connection, declaration, until, now)


def _resume(services: Services, form: Mapping[str, str]) -> str:
    declaration = services.declarations[named(form.get("carrier", ""))]
    with services.store.write() as connection:
        return pausing.resume(connection, declaration, services.clock.now())


#: What each button does, by what its form names.
_ACTS: Mapping[str, Callable[[Services, Mapping[str, str]], str]] = MappingProxyType(
    {
        "poll": _poll,
        "resend": _resend,
        "reread": _reread,
        "revive": _revive,
        "block": _block,
        "unblock": _unblock,
        "pause": _pause,
        "resume": _resume,
    }
)


def _one(form: Mapping[str, str]) -> Filter:
    """Return the one row that a form names; raises PermanentError: none would mean all."""
    return Filter(ids=row_ids([form.get("id", "")]))


def _address(connection: Connection, form: Mapping[str, str]) -> str:
    """Return the address that a form names, by itself or as the one of a person."""
    if "id" not in form:
        return form.get("address", "")
    query = select(subscriber.c.address).where(subscriber.c.id.in_(_one(form).ids))
    address = connection.scalars(query).one_or_none()
    if address is None:
        raise PermanentError("This person is no more.")
    return str(address)

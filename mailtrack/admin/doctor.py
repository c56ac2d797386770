"""Trying everything that the service needs before it starts: `mailtrack doctor` and `up`."""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import redis
import structlog

from mailtrack.admin.running import answers
from mailtrack.admin.send_test import sample_mail
from mailtrack.carriers import why_off
from mailtrack.domain.model import NoticeId, RowKey
from mailtrack.errors import ConfigurationError, MailtrackError, QuotaError
from mailtrack.inbox.authserv_id import AuthservId, suggest
from mailtrack.inbox.mailbox import open_mailbox
from mailtrack.jobs.broker import policy_trouble
from mailtrack.notify import dkim
from mailtrack.notify.mail import OutgoingMail
from mailtrack.parsers.message import read_message
from mailtrack.runtime.alone import make_data_folder
from mailtrack.runtime.roles import listen
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import broker_folder
from mailtrack.store.migrate import is_empty, newest, require_current, upgrade

#: Less room than this on the data disk, and the service does not start.
LEAST_ROOM_BYTES = 50_000_000

#: How many of the newest mails tell who vouches for senders.
_MAILS_TO_TELL_BY = 20

log = structlog.get_logger(__name__)

_EVERYBODY_IS_ASKED = (
    "; senders are asked once by mail whether they are who they say, and then believed, because "
    "MAILTRACK_INBOX__AUTHSERV_ID is not set"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str


def check_all(services: Services, only: Iterable[str] = ()) -> Iterator[Check]:
    """Try everything, or what is named; nothing is raised, nothing is sent."""
    for name in only or _ATTEMPTS:
        attempt = _ATTEMPTS[name]
        try:
            yield Check(name, ok=True, detail=attempt(services))
        except MailtrackError as error:
            yield Check(name, ok=False, detail=str(error))


def require_all(services: Services) -> None:
    """Bring the database up to date and try everything; raise the first MailtrackError.

    1. Make the data folder, and let nobody else look into it, unless others share it.
    2. Stop where the embedded store is gone from a folder that was in use: whoever starts us
       again and again must not begin with an empty one of their own accord.
    3. Bring the store to the schema of this version.
    4. Try everything; what only time will mend does not keep the service from starting.
    5. Stop where somebody listens on our port, be it another mailtrack.
    """
    # 1.
    settings, folder = services.settings, services.settings.data_dir
    make_data_folder(folder)
    found = folder.stat()
    is_shared = found.st_mode & stat.S_ISVTX
    if found.st_uid == os.geteuid() and found.st_mode & 0o077 and not is_shared:
        folder.chmod(0o700)
    # 2.
    if not settings.database_url and broker_folder(folder).exists() and is_empty(services.store):
        raise ConfigurationError(
            f"The database is gone from {folder}, which was in use: put it back or "
            "restore a backup; `mailtrack db upgrade` makes a new one, which knows nothing."
        )
    # 3.
    upgrade(services.store)
    # 4.
    for name, attempt in _ATTEMPTS.items():
        try:
            attempt(services)
        except QuotaError as error:  # what waits is sent when the limit is over
            log.warning("not now", check=name, error=str(error))
        except ConfigurationError as error:
            if attempt not in _NOT_AT_ONCE:
                raise
            log.warning("not now", check=name, error=str(error))
    # 5.
    listen(settings.web).close()
    if settings.admin.is_apart:
        listen(settings.admin, "ADMIN").close()


def _room(services: Services) -> str:
    """Look at the data folder, or at where it will be made: a check leaves nothing behind."""
    folder = services.settings.data_dir
    if folder.exists():
        make_data_folder(folder)
    above = (folder.absolute(), *folder.absolute().parents)
    free = shutil.disk_usage(next(place for place in above if place.exists())).free
    if free < LEAST_ROOM_BYTES:
        raise ConfigurationError(
            f"The disk of {folder} is full ({free // 1_000_000} MB left): make room."
        )
    return f"{free // 1_000_000} MB free in {folder}"


def _store(services: Services) -> str:
    require_current(services.store)
    return f"at revision {newest()}"


def _links(services: Services) -> str:
    settings = services.settings
    own = not settings.links.secret.get_secret_value() and not settings.database_url
    if own and not settings.links_file.exists():
        return f"{settings.links_file} is made at the first start"
    services.links.for_reader(RowKey("nobody"))
    return f"signed, they start with {services.settings.web.public_url}"


def _mailbox(services: Services) -> str:
    settings = services.settings.inbox
    settings.check("INBOX")
    mailbox = open_mailbox(settings, services.clock, services.access_token)
    mailbox.close()
    asked = "" if settings.authserv_id or settings.allow else _EVERYBODY_IS_ASKED
    return f"{settings.folder} on {settings.host} can be read{asked}"


def _senders(services: Services) -> str:
    """Look whether the newest mails bear results in the name that is believed.

    Raises ConfigurationError where it is another name that they bear.
    """
    settings = services.settings.inbox
    try:
        with closing(open_mailbox(settings, services.clock, services.access_token)) as mailbox:
            mails = [read_message(raw) for raw in mailbox.newest_headers(_MAILS_TO_TELL_BY)]
    except MailtrackError:  # said above, by the mailbox
        return "to be told when the mailbox can be read"
    chosen = AuthservId(settings.authserv_id, settings.authserv_below)
    signed, better = sum(map(chosen.signs, mails)), suggest(mails)
    if signed:
        return f"{chosen.name} vouches for them, in {signed} of the last {len(mails)} mails"
    if better is None:
        told = f"MAILTRACK_INBOX__AUTHSERV_ID={chosen.name} is" if chosen.name else "no server is"
        return f"{told} in none of the last {len(mails)} mails that came from elsewhere"
    advice = f"set MAILTRACK_INBOX__AUTHSERV_ID={better.name}"
    if better.below:
        advice += " and MAILTRACK_INBOX__AUTHSERV_BELOW=true, if it writes into every mail"
    if chosen.name:
        raise ConfigurationError(
            f"MAILTRACK_INBOX__AUTHSERV_ID={chosen.name} signs none of the last {len(mails)} "
            f"mails, so nobody is believed: {advice}."
        )
    return f"{advice}, whose results stand in the mails of {settings.folder}"


def _relay(services: Services) -> str:
    """Try all that a mail needs: write, sign and address one, log in; nothing is sent."""
    settings = services.settings.smtp
    settings.check("SMTP")
    if not settings.from_address:
        raise ConfigurationError("MAILTRACK_SMTP__FROM_ADDRESS is not set.")
    mail, bounces = _try_to_write(services), services.bounces
    with services.open_relay() as relay:
        comes_back = bounces.of(NoticeId(0), RowKey("nobody")) if bounces else ""
        takes_others = relay.check(mail, comes_back)
    if bounces and not takes_others:
        return f"{settings.host} takes our mails, with reports to {settings.from_address} only"
    return f"{settings.host} takes our mails"


def _signature(services: Services) -> str:
    """Look for the key of our signature as receivers do."""
    settings, signer = services.settings.smtp, services.signer()
    if signer is None:
        return "none of our own: the relay signs"
    wire = signer(_try_to_write(services).wire)
    return dkim.check(wire, settings.domain, settings.dkim_selector)


def _try_to_write(services: Services) -> OutgoingMail:
    """Write a mail to ourselves."""
    inbox = services.settings.inbox.forward_to
    return sample_mail(services, inbox if "@" in inbox else services.settings.smtp.from_address)


def _broker(services: Services) -> str:
    if not services.settings.redis_url:
        return "embedded"
    try:
        services.broker.client.ping()
    except redis.RedisError as error:
        raise ConfigurationError(
            f"Redis does not answer ({error}): check MAILTRACK_REDIS_URL."
        ) from error
    trouble = policy_trouble(services.broker.client)
    if trouble:
        raise ConfigurationError(f"{trouble}.")
    return "Redis answers"


def _carriers(services: Services) -> str:
    on = sorted(services.carriers)
    if not on:
        raise ConfigurationError("Every carrier is switched off: see `mailtrack carriers`.")
    off = [d.code for d in services.declarations.values() if why_off(d, services.settings)]
    return f"on: {', '.join(on)}" + (f"; off: {', '.join(off)}" if off else "")


def _pages(services: Services) -> str:
    """Look whether the port is free, or ours already."""
    settings = services.settings.web
    where = f"{settings.host}:{settings.port}"
    try:
        listen(settings).close()
    except ConfigurationError:
        if answers(settings):
            return f"mailtrack serves its pages on {where}"
        raise
    return f"{where} is free"


_ATTEMPTS: dict[str, Callable[[Services], str]] = {
    "disk": _room,
    "store": _store,
    "broker": _broker,
    "links": _links,
    "mailbox": _mailbox,
    "senders": _senders,
    "relay": _relay,
    "signature": _signature,
    "carriers": _carriers,
    "web": _pages,
}
#: What need not be well at the start: the DNS may take a while to know a new key, and who is
#: not believed is asked.
_NOT_AT_ONCE = frozenset({_signature, _senders})

"""The pages of the operator: what each answers, by the same tables as the commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection

from mailtrack.admin import invitations, mails, notices, parcels, people, reports, states
from mailtrack.admin.filters import Filter, moment, row_ids
from mailtrack.admin.running import queues
from mailtrack.admin.table import Table
from mailtrack.carriers import why_off
from mailtrack.domain.model import SubscriberId
from mailtrack.runtime.services import Services
from mailtrack.store import budgets

#: How well the service understands and foretells, a table each.
FIGURES: Sequence[Callable[[Connection], Table]] = (reports.forecast_list, reports.words)
#: Unknown words that a page shows, the most frequent first.
MOST_WORDS = 200


#: How many rows a list may show.
ROWS = (50, 200, 1_000)


@dataclass(frozen=True, slots=True)
class Topic:
    """One page: its name, what answers it, and the states that its list can be narrowed to."""

    name: str
    answer: Callable[[Services, Filter], Sequence[Table]]
    states: Sequence[str] = ()


def asked(query: Mapping[str, str], now: datetime) -> Filter:
    """Return what the address of a page asks for; raises PermanentError.

    People are asked for by number alone: addresses of pages are written down on their way.
    """
    number, since = query.get("number", ""), query.get("since", "")
    rows = {str(one): one for one in ROWS}
    return Filter(
        ids=row_ids(filter(None, [query.get("id", "")])),
        number=number,
        state=query.get("state", ""),
        since=moment(since, now) if since else None,
        limit=rows.get(query.get("rows", ""), ROWS[0]),
    )


def _status(services: Services, _asked: Filter) -> Sequence[Table]:
    settings, now = services.settings, services.clock.now()
    relay = reports.RelayInUse(settings.smtp.place, settings.smtp.per_day)
    with services.store.read() as connection:
        place = settings.inbox.place_if_set
        tables = reports.status(connection, now, place, relay, services.on)
    return [*queues(lambda: services.broker), *tables]


def _mails(services: Services, asked: Filter) -> Sequence[Table]:
    with services.store.read() as connection:
        if asked.ids:
            return mails.inbound_mail(connection, asked.ids[0])
        return [mails.inbound_list(connection, asked)]


def _notices(services: Services, asked: Filter) -> Sequence[Table]:
    with services.store.read() as connection:
        if asked.ids:
            return notices.one_notice(connection, asked.ids[0])
        return [notices.notice_list(connection, asked)]


def _parcels(services: Services, asked: Filter) -> Sequence[Table]:
    with services.store.read() as connection:
        if asked.number:
            return parcels.one_parcel(connection, asked.number)
        return [parcels.parcel_list(connection, asked)]


def _people(services: Services, asked: Filter) -> Sequence[Table]:
    with services.store.read() as connection:
        if asked.ids:
            owner = SubscriberId(asked.ids[0])
            return people.one_person(connection, owner, services.suppression)
        return [people.people_list(connection, asked)]


def _invitations(services: Services, asked: Filter) -> Sequence[Table]:
    with services.store.read() as connection:
        return [invitations.invitation_list(connection, asked, services.clock.now())]


def _carriers(services: Services, _asked: Filter) -> Sequence[Table]:
    off = [(one, why_off(one, services.settings)) for one in services.declarations.values()]
    with services.store.read() as connection:
        health = budgets.health(connection)
    return [reports.carrier_list(health, off, services.clock.now())]


def _figures(services: Services, _asked: Filter) -> Sequence[Table]:
    with services.store.read() as connection:
        figures = [figure(connection) for figure in FIGURES]
        return [*figures, reports.unmapped_list(connection, MOST_WORDS)]


#: The topics by the last part of their address.
TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "": Topic("Status", _status),
        "mails": Topic("Mails", _mails, states.OF_MAILS),
        "notices": Topic("Notices", _notices, states.OF_NOTICES),
        "parcels": Topic("Parcels", _parcels, states.OF_PARCELS),
        "people": Topic("People", _people, states.OF_PEOPLE),
        "invitations": Topic("Invitations", _invitations, states.OF_INVITATIONS),
        "carriers": Topic("Carriers", _carriers),
        "figures": Topic("Figures", _figures),
    }
)

"""What a person may do with their own address and data: confirm, take along, erase."""

from typing import Any

from sqlalchemy import Connection, func, select

from mailtrack import privacy
from mailtrack.bootstrap import Services
from mailtrack.domain.model import SubscriberId
from mailtrack.inbox.clerk import UNCONFIRMED
from mailtrack.notify.links import Purpose
from mailtrack.store import inbound, people
from mailtrack.store.schema import inbound as mails
from mailtrack.store.schema import notice, subscriber, subscription
from mailtrack.web.desk import GoneError
from mailtrack.web.views import ConfirmPage, ConfirmState, DataPage, DataState


class OwnData:
    """Answers for one token at a time; GET shows, POST acts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links
        self._forward_to = services.settings.inbox.forward_to

    def ask_to_confirm(self, token: str) -> ConfirmPage:
        """Show what a click would confirm; changes nothing, whoever looks (scanners do)."""
        owner = self._read(token, Purpose.CONFIRM)
        with self._services.store.read() as connection:
            _require(connection, owner)
            known = people.confirmed_at(connection, owner) is not None
            waits = bool(inbound.refused(connection, owner, UNCONFIRMED))
        done = known and not waits
        state = ConfirmState.ALREADY if done else ConfirmState.CONFIRM
        return self._confirm_page(owner, state, waits=waits)

    def confirm(self, token: str) -> ConfirmPage:
        """Confirm an address; the mails that waited for this are read now."""
        owner = self._read(token, Purpose.CONFIRM)
        now = self._services.clock.now()
        with self._services.store.write() as connection:
            _require(connection, owner)
            new = people.confirm(connection, owner, now)
            released = inbound.reread_refused(connection, owner, UNCONFIRMED, now)
        done = new or released > 0
        state = ConfirmState.DONE if done else ConfirmState.ALREADY
        return self._confirm_page(owner, state, waits=released > 0)

    def show(self, token: str, state: DataState = DataState.SHOW) -> DataPage:
        """Show what is kept about a person."""
        owner = self._read(token, Purpose.DATA)
        with self._services.store.read() as connection:
            _require(connection, owner)
            row = connection.execute(select(subscriber).where(subscriber.c.id == owner)).one()
            return DataPage(
                state=state,
                action=self._links.link(Purpose.DATA, owner),
                forward_to=self._forward_to,
                preferences=self._links.link(Purpose.PREFERENCES, owner),
                mailbox=row.address,
                personal_address=self._services.addresses.of(owner),
                since=row.created_at,
                **_counts(connection, owner),
            )

    def export(self, token: str) -> dict[str, Any]:
        """Return all that is kept about a person."""
        owner = self._read(token, Purpose.DATA)
        with self._services.store.read() as connection:
            _require(connection, owner)
            return privacy.everything_about_subscriber(connection, owner)

    def erase(self, token: str) -> DataPage:
        """Forget a person, at once."""
        owner = self._read(token, Purpose.DATA)
        with self._services.store.write() as connection:
            _require(connection, owner)
            now = self._services.clock.now()
            privacy.erase_at_their_word(connection, owner, self._services.suppression, now)
        return DataPage(DataState.ERASED, action="", forward_to=self._forward_to)

    def _read(self, token: str, purpose: Purpose) -> SubscriberId:
        _, number = self._links.read(token, purpose)
        return SubscriberId(number)

    def _confirm_page(
        self, owner: SubscriberId, state: ConfirmState, *, waits: bool
    ) -> ConfirmPage:
        return ConfirmPage(
            state=state,
            action=self._links.link(Purpose.CONFIRM, owner),
            preferences=self._links.link(Purpose.PREFERENCES, owner),
            forward_to=self._forward_to,
            personal_address=self._services.addresses.of(owner),
            waits=waits,
        )


def _require(connection: Connection, owner: SubscriberId) -> None:
    if not people.exists(connection, owner):
        raise GoneError("This subscriber was erased.")


def _counts(connection: Connection, owner: SubscriberId) -> dict[str, int]:
    mine = select(func.count()).where(subscription.c.subscriber_id == owner)
    counted = {
        "parcels": mine.where(subscription.c.parcel_id.is_not(None)),
        "orders": mine.where(subscription.c.parcel_id.is_(None)),
        "received": select(func.count()).where(mails.c.subscriber_id == owner),
        "sent": select(func.count()).where(
            notice.c.subscriber_id == owner, notice.c.sent_at.is_not(None)
        ),
    }
    return {name: connection.execute(query).scalar_one() for name, query in counted.items()}

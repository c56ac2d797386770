"""What a person may do with their own address and data: confirm, take along, erase."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from mailtrack.domain.model import InboundId, RowKey
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import held_mails, people, personal_data
from mailtrack.store.schema import inbound as mails
from mailtrack.store.schema import notice, subscriber, subscription
from mailtrack.web.pages.buttons import Action
from mailtrack.web.pages.own_data import DataPage, DataState
from mailtrack.web.pages.questions import ConfirmPage, ConfirmState
from mailtrack.web.service import subscriber_named

#: Why a mail is refused for good that was held for its sender's word.
NOT_THEIRS = "its sender says that it is not theirs"
#: A mail's number as a form of ours holds it: what a database takes for one.
_NUMBER = re.compile(r"[0-9]{1,9}")


class OwnData:
    """Answers for one token at a time; GET shows, POST acts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links
        self._forward_to = services.settings.inbox.forward_to

    def ask_to_confirm(self, token: str) -> ConfirmPage:
        """Show what a click would confirm; changes nothing, whoever looks (scanners do)."""
        key = self._read(token, Purpose.CONFIRM)
        with self._services.store.read() as connection:
            owner = subscriber_named(connection, key)
            known = people.confirmed_at(connection, owner) is not None
            held = tuple(held_mails.of_subscriber(connection, owner))
        state = ConfirmState.ALREADY if known and not held else ConfirmState.CONFIRM
        return replace(self._confirm_page(key, state), mails=held)

    def confirm(self, token: str, form: Mapping[str, str]) -> ConfirmPage:
        """Confirm an address, and those of the mails shown whose boxes are ticked: these are read.

        1. Read which mails the page had shown, and which of them are the person's.
        2. "Not mine": let go of all of them; the address stays as it was.
        3. Else, in one transaction, confirm the address, have theirs read, let go of the others.

        What came after the page was shown waits on. Raises BadLink or GoneError.
        """
        # 1.
        key = self._read(token, Purpose.CONFIRM)
        words = form.get("listed", "").split(",")
        listed = {InboundId(int(word)) for word in words if _NUMBER.fullmatch(word)}
        theirs = {mail for mail in listed if f"mail-{mail}" in form}
        # 2.
        if form.get("do") == Action.DISOWN:
            self._services.store.transact(
                lambda connection: held_mails.disown(
                    connection, subscriber_named(connection, key), listed, NOT_THEIRS
                )
            )
            return self._confirm_page(key, ConfirmState.DISOWNED)

        # 3.
        def confirm(connection: Connection) -> ConfirmPage:
            owner, now = subscriber_named(connection, key), self._services.clock.now()
            new = people.confirm(connection, owner, now)
            read = held_mails.vouch(connection, owner, theirs, now)
            held_mails.disown(connection, owner, listed - theirs, NOT_THEIRS)
            state = ConfirmState.DONE if new or read else ConfirmState.ALREADY
            return replace(self._confirm_page(key, state), read=read)

        return self._services.store.transact(confirm)

    def show(self, token: str, state: DataState = DataState.SHOW) -> DataPage:
        """Show what is kept about a person, and how many rows of each kind."""
        key = self._read(token, Purpose.DATA)
        with self._services.store.read() as connection:
            owner = subscriber_named(connection, key)
            row = connection.execute(select(subscriber).where(subscriber.c.id == owner)).one()
            mine = select(func.count()).where(subscription.c.subscriber_id == owner)
            came = select(func.count()).where(mails.c.subscriber_id == owner)
            left = select(func.count()).where(
                notice.c.subscriber_id == owner, notice.c.sent_at.is_not(None)
            )
            counted = {
                "parcels": mine.where(subscription.c.parcel_id.is_not(None)),
                "orders": mine.where(subscription.c.parcel_id.is_(None)),
                "received": came,
                "sent": left,
            }
            counts = {name: connection.execute(rows).scalar_one() for name, rows in counted.items()}
            return DataPage(
                state=state,
                action=self._links.link(Purpose.DATA, key),
                forward_to=self._forward_to,
                preferences=self._links.link(Purpose.PREFERENCES, key),
                mailbox=row.address,
                personal_address=self._services.addresses.of(key),
                since=row.created_at,
                **counts,
            )

    def export(self, token: str) -> dict[str, Any]:
        """Return all that is kept about a person."""
        key = self._read(token, Purpose.DATA)
        with self._services.store.read() as connection:
            owner = subscriber_named(connection, key)
            return personal_data.everything_about_subscriber(
                connection, owner, self._services.addresses.of
            )

    def erase(self, token: str) -> DataPage:
        """Forget a person, at once."""
        key = self._read(token, Purpose.DATA)

        def erase(connection: Connection) -> None:
            owner, now = subscriber_named(connection, key), self._services.clock.now()
            personal_data.erase_at_their_word(connection, owner, self._services.suppression, now)

        self._services.store.transact(erase)
        self._services.store.truncate_log()
        return DataPage(DataState.ERASED, action="", forward_to=self._forward_to)

    def _read(self, token: str, purpose: Purpose) -> RowKey:
        _, key = self._links.read(token, purpose)
        return key

    def _confirm_page(self, key: RowKey, state: ConfirmState) -> ConfirmPage:
        return ConfirmPage(
            state=state,
            action=self._links.link(Purpose.CONFIRM, key),
            preferences=self._links.link(Purpose.PREFERENCES, key),
            forward_to=self._forward_to,
            personal_address=self._services.addresses.of(key),
        )

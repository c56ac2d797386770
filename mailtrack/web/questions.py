"""Is this number your parcel's? The page behind the link, and what a click on it does."""

from dataclasses import replace

from sqlalchemy import Connection

from mailtrack.carriers.pages import name_of
from mailtrack.domain.model import RowKey
from mailtrack.inbox import doubtful
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import doubtful_numbers, following, people
from mailtrack.store.doubtful_numbers import AskedNumber
from mailtrack.web.pages.questions import FollowPage, FollowState
from mailtrack.web.service import GoneError


class ExpiredQuestionError(GoneError):
    """Raised when a question is asked no more: it is too old, or its person was erased."""


class Questions:
    """Answers for one token at a time; GET shows, POST acts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links
        self._forward_to = services.settings.inbox.forward_to

    def ask(self, token: str) -> FollowPage:
        """Show which number a click would follow; changes nothing, whoever looks (scanners do)."""
        key = self._read(token)
        with self._services.store.read() as connection:
            return self._page(connection, _asked(connection, key))

    def follow(self, token: str) -> FollowPage:
        """Follow a number at its reader's word; a second click finds it followed.

        Raises BadLink, or ExpiredQuestionError where nobody is asked about it any more.
        """
        key = self._read(token)

        def follow(connection: Connection) -> FollowPage:
            asked = _asked(connection, key)
            if not people.lock(connection, asked.owner):
                raise ExpiredQuestionError("This subscriber was erased.")
            page = self._page(connection, asked)
            if page.state is FollowState.ALREADY:
                return page
            exceeded = doubtful.follow(
                connection, asked, self._services.on, self._services.quotas, self._services.clock
            )
            if exceeded:
                return replace(page, state=FollowState.TOO_MANY)
            return replace(self._page(connection, asked), state=FollowState.DONE)

        return self._services.store.transact(follow)

    def _page(self, connection: Connection, asked: AskedNumber) -> FollowPage:
        mine = following.of_number(connection, asked.owner, asked.number)
        reader = people.key_of(connection, asked.owner)
        links = self._links.for_reader(reader, mine.key if mine else None)
        return FollowPage(
            state=FollowState.ALREADY if mine and not mine.muted else FollowState.ASK,
            action=self._links.link(Purpose.FOLLOW, asked.key),
            forward_to=self._forward_to,
            number=asked.number,
            carrier=name_of(asked.carriers, self._services.declarations),
            why=asked.why,
            timeline=links.timeline or "",
            preferences=links.preferences,
        )

    def _read(self, token: str) -> RowKey:
        _, key = self._links.read(token, Purpose.FOLLOW)
        return key


def _asked(connection: Connection, key: RowKey) -> AskedNumber:
    found = doubtful_numbers.by_key(connection, key)
    if found is None:
        raise ExpiredQuestionError("This question was forgotten.")
    return found

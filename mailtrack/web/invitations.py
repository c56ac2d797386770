"""The page behind an invitation's mail: what a click would agree to, and what one click ends."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from mailtrack.domain.invitations import Invitation
from mailtrack.domain.model import RowKey, SubscriberId, SubscriptionId
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import invitations, people, shared_subscriptions, subscriptions
from mailtrack.store.suppression import Why
from mailtrack.web.pages.buttons import Action
from mailtrack.web.pages.invitations import InvitedPage, InvitedState
from mailtrack.web.service import GoneError, subscriber_named

_PURPOSES = (Purpose.INVITATION, Purpose.NO_INVITATIONS)
#: Parcels that one click lets somebody follow; housekeeping goes on.
_AT_ONCE = 50


class EndedInvitationError(GoneError):
    """Raised when an invitation is over: it lapsed, was taken back, or its inviter was erased."""


class Invitations:
    """Answers for one token at a time; GET shows, POST acts.

    One mail stands for all invitations of one person to one address that wait: so does a click.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links
        self._forward_to = services.settings.inbox.forward_to

    def ask(self, token: str) -> InvitedPage:
        """Show what a click would agree to; changes nothing, whoever looks (scanners do)."""
        purpose, key = self._links.read(token, *_PURPOSES)
        with self._services.store.read() as connection:
            if purpose is Purpose.NO_INVITATIONS:
                owner = subscriber_named(connection, key)
                address = people.address_of(connection, owner)
                state = InvitedState.ASK_TO_REFUSE
                if self._services.no_invitations.find(connection, address):
                    state = InvitedState.REFUSED
                return self._page(purpose, key, state)
            return self._about(connection, _named(connection, key))

    def answer(self, token: str, form: Mapping[str, str], *, one_click: bool) -> InvitedPage:
        """Accept, refuse for good, or take that back; a button that is none of ours does nothing.

        `one_click`: a mail program's own button (RFC 8058), which is a refusal. Raises BadLink, or
        GoneError where nobody is asked any more.
        """
        purpose, key = self._links.read(token, *_PURPOSES)
        accepts = purpose is Purpose.INVITATION and form.get("do") == Action.ACCEPT
        refuses = one_click or form.get("do") == Action.REFUSE
        resumes = form.get("do") == Action.RESUME
        if not (accepts or refuses or resumes):
            return self.ask(token)

        def act(connection: Connection) -> InvitedPage:
            if accepts:
                return self._accept(connection, _named(connection, key))
            address = (
                _named(connection, key).address
                if purpose is Purpose.INVITATION
                else people.address_of(connection, subscriber_named(connection, key))
            )
            if resumes:
                self._services.no_invitations.remove(connection, address)
                return self._page(purpose, key, InvitedState.RESUMED)
            # Nobody may invite them any more; who did learns nothing of it.
            now = self._services.clock.now()
            self._services.no_invitations.add(connection, address, Why.NO_INVITATIONS, now)
            invitations.refuse_all(connection, address, now)
            return self._page(purpose, key, InvitedState.REFUSED)

        return self._services.store.transact(act)

    def _accept(self, connection: Connection, mailed: Invitation) -> InvitedPage:
        """Let who was invited follow what they agree to; a second click finds it done.

        1. Their click shows that the address is alive, and brings back who had left. It lets
           nobody write in their name: that is another question (`web/own_data.py`).
        2. Everything of this inviter's that waits is accepted, and followed as far as their day
           has room for new parcels; housekeeping goes on with the rest.
        """
        services, now = self._services, self._services.clock.now()
        # 1.
        member = people.subscriber_of(connection, mailed.address, now)
        mailed = _named(connection, mailed.key)  # as it stands now that they are locked
        page = self._about(connection, mailed)
        if page.state is not InvitedState.ASK:
            return page
        people.heard_from(connection, member)
        people.welcome_back(connection, member)
        # 2.
        waiting = _waiting(connection, mailed, services)
        invitations.accept(connection, waiting, now)
        agreed = shared_subscriptions.unshared(connection, _AT_ONCE, only=member)
        alone = len(agreed) == 1
        done = [
            what
            for what in agreed
            if services.sharing.follow(connection, what, at_click=True, alone=alone)
        ]
        page = replace(page, state=InvitedState.ACCEPTED, full=len(done) < len(agreed))
        theirs = _followed_by(connection, member, [what.source for what in done])
        return replace(
            page,
            followed=len(done),
            timeline=self._links.link(Purpose.TIMELINE, theirs[0]) if len(theirs) == 1 else "",
            preferences=self._links.link(Purpose.PREFERENCES, people.key_of(connection, member)),
        )

    def _about(self, connection: Connection, mailed: Invitation) -> InvitedPage:
        """Return the page of an invitation as it stands; raises EndedInvitationError."""
        services, action = self._services, (Purpose.INVITATION, mailed.key)
        if mailed.refused_at and services.no_invitations.find(connection, mailed.address):
            return self._page(*action, InvitedState.REFUSED)
        if mailed.inviter is None or services.suppression.blocks(connection, mailed.address):
            raise EndedInvitationError("This invitation is over.")
        waiting = _waiting(connection, mailed, services)
        accepted = mailed.accepted_at is not None and mailed.ended_at is None
        if not waiting and not accepted:
            raise EndedInvitationError("This invitation is over.")
        shown = waiting or [mailed]
        return replace(
            self._page(*action, InvitedState.ASK if waiting else InvitedState.ALREADY),
            inviter=people.address_of(connection, mailed.inviter),
            everything=any(one.everything for one in shown),
            until=max(one.lapses_at for one in shown),
        )

    def _page(self, purpose: Purpose, key: RowKey, state: InvitedState) -> InvitedPage:
        return InvitedPage(state, self._links.link(purpose, key), self._forward_to)


def _named(connection: Connection, key: RowKey) -> Invitation:
    found = invitations.by_key(connection, key)
    if found is None:
        raise EndedInvitationError("This invitation was forgotten.")
    return found


def _waiting(
    connection: Connection, mailed: Invitation, services: Services
) -> Sequence[Invitation]:
    if mailed.inviter is None:
        return ()
    now = services.clock.now()
    return invitations.open_between(connection, mailed.inviter, mailed.address, now)


def _followed_by(
    connection: Connection, member: SubscriberId, sources: Sequence[SubscriptionId]
) -> Sequence[RowKey]:
    """Return the keys of somebody's subscriptions to what is shared with them."""
    parcels = {one.parcel for one in subscriptions.read(connection, sources)}
    mine = subscriptions.of_subscriber(connection, member)
    return [one.key for one in mine if one.parcel in parcels]

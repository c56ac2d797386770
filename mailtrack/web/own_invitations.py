"""« Prévenir aussi … »: inviting others from one's own pages, and ending that."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mailtrack.domain.invitations import (
    DAY,
    LASTS,
    UNANSWERED,
    Invitation,
    InvitationState,
    mailbox_of,
)
from mailtrack.domain.model import SubscriberId, SubscriptionId
from mailtrack.inbox.quotas import FREE_MAIL
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.settings.types import as_sent
from mailtrack.store import invitations, notices, people
from mailtrack.web.pages.buttons import Action, Saved
from mailtrack.web.pages.invitations import InvitationLine, InvitationLists

#: More than any address (RFC 5321, 4.5.3.1: characters).
_MOST_TYPED = 320
_NO_ADDRESS = "Ce n’est pas une adresse mail : vérifiez-la, par exemple ana@example.org."
_OURS = "Indiquez l’adresse de quelqu’un d’autre : celle-ci est la vôtre, ou la nôtre."
_NOT_YOU = "Rien n’est changé : depuis cette adresse, personne ne peut être invité."
_TOO_MANY = "Trop d’invitations aujourd’hui : revenez demain."
_ALREADY = "Cette personne est déjà invitée : rien de plus à faire."
_INVITED = "C’est noté : votre invitation attend sa réponse, pendant 7 jours."
_TAKEN_BACK = "C’est noté : l’invitation est retirée."
_ENDED = (
    "C’est noté : ce que cette personne suit déjà lui reste, mais vos mails ne lui disent plus "
    "rien du retrait, et vos prochains colis ne lui sont plus signalés."
)
_LEFT = "C’est noté : ses prochains colis ne vous seront plus signalés."


@dataclass(frozen=True, slots=True)
class OwnInvitations:
    """The invitations of one person in one transaction, as one of their pages shows them.

    `about`: the page is that of this subscription, None where it is of all parcels.
    """

    services: Services
    connection: Connection
    owner: SubscriberId
    about: SubscriptionId | None = None

    def show(self) -> InvitationLists | None:
        """Return what the page shows; None where the operator wants no invitations."""
        if not self.services.settings.notices.invitations_per_day:
            return None
        invited = [
            self._line(one, one.address)
            for one in invitations.made_by(self.connection, self.owner)
            if one.everything or one.about == self.about
        ]
        if self.about is not None:
            return InvitationLists(everything=False, invited=tuple(invited))
        agreed = invitations.agreed_to(self.connection, self.owner)
        inviting = tuple(self._line(one, inviter) for one, inviter in agreed)
        return InvitationLists(everything=True, invited=tuple(invited), inviting=inviting)

    def change(self, action: Action, form: Mapping[str, str]) -> Saved:
        """Do what a form asks for; the person is locked."""
        if action is Action.INVITE:
            return self._invite(form.get("address", ""))
        address = people.address_of(self.connection, self.owner)
        mine = (
            invitations.made_by(self.connection, self.owner)
            if action is Action.TAKE_BACK
            else invitations.made_to(self.connection, address)
        )
        one = next((one for one in mine if one.key == form.get("invitation")), None)
        if one is None:
            return Saved()
        invitations.end(self.connection, one, self.services.clock.now())
        if action is Action.LEAVE:
            return Saved(_LEFT)
        return Saved(_ENDED if one.accepted_at else _TAKEN_BACK)

    def _invite(self, typed: str) -> Saved:
        """Invite an address, by one mail or by none; who invites sees no difference.

        1. It has to be somebody else's, and who invites somebody whom we write to.
        2. Whom they invited already they invite no second time; a day has its quotas.
        3. A mail is owed where none of theirs waits there already, and one may go there.
        """
        services, connection, now = self.services, self.connection, self.services.clock.now()
        # 1.
        address = as_sent(typed[:_MOST_TYPED].strip().lower())
        if address is None or len(address) > _MOST_TYPED:
            return Saved(_NO_ADDRESS, wrong=True)
        own = people.address_of(connection, self.owner)
        ours = (own, services.settings.inbox.forward_to, services.settings.smtp.from_address)
        if mailbox_of(address) in map(mailbox_of, ours):
            return Saved(_OURS, wrong=True)
        blocked = services.suppression.blocks(connection, own)
        if blocked or as_sent(own) is None or not people.is_proven(connection, self.owner):
            return Saved(_NOT_YOU, wrong=True)
        # 2.
        for one in invitations.made_by(connection, self.owner):
            same = one.address == address and (one.everything or one.about == self.about)
            if same and one.state(now) is not InvitationState.OVER:
                return Saved(_ALREADY, wrong=True)
        domain = own.rpartition("@")[2]
        shared = "" if domain in FREE_MAIL else domain
        counts = invitations.counts_since(connection, self.owner, shared, now - DAY, now)
        if counts.is_full(services.settings.notices.invitations_per_day):
            return Saved(_TOO_MANY, wrong=True)
        # 3.
        waits = invitations.open_between(connection, self.owner, address, now)
        mailed = not waits and self._may_be_mailed(address)
        one = invitations.add(connection, self.owner, self.about, address, now, mailed=mailed)
        if mailed:
            invited = people.subscriber_of(connection, address, now)
            kind = NoticeKind.INVITATION
            notices.owe(connection, invited, kind, occurrence=one.key, at=now, now=now)
        return Saved(_INVITED)

    def _may_be_mailed(self, address: str) -> bool:
        """Return True unless an address is to be left in peace, or had enough of these mails."""
        services, connection = self.services, self.connection
        for peace in (services.suppression, services.no_invitations):
            if peace.find(connection, address) is not None:
                return False
        known = people.find_subscriber(connection, address)
        if known is not None and (
            people.refuses_mail(connection, known) or people.left_at(connection, known)
        ):
            return False
        since = services.clock.now() - LASTS
        return invitations.unanswered(connection, address, since) < UNANSWERED

    def _line(self, one: Invitation, mailbox: str) -> InvitationLine:
        state = one.state(self.services.clock.now())
        return InvitationLine(one.key, mailbox, state, one.lapses_at, one.everything)

"""What follows from a mail that was understood: who is heard, answered, subscribed, let go.

Everything here happens inside one transaction, together with the mail's outcome.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import NoticeId, Outcome, SubscriberId, SubscriptionId
from mailtrack.inbox import authorization, bounces, questions
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.inbox.analysis import AnalyzedMail
from mailtrack.inbox.quotas import DAY, ParcelQuotas
from mailtrack.inbox.subscriptions import SubscriptionService
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.delivery_report import Bounce
from mailtrack.parsers.reading import ParcelRead
from mailtrack.store import notice_counts, notices, parcels, people, returns, subscriptions
from mailtrack.store.inbound import MailResult, StoredMail
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Suppression

#: Answers of one kind to one person in a day; more would answer a misguided robot.
ANSWERS_PER_DAY = 3
#: Older mails are read but not answered: they were there before us.
ANSWER_WITHIN = timedelta(days=2)
#: The kind of a command that asks for silence; the other asks for help.
STOP = "stop"
#: Why a mail waits for its sender's click; reading it again is what the click does.
UNCONFIRMED = "the sender is not proven and is asked to confirm"
#: Why a mail leads to nothing: its sender had everything erased, and did not write it by hand.
SUPPRESSED = "suppressed"

#: Why a mail to a bounce address that is no report asks for nothing.
_MACHINES_ONLY = "sent to the bounce address of a mail of ours"

#: What only a person may ask for, and what is worth asking an unproven one about.
_PERSONS = frozenset(
    {
        Outcome.TRACKED,
        Outcome.ORDER_NOTED,
        Outcome.NOTHING_FOUND,
        Outcome.NOT_A_SHOP_MAIL,
        Outcome.COMMAND,
    }
)
_WORTH_A_QUESTION = frozenset({Outcome.TRACKED, Outcome.ORDER_NOTED, Outcome.COMMAND})


@dataclass(frozen=True, slots=True)
class MailHandler:
    """Does what one mail asks for, inside one transaction."""

    connection: Connection
    carriers: Collection[str]
    clock: Clock
    suppression: Suppression
    quotas: ParcelQuotas
    bounces: BounceAddresses | None

    def act(self, stored: StoredMail, mail: AnalyzedMail) -> MailResult:
        """Subscribe, join and answer as the mail's outcome says; return what became of it."""
        result = MailResult(
            outcome=mail.outcome,
            reason=_MACHINES_ONLY if mail.returned is not None else mail.reading.reason,
            subject=mail.message.subject,
            message_id=mail.message.message_id,
            shop=mail.reading.shop,
            kind=mail.reading.kind,
            names=tuple(p.number for p in mail.reading.parcels) or mail.reading.orders,
        )
        if mail.outcome in _PERSONS:
            return self._act_for_person(stored, mail, result)
        if mail.outcome is Outcome.BOUNCE:
            return self._note_bounce(mail, result)
        if mail.outcome is Outcome.FORWARDING_CONFIRMATION:
            return self._pass_on_request(stored, mail, result)
        if mail.outcome is Outcome.REFUSED:
            return self._tell_author(stored, mail, result)
        return result

    def give_up(self, stored: StoredMail, header: AnalyzedMail, reason: str) -> MailResult:
        """Tell the author of a mail of which only the header can be read."""
        result = MailResult(
            Outcome.QUARANTINED,
            reason,
            subject=header.message.subject,
            message_id=header.message.message_id,
        )
        return self._tell_author(stored, header, result)

    def _tell_author(
        self, stored: StoredMail, mail: AnalyzedMail, result: MailResult
    ) -> MailResult:
        """Answer a mail that leads to nothing, if a person sent it who is proven."""
        owner = self._authorized(stored, mail) if mail.by_hand else None
        if owner is None:
            return result
        people.heard_from(self.connection, owner)
        self._answer(owner, stored, NoticeKind.NOTHING_FOUND)
        return replace(result, subscriber=owner)

    def _act_for_person(
        self, stored: StoredMail, mail: AnalyzedMail, result: MailResult
    ) -> MailResult:
        if self._wants_peace(stored, mail):
            return replace(result, outcome=Outcome.REFUSED, reason=SUPPRESSED)
        owner = self._authorized(stored, mail)
        if owner is None:
            return self._ask_who(stored, mail, result)
        people.heard_from(self.connection, owner)
        result = replace(result, subscriber=owner)
        match mail.outcome:
            case Outcome.TRACKED | Outcome.ORDER_NOTED:
                return self._follow(owner, stored, mail, result)
            case Outcome.COMMAND:
                return self._obey(owner, stored, mail, result)
        if mail.by_hand:
            self._answer(owner, stored, NoticeKind.NOTHING_FOUND)
        return result

    def _wants_peace(self, stored: StoredMail, mail: AnalyzedMail) -> bool:
        """Return True if it is in the name of somebody who was erased and left no word since.

        A personal address speaks for its owner, whoever uses it.
        """
        if mail.personal is not None and people.by_key(self.connection, mail.personal):
            return False
        by_hand = mail.sender.proven and not mail.by_rule
        written_at = stored.received_at if by_hand else None
        return self.suppression.refuses(self.connection, mail.sender.address, written_at)

    def _authorized(self, stored: StoredMail, mail: AnalyzedMail) -> SubscriberId | None:
        return authorization.authorized_subscriber(self.connection, stored, mail, self.clock.now())

    def _ask_who(self, stored: StoredMail, mail: AnalyzedMail, result: MailResult) -> MailResult:
        """Ask the person in whose name a mail came, if it is worth a question."""
        now = self.clock.now()
        owner = None
        if mail.outcome in _WORTH_A_QUESTION:
            owner = authorization.subscriber_to_ask(self.connection, mail, now)
        if owner is None:
            return replace(result, outcome=Outcome.REFUSED, reason=mail.sender.how)
        may_ask = mail.is_answerable or mail.by_rule
        may_ask = may_ask and now - stored.received_at <= ANSWER_WITHIN
        questions.hold(self.connection, stored.id, owner, mail.source, now, may_ask=may_ask)
        return replace(result, outcome=Outcome.REFUSED, reason=UNCONFIRMED, subscriber=owner)

    def _answer(
        self,
        owner: SubscriberId,
        stored: StoredMail,
        kind: NoticeKind,
        about: SubscriptionId | None = None,
        per_day: int = ANSWERS_PER_DAY,
    ) -> None:
        """Owe an answer to a mail, unless there were enough of the kind today."""
        now = self.clock.now()
        if now - stored.received_at > ANSWER_WITHIN:
            return
        told = notice_counts.count_since(self.connection, owner, kind, now - DAY, now)
        if told < per_day:
            notices.owe(
                self.connection,
                owner,
                kind,
                subscription_id=about,
                inbound_id=stored.id,
                # The mail's number may be another one in a store that was restored.
                occurrence="1" if about is None else stored.trace,
                at=now,
                now=now,
                prompt=True,
            )

    def _obey(
        self, owner: SubscriberId, stored: StoredMail, mail: AnalyzedMail, result: MailResult
    ) -> MailResult:
        if mail.reading.kind != STOP:
            self._answer(owner, stored, NoticeKind.HELP)
        elif mail.reading.parcels:
            self._mute(owner, stored, mail.reading.parcels)
        else:
            people.unsubscribe(self.connection, owner, self.clock.now())
            self._answer(owner, stored, NoticeKind.GOODBYE)
        return result

    def _mute(self, owner: SubscriberId, stored: StoredMail, named: Sequence[ParcelRead]) -> None:
        """Stop the named parcels; who names none of their own is told how it works."""
        mine = self._followed(owner, named)
        for following in mine:
            subscriptions.mute(self.connection, following.id, self.clock.now())
            self._answer(owner, stored, NoticeKind.GOODBYE, about=following.id)
        if not mine:
            self._answer(owner, stored, NoticeKind.HELP)

    def _followed(self, owner: SubscriberId, named: Sequence[ParcelRead]) -> list[Subscription]:
        """Return the subscriptions of somebody to parcels that a mail names."""
        found = {parcels.find_parcel(self.connection, read.number) for read in named} - {None}
        mine = subscriptions.of_subscriber(self.connection, owner)
        return [following for following in mine if following.parcel in found]

    def _pass_on_request(
        self, stored: StoredMail, mail: AnalyzedMail, result: MailResult
    ) -> MailResult:
        """Pass Gmail's question on to the person whose mailbox it is about."""
        request = mail.reading.confirmation
        if request is None or not mail.by_google:
            reason = "a forwarding confirmation that Google did not sign, or without its link"
            return replace(result, outcome=Outcome.REFUSED, reason=reason)
        requester, now = request.requester.lower(), self.clock.now()
        if self.suppression.refuses(self.connection, requester):
            return replace(result, outcome=Outcome.REFUSED, reason=SUPPRESSED)
        owner = people.subscriber_of(self.connection, requester, now)
        self._answer(owner, stored, NoticeKind.FORWARDING_REQUEST)
        return replace(result, subscriber=owner)

    def _follow(
        self, owner: SubscriberId, stored: StoredMail, mail: AnalyzedMail, result: MailResult
    ) -> MailResult:
        now = self.clock.now()
        left_at = people.left_at(self.connection, owner)
        if left_at is not None:
            # A mail from before, read again, asks for nothing new.
            if mail.by_rule or stored.received_at < left_at:
                return replace(result, outcome=Outcome.REFUSED, reason="unsubscribed")
            people.welcome_back(self.connection, owner)
        wish = SubscriptionService(
            self.connection, self.carriers, self.clock, owner, stored, mail.by_rule
        )
        more = wish.count_new(mail.reading)
        address = people.address_of(self.connection, owner)
        exceeded = more and self.quotas.exceeded(self.connection, owner, address, more, now)
        if exceeded:
            if mail.is_answerable:
                self._answer(owner, stored, NoticeKind.TOO_MANY, per_day=1)
            return replace(result, outcome=Outcome.REFUSED, reason=exceeded)
        new = wish.follow(mail.reading)
        resumed = not mail.by_rule and self._resume(owner, stored, mail.reading.parcels)
        return result if new or resumed else replace(result, outcome=Outcome.UPDATED)

    def _resume(self, owner: SubscriberId, stored: StoredMail, named: Sequence[ParcelRead]) -> bool:
        """Follow again what somebody had stopped and forwards once more; whether there was any."""
        now = self.clock.now()
        stopped = [
            mine
            for mine in self._followed(owner, named)
            if mine.muted_at is not None and mine.muted_at <= stored.received_at
        ]
        for mine in sorted(stopped, key=lambda mine: mine.parcel or 0):
            subscriptions.mute(self.connection, mine.id, None)
            if mine.parcel is not None:
                parcels.wake(self.connection, mine.parcel, now)
            self._answer(owner, stored, NoticeKind.REGISTERED, about=mine.id)
        return bool(stopped)

    def _note_bounce(self, mail: AnalyzedMail, result: MailResult) -> MailResult:
        bounce = mail.message.bounce
        if bounce is None:
            return result
        notice = self._returned(mail, bounce)
        if notice is None:
            return result
        owner = bounces.note(self.connection, bounce, notice, self.clock.now())
        if owner is None:
            return result
        reason = f"delivery failed: {bounce.status or 'no status given'}"
        return replace(result, subscriber=owner, reason=reason)

    def _returned(self, mail: AnalyzedMail, bounce: Bounce) -> NoticeId | None:
        """Return which notice a report is about, None where nothing proves it.

        Anybody can forge a report. It counts where it came to the return address of a notice,
        which nobody else knows, and holds the key of its reader. A notice that left without one
        is known by its Message-ID, to a mail server alone.
        """
        if mail.returned is not None and self.bounces is not None:
            reader = returns.reader(self.connection, mail.returned.notice)
            proven = reader is not None and self.bounces.proves(mail.returned, reader)
            return mail.returned.notice if proven else None
        if not mail.from_mailer:
            return None
        return returns.by_message_id(self.connection, bounce.message_id)

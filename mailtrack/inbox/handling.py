"""What follows from a mail that was understood: who is heard, answered, subscribed, let go.

Everything here happens inside one transaction, together with the mail's outcome.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import Outcome, SubscriberId, SubscriptionId
from mailtrack.inbox import authorization, bounces, doubtful, questions
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.inbox.analysis import AnalyzedMail
from mailtrack.inbox.quotas import DAY, ParcelQuotas
from mailtrack.inbox.subscriptions import SubscriptionService, named_by
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.reading import IDLE_KINDS
from mailtrack.store import notice_counts, notices, people, subscriptions
from mailtrack.store.inbound import MailResult, StoredMail
from mailtrack.store.people import SubscriberState
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
#: The same where the operator wants nothing to come from them.
BLOCKED = "blocked by `mailtrack block`"

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
    """Does what one mail asks for, inside one transaction.

    `stored` is the mail as it was kept, `mail` the same one analysed; of one that cannot be
    read it is the header alone. `carriers`: codes of those that are on.
    """

    connection: Connection
    stored: StoredMail
    mail: AnalyzedMail
    carriers: Collection[str]
    clock: Clock
    suppression: Suppression
    quotas: ParcelQuotas
    bounces: BounceAddresses | None

    def act(self) -> MailResult:
        """Subscribe, join and answer as the mail's outcome says; return what became of it."""
        mail, reading = self.mail, self.mail.reading
        result = MailResult(
            outcome=mail.outcome,
            reason=_MACHINES_ONLY if mail.returned is not None else reading.reason,
            subject=mail.message.subject,
            message_id=mail.message.message_id,
            shop=reading.shop,
            kind=reading.kind,
            names=reading.names,
        )
        # A machine's mail that names nothing makes nobody a subscriber.
        by_somebody = mail.is_answerable or mail.by_rule or mail.outcome in _WORTH_A_QUESTION
        if mail.outcome in _PERSONS and by_somebody:
            return self._act_for_person(result)
        match mail.outcome:
            case Outcome.BOUNCE:
                failure = bounces.note(self.connection, mail, self.bounces, self.clock.now())
                if failure is None:
                    return result
                return replace(result, subscriber=failure.owner, reason=failure.reason)
            case Outcome.FORWARDING_CONFIRMATION:
                return self._pass_on_request(result)
            case Outcome.REFUSED:
                return self._tell_author(result)
        return result

    def give_up(self, reason: str) -> MailResult:
        """Tell the author of a mail of which only the header can be read."""
        message = self.mail.message
        result = MailResult(
            Outcome.QUARANTINED, reason, subject=message.subject, message_id=message.message_id
        )
        return self._tell_author(result)

    def _act_for_person(self, result: MailResult) -> MailResult:
        """Do what only a person may ask for.

        1. Nothing happens in the name of somebody who was erased and left no word since, or is
           blocked.
        2. Where nothing proves who sent it, the person in whose name it came is asked, if it is
           worth a question; a rule's mail that is old, or a robot's, waits without one.
        3. Who is proven gets what the mail asks for: parcels are followed, a command is obeyed.
        4. What of the mail is not followed is explained, if a person waits for an answer.
        """
        connection, stored, mail, now = self.connection, self.stored, self.mail, self.clock.now()
        # 1.
        if why := self._left_alone():
            return replace(result, outcome=Outcome.REFUSED, reason=why)
        owner = self._authorized()
        # 2.
        if owner is None:
            asks = mail.by_hand and mail.reading.doubtful
            is_worth_it = mail.outcome in _WORTH_A_QUESTION or asks
            to_ask = authorization.subscriber_to_ask(connection, mail, now) if is_worth_it else None
            if to_ask is None:
                return replace(result, outcome=Outcome.REFUSED, reason=mail.sender.how)
            is_new = now - stored.received_at <= ANSWER_WITHIN
            may_ask = is_new and (mail.is_answerable or mail.by_rule)
            questions.hold(connection, stored.id, to_ask, mail.source, now, may_ask=may_ask)
            return replace(result, outcome=Outcome.REFUSED, reason=UNCONFIRMED, subscriber=to_ask)
        # 3.
        known = people.heard_from(connection, owner)
        result = replace(result, subscriber=owner)
        match mail.outcome:
            case Outcome.TRACKED | Outcome.ORDER_NOTED:
                result = self._follow(owner, known, result)
            case Outcome.COMMAND:
                self._obey(owner)
                return result
        # 4.
        if mail.by_hand and result.outcome is not Outcome.REFUSED:
            return self._explain(owner, result)
        return result

    def _follow(
        self, owner: SubscriberId, known: SubscriberState, result: MailResult
    ) -> MailResult:
        """Let somebody follow what the mail names.

        1. Who has left comes back by a new mail of their own: one from before, read again,
           asks for nothing new, and neither does a rule.
        2. More than a day's share of new parcels is refused, and that said once a day.
        3. What is new is followed, and what they had stopped and forward once more by hand.
        """
        connection, stored, mail, now = self.connection, self.stored, self.mail, self.clock.now()
        # 1.
        if known.left_at is not None:
            if mail.by_rule or stored.received_at < known.left_at:
                return replace(result, outcome=Outcome.REFUSED, reason="unsubscribed")
            people.welcome_back(connection, owner)
        # 2.
        service = SubscriptionService(
            connection,
            self.carriers,
            self.clock,
            owner,
            stored.trace,
            stored.received_at,
            mail.reading,
            mail.by_rule,
        )
        followed = service.followed()
        more = service.count_new(followed)
        exceeded = more and self.quotas.exceeded(connection, owner, known.address, more, now)
        if exceeded:
            if mail.is_answerable:
                self._answer(owner, NoticeKind.TOO_MANY, per_day=1)
            return replace(result, outcome=Outcome.REFUSED, reason=exceeded)
        # 3.
        new = service.follow(followed)
        stopped = [] if mail.by_rule else service.take_up()
        for mine in stopped:
            noted = NoticeKind.ORDER_REGISTERED if mine.parcel is None else NoticeKind.REGISTERED
            self._answer(owner, noted, about=mine.id)
        return result if new or stopped else replace(result, outcome=Outcome.UPDATED)

    def _explain(self, owner: SubscriberId, result: MailResult) -> MailResult:
        """Tell who sent a mail by hand what was read of it, where they cannot know.

        1. Where it holds several mails, or a number that nothing proves, or one that names
           nothing for a reason that we know, each is told of, in one answer.
        2. The answer asks about what is doubtful; nothing is followed before they say so.
        3. Of any other mail that names nothing they are told just that.
        """
        reading = self.mail.reading
        known_why = any(mail.kind in IDLE_KINDS for mail in reading.mails)
        if reading.forward.others or reading.doubtful or known_why:  # 1.
            if self._answer(owner, NoticeKind.READ_SUMMARY):
                now, trace = self.clock.now(), self.stored.trace
                doubtful.ask(self.connection, owner, reading.doubtful, trace, now)  # 2.
            return replace(result, mails=reading.mails)
        if self.mail.outcome not in _WORTH_A_QUESTION:  # 3.
            self._answer(owner, NoticeKind.NOTHING_FOUND)
        return result

    def _obey(self, owner: SubscriberId) -> None:
        """Stop everything, or the parcels that a command names; else tell how it works."""
        reading, now = self.mail.reading, self.clock.now()
        if reading.kind != STOP:
            self._answer(owner, NoticeKind.HELP)
        elif not reading.parcels:
            people.unsubscribe(self.connection, owner, now)
            self._answer(owner, NoticeKind.GOODBYE)
        elif mine := named_by(self.connection, owner, reading):
            for following in mine:
                subscriptions.mute(self.connection, following.id, now)
                self._answer(owner, NoticeKind.GOODBYE, about=following.id)
        else:  # it names none of their own
            self._answer(owner, NoticeKind.HELP)

    def _pass_on_request(self, result: MailResult) -> MailResult:
        """Pass Gmail's question on to the person whose mailbox it is about."""
        request = self.mail.reading.confirmation
        if request is None or not self.mail.by_google:
            reason = "a forwarding confirmation that Google did not sign, or without its link"
            return replace(result, outcome=Outcome.REFUSED, reason=reason)
        requester = request.requester.lower()
        if self.suppression.refuses(self.connection, requester):
            return replace(result, outcome=Outcome.REFUSED, reason=SUPPRESSED)
        owner = people.subscriber_of(self.connection, requester, self.clock.now())
        self._answer(owner, NoticeKind.FORWARDING_REQUEST)
        return replace(result, subscriber=owner)

    def _tell_author(self, result: MailResult) -> MailResult:
        """Answer a mail that leads to nothing, if a person sent it who is proven."""
        owner = self._authorized() if self.mail.by_hand else None
        if owner is None or self._is_blocked(owner):
            return result
        people.heard_from(self.connection, owner)
        self._answer(owner, NoticeKind.NOTHING_FOUND)
        return replace(result, subscriber=owner)

    def _left_alone(self) -> str:
        """Return why nothing happens in somebody's name, "" where something may.

        A personal address speaks for its owner, whoever uses it.
        """
        connection, mail = self.connection, self.mail
        owner = people.by_key(connection, mail.personal) if mail.personal else None
        if owner is not None:
            return BLOCKED if self._is_blocked(owner) else ""
        by_hand = mail.sender.proven and not mail.by_rule
        written_at = self.stored.received_at if by_hand else None
        if not self.suppression.refuses(connection, mail.sender.address, written_at):
            return ""
        blocks = self.suppression.blocks(connection, mail.sender.address)
        return BLOCKED if blocks else SUPPRESSED

    def _is_blocked(self, owner: SubscriberId) -> bool:
        return self.suppression.blocks(self.connection, people.address_of(self.connection, owner))

    def _authorized(self) -> SubscriberId | None:
        return authorization.authorized_subscriber(
            self.connection, self.stored, self.mail, self.clock.now()
        )

    def _answer(
        self,
        owner: SubscriberId,
        kind: NoticeKind,
        about: SubscriptionId | None = None,
        per_day: int = ANSWERS_PER_DAY,
    ) -> bool:
        """Owe an answer to the mail, unless it is old or there were enough of the kind today.

        Returns whether it is answered, now or when it was read before.
        """
        now = self.clock.now()
        if now - self.stored.received_at > ANSWER_WITHIN:
            return False
        told = notice_counts.count_since(self.connection, owner, kind, now - DAY, now)
        if told >= per_day:
            return False
        notices.owe(
            self.connection,
            owner,
            kind,
            subscription_id=about,
            inbound_id=self.stored.id,
            # The mail's number may be another one in a store that was restored.
            occurrence="1" if about is None else self.stored.trace,
            at=now,
            now=now,
            prompt=True,
        )
        return True

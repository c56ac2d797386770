"""Bringing claimed notices to the channels of people: webhooks and Apprise."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from mailtrack.channels.message import ChannelGoneError, ChannelMessage, ChannelSender
from mailtrack.clock import Clock
from mailtrack.domain.channels import (
    MOST_ATTEMPTS,
    PROOF_ATTEMPTS,
    ChannelKind,
    EndReason,
    is_given_up,
    retry_wait,
)
from mailtrack.domain.model import ChannelId, ChannelNoticeId
from mailtrack.domain.sending_policy import URGENT, SendingPolicy
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.jobs import drafts
from mailtrack.jobs.drafts import Draft
from mailtrack.notify.links import LinkMaker, Purpose
from mailtrack.notify.mail import MailNames
from mailtrack.notify.render import PROOF_TEXT, Renderer
from mailtrack.notify.view import NoticeKind
from mailtrack.store import channel_notices, channels, notices, subscription_details
from mailtrack.store.channel_notices import ChannelNotice
from mailtrack.store.channels import Channel, ChannelSeal
from mailtrack.store.engine import Store
from mailtrack.store.notices import Notice
from mailtrack.tracking.view_builder import ViewBuilder

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChannelDraft:
    """A message to a channel; `news` is None for the message that asks for the click."""

    message: ChannelNotice
    channel: Channel
    news: Draft | None = None


@dataclass(frozen=True, slots=True)
class ChannelDeliverer:
    """Delivers messages; `senders`: for each kind of channel that the operator switched on."""

    store: Store
    views: ViewBuilder
    renderer: Renderer
    links: LinkMaker
    names: MailNames
    seal: ChannelSeal
    senders: Mapping[ChannelKind, ChannelSender]
    clock: Clock
    sending_policy: SendingPolicy
    #: Real seconds that one message has until somebody else may send it.
    lease_s: float

    def deliver(self, batch: Sequence[ChannelNoticeId], token: str) -> None:
        """Send claimed messages; those whose claim has passed on are left out.

        1. What they are to tell is read, all at once.
        2. A channel that has just failed rests: its other messages are due when it is tried again.
        3. A message that is not to be sent now is left out, or waits.
        4. It has to stay ours while it is sent: those before it may have used up the claim.
        5. It is sent, and what came of it is written down in one transaction. A crash in between
           sends it again, with the same id.
        """
        # 1.
        messages, sent = self._read(batch, token)
        failed: set[ChannelId] = set()
        for draft in messages:
            # 2.
            number = draft.channel.id
            if number in failed:
                continue
            # 3.
            if self._left_out(draft, sent[number]):
                continue
            # 4.
            with self.store.write() as connection:
                until = self.clock.later(self.lease_s)
                is_ours = channel_notices.renew(connection, draft.message.id, token, until)
            if not is_ours:
                continue
            # 5.
            try:
                self._send(draft)
            except MailtrackError as error:
                failed.add(number)
                self.store.transact(partial(self._note_failure, draft, error))
                log.warning("channel failed", **_named(draft), error=str(error))
            else:
                sent[number] += 1
                self.store.transact(partial(self._note_sent, draft))
                log.info("channel notice sent", **_named(draft))

    def _read(
        self, batch: Sequence[ChannelNoticeId], token: str
    ) -> tuple[Sequence[ChannelDraft], Counter[ChannelId]]:
        """Return what the messages tell, and how many each channel had on this day."""
        now = self.clock.now()
        with self.store.read() as connection:
            messages = channel_notices.claimed(connection, batch, token)
            known = channels.by_ids(connection, {one.channel for one in messages})
            about = notices.of_channels(
                connection, {one.notice for one in messages if one.notice is not None}
            )
            old = channel_notices.overtaken(connection, [one.id for one in messages])
            details = subscription_details.read(
                connection,
                {notice.subscription for notice, _ in about.values() if notice.subscription},
            )
            read = []
            for one in messages:
                news = None
                if one.notice is not None:
                    notice, reader = about[one.notice]
                    view = drafts.view(connection, self.views, notice, reader, details, now)
                    news = Draft(notice, reader.silenced, view, one.id in old)
                read.append(ChannelDraft(one, known[one.channel], news))
            began = self.sending_policy.day_began(now)
            sent = channel_notices.sent_since(connection, known.keys(), began)
        return read, Counter(sent)

    def _left_out(self, draft: ChannelDraft, sent: int) -> bool:
        """Skip a message, or put it off, where now is not its time; return whether it is so."""
        why = channel_notices.ENDED if draft.channel.ended_at is not None else None
        until = None
        if why is None and draft.news is not None:
            why = drafts.left_out(draft.news, self.sending_policy, self.clock)
            until = self._held_until(draft.news.notice, sent)
        if why is None and until is None:
            return False
        with self.store.write() as connection:
            if why is not None:
                channel_notices.mark_skipped(connection, draft.message.id, why)
            elif until is not None:
                channel_notices.put_off(connection, draft.message.id, until)
        return True

    def _held_until(self, notice: Notice, sent: int) -> datetime | None:
        """Return until when a message waits: nights are quiet, and a day has only so many.

        What is urgent waits for neither.
        """
        now = self.clock.now()
        if notice.kind in URGENT:
            return None
        if sent >= self.sending_policy.per_day:
            return self.sending_policy.next_morning(now)
        return self.sending_policy.hold_until(now)

    def _send(self, draft: ChannelDraft) -> None:
        """Bring one message; every failure is a MailtrackError that names no address."""
        sender = self.senders.get(draft.channel.kind)
        if sender is None:
            raise TransientError("The operator has switched this kind of channel off.")
        address = self.seal.open(draft.channel.sealed)
        sender.send(address.url, address.secret, self._write(draft))

    def _write(self, draft: ChannelDraft) -> ChannelMessage:
        """Write a message; its id follows from the notice and the channel alone."""
        key, news = draft.channel.key, draft.news
        if news is None:
            return ChannelMessage(
                self.names.name(key, "channel_test", "1"),
                draft.channel.created_at,
                PROOF_TEXT.title,
                PROOF_TEXT.sentence,
                self.links.link(Purpose.CHANNEL, key),
            )
        notice, view = news.notice, news.view
        if view is None:
            raise TransientError("The message cannot be written: see the log.")
        try:
            text = self.renderer.short(view)
        except Exception as error:
            log.exception("notice not written", **_named(draft))
            raise TransientError("The message cannot be written: see the log.") from error
        return ChannelMessage(
            self.names.name(f"{key} {notice.thread}", notice.kind, notice.occurrence),
            view.event.at if view.event else notice.created_at,
            text.title,
            text.sentence,
            view.links.timeline or view.links.preferences,
            view,
        )

    def _note_sent(self, draft: ChannelDraft, connection: Connection) -> None:
        channels.note_success(connection, draft.channel.id)
        channel_notices.mark_sent(connection, draft.message.id, self.clock.now())

    def _note_failure(
        self, draft: ChannelDraft, error: MailtrackError, connection: Connection
    ) -> None:
        """Note what a failure means for a message and its channel, in one transaction.

        1. A channel where nobody is any more, that has failed for days, or that could not be asked
           for its click, is ended: its owner is told by mail if it was in use, and what it took the
           place of mail for goes by mail.
        2. Else it rests for a while, with all that is owed there.
        3. A message that fails again and again, while others go through, is given up.
        """
        now, number = self.clock.now(), draft.channel.id
        owner = channels.lock_owner(connection, number)
        state = channels.note_failure(connection, number, str(error), now)
        if owner is None or state is None:
            return
        # 1.
        gone = isinstance(error, ChannelGoneError)
        attempts = draft.message.attempts + 1
        unasked = draft.news is None and attempts >= PROOF_ATTEMPTS
        if gone or unasked or is_given_up(state.failing_since, now):
            why = EndReason.GONE if gone else EndReason.FAILING
            end_channel(connection, state, why, now)
            return
        # 2.
        at = now + retry_wait(state.failures)
        channel_notices.try_later(connection, draft.message.id, str(error), at)
        # 3.
        if attempts >= MOST_ATTEMPTS:
            channel_notices.give_up(connection, draft.message, str(error), now)


def end_channel(connection: Connection, ended: Channel, why: EndReason, now: datetime) -> bool:
    """End a channel whose person is locked, and tell them once by mail; False where it was."""
    if not channels.end(connection, ended.id, why, now):
        return False
    channel_notices.let_go(connection, ended.id, now)
    if ended.proven_at is not None:
        notices.owe(
            connection,
            ended.owner,
            NoticeKind.CHANNEL_ENDED,
            at=now,
            now=now,
            occurrence=ended.key,
        )
    return True


def _named(draft: ChannelDraft) -> dict[str, str | int]:
    """Return how a message is named in the logs."""
    named: dict[str, str | int] = {"channel": draft.channel.id, "by": draft.channel.kind}
    if draft.news is not None:
        notice = draft.news.notice
        named |= {"notice": notice.id, "kind": notice.kind, "trace": notice.trace}
    return named

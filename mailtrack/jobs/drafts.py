"""What is to be told by mail or elsewhere, read in one transaction, and whether it is still so."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import NoticeId, SubscriberId, SubscriptionId
from mailtrack.domain.relay import RelayState
from mailtrack.domain.sending_policy import DAY, PARIS, URGENT, DayLimit, SendingPolicy
from mailtrack.domain.tracking import Skip
from mailtrack.notify.view import NoticeKind, NoticeView
from mailtrack.store import notice_counts, notices, relays, subscription_details
from mailtrack.store.engine import Store
from mailtrack.store.notices import Notice, Recipient
from mailtrack.store.subscription_details import SubscriptionDetails
from mailtrack.tracking.view_builder import ViewBuilder

#: Why a reminder is not sent whose last day is past.
TOO_LATE = "too_late"
#: What has waited for longer is told only while it is still true (real seconds).
STALE_S = 7200.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice, why its reader wants no mail (if so), and what it tells.

    `view` is None where a mistake of ours is in the way. `overtaken`: another mail to its
    reader tells what happened later.
    """

    notice: Notice
    silenced: str | None
    view: NoticeView | None
    overtaken: bool

    @property
    def is_empty(self) -> bool:
        """Return True if nothing is left of what the mail was to tell."""
        kind, view = self.notice.kind, self.view
        if view is None:
            return False
        invites_nobody = kind == NoticeKind.INVITATION and view.invitation is None
        return invites_nobody or (kind == NoticeKind.DIGEST and not view.news)

    def is_outdated(self, now: datetime, *, waited: bool, held_by_night: bool) -> bool:
        """Return True if what the mail tells is no longer so, for whatever reason it is late.

        Its reader hears of what came after it, or of a last day or a delivery that is past.
        `waited`: for too long; `held_by_night`: it was owed in the quiet hours.
        """
        kind = self.notice.kind
        if self.overtaken and (waited or (held_by_night and kind not in URGENT)):
            return True
        today = now.astimezone(PARIS).date()
        if kind == Milestone.OUT_FOR_DELIVERY:
            return waited and self.notice.created_at.astimezone(PARIS).date() < today
        parcel = self.view.parcel if self.view else None
        point = parcel.pickup_point if parcel else None
        last_day = point.last_day if point else None
        if parcel and parcel.usual_hold:
            last_day = parcel.usual_hold.last_day
        return kind == NoticeKind.PICKUP_REMINDER and last_day is not None and last_day < today


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """The notices of a batch, the token of the claim on them, and when the readers' day began.

    `ahead`: what is dated after it was written by a clock that was ahead.
    """

    batch: Sequence[NoticeId]
    token: str
    day_began: datetime
    ahead: datetime


@dataclass(slots=True)
class BatchRead:
    """The drafts of a batch, how many mails each reader had on that day, and how many failed.

    `mails`: those of the whole service in a day, 0 where they are not limited. `is_past`: the
    state of the relay has changed since.
    """

    relay: RelayState
    drafts: Sequence[Draft] = ()
    sent: Counter[SubscriberId] = field(default_factory=Counter)
    mails: int = 0
    is_past: bool = False
    refused: Counter[SubscriberId] = field(default_factory=Counter)


def read(
    store: Store,
    views: ViewBuilder,
    claim: BatchClaim,
    relay_name: str,
    limit: DayLimit,
    now: datetime,
) -> BatchRead:
    """Read the notices that a claim still holds; none where the relay is to be left alone.

    Nothing is written about a notice that goes out: each question costs a part of its time.
    """
    batch, token = claim.batch, claim.token
    with store.read() as connection:
        standing = relays.state(connection, relay_name)
        if not standing.may_try(token, now):
            return BatchRead(standing)
        claimed = notices.claimed(connection, batch, token)
        known = subscription_details.read(
            connection, {n.subscription for n, _ in claimed if n.subscription}
        )
        overtaken = notices.overtaken(connection, [notice.id for notice, _ in claimed])
        drafts = [
            Draft(
                notice,
                reader.silenced,
                view(connection, views, notice, reader, known, now),
                notice.id in overtaken,
            )
            for notice, reader in claimed
        ]
        readers = {notice.subscriber for notice, _ in claimed}
        began, ahead = claim.day_began, claim.ahead
        sent = notice_counts.sent_since(connection, readers, began, min(batch), ahead)
        mails = notice_counts.sent_within(connection, now - DAY, ahead) if limit.per_day else 0
    return BatchRead(standing, drafts, sent, mails)


def view(
    connection: Connection,
    views: ViewBuilder,
    notice: Notice,
    reader: Recipient,
    known: Mapping[SubscriptionId, SubscriptionDetails],
    now: datetime,
) -> NoticeView | None:
    """Gather what a notice tells; a mistake of ours costs this one a wait, not the batch.

    `known`: the subscriptions of the batch. Raises DBAPIError.
    """
    details = known.get(notice.subscription) if notice.subscription else None
    try:
        return views.notice(connection, notice, details, reader.address, now)
    except DBAPIError:
        raise
    except Exception:
        log.exception("notice not written", trace=notice.trace, notice=notice.id, kind=notice.kind)
        return None


def left_out(draft: Draft, policy: SendingPolicy, clock: Clock) -> str | None:
    """Return why somebody is not to hear of something any more, by mail or elsewhere; None else.

    They have left, or it is no longer so. What answers a mail goes out whatever came after it.
    """
    if draft.silenced:
        return draft.silenced
    notice, now = draft.notice, clock.now()
    waited = now - notice.created_at > clock.later(STALE_S) - now
    by_night = policy.hold_until(notice.created_at) is not None
    if not notice.prompt and draft.is_outdated(now, waited=waited, held_by_night=by_night):
        return Skip.SUPERSEDED if draft.overtaken else TOO_LATE
    return None

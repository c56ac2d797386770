"""One invented notice of each kind: for `mailtrack preview`, for tests, for looking at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from mailtrack.domain.invitations import LASTS as INVITATION_LASTS
from mailtrack.domain.milestones import STAGES, Milestone
from mailtrack.domain.model import (
    HeldMail,
    InboundId,
    Outcome,
    PickupPoint,
    Reason,
    TrackingEvent,
)
from mailtrack.domain.tracking import MAIL
from mailtrack.notify.expectation import Expectation, ExpectedDay
from mailtrack.notify.view import (
    EndedChannel,
    InvitationView,
    Links,
    MailSummary,
    NewsLine,
    NoticeKind,
    NoticeView,
    NumberLine,
    OrderView,
    ParcelView,
)

ORDER = "8211000000001234"
AMAZON_ORDER = "405-1234567-1234567"
NUMBER = "LP00827165784084"
LOCAL_NUMBER = "8K00012345678"
ITEM = "Lampe LED de bureau pliable"

#: A Tuesday, 14:05 in Paris.
NOW = datetime(2026, 3, 10, 13, 5, tzinfo=UTC)

LINKS = Links(
    stop_all="https://mailtrack.example.org/d/Mw.exemple-tout-arreter",
    preferences="https://mailtrack.example.org/p/Mw.exemple-preferences",
    stop_parcel="https://mailtrack.example.org/d/Nw.exemple-arreter-ce-colis",
    timeline="https://mailtrack.example.org/c/Nw.exemple-parcours",
    help="https://mailtrack.example.org/aide",
    data="https://mailtrack.example.org/m/Mw.exemple-mes-donnees",
)

PERSONAL_ADDRESS = "colis+k7m2xq4d@example.org"

PICKUP = PickupPoint(
    "Tabac des Lilas", "12 rue de l’Exemple, 69003 Lyon", date(2026, 3, 24), code="482913"
)

NEWS = (
    NewsLine(NUMBER, ITEM, NoticeKind.OUT_FOR_DELIVERY, str(LINKS.timeline)),
    NewsLine(
        "LP00827165784019",
        "Ruban à mesurer, 5 m",
        NoticeKind.CUSTOMS_CLEARED,
        "https://mailtrack.example.org/c/OA.exemple-parcours",
    ),
    NewsLine(
        "RS1300705226Y",
        "",
        NoticeKind.ARRIVED_IN_COUNTRY,
        "https://mailtrack.example.org/c/OQ.exemple-parcours",
    ),
)

#: What waits for the word of whom a question goes to.
HELD = (
    HeldMail(InboundId(3), NOW - timedelta(minutes=2), "stop"),
    HeldMail(InboundId(2), NOW - timedelta(minutes=9), "parcel_update", (NUMBER,)),
    HeldMail(InboundId(1), NOW - timedelta(days=1), "order_shipped", (ORDER,)),
)

#: What was read of a forward that holds several mails, and of what its sender typed above them.
MAILS = (
    MailSummary(
        "",
        "",
        Outcome.NOTHING_FOUND,
        "number",
        (
            NumberLine(
                "6A15602676301",
                "La Poste",
                "check_digit",
                "https://mailtrack.example.org/f/OQ.exemple-suivre",
            ),
        ),
    ),
    MailSummary(
        "Votre colis est en route !",
        "Colissimo",
        Outcome.TRACKED,
        "parcel_update",
        (NumberLine(LOCAL_NUMBER),),
    ),
    MailSummary(
        "Votre commande a été expédiée",
        "La Boutique du coin",
        Outcome.NOTHING_FOUND,
        "",
        (
            NumberLine(
                "XT8452370122486",
                "Chronopost",
                "uncertain",
                "https://mailtrack.example.org/f/Og.exemple-suivre",
            ),
        ),
    ),
    MailSummary(
        "Merci pour votre commande", "AliExpress", Outcome.ORDER_NOTED, "", orders=(ORDER,)
    ),
    MailSummary(
        "Comment s’est passée la livraison ?", "Colissimo", Outcome.NOTHING_FOUND, "survey"
    ),
)

#: The way of the sample parcel: days before its end; milestone, carrier's words, place.
_ROAD: tuple[tuple[float, tuple[Milestone, str, str]], ...] = (
    (0.0, (Milestone.OUT_FOR_DELIVERY, "Votre colis est en cours de livraison", "Lyon")),
    (0.3, (Milestone.LOCAL_TRANSIT, "Arrivé sur le site de livraison", "Lyon")),
    (1.0, (Milestone.CUSTOMS_CLEARED, "Import customs clearance complete", "Roissy")),
    (2.2, (Milestone.CUSTOMS_STARTED, "Import customs clearance started", "Roissy")),
    (2.9, (Milestone.ARRIVED_IN_COUNTRY, "Arrived at destination country", "Paris")),
    (6.1, (Milestone.IN_TRANSIT, "Departed from departure country", "Hangzhou")),
    (8.4, (Milestone.CARRIER_ACCEPTED, "Accepted by carrier", "Shenzhen")),
    (9.6, (Milestone.SHIPPED, "Shipping information received", "")),
)


@dataclass(frozen=True, slots=True)
class Story:
    """What a sample has of its own; `age_days` is how old its newest event is."""

    milestone: Milestone
    age_days: float = 0.04
    reason: Reason | None = None
    expected: Expectation | None = None
    ordered: date | None = None
    pickup: PickupPoint | None = None


def _named(day: date, by: str, slot: str = "") -> Expectation:
    return Expectation(day, day, NOW.date(), named=ExpectedDay(day, by, slot))


def _estimated(days: int, width: int, missed: ExpectedDay | None = None) -> Expectation:
    """Return an estimate that begins in some days and is so many days wide."""
    first = NOW.date() + timedelta(days=days)
    return Expectation(first, first + timedelta(days=width - 1), NOW.date(), missed=missed)


#: Where the parcel of each mail stands.
STORIES = {
    NoticeKind.REGISTERED: Story(Milestone.CUSTOMS_STARTED, expected=_estimated(2, 7)),
    NoticeKind.CARRIER_ACCEPTED: Story(Milestone.CARRIER_ACCEPTED, expected=_estimated(8, 23)),
    NoticeKind.IN_TRANSIT: Story(Milestone.IN_TRANSIT, expected=_estimated(6, 19)),
    NoticeKind.ARRIVED_IN_COUNTRY: Story(Milestone.ARRIVED_IN_COUNTRY, expected=_estimated(2, 10)),
    NoticeKind.CUSTOMS_STARTED: Story(
        Milestone.CUSTOMS_STARTED,
        expected=_estimated(2, 6, ExpectedDay(date(2026, 3, 9), "Cainiao")),
    ),
    NoticeKind.CUSTOMS_HELD: Story(Milestone.CUSTOMS_HELD, reason=Reason.CUSTOMS),
    NoticeKind.CUSTOMS_CLEARED: Story(
        Milestone.CUSTOMS_CLEARED, expected=_named(date(2026, 3, 13), "La Poste")
    ),
    NoticeKind.LOCAL_TRANSIT: Story(Milestone.LOCAL_TRANSIT, expected=_estimated(1, 2)),
    NoticeKind.OUT_FOR_DELIVERY: Story(
        Milestone.OUT_FOR_DELIVERY, expected=_named(NOW.date(), "La Poste", "16:00-18:30")
    ),
    NoticeKind.DELIVERY_FAILED: Story(
        Milestone.DELIVERY_FAILED, reason=Reason.ABSENT, expected=_estimated(0, 2)
    ),
    NoticeKind.PICKUP_AVAILABLE: Story(Milestone.PICKUP_AVAILABLE, pickup=PICKUP),
    NoticeKind.DELIVERED: Story(Milestone.DELIVERED),
    NoticeKind.RETURNING: Story(Milestone.RETURNING, reason=Reason.BAD_ADDRESS),
    NoticeKind.RETURNED: Story(Milestone.RETURNED, reason=Reason.UNCLAIMED),
    NoticeKind.EXCEPTION: Story(Milestone.EXCEPTION, reason=Reason.DAMAGED),
    NoticeKind.STALLED: Story(
        Milestone.IN_TRANSIT,
        age_days=32,
        expected=_estimated(1, 24, ExpectedDay(date(2026, 3, 6))),
    ),
    NoticeKind.EXPIRED: Story(Milestone.IN_TRANSIT, age_days=60),
    NoticeKind.PICKUP_REMINDER: Story(
        Milestone.PICKUP_AVAILABLE, age_days=12, pickup=replace(PICKUP, last_day=date(2026, 3, 12))
    ),
    NoticeKind.PROTECTION_ENDING: Story(
        Milestone.IN_TRANSIT,
        age_days=19,
        expected=_estimated(1, 16),
        ordered=date(2026, 1, 14),
    ),
}

#: What a mail about no subscription has of its own.
_LETTERS: Mapping[NoticeKind, Mapping[str, Any]] = MappingProxyType(
    {
        NoticeKind.NOTHING_FOUND: {
            "subject": "Fwd: Votre facture de mars",
            "message_id": "<forward-12@mail.example.org>",
        },
        NoticeKind.READ_SUMMARY: {
            "subject": "Fwd: Mes colis",
            "message_id": "<forward-14@mail.example.org>",
            "mails": MAILS,
        },
        NoticeKind.TOO_MANY: {
            "subject": "Fwd: Colis LP00123456789012 : expédié",
            "message_id": "<forward-31@mail.example.org>",
        },
        NoticeKind.CONFIRM_ADDRESS: {
            "action": "https://mailtrack.example.org/a/Mw.exemple-confirmer",
            "held": HELD,
        },
        NoticeKind.HELP: {"personal_address": PERSONAL_ADDRESS},
        NoticeKind.GOODBYE: {"action": LINKS.stop_all},
        NoticeKind.FORWARDING_REQUEST: {
            "action": "https://mail-settings.google.com/mail/vf-exemple",
            "code": "115250375",
            "personal_address": PERSONAL_ADDRESS,
            "subject": "(#115250375) Confirmation du transfert par Gmail - "
            "Réception du message de camille@example.org",
        },
        NoticeKind.CHANNEL_ENDED: {
            "action": "https://mailtrack.example.org/o/Mw.exemple-ailleurs",
            "channel": EndedChannel("ntfy.example.org/col…", "failing", was_instead=True),
        },
        NoticeKind.DIGEST: {"news": NEWS},
        NoticeKind.INVITATION: {
            "to": "dominique@example.org",
            "action": "https://mailtrack.example.org/i/Mw.exemple-accepter",
            "invitation": InvitationView(
                inviter="camille@example.org",
                everything=False,
                until=NOW + INVITATION_LASTS,
                refusal="https://mailtrack.example.org/i/Mw.exemple-refuser",
            ),
        },
    }
)

#: What a mail about a subscription has besides its parcel.
_BESIDES: Mapping[NoticeKind, Mapping[str, Any]] = MappingProxyType(
    {
        NoticeKind.REGISTERED: {"personal_address": PERSONAL_ADDRESS},
        NoticeKind.ORDER_REGISTERED: {"personal_address": PERSONAL_ADDRESS},
    }
)

#: These are about an order that has no parcel.
_ORDER_ONLY = frozenset(
    {
        NoticeKind.ORDER_REGISTERED,
        NoticeKind.DETAILS_AWAITED,
        NoticeKind.ORDER_PREPARED,
        NoticeKind.ORDER_CONSOLIDATED,
        NoticeKind.ORDER_UNFULFILLABLE,
        NoticeKind.CANCELLED,
        NoticeKind.REFUNDED,
        NoticeKind.ABANDONED,
    }
)

#: Steps of an order that mails alone tell.
_ORDER_STEPS = (
    Milestone.OUT_FOR_DELIVERY,
    Milestone.DELIVERY_FAILED,
    Milestone.PICKUP_AVAILABLE,
    Milestone.DELIVERED,
)


def samples() -> tuple[NoticeView, ...]:
    """Return one sample of each kind, in the order of the kinds."""
    return tuple(sample(kind) for kind in NoticeKind)


def sample(kind: NoticeKind) -> NoticeView:
    """Return the sample notice of one kind."""
    view = NoticeView(
        kind=kind,
        key=f"7-{kind}-1",
        to="camille@example.org",
        links=LINKS,
        forward_to="colis@example.org",
        at=NOW,
        orders=(ORDER,),
        items=(ITEM,),
        **_BESIDES.get(kind, {}),
    )
    if kind in _LETTERS:
        return replace(
            view,
            key=f"m12-{kind}-1",
            links=replace(LINKS, stop_parcel=None, timeline=None),
            orders=(),
            items=(),
            **_LETTERS[kind],
        )
    if kind in _ORDER_ONLY:
        milestone = None if kind is NoticeKind.ORDER_REGISTERED else Milestone(kind)
        return replace(view, order=OrderView(ORDER, "aliexpress", milestone))
    parcel = sample_parcel(STORIES.get(kind))
    return replace(view, parcel=parcel, event=next(iter(parcel.events), None))


def order_samples() -> Mapping[str, NoticeView]:
    """Return what is told of an order whose shop names no parcel, by a name of the mail."""
    steps = [Milestone.SHIPPED, Milestone.ORDER_RECEIVED]
    told = {NoticeKind.ORDER_REGISTERED: steps}
    told |= {NoticeKind(step): [step, *steps] for step in _ORDER_STEPS}
    return {f"order-{kind}": _order_sample(kind, steps) for kind, steps in told.items()}


def _order_sample(kind: NoticeKind, steps: Sequence[Milestone]) -> NoticeView:
    moments = (NOW - timedelta(hours=1), *(NOW - timedelta(days=age) for age in (1.3, 2.1)))
    events = tuple(TrackingEvent(at, step, MAIL) for at, step in zip(moments, steps, strict=False))
    order = OrderView(AMAZON_ORDER, "amazon", events[0].milestone, events[0].at, events)
    view = replace(sample(NoticeKind.ORDER_REGISTERED), kind=kind, key=f"8-{kind}-1")
    event = None if kind is NoticeKind.ORDER_REGISTERED else events[0]
    return replace(view, order=order, orders=(AMAZON_ORDER,), event=event)


def sample_parcel(story: Story | None = None) -> ParcelView:
    """Return a parcel at one point of its way, or one that no carrier knows yet."""
    events = _events(story) if story else ()
    local = any(event.source == "laposte" for event in events)
    abroad = f"https://global.cainiao.com/newDetail.htm?mailNoList={NUMBER}"
    here = f"https://www.laposte.fr/outils/suivre-vos-envois?code={LOCAL_NUMBER}"
    return ParcelView(
        number=NUMBER,
        name=ITEM,
        carrier="La Poste" if local else "Cainiao",
        carrier_page=here if local else abroad,
        milestone=story.milestone if story else None,
        milestone_at=events[0].at if events else None,
        events=events,
        local_number=LOCAL_NUMBER if local else None,
        orders=(ORDER,),
        reason=story.reason if story else None,
        expected=story.expected if story else None,
        pickup_point=story.pickup if story else None,
        ordered_on=story.ordered if story else None,
        shop="aliexpress",
        named_by="AliExpress",
        checked_at=NOW,
        next_check_at=NOW + timedelta(minutes=65),
    )


def _events(story: Story) -> tuple[TrackingEvent, ...]:
    """Return the newest event and the road before it, newest first."""
    rank = STAGES[story.milestone].rank or STAGES[Milestone.CUSTOMS_CLEARED].rank
    words = {milestone: (text, place) for _, (milestone, text, place) in _ROAD}
    text, place = words.get(story.milestone, ("", ""))
    newest = _event(story.age_days, story.milestone, text, place, story.reason)
    older = [step for step in _ROAD if STAGES[step[1][0]].rank < rank]
    shift = story.age_days + 0.7 - older[0][0]
    return (newest, *(_event(age + shift, *about) for age, about in older))


def _event(
    age_days: float, milestone: Milestone, text: str, place: str, reason: Reason | None = None
) -> TrackingEvent:
    local = STAGES[milestone].rank >= STAGES[Milestone.LOCAL_TRANSIT].rank
    return TrackingEvent(
        at=NOW - timedelta(days=age_days),
        milestone=milestone,
        source="laposte" if local else "cainiao",
        text=text,
        place=place,
        reason=reason,
    )

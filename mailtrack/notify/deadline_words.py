"""The last days of a parcel or an order as mails and pages show them: what, when, how counted."""

from dataclasses import dataclass
from datetime import date

from mailtrack.domain.deadlines import Basis, DeadlineKind, Standing, deadlines
from mailtrack.notify.french import local_day, short_day, typeset
from mailtrack.notify.view import OrderView, ParcelView

_LABELS = {
    DeadlineKind.PICKUP: "Dernier jour de retrait",
    DeadlineKind.PROTECTION: "Fin de la protection",
    DeadlineKind.DISPUTE: "Dernier jour pour un litige",
}
_COUNTED = {
    Basis.TOLD: "annoncé pour ce colis",
    Basis.USUAL: "en général, {days} jours après l’arrivée du {since}",
    Basis.ORDER: "{days} jours après la commande du {since}, au plus tôt",
    Basis.DELIVERY: "{days} jours après la livraison du {since}",
    Basis.PROTECTION: "{days} jours après la fin de la protection, si rien n’est arrivé",
}


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """One last day; `counted` says in French how it was computed."""

    kind: DeadlineKind
    label: str
    day: date
    counted: str


def deadline_lines(shown: ParcelView | OrderView, today: date) -> tuple[DeadlineLine, ...]:
    """Return the last days of a parcel or an order that lie ahead."""
    point = shown.pickup_point if isinstance(shown, ParcelView) else None
    standing = Standing(
        shown.shop,
        shown.milestone,
        reached=local_day(shown.milestone_at) if shown.milestone_at else None,
        ordered=shown.ordered_on,
        told=point.last_day if point else None,
        usual=shown.usual_hold if isinstance(shown, ParcelView) else None,
    )
    return tuple(
        DeadlineLine(
            one.kind,
            _LABELS[one.kind],
            one.day,
            typeset(_COUNTED[one.basis].format(days=one.days, since=short_day(one.since))),
        )
        for one in deadlines(standing, today)
    )

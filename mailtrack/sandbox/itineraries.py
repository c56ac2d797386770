"""Invented ways of AliExpress parcels to France, as tables: for the demo and for tests.

Codes, wordings and durations are those of real itineraries; numbers and places are not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld

EXPORT = "AE_GROUP_EX_CLEARING_CUSTOMS"
IMPORT = "AE_GROUP_IM_CLEARING_CUSTOMS"


@dataclass(frozen=True, slots=True)
class Step:
    """One scan, `hours` after the start; La Poste's scans are made on the local number.

    `offset_h` is the clock of the place where Cainiao prints a Chinese zone for it.
    """

    hours: float
    carrier: str
    code: str
    text: str
    place: str = ""
    group: str = ""
    zone: str = "GMT+8"
    offset_h: int | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """One parcel's way; `handover` is the step that reveals the local number."""

    name: str
    steps: tuple[Step, ...]
    handover: int = 0
    pickup_point: str = ""


_CHINA = (
    Step(0, CAINIAO, "PU_PICKUP_SUCCESS", "Received by logistics company"),
    Step(9, CAINIAO, "SC_INBOUND_SUCCESS", "Processing at sorting center", "Shatian Town"),
    Step(20, CAINIAO, "SC_OUTBOUND_SUCCESS", "Departed from sorting center", "Shatian Town"),
    Step(43, CAINIAO, "CC_EX_START", "Export customs clearance started", group=EXPORT),
    Step(49, CAINIAO, "CC_EX_SUCCESS", "Export customs clearance complete", group=EXPORT),
    Step(70, CAINIAO, "LH_DEPART", "Departed from departure country/region"),
)
_ARRIVAL = (
    Step(96, CAINIAO, "LH_ARRIVE", "Arrived at linehaul office", zone="GMT+1"),
    Step(103, CAINIAO, "CC_IM_START", "Import customs clearance started", "", IMPORT, "GMT+8", 1),
)
_CLEARED = (
    Step(150, CAINIAO, "CC_IM_SUCCESS", "Import customs clearance complete", "", IMPORT, "GMT+1"),
    Step(160, CAINIAO, "GTMS_ACCEPT", "Received by local delivery company", zone="GMT+1"),
)
_AT_LA_POSTE = (
    Step(171, LAPOSTE, "ET1", "Votre colis est en transit sur nos plateformes logistiques."),
    Step(
        192,
        LAPOSTE,
        "MD2",
        "Votre colis est dans le site de livraison qui dessert votre adresse. "
        "Nous le préparons pour le mettre en livraison.",
    ),
    Step(193.5, LAPOSTE, "MD2", "Votre colis est en cours de livraison."),
)
_TO_LA_POSTE = _CHINA + _ARRIVAL + _CLEARED + _AT_LA_POSTE
_HANDOVER = len(_CHINA + _ARRIVAL + _CLEARED) - 1

DELIVERED = Journey(
    "delivered",
    (*_TO_LA_POSTE, Step(198, LAPOSTE, "DI1", "Votre colis est livré.")),
    _HANDOVER,
)
PICKED_UP = Journey(
    "picked up",
    (
        *_TO_LA_POSTE,
        Step(198, LAPOSTE, "ND1", "Le destinataire était absent lors de la livraison."),
        Step(
            216,
            LAPOSTE,
            "AG1",
            "Votre colis est disponible dans votre point de retrait pendant un délai "
            "de 10 jours ouvrables.",
        ),
        Step(243, LAPOSTE, "DI1", "Votre colis a été retiré."),
    ),
    _HANDOVER,
    "TABAC DU VIEUX PORT",
)
RETURNED = Journey(
    "returned",
    (
        *_TO_LA_POSTE,
        Step(198, LAPOSTE, "ND1", "Adresse incomplète : votre colis n'a pas pu être livré."),
        Step(222, LAPOSTE, "RE1", "Votre colis est retourné à l'expéditeur."),
        Step(262, LAPOSTE, "ET1", "Votre colis est en cours d'acheminement."),
        Step(420, LAPOSTE, "DI2", "Votre colis a été livré à l'expéditeur."),
    ),
    _HANDOVER,
)
HELD_BY_CUSTOMS = Journey(
    "held by customs",
    (
        *_CHINA,
        *_ARRIVAL,
        Step(120, CAINIAO, "CUS_TAX", "Duties and taxes payment required", "", IMPORT, "GMT+1"),
        *_CLEARED,
        Step(190, CAINIAO, "GTMS_DO_DEPART", "Out for delivery", zone="GMT+1"),
        Step(195, CAINIAO, "GTMS_SIGNED", "Package delivered", zone="GMT+1"),
    ),
    len(_CHINA) + 4,
)
JOURNEYS = (DELIVERED, PICKED_UP, RETURNED, HELD_BY_CUSTOMS)


def play(
    world: CarrierWorld, journey: Journey, number: str, local_number: str, start: datetime
) -> Iterator[datetime]:
    """Reveal a journey scan by scan: each `next` makes one, and gives the time it is dated."""
    world.parcel(number, estimate=start + timedelta(hours=journey.steps[-1].hours))
    for position, step in enumerate(journey.steps):
        at = start + timedelta(hours=step.hours)
        if position == journey.handover:
            world.parcel(number, local_number=local_number)
            world.parcel(local_number, pickup_point=journey.pickup_point)
        world.scan(
            number if step.carrier == CAINIAO else local_number,
            step.carrier,
            step.code,
            step.text,
            at,
            place=step.place,
            group=step.group,
            zone=step.zone,
            offset_h=step.offset_h,
        )
        yield at

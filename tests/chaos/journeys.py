"""The ways that parcels go: what carriers scan, in which looks it can be seen, and when.

Each step of a way is revealed at once, and the next one only after it was seen, so that
the rules of the milestones say which mails are owed, however slow the service is.
"""

from dataclasses import dataclass

from mailtrack.domain.milestones import Milestone
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE

M = Milestone
_FRANCE = "GMT+1"


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan.

    `hours_ago`: how long before it is revealed. `late`: it happened before what was told
    last. `copy`: another carrier told of the same happening; `offset_h` is the clock that
    it was made by. `handed_over`: the local number is known from here on.
    """

    carrier: str
    milestone: Milestone
    code: str
    text: str
    zone: str = "GMT+8"
    offset_h: int | None = None
    hours_ago: float = 0.0
    late: bool = False
    copy: bool = False
    handed_over: bool = False


Step = tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """`before`: what the carriers know already when the mail is forwarded."""

    before: Step
    steps: tuple[Step, ...]
    #: Whether La Poste has the parcel from the beginning.
    local: bool = False


def _china(milestone: Milestone, code: str, text: str, zone: str = "GMT+8") -> Scan:
    return Scan(CAINIAO, milestone, code, text, zone)


def _post(milestone: Milestone, code: str, text: str) -> Scan:
    return Scan(LAPOSTE, milestone, code, text)


ACCEPTED = _china(M.CARRIER_ACCEPTED, "PU_PICKUP_SUCCESS", "Received by logistics company")
SORTED = _china(M.IN_TRANSIT, "SC_OUTBOUND_SUCCESS", "Departed from sorting center")
FLOWN = _china(M.IN_TRANSIT, "LH_DEPART", "Departed from departure country/region")
ARRIVED = _china(M.ARRIVED_IN_COUNTRY, "LH_ARRIVE", "Arrived at linehaul office", _FRANCE)
STARTED = _china(M.CUSTOMS_STARTED, "CC_IM_START", "Import customs clearance started", _FRANCE)
CLEARED = _china(M.CUSTOMS_CLEARED, "CC_IM_SUCCESS", "Import customs clearance complete", _FRANCE)
LATE_ARRIVED = Scan(
    CAINIAO,
    M.ARRIVED_IN_COUNTRY,
    "LH_ARRIVE",
    "Arrived at linehaul office",
    _FRANCE,
    hours_ago=48,
    late=True,
)
HANDED = Scan(
    CAINIAO,
    M.LOCAL_TRANSIT,
    "GTMS_ACCEPT",
    "Received by local delivery company",
    _FRANCE,
    handed_over=True,
)
ON_THE_VAN = _china(M.OUT_FOR_DELIVERY, "GTMS_DO_DEPART", "Out for delivery", _FRANCE)
#: Cainiao's copy of La Poste's scan, by a clock that is seven hours ahead.
ON_THE_VAN_AGAIN = Scan(
    CAINIAO,
    M.OUT_FOR_DELIVERY,
    "GTMS_DO_DEPART",
    "Out for delivery",
    _FRANCE,
    offset_h=8,
    copy=True,
)
DELIVERED = _china(M.DELIVERED, "GTMS_SIGNED", "Package delivered", _FRANCE)

POST_TRANSIT = _post(
    M.IN_TRANSIT, "ET1", "Votre colis est en transit sur nos plateformes logistiques."
)
POST_VAN = _post(M.OUT_FOR_DELIVERY, "MD1", "Votre colis est en cours de livraison.")
POST_FAILED = _post(
    M.DELIVERY_FAILED, "ND1", "Votre colis n'a pas pu être livré : destinataire absent."
)
POST_WAITING = _post(
    M.PICKUP_AVAILABLE, "AG1", "Votre colis est disponible dans votre point de retrait."
)
POST_TURNED = _post(
    M.RETURNING, "RE1", "Votre colis est retourné à l'expéditeur : adresse incorrecte."
)
POST_BACK = _post(M.RETURNED, "DI2", "Votre colis a été distribué à l'expéditeur.")
POST_DELIVERED = _post(M.DELIVERED, "DI1", "Votre colis est livré.")


def _steps(*steps: Scan | Step) -> tuple[Step, ...]:
    return tuple(step if isinstance(step, tuple) else (step,) for step in steps)


#: A parcel that was on its way before anybody told us: one mail tells where it is.
KNOWN = Way((ACCEPTED, FLOWN, ARRIVED), ())

WAYS = (
    Way((), _steps(ACCEPTED, SORTED, FLOWN, ARRIVED, STARTED, CLEARED, ON_THE_VAN, DELIVERED)),
    Way((), _steps(ACCEPTED, (FLOWN, ARRIVED, STARTED), (CLEARED, ON_THE_VAN), DELIVERED)),
    Way((ACCEPTED, FLOWN, ARRIVED), _steps(STARTED, CLEARED, ON_THE_VAN, DELIVERED)),
    Way((), _steps(ACCEPTED, SORTED, CLEARED, LATE_ARRIVED, ON_THE_VAN, DELIVERED)),
    Way(
        (),
        _steps(
            (ACCEPTED, SORTED),
            ARRIVED,
            CLEARED,
            HANDED,
            POST_TRANSIT,
            (POST_VAN, ON_THE_VAN_AGAIN),
            POST_DELIVERED,
        ),
    ),
    Way(
        (ACCEPTED,),
        _steps((FLOWN, ARRIVED), CLEARED, HANDED, POST_VAN, POST_TURNED, POST_BACK),
    ),
    Way((), _steps(POST_TRANSIT, POST_VAN, POST_FAILED, POST_WAITING, POST_DELIVERED), local=True),
)

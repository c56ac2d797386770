"""The story that the demo plays: what happens in the world, and what must come of it.

Data only. A line of the story is played when all that the line before it leads to has
been seen, so the same story ends the same way however slow the service is and whatever
is killed under way.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mailtrack.domain.model import Outcome
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, Failure
from mailtrack.sandbox.mails import (
    DemoPerson,
    Forwarder,
    ShopMail,
    apple,
    gmail,
    not_a_shop_mail,
    orange,
    order_shipped,
    outlook,
    parcel_update,
    thunderbird,
)

CAMILLE = DemoPerson("Camille Exemple", "camille@gmail.example.org")
HUGO = DemoPerson("Hugo Exemple", "hugo@outlook.example.org")
LEA = DemoPerson("Léa Exemple", "lea@icloud.example.org")
NOE = DemoPerson("Noé Exemple", "noe@mail.example.org")
INES = DemoPerson("Inès Exemple", "ines@orange.example.org")

N = NoticeKind


@dataclass(frozen=True, slots=True)
class ForwardsMail:
    """A person forwards a mail; `leads_to` is the answer that they get."""

    person: DemoPerson
    forwarder: Forwarder
    mail: ShopMail
    outcome: Outcome
    leads_to: NoticeKind | None
    note: str = "Bonjour, pouvez-vous suivre ce colis ? Merci !"


@dataclass(frozen=True, slots=True)
class CarrierScans:
    """A carrier scans a parcel; `leads_to` is the mail that its follower gets, if any."""

    carrier: str
    number: str
    code: str
    text: str
    place: str = ""
    leads_to: NoticeKind | None = None
    group: str = ""
    zone: str = "GMT+8"
    local_number: str = ""
    pickup_point: str = ""


@dataclass(frozen=True, slots=True)
class CarrierFails:
    """The next answer of a carrier is bad."""

    carrier: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class ClicksToLeave:
    """The person clicks the link of their last mail: this parcel, or everything."""

    person: DemoPerson
    everything: bool


Line = ForwardsMail | CarrierScans | CarrierFails | ClicksToLeave


@dataclass(frozen=True, slots=True)
class Thread:
    """One person's parcel from beginning to end; threads run side by side."""

    title: str
    person: DemoPerson
    lines: tuple[Line, ...]


def _cainiao(number: str) -> dict[str, CarrierScans]:
    """Return the usual scans of a parcel at Cainiao, by a short name."""

    def scan(code: str, text: str, place: str = "", **more: Any) -> CarrierScans:
        return CarrierScans(CAINIAO, number, code, text, place, **more)

    france = {"zone": "GMT+1"}
    return {
        "accepted": scan(
            "PU_PICKUP_SUCCESS", "Received by logistics company", leads_to=N.CARRIER_ACCEPTED
        ),
        "sorted": scan("SC_OUTBOUND_SUCCESS", "Departed from sorting center", "Shenzhen"),
        "flown": scan("LH_DEPART", "Departed from departure country/region"),
        "arrived": scan(
            "LH_ARRIVE", "Arrived at linehaul office", leads_to=N.ARRIVED_IN_COUNTRY, **france
        ),
        "customs": scan("CC_IM_START", "Import customs clearance started", **france),
        "cleared": scan(
            "CC_IM_SUCCESS",
            "Import customs clearance complete",
            leads_to=N.CUSTOMS_CLEARED,
            **france,
        ),
        "handed_over": scan("GTMS_ACCEPT", "Received by local delivery company", **france),
        "on_the_van": scan(
            "GTMS_DO_DEPART", "Out for delivery", leads_to=N.OUT_FOR_DELIVERY, **france
        ),
        "delivered": scan("GTMS_SIGNED", "Package delivered", leads_to=N.DELIVERED, **france),
    }


def _laposte(number: str) -> dict[str, CarrierScans]:
    """Return the usual scans of a parcel at La Poste, by a short name."""

    def scan(code: str, text: str, leads_to: NoticeKind | None = None, **more: Any) -> CarrierScans:
        return CarrierScans(LAPOSTE, number, code, text, leads_to=leads_to, **more)

    return {
        "in_transit": scan("ET1", "Votre colis est en transit sur nos plateformes logistiques."),
        "on_the_van": scan("MD1", "Votre colis est en cours de livraison.", N.OUT_FOR_DELIVERY),
        "failed": scan(
            "ND1",
            "Votre colis n'a pas pu être livré : destinataire absent.",
            N.DELIVERY_FAILED,
        ),
        "waiting": scan(
            "AG1",
            "Votre colis est disponible dans votre point de retrait.",
            N.PICKUP_AVAILABLE,
            pickup_point="BUREAU DE POSTE EXEMPLE",
        ),
        "turned_back": scan(
            "RE1", "Votre colis est retourné à l'expéditeur : adresse incorrecte.", N.RETURNING
        ),
        "back": scan("DI2", "Votre colis a été distribué à l'expéditeur.", N.RETURNED),
        "delivered": scan("DI1", "Votre colis est livré.", N.DELIVERED),
    }


#: The scans of every parcel of the story, at each of its carriers.
_LAMP, _LAMP_IN_FRANCE = _cainiao("LP00827165780001"), _laposte("6A15602676300")
_COVER = _cainiao("AP00839881450002")
_WATCH, _WATCH_IN_FRANCE = _cainiao("LP00827165780003"), _laposte("6A15602683841")
_MOUSE_PAD = _laposte("6Q01929938641")
_EARPHONES = _cainiao("LP00827165780005")
_CABLE = _cainiao("LP00827165780006")

STORY = (
    Thread(
        "an order first, its parcel later, handed over to La Poste",
        CAMILLE,
        (
            ForwardsMail(
                CAMILLE,
                gmail,
                order_shipped("3054169918880001", "Lampe LED de bureau"),
                Outcome.ORDER_NOTED,
                N.ORDER_REGISTERED,
            ),
            ForwardsMail(
                CAMILLE,
                gmail,
                parcel_update("LP00827165780001", "3054169918880001", "Lampe LED de bureau"),
                Outcome.TRACKED,
                N.REGISTERED,
                note="Voici le mail du colis.",
            ),
            _LAMP["accepted"],
            CarrierFails(CAINIAO, Failure.QUOTA),
            _LAMP["sorted"],
            _LAMP["flown"],
            _LAMP["arrived"],
            _LAMP["customs"],
            _LAMP["cleared"],
            replace(_LAMP["handed_over"], local_number="6A15602676300"),
            _LAMP_IN_FRANCE["in_transit"],
            _LAMP_IN_FRANCE["on_the_van"],
            _LAMP_IN_FRANCE["delivered"],
        ),
    ),
    Thread(
        "through customs to delivery",
        HUGO,
        (
            ForwardsMail(
                HUGO,
                outlook,
                parcel_update("AP00839881450002", "3054169918880002", "Coque de téléphone"),
                Outcome.TRACKED,
                N.REGISTERED,
            ),
            _COVER["accepted"],
            _COVER["flown"],
            CarrierFails(CAINIAO, Failure.CHALLENGE),
            _COVER["arrived"],
            _COVER["customs"],
            _COVER["cleared"],
            _COVER["on_the_van"],
            _COVER["delivered"],
        ),
    ),
    Thread(
        "returned to the sender",
        LEA,
        (
            ForwardsMail(
                LEA,
                apple,
                parcel_update("LP00827165780003", "3054169918880003", "Montre connectée"),
                Outcome.TRACKED,
                N.REGISTERED,
            ),
            _WATCH["flown"],
            _WATCH["arrived"],
            _WATCH["cleared"],
            replace(_WATCH["handed_over"], local_number="6A15602683841"),
            _WATCH_IN_FRANCE["on_the_van"],
            _WATCH_IN_FRANCE["turned_back"],
            _WATCH_IN_FRANCE["back"],
        ),
    ),
    Thread(
        "fails, waits at a pick-up point, is fetched",
        NOE,
        (
            ForwardsMail(
                NOE,
                thunderbird,
                parcel_update("6Q01929938641", "3054169918880004", "Tapis de souris"),
                Outcome.TRACKED,
                N.REGISTERED,
            ),
            _MOUSE_PAD["in_transit"],
            _MOUSE_PAD["on_the_van"],
            _MOUSE_PAD["failed"],
            _MOUSE_PAD["waiting"],
            _MOUSE_PAD["delivered"],
        ),
    ),
    Thread(
        "a mail with nothing in it; later leaves by one click",
        INES,
        (
            ForwardsMail(INES, orange, not_a_shop_mail(), Outcome.NOT_A_SHOP_MAIL, N.NOTHING_FOUND),
            ForwardsMail(
                INES,
                orange,
                parcel_update("LP00827165780005", "3054169918880005", "Écouteurs sans fil"),
                Outcome.TRACKED,
                N.REGISTERED,
            ),
            _EARPHONES["accepted"],
            _EARPHONES["arrived"],
            ClicksToLeave(INES, everything=True),
            replace(_EARPHONES["cleared"], leads_to=None),
            replace(_EARPHONES["on_the_van"], leads_to=None),
        ),
    ),
    Thread(
        "one parcel muted, the others go on",
        HUGO,
        (
            ForwardsMail(
                HUGO,
                outlook,
                parcel_update("LP00827165780006", "3054169918880006", "Câble USB-C"),
                Outcome.TRACKED,
                N.REGISTERED,
            ),
            _CABLE["accepted"],
            ClicksToLeave(HUGO, everything=False),
            replace(_CABLE["arrived"], leads_to=None),
            replace(_CABLE["cleared"], leads_to=None),
        ),
    ),
)


def forwards() -> Iterator[ForwardsMail]:
    """Yield every mail that the story feeds in."""
    for thread in STORY:
        yield from (line for line in thread.lines if isinstance(line, ForwardsMail))


def expected() -> Iterator[tuple[str, NoticeKind]]:
    """Yield every (address, notice) that must come of the story, once each."""
    for thread in STORY:
        for line in thread.lines:
            if isinstance(line, ForwardsMail | CarrierScans) and line.leads_to is not None:
                yield thread.person.address, line.leads_to

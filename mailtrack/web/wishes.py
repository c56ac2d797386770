"""What a person may choose to hear of: every mail but the answers to their own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailtrack.notify.view import NoticeKind


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind of mail, in a person's words; `important`: missing it may cost the parcel."""

    kind: NoticeKind
    label: str
    important: bool = False


@dataclass(frozen=True, slots=True)
class ChoiceGroup:
    """Choices under one heading."""

    title: str
    choices: tuple[Choice, ...]


GROUPS = (
    ChoiceGroup(
        "Étapes du voyage",
        (
            Choice(NoticeKind.CARRIER_ACCEPTED, "Pris en charge par le transporteur"),
            Choice(NoticeKind.ARRIVED_IN_COUNTRY, "Arrivé en France"),
            Choice(NoticeKind.CUSTOMS_CLEARED, "Dédouané"),
        ),
    ),
    ChoiceGroup(
        "Livraison",
        (
            Choice(NoticeKind.OUT_FOR_DELIVERY, "En cours de livraison", important=True),
            Choice(NoticeKind.DELIVERY_FAILED, "Livraison manquée", important=True),
            Choice(NoticeKind.PICKUP_AVAILABLE, "À retirer en point de retrait", important=True),
            Choice(NoticeKind.PICKUP_REMINDER, "Dernier jour pour le retirer", important=True),
            Choice(NoticeKind.DELIVERED, "Livré"),
        ),
    ),
    ChoiceGroup(
        "Problèmes",
        (
            Choice(NoticeKind.CUSTOMS_HELD, "Bloqué en douane", important=True),
            Choice(NoticeKind.EXCEPTION, "Incident : perdu, abîmé, refusé", important=True),
            Choice(NoticeKind.RETURNING, "Retour à l’expéditeur", important=True),
            Choice(NoticeKind.RETURNED, "Retourné à l’expéditeur"),
            Choice(NoticeKind.NOT_FOUND, "Numéro toujours inconnu après 3 jours"),
            Choice(NoticeKind.STALLED, "Pas de nouvelles depuis trop longtemps"),
            Choice(NoticeKind.EXPIRED, "Fin du suivi, faute de nouvelles"),
        ),
    ),
    ChoiceGroup(
        "Votre commande",
        (
            Choice(
                NoticeKind.PROTECTION_ENDING, "Bientôt la fin de la protection", important=True
            ),
            Choice(NoticeKind.ORDER_UNFULFILLABLE, "Commande que le vendeur ne peut honorer"),
            Choice(NoticeKind.CANCELLED, "Commande annulée"),
            Choice(NoticeKind.REFUNDED, "Commande remboursée"),
        ),
    ),
)

CHOOSABLE = frozenset(choice.kind for group in GROUPS for choice in group.choices)


def unwanted(form: Mapping[str, str]) -> frozenset[str]:
    """Return the kinds whose boxes are not ticked in a form."""
    return frozenset(str(kind) for kind in CHOOSABLE if kind not in form)


def in_words(unwanted: Iterable[str]) -> str:
    """Say what was chosen."""
    wanted = len(CHOOSABLE - set(unwanted))
    if wanted == len(CHOOSABLE):
        return "C’est noté : nous vous écrirons à chaque étape."
    if not wanted:
        return "C’est noté : plus aucune nouvelle en route, quoi qu’il arrive."
    left_out = [
        choice.label
        for group in GROUPS
        for choice in group.choices
        if choice.important and choice.kind in set(unwanted)
    ]
    ...

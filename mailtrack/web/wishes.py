"""What a person may choose to hear of: every mail but the answers to their own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mailtrack.notify.french import plural
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
            Choice(NoticeKind.EXCEPTION, "Incident : retard, perte, dommage", important=True),
            Choice(NoticeKind.RETURNING, "Retour à l’expéditeur", important=True),
            Choice(NoticeKind.RETURNED, "Revenu chez l’expéditeur"),
            Choice(NoticeKind.NOT_FOUND, "Numéro toujours inconnu après 3 jours"),
            Choice(NoticeKind.STALLED, "Pas de nouvelles depuis trop longtemps"),
            Choice(NoticeKind.EXPIRED, "Fin du suivi, faute de nouvelles"),
        ),
    ),
    ChoiceGroup(
        "Votre commande",
        (
            Choice(
                NoticeKind.PROTECTION_ENDING,
                "Bientôt la fin de la protection acheteur",
                important=True,
            ),
            Choice(NoticeKind.ORDER_UNFULFILLABLE, "Commande que le vendeur ne peut honorer"),
            Choice(NoticeKind.CANCELLED, "Commande annulée"),
            Choice(NoticeKind.REFUNDED, "Commande remboursée"),
        ),
    ),
)

_CHOICES = [choice for group in GROUPS for choice in group.choices]
CHOOSABLE = frozenset(str(choice.kind) for choice in _CHOICES)
IMPORTANT = frozenset(str(choice.kind) for choice in _CHOICES if choice.important)


def unwanted(form: Mapping[str, str]) -> frozenset[str]:
    """Return the kinds whose boxes are not ticked in a form, or that its second button drops."""
    if form.get("only") == "important":
        return CHOOSABLE - IMPORTANT
    return CHOOSABLE - form.keys()


def in_words(unwanted: Collection[str]) -> str:
    """Say what was chosen, and what is risky about it."""
    wanted = len(CHOOSABLE) - len(unwanted)
    if not unwanted:
        return "C’est noté : nous vous écrirons à chaque étape."
    if not wanted:
        return "C’est noté : nous ne vous écrirons plus de nouvelles de vos colis."
    noted = f"C’est noté : nous vous écrirons dans {wanted} cas sur {len(CHOOSABLE)}."
    risky = len(IMPORTANT & set(unwanted))
    missed = plural(risky, "cas important n’en est pas", "cas importants n’en sont pas")
    return f"{noted} Attention : {missed}." if risky else noted

"""What a person may choose to hear of: every mail but the answers to their own."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailtrack.domain.notice_preferences import NoticePreferences
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
    """Choices under one heading, with a word on them where they need one."""

    title: str
    choices: tuple[Choice, ...]
    hint: str = ""


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
            Choice(NoticeKind.STALLED, "Plus lent que 9 colis sur 10"),
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
    ChoiceGroup(
        "En plus, sur demande",
        (
            Choice(NoticeKind.DETAILS_AWAITED, "En attente de précisions de votre part"),
            Choice(NoticeKind.ORDER_PREPARED, "Commande préparée"),
            Choice(NoticeKind.ORDER_CONSOLIDATED, "Commande consolidée"),
            Choice(NoticeKind.IN_TRANSIT, "En transit international"),
            Choice(NoticeKind.CUSTOMS_STARTED, "En cours de dédouanement"),
            Choice(NoticeKind.LOCAL_TRANSIT, "Chez le transporteur local"),
            Choice(NoticeKind.ABANDONED, "Commande abandonnée"),
        ),
        hint="Ces mails ne partent que si vous cochez leur case.",
    ),
)

_CHOICES = [choice for group in GROUPS for choice in group.choices]
CHOOSABLE = frozenset(str(choice.kind) for choice in _CHOICES)
#: What comes to who made no choice, and what does not.
USUAL = frozenset(kind for kind in CHOOSABLE if not NoticePreferences().decline(kind))
ON_REQUEST = CHOOSABLE - USUAL
IMPORTANT = frozenset(str(choice.kind) for choice in _CHOICES if choice.important)


def chosen(form: Mapping[str, str]) -> NoticePreferences:
    """Return what the ticked boxes of a form, or its second button, ask for."""
    ticked = IMPORTANT if form.get("only") == "important" else CHOOSABLE & form.keys()
    return NoticePreferences(unwanted=USUAL - ticked, also_wanted=ON_REQUEST & ticked)


def in_words(chosen: NoticePreferences) -> str:
    """Say what was chosen, and what is risky about it."""
    asked = [c.label for c in _CHOICES if c.kind in chosen.also_wanted]
    besides = ", ".join(f"« {label} »" for label in asked)
    if not asked:
        return _usual_in_words(chosen)
    if chosen.unwanted == USUAL:
        return f"C’est noté : nous ne vous écrirons plus que pour {besides}."
    return f"{_usual_in_words(chosen)} En plus, à votre demande : {besides}."


def _usual_in_words(chosen: NoticePreferences) -> str:
    wanted = len(USUAL) - len(chosen.unwanted)
    if not chosen.unwanted:
        return "C’est noté : nous vous écrirons à chaque étape."
    if not wanted:
        return "C’est noté : nous ne vous écrirons plus de nouvelles de vos colis."
    noted = f"C’est noté : nous vous écrirons dans {wanted} cas sur {len(USUAL)}."
    risky = len(IMPORTANT & chosen.unwanted)
    missed = plural(risky, "cas important n’en est pas", "cas importants n’en sont pas")
    return f"{noted} Attention : {missed}." if risky else noted

"""The words of a proof, in French for its reader and in English for the seller, side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from babel.dates import format_date

from mailtrack.domain.milestones import STAGES, Milestone
from mailtrack.domain.model import PollState, Reason
from mailtrack.notify import english, french


class Language(StrEnum):
    """In which languages a proof is written; the value is that of `lang`."""

    FRENCH = "fr"
    ENGLISH = "en"


class _Said(NamedTuple):
    """The same in each language, in the order of `Speech.column`."""

    french: str
    english: str


#: By name.
_WORDS: Mapping[str, _Said] = MappingProxyType(
    {
        "title": _Said("Dossier de suivi du colis {number}", "Tracking record of parcel {number}"),
        "made": _Said(
            "Établi le {moment} par mailtrack, d’après ce que les transporteurs et les mails de "
            "la commande avaient dit jusque-là. mailtrack suit les colis pour leurs "
            "destinataires ; il n’est ni le vendeur ni le transporteur.",
            "Made on {moment} by mailtrack, from what the carriers and the mails about the order "
            "had said until then. mailtrack follows parcels for those who await them; it is "
            "neither the seller nor the carrier.",
        ),
        "check": _Said(
            "À vérifier à cette adresse, où ce dossier reste tel qu’il était ce jour-là :",
            "To be checked at this address, where this record stays as it was on that day:",
        ),
        "parcel": _Said("Le colis", "The parcel"),
        "number": _Said("Numéro de suivi", "Tracking number"),
        "local_number": _Said("Numéro local", "Local number"),
        "orders": _Said("Commande", "Order"),
        "shop": _Said("Boutique", "Shop"),
        "carrier": _Said("Transporteur", "Carrier"),
        "state": _Said("État", "Status"),
        "unknown": _Said("inconnu des transporteurs", "unknown to the carriers"),
        "since": _Said("{state}, le {moment}", "{state}, {moment}"),
        "return_reason": _Said("Motif du retour", "Reason for the return"),
        "reason": _Said("Motif indiqué", "Reason given"),
        "none_given": _Said("aucun", "none given"),
        "quiet": _Said("Jours sans nouvelles", "Days without news"),
        "quiet_now": _Said("Sans nouvelles", "No news"),
        "quiet_longest": _Said("Plus long silence", "Longest silence"),
        "days": _Said("{count} jours", "{count} days"),
        "day": _Said("{count} jour", "{count} day"),
        "quiet_since": _Said("{days}, depuis le {since}", "{days}, since {since}"),
        "quiet_between": _Said("{days}, du {since} au {until}", "{days}, from {since} to {until}"),
        "promises": _Said("Livraison annoncée", "Announced delivery"),
        "by": _Said("Par", "By"),
        "promised_day": _Said("Livraison", "Delivery"),
        "made_on": _Said("Annoncé le", "Announced on"),
        "at_step": _Said("À l’étape", "At the step"),
        "our_estimate": _Said("mailtrack (notre estimation)", "mailtrack (our estimate)"),
        "estimates": _Said(
            "Nos estimations disent entre quels jours arrivent huit colis comparables sur "
            "dix ; le vendeur et le transporteur n’y sont pour rien.",
            "Our estimates say between which days eight of ten comparable parcels arrive; they "
            "are no word of the seller or the carrier.",
        ),
        "span": _Said("du {earliest} au {latest}", "from {earliest} to {latest}"),
        "no_promises": _Said(
            "Ni transporteur ni mail n’a annoncé de jour de livraison.",
            "Neither a carrier nor a mail has named a day of delivery.",
        ),
        "scans": _Said("Tous les passages", "All scans"),
        "at": _Said("Date et heure", "Date and time"),
        "what": _Said("Étape, et mots de la source", "Step, and the source’s words"),
        "place": _Said("Lieu", "Place"),
        "source": _Said("Source", "Source"),
        "pause": _Said("Délai (jours)", "Gap (days)"),
        "zone": _Said(
            "Les heures sont celles de Paris, avec leur écart à l’heure universelle (UTC). Là où "
            "l’horloge de la source est douteuse, seul le jour est donné.",
            "Times are those of Paris, with their difference from universal time (UTC). Where "
            "the source’s clock is doubtful, only the day is given.",
        ),
        "left_out": _Said(
            "{count} passages plus anciens ne sont pas montrés.",
            "{count} older scans are not shown.",
        ),
        "no_scans": _Said(
            "Aucun transporteur n’a annoncé de passage.",
            "No carrier has reported any scan.",
        ),
        "by_mail": _Said("{source}, par mail", "{source}, by mail"),
        "some_mail": _Said("mail transféré", "forwarded mail"),
        "answers": _Said(
            "Quand et combien de fois nous avons demandé", "When and how often we asked"
        ),
        "answered": _Said("Réponses", "Answers"),
        "last_answer": _Said("La dernière", "The last one"),
        "answer": _Said("Ce qu’elle dit", "What it says"),
        "followed_since": _Said(
            "Le colis est suivi depuis le {moment}.",
            "The parcel has been followed since {moment}.",
        ),
        "never": _Said("jamais", "never"),
        "moment": _Said("{day} à\u00a0{time} (UTC{offset})", "{day}, {time} (UTC{offset})"),
        "missing": _Said(
            "Ce fichier n’a pas de caractères pour certaines écritures : là où il y a « […] », "
            "la page à vérifier montre ce qui manque.",
            "This file has no characters for some scripts: where it has “[…]”, the page to check "
            "shows what is missing.",
        ),
        "other_language": _Said("English", "Français"),
        "pdf": _Said("Télécharger en PDF", "Download as PDF"),
    }
)

#: What a carrier's last answer about a number says.
_STATES: Mapping[str, _Said] = MappingProxyType(
    {
        PollState.FOUND: _Said("numéro connu", "number known"),
        PollState.PENDING: _Said(
            "numéro annoncé, colis pas encore remis",
            "number announced, parcel not handed over yet",
        ),
        PollState.NOT_FOUND: _Said("numéro inconnu", "number unknown"),
        PollState.REJECTED: _Said("numéro refusé", "number rejected"),
        PollState.NEEDS_POSTCODE: _Said("code postal demandé", "postcode asked for"),
    }
)


@dataclass(frozen=True, slots=True)
class Speech:
    """How one language says what a proof holds; `column` is its place in the tables above."""

    column: int
    locale: str
    clock: str
    labels: Callable[[Milestone], str]
    reasons: Mapping[Reason, str]

    def say(self, name: str, **values: object) -> str:
        """Return the words of a name, with values in their places."""
        words = _WORDS[name][self.column].format(**values)
        return words if self.column else french.typeset(words)

    def state(self, state: str) -> str:
        """Return what a carrier's answer says, "" before the first one."""
        return _STATES[state][self.column] if state in _STATES else ""

    def days(self, count: int) -> str:
        """Return « 34 jours »; zero is singular in French."""
        singular = count == 1 or (count == 0 and not self.column)
        return self.say("day" if singular else "days", count=count)

    def day(self, day: date) -> str:
        """Return « 10 mars 2026 »."""
        words = format_date(day, "d MMMM y", locale=self.locale)
        return words if self.column or not words.startswith("1 ") else words.replace("1", "1er", 1)

    def moment(self, at: datetime) -> str:
        """Return « 10 mars 2026 à 14 h 05 (UTC+1) », in Paris time."""
        local = french.local(at)
        hours = int((local.utcoffset() or at - at).total_seconds() // 3600)
        time = self.clock.format(hour=local.hour, minute=local.minute)
        return self.say("moment", day=self.day(local.date()), time=time, offset=f"{hours:+d}")


SPEECHES: Mapping[Language, Speech] = MappingProxyType(
    {
        Language.FRENCH: Speech(
            0,
            "fr",
            "{hour}\u00a0h\u00a0{minute:02}",
            lambda milestone: STAGES[milestone].label,
            french.REASONS,
        ),
        Language.ENGLISH: Speech(
            1, "en_GB", "{hour:02}:{minute:02}", english.LABELS.__getitem__, english.REASONS
        ),
    }
)

"""French as people write it: dates, plurals, shortened numbers, typography.

Everything here is a pure function from values to words; `FILTERS` offers them to the
templates of mails and pages.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from babel.dates import format_date

from mailtrack.domain.harmless import printable
from mailtrack.domain.milestones import STAGES, Milestone
from mailtrack.domain.model import HeldMail, Hint, Outcome, Reason, TrackingEvent
from mailtrack.notify.expectation import Expectation
from mailtrack.notify.shops import ShopWords, words_for
from mailtrack.notify.view import MailSummary, NoticeKind, ParcelView

LOCALE = "fr"
ZONE = "Europe/Paris"
NO_BREAK = "\u00a0"
NARROW_NO_BREAK = "\u202f"

REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.BAD_ADDRESS: "adresse incorrecte ou incomplète",
        Reason.ABSENT: "destinataire absent",
        Reason.UNCLAIMED: "colis non réclamé à temps",
        Reason.CUSTOMS: "problème de douane",
        Reason.REFUSED: "colis refusé",
        Reason.LOST: "colis perdu",
        Reason.DAMAGED: "colis abîmé",
        Reason.DELAYED: "retard",
        Reason.REDELIVERY: "nouvelle livraison prévue",
    }
)

#: The reason that the name of a milestone tells already.
_SAID_BY: Mapping[Milestone, Reason] = MappingProxyType({Milestone.CUSTOMS_HELD: Reason.CUSTOMS})

#: Why a number is unknown, where it is not said in a carrier's own words.
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        Hint.NOT_READ: "{by} n’a pas encore pu interroger le transporteur : "
        "le numéro est peut-être le bon.",
        Hint.POSTCODE: "Le transporteur ne répond qu’à qui donne le code postal de livraison : "
        "sa page vous le demandera.",
    }
)

#: What a digest calls news that is no step of a parcel.
OTHER_NEWS: Mapping[NoticeKind, str] = MappingProxyType(
    {
        NoticeKind.REGISTERED: "Suivi enregistré",
        NoticeKind.ORDER_REGISTERED: "Numéro du colis à transférer",
        NoticeKind.NOT_FOUND: "Numéro inconnu des transporteurs",
        NoticeKind.STALLED: "Plus lent que 9 colis sur 10",
        NoticeKind.EXPIRED: "Suivi arrêté, faute de nouvelles",
        NoticeKind.PROTECTION_ENDING: "Protection acheteur bientôt finie",
    }
)

#: What a mail in somebody's name asks for, by the kind of its reading.
HELD_MAILS: Mapping[str, str] = MappingProxyType(
    {
        "stop": "STOP : ne plus recevoir de mail",
        "help": "AIDE : recevoir le mode d’emploi",
        "number": "Un mail avec un numéro de colis",
    }
)
_HELD_SHOP_MAIL = "Un mail d’expédition transféré"

#: Why nothing is followed of a mail, by the kind of its reading.
NOTHING_TO_FOLLOW: Mapping[str, str] = MappingProxyType(
    {
        "survey": "Une demande d’avis : rien à suivre.",
        "marketing": "Une publicité : rien à suivre.",
        "account": "Un message sur votre compte : rien à suivre.",
        "sent_by_reader": "Un colis que vous envoyez vous-même : nous ne suivons que ceux que "
        "vous attendez.",
    }
)
#: The same for other kinds, by how the reading ended.
_NOTHING_READ: Mapping[str, str] = MappingProxyType(
    {
        Outcome.ORDER_NOTED: "Elle n’a pas de numéro de colis : nous la suivons par ses mails, "
        "transférez aussi les prochains.",
        Outcome.NOT_A_SHOP_MAIL: "Un expéditeur que nous ne connaissons pas, et aucun numéro que "
        "nous sachions lire.",
        Outcome.REFUSED: "Attention, ce mail en imite un autre : n’ouvrez pas ses liens, n’y "
        "payez rien.",
    }
)
_NO_NUMBER = "Ni numéro de commande ni numéro de colis que nous sachions lire."
_UNASKED = (
    "Un numéro dont nous ne sommes pas sûrs : transférez ce mail seul, et nous vous demanderons "
    "si c’est votre colis."
)

#: What to do about a return, besides asking for the money or another parcel.
REMEDIES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.BAD_ADDRESS: "Corrigez l’adresse dans {account} avant tout envoi.",
        Reason.ABSENT: "Pour un nouvel envoi, choisissez un point de retrait si vous le pouvez.",
        Reason.UNCLAIMED: "Pour un nouvel envoi, choisissez un point de retrait près de vous.",
        Reason.CUSTOMS: "Demandez au transporteur quel document manquait, et dites-le au vendeur.",
        Reason.REFUSED: "Si ce refus ne vient pas de vous, dites-le au transporteur et au vendeur.",
    }
)

_NO_PARCEL = "Vérifiez le remboursement {where}\u202f; s’il n’y est pas, écrivez au vendeur."
_SEND_AGAIN = "Demandez un nouvel envoi ou un remboursement {ask}."

#: What a person does about a parcel that waits for them, wherever they meet it.
TASKS: Mapping[Milestone, str] = MappingProxyType(
    {
        Milestone.DETAILS_AWAITED: "Cherchez la commande {where} et répondez au vendeur : "
        "il lui manque souvent une adresse, une taille ou une couleur.",
        Milestone.CUSTOMS_HELD: "Un document ou un paiement est attendu de vous : "
        "ouvrez la page du transporteur, elle dit ce qui manque.",
        Milestone.DELIVERY_FAILED: "Cherchez l’avis de passage dans votre boîte aux lettres, puis "
        "choisissez une nouvelle date ou un point de retrait sur la page du transporteur.",
        Milestone.PICKUP_AVAILABLE: "Allez le chercher avec une pièce d’identité et le numéro "
        "du colis. Passé le délai, il repart chez l’expéditeur.",
        Milestone.RETURNING: _SEND_AGAIN,
        Milestone.RETURNED: _SEND_AGAIN,
        Milestone.EXCEPTION: "S’il est perdu ou abîmé, demandez un nouvel envoi ou un "
        "remboursement {ask}. Sinon, laissez-lui une semaine avant d’écrire.",
        Milestone.ORDER_UNFULFILLABLE: _NO_PARCEL,
        Milestone.CANCELLED: _NO_PARCEL,
    }
)
#: The same of an order of which no parcel is known: its carrier has no page to look at.
_ORDER_TASKS: Mapping[Milestone, str] = MappingProxyType(
    {
        Milestone.CUSTOMS_HELD: "Un document ou un paiement est attendu de vous : "
        "le mail {of} dit ce qui manque.",
        Milestone.DELIVERY_FAILED: "Cherchez l’avis de passage dans votre boîte aux lettres, puis "
        "choisissez une nouvelle date ou un point de retrait {where}.",
        Milestone.PICKUP_AVAILABLE: "Allez le chercher avec une pièce d’identité : le mail {of} "
        "dit où et jusqu’à quand. Passé le délai, il repart chez l’expéditeur.",
    }
)
#: The same where a shop lets people open a dispute.
_DISPUTED_TASKS: Mapping[Milestone, str] = MappingProxyType(
    {
        Milestone.EXCEPTION: "S’il est perdu ou abîmé, ouvrez un litige {where}. Sinon, "
        "laissez-lui une semaine avant d’écrire au vendeur.",
    }
)

#: How sure the days of an estimate are (`domain.forecast.SHARE`).
SURE = f"8{NO_BREAK}colis{NO_BREAK}sur{NO_BREAK}10"
#: How a day that is near is called, by how far away it is.
_SOON: Mapping[timedelta, str] = MappingProxyType(
    {timedelta(0): "aujourd’hui", timedelta(days=1): "demain"}
)
#: The same of two days that follow each other, by how far away and how far apart they are.
_TWO_DAYS: Mapping[tuple[timedelta, timedelta], str] = MappingProxyType(
    {
        (timedelta(0), timedelta(days=1)): "aujourd’hui ou demain",
        (timedelta(days=1), timedelta(days=1)): "demain ou après-demain",
    }
)

#: What the Imprimerie nationale asks of spaces around punctuation, one rule a line.
_TYPESETTING: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])"), "’"),
    (re.compile(r"[ \t]+(?=:)"), NO_BREAK),
    (re.compile(r"[ \t]+(?=[;!?])"), NARROW_NO_BREAK),
    (re.compile(r"(?<=«)[ \t]+|[ \t]+(?=»)"), NO_BREAK),
    (re.compile(r"(«\s\w+) (\w+\s»)"), rf"\1{NO_BREAK}\2"),
    (re.compile(r"(?<=\d)[ \t]+à[ \t]+(?=\d)"), f"{NO_BREAK}à{NO_BREAK}"),
    (re.compile(r"(?<=\b\d{5}) (?=[A-ZÀ-Ý])"), NO_BREAK),  # a postal code and its town
    (re.compile(r"(?<=\d)[ \t]+(?=[€%]|(?:jours?|heures?|mois|colis)\b)"), NO_BREAK),
    (re.compile(r"(?<=\bcolis)[ \t]+sur[ \t]+(?=\d)"), f"{NO_BREAK}sur{NO_BREAK}"),
)


#: Without one of these no rule has anything to do.
_TYPESET = re.compile(r"['«»:;!?€%]|\d ")


#: What follows the last dot of a word, and the dot (as browsers know it, UTS 46).
_HALF_LABEL = re.compile(
    r"(?<=\S)[.\u3002\uff0e\uff61\u2024\ufe52][^\s.\u3002\uff0e\uff61\u2024\ufe52]*$"
)


def typeset(text: str) -> str:
    """Put the no-break spaces and the curly apostrophes of French typography."""
    if not _TYPESET.search(text):
        return text
    for pattern, replacement in _TYPESETTING:
        text = pattern.sub(replacement, text)
    return text


def local(value: datetime) -> datetime:
    """Return an instant in Paris time."""
    return value.astimezone(ZoneInfo(ZONE))


def local_day(value: datetime, days: int = 0) -> date:
    """Return the day of an instant in Paris, `days` later."""
    return local(value).date() + timedelta(days=days)


def day(value: date) -> str:
    """Return « mardi 3 mars »; an instant is put in Paris time first."""
    return _named(local_day(value) if isinstance(value, datetime) else value)


@lru_cache(maxsize=400)
def _named(value: date) -> str:
    """Return the words for a date; a mail repeats a few, and all mails of a day the same."""
    name, number, month = format_date(value, "EEEE d MMMM", locale=LOCALE).split()
    return f"{name} {'1er' if number == '1' else number}{NO_BREAK}{month}"


def short_day(value: date) -> str:
    """Return « 3 mars », for subjects."""
    return day(value).split(" ", 1)[1]


def hour(value: datetime) -> str:
    """Return « 14 h 05 » in Paris time."""
    time = local(value)
    return f"{time.hour}{NO_BREAK}h{NO_BREAK}{time.minute:02}"


def moment(value: datetime) -> str:
    """Return « mardi 3 mars à 14 h 05 » in Paris time."""
    return f"{day(value)} à{NO_BREAK}{hour(value)}"


def hours(slot: str) -> str:
    """Return « entre 9 h et 11 h 15 » for "09:00-11:15" (Paris)."""
    begins, ends = (
        f"{int(hour)}{NO_BREAK}h" + (f"{NO_BREAK}{minute}" if minute != "00" else "")
        for hour, _, minute in (time.partition(":") for time in slot.split("-"))
    )
    return f"entre{NO_BREAK}{begins} et{NO_BREAK}{ends}"


def between(first: date, last: date, today: date) -> str:
    """Return « entre le jeudi 12 et le mardi 17 mars », or « aujourd’hui ou demain, … ».

    A month or a year that both days share is said once.
    """
    if (first - today, last - first) in _TWO_DAYS:
        return f"{_TWO_DAYS[first - today, last - first]}, {day(last)}"
    begins, ends = f"le {day(first)}", f"le {day(last)}"
    if first.year != last.year:
        begins, ends = f"{begins}{NO_BREAK}{first.year}", f"{ends}{NO_BREAK}{last.year}"
    elif first.month == last.month:
        begins = begins.rpartition(NO_BREAK)[0]
    return f"entre {_SOON.get(first - today, begins)} et {ends}"


def expected_days(expected: Expectation) -> str:
    """Return the day on which somebody else expects a parcel, or the days of our estimate."""
    if expected.named is not None:
        return day(expected.named.day)
    return f"sans doute {between(expected.first, expected.last, expected.told_on)}"


def expected_by(expected: Expectation) -> str:
    """Return what follows the expected days: the hours and who named them, or how sure they are."""
    if expected.named is None:
        return f" ({SURE})"
    named = expected.named
    told = (hours(named.slot) if named.slot else "", f"selon {named.by}" if named.by else "")
    return "".join(f", {part}" for part in told if part)


def taken_back(expected: Expectation) -> str:
    """Say that a parcel did not come when it was expected before, "" where there is no such day."""
    missed = expected.missed
    if missed is None:
        return ""
    if missed.by:
        who = f"{missed.by[0].upper()}{missed.by[1:]}"
        return f"{who} l’attendait le {day(missed.day)}{NO_BREAK}: ce jour est passé."
    passed = day(missed.day)
    return f"Nous l’attendions au plus tard le {passed}{NO_BREAK}: nous nous sommes trompés."


def event_moment(event: TrackingEvent) -> str:
    """Return the moment of an event, without the hour where its source's clock is doubtful."""
    return moment(event.at) if event.at_certain else day(event.at)


def plural(count: int, singular: str, several: str) -> str:
    """Return « 1 colis » or « 2 commandes »; zero is singular in French."""
    return f"{count}{NO_BREAK}{several if count >= 2 else singular}"


def short(number: str) -> str:
    """Shorten a number to « LP…84 », enough to be recognised on a locked telephone."""
    return number if len(number) <= 6 else f"{number[:2]}…{number[-2:]}"


def shorten(text: str, limit: int) -> str:
    """Cut a text at a word where that is possible, so that it has at most `limit` characters.

    A word is cut at a dot within it: half a label may be a domain ("x.comme" is no host).

    >>> shorten("Lampe LED de bureau pliable", 22)
    'Lampe LED de bureau…'
    """
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, _, tail = cut.rpartition(" ")
    if len(tail) < limit // 2 and head:
        cut = head
    elif not text[limit - 1].isspace():
        cut = _HALF_LABEL.sub("", cut)
    return cut.rstrip(" ,;:-–(") + "…"


def stage(milestone: Milestone) -> str:
    """Return the French name of a milestone."""
    return STAGES[milestone].label


def news(kind: NoticeKind, shop: str = "") -> str:
    """Name what a notice tells, in one line of a list; `shop`: the code of who sold it."""
    if kind is NoticeKind.ORDER_REGISTERED and not words_for(shop).names_parcels:
        return "Commande notée"
    return typeset(OTHER_NEWS.get(kind) or stage(Milestone(kind)))


def headline(event: TrackingEvent) -> str:
    """Name an event: by its milestone, or as the carrier wrote it where it has none."""
    if event.milestone is Milestone.UNKNOWN and event.text:
        return event.text
    return stage(event.milestone)


def circumstances(event: TrackingEvent) -> str:
    """Return why and where an event happened, as far as it says."""
    is_said = event.reason == _SAID_BY.get(event.milestone)
    why = REASONS[event.reason] if event.reason and not is_said else ""
    return " · ".join(part for part in (why, event.place) if part)


def detail(event: TrackingEvent) -> str:
    """Return what an event says besides its headline: reason, place, the carrier's words."""
    words = f"selon {event.told_by}, par mail" if event.told_by else event.text
    words = words if words != headline(event) else ""
    return " · ".join(part for part in (circumstances(event), words) if part)


def held_mail(mail: HeldMail) -> str:
    """Name what a mail that waits for its sender's word asks for."""
    return HELD_MAILS.get(mail.kind, _HELD_SHOP_MAIL)


def nothing_read(mail: MailSummary) -> str:
    """Say why nothing of a mail is followed."""
    if mail.unasked:
        return _UNASKED
    return NOTHING_TO_FOLLOW.get(mail.kind) or _NOTHING_READ.get(mail.outcome, _NO_NUMBER)


def remedy(reason: Reason | None, shop: ShopWords) -> str:
    """Return what a return asks for by its reason, "" where nothing special."""
    return _about(REMEDIES.get(reason, "") if reason else "", shop)


def task(milestone: Milestone | None, shop: ShopWords, *, is_order: bool = False) -> str:
    """Return what a person does about what has come to a milestone, "" where nothing.

    `is_order`: no parcel of it is known.
    """
    if milestone is None:
        return ""
    tables = (*[_ORDER_TASKS] * is_order, *[_DISPUTED_TASKS] * shop.protects, TASKS)
    return _about(next((known[milestone] for known in tables if milestone in known), ""), shop)


def _about(text: str, shop: ShopWords) -> str:
    return text.format(account=shop.account, ask=shop.ask, of=shop.of, where=shop.where)


def reason(value: Reason) -> str:
    """Return the French words for a reason."""
    return REASONS[value]


def why_unknown(parcel: ParcelView) -> str:
    """Say why the number of a parcel is unknown, "" where nobody told."""
    if not parcel.hint:
        return ""
    said = _HINTS.get(parcel.hint, "Le transporteur signale, par {by} : « {hint} »")
    return typeset(said.format(by=parcel.hint_by, hint=parcel.hint.rstrip(" .")))


FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        function.__name__: function
        for function in (
            circumstances,
            day,
            detail,
            event_moment,
            expected_by,
            expected_days,
            headline,
            held_mail,
            hour,
            hours,
            local_day,
            moment,
            news,
            nothing_read,
            plural,
            printable,
            reason,
            short,
            short_day,
            shorten,
            stage,
            taken_back,
            typeset,
            why_unknown,
        )
    }
)

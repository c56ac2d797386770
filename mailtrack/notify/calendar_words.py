"""What a calendar says of a parcel or an order: its days, in French."""

from collections.abc import Iterator
from datetime import date

from mailtrack.domain.calendar_events import CalendarEntry, CalendarEventKind
from mailtrack.domain.deadlines import DeadlineKind
from mailtrack.notify.deadline_words import deadline_lines
from mailtrack.notify.french import SURE, expected_by, typeset
from mailtrack.notify.view import OrderView, ParcelView


def calendar_entries(shown: ParcelView | OrderView, today: date) -> Iterator[CalendarEntry]:
    """Yield the days of a parcel or an order that lie ahead; one of each kind at most.

    Nothing in them leads to its reader's pages: who runs the calendar sees them, too.
    """
    if isinstance(shown, ParcelView):
        thing, point = shown.name or f"colis {shown.number}", shown.pickup_point
        place = ", ".join(filter(None, (point.name, point.address))) if point else ""
        yield from _delivery(shown, thing)
    else:
        thing, place = f"commande {shown.number}", ""
    for line in deadline_lines(shown, today):
        yield CalendarEntry(
            CalendarEventKind(line.kind),
            line.day,
            line.day,
            typeset(f"{line.label} : {thing}"),
            _lines(line.counted, shown),
            place if line.kind is DeadlineKind.PICKUP else "",
        )


def _delivery(parcel: ParcelView, thing: str) -> Iterator[CalendarEntry]:
    """Yield the days on which a parcel is expected, as its page has them."""
    expected = parcel.expected
    if expected is None:
        return
    how, words = "estimée", f"{SURE} arrivent entre ces jours"
    if expected.named is not None:
        how, words = "prévue", expected_by(expected).removeprefix(", ")
    yield CalendarEntry(
        CalendarEventKind.DELIVERY,
        expected.first,
        expected.last,
        typeset(f"Livraison {how} : {thing}"),
        _lines(words, parcel),
    )


def _lines(words: str, shown: ParcelView | OrderView) -> str:
    """Return the details of an event: a sentence, and what it is about."""
    sentence = f"{words[0].upper()}{words[1:]}."
    if isinstance(shown, OrderView):
        return f"{sentence}\nCommande {shown.number}"
    number = shown.local_number or shown.number
    return f"{sentence}\nColis {', '.join(filter(None, (number, shown.carrier)))}"

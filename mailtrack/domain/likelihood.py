"""Whose a number of digits alone may be, the likeliest first.

Ten to fifteen digits are the form of many carriers, and no form tells them apart. Who brings
more parcels to France is the better guess, and a check digit that is right by chance as often
as the carrier is rare proves nothing. A mail that names a carrier outweighs all of this.
"""

from collections.abc import Mapping
from types import MappingProxyType

from mailtrack.domain.model import Candidate
from mailtrack.domain.number_formats import FORMATS
from mailtrack.domain.numbers import detect, normalise

#: Lengths of digits that several carriers share.
SHARED = range(10, 16)
#: Of a hundred forwarded numbers of such a form, how many may be this carrier's: a rough guess,
#: of which only the order of size matters. A form with a beginning of its own weighs more.
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "cainiao_10": 60,
        "chronopost_10": 60,
        "chronopost_14": 60,
        "dpd_france": 60,
        "laposte_87": 60,
        "yanwen_13": 40,
        "mondial_relay": 30,
        "digits_14": 20,
        "gls": 15,
        "colis_prive": 15,
        "4px_12": 10,
        "dhl_express": 8,
        "fedex_12": 2,
        "fedex_15": 2,
    }
)
#: What a wrong check digit leaves of a guess: a digit may be miscopied.
MISCOPIED = 0.05
_CHANCES = {form.name: form.chance for form in FORMATS}


def likeliest(number: str) -> tuple[Candidate, ...]:
    """Return the carriers that a number may belong to, best first; none if unknown.

    >>> [candidate.carrier for candidate in likeliest("123456789012")]
    ['mondialrelay', 'fedex', 'gls', 'colisprive']
    """
    candidates = detect(number)
    plain = normalise(number)
    if not (plain.isdigit() and len(plain) in SHARED):
        return candidates
    return tuple(sorted(candidates, key=_weight, reverse=True))


def _weight(candidate: Candidate) -> float:
    """Return how likely a guess is beside the others, given what its check digit says."""
    weight = WEIGHTS.get(candidate.format, 1.0)
    if candidate.check_digit == "ok":
        return weight / _CHANCES[candidate.format]
    return weight * MISCOPIED if candidate.check_digit == "failed" else weight

"""What will happen, drawn from a seed before anything starts: feeds and faults as data.

How it comes out depends on nothing in here but the data: the same seed is the same plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random

from mailtrack.sandbox.mails import DemoPerson
from tests.chaos.journeys import KNOWN, WAYS, Way

#: Of so many journeys each, one is such a special case.
_SECOND_FOLLOWER = 10
_DOUBLED = 5
_FORWARDED_AGAIN = 5
_LEAVING = 12
_UNDELIVERABLE = 25
#: Journeys whose first follower has a channel, by their serial; a visitor adds few at a time.
_ELSEWHERE = {5: "webhook", 10: "ntfy", 15: "webhook", 20: "ntfy", 25: "webhook", 30: "ntfy"}


class Letter(StrEnum):
    """A mail that names no parcel; `mails.py` writes it, `expectations.py` knows what is owed."""

    HELP = "help"
    NOISE = "noise"
    NEWSLETTER = "newsletter"
    AUTOMATIC = "automatic"
    TWO_SUBJECTS = "two_subjects"
    NUL = "nul"
    BAD_CHARSET = "bad_charset"
    CUT_OFF = "cut_off"
    TOO_DEEP = "too_deep"


class Leave(StrEnum):
    """How somebody stops following."""

    CLICK = "click"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Journey:
    """A parcel from its first mail to its end; `leaves_after` counts steps."""

    number: str
    local_number: str
    order: str
    way: Way
    form: int
    followers: tuple[DemoPerson, ...]
    at_s: float
    doubled: bool = False
    forwarded_again: bool = False
    leave: Leave | None = None
    leaves_after: int = 0
    #: The first follower has no mailbox: nothing ever reaches them.
    undeliverable: bool = False
    #: How the first follower has the news elsewhere, too: "webhook", "ntfy", or "".
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """A letter that somebody sends."""

    letter: Letter
    person: DemoPerson
    at_s: float


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault; `kind` names a line of `strikes.py`."""

    kind: str
    at_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens, in how many real seconds."""

    journeys: int
    posts: int
    strikes: int
    #: Journeys and letters begin within so many seconds.
    spread_s: float
    #: Between two faults, and how long one lasts that does not pass by itself.
    gap_s: tuple[float, float]
    lasts_s: tuple[float, float]
    slow_s: float
    speed: float
    #: How long one step may take until it counts as lost.
    patience_s: float
    letters: tuple[Letter, ...]
    settings: Mapping[str, str]


_QUICK_LETTERS = tuple(letter for letter in Letter if letter is not Letter.TOO_DEEP)

SHORT = Size(
    journeys=36,
    posts=24,
    strikes=14,
    spread_s=24.0,
    gap_s=(1.5, 3.5),
    lasts_s=(0.5, 3.0),
    slow_s=3.0,
    speed=3_600.0,
    patience_s=75.0,
    letters=_QUICK_LETTERS,
    # What is counted in minutes by default is counted in seconds here.
    settings={
        "JOBS__TICK_S": "0.2",
        "JOBS__LEASE_S": "8",
        "JOBS__HEARTBEAT_S": "4",
        "INBOX__IDLE_S": "8",
    },
)

LONG = Size(
    journeys=300,
    posts=60,
    strikes=66,
    spread_s=480.0,
    gap_s=(3.0, 15.0),
    lasts_s=(1.0, 20.0),
    slow_s=30.0,
    speed=1_200.0,
    patience_s=420.0,
    letters=tuple(Letter),
    settings={},
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be fed in, and when; `probes` are people kept for the faults."""

    seed: int
    size: Size
    journeys: tuple[Journey, ...]
    posts: tuple[Post, ...]
    strikes: tuple[Strike, ...]
    probes: tuple[Journey, ...]

    @property
    def events(self) -> int:
        """Return how many scans the carriers make."""
        ways = [journey.way for journey in (*self.journeys, *self.probes)]
        return sum(len(way.before) + sum(map(len, way.steps)) for way in ways)


def draw(seed: int, size: Size, kinds: Sequence[str], always: Sequence[str] = ()) -> Plan:
    """Draw a plan from all `kinds` of faults, in which those of `always` occur in any case."""
    rng = Random(seed)
    people = _people()
    serials = count(1)
    journeys = tuple(_journey(rng, size, next(serials), people) for _ in range(size.journeys))
    letters = [rng.choice(size.letters) for _ in range(size.posts - len(size.letters))]
    posts = tuple(
        Post(letter, next(people), rng.uniform(0, size.spread_s))
        for letter in (*size.letters, *letters)
    )
    strikes = tuple(_strikes(rng, size, _drawn(rng, size, kinds, always)))
    probes = tuple(_probe(next(serials), next(people)) for _ in strikes)
    return Plan(seed, size, journeys, posts, strikes, probes)


def _people() -> Iterator[DemoPerson]:
    for serial in count(1):
        yield DemoPerson(f"Personne {serial}", f"p{serial:04}@mail.example.org")


def _journey(rng: Random, size: Size, serial: int, people: Iterator[DemoPerson]) -> Journey:
    way = rng.choice(WAYS)
    leaving = rng.randrange(_LEAVING) == 0
    undeliverable = not leaving and rng.randrange(_UNDELIVERABLE) == 0
    owner = next(people)
    shared = not leaving and not undeliverable and rng.randrange(_SECOND_FOLLOWER) == 0
    again = rng.randrange(_FORWARDED_AGAIN) == 0
    return Journey(
        *_numbers(serial, way),
        way=way,
        form=rng.randrange(1_000),
        followers=(owner, next(people)) if shared else (owner,),
        at_s=rng.uniform(0, size.spread_s),
        doubled=rng.randrange(_DOUBLED) == 0,
        # A mailbox that is away may take it only after they left: it would bring them back.
        forwarded_again=again and not leaving,
        leave=rng.choice(list(Leave)) if leaving else None,
        leaves_after=rng.randrange(len(way.steps)),
        undeliverable=undeliverable,
        elsewhere="" if leaving or undeliverable else _ELSEWHERE.get(serial, ""),
    )


def _numbers(serial: int, way: Way) -> tuple[str, str, str]:
    local = f"6A{15_602_000_000 + serial * 7}"
    number = local if way.local else f"LP{827_165_780_000 + serial:014}"
    return number, local, f"{3_054_169_918_000_000 + serial}"


def _probe(serial: int, person: DemoPerson) -> Journey:
    return Journey(*_numbers(serial, KNOWN), way=KNOWN, form=0, followers=(person,), at_s=0.0)


def _drawn(rng: Random, size: Size, kinds: Sequence[str], always: Sequence[str]) -> list[str]:
    """Return the faults in their order: each kind once before any comes again."""
    drawn = [*always, *rng.sample([k for k in kinds if k not in always], len(kinds) - len(always))]
    while len(drawn) < size.strikes:
        drawn += rng.sample(kinds, len(kinds))
    return rng.sample(drawn[: size.strikes], size.strikes)


def _strikes(rng: Random, size: Size, kinds: Sequence[str]) -> Iterator[Strike]:
    at_s = 0.0
    for kind in kinds:
        at_s += rng.uniform(*size.gap_s)
        yield Strike(kind, at_s, rng.uniform(*size.lasts_s))

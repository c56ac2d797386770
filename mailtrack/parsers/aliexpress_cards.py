"""Mails of AliExpress about several parcels: a card for each, with a step of its own.

A card is some lines that end with a link to its parcel: its step is a line of its own among
them, above the article.
"""

from collections.abc import Sequence

from mailtrack.domain.milestones import Milestone
from mailtrack.parsers.aliexpress_numbers import PARCEL_PARAMETERS
from mailtrack.parsers.aliexpress_words import STEPS
from mailtrack.parsers.content import Content
from mailtrack.parsers.shop import parameters_of

#: A line that is a step is no longer (characters).
_MAX_STEP = 60


def read_steps(content: Content, parcels: Sequence[str]) -> dict[str, Milestone]:
    """Return the step of each parcel; nothing where the mail does not say for certain.

    1. A card ends with the last link to its parcel; the links of two cards do not mix.
    2. A text does not tell in which line a link was: as many steps as cards are theirs in turn.
    3. A step behind the last card may belong to the card above it, and so may all others.
    4. A card has one step, or none that we know.
    """
    # 1.
    last: dict[str, int] = {}
    for link in content.links:
        for number in parameters_of(link.url, PARCEL_PARAMETERS).values():
            if number in last and next(reversed(last)) != number:
                return {}
            last[number] = link.line
    if last.keys() != {*parcels}:
        return {}
    # 2.
    if len({*last.values()}) < len(last):
        in_turn = _steps(content.lines)
        return dict(zip(last, in_turn, strict=True)) if len(in_turn) == len(last) else {}
    # 3.
    if _steps(content.lines[max(last.values(), default=0) + 1 :]):
        return {}
    # 4.
    found, begin = {}, 0
    for number, end in last.items():
        steps = _steps(content.lines[begin : end + 1])
        found[number] = steps[0] if len(steps) == 1 else Milestone.UNKNOWN
        begin = end + 1
    return found if {*found.values()} != {Milestone.UNKNOWN} else {}


def _steps(lines: Sequence[str]) -> list[Milestone]:
    """Return the steps that lines are, word for word, each line's one."""
    plain = [line.casefold().replace("’", "'").strip() for line in lines if len(line) < _MAX_STEP]
    told = (
        next((step.milestone for step in STEPS if step.pattern.compiled.fullmatch(line)), None)
        for line in plain
    )
    return [milestone for milestone in told if milestone is not None]

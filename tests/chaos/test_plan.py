"""A plan is data: the same seed is the same plan, and nothing is left to luck that matters."""

from collections import Counter

import pytest

from tests.chaos.plan import LONG, SHORT, Size, draw
from tests.chaos.run import KINDS
from tests.chaos.strikes import Kind

_KINDS = list(KINDS.values())


def _always(kinds: dict[str, Kind]) -> list[str]:
    return [name for name, kind in kinds.items() if kind.always]


def test_a_seed_repeats_its_plan_and_another_one_does_not() -> None:
    kinds = list(KINDS["apart"])

    assert draw(7, SHORT, kinds) == draw(7, SHORT, kinds)
    assert draw(7, SHORT, kinds) != draw(8, SHORT, kinds)


@pytest.mark.parametrize("store", KINDS)
def test_the_short_form_kills_each_process_and_empties_redis(store: str) -> None:
    kinds = dict(KINDS[store])
    drawn = {strike.kind for strike in draw(1, SHORT, list(kinds), _always(kinds)).strikes}

    assert {"kill -9 watch", "kill -9 dispatch", "kill -9 work", "redis is emptied"} < drawn
    assert len(drawn) >= 12


@pytest.mark.parametrize("store", KINDS)
def test_the_long_form_meets_every_fault_more_than_once(store: str) -> None:
    kinds = dict(KINDS[store])
    plan = draw(1, LONG, list(kinds), _always(kinds))
    drawn = Counter(strike.kind for strike in plan.strikes)

    assert kinds.keys() == drawn.keys()
    assert min(drawn.values()) >= 2
    assert drawn.total() >= 60
    assert 300 == len(plan.journeys)
    assert plan.events >= 2_000


@pytest.mark.parametrize("size", [SHORT, LONG])
def test_no_two_parcels_share_a_number(size: Size) -> None:
    plan = draw(1, size, ["a fault", "another"])
    journeys = (*plan.journeys, *plan.probes)

    assert len(journeys) == len({journey.number for journey in journeys})
    assert len(journeys) == len({journey.local_number for journey in journeys})

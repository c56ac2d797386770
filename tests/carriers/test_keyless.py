"""The services behind carriers' own pages against the sandbox: politeness above all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from mailtrack import carriers
from mailtrack.carriers import keyless
from mailtrack.carriers.base import Carrier, WithPostcode
from mailtrack.carriers.pages import PAGES, CarrierPage
from mailtrack.carriers.transport import DEADLINE_S, Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import (
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.sandbox.carriers import CarrierWorld, Failure
from mailtrack.sandbox.carriers.world import POSTCODE
from mailtrack.settings import CarrierSettings, Settings

#: Midnight in Paris: some pages tell days only.
START = datetime(2026, 11, 10, 23, 0, tzinfo=UTC)
LATER = START + timedelta(days=1)


@dataclass(frozen=True)
class Case:
    """One carrier: two of its numbers, a first scan and a last one, with what each means.

    `html`: it answers with a page, so that anything else is a page of another form. `timed`:
    its scans have a clock. `words`: its scans are told in words.
    """

    code: str
    number: str
    other: str
    first: tuple[str, str, Milestone]
    last: tuple[str, str, Milestone]
    html: bool = False
    timed: bool = True
    words: bool = True


CASES = (
    Case(
        "gofo",
        "GFFR26110000000017",
        "CIFR26110000000025",
        ("202", "Votre colis a été pris en charge au centre de tri", Milestone.CARRIER_ACCEPTED),
        ("208", "Le chauffeur est en route pour la livraison", Milestone.OUT_FOR_DELIVERY),
    ),
    Case(
        "sunyou",
        "SYAE000000017",
        "SYAE000000025",
        ("102@InboundScan", "Received by SUNYOU", Milestone.CARRIER_ACCEPTED),
        ("106@PortDeparture", "Departed from port", Milestone.IN_TRANSIT),
    ),
    Case(
        "glsfrance",
        "00912345678",
        "ZX9QK001",
        ("EXP", "", Milestone.LOCAL_TRANSIT),
        ("TRV", "", Milestone.OUT_FOR_DELIVERY),
        words=False,
    ),
    Case(
        "relaiscolis",
        "CC300000000127",
        "VD1234567890",
        ("", "Votre colis a été pris en charge", Milestone.CARRIER_ACCEPTED),
        ("", "Votre colis est disponible dans votre Relais Colis", Milestone.PICKUP_AVAILABLE),
        html=True,
    ),
    Case(
        "ciblex",
        "00000000000017",
        "000000000000000000000025",
        ("", "Colis pris en charge", Milestone.CARRIER_ACCEPTED),
        ("", "Mis en livraison", Milestone.OUT_FOR_DELIVERY),
        html=True,
    ),
    Case(
        "colisprive",
        "Q00000000017",
        "510000000025",
        (
            "",
            "Votre colis a été pris en charge par Colis Privé. Il va être expédié.",
            Milestone.CARRIER_ACCEPTED,
        ),
        (
            "",
            "Votre colis est en cours de distribution par le livreur Colis Privé.",
            Milestone.OUT_FOR_DELIVERY,
        ),
        html=True,
        timed=False,
    ),
    Case(
        "paack",
        "EXEMPLE00017",
        "EXEMPLE00025",
        ("manifested", "", Milestone.SHIPPED),
        ("inDelivery", "", Milestone.OUT_FOR_DELIVERY),
        html=True,
        words=False,
    ),
)
UNWELCOME = (Failure.BAD_KEY, Failure.CHALLENGE, Failure.NEW_PAGE, Failure.MOVED)
HTTP: tuple[tuple[Failure, type[MailtrackError]], ...] = (
    (Failure.QUOTA, QuotaError),
    (Failure.QUOTA_DATE, QuotaError),
    (Failure.OUTAGE, TransientError),
    (Failure.REFUSAL, TransientError),
    (Failure.BAD_REQUEST, PermanentError),
    *((failure, ChallengeError) for failure in UNWELCOME),
)
KEYLESS = {d.code: d for d in carriers.declarations() if d.keyless}


def _ask(carrier: Carrier, number: str) -> Mapping[str, PollResult]:
    """Ask for one number, with the postcode of the sandbox's people where one is wanted."""
    if not isinstance(carrier, WithPostcode):
        return carrier.fetch([number])
    result = carrier.fetch_for(number, [POSTCODE])
    return {number: result} if result else {}


@pytest.fixture(params=CASES, ids=lambda case: case.code)
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    return request.param


@pytest.fixture
def carrier(
    case: Case, sandbox: tuple[CarrierWorld, str], transport: Transport, clock: FakeClock
) -> Carrier:
    world, base = sandbox
    for number in (case.number, case.other):
        world.parcel(number).scans.clear()
        world.scan(number, case.code, *case.first[:2], START, place="LYON")
    world.asked.clear()
    own = {case.code: CarrierSettings(url=f"{base}/{case.code}")}
    settings = Settings(carriers=own, keyless_carriers=True)
    return carriers.enabled(settings, transport, clock)[case.code]


def test_every_carrier_without_a_contract_is_tried_here() -> None:
    assert KEYLESS.keys() == {case.code for case in CASES}


def test_they_are_off_until_the_operator_says_so(case: Case) -> None:
    declared = KEYLESS[case.code]
    one = Settings(carriers={case.code: CarrierSettings(enabled=True)})
    none = Settings(carriers={case.code: CarrierSettings(enabled=False)}, keyless_carriers=True)
    why = carriers.why_off(declared, Settings())

    assert why is not None
    assert "set MAILTRACK_KEYLESS_CARRIERS=true" in why
    assert carriers.why_off(declared, Settings(keyless_carriers=True)) is None
    assert carriers.why_off(declared, one) is None
    assert carriers.why_off(declared, none) is not None


def test_they_are_asked_slowly_and_never_twice_at_once(case: Case) -> None:
    declared = KEYLESS[case.code]

    assert 1 == declared.batch
    assert 1 / declared.budget.per_second > DEADLINE_S
    assert declared.budget.per_day <= 1_000


def test_a_declaration_says_whether_the_postcode_is_wanted(carrier: Carrier) -> None:
    assert isinstance(carrier, WithPostcode) == carrier.declaration.postcode


def test_the_page_for_people_is_the_same_whether_they_are_on_or_off(case: Case) -> None:
    declared = KEYLESS[case.code]
    page = PAGES.get(case.code, CarrierPage(declared.name, declared.page))

    assert CarrierPage(declared.name, declared.page) == page


def test_a_known_number_is_found_with_its_history(carrier: Carrier, case: Case) -> None:
    result = _ask(carrier, case.number)[case.number]
    _, text, milestone = case.first

    assert PollState.FOUND == result.state
    assert [(START, milestone, case.code, text if case.words else "", case.timed)] == [
        (event.at, event.milestone, event.source, event.text, event.at_certain)
        for event in result.events
    ]


def test_a_later_scan_comes_first(carrier: Carrier, case: Case, world: CarrierWorld) -> None:
    world.scan(case.number, case.code, *case.last[:2], LATER)

    newest, oldest = _ask(carrier, case.number)[case.number].events

    assert (LATER, case.last[2]) == (newest.at, newest.milestone)
    assert (START, case.first[2]) == (oldest.at, oldest.milestone)


def test_an_unknown_number_is_said_to_be_unknown(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.UNKNOWN)
    results = _ask(carrier, case.number)

    assert {case.number: PollState.NOT_FOUND} == {n: result.state for n, result in results.items()}


def test_asking_twice_gives_the_same_answer(carrier: Carrier, case: Case) -> None:
    assert _ask(carrier, case.number) == _ask(carrier, case.number)


def test_a_new_scan_leaves_the_fingerprints_of_the_old_ones(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    before = {event.fingerprint for event in _ask(carrier, case.number)[case.number].events}
    world.scan(case.number, case.code, *case.last[:2], LATER)
    after = {event.fingerprint for event in _ask(carrier, case.number)[case.number].events}

    assert before < after


def test_another_numbers_answer_is_not_believed(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.STRANGER)

    assert case.number not in _ask(carrier, case.number)


def test_nothing_of_a_person_is_kept(carrier: Carrier, case: Case, world: CarrierWorld) -> None:
    """The sandbox puts Jeanne Exemple, who never was, wherever a page names people."""
    world.parcel(case.number, pickup_point="Jeanne EXEMPLE, 3 rue Inventée")
    world.scan(case.number, case.code, *case.last[:2], LATER, place="3 RUE EXEMPLE 69001 LYON")

    told = _ask(carrier, case.number)[case.number]

    assert "jeanne" not in repr(told).lower()
    assert "06 39 98" not in repr(told)


@pytest.mark.parametrize(("failure", "error"), HTTP)
def test_a_failure_is_raised_once_and_gone_with_the_next_call(
    carrier: Carrier,
    case: Case,
    world: CarrierWorld,
    failure: Failure,
    error: type[MailtrackError],
) -> None:
    world.fail_next(case.code, failure)

    with pytest.raises(error) as caught:
        _ask(carrier, case.number)

    assert error is type(caught.value)
    assert case.number not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert PollState.FOUND == _ask(carrier, case.number)[case.number].state


@pytest.mark.parametrize("failure", UNWELCOME)
def test_who_is_not_welcome_is_silent_for_hours_and_tries_nothing_else(
    carrier: Carrier, case: Case, world: CarrierWorld, failure: Failure
) -> None:
    world.fail_next(case.code, failure)
    before = world.requests[case.code]

    with pytest.raises(ChallengeError, match="silent for 6 h") as caught:
        _ask(carrier, case.number)

    assert keyless.SILENCE_S == caught.value.retry_after_s
    assert before + 1 == world.requests[case.code]


def test_half_an_answer_is_no_event(carrier: Carrier, case: Case, world: CarrierWorld) -> None:
    world.fail_next(case.code, Failure.GARBAGE)

    with pytest.raises(ChallengeError if case.html else TransientError):
        _ask(carrier, case.number)


def test_a_quota_without_a_time_brings_hours_of_silence(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.QUOTA_BARE)

    with pytest.raises(QuotaError) as caught:
        _ask(carrier, case.number)
    assert keyless.SILENCE_S == caught.value.retry_after_s


def test_a_carrier_that_hangs_is_given_up(case: Case, clock: FakeClock) -> None:
    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing came", request=request)

    impatient = Transport(clock, wire=lambda: httpx.MockTransport(hang))
    carrier = carriers.REGISTRY[case.code](CarrierSettings(), impatient, clock)

    with pytest.raises(TransientError, match="ReadTimeout"):
        _ask(carrier, case.number)


def test_we_say_who_we_are_and_nobody_else(case: Case, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503)

    transport = Transport(
        clock, "https://mailtrack.example", wire=lambda: httpx.MockTransport(handler)
    )
    with pytest.raises(TransientError):
        _ask(carriers.REGISTRY[case.code](CarrierSettings(), transport, clock), case.number)

    (request,) = asked
    assert request.headers["user-agent"].startswith("mailtrack/")
    assert request.headers["user-agent"].endswith("(+https://mailtrack.example)")
    assert not [name for name in request.headers if name.startswith("sec-")]

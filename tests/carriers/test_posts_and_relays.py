"""The posts, relays and consolidators against the sandbox, over real HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mailtrack import carriers
from mailtrack.carriers.base import Carrier
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollState
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.sandbox.carriers import CarrierWorld, Failure
from mailtrack.settings import CarrierSettings, Settings

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
LATER = START + timedelta(days=9, hours=5)


@dataclass(frozen=True)
class Case:
    """One carrier: two of its numbers, a first scan (accepted) and a last one (out or delivered).

    `certain` tells whether its clock can be believed in France.
    """

    code: str
    number: str
    other: str
    first: tuple[str, str]
    last: tuple[str, str]
    milestone: Milestone
    certain: bool = True
    keyless: bool = False

    @property
    def name(self) -> str:
        return f"{self.code}-keyless" if self.keyless else self.code


HTTP = (
    (Failure.QUOTA, QuotaError),
    (Failure.QUOTA_DATE, QuotaError),
    (Failure.OUTAGE, TransientError),
    (Failure.REFUSAL, TransientError),
    (Failure.GARBAGE, TransientError),
    (Failure.BAD_KEY, AuthError),
    (Failure.BAD_REQUEST, PermanentError),
)
#: Who is asked without credentials.
KEYLESS = ("upu", "ems", "chronopost")
CASES = (
    Case(
        "4px",
        "4PX0000000000001CN",
        "4PX0000000000002CN",
        ("FPX_C_SPLS", "4px picked up shipment."),
        ("FPX_D_SD", "Out for delivery"),
        Milestone.OUT_FOR_DELIVERY,
        certain=False,
    ),
    Case(
        "4px",
        "4PX0000000000003CN",
        "4PX0000000000004CN",
        ("FPX_C_SPLS", "4px picked up shipment."),
        ("FPX_S_OK", "Delivered, in/at mailbox"),
        Milestone.DELIVERED,
        certain=False,
        keyless=True,
    ),
    Case(
        "yanwen",
        "UF000000001YP",
        "UF000000002YP",
        ("PU10", "Yanwen Pickup Scan"),
        ("LM40", "Delivered."),
        Milestone.DELIVERED,
        certain=False,
    ),
    Case(
        "mondialrelay",
        "12345678",
        "87654321",
        ("81", "PRISE EN CHARGE"),
        ("81", "DISPONIBLE AU POINT RELAIS"),
        Milestone.PICKUP_AVAILABLE,
    ),
    Case(
        "pocztapolska",
        "RR123456785PL",
        "RR123456799PL",
        ("P_NAD", "Nadanie"),
        ("P_D", "Doręczenie"),
        Milestone.DELIVERED,
    ),
    Case(
        "correos",
        "PQ43B60000000010128036A",
        "PQ43B60000000020128036B",
        ("A010000V", "Admitido"),
        ("H020000V", "En reparto"),
        Milestone.OUT_FOR_DELIVERY,
    ),
    Case(
        "upu",
        "LZ123456785CN",
        "LZ123456799CN",
        ("EMA", "Dépôt/collecte"),
        ("EMI", "Livraison finale"),
        Milestone.DELIVERED,
        certain=False,
    ),
    Case(
        "ems",
        "EB123456785CN",
        "EB123456799CN",
        ("", "Posted"),
        ("", "Delivered"),
        Milestone.DELIVERED,
        certain=False,
    ),
    Case(
        "chronopost",
        "XY123456789FR",
        "XY123456790FR",
        ("DB", "Colis déposé par l'expéditeur"),
        ("D", "Livré"),
        Milestone.DELIVERED,
    ),
)
MANY = [case for case in CASES if carriers.REGISTRY[case.code].declaration.batch > 1]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
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
        world.scan(number, case.code, *case.first, START)
    world.asked.clear()
    own = CarrierSettings(
        url=f"{base}/{case.code}",
        keyless=case.keyless,
        key=SecretStr("" if case.keyless else world.key),
        client_id=SecretStr("" if case.keyless else world.client_id),
        client_secret=SecretStr("" if case.keyless else world.client_secret),
    )
    return carriers.enabled(Settings(carriers={case.code: own}), transport, clock)[case.code]


def test_a_known_number_is_found_with_its_history(carrier: Carrier, case: Case) -> None:
    result = carrier.fetch([case.number])[case.number]

    assert PollState.FOUND == result.state
    assert [(Milestone.CARRIER_ACCEPTED, case.code, case.first[1])] == [
        (event.milestone, event.source, event.text) for event in result.events
    ]


def test_a_scan_in_china_is_dated_right(carrier: Carrier, case: Case) -> None:
    assert [START] == [e.at for e in carrier.fetch([case.number])[case.number].events]


def test_a_scan_in_france_comes_first_and_says_whether_its_clock_is_sure(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.scan(case.number, case.code, *case.last, LATER, offset_h=1)

    newest, oldest = carrier.fetch([case.number])[case.number].events

    assert (case.milestone, case.certain) == (newest.milestone, newest.at_certain)
    assert LATER == newest.at
    assert Milestone.CARRIER_ACCEPTED == oldest.milestone


def test_an_unknown_number_is_said_to_be_unknown(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.UNKNOWN)

    results = carrier.fetch([case.number])

    assert {case.number: PollState.NOT_FOUND} == {n: result.state for n, result in results.items()}


def test_asking_twice_gives_the_same_answer(carrier: Carrier, case: Case) -> None:
    assert carrier.fetch([case.number]) == carrier.fetch([case.number])


def test_a_new_scan_leaves_the_fingerprints_of_the_old_ones(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    before = {event.fingerprint for event in carrier.fetch([case.number])[case.number].events}
    world.scan(case.number, case.code, *case.last, LATER)
    after = {event.fingerprint for event in carrier.fetch([case.number])[case.number].events}

    assert before < after


def test_a_scan_that_is_worded_anew_or_taken_back_is_no_second_one(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    first = carrier.fetch([case.number])[case.number].events
    world.scan(case.number, case.code, *case.last, LATER)
    before = carrier.fetch([case.number])[case.number].events
    world.reword(case.number, case.code, "Autrement dit")
    after = carrier.fetch([case.number])[case.number].events
    assert [e.fingerprint for e in before] == [e.fingerprint for e in after]

    world.withdraw(case.number, case.code)
    assert first == carrier.fetch([case.number])[case.number].events


@pytest.mark.parametrize("case", [c for c in CASES if c.code != "mondialrelay"], indirect=True)
def test_another_numbers_answer_is_not_believed(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.STRANGER)

    assert case.number not in carrier.fetch([case.number])


def test_a_quota_without_a_time_still_brings_silence(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.QUOTA_BARE)

    with pytest.raises(QuotaError) as caught:
        carrier.fetch([case.number])
    assert caught.value.retry_after_s >= 60


@pytest.mark.parametrize("case", MANY, indirect=True, ids=lambda case: case.name)
def test_many_numbers_cost_one_request(carrier: Carrier, case: Case, world: CarrierWorld) -> None:
    results = carrier.fetch([case.number, case.other])

    assert [(case.number, case.other)] == world.asked[case.code]
    assert {case.number, case.other} == set(results)


@pytest.mark.parametrize("case", MANY, indirect=True, ids=lambda case: case.name)
def test_a_number_that_the_answer_leaves_out_is_left_out(
    carrier: Carrier, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(case.code, Failure.MISSING)

    assert [case.number] == list(carrier.fetch([case.number, case.other]))


@pytest.mark.parametrize(("failure", "error"), HTTP)
def test_a_failure_is_raised_once_and_gone_with_the_next_call(
    carrier: Carrier,
    case: Case,
    world: CarrierWorld,
    failure: Failure,
    error: type[MailtrackError],
) -> None:
    world.fail_next(case.code, failure)
    if failure is Failure.BAD_KEY and (case.keyless or case.code in KEYLESS):
        error = ChallengeError  # nobody's credentials were refused

    with pytest.raises(error) as caught:
        carrier.fetch([case.number])

    assert error is type(caught.value)
    assert case.number not in str(caught.value)
    assert PollState.FOUND == carrier.fetch([case.number])[case.number].state


@pytest.mark.parametrize("code", ["4px", "yanwen", "mondialrelay", "pocztapolska", "correos"])
def test_wrong_credentials_are_an_auth_error_without_the_credentials(
    code: str, sandbox: tuple[CarrierWorld, str], transport: Transport, clock: FakeClock
) -> None:
    wrong = SecretStr("wr0ng")
    own = CarrierSettings(
        url=f"{sandbox[1]}/{code}", key=wrong, client_id=wrong, client_secret=wrong
    )
    number = next(case.number for case in CASES if case.code == code)

    with pytest.raises(AuthError) as caught:
        carriers.REGISTRY[code](own, transport, clock).fetch([number])

    assert "wr0ng" not in str(caught.value)


def test_the_robot_check_of_ems_means_hours_of_silence(
    sandbox: tuple[CarrierWorld, str], transport: Transport, clock: FakeClock
) -> None:
    world, base = sandbox
    world.fail_next("ems", Failure.CHALLENGE)

    with pytest.raises(ChallengeError):
        carriers.REGISTRY["ems"](CarrierSettings(url=f"{base}/ems"), transport, clock).fetch(
            ["EB123456785CN"]
        )


@pytest.mark.parametrize(
    ("code", "keyless", "number", "local"),
    [
        ("4px", True, "4PX0000000000009CN", "6A12345678909"),
        ("yanwen", False, "UF000000009YP", "LZ000000002FR"),
        ("correos", False, "PQ43B60000000090128036A", "PQ43B60000000090128036Z"),
        ("chronopost", False, "XY123456799FR", "250123456789012"),
    ],
)
def test_the_local_carriers_number_is_found_at_the_hand_over(
    code: str,
    keyless: bool,
    number: str,
    local: str,
    sandbox: tuple[CarrierWorld, str],
    transport: Transport,
    clock: FakeClock,
) -> None:
    world, base = sandbox
    case = next(case for case in CASES if case.code == code)
    world.scan(number, code, *case.first, START)
    own = CarrierSettings(url=f"{base}/{code}", keyless=keyless, key=SecretStr(world.key))
    carrier = carriers.REGISTRY[code](own, transport, clock)
    assert carrier.fetch([number])[number].local_number is None

    world.parcel(number, local_number=local)

    assert local == carrier.fetch([number])[number].local_number


@pytest.mark.parametrize("code", ["mondialrelay", "chronopost"])
def test_the_pickup_point_is_named(
    code: str, sandbox: tuple[CarrierWorld, str], transport: Transport, clock: FakeClock
) -> None:
    world, base = sandbox
    number = {"mondialrelay": "11223344", "chronopost": "XY123456771FR"}[code]
    world.parcel(number, pickup_point="TABAC  DU PORT")
    world.scan(number, code, "AB" if code == "chronopost" else "81", "Disponible au relais", LATER)
    keys = SecretStr(world.key)
    own = CarrierSettings(url=f"{base}/{code}", key=keys, client_id=SecretStr("BDTEST"))

    point = carriers.REGISTRY[code](own, transport, clock).fetch([number])[number].pickup_point

    assert point is not None
    assert "TABAC DU PORT" == point.name

"""The carriers against the sandbox, over real HTTP: what every carrier owes its callers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mailtrack import carriers
from mailtrack.carriers.base import Carrier
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.carriers.laposte import LaPoste
from mailtrack.carriers.transport import CHALLENGE_S, Transport
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
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld, Failure
from mailtrack.settings import CarrierSettings, Settings

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """Numbers of a carrier, and the code and text of a first scan.

    `lists`: answers many numbers at once.
    """

    known: str
    also_known: str
    unknown: str
    code: str
    text: str
    lists: bool = True


CASES = {
    CAINIAO: Case(
        "LP00123456789012",
        "LP00123456789013",
        "LP00000000000000",
        "PU_PICKUP_SUCCESS",
        "Received by logistics company",
    ),
    LAPOSTE: Case(
        "6A12345678901",
        "6A12345678902",
        "6A00000000000",
        "PC1",
        "Votre colis est pris en charge par La Poste.",
    ),
    "dhl": Case("3318810025", "3318810026", "3318810000", "transit", "Picked up", lists=False),
    "fedex": Case("776094337601", "776094337602", "776094337600", "PU", "Picked up"),
    "ups": Case(
        "1Z12345E0205271688",
        "1Z12345E0205271689",
        "1Z12345E0205271600",
        "38",
        "Picked Up by UPS",
        lists=False,
    ),
    "gls": Case("36301917596", "36301917597", "36301917500", "INTIAL.NORMAL", "Handed over"),
    "17track": Case(
        "RR123456785CN", "RR123456799CN", "RR000000000CN", "InTransit_PickedUp", "Picked up"
    ),
    "aftership": Case(
        "RR123456785CN",
        "RR123456799CN",
        "RR000000000CN",
        "InTransit_002",
        "Picked up",
    ),
}


@pytest.fixture(params=CASES)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(code: str) -> Case:
    return CASES[code]


@pytest.fixture
def carrier(
    code: str,
    case: Case,
    settings: Settings,
    transport: Transport,
    clock: FakeClock,
    world: CarrierWorld,
) -> Carrier:
    for number in (case.known, case.also_known):
        world.parcel(number).scans.clear()
        world.scan(number, code, case.code, case.text, START)
        world.register(code, number)
    world.asked.clear()
    return carriers.enabled(settings, transport, clock)[code]


def test_a_known_number_is_found_with_its_history(carrier: Carrier, code: str, case: Case) -> None:
    result = carrier.fetch([case.known])[case.known]

    assert PollState.FOUND == result.state
    assert [(START, Milestone.CARRIER_ACCEPTED, code, case.code)] == [
        (event.at, event.milestone, event.source, event.code) for event in result.events
    ]


def test_an_unknown_number_is_said_to_be_unknown(carrier: Carrier, case: Case) -> None:
    results = carrier.fetch([case.unknown])

    assert {case.unknown: PollState.NOT_FOUND} == {n: result.state for n, result in results.items()}


def test_many_numbers_cost_one_request_where_a_carrier_lists(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    numbers = [case.known, case.unknown, case.also_known]

    results = carrier.fetch(numbers)

    assert ([tuple(numbers)] if case.lists else [(n,) for n in numbers]) == world.asked[code]
    assert [PollState.FOUND, PollState.NOT_FOUND, PollState.FOUND] == [
        results[number].state for number in numbers
    ]


def test_asking_twice_gives_the_same_answer(carrier: Carrier, case: Case) -> None:
    assert carrier.fetch([case.known]) == carrier.fetch([case.known])


def test_a_new_scan_leaves_the_fingerprints_of_the_old_ones(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    before = {event.fingerprint for event in carrier.fetch([case.known])[case.known].events}
    world.scan(case.known, code, "ET1", "En transit", START + timedelta(hours=9))
    after = {event.fingerprint for event in carrier.fetch([case.known])[case.known].events}

    assert before < after


def test_a_scan_that_is_worded_anew_or_taken_back_is_no_second_one(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    first = carrier.fetch([case.known])[case.known].events
    world.scan(case.known, code, case.code, "En transit", START + timedelta(hours=9))
    before = carrier.fetch([case.known])[case.known].events
    world.reword(case.known, code, "Autrement dit")
    after = carrier.fetch([case.known])[case.known].events
    assert [e.fingerprint for e in before] == [e.fingerprint for e in after]

    world.withdraw(case.known, code)
    assert first == carrier.fetch([case.known])[case.known].events


def test_a_number_that_the_answer_leaves_out_is_left_out(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(code, Failure.MISSING)

    numbers = [case.known, case.also_known] if case.lists else [case.known]
    left = dict(carrier.fetch(numbers))
    found = [number for number, result in left.items() if result.state is PollState.FOUND]

    assert numbers[:-1] == found
    assert numbers[-1] not in left


def test_another_numbers_answer_is_not_believed(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(code, Failure.STRANGER)

    believed = [number for number, result in carrier.fetch([case.known]).items() if result.events]

    assert [] == believed


def test_nothing_of_a_person_is_kept(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    """The sandbox puts Jeanne Exemple, who never was, wherever a carrier names people."""
    world.scan(case.known, code, "delivered", "Delivered", START + timedelta(days=1))
    world.scan(case.known, code, "11", "Signed for by: Jeanne EXEMPLE", START + timedelta(days=2))

    assert "exemple" not in repr(carrier.fetch([case.known])).lower()


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure.QUOTA, QuotaError),
        (Failure.QUOTA_DATE, QuotaError),
        (Failure.OUTAGE, TransientError),
        (Failure.REFUSAL, TransientError),
        (Failure.GARBAGE, TransientError),
        (Failure.BAD_KEY, AuthError),
        (Failure.BAD_REQUEST, PermanentError),
    ],
)
def test_a_failure_is_raised_once_and_gone_with_the_next_call(
    carrier: Carrier,
    code: str,
    case: Case,
    world: CarrierWorld,
    failure: Failure,
    error: type[MailtrackError],
) -> None:
    world.fail_next(code, failure)
    if failure is Failure.BAD_KEY and not carrier.declaration.credentials:
        error = ChallengeError  # nobody's credentials were refused

    with pytest.raises(error) as caught:
        carrier.fetch([case.known])

    assert error is type(caught.value)
    assert case.known not in str(caught.value)
    assert PollState.FOUND == carrier.fetch([case.known])[case.known].state


@pytest.mark.parametrize("failure", [Failure.QUOTA, Failure.QUOTA_DATE])
def test_a_quota_says_how_long_to_wait(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld, failure: Failure
) -> None:
    world.fail_next(code, failure)

    with pytest.raises(QuotaError) as caught:
        carrier.fetch([case.known])

    assert world.retry_after_s == pytest.approx(caught.value.retry_after_s, abs=2)


def test_a_quota_without_a_time_still_brings_silence(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(code, Failure.QUOTA_BARE)

    with pytest.raises(QuotaError) as caught:
        carrier.fetch([case.known])
    assert caught.value.retry_after_s >= 60


@pytest.mark.parametrize("code", ["dhl", "fedex"])
def test_a_daily_quota_ends_at_midnight_in_greenwich(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld, clock: FakeClock
) -> None:
    world.fail_next(code, Failure.QUOTA_BARE)

    with pytest.raises(QuotaError) as caught:
        carrier.fetch([case.known])
    free_again = clock.now() + timedelta(seconds=caught.value.retry_after_s)
    assert (0, 0) == (free_again.hour, free_again.minute)


@pytest.mark.parametrize("code", ["fedex", "ups", "gls"])
def test_a_token_that_a_carrier_ends_early_is_renewed_once(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    carrier.fetch([case.known])
    given = world.tokens_given[code]
    world.revoke_tokens()

    assert PollState.FOUND == carrier.fetch([case.known])[case.known].state
    assert given + 1 == world.tokens_given[code]


@pytest.mark.parametrize("code", ["fedex", "ups", "gls"])
def test_a_secret_that_is_refused_is_an_auth_error_and_stays_secret(
    code: str, case: Case, settings: Settings, transport: Transport, clock: FakeClock
) -> None:
    wrong = settings.carriers[code].model_copy(update={"client_secret": SecretStr("wrong-one")})
    carrier = carriers.REGISTRY[code](wrong, transport, clock)

    with pytest.raises(AuthError, match="no token") as caught:
        carrier.fetch([case.known])

    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize("code", [CAINIAO])
def test_cainiaos_robot_check_in_a_200_means_hours_of_silence(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(code, Failure.CHALLENGE)

    with pytest.raises(ChallengeError) as caught:
        carrier.fetch([case.known])

    assert CHALLENGE_S == caught.value.retry_after_s


@pytest.mark.parametrize("code", [LAPOSTE])
def test_la_poste_may_answer_with_a_bare_object(
    carrier: Carrier, code: str, case: Case, world: CarrierWorld
) -> None:
    world.fail_next(code, Failure.BARE)

    assert PollState.FOUND == carrier.fetch([case.known])[case.known].state


def test_la_poste_refuses_another_key(
    settings: Settings, transport: Transport, clock: FakeClock
) -> None:
    wrong = CarrierSettings(url=settings.carriers[LAPOSTE].url, key=SecretStr("wrong"))

    with pytest.raises(AuthError, match="credentials") as caught:
        LaPoste(wrong, transport, clock).fetch(["6A12345678901"])

    assert "wrong" not in str(caught.value)


def test_la_poste_rejects_what_is_no_number_of_its_own(
    settings: Settings, transport: Transport, clock: FakeClock
) -> None:
    laposte = carriers.enabled(settings, transport, clock)[LAPOSTE]

    assert PollState.REJECTED == laposte.fetch(["AB1"])["AB1"].state


def test_one_client_serves_all_threads_of_a_process(
    settings: Settings, transport: Transport, clock: FakeClock
) -> None:
    cainiao = carriers.enabled(settings, transport, clock)[CAINIAO]
    numbers = [f"LP{n:014}" for n in range(40)]

    with ThreadPoolExecutor(max_workers=8) as threads:
        results = list(threads.map(lambda number: cainiao.fetch([number]), numbers))

    assert numbers == [number for result in results for number in result]
    assert 0 == transport.rebuilt


def test_a_carrier_that_hangs_is_given_up(
    settings: Settings, clock: FakeClock, world: CarrierWorld
) -> None:
    impatient = Transport(clock, read_s=0.05)
    world.fail_next(CAINIAO, Failure.HANG)

    with pytest.raises(TransientError, match="ReadTimeout"):
        carriers.enabled(settings, impatient, clock)[CAINIAO].fetch(["LP00123456789012"])

    world.release()
    impatient.close()


def test_a_parcel_is_followed_from_cainiao_to_la_poste(
    settings: Settings, transport: Transport, clock: FakeClock, world: CarrierWorld
) -> None:
    on = carriers.enabled(settings, transport, clock)
    number, local = "LP00777777777777", "6A77777777777"
    world.parcel(number, estimate=START + timedelta(days=9))
    world.scan(number, CAINIAO, "PU_PICKUP_SUCCESS", "Accepted by carrier", START)
    assert on[CAINIAO].fetch([number])[number].local_number is None

    world.parcel(number, local_number=local)
    world.parcel(local, pickup_point="TABAC DU PORT")
    assert local == on[CAINIAO].fetch([number])[number].local_number
    assert PollState.NOT_FOUND == on[LAPOSTE].fetch([local])[local].state

    ready = "Votre colis est disponible dans votre point de retrait jusqu'au 28/02/2026."
    world.scan(local, LAPOSTE, "AG1", ready, START + timedelta(days=7))
    result = on[LAPOSTE].fetch([local])[local]

    assert Milestone.PICKUP_AVAILABLE == result.events[0].milestone
    assert result.pickup_point is not None
    assert "TABAC DU PORT" == result.pickup_point.name


def test_the_fake_keeps_the_contract_of_the_real_ones() -> None:
    fake: Carrier = FakeCarrier()

    assert PollState.NOT_FOUND == fake.fetch(["LP00123456789012"])["LP00123456789012"].state

"""Which carriers there are, and which of them can be asked."""

import pytest
from pydantic import SecretStr

from mailtrack import carriers
from mailtrack.carriers.base import Declaration
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.settings import CarrierSettings, Settings

LAPOSTE = next(d for d in carriers.declarations() if d.code == "laposte")


def _settings(**given: CarrierSettings) -> Settings:
    return Settings(carriers=given)


def test_codes_and_aliases_name_one_carrier_each() -> None:
    names = [name for d in carriers.declarations() for name in (d.code, *d.aliases)]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("declaration", carriers.declarations(), ids=lambda d: d.code)
def test_a_declaration_is_complete(declaration: Declaration) -> None:
    assert declaration.url.startswith("https://")
    assert "{number}" in declaration.page or declaration.keyless
    assert declaration.batch >= 1
    assert set(declaration.credentials) <= CarrierSettings.model_fields.keys()


def test_no_request_holds_more_numbers_than_its_carrier_documents() -> None:
    documented = {"laposte": 10, "17track": 40, "fedex": 30, "yanwen": 30, "gls": 10}
    one = {"dhl", "ups", "chronopost", "mondialrelay", "correos", "upu", "ems", "4px"}
    batches = {d.code: d.batch for d in carriers.declarations()}

    assert documented == {code: batches[code] for code in documented}
    assert {1} == {batches[code] for code in one}


@pytest.mark.parametrize(
    ("name", "code"),
    [("colissimo", "laposte"), (" LaPoste ", "laposte"), ("cainiao", "cainiao"), ("pigeon", None)],
)
def test_an_alias_means_its_carrier(name: str, code: str | None) -> None:
    assert code == carriers.resolve(name)


def test_a_carrier_without_its_key_says_which_variable_to_set() -> None:
    why = carriers.why_off(LAPOSTE, _settings())

    assert "no key: set MAILTRACK_CARRIERS__LAPOSTE__KEY" == why


def test_a_carrier_can_be_switched_off() -> None:
    settings = _settings(laposte=CarrierSettings(enabled=False, key=SecretStr("k")))

    assert "switched off: MAILTRACK_CARRIERS__LAPOSTE__ENABLED=false" == carriers.why_off(
        LAPOSTE, settings
    )


def test_a_contract_that_grants_more_requests_a_day_counts() -> None:
    usual = carriers.granted(LAPOSTE, _settings())
    more = carriers.granted(LAPOSTE, _settings(laposte=CarrierSettings(per_day=5)))

    assert LAPOSTE == usual
    assert (LAPOSTE.budget.per_second, 5) == (more.budget.per_second, more.budget.per_day)


def test_a_key_under_an_alias_counts() -> None:
    settings = _settings(colissimo=CarrierSettings(key=SecretStr("k")))

    assert carriers.why_off(LAPOSTE, settings) is None


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("dhl", "DHL__KEY"),
        ("fedex", "FEDEX__CLIENT_ID"),
        ("ups", "UPS__CLIENT_ID"),
        ("gls", "GLS__CLIENT_ID"),
        ("17track", "17TRACK__KEY"),
        ("aftership", "AFTERSHIP__KEY"),
    ],
)
def test_a_carrier_without_credentials_is_off_and_names_the_setting(
    code: str, setting: str
) -> None:
    why = carriers.why_off(carriers.REGISTRY[code].declaration, _settings())

    assert why is not None
    assert why.endswith(f"set MAILTRACK_CARRIERS__{setting}")


def test_a_client_without_its_secret_is_off() -> None:
    half = _settings(ups=CarrierSettings(client_id=SecretStr("me")))
    why = carriers.why_off(carriers.REGISTRY["ups"].declaration, half)

    assert "no client_secret: set MAILTRACK_CARRIERS__UPS__CLIENT_SECRET" == why


def test_only_the_carriers_that_are_on_can_be_asked(clock: FakeClock) -> None:
    on = carriers.enabled(_settings(), Transport(clock), clock)
    off = {d.code for d in carriers.declarations() if carriers.why_off(d, _settings())}

    assert "Cainiao" == on["cainiao"].declaration.name
    assert {"laposte", "dhl", "fedex", "ups", "gls", "17track", "aftership"} <= off
    assert off == carriers.REGISTRY.keys() - on.keys()

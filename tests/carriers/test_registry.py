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
    assert "{number}" in declaration.page
    assert declaration.batch >= 1
    assert set(declaration.credentials) <= CarrierSettings.model_fields.keys()


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


def test_a_key_under_an_alias_counts() -> None:
    settings = _settings(colissimo=CarrierSettings(key=SecretStr("k")))

    assert carriers.why_off(LAPOSTE, settings) is None


def test_only_the_carriers_that_are_on_can_be_asked(clock: FakeClock) -> None:
    on = carriers.enabled(_settings(), Transport(clock), clock)

    assert ["cainiao"] == list(on)
    assert "Cainiao" == on["cainiao"].declaration.name

"""The carriers that mailtrack knows: every file beside this one that declares one."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from mailtrack.carriers.base import Carrier, Declaration
from mailtrack.carriers.transport import Transport
from mailtrack.clock import Clock
from mailtrack.errors import ConfigurationError, did_you_mean
from mailtrack.settings import PREFIX, CarrierSettings, Settings


class CarrierType(Protocol):
    """How every carrier is made."""

    @property
    def declaration(self) -> Declaration: ...

    def __call__(
        self, settings: CarrierSettings, transport: Transport, clock: Clock, /
    ) -> Carrier: ...


_MODULES = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
#: The class of every module here that has a DECLARATION, in the order of the modules' names.
REGISTRY: Mapping[str, CarrierType] = {
    module.DECLARATION.code: next(
        kind
        for kind in vars(module).values()
        if getattr(kind, "declaration", None) is module.DECLARATION
    )
    for module in sorted(_MODULES, key=lambda module: module.__name__)
    if hasattr(module, "DECLARATION")
}


def declarations() -> tuple[Declaration, ...]:
    """Return what is known of every carrier, in the order of the registry."""
    return tuple(carrier.declaration for carrier in REGISTRY.values())


def resolve(name: str) -> str | None:
    """Return the code of the carrier that a code or an alias means (colissimo: laposte)."""
    wanted = name.strip().lower()
    for declaration in declarations():
        if wanted in (declaration.code, *declaration.aliases):
            return declaration.code
    return None


def named(name: str) -> str:
    """Return the same; raises ConfigurationError where no carrier is called so."""
    code = resolve(name)
    if code is None:
        raise ConfigurationError(
            f"No carrier is called {name}; see `mailtrack carriers`"
            f"{did_you_mean(name.lower(), _names()) or '.'}"
        )
    return code


def require_known(settings: Settings) -> None:
    """Raise ConfigurationError where a setting is of a carrier that there is not."""
    for name in settings.carriers:
        if resolve(name) is None:
            near = did_you_mean(name.upper(), map(str.upper, _names()))
            raise ConfigurationError(
                f"{PREFIX}CARRIERS__{name.upper()} is no carrier's"
                f"{near or '; docs/coverage.md lists them all.'}"
            )


def _names() -> list[str]:
    return [name for known in declarations() for name in (known.code, *known.aliases)]


def settings_of(declaration: Declaration, settings: Settings) -> CarrierSettings:
    """Return a carrier's settings, given under its own code or one of its aliases."""
    names = (declaration.code, *declaration.aliases)
    given = (settings.carriers[name] for name in names if name in settings.carriers)
    return next(given, CarrierSettings())


def granted(declaration: Declaration, settings: Settings) -> Declaration:
    """Return a declaration with the requests a day that the operator's contract grants."""
    per_day = settings_of(declaration, settings).per_day
    if per_day is None:
        return declaration
    return replace(declaration, budget=replace(declaration.budget, per_day=per_day))


def why_off(declaration: Declaration, settings: Settings) -> str | None:
    """Return why a carrier is not asked, and what to set; None where it is."""
    own = settings_of(declaration, settings)
    variable = f"{PREFIX}CARRIERS__{declaration.code.upper()}__"
    if own.enabled is False:
        return f"switched off: {variable}ENABLED=false"
    wanted = own.enabled or own.url
    if declaration.keyless and not (wanted or settings.keyless_carriers):
        return f"off by default: set {PREFIX}KEYLESS_CARRIERS=true or {variable}ENABLED=true"
    if declaration.off_by_default and not wanted:
        return f"off by default: set {variable}ENABLED=true"
    for name in () if own.keyless and declaration.keyless_url else declaration.credentials:
        if not getattr(own, name).get_secret_value():
            return f"no {name}: set {variable}{name.upper()}"
    return None


def enabled(settings: Settings, transport: Transport, clock: Clock) -> dict[str, Carrier]:
    """Return the carriers that can be asked, by code."""
    return {
        code: make(settings_of(make.declaration, settings), transport, clock)
        for code, make in REGISTRY.items()
        if why_off(make.declaration, settings) is None
    }

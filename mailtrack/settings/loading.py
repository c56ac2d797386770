"""Reading the settings, and one clear line for the first mistake in them."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from dotenv import dotenv_values
from pydantic import (
    ValidationError,
)
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from mailtrack.environment import ENV_FILE, PREFIX
from mailtrack.errors import ConfigurationError, did_you_mean
from mailtrack.settings.everything import Settings
from mailtrack.settings.section import Section
from mailtrack.settings.work import CarrierSettings

#: What only the tests read, and what `mailtrack up` tells its children.
_NOT_OURS = frozenset({"samples", "supervisor", "env_file"})


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; raise ConfigurationError with one line for the first mistake."""
    file = os.environ.get(ENV_FILE) or ".env"
    # A variable whose name means nothing is a slip of the pen, and what it was to set is not set.
    for name in sorted({*os.environ, *dotenv_values(file, interpolate=False)}):
        section = name.removeprefix(PREFIX).lower().partition("__")[0]
        if name.startswith(PREFIX) and section not in {*Settings.model_fields, *_NOT_OURS}:
            raise _no_setting(name)
    try:
        return Settings(**{"_env_file": file, **overrides})
    except ValidationError as error:
        raise _mistake(error.errors()[0]) from error
    except SettingsError as error:  # pydantic-settings: a group or a list that is no JSON
        named = re.search(r'field "(\w+)"', str(error))
        name = PREFIX + named[1].upper() if named else "A setting"
        raise ConfigurationError(f"{name}: is no JSON; docs/operate.md shows it.") from error


def _mistake(first: ErrorDetails) -> ConfigurationError:
    """Return the one line about a value that cannot be; it never shows the value."""
    place = [part.upper() for part in first["loc"] if isinstance(part, str)]
    what = first["msg"].removeprefix("Value error, ")
    if file := re.match(r"([A-Z_]+_FILE): (.+)", what):
        place, what = [*place, file[1]], file[2]
    name = PREFIX + "__".join(place)
    if first["type"] == "extra_forbidden":
        return _no_setting(name)
    return ConfigurationError(f"{name}: {what}.")


def _no_setting(name: str) -> ConfigurationError:
    of_file = "_FILE" if name.endswith("_FILE") else ""
    known = variables(re.findall(r"CARRIERS__(.+?)__", name))
    near = did_you_mean(name, (one + of_file for one in known))
    return ConfigurationError(f"{name} is no setting{near or '; docs/operate.md lists them all.'}")


def variables(carriers: Iterable[str] = ("<CODE>",)) -> Iterator[str]:
    """Yield the names of all settings, those of a carrier for each of some codes."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if name == "carriers":
            for code in carriers:
                yield from _within(CarrierSettings, f"{PREFIX}CARRIERS__{code}__")
        elif isinstance(kind, type) and issubclass(kind, Section):
            yield from _within(kind, f"{PREFIX}{name.upper()}__")
        elif not name.endswith("_url_file"):
            yield PREFIX + name.upper()


def _within(section: type[Section], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _within(kind, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper()

"""The examples in the docstrings of the domain."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

from mailtrack import domain

MODULES = [module.name for module in iter_modules(domain.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_an_example_shows_what_the_code_does(name: str) -> None:
    module = import_module(f"mailtrack.domain.{name}")

    assert 0 == doctest.testmod(module).failed

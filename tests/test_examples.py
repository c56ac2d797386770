"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import mailtrack

PACKAGE = Path(mailtrack.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(("mailtrack", *file.relative_to(PACKAGE).with_suffix("").parts))
    for file in PACKAGE.rglob("*.py")
    if ">>> " in file.read_text("utf-8")
)


def test_public_functions_that_are_hard_to_picture_have_examples() -> None:
    assert WITH_EXAMPLES


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_what_an_example_shows_is_what_comes_out(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)

    assert results.attempted
    assert not results.failed

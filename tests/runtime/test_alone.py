"""Two `mailtrack up` never share a data folder."""

import os
from pathlib import Path

import pytest

from mailtrack.errors import ConfigurationError
from mailtrack.runtime.alone import alone


def test_a_second_one_is_told_who_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    with (
        alone(folder),
        pytest.raises(ConfigurationError, match=f"at work in .*process {os.getpid()}"),
        alone(folder),
    ):
        raise AssertionError


def test_the_folder_is_free_once_the_first_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path):
            assert str(os.getpid()) == (tmp_path / "up.lock").read_text()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(ConfigurationError, match="Cannot use the data folder"),
        alone(tmp_path / "file" / "data"),
    ):
        raise AssertionError

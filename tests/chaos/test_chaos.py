"""The short form of `make chaos`, for those who run it with the other tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 600.0


@pytest.mark.parametrize("store", ["apart", "together"])
def test_whatever_breaks_every_mail_gets_its_outcome_and_every_notice_arrives_once(
    store: str,
) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--store", store]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    assert 0 == run.returncode, run.stdout + run.stderr
    assert "lost 0\ndoubled 0\n" in run.stdout

"""The units of `deploy/` are what systemd takes."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd-analyze is missing: install Debian's package systemd"
    units = []
    for unit in sorted(DEPLOY.glob("mailtrack*")):
        units.append(tmp_path / unit.name)
        installed = unit.read_text().replace("/opt/mailtrack/bin/mailtrack", "/bin/true")
        units[-1].write_text(installed)

    said = subprocess.run(
        [analyze, "verify", *units], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert 3 == len(units)
    assert (0, "") == (said.returncode, said.stderr)

"""`make audit`: what is known against the pinned versions, or that nobody could be asked.

pip-audit asks PyPI, and OSV where that does not answer for every package. It calls the
run a success if it skipped all of them, so what it skipped is counted here. There is no
list to fall back to without a network: of the packages on PyPI, only safety-db carries
one, which is of 2021 and not for commercial use (CC BY-NC-SA).

Exit code 0: nothing is known; 1: something is; 3: it could not be asked.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path("requirements.lock")
#: Its own environment: it brings many libraries.
PIP_AUDIT = Path(".venv/audit/bin/pip-audit")
CLEAN, KNOWN, NOT_ASKED = 0, 1, 3
#: Who is asked, one after the other, and how pip-audit calls them.
SERVICES = {"PyPI": "pypi", "OSV": "osv"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one service said: `known` vulnerabilities, one line each; `skipped`, of `asked`."""

    known: Sequence[str]
    skipped: Sequence[str]
    asked: int


def main() -> int:
    """Ask until somebody answers for every package; print the verdict, return the exit code."""
    for name, service in SERVICES.items():
        answer = ask(service)
        if answer is None or (answer.skipped and not answer.known):
            continue
        print("\n".join(answer.known) or f"{name} knows nothing against {answer.asked} packages.")
        return KNOWN if answer.known else CLEAN
    why = f"neither {' nor '.join(SERVICES)} could be asked about every package of {LOCK}"
    if not PIP_AUDIT.exists():
        why = "pip-audit could not be installed"
    print(
        f"audit: {why}: nothing is known, and nothing is promised. Try again with a network.",
        file=sys.stderr,
    )
    return NOT_ASKED


def ask(service: str) -> Answer | None:
    """Ask one service about every pinned package; None where it gives no answer at all."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [str(PIP_AUDIT), "--requirement", str(LOCK), "--disable-pip", "--require-hashes"]
        command += ["--vulnerability-service", service, "--format", "json", "--output", str(report)]
        try:
            subprocess.run(command, check=False, capture_output=True)
            return read(json.loads(report.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None


def read(report: Mapping[str, Any]) -> Answer:
    """Return what a report of pip-audit says."""
    packages = report["dependencies"]
    known = [
        f"{package['name']} {package['version']}: {one['id']} "
        f"(mended in {', '.join(one['fix_versions']) or 'no version yet'})"
        for package in packages
        for one in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    return Answer(known, skipped, len(packages))


if __name__ == "__main__":
    sys.exit(main())

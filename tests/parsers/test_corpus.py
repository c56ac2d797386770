"""Every mail in `tests/corpus` reads as the JSON beside it says; see its README."""

import json
from pathlib import Path
from typing import Any

import pytest

from mailtrack.parsers.as_json import read_as_json

CORPUS = Path(__file__).parents[1] / "corpus"
CASES = sorted(CORPUS.glob("*/*.eml"))


@pytest.mark.parametrize("mail", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_mail_reads_as_its_pair_says(mail: Path) -> None:
    expected = json.loads(mail.with_suffix(".json").read_text(encoding="utf-8"))

    found = read_as_json(mail.read_bytes(), mail.name)

    assert expected == _shared(found, expected)


def test_every_expectation_has_its_mail() -> None:
    orphans = [p for p in CORPUS.glob("*/*.json") if not p.with_suffix(".eml").exists()]

    assert [] == orphans
    assert CASES


def _shared(found: Any, expected: Any) -> Any:
    """Return what was found, without the keys that the case does not speak of."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: _shared(found.get(key), value) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [_shared(f, e) for f, e in zip(found, expected, strict=True)]
    return found

"""What each carrier tells, and what it takes: `docs/coverage.md`.

`python -m benchmarks.coverage` writes the page, from the declarations, the number formats, and
from what each client hands over; nothing in it is written by hand. A test compares.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from inspect import getsource
from pathlib import Path

from mailtrack.carriers import REGISTRY
from mailtrack.carriers.base import Declaration
from mailtrack.carriers.pages import PAGES
from mailtrack.domain.choosing import FALLBACKS
from mailtrack.domain.number_formats import FORMATS, S10, S10_POSTS, Format
from mailtrack.sandbox.carriers import ROUTES
from mailtrack.web.hooks import HOOKS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "coverage.md"
#: What a client that knows it hands over under one of these names, by the title of its column.
GIFTS = {
    "local number": {"local_number", "local_numbers"},
    "pick-up point": {"pickup_point"},
    "last day there": {"last_day"},
    "expected day": {"estimated_delivery"},
}
#: A form that is more ambiguous says too little of whom to ask instead.
TELLING = 3

_HEAD = """# What each carrier tells, and what it takes

Written by `make coverage` from the declarations and the clients; a test fails where it is not.
“Tried by” says what stands in for a carrier in the tests: the sandbox speaks its form over HTTP,
recorded answers hold its traps. No test asks a live service.
A number that several carriers share goes to whom the mail names (sender, link, label), then to
those that its form speaks for, one after the other.

## Carriers that can be asked
"""
_BETWEEN = """
Scans, with what they mean, come from all of them. A day behind “at most” begins at midnight UTC;
`MAILTRACK_CARRIERS__<CODE>__PER_DAY` changes it.

## Carriers that cannot be asked

They have no interface for anybody but their own customers, or guard it against programs. Where
{fallbacks} is on, it answers for all of them; else, people are shown the carrier's page.
"""


def write() -> str:
    """Return the page."""
    modules = {code: sys.modules[kind.__module__] for code, kind in REGISTRY.items()}
    rows = [
        _row(REGISTRY[code].declaration, getsource(module), module.__name__.rpartition(".")[2])
        for code, module in modules.items()
    ]
    columns = ("carrier", "code", "needs", *GIFTS, "push", "tried by", "at most", "where it is off")
    fallbacks = " or ".join(map(_name, FALLBACKS))
    return "\n".join(
        [_HEAD, *_table(columns, rows), _BETWEEN.format(fallbacks=fallbacks), *_unasked()]
    )


def _row(declaration: Declaration, source: str, module: str) -> tuple[str, ...]:
    """Return what is known of one carrier, by the columns of the page."""
    code, budget = declaration.code, declaration.budget
    told = _names(source)
    gifts = ("yes" if names & told else "" for names in GIFTS.values())
    has_recorded = (ROOT / "tests" / "carriers" / f"test_{module}.py").exists()
    tried = ["sandbox"] * (code in ROUTES) + ["recorded answers"] * has_recorded
    batch = f"{declaration.batch} numbers" if declaration.batch > 1 else "1 number"
    most = f"{batch} a request, {_pace(budget.per_second)}, {budget.per_day} a day"
    instead = [_name(other) for other in _others(code) if other in REGISTRY]
    return (
        declaration.name,
        f"`{code}`",
        _needs(declaration, told),
        *gifts,
        "yes" if code in HOOKS else "",
        ", ".join(tried) or "nothing yet",
        most,
        ", ".join(instead),
    )


def _pace(per_second: float) -> str:
    slow = per_second < 1 / 10
    return f"one in {1 / per_second:.0f} s" if slow else f"{per_second:g} requests a second"


def _needs(declaration: Declaration, told: set[str]) -> str:
    needs = [str(declaration.access)]
    if declaration.keyless_url:
        needs.append("or nothing (`KEYLESS`, undocumented)")
    if declaration.off_by_default:
        needs.append("off until `ENABLED`")
    if declaration.keyless:
        needs.append("off until `KEYLESS_CARRIERS`")
    if declaration.postcode:
        needs.append("the addressee's postcode, which people tell on a page")
    elif "postcode" in told:
        needs.append("the postcode for some numbers (`POSTCODE`)")
    return ", ".join(needs)


def _names(source: str) -> set[str]:
    """Return the names of arguments, variables and settings in a program."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg=str(name)) | ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
    return found


def _others(code: str) -> Iterator[str]:
    """Yield who else may know the numbers of a carrier, by the forms that they share."""
    shared = (form for form in _forms() if code in form.carriers and form.ambiguity <= TELLING)
    yield from dict.fromkeys(other for form in shared for other in form.carriers if other != code)


def _forms() -> Iterable[Format]:
    return (*FORMATS, S10)


def _unasked() -> Iterator[str]:
    """Yield the lines about the carriers without a client: those with a page, then the others."""
    posts = set(S10_POSTS.values())
    listed = dict.fromkeys([*(c for form in FORMATS for c in form.carriers), *sorted(posts)])
    codes = [code for code in dict.fromkeys([*PAGES, *listed]) if code not in REGISTRY]
    rows = []
    for code in codes:
        if code in PAGES:
            others = dict.fromkeys([*_others(code), *(S10.carriers if code in posts else ())])
            known = ", ".join(_name(other) for other in others if other in REGISTRY)
            rows.append((PAGES[code].name, f"`{code}`", PAGES[code].address, known))
    yield from _table(("carrier", "code", "page for people", "who may know its numbers"), rows)
    rest = ", ".join(f"`{code}`" for code in codes if code not in PAGES)
    yield f"\nTheir numbers are known by their form, and no page of theirs is: {rest}.\n"


def _name(code: str) -> str:
    return REGISTRY[code].declaration.name


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(row)} |".replace("  |", " |")


if __name__ == "__main__":
    PAGE.write_text(write(), encoding="utf-8")

"""Imports point inward: what each room of the package may know of the others."""

import ast
from pathlib import Path

import mailtrack

PACKAGE = Path(mailtrack.__file__).parent

#: The rooms that something is forbidden to, and all of ours that each may import.
#: `settings` and `clock` are values that the wiring passes in; rooms need their types.
INNER = {
    "domain": set(),
    "errors": set(),
    "clock": set(),
    "settings": {"clock", "errors"},
    "parsers": {"domain", "errors"},
    "notify": {"domain", "errors"},
    # Each carrier is given its own settings and a clock; its User-Agent names the version.
    "carriers": {"domain", "errors", "clock", "settings", "__version__"},
    "store": {"domain", "errors"},
}
PRINTERS = {"print", "typer.echo", "typer.secho", "Console", "sys.stdout.write", "sys.stderr.write"}
#: Who may import a room that the others must not know of.
OUTER = {"cli": {"__main__"}, "sandbox": {"cli"}}


def imported(file: Path) -> set[str]:
    """Return the rooms of ours that a module imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide where they point"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("mailtrack.")}


def rooms() -> dict[str, set[str]]:
    """Return what each room imports of the others."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.setdefault(room, set()).update(imported(file) - {room})
    return found


def test_the_inner_rooms_import_what_lies_further_in_and_no_more() -> None:
    found = rooms()

    too_much = {room: found[room] - allowed for room, allowed in INNER.items()}

    assert {room: set() for room in INNER} == too_much


def printing(file: Path) -> set[str]:
    """Return how a module prints: by `print`, typer, rich or the streams themselves."""
    names = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call)
    }
    return names & PRINTERS


def test_strangers_words_reach_a_terminal_by_one_door() -> None:
    """It makes them harmless; the demo has colours, and uses the same function."""
    found = {str(file.relative_to(PACKAGE)): printing(file) for file in PACKAGE.rglob("*.py")}

    assert {"terminal.py", "sandbox/demo.py"} == {file for file, how in found.items() if how}


def test_nothing_but_the_commands_knows_the_sandbox_and_nothing_knows_the_commands() -> None:
    found = rooms()

    known_by = {room: {by for by, known in found.items() if room in known} for room in OUTER}

    assert OUTER == known_by

"""Imports point inward: what each room of the package may know of the others."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import mailtrack

PACKAGE = Path(mailtrack.__file__).parent

#: What every room but the domain may import: values that the wiring passes in, and their types.
GROUND = {"clock", "domain", "environment", "errors", "settings"}
INSIDE = GROUND | {"carriers", "channels", "notify", "oauth", "parsers", "store"}
#: The rooms, and all of ours that each may import; a room that is not named may import all.
MAY_IMPORT = {
    "domain": set(),
    "environment": set(),
    "errors": set(),
    "clock": set(),
    "settings": {"clock", "domain", "environment", "errors"},
    "parsers": {"domain", "errors"},
    "notify": {"domain", "errors"},
    # Each carrier is given its own settings and a clock; its User-Agent names the version.
    "carriers": GROUND | {"__version__"},
    # What mailtrack says of itself to those it calls names the version.
    "channels": {"__version__", "clock", "domain", "errors", "notify"},
    "store": {"domain", "errors"},
    "oauth": GROUND | {"carriers", "store"},
    "tracking": INSIDE,
    "inbox": INSIDE | {"tracking"},
    "jobs": INSIDE | {"inbox", "tracking"},
    # The operator's page shows what the commands answer.
    "web": INSIDE | {"__version__", "admin", "inbox", "jobs", "runtime", "tracking"},
    "runtime": INSIDE | {"inbox", "jobs", "tracking", "web"},
    "admin": INSIDE | {"inbox", "jobs", "runtime", "tracking"},
}
PRINTERS = {"print", "typer.echo", "typer.secho", "Console", "sys.stdout.write", "sys.stderr.write"}
#: Who may import a room that the others must not know of.
OUTER = {"cli": {"__main__"}, "sandbox": {"cli"}, "admin": {"cli", "web"}}
#: The door and the ground: all that lies outside the rooms.
DOOR_AND_GROUND = {"__init__", "__main__", "clock", "environment", "errors", "logs"}


def name_of(file: Path) -> str:
    """Return the dotted name of a module below the package."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield what is imported from the package in a part of a module, by dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("mailtrack.") for name in names if "mailtrack." in name)


def rooms() -> dict[str, set[str]]:
    """Return what each room imports of the others, also inside functions."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        known = {name.partition(".")[0] for name in imported(ast.parse(file.read_bytes()))}
        found.setdefault(room, set()).update(known - {room})
    return found


def test_rooms_import_what_lies_further_in_and_no_more() -> None:
    found = rooms()

    too_much = {room: found[room] - allowed for room, allowed in MAY_IMPORT.items()}

    assert {room: set() for room in MAY_IMPORT} == too_much


def test_no_module_needs_itself_to_be_imported() -> None:
    """Imports inside functions come later; `graphlib` names the cycle where there is one."""
    files = {name_of(file): file for file in PACKAGE.rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        top = ast.Module(
            [
                node
                for node in ast.parse(file.read_bytes()).body
                if isinstance(node, ast.Import | ast.ImportFrom)
            ],
            [],
        )
        known = {n if n in files else n.rpartition(".")[0] for n in imported(top)}
        graph[name] = known & files.keys() - {name}

    TopologicalSorter(graph).prepare()


def test_outside_the_rooms_are_the_door_and_the_ground_alone() -> None:
    assert DOOR_AND_GROUND == {file.stem for file in PACKAGE.glob("*.py")}


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

    assert {"admin/terminal.py", "sandbox/demo.py"} == {file for file, how in found.items() if how}


def test_nothing_but_the_commands_knows_the_outer_rooms_and_nothing_knows_the_commands() -> None:
    found = rooms()

    known_by = {room: {by for by, known in found.items() if room in known} for room in OUTER}

    assert OUTER == known_by

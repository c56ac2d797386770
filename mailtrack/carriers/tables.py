"""The tables of `phrases/`: text, separated by tabs, headings in the first line."""

from collections.abc import Iterator
from importlib.resources import files

_FOLDER = files(__package__).joinpath("phrases")
#: Tables that say something else than what a carrier's code or text stands for.
_OTHERS = frozenset({"names", "reasons", "words"})


def phrase_files() -> tuple[str, ...]:
    """Return the names of the tables that hold milestones, without their ending."""
    names = (entry.name for entry in _FOLDER.iterdir())
    stems = (name.removesuffix(".tsv") for name in names if name.endswith(".tsv"))
    return tuple(sorted(stem for stem in stems if stem not in _OTHERS))


def read_table(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of one table as mappings; a row of the wrong width is an error."""
    text = _FOLDER.joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    head, *lines = text.splitlines()
    columns = head.split("\t")
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ValueError(f"phrases/{name}.tsv:{number}: {len(cells)} cells, not {len(columns)}")
        yield dict(zip(columns, cells, strict=True)) | {"line": f"{name}.tsv:{number}"}

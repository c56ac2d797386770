"""What people get and what they are told: the wheel, the lock files, the commands in the README."""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
import typer.main
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner

from benchmarks import audit
from mailtrack.cli import app
from mailtrack.settings import PREFIX, CarrierSettings, Section, Settings

ROOT = Path(__file__).parent.parent
LOCK, RUN_LOCK = ROOT / "requirements.lock", ROOT / "requirements-run.lock"
#: What builds the image.
IMAGE_LOCK = ROOT / "requirements-image.lock"
#: Pages that tell people what to type.
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
ROLES = {"migrate", "watch", "dispatch", "work", "web"}


def pinned(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==\S+)", lock.read_text(), re.MULTILINE))


def compose() -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(
        (ROOT / "docker-compose.yml").read_text()
    )
    return loaded


# --- the wheel ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that is built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_all_of_the_package(wheel: set[str]) -> None:
    package = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "mailtrack").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert set() == package - wheel


def test_the_wheel_holds_the_templates(wheel: set[str]) -> None:
    templates = {
        f"mailtrack/{file.relative_to(ROOT)}"
        for file in (ROOT / "templates").rglob("*")
        if file.is_file()
    }

    assert set() == templates - wheel


def test_the_wheel_brings_nothing_beside_the_package(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}

    assert {"mailtrack"} == {top for top in tops if not top.endswith(".dist-info")}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a source archive of this tree, without its folder."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_source_archive_holds_whatever_the_tests_look_into(sdist: set[str]) -> None:
    """What is beside the code, and is read by name; `make test` runs in the archive, too."""
    tests = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("*.py"))
    looked_into = {
        str(file.relative_to(ROOT))
        for file in (*ROOT.iterdir(), *(ROOT / "deploy").iterdir())
        if file.is_file() and f'"{file.name}"' in tests
    }

    assert {"Dockerfile", "docker-compose.yml", ".env.example"} <= looked_into
    assert set() == looked_into - sdist


def test_no_message_advises_to_install_a_package_by_name() -> None:
    """A name in the registry that is not ours could be anybody's."""
    advice = re.compile(r"pip3? install (?!--|dist/|-e)")
    said = {
        str(file.relative_to(ROOT))
        for file in (*(ROOT / "mailtrack").rglob("*.py"), *PAGES)
        if advice.search(file.read_text("utf-8"))
    }

    assert set() == said


# --- the lock files -----------------------------------------------------------------


@pytest.mark.parametrize("lock", [LOCK, RUN_LOCK, IMAGE_LOCK], ids=["all", "run", "image"])
def test_a_lock_file_names_no_index_and_no_place_of_a_machine(lock: Path) -> None:
    lines = lock.read_text().splitlines()

    strange = [
        line
        for line in lines
        if not re.fullmatch(r"[a-z0-9._-]+==[^/\\]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)
    ]

    assert [] == strange


def test_the_image_runs_the_versions_that_were_tested() -> None:
    assert set() == pinned(RUN_LOCK) - pinned(LOCK)


def test_every_dependency_is_locked() -> None:
    wanted = set(
        re.findall(r'^  "([a-z0-9-]+)[\[>=]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    )
    locked = {name.split("==")[0] for name in pinned(LOCK)}

    assert {"mailtrack"} == wanted - locked


# --- the image and the services -----------------------------------------------------


def test_compose_runs_every_role_by_a_command_that_exists() -> None:
    services = compose()["services"]

    assert ROLES | {"postgres", "redis"} == services.keys()
    for role in ROLES:
        command = services[role]["command"]
        assert isinstance(command, list)
        assert 0 == CliRunner().invoke(app, [*command, "--help"]).exit_code


def test_compose_shuts_every_role_in() -> None:
    for name in ROLES:
        role = compose()["services"][name]

        assert (True, ["ALL"]) == (role["read_only"], role["cap_drop"])


def test_the_image_is_built_from_files_that_exist() -> None:
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    sources = {source for line in copied for source in line.split()}

    assert set() == {source for source in sources if not (ROOT / source).exists()}


def steps_of_the_image() -> list[str]:
    """Return every command of the Dockerfile, one line each."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [step.strip() for line in lines for step in line.removeprefix("RUN").split("&&")]


def test_whatever_the_image_installs_is_pinned_by_its_hash() -> None:
    """Only our own wheel has no hash, as it is built on the spot, of what hashes pin."""
    installs = [s for s in steps_of_the_image() if re.match(r"(uv )?pip install|uv build", s)]
    own = [step for step in installs if step.endswith("--no-deps /dist/*.whl")]
    locks = {lock for step in installs for lock in re.findall(r"requirements\S*\.lock", step)}

    assert 4 == len(installs)
    assert 1 == len(own)
    assert [] == [s for s in installs if s not in own and "--require-hashes" not in s]
    assert {LOCK.name, RUN_LOCK.name, IMAGE_LOCK.name} == locks


def test_the_image_takes_nothing_from_elsewhere() -> None:
    """Its base may be pinned by a digest, which only who builds it can look up."""
    steps = steps_of_the_image()

    assert [] == [s for s in steps if re.match(r"(apt|apt-get|curl|wget|git|npm|ADD)\b", s)]
    assert ["$BASE AS build", "$BASE"] == [s[5:] for s in steps if s.startswith("FROM ")]
    assert ["BASE=python:3.13-slim"] == [s[4:] for s in steps if s.startswith("ARG ")]


def test_the_image_is_built_from_files_that_its_builder_is_given() -> None:
    given = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [s.split()[1:-1] for s in steps_of_the_image() if re.match(r"COPY (?!--from)", s)]

    assert set() == {source for sources in copied for source in sources} - set(given)


# --- the audit ------------------------------------------------------------------------

_STARLETTE = {"name": "starlette", "version": "1.10.0", "vulns": []}
_SKIPPED = {"name": "mailtrack", "skip_reason": "Dependency not found on PyPI"}
_BAD = {**_STARLETTE, "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.0"]}]}


@pytest.mark.parametrize(
    ("pypi", "osv", "code", "said"),
    [
        ([_STARLETTE], None, audit.CLEAN, "PyPI knows nothing against 1 packages."),
        ([_STARLETTE, _SKIPPED], [_STARLETTE], audit.CLEAN, "OSV knows nothing"),
        (None, [_STARLETTE], audit.CLEAN, "OSV knows nothing"),
        ([_BAD], None, audit.KNOWN, "starlette 1.10.0: PYSEC-1 (mended in 2.0)"),
        ([_BAD, _SKIPPED], None, audit.KNOWN, "starlette 1.10.0: PYSEC-1"),
        (None, [_BAD], audit.KNOWN, "starlette 1.10.0: PYSEC-1"),
        ([_SKIPPED], [_SKIPPED], audit.NOT_ASKED, "audit: neither PyPI nor OSV"),
        ([_STARLETTE, _SKIPPED], None, audit.NOT_ASKED, "audit: neither PyPI nor OSV"),
        (None, None, audit.NOT_ASKED, "audit: neither PyPI nor OSV"),
    ],
)
def test_an_audit_that_could_not_ask_about_everything_is_no_success(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pypi: list[dict[str, object]] | None,
    osv: list[dict[str, object]] | None,
    code: int,
    said: str,
) -> None:
    for service, answer in {"pypi": pypi, "osv": osv}.items():
        if answer is not None:
            (tmp_path / service).write_text(json.dumps({"dependencies": answer}))
    program = tmp_path / "pip-audit"
    program.write_text(f'#!/bin/sh\ncp "{tmp_path}/$6" "${{10}}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(audit, "PIP_AUDIT", program)

    assert code == audit.main()
    written = capsys.readouterr()
    assert said in written.out + written.err
    assert 1 == len((written.out + written.err).splitlines())


def test_an_audit_without_its_program_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "PIP_AUDIT", tmp_path / "nowhere")

    assert audit.NOT_ASKED == audit.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("audit: pip-audit could not be installed")


# --- the words ----------------------------------------------------------------------


def told(pattern: str) -> set[tuple[str, str]]:
    """Return (page, match) for everything of a pattern that a page tells people."""
    return {
        (page.name, found)
        for page in PAGES
        for found in re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_the_pages_name_only_commands_that_exist() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

    named = told(r"(?:^ {4}|^|`|/)mailtrack ([a-z][a-z-]*)")

    assert named
    assert set() == {(page, command) for page, command in named if command not in commands}


def test_the_pages_name_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = told(r"(?:^ {4}|^|`)make ([a-z0-9]+)")

    assert named
    assert set() == {(page, target) for page, target in named if target not in targets}


def test_the_pages_link_only_to_files_that_exist() -> None:
    links = {
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))
    }

    assert links
    assert [] == [(p.name, target) for p, target in links if not (p.parent / target).exists()]


def settings(model: type[BaseModel], prefix: str) -> set[str]:
    """Return the names of all variables, `<CODE>` for any carrier's."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if name == "carriers":
            names |= settings(CarrierSettings, f"{prefix}CARRIERS__<CODE>__")
        elif isinstance(inner, type) and issubclass(inner, Section):
            names |= settings(inner, f"{prefix}{name.upper()}__")
        elif not name.endswith("_url_file"):
            names.add(prefix + name.upper())
    return names


def test_the_operator_s_page_lists_exactly_the_settings_that_there_are() -> None:
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| `(MAILTRACK_[A-Z_<>]+)` \|", page, re.MULTILINE)

    assert sorted(settings(Settings, PREFIX)) == sorted(listed)


def test_the_example_names_only_settings_that_there_are() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(MAILTRACK_\w+)=", example, re.MULTILINE)

    known = {name.replace("<CODE>", "LAPOSTE") for name in settings(Settings, PREFIX)}

    assert named
    assert [] == [name for name in named if name not in known]

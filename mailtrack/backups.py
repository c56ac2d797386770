"""Backups: one file with everything that the service knows, for either database.

A ZIP archive of a SQLite store and, where the service made it itself, of the secret that
signs links. What was kept in SQLite can so be restored into PostgreSQL, and an old backup
into a new version.
"""

import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mailtrack.errors import ConfigurationError
from mailtrack.store.copying import copy
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import require_current, upgrade

_STORE = "mailtrack.db"
_SECRET = "links.secret"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup held. `secret`: where its secret was put, if there was one."""

    rows: int
    secret: Path | None


def back_up(store: Store, secret: Path, file: Path) -> int:
    """Write the store and the file of its own secret, if there is one; return the rows.

    The service may be at work. The file appears whole or not at all, readable by its owner
    alone. Raises ConfigurationError.
    """
    require_current(store)
    with _plain_errors(file), TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
        rows = _copy_out(store, Path(folder) / _STORE)
        draft = Path(folder) / "draft"
        with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive:
            archive.write(Path(folder) / _STORE, _STORE)
            if secret.exists():
                archive.write(secret, _SECRET)
        draft.chmod(0o600)
        draft.replace(file)
    return rows


def restore(store: Store, secret: Path, file: Path) -> Restored:
    """Fill an empty store, which is migrated first, and put the secret where it belongs.

    Raises ConfigurationError where the store has rows, or the file is no backup.
    """
    with _plain_errors(file), TemporaryDirectory(prefix="mailtrack-restore-") as folder:
        held = _unpack(file, Path(folder))
        rows = _copy_in(Path(folder) / _STORE, store)
        if _SECRET in held:
            _put_secret(Path(folder) / _SECRET, secret)
    return Restored(rows, secret if _SECRET in held else None)


def _copy_out(store: Store, path: Path) -> int:
    with closing(open_store(f"sqlite:///{path}")) as target:
        upgrade(target)
        return copy(store, target)


def _copy_in(path: Path, store: Store) -> int:
    with closing(open_store(f"sqlite:///{path}")) as source:
        upgrade(source)
        upgrade(store)
        return copy(source, store)


def _unpack(file: Path, folder: Path) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        held = {_STORE, _SECRET} & set(archive.namelist())
        if _STORE not in held:
            raise zipfile.BadZipFile("no store in it")
        for name in held:
            archive.extract(name, folder)
    return held


def _put_secret(kept: Path, secret: Path) -> None:
    secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = secret.with_name(f"{secret.name}.new")
    draft.touch(mode=0o600)
    draft.write_bytes(kept.read_bytes())
    draft.replace(secret)


@contextmanager
def _plain_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except zipfile.BadZipFile as error:
        raise ConfigurationError(f"{file} is no backup of ours: {error}.") from error
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}.") from error

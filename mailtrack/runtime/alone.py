"""One `mailtrack up` on one data folder: two would fight over its port, store and broker."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailtrack.errors import ConfigurationError

_LOCK = "up.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others off a data folder as long as this process lives, however it ends (flock(2)).

    Raises ConfigurationError where somebody else is there.
    """
    make_data_folder(folder)
    with (folder / _LOCK).open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise ConfigurationError(
                f"`mailtrack up` is at work in {folder} already (process {lock.read()}): stop it "
                "first, or set another MAILTRACK_DATA_DIR."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def make_data_folder(folder: Path) -> None:
    """Make the folder where there is none, for us alone; raise ConfigurationError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot use the data folder {folder}: {error.strerror}."
        ) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"Cannot use the data folder {folder}: user {os.geteuid()} may not write there."
        )

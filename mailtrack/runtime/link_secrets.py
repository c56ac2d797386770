"""The secrets that sign links and seal addresses: those of the settings, or one of our own."""

import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from mailtrack.errors import ConfigurationError
from mailtrack.settings import Settings


def link_secrets(settings: Settings) -> tuple[str, list[str]]:
    """Return the secret that signs, and the retired ones that are still read.

    Without one in the settings it is our own, which no other host has: raises ConfigurationError
    where the database is not ours alone.
    """
    links = settings.links
    secret = links.secret.get_secret_value()
    if not secret and settings.database_url:
        raise ConfigurationError(
            "MAILTRACK_LINKS__SECRET is not set: with a database of its own, every host "
            "must sign links with the same secret (any 32 random characters)."
        )
    return (
        secret or own_secret(settings.links_file),
        [retired.get_secret_value() for retired in links.retired],
    )


def own_secret(path: Path) -> str:
    """Return the secret kept in a file, made on first use; raises ConfigurationError.

    It is written whole or not at all; of several makers the first one wins.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as draft:
                draft.write(secrets.token_urlsafe(32))
                draft.flush()
                with suppress(FileExistsError):
                    path.hardlink_to(draft.name)
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"Cannot keep a secret in {path}: {error.strerror}.") from error

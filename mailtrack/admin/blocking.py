"""`mailtrack block`: an address that gets no mail of ours, and whose mails lead to nothing."""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.errors import PermanentError
from mailtrack.store import people
from mailtrack.store.suppression import Suppression, Why


def block(connection: Connection, address: str, suppression: Suppression, now: datetime) -> str:
    """Block an address until it is unblocked, whatever comes from it; say what that stopped."""
    wanted = address.strip().lower()
    if "@" not in wanted:
        raise PermanentError("Name an address, such as ana@example.org.")
    suppression.add(connection, wanted, Why.BLOCKED, now)
    owner = people.find_subscriber(connection, wanted)
    if owner is None:
        return "Blocked; nobody with this address was known."
    people.unsubscribe(connection, owner, now)
    return f"Blocked; person {owner} gets no more mails."


def unblock(connection: Connection, address: str, suppression: Suppression) -> str:
    """Let the owner of an address be heard again; raises PermanentError where it is not blocked.

    What they followed stays stopped: they forward again what they want to follow.
    """
    if not suppression.unblock(connection, address):
        raise PermanentError("This address is not blocked.")
    return "Unblocked; its owner is heard again from their next mail on."

"""What is asked again and again is found by indexes, however much is stored."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from mailtrack.admin import reports
from mailtrack.runtime.services import Services
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web import metrics
from tests.web.conftest import FakeBroker

#: Tables that grow with all that ever happened.
LARGE = (
    *("inbound", "leg", "notice", "parcel", "parcel_order", "shop_order", "subscriber"),
    *("subscription", "tracking_event"),
)

Asked = list[tuple[str, Any]]


@pytest.fixture
def asked(store: Store) -> Iterator[Asked]:
    """The statements that the store was asked, each with its parameters."""
    found: Asked = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            found.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    yield found
    event.remove(store.engine, "before_cursor_execute", note)


def _scanned(connection: Connection, statement: str, parameters: Any) -> set[str]:
    """Return the large tables that a statement reads from end to end."""
    if connection.dialect.name == "postgresql":
        # Of an empty table any plan is good: whether there is another one than reading it all.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
        return {table for table in LARGE if any(f"Seq Scan on {table} " in line for line in plan)}
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    newest_alone = "id DESC" in statement and "LIMIT" in statement
    return {
        table
        for table in LARGE
        for row in rows
        if not newest_alone and f"{row[3]} ".startswith(f"SCAN {table} ") and "ix_" not in row[3]
    }


def _housekeeping(services: Services) -> None:
    services.housekeeping().run()


def _status(services: Services) -> None:
    with services.store.read() as connection:
        relay = reports.RelayInUse("relay", 0)
        reports.status(connection, services.clock.now(), None, relay, services.on)


@pytest.mark.parametrize("look", [_housekeeping, metrics.render, _status])
def test_nothing_that_grows_is_read_from_end_to_end(
    services: Services,
    store: Store,
    follow: Callable[..., Subscription],
    asked: Asked,
    look: Callable[[Services], object],
) -> None:
    follow()
    vars(services)["broker"] = FakeBroker({}, still_s=0, workers=1)
    asked.clear()

    look(services)

    assert asked
    with store.write() as connection:
        scanned = {
            statement: found
            for statement, parameters in asked.copy()
            if (found := _scanned(connection, statement, parameters))
        }
    assert {} == scanned

"""The service that is measured, and people who follow parcels."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection

from mailtrack.domain.model import SubscriptionId
from mailtrack.runtime.services import Services
from mailtrack.settings import (
    CarrierSettings,
    InboxSettings,
    LinkSettings,
    NoticeSettings,
    Security,
    Settings,
    SmtpSettings,
)
from mailtrack.store import parcels, people, subscriptions
from mailtrack.store.engine import Store


@contextmanager
def service(
    store: Store, *, smtp_port: int = 25, carrier_url: str = "", redis_url: str = ""
) -> Iterator[Services]:
    """Wire the service on a store, with its relay and its one carrier on loopback.

    It heeds neither the night nor anybody's patience.
    """
    with tempfile.TemporaryDirectory(prefix="mailtrack-bench-") as folder:
        settings = Settings(
            data_dir=Path(folder),
            redis_url=redis_url,
            inbox=InboxSettings(address="colis@colis.example"),
            smtp=SmtpSettings(
                host="127.0.0.1",
                port=smtp_port,
                security=Security.PLAIN,
                from_address="suivi@colis.example",
            ),
            notices=NoticeSettings(quiet_from=0, quiet_until=0, per_day=1_000_000),
            links=LinkSettings(secret=SecretStr("a secret of the benchmarks")),
            carriers={"cainiao": CarrierSettings(url=carrier_url)},
        )
        services = Services(settings)
        vars(services)["store"] = store
        yield services
        if "transport" in vars(services):
            services.transport.close()


def let_people_follow(connection: Connection, count: int, now: datetime) -> list[SubscriptionId]:
    """Let one person each follow a parcel that is due at Cainiao."""
    following = []
    for number in range(count):
        owner = people.subscriber_of(connection, f"p{number}@example.org", now)
        name = tracking_number(number)
        parcel = parcels.lock_named(connection, [name], now).named[name]
        parcels.add_leg(connection, parcel, "cainiao", tracking_number(number), now)
        mine, _ = subscriptions.follow_parcel(
            connection, owner, parcel, [], ["Lampe de bureau"], now
        )
        following.append(mine)
    return following


def tracking_number(serial: int) -> str:
    """Return an invented number in the form of Cainiao's."""
    return f"LP{serial:014}"

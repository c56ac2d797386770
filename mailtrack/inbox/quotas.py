"""How many new parcels a day: of one address, of one mail domain, of everybody together.

Each costs the carriers' budgets, which are the same for all: nobody may use them up with
addresses that are made by the thousand.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.domain.model import SubscriberId
from mailtrack.store import subscriptions

#: In which an address, a domain and everybody have their share.
DAY = timedelta(days=1)

#: Mail domains whose addresses belong to as many people, so that they share no quota.
_FREE_MAIL = """
    gmail.com googlemail.com outlook.com outlook.fr hotmail.com hotmail.fr live.com live.fr
    msn.com yahoo.com yahoo.fr ymail.com rocketmail.com aol.com icloud.com me.com mac.com
    orange.fr wanadoo.fr free.fr sfr.fr neuf.fr cegetel.net club-internet.fr 9online.fr
    numericable.fr laposte.net bbox.fr aliceadsl.fr voila.fr tiscali.fr proton.me
    protonmail.com pm.me tutanota.com tuta.io gmx.fr gmx.com gmx.net gmx.de mail.com mailo.com
    netcourrier.com zaclys.net ik.me skynet.be telenet.be proximus.be bluewin.ch zoho.com
    fastmail.com hey.com duck.com
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())


@dataclass(frozen=True, slots=True)
class ParcelQuotas:
    """New parcels in a day that one address, one mail domain and everybody together may add."""

    per_address: int
    per_domain: int
    in_all: int

    def exceeded(
        self, connection: Connection, owner: SubscriberId, address: str, new: int, now: datetime
    ) -> str:
        """Return which quota `new` more parcels of somebody would exceed, "" for none."""
        domain = address.rpartition("@")[2]
        shared = "" if domain in FREE_MAIL else domain
        counts = subscriptions.followed_since(
            connection, owner, shared, now - DAY, now, self.in_all
        )
        if counts.of_owner + new > self.per_address:
            return "more new parcels than an address may add in a day"
        if shared and counts.of_domain + new > self.per_domain:
            return "more new parcels than the addresses of a domain may add in a day"
        if counts.of_all + new > self.in_all:
            return "more new parcels than this service takes in a day"
        return ""

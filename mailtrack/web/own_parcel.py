"""What somebody does with one parcel of theirs, on its page or in their list."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mailtrack.carriers.pages import name_of
from mailtrack.domain.choosing import BESIDE
from mailtrack.domain.likelihood import likeliest
from mailtrack.domain.numbers import names_its_carrier
from mailtrack.inbox.subscriptions import name_carrier
from mailtrack.runtime.services import Services
from mailtrack.store import followers, parcels, people, subscription_details, subscriptions
from mailtrack.store.outcomes import NOBODY_FOLLOWS
from mailtrack.store.subscription_details import SubscriptionDetails
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.own_name import read_own_name
from mailtrack.web.pages.buttons import Action, Saved
from mailtrack.web.pages.parcel import CarrierChoice


@dataclass(frozen=True, slots=True)
class OwnParcel:
    """One subscription in the transaction of a click; its person is locked."""

    services: Services
    connection: Connection
    mine: Subscription

    def rename(self, typed: str) -> Saved:
        """Give it a name, or take that back by an empty one."""
        try:
            name = read_own_name(typed)
        except ValueError as error:
            return Saved(str(error), wrong=True)
        subscriptions.rename(self.connection, self.mine.id, name)
        return Saved(
            "C’est noté : nous l’appelons ainsi, dans nos mails aussi."
            if name
            else "C’est noté : nous avons effacé ce nom."
        )

    def receive(self) -> Saved:
        """End it for its reader; its carriers are asked no more where nobody else waits."""
        now = self.services.clock.now()
        subscriptions.receive(self.connection, self.mine.id, now)
        for row in parcels.lock_all(self.connection, self.mine.parcels):
            if row.ended_at is None and not followers.who_wait(self.connection, row.id):
                parcels.end(self.connection, row.id, NOBODY_FOLLOWS, now)
        return Saved("C’est noté : plus aucun mail à son sujet.")

    def choose_carrier(self, code: str) -> Saved:
        """Take their word for whose number it is; of a carrier that is not offered, nothing."""
        services, connection = self.services, self.connection
        details = subscription_details.read(connection, [self.mine.id])[self.mine.id]
        offered = {choice.code: choice.name for choice in carrier_choices(details, services)}
        if self.mine.parcel is None or (code and code not in offered):
            return Saved()
        now = services.clock.now()
        name_carrier(connection, self.mine.id, self.mine.parcel, code or None, services.on, now)
        if not code:
            return Saved("C’est noté : nous cherchons nous-mêmes le transporteur.")
        name = offered[code]
        if code not in services.on:
            return Saved(f"C’est noté. Nous ne pouvons pas interroger {name} : voyez sa page.")
        if services.declarations[code].postcode and not people.postcode_of(
            connection, self.mine.subscriber
        ):
            return Saved(
                f"C’est noté. {name} demande aussi le code postal de livraison : donnez-nous le "
                "vôtre sous « Mes colis »."
            )
        return Saved(f"C’est noté : nous interrogeons {name}.")


def change(own: OwnParcel, action: Action, form: Mapping[str, str]) -> Saved:
    """Do what a form asks for that is about one parcel alone."""
    match action:
        case Action.RENAME:
            return own.rename(form.get("name", ""))
        case Action.CARRIER:
            return own.choose_carrier(form.get("carrier", ""))
        case _:
            return own.receive()


def carrier_choices(details: SubscriptionDetails, services: Services) -> tuple[CarrierChoice, ...]:
    """Return the carriers among which somebody may choose for their parcel, likeliest first.

    None where the number says itself whose it is, or but one carrier has such numbers.
    """
    if details.parcel is None or names_its_carrier(details.parcel.row.number):
        return ()
    number = details.parcel.row.number
    codes = dict.fromkeys(
        code
        for candidate in likeliest(number)
        for code in (candidate.carrier, *BESIDE.get(candidate.carrier, ()))
    )
    named = details.named.get(number)
    choices = [
        CarrierChoice(code, name, chosen=code == named)
        for code in codes
        if (name := name_of([code], services.declarations))
    ]
    return tuple(choices) if len(choices) > 1 else ()

"""A number that somebody types on the page of their parcels: followed as one in a mail is."""

from dataclasses import dataclass

from sqlalchemy import Connection

from mailtrack.inbox import at_their_word, doubtful
from mailtrack.notify.links import Purpose
from mailtrack.parsers.bare_number import typed_in
from mailtrack.runtime.services import Services
from mailtrack.store import doubtful_numbers, people
from mailtrack.web.pages.buttons import NOTHING_SAVED, Saved
from mailtrack.web.service import subscriber_named

#: More than any number with blanks in it (characters).
_MOST_TYPED = 60
_NOT_A_NUMBER = (
    "Ce n’est pas un numéro de colis que nous connaissons : vérifiez qu’il est complet, ou "
    "transférez le mail d’expédition."
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What became of a number: what to say, or the address of the page that asks about it."""

    saved: Saved = NOTHING_SAVED
    question: str = ""


@dataclass(frozen=True, slots=True)
class TypedNumber:
    """Answers for one token at a time."""

    services: Services

    def follow(self, token: str, typed: str) -> Typed:
        """Follow a number, or ask about one that was miscopied; by the limits of a mail.

        Raises BadLink, or GoneError where its person was erased.
        """
        services = self.services
        _, key = services.links.read(token, Purpose.PREFERENCES)
        certain, uncertain = typed_in([typed[:_MOST_TYPED]])

        def follow(connection: Connection) -> Typed:
            owner = subscriber_named(connection, key)
            people.lock(connection, owner)
            if services.suppression.blocks(connection, people.address_of(connection, owner)):
                return Typed(
                    Saved("Rien n’est changé : nous n’écrivons pas à cette adresse.", True)
                )
            if not certain:
                asked = uncertain[0].number
                doubtful.ask(connection, owner, uncertain[:1], "", services.clock.now())
                question = doubtful_numbers.of_number(connection, owner, asked)
                return Typed(question=services.links.link(Purpose.FOLLOW, question.key))
            exceeded = at_their_word.follow(
                connection, owner, certain, services.on, services.quotas, services.clock
            )
            if exceeded:
                return Typed(Saved("Trop de nouveaux colis aujourd’hui : revenez demain.", True))
            return Typed(Saved(f"C’est noté : nous suivons {certain[0].number}."))

        if not certain and not uncertain:
            return Typed(Saved(_NOT_A_NUMBER, wrong=True))
        return services.store.transact(follow)

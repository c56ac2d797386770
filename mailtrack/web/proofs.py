"""Proofs for a dispute: made at a person's click, shown to whoever has the address of one."""

from dataclasses import replace

from sqlalchemy import Connection

from mailtrack.domain.model import RowKey
from mailtrack.domain.proof import Proof
from mailtrack.notify.french import local_day
from mailtrack.notify.links import Purpose
from mailtrack.notify.tidy import tidy
from mailtrack.runtime.services import Services
from mailtrack.store import people, proofs, subscription_details
from mailtrack.tracking.proving import prove
from mailtrack.web.pages.proof import ProofPage, ProofWay
from mailtrack.web.proof_document import ProofDocument, set_out
from mailtrack.web.proof_pdf import is_at_hand, write_pdf
from mailtrack.web.proof_words import SPEECHES, Language
from mailtrack.web.service import GoneError, subscription_named


class Proofs:
    """Answers for one token at a time: that of a parcel's page makes, a proof's own shows."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links

    def make(self, token: str) -> str:
        """Keep what is known of a parcel now; return the public address that shows it.

        On the same day, where there is no other news since, it is the address of before: as
        many proofs are kept as there are days with news. Raises BadLink, or GoneError where the
        parcel was erased or is not known yet.
        """
        _, subscription = self._links.read(token, Purpose.TIMELINE)

        def keep(connection: Connection) -> RowKey:
            mine = subscription_named(connection, subscription)
            people.lock(connection, mine.subscriber)
            details = subscription_details.read(connection, [mine.id])[mine.id]
            shown = self._services.views.parcel(details)
            if details.parcel is None or shown is None:
                raise GoneError("No parcel of this order is known.")
            now, carriers = self._services.clock.now(), self._services.declarations
            made = prove(details.parcel, details, shown, carriers, now)
            last = proofs.newest(connection, mine.id)
            if last is not None and _tells_the_same(last.proof, made):
                return last.key
            return proofs.keep(connection, mine.id, made)

        return self._links.link(Purpose.PROOF, self._services.store.transact(keep))

    def page(self, token: str, language: Language) -> ProofPage:
        """Show a proof as it was made."""
        proof = self._document(token, language)
        speech = SPEECHES[language]
        french = language is Language.FRENCH
        other = Language.ENGLISH if french else Language.FRENCH
        ways = [ProofWay(_path(proof.public_link, other), speech.say("other_language"), other)]
        if is_at_hand():
            ways.append(ProofWay(_path(f"{proof.public_link}/pdf", language), speech.say("pdf")))
        return ProofPage(proof, tuple(ways))

    def pdf(self, token: str, language: Language) -> bytes:
        """Return a proof as a file; raises GoneError where none can be made here."""
        document = self._document(token, language)
        if not is_at_hand():
            raise GoneError("The extra `pdf` is not installed.")
        return write_pdf(document)

    def _document(self, token: str, language: Language) -> ProofDocument:
        _, key = self._links.read(token, Purpose.PROOF)
        with self._services.store.read() as connection:
            proof = proofs.by_key(connection, key)
        if proof is None:
            raise GoneError("This proof was erased.")
        return set_out(tidy(proof), language, self._links.link(Purpose.PROOF, key))


def _tells_the_same(last: Proof, made: Proof) -> bool:
    """Return True if two proofs are of one day and differ in how often we asked, at most."""
    same_day = local_day(last.at) == local_day(made.at)
    return same_day and replace(last, at=made.at, answers=made.answers) == made


def _path(link: str, language: Language) -> str:
    return link if language is Language.FRENCH else f"{link}?langue={language}"

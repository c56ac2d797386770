"""The port: what every carrier offers, and how it says that it could not answer.

A carrier is one file: a `Declaration` on top, then a class with `fetch`. What went
wrong for a whole call is raised as one of the four branches of `mailtrack.errors`;
what a carrier says of a single number is a `PollResult`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import ClassVar, Protocol

from mailtrack.domain.model import PollResult, PollState

#: Postcodes that one number is asked with at a time: those of its followers may differ.
MOST_POSTCODES = 3


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a carrier lets us ask: requests (not numbers) per second and per day."""

    per_second: float
    per_day: int


class Access(StrEnum):
    """What it takes to be answered, in words for the operator."""

    OPEN = "nothing"
    #: The carrier prints one account for everybody in its documentation.
    PUBLISHED = "the account that it publishes"
    FREE_KEY = "a free key"
    CONTRACT = "a contract"
    PAID = "an account that pays by the number"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a carrier before asking it anything.

    `batch`: numbers per request, at most; 1 where numbers are counted, not requests, for
    requests that have room are filled up. `credentials`: names of the settings that
    it cannot work without (`key`, `client_id` …). `page`: its own tracking page for
    people, with `{number}`. `aliases`: other codes that mean this carrier.
    `keyless_url`: base address of an undocumented service that is asked without
    credentials, where the settings say `keyless`. `off_by_default`: asked only where
    the settings say `enabled`, or give an address. `access`: how to come by the credentials.
    `keyless`: it has nothing but the service behind its own page, and is asked where the settings
    say `keyless_carriers`, too.
    `postcode`: it wants the addressee's beside the number, see `WithPostcode`.
    """

    code: str
    name: str
    url: str
    page: str
    batch: int
    budget: Budget
    credentials: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    keyless_url: str = ""
    off_by_default: bool = False
    access: Access = Access.OPEN
    keyless: bool = False
    postcode: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """What a carrier sends of itself: news, and numbers that it no longer follows by itself."""

    results: Mapping[str, PollResult]
    stopped: frozenset[str] = frozenset()


class Carrier(Protocol):
    """Answers questions about numbers."""

    @property
    def declaration(self) -> Declaration: ...

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask about at most `declaration.batch` numbers at once.

        A number that the answer leaves out is left out of the mapping.
        Raises TransientError, PermanentError, QuotaError or AuthError for the whole call.
        """
        ...


class OneByOne(ABC):
    """A carrier whose requests take one number each."""

    #: What its numbers look like; it is not asked for others. None: as they come.
    form: ClassVar[re.Pattern[str] | None] = None

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for one number after the other; see `Carrier`."""
        results = {}
        for number in numbers:
            is_number = self.form is None or self.form.fullmatch(number)
            result = self._ask(number) if is_number else PollResult(number, PollState.REJECTED)
            if result:
                results[result.number] = result
        return results

    @abstractmethod
    def _ask(self, number: str) -> PollResult | None:
        """Ask for one number; None where the answer is not about it."""


class WithPostcode(ABC):
    """A carrier that knows a number only together with its addressee's postcode.

    Wrong number, wrong postcode and not yet scanned are one answer to it.
    """

    #: What its numbers look like; it is not asked for others.
    form: ClassVar[re.Pattern[str]]

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Answer for numbers that bring their postcode along; see `Carrier`."""
        results = {number: self.fetch_for(number, ()) for number in numbers}
        return {number: result for number, result in results.items() if result}

    def fetch_for(self, number: str, postcodes: Sequence[str]) -> PollResult | None:
        """Ask with one postcode after another, until the carrier knows the number.

        Only the first `MOST_POSTCODES` are tried; without any, nobody is asked. None where an
        answer is about another number; raises what `Carrier.fetch` does.
        """
        if not self.form.fullmatch(number):
            return PollResult(number, PollState.REJECTED)
        result: PollResult | None = PollResult(number, PollState.NEEDS_POSTCODE)
        known = dict.fromkeys((*self.postcodes_in(number), *postcodes))
        for postcode in islice(known, MOST_POSTCODES):
            result = self._ask(number, postcode)
            if result is None or result.state is not PollState.NOT_FOUND:
                break
        return result

    def postcodes_in(self, number: str) -> Sequence[str]:  # noqa: ARG002 - for others to use
        """Return the postcode that a number brings along, where it has one."""
        return ()

    @abstractmethod
    def _ask(self, number: str, postcode: str) -> PollResult | None:
        """Ask for one number with one postcode; None where the answer is not about it."""

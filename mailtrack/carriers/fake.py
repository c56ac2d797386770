"""A carrier for tests: answers what it was told to answer."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import MailtrackError


class FakeCarrier:
    """Scripted results per number, the last of which stays; scripted errors per call."""

    def __init__(self, code: str = "fake", *, batch: int = 10, budget: Budget | None = None):
        self.declaration = Declaration(
            code=code,
            name=code.title(),
            url=f"https://{code}.example",
            page=f"https://{code}.example/{{number}}",
            batch=batch,
            budget=budget or Budget(per_second=100.0, per_day=1_000_000),
        )
        #: The numbers of every call, in order.
        self.asked: list[tuple[str, ...]] = []
        self._results: dict[str, deque[PollResult]] = defaultdict(deque)
        self._errors: deque[MailtrackError] = deque()
        self._silent: set[str] = set()

    def script(self, *results: PollResult) -> None:
        """Answer these results, one a call for each number."""
        for result in results:
            self._results[result.number].append(result)

    def fail(self, *errors: MailtrackError) -> None:
        """Raise these errors, one a call, before answering again."""
        self._errors.extend(errors)

    def leave_out(self, *numbers: str) -> None:
        """Say nothing of these numbers."""
        self._silent.update(numbers)

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Answer the next result of every number; NOT_FOUND for those without a script."""
        self.asked.append(tuple(numbers))
        if self._errors:
            raise self._errors.popleft()
        answers = {}
        for number in numbers:
            if number not in self._silent:
                scripted = self._results[number] or deque([PollResult(number, PollState.NOT_FOUND)])
                answers[number] = scripted.popleft() if len(scripted) > 1 else scripted[0]
        return answers

"""What a page of the operator is made of; its template sees it as `page`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from mailtrack.admin.filters import Filter
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.web.admin.actions import ActionForm
from mailtrack.web.admin.drawing import DrawnTable


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The one page of who has not signed in; `wrong` says why they still have not.

    `by_password`: there is a password to be typed, and not only a proxy that lets people in.
    """

    by_password: bool
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of what was asked or done, in words, and the status of the answer."""

    said: str = ""
    wrong: str = ""
    status: int = 200

    @classmethod
    def of(cls, error: MailtrackError) -> Self:
        """Return what an expected error comes to."""
        return cls(wrong=str(error), status=503 if isinstance(error, TransientError) else 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPage:
    """A page of tables, with what can be asked and done there.

    `topics`: the names of all of them by their paths, `path` its own; its forms post to `address`
    with `token`. `troubles`: what keeps the service from its work, None where it is not told.
    """

    topics: Mapping[str, str]
    title: str
    path: str
    address: str
    token: str
    operator: str
    asked: Filter
    states: Sequence[str]
    rows: Sequence[int]
    troubles: Sequence[str] | None
    tables: Sequence[DrawnTable]
    forms: Sequence[ActionForm]
    result: ActionResult

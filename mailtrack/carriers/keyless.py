"""What holds for services that carriers run for their own pages, and promised to nobody.

They are asked where the operator says so, under our own name, one number at a time and
slowly. Whatever shows that a program is not welcome, or that the page is another than it
was, is answered by hours of silence: nothing is tried again, in another way or under
another name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from mailtrack.carriers.base import MOST_POSTCODES, Budget
from mailtrack.carriers.transport import Answer, out_of_order, raise_for_status
from mailtrack.errors import ChallengeError

#: Half a minute between two requests is longer than any answer may take: never two at once.
BUDGET = Budget(per_second=1 / 30, per_day=1_000)
#: The same where a look-up may take so many requests as there are postcodes to try.
BUDGET_WITH_POSTCODES = Budget(BUDGET.per_second / MOST_POSTCODES, BUDGET.per_day // MOST_POSTCODES)
#: Seconds of silence after a refusal, a robot check or a page that we do not know.
SILENCE_S = 6 * 3600.0
#: What robot checks of the usual kinds are known by.
CHALLENGES = (
    b"Just a moment",
    b"Enable JavaScript and cookies",
    b"cf-challenge",
    b"captcha-delivery.com",
)


def raise_for_answer(answer: Answer, now: datetime) -> None:
    """Raise what an answer means that is no 200; a refusal or a robot check is a ChallengeError.

    1. A robot check comes with any status, also with a 200.
    2. No credentials can be wrong: who is refused is not welcome.
    3. What sends us elsewhere is not the service that we know; nothing at all says nothing.
    """
    # 1.
    mitigated = answer.headers.get("cf-mitigated") == "challenge"
    if mitigated or any(mark in answer.body for mark in CHALLENGES):
        raise silenced(f"{answer.host} asks for a robot check")
    # 2.
    if answer.status in (401, 403):
        raise silenced(f"{answer.host} answered {answer.status} and does not want to be asked")
    # 3.
    if 300 <= answer.status < 400:
        raise silenced(f"{answer.host} sends us elsewhere ({answer.status})")
    raise_for_status(answer, now, silence_s=SILENCE_S)
    if not answer.body.strip():
        raise out_of_order(f"{answer.host} answered with an empty page")


def json_object(answer: Answer) -> Mapping[str, Any]:
    """Return the object of an answer in JSON; a page in its place is a ChallengeError."""
    if is_page(answer):
        raise silenced(f"{answer.host} answered with a page where data was due")
    return answer.object()


def is_page(answer: Answer) -> bool:
    """Return True for a page in HTML, whatever its headers say."""
    return answer.body.lstrip()[:1] == b"<"


def html_page(answer: Answer) -> LexborHTMLParser:
    """Return an answer in HTML, ready to be searched."""
    return LexborHTMLParser(answer.text)


def changed(answer: Answer) -> ChallengeError:
    """Return the error for an answer that is built in another way than it used to be."""
    return silenced(f"{answer.host} answered with a page of another form than before")


def silenced(said: str) -> ChallengeError:
    """Return the error after which a carrier is left alone for hours."""
    return ChallengeError(f"{said}; silent for {SILENCE_S / 3600:g} h.", SILENCE_S)

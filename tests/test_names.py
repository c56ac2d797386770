"""One word for one thing: the names in the code are those of the field."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Words that once stood for a thing that has a name of its own; each with that name.
RETIRED = {
    "chores": "housekeeping",
    "clerk": "MailHandler",
    "desk": "PageService",
    "doorkeeper": "MailAnalyzer",
    "dossier": "SubscriptionDetails",
    "dossiers": "subscription_details",
    "ledger": "MailStore",
    "looker": "Poller",
    "manners": "SendingPolicy",
    "outlet": "JobSink",
    "subscribing": "SubscriptionService",
    "wish": "SubscriptionService",
    "wishes": "NoticePreferences",
}
#: The same of whole names, whose words are in use elsewhere.
RETIRED_NAMES = {
    "Handed": "TickResult",
    "Household": "InvitationLists",
    "HouseholdPages": "OwnInvitations",
    "Look": "PollResult",
    "LookState": "PollState",
    "Outlook": "PollContext",
    "RedisTeller": "RedisPublisher",
    "Shift": "LeaseHolder",
    "Turn": "Lease",
    "Understood": "AnalyzedMail",
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def code() -> Iterator[Path]:
    """Yield our own code; migrations speak of what was."""
    for folder in ("mailtrack", "tests", "benchmarks", "gallery"):
        yield from (f for f in (ROOT / folder).rglob("*.py") if "migrations" not in f.parts)


def identifiers(file: Path) -> Iterator[str]:
    """Yield the identifiers of a module; the name of a test is a sentence."""
    for token in tokenize.generate_tokens(io.StringIO(file.read_text("utf-8")).readline):
        if token.type == tokenize.NAME and not token.string.startswith("test_"):
            yield token.string


def test_a_thing_that_has_a_name_in_the_field_bears_it() -> None:
    found = {
        (str(file.relative_to(ROOT)), name)
        for file in code()
        for name in identifiers(file)
        if name in RETIRED_NAMES or any(word.lower() in RETIRED for word in _WORD.findall(name))
    }

    assert set() == found


def test_no_class_name_stands_for_two_things() -> None:
    found = defaultdict(list)
    for file in (ROOT / "mailtrack").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(file.relative_to(ROOT)))

    assert {} == {name: files for name, files in found.items() if len(files) > 1}

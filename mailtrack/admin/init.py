"""`mailtrack init`: a few questions, and the file `.env` that their answers make."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mailtrack.errors import ConfigurationError
from mailtrack.settings import PREFIX

#: Where every command looks for settings.
FILE = Path(".env")
#: What `mailtrack doctor` tries of the answers; the database is made later.
TRIED = ("mailbox", "relay", "links", "carriers")
#: What a line of `.env` says as it stands, to us and to Docker.
_PLAIN = re.compile(r"[^\s'\"#$\\`]([^'\"#$\\`]*[^\s'\"#$\\`])?|")

_HEAD = """\
# Settings of mailtrack, written by `mailtrack init`. `mailtrack doctor` tries them.
# Any of them may end in _FILE instead and name a file that holds the value.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A setting that nobody can guess; `text` asks for it, and `comment` stands in the file.

    `like` names a former question whose answer will mostly do, `default` what else does;
    without either, and not `optional`, there has to be an answer.
    """

    setting: str
    text: str
    comment: str = ""
    default: str = ""
    like: str = ""
    optional: bool = False
    secret: bool = False


QUESTIONS = (
    Question(
        "INBOX__HOST",
        "IMAP server of the mailbox that people forward to",
        "The mailbox that people forward to. Give it a folder or an account of its own: every\n"
        "mail in it is read, and those that name no parcel are answered.",
    ),
    Question("INBOX__USER", "User name there, mostly the address"),
    Question(
        "INBOX__PASSWORD", "Password there (Gmail, iCloud, Yahoo: an app password)", secret=True
    ),
    Question(
        "INBOX__AUTHSERV_ID",
        "First word of the header Authentication-Results in a mail that it received",
        "Who vouches for senders; without it, everybody is asked once by mail.",
        optional=True,
    ),
    Question(
        "SMTP__HOST",
        "SMTP server that our mails leave through",
        "The relay that our mails leave through, by STARTTLS at port 587.",
    ),
    Question("SMTP__USER", "User name there", like="INBOX__USER"),
    Question("SMTP__PASSWORD", "Password there", like="INBOX__PASSWORD", secret=True),
    Question("SMTP__FROM_ADDRESS", "Address that our mails come from", like="INBOX__USER"),
    Question(
        "WEB__PUBLIC_URL",
        "Address of the pages, as readers see it",
        "Where the links in mails lead: a proxy that speaks HTTPS and passes on to port 8080.",
        default="http://localhost:8080",
    ),
    Question(
        "CARRIERS__LAPOSTE__KEY",
        "Key of La Poste, free from developer.laposte.fr",
        "La Poste, Colissimo and Chronopost. What other carriers want: `mailtrack carriers`.",
        optional=True,
        secret=True,
    ),
)

#: Gives the answer to a question, whose default is the second argument.
Ask = Callable[[Question, str], str]


def from_environment(variables: Mapping[str, str]) -> Ask:
    """Answer by variables that bear the settings' names, and by defaults where there are none."""

    def answer(question: Question, default: str) -> str:
        name = PREFIX + question.setting
        given = variables.get(name) or default
        if not given and not question.optional:
            raise ConfigurationError(f"{name} is not set; `mailtrack init --yes` asks nothing.")
        return given

    return answer


def write_settings(folder: Path, ask: Ask) -> Path:
    """Ask every question and write the file, for its owner's eyes; return where it is.

    A file that is there is never touched, nor is anything asked then. Raises
    ConfigurationError.
    """
    file = folder / FILE
    if file.exists():
        raise ConfigurationError(f"{file.absolute()} is there already: change it, or move it away.")
    answers: dict[str, str] = {}
    for question in QUESTIONS:
        default = answers.get(question.like, question.default)
        answers[question.setting] = ask(question, default).strip()
    lines = [_HEAD]
    for question in QUESTIONS:
        name, value = PREFIX + question.setting, answers[question.setting]
        lines += (f"# {line}" for line in question.comment.splitlines())
        lines.append(f"{name}={_written(name, value)}")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write("\n".join(lines))
    except OSError as error:
        raise ConfigurationError(f"Cannot write {file}: {error.strerror}.") from error
    return file


def _written(name: str, value: str) -> str:
    """Return a value as `.env` has it; quoted where it would mean something else."""
    if "${" in value or "\n" in value:  # would be replaced, also between quotes
        raise ConfigurationError(
            f"{name} has ${{ in it: write it into a file, and set {name}_FILE."
        )
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

"""The IMAP mailbox on servers with habits of their own, each played by a script."""

import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from imapclient import SocketTimeout
from pydantic import SecretStr

from mailtrack.clock import FakeClock
from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, TransientError
from mailtrack.inbox import mailbox as imap_mailbox
from mailtrack.inbox.imap_errors import LostConnectionError
from mailtrack.inbox.mailbox import ImapMailbox, UnfetchableError, open_mailbox
from mailtrack.sandbox.loopback import StreamServer
from mailtrack.settings import InboxSettings, Security

#: What a decent server answers, by the command; {tag} is the client's.
DECENT = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n",
    "LOGIN": "{tag} OK logged in\r\n",
    "EXAMINE": "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n{tag} OK done\r\n",
    "NOOP": "{tag} OK done\r\n",
    "UID SEARCH": "* SEARCH 8\r\n{tag} OK done\r\n",
    "RFC822.SIZE": (
        '* 1 FETCH (UID 8 RFC822.SIZE 5 INTERNALDATE "02-Mar-2026 09:00:00 +0100")\r\n'
        "{tag} OK done\r\n"
    ),
    "BODY.PEEK[]": "* 1 FETCH (UID 8 BODY[] {{5}}\r\nColis)\r\n{tag} OK done\r\n",
    "IDLE": "+ idling\r\n",
    "DONE": "{tag} OK done\r\n",
    "LOGOUT": "* BYE bye\r\n{tag} OK done\r\n",
}


class ScriptedServer(StreamServer):
    """Answers by a table and writes down what it was asked; None hangs up."""

    def __init__(self, answers: Mapping[str, str | None], greeting: str) -> None:
        super().__init__()
        self.answers: dict[str, str | None] = {**DECENT, **answers}
        self.greeting = greeting
        self.asked: list[str] = []
        #: Answers that replace the first ones after these were given once.
        self.later: dict[str, str | None] = {}

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(self.greeting.encode())
        tag = ""
        while line := (await reader.readline()).decode():
            self.asked.append(line.strip())
            tag = tag if line.startswith("DONE") else line.split()[0]
            answer = self._answer(line)
            if answer is None:
                return
            writer.write(answer.format(tag=tag).encode("latin-1"))

    def _answer(self, line: str) -> str | None:
        fitting = [command for command in self.answers if command in line]
        command = max(fitting, key=len)
        answer = self.answers[command]
        self.answers[command] = self.later.get(command, answer)
        return answer

    def settings(self) -> InboxSettings:
        return InboxSettings(
            host=self.host,
            port=self.port,
            security=Security.PLAIN,
            user="colis",
            password=SecretStr("sesame"),
        )


@contextmanager
def opened(
    answers: Mapping[str, str | None] | None = None, greeting: str = "* OK hello\r\n"
) -> Iterator[tuple[ImapMailbox, ScriptedServer]]:
    """A mailbox on a server that answers as told, and decently for the rest."""
    with ScriptedServer(answers or {}, greeting) as server:
        mailbox = open_mailbox(server.settings(), FakeClock())
        try:
            yield mailbox, server
        finally:
            mailbox.close()


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrack.inbox.mailbox.TIMEOUT", SocketTimeout(5.0, 0.3))


def test_a_mail_is_asked_for_without_touching_it() -> None:
    """EXAMINE and BODY.PEEK[] leave no trace; RFC822 would mark the mail as read."""
    with opened() as (mailbox, server):
        mail = mailbox.fetch(8)

    assert b"Colis" == mail.raw
    assert datetime(2026, 3, 2, 8, 0, tzinfo=UTC) == mail.received_at
    assert not any("SELECT" in line or "(RFC822)" in line for line in server.asked)


def test_the_session_ends_with_a_goodbye() -> None:
    with opened() as (_, server):
        pass

    assert server.asked[-1].endswith("LOGOUT")


def test_the_last_mail_is_not_taken_for_a_new_one() -> None:
    with opened() as (mailbox, server):
        assert [] == list(mailbox.new_uids(8))
        assert any("UID 9:*" in line for line in server.asked)


def test_a_mail_announced_during_the_search_that_missed_it_is_searched_for_again() -> None:
    """A server says EXISTS once; waiting in IDLE for it to be said again would be in vain."""
    with opened({"UID SEARCH": "* SEARCH\r\n* 2 EXISTS\r\n{tag} OK done\r\n"}) as (mailbox, server):
        server.later["UID SEARCH"] = DECENT["UID SEARCH"]

        assert list(mailbox.new_uids(0)) == [8]


LOGIN_ANSWERS = [
    ("{tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n", AuthError),
    ("{tag} NO [ALERT] Application-specific password required\r\n", AuthError),
    ("{tag} NO LOGIN failed.\r\n", AuthError),
    ("{tag} NO [UNAVAILABLE] Temporary authentication failure.\r\n", TransientError),
    ("{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n", TransientError),
    ("{tag} BAD User is authenticated but not connected.\r\n", TransientError),
    ("{tag} NO [LIMIT] Maximum number of connections exceeded\r\n", TransientError),
    ("* BYE Server shutting down\r\n", TransientError),
    (None, TransientError),
    ("", TransientError),
    ("rubbish\r\n", TransientError),
]


@pytest.mark.parametrize(("answer", "branch"), LOGIN_ANSWERS)
def test_a_refused_login_is_told_from_a_server_that_is_out_of_order(
    answer: str | None, branch: type[MailtrackError]
) -> None:
    with pytest.raises(branch, match="login failed: ") as caught, opened({"LOGIN": answer}):
        pass

    assert "sesame" not in str(caught.value)
    assert "b'" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_repeats_the_password_does_not_get_it_into_the_message() -> None:
    answer = "{tag} BAD cannot parse LOGIN colis sesame\r\n"

    with pytest.raises(AuthError) as caught, opened({"LOGIN": answer}):
        pass

    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("greeting", ["", "SSH-2.0-OpenSSH_9.2\r\n", "* BYE too busy\r\n"])
def test_something_else_than_an_imap_server_is_one_line(
    greeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailtrack.inbox.mailbox.TIMEOUT", SocketTimeout(0.3, 0.3))

    with pytest.raises(TransientError, match="connecting failed: "), opened(greeting=greeting):
        pass


def test_a_folder_without_uidvalidity_is_not_read() -> None:
    """Without it, UIDs mean nothing, and mails would be lost or read twice."""
    answers = {"EXAMINE": "* 1 EXISTS\r\n{tag} OK done\r\n"}

    with pytest.raises(TransientError, match="opening folder INBOX failed"), opened(answers):
        pass


def test_a_folder_that_is_busy_is_not_a_wrong_setting() -> None:
    with pytest.raises(TransientError), opened({"EXAMINE": "{tag} NO [INUSE] locked\r\n"}):
        pass


def test_a_folder_that_does_not_exist_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError), opened({"EXAMINE": "{tag} NO [NONEXISTENT] no\r\n"}):
        pass


def test_a_server_that_hangs_up_after_the_login_is_transient() -> None:
    with ScriptedServer({}, "* OK hello\r\n") as server:
        server.later["CAPABILITY"] = None

        with pytest.raises(TransientError):
            open_mailbox(server.settings())


BODIES = {
    "no row": "{tag} OK done\r\n",
    "row of another mail": "* 2 FETCH (UID 9 BODY[] {{1}}\r\nx)\r\n{tag} OK done\r\n",
    "NIL": "* 1 FETCH (UID 8 BODY[] NIL)\r\n{tag} OK done\r\n",
    "a number": "* 1 FETCH (UID 8 BODY[] 17)\r\n{tag} OK done\r\n",
    "empty": '* 1 FETCH (UID 8 BODY[] "")\r\n{tag} OK done\r\n',
    "refusal": "{tag} NO The requested message could not be converted\r\n",
}


@pytest.mark.parametrize("answer", BODIES.values(), ids=BODIES.keys())
def test_a_mail_without_content_is_asked_for_three_times_and_given_up(answer: str) -> None:
    with opened({"BODY.PEEK[]": answer}) as (mailbox, server):
        with pytest.raises(UnfetchableError, match="mail 8"):
            mailbox.fetch(8)

        assert sum("BODY.PEEK[]" in line for line in server.asked) == 3
        assert [8] == list(mailbox.new_uids(0))


def test_a_throttled_fetch_is_tried_again_later_and_not_given_up() -> None:
    answers = {"BODY.PEEK[]": "{tag} NO [THROTTLED] slow down\r\n"}

    with opened(answers) as (mailbox, _), pytest.raises(TransientError) as caught:
        mailbox.fetch(8)

    assert not isinstance(caught.value, LostConnectionError)


@pytest.mark.parametrize("date", ["NIL", '"yesterday"', '""'])
def test_a_mail_without_a_time_of_arrival_arrived_now(date: str) -> None:
    facts = f"* 1 FETCH (UID 8 RFC822.SIZE 5 INTERNALDATE {date})\r\n{{tag}} OK done\r\n"

    with opened({"RFC822.SIZE": facts}) as (mailbox, _):
        mail = mailbox.fetch(8)

    assert FakeClock().now() == mail.received_at


def test_a_truncated_mail_is_not_kept() -> None:
    answers = {"BODY.PEEK[]": "* 1 FETCH (UID 8 BODY[] {{500}}\r\nColis"}

    with opened(answers) as (mailbox, _), pytest.raises(LostConnectionError):
        mailbox.fetch(8)


def test_news_in_the_same_segment_as_the_answer_to_idle_are_not_overlooked() -> None:
    """They sit in a buffer already, so that the socket stays silent."""
    with opened({"IDLE": "+ idling\r\n* 2 EXISTS\r\n"}) as (mailbox, _):
        started = time.monotonic()
        mailbox.wait(60.0, threading.Event())

    assert time.monotonic() - started < 60.0


def test_news_that_cross_done_do_no_harm() -> None:
    with opened({"DONE": "* 2 EXISTS\r\n* 1 RECENT\r\n{tag} OK done\r\n"}) as (mailbox, _):
        mailbox.wait(0.05, threading.Event())

        assert [8] == list(mailbox.new_uids(0))


BROKEN_IDLE: list[dict[str, str | None]] = [
    {"IDLE": None},
    {"IDLE": "{tag} BAD no\r\n"},
    {"IDLE": "+ idling\r\n* BYE Autologout; idle for too long\r\n", "DONE": None},
    {"DONE": None},
    {"DONE": ""},
    {"DONE": "+ what\r\n"},
]


@pytest.mark.parametrize("answers", BROKEN_IDLE)
def test_a_connection_that_died_in_idle_is_noticed(
    answers: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_mailbox, "DONE_S", 0.1)
    with opened(answers) as (mailbox, _), pytest.raises(TransientError, match="IDLE failed"):
        mailbox.wait(0.05, threading.Event())


def test_the_stop_hangs_up_on_a_dead_server_at_once() -> None:
    """No DONE, no LOGOUT: both would wait for an answer that does not come."""
    stop = threading.Event()
    stop.set()
    started = time.monotonic()

    with opened({"DONE": "", "LOGOUT": ""}) as (mailbox, server):
        mailbox.wait(60.0, stop)

    assert time.monotonic() - started < 5.0
    assert server.asked[-1].endswith("IDLE")

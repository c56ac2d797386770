"""The relay against a real SMTP server on loopback, and its fake against the same claims."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailtrack.errors import AuthError, ConfigurationError, PermanentError, TransientError
from mailtrack.notify.mail import OutgoingMail
from mailtrack.notify.smtp import FakeRelay, RefusedError, RelayAwayError, SmtpRelay

#: Signs the server's certificate; nobody trusts it unless told to.
AUTHORITY = trustme.CA()


class Recorder:
    """The server's side: keeps mails, and answers the next commands as it was told."""

    #: Whether it lets clients say several commands at once (RFC 2920).
    pipelining = False

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.contents: list[bytes] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.answers: dict[str, list[str]] = {"MAIL": [], "RCPT": [], "DATA": []}
        self.connections: set[object] = set()
        self.resets = 0
        self.hang_up_after_data = False
        #: Whether it goes on after a command that it has refused.
        self.lenient = False

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], *["250-PIPELINING"] * self.pipelining, *responses[1:]]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.connections.add(session.peer)
        answer = self._answer("MAIL")
        if answer.startswith("250") or self.lenient:
            envelope.mail_from = address
        return answer

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.resets += 1
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer("RCPT")
        if answer.startswith("250") or self.lenient:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hang_up_after_data:
            self.hang_up_after_data = False
            cast("asyncio.Transport", server.transport).abort()
        answer = self._answer("DATA")
        if answer.startswith("250"):
            received = message_from_bytes(cast("bytes", envelope.content))
            self.subjects.append(received["Subject"])
            self.contents.append(cast("bytes", envelope.content))
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return answer

    def _answer(self, command: str) -> str:
        return self.answers[command].pop(0) if self.answers[command] else "250 OK"


@pytest.fixture(autouse=True, params=[False, True], ids=["in-turn", "at-once"])
def _pipelining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test meet relays of both kinds."""
    monkeypatch.setattr(Recorder, "pipelining", request.param)


class Server(Controller):
    """A server on a port that the system picks."""

    def _trigger_server(self) -> None:
        self.port = cast("asyncio.Server", self.server).sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving(recorder: Recorder, **options: Any) -> Iterator[int]:
    server = Server(recorder, hostname="127.0.0.1", port=0, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


def relay_to(port: int, security: str = "plain", **options: Any) -> SmtpRelay:
    return SmtpRelay("127.0.0.1", port, security, timeout_s=30, **options)


def mail(subject: str) -> OutgoingMail:
    wire = f"Subject: {subject}\r\n\r\nBonjour\r\n".encode()
    return OutgoingMail("colis@example.org", "camille@example.org", f"<{subject}@x>", wire)


def test_a_batch_goes_over_one_connection() -> None:
    recorder = Recorder()
    with serving(recorder) as port, relay_to(port) as relay:
        relay.send(mail("un"))
        relay.send(mail("deux"))

    assert ["un", "deux"] == recorder.subjects
    assert 1 == len(recorder.connections)
    assert 0 == recorder.resets


def test_what_was_signed_arrives_to_the_letter() -> None:
    recorder = Recorder()
    signed = b"DKIM-Signature: v=1\r\nSubject: un\r\n\r\n.point\r\n"
    with serving(recorder) as port, relay_to(port, sign=lambda _: signed) as relay:
        relay.send(mail("un"))

    assert [signed] == recorder.contents
    assert [("colis@example.org", ["camille@example.org"])] == recorder.envelopes


RETURN_PATH = "colis+b-abcdefghijkl1@example.org"


def test_reports_of_a_mail_go_to_its_return_path() -> None:
    recorder = Recorder()
    with serving(recorder) as port, relay_to(port) as relay:
        assert relay.send(mail("un"), RETURN_PATH)
        assert not relay.send(mail("deux"))
    with (
        serving(recorder) as port,
        relay_to(port, sign=lambda _: b"Subject: trois\r\n\r\n") as relay,
    ):
        relay.send(mail("trois"), RETURN_PATH)

    senders = [sender for sender, _ in recorder.envelopes]
    assert [RETURN_PATH, "colis@example.org", RETURN_PATH] == senders


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_a_relay_that_takes_only_the_sender_who_logged_in_gets_that_one(command: str) -> None:
    """Postfix says so to the recipient (smtpd_delay_reject): no reader may be silenced for it."""
    recorder = Recorder()
    recorder.answers[command] = ["553 5.7.1 Sender address rejected: not owned by user colis"]
    with serving(recorder) as port, relay_to(port) as relay:
        assert not relay.send(mail("un"), RETURN_PATH)

    assert ["colis@example.org"] == [sender for sender, _ in recorder.envelopes]


@pytest.mark.parametrize(
    ("command", "answer", "address"),
    [
        ("RCPT", "550 5.1.1 unknown", True),
        ("RCPT", "550 User unknown", True),
        ("DATA", "554 5.7.1 spam", False),
        ("DATA", "550 5.1.1 too late", False),
    ],
)
def test_only_a_refused_recipient_is_a_dead_address(
    command: str, answer: str, *, address: bool
) -> None:
    recorder = Recorder()
    recorder.answers[command] = [answer, answer]
    with serving(recorder) as port, relay_to(port) as relay, pytest.raises(RefusedError) as refused:
        relay.send(mail("un"), RETURN_PATH)

    assert address is refused.value.address


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_refused_mail_keeps_its_code_and_does_not_stop_the_next(command: str) -> None:
    recorder = Recorder()
    recorder.answers[command] = ["550 5.1.1 <camille@example.org> unknown"]
    with serving(recorder) as port, relay_to(port) as relay:
        with pytest.raises(RefusedError) as refused:
            relay.send(mail("un"))
        relay.send(mail("deux"))

    assert 550 == refused.value.code
    assert isinstance(refused.value, PermanentError)
    assert ["deux"] == recorder.subjects


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "451 4.7.1 greylisted"])
def test_a_4xx_answer_is_for_later_and_does_not_stop_the_next(command: str, answer: str) -> None:
    recorder = Recorder()
    recorder.answers[command] = [answer]
    with serving(recorder) as port, relay_to(port) as relay:
        with pytest.raises(TransientError):
            relay.send(mail("un"))
        relay.send(mail("deux"))

    assert ["deux"] == recorder.subjects


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL", "550 5.7.1 sender not yours"),
        ("RCPT", "530 5.7.0 log in first"),
        ("RCPT", "554 5.7.1 <ana@example.org>: Relay access denied"),
    ],
)
def test_a_relay_that_refuses_us_is_no_fault_of_the_mail(command: str, answer: str) -> None:
    recorder = Recorder()
    recorder.answers[command] = [answer]
    with serving(recorder) as port, relay_to(port) as relay, pytest.raises(AuthError):
        relay.send(mail("un"))


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_a_relay_that_waits_for_a_mail_that_it_refuses_gets_none(command: str) -> None:
    recorder = Recorder()
    recorder.lenient = True
    recorder.answers[command] = ["451 4.7.1 greylisted"]
    with serving(recorder) as port, relay_to(port) as relay:
        with pytest.raises(TransientError):
            relay.send(mail("un"))
        relay.send(mail("deux"))

    assert ["deux"] == recorder.subjects


def test_the_relays_words_stay_out_of_the_error() -> None:
    recorder = Recorder()
    recorder.answers["RCPT"] = ["451 <camille@example.org> try later"]
    with serving(recorder) as port, relay_to(port) as relay, pytest.raises(TransientError) as later:
        relay.send(mail("un"))

    assert "camille" not in str(later.value)
    assert "451" in str(later.value)


def test_a_connection_dropped_after_data_is_for_later_and_the_next_mail_goes() -> None:
    recorder = Recorder()
    recorder.hang_up_after_data = True
    with serving(recorder) as port, relay_to(port) as relay:
        with pytest.raises(TransientError):
            relay.send(mail("un"))
        relay.send(mail("deux"))

    assert "deux" == recorder.subjects[-1]
    assert 2 == len(recorder.connections)


def test_a_connection_closed_while_idle_is_opened_again() -> None:
    recorder = Recorder()
    with relay_on_one_port() as (first_port, relay):
        with serving_at(first_port, recorder):
            relay.send(mail("un"))
        with serving_at(first_port, recorder):
            relay.send(mail("deux"))

    assert ["un", "deux"] == recorder.subjects


@contextmanager
def relay_on_one_port() -> Iterator[tuple[int, SmtpRelay]]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port: int = holder.getsockname()[1]
    with relay_to(port) as relay:
        yield port, relay


@contextmanager
def serving_at(port: int, recorder: Recorder) -> Iterator[None]:
    server = Controller(recorder, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield
    finally:
        server.stop()


def test_nobody_listening_is_for_later() -> None:
    with relay_on_one_port() as (_, relay), pytest.raises(TransientError):
        relay.send(mail("un"))


def test_a_relay_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        relay = SmtpRelay("127.0.0.1", silent.getsockname()[1], "plain", timeout_s=0.1)
        with relay, pytest.raises(RelayAwayError, match="timed out"):
            relay.send(mail("un"))


def test_a_relay_that_turns_us_away_at_the_door_refuses_us() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def turn_away() -> None:
            with door.accept()[0] as visitor:
                visitor.sendall(b"554 5.7.1 no mail from you\r\n")

        porter = threading.Thread(target=turn_away)
        porter.start()
        with relay_to(door.getsockname()[1]) as relay, pytest.raises(AuthError, match="554"):
            relay.send(mail("un"))
        porter.join()


@pytest.mark.parametrize(
    ("security", "options"),
    [
        ("starttls", {"tls_context": server_context(), "require_starttls": True}),
        ("tls", {"ssl_context": server_context()}),
    ],
)
def test_a_protected_connection_wants_a_certificate_that_it_knows(
    security: str, options: dict[str, Any], tmp_path: Path
) -> None:
    recorder, ca_file = Recorder(), tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca_file))
    with serving(recorder, **options) as port:
        with relay_to(port, security) as stranger, pytest.raises(AuthError, match="certificate"):
            stranger.send(mail("un"))
        with relay_to(port, security, ca_file=ca_file) as friend:
            friend.send(mail("deux"))

    assert ["deux"] == recorder.subjects


def test_an_authority_against_the_rules_is_to_be_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_code = 92
        error.verify_message = "CA cert does not include key usage extension"
        raise error

    monkeypatch.setattr("smtplib.SMTP_SSL", refuse)

    with relay_to(465, "tls") as relay, pytest.raises(AuthError) as caught:
        relay.send(mail("un"))
    assert "CA cert does not include key usage extension" in str(caught.value)
    assert "keyUsage=critical,keyCertSign" in str(caught.value)
    assert "MAILTRACK_SMTP__" not in str(caught.value)


def test_a_relay_without_starttls_gets_no_mail() -> None:
    recorder = Recorder()
    with serving(recorder) as port, relay_to(port, "starttls") as relay, pytest.raises(AuthError):
        relay.send(mail("un"))

    assert [] == recorder.subjects


def checks_password(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data.password == b"juste", handled=False)


def test_a_wrong_password_refuses_us_and_a_right_one_lets_us_in() -> None:
    recorder = Recorder()
    options = {"authenticator": checks_password, "auth_require_tls": False}
    with serving(recorder, **options) as port:
        with relay_to(port, user="colis", password="faux") as wrong, pytest.raises(AuthError):
            wrong.send(mail("un"))
        with relay_to(port, user="colis", password="juste") as right:
            right.send(mail("deux"))

    assert ["deux"] == recorder.subjects


@pytest.mark.parametrize("password", ["sésame", "密码"])
def test_a_password_beyond_ascii_lets_us_in(password: str) -> None:
    def checks(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == password.encode(), handled=False)

    recorder = Recorder()
    with serving(recorder, authenticator=checks, auth_require_tls=False) as port:
        with relay_to(port, user="colis", password="sésamé") as wrong, pytest.raises(AuthError):
            wrong.send(mail("un"))
        with relay_to(port, user="colis", password=password) as right:
            right.send(mail("deux"))

    assert ["deux"] == recorder.subjects


def test_a_password_is_not_sent_where_the_relay_takes_none() -> None:
    with serving(Recorder()) as port, pytest.raises(AuthError):
        relay_to(port, user="colis", password="x").send(mail("un"))


def test_a_sender_that_mail_does_not_take_is_the_operators_to_mend() -> None:
    with (
        serving(Recorder()) as port,
        relay_to(port) as relay,
        pytest.raises(ConfigurationError, match="MAILTRACK_SMTP__BOUNCES_TO"),
    ):
        relay.send(mail("un"), "été+b-abc@example.org")


def test_a_ca_file_that_is_none_is_the_operators_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CA_FILE"):
        SmtpRelay("localhost", 25, "tls", ca_file=tmp_path / "missing.pem")


def test_the_fake_keeps_mails_and_fails_as_its_script_says() -> None:
    relay = FakeRelay([None, TransientError("Later."), None])
    with relay:
        relay.send(mail("un"))
        with pytest.raises(TransientError, match="Later"):
            relay.send(mail("deux"))
        relay.send(mail("trois"))
        relay.send(mail("quatre"))

    assert ["un", "trois", "quatre"] == [message["Subject"] for message in relay.sent]

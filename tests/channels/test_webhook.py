"""Webhooks over real connections: what is said, how it is signed, and where it never goes."""

import hashlib
import hmac
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from mailtrack.channels import guarded_http
from mailtrack.channels.guarded_http import RefusedHostError, post
from mailtrack.channels.message import ChannelGoneError, ChannelMessage
from mailtrack.channels.webhook import WebhookSender, new_secret
from mailtrack.clock import FakeClock
from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.notify.samples import sample
from mailtrack.notify.view import NoticeKind
from tests.channels.receiver import Receiver, receiver

HERE = CallableHosts.parse("127.0.0.1/32")
SECRET = new_secret()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def sender(there: Receiver) -> WebhookSender:
    hosts = CallableHosts.parse(f"127.0.0.1:{there.port},hooks.example.org:{there.port}")
    return WebhookSender(hosts, FakeClock())


@pytest.fixture
def message() -> ChannelMessage:
    view = sample(NoticeKind.OUT_FOR_DELIVERY)
    return ChannelMessage(
        "abc-def", view.at, "En livraison", "Il arrive.", str(view.links.timeline), view
    )


def test_a_webhook_is_signed_as_the_specification_says(
    there: Receiver, sender: WebhookSender, message: ChannelMessage
) -> None:
    sender.send(f"{there.address}/hook?t=1", SECRET, message)

    (got,) = there.got
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    digest = hmac.digest(b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256)
    assert f"v1,{b64encode(digest).decode()}" == got.headers["webhook-signature"]
    assert str(int(FakeClock().now().timestamp())) == got.headers["webhook-timestamp"]
    assert ("/hook?t=1", "abc-def") == (got.path, got.headers["webhook-id"])
    assert f"127.0.0.1:{there.port}" == got.headers["host"]


def test_a_webhook_says_what_the_mail_says_in_two_lines_and_in_fields(
    there: Receiver, sender: WebhookSender, message: ChannelMessage
) -> None:
    sender.send(there.address, SECRET, message)

    said = there.got[0].said
    assert ("notice.out_for_delivery", 1) == (said["type"], said["schema"])
    assert ("En livraison", "Il arrive.") == (said["data"]["title"], said["data"]["text"])
    assert "LP00827165784084" == said["data"]["parcel"]["number"]
    assert "out_for_delivery" == said["data"]["parcel"]["milestone"]


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 503])
def test_what_is_no_success_is_tried_again_and_no_redirect_is_followed(
    there: Receiver, sender: WebhookSender, message: ChannelMessage, status: int
) -> None:
    there.usual, there.location = status, f"{there.address}/elsewhere"

    with pytest.raises(TransientError, match=f"answered {status}"):
        sender.send(there.address, SECRET, message)

    assert ["/"] == [got.path for got in there.got]


def test_an_address_that_is_gone_says_so(
    there: Receiver, sender: WebhookSender, message: ChannelMessage
) -> None:
    there.usual = 410

    with pytest.raises(ChannelGoneError):
        sender.send(there.address, SECRET, message)


def test_a_name_that_leads_inside_is_not_called(
    there: Receiver, sender: WebhookSender, message: ChannelMessage
) -> None:
    """The operator names the host; where it leads is another matter."""
    inward = replace(sender, hosts=CallableHosts.parse(f"hooks.example.org:{there.port}"))
    inward = replace(inward, resolver=lambda *_: ["127.0.0.1"])

    with pytest.raises(RefusedHostError, match=r"hooks\.example\.org"):
        inward.send(f"http://hooks.example.org:{there.port}/hook", SECRET, message)

    assert [] == there.got


def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    def both(*_: object) -> Sequence[str]:
        return ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(RefusedHostError):
        post("http://hooks.example.org/", [("Host", "x")], b"{}", CallableHosts.parse("*"), both)


def test_a_name_that_leads_elsewhere_a_moment_later_is_connected_to_as_it_was_checked(
    there: Receiver, sender: WebhookSender, message: ChannelMessage
) -> None:
    """DNS rebinding: the second answer is never asked for."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked = replace(sender, resolver=lambda *_: next(answers))

    asked.send(f"http://hooks.example.org:{there.port}/", SECRET, message)

    assert f"hooks.example.org:{there.port}" == there.got[0].headers["host"]
    assert ["10.0.0.1"] == next(answers)


def test_no_failure_names_the_address(
    there: Receiver, sender: WebhookSender, message: ChannelMessage
) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    hosts = CallableHosts.parse(f"127.0.0.1:{port},127.0.0.1:{there.port}")
    addresses = (f"http://127.0.0.1:{port}/token-abc", f"{there.address}/token-abc")
    there.usual = 500

    for address in addresses:
        with pytest.raises(MailtrackError) as failure:
            replace(sender, hosts=hosts).send(address, SECRET, message)
        assert "token" not in str(failure.value)


def test_who_answers_byte_by_byte_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "DEADLINE_S", 0.3)
    stop = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(TransientError):
        post(f"http://127.0.0.1:{server.getsockname()[1]}/", [("Host", "x")], b"{}", HERE)
    took = time.monotonic() - begun
    stop.set()
    thread.join()
    server.close()

    assert 30 > took  # it would drip for longer


def test_who_answers_without_end_is_given_up() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def flood() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 10_000_000)
            except OSError:
                return

    thread = threading.Thread(target=flood)
    thread.start()
    with pytest.raises(TransientError):
        post(f"http://127.0.0.1:{server.getsockname()[1]}/", [("Host", "x")], b"{}", HERE)
    thread.join()
    server.close()

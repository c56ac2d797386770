"""Which network a mail came from: what fair shares are counted by."""

import pytest

from mailtrack.inbox.origin import origin
from mailtrack.parsers.message import read_message

FROM = "From: Ana <ana@example.org>\r\n"
OURS = "Received: from mx.colis.example (localhost [127.0.0.1]) by mx.colis.example; x\r\n"


def _received(line: str) -> str:
    return f"Received: from {line} by mx.colis.example; x\r\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (_received("x (x [93.184.216.7])"), "93.184.216.0/24"),
        (_received("x (x [IPv6:2a01:e0a:1:2::7])"), "2a01:e0a:1::/48"),
        (OURS + _received("x (x [93.184.216.7])"), "93.184.216.0/24"),
        (_received("x (x [192.168.1.4])"), "example.org"),
        (_received("x (x [999.1.1.1])"), "example.org"),
        ("", "example.org"),
        (OURS * 3 + _received("x (x [93.184.216.7])"), "example.org"),
        (_received("x" * 1_000 + " ([93.184.216.7])"), "example.org"),
    ],
    ids=[
        "IPv4: a network of 256",
        "IPv6: a customer's /48",
        "within our own server first",
        "a private network",
        "no address",
        "no header",
        "below what our servers wrote",
        "beyond what is looked at",
    ],
)
def test_a_source_is_the_network_that_handed_the_mail_over(head: str, expected: str) -> None:
    assert expected == origin(read_message(f"{head}{FROM}\r\nBonjour\r\n".encode()))


def test_a_sender_cannot_choose_another_source_than_the_network_it_is_in() -> None:
    """Its own headers are below ours."""
    own = "".join(_received(f"x (x [62.{n}.0.1])") for n in range(50))
    raw = _received("evil.example (evil.example [93.184.216.7])") + own + FROM + "\r\nx\r\n"

    assert "93.184.216.0/24" == origin(read_message(raw.encode()))


def test_a_source_is_short_whatever_a_sender_is_called() -> None:
    raw = f"From: ana@{'x' * 5_000}.example\r\n\r\nx\r\n"

    assert len(origin(read_message(raw.encode()))) <= 60

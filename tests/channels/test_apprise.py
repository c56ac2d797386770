"""Apprise in its own process: what it brings, and where it never goes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtrack.channels.addresses import (
    APPRISE_SCHEMES,
    AddressFault,
    WrongAddressError,
    masked,
    read_apprise,
)
from mailtrack.channels.apprise_process import Result, instantiate
from mailtrack.channels.apprise_sender import AppriseSender
from mailtrack.channels.message import ChannelMessage
from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.errors import MailtrackError, TransientError
from mailtrack.notify.samples import NOW
from tests.channels.receiver import Receiver, receiver

MESSAGE = ChannelMessage("id", NOW, "En livraison", "Il arrive.", "https://mt.example.org/c/x")


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def _sender(there: Receiver) -> AppriseSender:
    return AppriseSender(f"127.0.0.1:{there.port}")


def test_ntfy_gets_a_title_a_sentence_and_the_link(there: Receiver) -> None:
    _sender(there).send(f"ntfy://127.0.0.1:{there.port}/colis", "", MESSAGE)

    (got,) = there.got
    assert ("colis", "En livraison") == (got.said["topic"], got.said["title"])
    assert "Il arrive.\nhttps://mt.example.org/c/x" == got.said["message"]
    assert "x-icon" not in got.headers


def test_home_assistant_gets_a_notification(there: Receiver) -> None:
    _sender(there).send(f"hassio://127.0.0.1:{there.port}/long-lived-token", "", MESSAGE)

    (got,) = there.got
    assert "/api/services/persistent_notification/create" == got.path
    assert "Bearer long-lived-token" == got.headers["authorization"]
    assert "En livraison" == got.said["title"]


@pytest.mark.parametrize("status", [302, 500])
def test_what_is_not_taken_is_tried_again_and_no_redirect_is_followed(
    there: Receiver, status: int
) -> None:
    there.usual, there.location = status, f"{there.address}/elsewhere"

    with pytest.raises(TransientError) as failure:
        _sender(there).send(f"ntfy://127.0.0.1:{there.port}/secret-topic", "", MESSAGE)

    assert 1 == len(there.got)
    assert "secret-topic" not in str(failure.value)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("mailto://jo:x@example.org", AddressFault.SCHEME),
        ("json://hooks.example.org/", AddressFault.SCHEME),
        ("file:///etc/passwd", AddressFault.SCHEME),
        ("matrixs://jo:x@matrix.example.org/", AddressFault.SCHEME),
        ("ntfys://ntfy.sh/a?attach=file:///etc/passwd", AddressFault.PARAMETERS),
        ("ntfys://ntfy.sh/a?verify=no", AddressFault.PARAMETERS),
        ("ntfys://ntfy.sh/a,json://127.0.0.1/", AddressFault.NO_ADDRESS),
        ("ntfy://127.0.0.1/a", AddressFault.NOT_CALLABLE),
        ("ntfys://ntfy.example.org/a", AddressFault.NOT_CALLABLE),
        ("tgram://12345:token/678/", AddressFault.NOT_CALLABLE),
    ],
)
def test_what_was_not_found_safe_is_refused(typed: str, fault: AddressFault) -> None:
    with pytest.raises(WrongAddressError) as refused:
        read_apprise(typed, CallableHosts.parse("ntfy.sh"))

    assert fault is refused.value.fault


def test_every_scheme_is_one_that_apprise_knows_by_that_host() -> None:
    examples = {
        "discord": "discord://1234567890/abcdefghijklmnopqrstuvwxyz",
        "pover": f"pover://{'u' * 30}@{'t' * 30}",
        "tgram": "tgram://123456789:abcdefghijklmnopqrstuvwxyz0123456789/12345",
    }
    hosts = CallableHosts.parse("*,host.example.org,host.example.org:8123")
    for scheme, how in APPRISE_SCHEMES.items():
        address = examples.get(scheme, f"{scheme}://host.example.org/token-or-topic")
        assert address == read_apprise(address, hosts)
        service = instantiate(how, address)
        assert service is not None, scheme
        if how.host:
            source = Path(str(sys.modules[type(service).__module__].__file__)).read_text("utf-8")
            assert f"https://{how.host}" in source, scheme
        else:
            assert "host.example.org" == service.host


def test_of_a_token_nothing_is_shown() -> None:
    assert "api.telegram.org/…" == masked("tgram://123456789:abcdef/12345")
    assert "ntfy.sh/sec…" == masked("ntfys://tk_token@ntfy.sh/secret-topic")


def _run(there: Receiver, url: str, hosts: str, resolve: str) -> int:
    """Run the process with a resolver of our own, as a name server would answer it."""
    script = f"""
import socket, sys
names = iter({resolve})
known = socket.getaddrinfo
def getaddrinfo(host, port, *rest, **more):
    return known(next(names) if host == "ntfy.example.org" else host, port, *rest, **more)
socket.getaddrinfo = getaddrinfo
from mailtrack.channels.apprise_process import main
sys.exit(main())
"""
    job = {"url": url, "title": "t", "body": "b", "hosts": hosts}
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(job).encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode


def test_a_name_that_leads_inside_is_not_connected_to(there: Receiver) -> None:
    """Whatever was resolved before: the connection itself is looked at (DNS rebinding)."""
    url = f"ntfy://ntfy.example.org:{there.port}/a"

    allowed = f"ntfy.example.org:{there.port}"
    assert Result.FAILED == _run(there, url, allowed, "['127.0.0.1'] * 9")
    assert [] == there.got
    assert Result.SENT == _run(there, url, f"{allowed},127.0.0.0/8", "['127.0.0.1'] * 9")
    assert 1 == len(there.got)


def test_an_address_that_apprise_reads_otherwise_is_refused(there: Receiver) -> None:
    assert Result.REFUSED == _run(there, f"ntfy://127.0.0.1:{there.port}/a", "ntfy.sh", "[]")
    assert Result.REFUSED == _run(there, "json://ntfy.sh/a", "ntfy.sh", "[]")
    assert [] == there.got


def test_who_never_answers_is_given_up(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrack.channels.apprise_sender.DEADLINE_S", 0.05)

    with pytest.raises(MailtrackError, match="in time"):
        _sender(there).send(f"ntfy://127.0.0.1:{there.port}/colis", "", MESSAGE)

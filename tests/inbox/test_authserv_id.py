"""The operator is told by which name their server signs, whatever server it is."""

import re

import pytest

from mailtrack.domain.hosts import lies_in
from mailtrack.inbox.authserv_id import AuthservId, suggest
from mailtrack.parsers.message import Message, read_message
from tests.inbox.servers import SERVERS, Server

FORGED = "Authentication-Results: mx.evil.example; dkim=pass header.d=example.org\n"


def arrived(writes: str, sender_wrote: str = "") -> Message:
    rest = f"{sender_wrote}From: jo@example.org\nSubject: colis\n\nBonjour\n"
    return read_message(f"{writes}{rest}".encode())


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
def test_the_name_of_every_server_that_is_understood_is_found(server: Server) -> None:
    found = suggest([arrived(server.writes, FORGED)] * 3)

    assert found
    assert lies_in(found.name, [server.authserv_id])
    assert server.below == found.below


@pytest.mark.parametrize("provider", ["Yahoo", "Orange (form supposed)", "Fastmail"])
def test_machines_with_names_of_their_own_are_known_by_their_domain(provider: str) -> None:
    server = SERVERS[provider]
    others = re.sub(r"\b(?=[\w-]+(?:\.[\w-]+)*\.(?:yahoo|orange|messaging))", "x", server.writes)

    found = suggest([arrived(server.writes), arrived(others)])

    assert AuthservId(server.authserv_id) == found


def test_a_name_that_senders_wrote_is_never_suggested() -> None:
    """A server that writes nothing: all that is there came with the mail."""
    line = "Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.colis.example; x\n"

    assert suggest([arrived(line, FORGED)] * 3) is None
    assert suggest([arrived("", FORGED)] * 3) is None


def test_one_name_among_many_mails_of_others_does_not_win() -> None:
    gmail = arrived(SERVERS["Gmail"].writes)
    yahoo = arrived(SERVERS["Yahoo"].writes)

    assert AuthservId("mx.google.com") == suggest([yahoo, gmail, gmail])

"""Who sent a mail: only our own server's word counts."""

import pytest

from mailtrack.inbox.authentication import findings
from mailtrack.inbox.sender import Sender, identify
from mailtrack.parsers.forwarded import unwrap
from mailtrack.parsers.message import read_message
from mailtrack.parsers.reading import ForwardMethod, Person

SERVER = "mx.example.net"
ADDRESS = "camille.durand@example.org"


def _is_shop(person: Person) -> bool:
    return person.address == "shop@example.com"


def _identify(
    headers: str, authserv_id: str = SERVER, allow: tuple[str, ...] = (), sender: str = ADDRESS
) -> Sender:
    raw = f"{headers}From: Camille Durand <{sender}>\nTo: suivi@example.net\n\nBonjour\n"
    message = read_message(raw.encode())
    return identify(
        message,
        unwrap(message, _is_shop),
        authserv_id=authserv_id,
        allow=allow,
        own_addresses=("suivi@example.net",),
        found=findings(message, authserv_id),
    )


@pytest.mark.parametrize(
    "results",
    [
        "dkim=pass header.d=example.org",
        "dkim=pass header.i=@example.org header.s=sel header.b=abc",
        "dkim=pass (2048-bit key) header.d=EXAMPLE.org",
        "spf=pass smtp.mailfrom=camille.durand@example.org",
        "spf=pass smtp.mailfrom=bounce.example.org",
        "dmarc=pass (p=NONE) header.from=example.org",
        "dkim=fail header.d=example.org; dmarc=pass header.from=example.org",
        'dkim=pass reason="good; signature" header.d="example.org"',
    ],
)
def test_an_aligned_pass_of_our_server_proves_the_sender(results: str) -> None:
    sender = _identify(f"Authentication-Results: {SERVER}; {results}\n")

    assert sender.proven
    assert ADDRESS == sender.address
    assert "Camille Durand" == sender.name


@pytest.mark.parametrize(
    "results",
    [
        "none",
        "dkim=fail header.d=example.org",
        "dkim=pass header.d=evil.example",
        "dkim=pass header.d=org",
        "dkim=pass header.d=notexample.org",
        "spf=softfail smtp.mailfrom=example.org",
        "spf=pass smtp.helo=example.org",
        "dmarc=pass header.from=evil.example",
        "iprev=pass policy.iprev=192.0.2.1",
        "dkim=pass",
    ],
)
def test_anything_else_proves_nothing(results: str) -> None:
    sender = _identify(f"Authentication-Results: {SERVER}; {results}\n")

    assert not sender.proven
    assert "no aligned" in sender.how


def test_results_of_another_server_prove_nothing() -> None:
    assert not _identify(
        "Authentication-Results: mx.evil.example; dkim=pass header.d=example.org\n"
    ).proven


def test_results_that_the_sender_wrote_below_ours_prove_nothing() -> None:
    assert not _identify(
        f"Authentication-Results: {SERVER}; dkim=fail header.d=example.org\n"
        f"Authentication-Results: {SERVER}; dkim=pass header.d=example.org\n"
    ).proven


def test_results_of_a_later_hop_above_ours_are_passed_over() -> None:
    assert _identify(
        "Authentication-Results: filter.example.net; spf=none\n"
        f"Authentication-Results: {SERVER} 1; dkim=pass header.d=example.org\n"
    ).proven


def test_two_from_headers_prove_nothing() -> None:
    sender = _identify(
        f"Authentication-Results: {SERVER}; dkim=pass header.d=example.org\n"
        "From: Other <other@example.org>\n"
    )

    assert not sender.proven


def test_without_a_server_to_believe_nobody_is_proven() -> None:
    sender = _identify("Authentication-Results: ; dkim=pass header.d=example.org\n", "")

    assert not sender.proven
    assert "AUTHSERV_ID" in sender.how


def test_the_list_proves_its_addresses_where_no_server_does() -> None:
    assert _identify("", "", allow=("Camille.Durand@Example.org",)).proven


def test_the_list_does_not_replace_a_server_that_is_named() -> None:
    assert not _identify("", allow=(ADDRESS,)).proven


def test_who_is_not_on_the_list_is_not_proven_whatever_the_server_says() -> None:
    sender = _identify(
        f"Authentication-Results: {SERVER}; dkim=pass header.d=example.org\n",
        allow=("jo@example.org",),
    )

    assert not sender.proven
    assert "list" in sender.how


def test_our_own_address_never_forwards() -> None:
    assert not _identify("", "", allow=("suivi@example.net",), sender="suivi@example.net").proven


def test_a_forward_by_a_rule_is_its_source_s_and_unproven() -> None:
    sender = _identify(
        f"Authentication-Results: {SERVER}; dkim=pass header.d=example.com\n"
        f"X-Forwarded-For: {ADDRESS.upper()} suivi@example.net\n",
        sender="shop@example.com",
    )

    assert ForwardMethod.AUTOMATIC is sender.method
    assert ADDRESS == sender.address
    assert not sender.proven


def test_a_shop_that_writes_to_us_directly_is_nobody_s_proof() -> None:
    sender = _identify(
        f"Authentication-Results: {SERVER}; dkim=pass header.d=example.com\n",
        sender="shop@example.com",
    )

    assert "shop@example.com" != sender.address
    assert not sender.proven


def test_a_mail_without_a_sender_is_nobody_s() -> None:
    message = read_message(b"\nBonjour\n")

    sender = identify(
        message, unwrap(message, _is_shop), authserv_id=SERVER, allow=(), own_addresses=(), found=()
    )

    assert ("", False) == (sender.address, sender.proven)

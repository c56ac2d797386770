"""What our own server found out about a mail: its real forms, and what imitates them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.inbox.authentication import (
    MAX_HEADER,
    MAX_HEADERS,
    MAX_RESULTS,
    Finding,
    findings,
)
from mailtrack.inbox.sender import Sender, identify
from mailtrack.parsers.forwarded import unwrap
from mailtrack.parsers.message import Message, read_message
from tests.inbox.servers import SENDER, SERVERS, Server

#: A server of our own that writes above its own `Received` line, which follows.
MX = "mx.example.net"
LINE = f"""\
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby {MX} (Postfix) with ESMTPS id B74E82141E2; Mon, 02 Mar 2026 09:31:05 +0000 (UTC)
"""


def mail(above: str, sender: str = SENDER) -> Message:
    """Return a mail below what servers and forgers wrote."""
    rest = f"From: Jo <{sender}>\nTo: colis@example.net\nSubject: Colis\n\nBonjour\n"
    return read_message((above + rest).encode())


def sent(above: str, server: Server | str = MX, sender: str = SENDER) -> Sender:
    """Return who sent a mail, as far as a server's results prove it."""
    message = mail(above, sender)
    known = server if isinstance(server, Server) else Server(server, "")
    return identify(
        message,
        unwrap(message, lambda person: False),
        authserv_id=known.authserv_id,
        allow=(),
        own_addresses=(),
        found=findings(message, known.authserv_id, below=known.below),
    )


def results(*said: str, mx: str = MX) -> str:
    """Return one header for each of several lists of results, above the server's own line."""
    return "".join(f"Authentication-Results: {mx}; {one}\n" for one in said) + LINE


# --- real servers, and forged twins -----------------------------------------------------

PASSES = "dkim=pass header.d=example.org; spf=pass smtp.mailfrom=jo@example.org"
PASSED = f"{PASSES}; dmarc=pass header.from=example.org"

#: What the sender of a forged mail puts on top of it; {mx} is the name of our server.
FORGERIES = {
    "at once": "Authentication-Results: {mx}; " + PASSED + "\n",
    "in other letters": "AUTHENTICATION-RESULTS:\n\t{MX} 1;\n\tDKIM=pass\n\theader.d=Example.ORG\n",
    "several": ("Authentication-Results: {mx}; " + PASSED + "\n") * 3,
    "as an address in the name": "Authentication-Results: a.{mx}; " + PASSED + "\n",
    "behind a line of ours": "Received: from x (x [127.0.0.1]) by {mx} with LMTP; x\n"
    "Authentication-Results: {mx}; " + PASSED + "\n",
    "between lines of ours": "Authentication-Results: {mx}; " + PASSED + "\n"
    "Received: from {mx} (localhost [127.0.0.1]) by {mx} (Postfix) with ESMTPS id 1; x\n"
    "Authentication-Results: {mx}; " + PASSED + "\n",
    "below a signature": "DKIM-Signature: v=1; d=example.org; i=@example.org; s=s1; b=x\n"
    "Received: from x by {mx}; x\nAuthentication-Results: {mx}; " + PASSED + "\n"
    "Received: from y by {mx}; y\n",
    "without a name": f"Authentication-Results: {PASSED}\n",
    "as another header": "ARC-Authentication-Results: i=1; {mx}; " + PASSED + "\n"
    "X-Authentication-Results: {mx}; " + PASSED + "\n",
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_what_a_server_found_proves_the_sender(server: Server) -> None:
    assert sent(server.writes, server).proven


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_what_a_forger_adds_to_what_a_server_found_proves_nothing(
    server: Server, forgery: str
) -> None:
    failed = server.writes.replace("=pass", "=fail")
    forged = forgery.format(mx=server.authserv_id, MX=server.authserv_id.upper())

    assert failed != server.writes
    assert not sent(failed + forged, server).proven


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_a_server_proves_the_sender_whatever_stands_below(server: Server, forgery: str) -> None:
    forged = forgery.format(mx=server.authserv_id, MX=server.authserv_id.upper())

    assert sent(server.writes + forged.replace("pass", "fail"), server).proven


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_server_that_wrote_nothing_lends_its_name_to_nobody(forgery: str) -> None:
    """A milter that is down, or skipped, lets mails through without results."""
    forged = forgery.format(mx=MX, MX=MX.upper())

    assert not sent(LINE + forged).proven


@pytest.mark.parametrize("authserv_id", ["mx.google.com", "dmarc.icloud.com", "yahoo.com"])
def test_the_name_of_a_provider_that_is_not_ours_proves_nobody(authserv_id: str) -> None:
    forged = f"Authentication-Results: {authserv_id}; {PASSED}\n"

    assert not sent(LINE + forged + LINE, authserv_id).proven


def test_without_a_line_of_ours_the_topmost_counts_alone() -> None:
    ours = f"Authentication-Results: {MX}; dmarc=none\n"
    forged = f"Authentication-Results: {MX}; {PASSED}\n"

    assert not sent(ours + forged).proven
    assert sent(forged + ours).proven


@pytest.mark.parametrize(
    "line",
    [
        # Who greets with our name, or an address of our network, is a stranger all the same.
        f"Received: from {MX} (unknown [192.0.2.9]) by {MX} (Postfix) with ESMTP id 1; x\n",
        f"Received: from [127.0.0.1] (unknown [192.0.2.9]) by {MX} (Postfix) with ESMTP id 1; x\n",
        f"Received: from [10.0.0.1] ([192.0.2.9]:4711 helo=[10.0.0.1]) by {MX} with esmtp; x\n",
        f"Received: from {MX}?by?{MX}?with?LMTP (x.example [192.0.2.9]) by {MX} with ESMTP; x\n",
        f"Received: by {MX} (Postfix, from userid 33) id 1; x\n",
        f"Received: from x.example ([IPv6:2001:db8::9]) by {MX} with ESMTPS id 1; x\n",
    ],
)
def test_a_line_from_outside_ends_what_is_ours(line: str) -> None:
    assert not sent(f"{line}Authentication-Results: {MX}; {PASSED}\n" + LINE).proven


@pytest.mark.parametrize(
    "line",
    [
        f"Received: from {MX} by store.example.net with LMTPSA id 1; x\n",
        f"Received: from localhost (localhost [IPv6:::1]) by {MX} (Postfix) with ESMTP id 1; x\n",
        f"Received: from {MX} ({MX} [10.1.2.3]) by store (Postfix) with ESMTP id 1; x\n",
        f"Received: from {MX} ({MX} [192.0.2.9]) by store.example.net with ESMTP id 1; x\n",
    ],
)
def test_results_below_a_line_of_our_own_servers_count(line: str) -> None:
    assert sent(line + results(PASSED)).proven


# --- what the sender chose ------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        r'spf=pass smtp.mailfrom="a\"; dkim=pass header.d=example.org; x=\"b"@evil.example',
        'spf=pass smtp.mailfrom="a; dkim=pass header.d=example.org"@evil.example',
        "spf=fail (dkim=pass header.d=example.org) smtp.mailfrom=evil.example",
        r"spf=fail (a (b; dkim=pass header.d=example.org) c\) d) smtp.mailfrom=evil.example",
        'dkim=fail reason="; dkim=pass header.d=example.org; x=" header.d=evil.example',
        'dkim=fail reason="\\"; dkim=pass header.d=example.org" header.d=evil.example',
        # As rspamd 3.4 prints such an envelope: the comment ends in the middle of it.
        'spf=pass (mx: domain of "a); dkim=pass header.d=example.org; x=(b@evil.example" is)',
        # As spf-engine 3.0.4 prints the explanation that evil.example has in its DNS.
        (
            "spf=fail (a) smtp.mailfrom=x.example; dkim=pass header.d=example.org; x=none (y)"
            " smtp.mailfrom=x.example (client-ip=192.0.2.9; helo=x; envelope-from=x@x.example)"
        ),
    ],
)
def test_no_value_of_the_sender_s_becomes_a_result(said: str) -> None:
    assert not sent(results(said)).proven


def test_a_greeting_that_is_a_result_proves_nothing() -> None:
    """OpenDMARC 1.4.2 prints it as it is; Postfix shows what was no letter as "?"."""
    greeting = "a;dkim=pass(x)header.d=example.org"
    shown = greeting.translate(str.maketrans(";()", "???"))
    line = f"Received: from {shown} (x.example [192.0.2.9]) by {MX} (Postfix) with ESMTP id 1; x\n"

    header = f"Authentication-Results: {MX}; spf=none smtp.helo={greeting}\n"
    assert not sent(header + line).proven
    assert findings(mail(header + LINE), MX)  # that is what it would have proven


@pytest.mark.parametrize(
    "signature",
    [
        "v=1; d=evil.example; i=x@evil.example=3B=20dkim=3Dpass=20header.d=3Dexample.org; b=x",
        "v=1; d=evil.example; I = x=3b\n dkim=3Dpass; b=x",
        "i=x=22@evil.example",
    ],
)
def test_an_identity_that_could_be_a_result_proves_nothing(signature: str) -> None:
    """OpenDKIM 2.11 decodes it (RFC 6376, 2.11) and prints it without quotes."""
    forged = (
        "dkim=pass header.d=evil.example header.i=x@evil.example; dkim=pass header.d=example.org"
    )

    assert not sent(results(forged) + f"DKIM-Signature: {signature}\n").proven


def test_an_identity_of_ordinary_letters_is_no_trouble() -> None:
    signature = "v=1; d=example.org; i=bounce+a=3Db=40x@example.org; h=from; bh=i=x(; b=x"

    assert sent(results(PASSED) + f"DKIM-Signature: {signature}\n").proven


@pytest.mark.parametrize(
    "envelope", ['"a;b"@evil.example', "a(b)@evil.example", r"a\b@evil.example"]
)
def test_an_envelope_that_could_end_a_comment_proves_nothing(envelope: str) -> None:
    assert not sent(f"Return-Path: <{envelope}>\n" + results(PASSED)).proven


def test_encoded_words_in_a_result_stay_encoded() -> None:
    """RFC 2047 has no place in this header, but what reads mails would decode them."""
    word = "=?utf-8?q?=22=3B_dkim=3Dpass_header=2Ed=3Dexample=2Eorg=3B_x=3D=22?="

    assert not sent(results(f'spf=pass smtp.mailfrom="{word}"@evil.example')).proven


# --- the grammar (RFC 8601, 2.2) --------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "dkim=pass header.d=example.org",
        "dkim=pass header.i=@example.org",
        "dkim=pass header.i=jo@example.org header.b=a/b+c=",
        'dkim=pass header.d="example.org" header.s="s1"',
        'dkim=pass header.i="jo x"@example.org header.s=s1',
        "DKIM = PASS HEADER.D = EXAMPLE.ORG.",
        "dkim/1=pass header.d=example.org",
        'dkim=pass reason="good; signature" header.d=example.org',
        "dkim=pass (2048-bit key) header.d=example.org (of the sender)",
        r"dkim=pass (a (nested (comment\)) of) mine) header.d=example.org",
        "dkim=pass policy.x=y header.d=example.org vnd.b=(c)d",
        "dkim=fail header.d=example.org; dkim=pass header.d=example.org",
        "dkim=pass header.d=evil.example; dkim=pass header.d=example.org;",
        "dkim=pass header.d=bounce.example.org",
        "arc=pass (i=1 dkim=pass); spf=pass smtp.mailfrom=<>; dkim=pass header.d=example.org",
        "iprev=pass policy.iprev=2001:db8::1; dkim=pass header.d=example.org",
        "spf=pass smtp.mailfrom=jo@example.org",
        'spf=pass smtp.mailfrom="prvs=1078cbd532=jo@example.org"',
        "spf=fail smtp.mailfrom=relay.example; dmarc=pass header.from=example.org",
        "dkim=none; dmarc=pass(p=NONE,sp=NONE) header.from=example.org;",
        "x-unknown=yes thing.other=1; ; dkim=pass header.d=example.org",
    ],
)
def test_a_pass_of_the_sender_s_domain_proves_them(said: str) -> None:
    assert sent(results(said)).proven


@pytest.mark.parametrize(
    "said",
    [
        "none",
        "",
        ";;;",
        "dkim=fail header.d=example.org",
        "dkim=policy header.d=example.org",
        "dkim=passed header.d=example.org",
        "dkim=pass",
        "dkim=pass header.s=example.org",
        "dkim=pass header.d=example.org.evil.example",
        "dkim=pass header.d=evil.example header.i=@example.org",
        "dkim=pass header.from=example.org",
        "spf=pass smtp.helo=example.org",
        "spf=pass smtp.mailfrom=<jo@example.org>",
        "spf=pass smtp.mailfrom=evil.example; dkim=none header.d=example.org",
        "sender-id=pass header.from=example.org",
        "dkim-adsp=pass header.from=example.org",
        "arc=pass header.d=example.org",
        "auth=pass smtp.auth=jo@example.org",
        "dkim=pass (header.d=example.org",
        "dkim=pass) header.d=example.org",
        'dkim=pass header.d="example.org',
        "dkim=pass header.d=example.org; dmarc=fail (p=reject) header.from=example.org",
    ],
)
def test_nothing_else_proves_anybody(said: str) -> None:
    assert not sent(results(said)).proven


@pytest.mark.parametrize(
    "name", [MX, MX.upper(), f"{MX} 1", f'"{MX}"', f"{MX} (Postfix) 1", f"{MX}."]
)
def test_the_name_of_the_server_may_be_written_otherwise(name: str) -> None:
    assert sent(results(PASSED, mx=name)).proven


@pytest.mark.parametrize(
    "name", [f"{MX} 2", "example.net", f"x{MX}", f"{MX}.evil.example", "(x)", ""]
)
def test_another_name_or_version_is_not_the_server_s(name: str) -> None:
    assert not sent(results(PASSED, mx=name)).proven


def test_a_header_that_cannot_be_read_does_not_take_the_others_with_it() -> None:
    assert sent(results("dkim=(", PASSED, 'spf="')).proven
    assert sent(results("x" * (MAX_HEADER + 1), PASSED)).proven


def test_a_header_that_cannot_be_read_does_not_make_room_for_the_next_below_our_line() -> None:
    """Where the topmost counts alone, it does so however it looks."""
    broken = f"Authentication-Results: {MX}; spf=pass (a ( smtp.mailfrom=x@evil.example\n"
    forged = f"Authentication-Results: {MX}; {PASSED}\n"

    assert not sent(LINE + broken + forged, Server(MX, "", below=True)).proven


def test_letters_of_other_alphabets_are_read() -> None:
    said = "spf=pass (domaine de josé@exämple.org) smtp.mailfrom=josé@exämple.org"

    assert sent(results(said), sender="jose@xn--exmple-cua.org").proven
    assert sent(results("dkim=pass header.d=xn--exmple-cua.org"), sender="jo@exämple.org").proven


def test_two_of_one_mind_are_told_apart() -> None:
    found = findings(mail(results("spf=pass smtp.mailfrom=a@EVIL.example; dmarc=none")), MX)

    assert (Finding("spf", "pass", "evil.example"), Finding("dmarc", "none", "")) == found


# --- whatever is written ------------------------------------------------------------------

MARKS = ("(", ")", '"', '"(', "\\", "=", ";", "a=b;", "dkim", "a.", "é", "x ", "from ", "::1 ")


def hostile(mark: str, size: int = 60_000) -> str:
    """Return headers full of one mark, each as long as a mail may have them."""
    many = mark * (size // len(mark.encode()))
    return (
        f"DKIM-Signature: i={many}\n"
        f"Received: from {many} ([127.0.0.1]) by {MX}; x\n"
        f"Authentication-Results: {many}\nAuthentication-Results: {MX}; {many}\n"
    )


@pytest.mark.parametrize("mark", MARKS)
def test_a_header_full_of_one_mark_proves_nothing_and_breaks_nothing(mark: str) -> None:
    assert () == findings(mail(hostile(mark) + LINE), MX)


def test_of_many_headers_the_first_are_read() -> None:
    one = "dkim=pass header.d=example.org"

    assert MAX_HEADERS == len(findings(mail(results(*[one] * 500)), MX))
    assert MAX_RESULTS == len(findings(mail(results(";".join([one] * 100))), MX))


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet='dkimspfas=.;()"\\ \t@-12xé', max_size=200), st.booleans())
def test_nothing_that_anybody_writes_is_an_error(said: str, below: bool) -> None:
    message = mail(f"Authentication-Results: {MX}; {said}\n" + LINE)

    for found in findings(message, MX, below=below):
        assert found.domain == found.domain.lower()

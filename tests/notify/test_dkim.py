"""Our own signature, verified as a receiver does."""

import base64
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mailtrack.errors import ConfigurationError
from mailtrack.notify.dkim import check, sign
from mailtrack.notify.mail import SmtpIdentity, compose
from mailtrack.notify.render import RenderedMail
from mailtrack.notify.samples import NOW, sample
from mailtrack.notify.view import NoticeKind

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
OLD_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
CURVE_PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)

WIRE = compose(
    sample(NoticeKind.CUSTOMS_CLEARED),
    RenderedMail("Dédouané\u00a0: votre colis", ".un point\nde plus\n", "<p>Bonjour à vous</p>"),
    SmtpIdentity("colis@example.org", "mailtrack"),
    NOW,
).wire


EDWARDS = ed25519.Ed25519PrivateKey.generate()
EDWARDS_PEM = EDWARDS.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def edwards_record(name: bytes, timeout: int = 5) -> bytes:
    """Answer as the DNS does for an Ed25519 key (RFC 8463, 4)."""
    raw = EDWARDS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)


def public_record(name: bytes, timeout: int = 5) -> bytes:
    """Answer as the DNS does for our selector, and for nothing else."""
    assert b"s1._domainkey.example.org." == name
    key = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key)


def is_valid(wire: bytes) -> bool:
    return bool(dkim.verify(wire, dnsfunc=public_record))


def signed(pem: str = PEM) -> bytes:
    return sign(WIRE, "example.org", "s1", pem)


@pytest.mark.parametrize("pem", [PEM, OLD_PEM, PEM.replace("\n", "\r\n")])
def test_a_receiver_finds_the_signature_valid(pem: str) -> None:
    assert is_valid(signed(pem))
    assert signed(pem).endswith(WIRE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"List-Unsubscribe: <https:", b"List-Unsubscribe: <http:"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=No"),
        (b"Feedback-ID: customs", b"Feedback-ID: other"),
        (b"Subject: ", b"Subject: Hello "),
        (b"\r\nFrom: ", b"\r\nReply-To: x@example.com\r\nFrom: "),
        (b"\r\nSubject: ", b"\r\nSubject: Hello\r\nSubject: "),
        (b"Bonjour", b"Bonsoir"),
    ],
)
def test_whoever_changes_or_adds_something_breaks_it(before: bytes, after: bytes) -> None:
    changed = signed().replace(before, after, 1)

    assert changed != signed()
    assert not is_valid(changed)


def test_a_relay_may_fold_headers_anew() -> None:
    assert is_valid(signed().replace(b"\r\nTo: ", b"\r\nTo:\r\n   ", 1))


def test_a_receiver_that_knows_them_finds_a_signature_by_an_ed25519_key_valid() -> None:
    wire = signed(EDWARDS_PEM)

    assert b"a=ed25519-sha256" in wire
    assert dkim.verify(wire, dnsfunc=edwards_record)


BROKEN_EDWARDS = EDWARDS_PEM.replace(
    "BEGIN PRIVATE KEY-----\nMC4CAQAw", "BEGIN PRIVATE KEY-----\nMC4"
)


@pytest.mark.parametrize(
    "pem",
    ["", "no key", "clé", CURVE_PEM, PEM[:200], BROKEN_EDWARDS, EDWARDS_PEM[:60]],
    ids=["empty", "words", "accents", "P-256", "cut", "Ed25519 cut", "Ed25519 without end"],
)
def test_a_key_that_is_none_is_named_with_its_setting(pem: str) -> None:
    with pytest.raises(ConfigurationError, match="MAILTRACK_SMTP__DKIM_KEY"):
        sign(WIRE, "example.org", "s1", pem)


@pytest.mark.parametrize("selector", ["é", "s 1\r\n", "s;1"])
def test_a_selector_that_is_no_name_is_refused(selector: str) -> None:
    with pytest.raises(ConfigurationError, match="SELECTOR"):
        sign(WIRE, "example.org", selector, PEM)


def no_record(name: bytes, timeout: int = 5) -> None:
    return None


def silence(name: bytes, timeout: int = 5) -> bytes:
    raise dkim.DnsTimeoutError("no answer")


def test_what_receivers_will_find_in_the_dns_is_said() -> None:
    assert "signed by s1._domainkey.example.org" == check(
        signed(), "example.org", "s1", public_record
    )
    assert "could not be asked" in check(signed(), "example.org", "s1", silence)


@pytest.mark.parametrize("record", [no_record, edwards_record])
def test_a_key_that_the_dns_does_not_have_is_the_operators_to_mend(
    record: Callable[..., bytes | None],
) -> None:
    with pytest.raises(ConfigurationError, match=r"no key at s1\._domainkey\.example\.org"):
        check(signed(), "example.org", "s1", record)


@pytest.mark.parametrize(("domain", "selector"), [("", "s1"), ("example.org", "")])
def test_a_signature_needs_a_domain_and_a_selector(domain: str, selector: str) -> None:
    with pytest.raises(ConfigurationError, match="domain and a selector"):
        sign(WIRE, domain, selector, PEM)

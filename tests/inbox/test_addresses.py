"""Personal forwarding addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.model import NoticeId, RowKey
from mailtrack.inbox.addresses import BounceAddresses, PersonalAddresses
from mailtrack.parsers.message import Message, read_message

ANA, BRUNO = RowKey("mfzwkz3tnvxw4a2b"), RowKey("pbqxe43fnrsw64q7")
KEYS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16).map(RowKey)
ADDRESSES = PersonalAddresses("Colis@example.org", "a secret")
BOUNCES = BounceAddresses("Colis@example.org", "a secret")


def sent_to(address: str, header: str = "To") -> Message:
    return read_message(f"From: shop@example.net\n{header}: {address}\n\nBonjour".encode())


@given(KEYS)
def test_a_personal_address_leads_back_to_its_subscriber(key: RowKey) -> None:
    address = ADDRESSES.of(key)

    assert key == ADDRESSES.owner(sent_to(address))
    assert key == ADDRESSES.owner(sent_to(address.upper(), "Delivered-To"))
    assert len(address.partition("@")[0]) <= 64


@pytest.mark.parametrize(
    "address",
    [
        "colis@example.org",
        "colis+@example.org",
        "colis+abcdefghijkl@example.org",
        "colis+abcdefghijkl1@example.org",
        "colis+abcdefghijkl" + "9" * 50 + "@example.org",
        "colis+é@example.org",
        "",
    ],
)
def test_an_address_that_we_did_not_make_speaks_for_nobody(address: str) -> None:
    assert ADDRESSES.owner(sent_to(address)) is None


def test_neither_another_key_nor_another_mailbox_nor_another_secret_will_do() -> None:
    mine, other = ADDRESSES.of(ANA), ADDRESSES.of(BRUNO)

    assert ADDRESSES.owner(sent_to(mine.replace(ANA, BRUNO))) is None
    assert ADDRESSES.owner(sent_to(mine.replace("colis+", "suivi+"))) is None
    assert PersonalAddresses("colis@example.org", "another").owner(sent_to(other)) is None


def test_an_address_from_before_the_secret_was_changed_still_works() -> None:
    after = PersonalAddresses("colis@example.org", "new", ["a secret"])

    assert ANA == after.owner(sent_to(ADDRESSES.of(ANA)))


@given(st.integers(1, 10**9 - 1), KEYS)
def test_a_bounce_address_leads_back_to_its_notice_and_speaks_for_nobody(
    number: int, key: RowKey
) -> None:
    address = BOUNCES.of(NoticeId(number), key)
    returned = BOUNCES.returned(sent_to(address.upper(), "X-Original-To"))

    assert returned is not None
    assert number == returned.notice
    assert BOUNCES.proves(returned, key)
    assert ADDRESSES.owner(sent_to(address)) is None
    assert BOUNCES.returned(sent_to(ADDRESSES.of(key))) is None
    assert len(address.partition("@")[0]) <= 64


def test_a_notice_that_has_the_number_of_another_reader_s_is_not_proven_to_come_back() -> None:
    """After a restore, a number may be given again, and to somebody else."""
    returned = BOUNCES.returned(sent_to(BOUNCES.of(NoticeId(7), ANA)))

    assert returned is not None
    assert not BOUNCES.proves(returned, BRUNO)
    assert not BounceAddresses("colis@example.org", "another").proves(returned, ANA)


def test_a_token_is_no_bounce_address_because_the_mark_was_put_before_it() -> None:
    personal = ADDRESSES.of(ANA)

    assert BOUNCES.returned(sent_to(personal.replace("+", "+b-"))) is None
    bounce = BOUNCES.of(NoticeId(7), ANA)
    assert ADDRESSES.owner(sent_to(bounce.replace("+b-", "+"))) is None

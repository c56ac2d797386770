"""Personal forwarding addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.model import NoticeId, SubscriberId
from mailtrack.inbox.addresses import BounceAddresses, PersonalAddresses
from mailtrack.parsers.message import Message, read_message

ADDRESSES = PersonalAddresses("Colis@example.org", "a secret")
BOUNCES = BounceAddresses("Colis@example.org", "a secret")


def sent_to(address: str, header: str = "To") -> Message:
    return read_message(f"From: shop@example.net\n{header}: {address}\n\nBonjour".encode())


@given(st.integers(0, 2**40))
def test_a_personal_address_leads_back_to_its_subscriber(number: int) -> None:
    address = ADDRESSES.of(SubscriberId(number))

    assert number == ADDRESSES.owner(sent_to(address))
    assert number == ADDRESSES.owner(sent_to(address.upper(), "Delivered-To"))


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


def test_neither_another_number_nor_another_mailbox_nor_another_secret_will_do() -> None:
    mine = ADDRESSES.of(SubscriberId(71))
    other = ADDRESSES.of(SubscriberId(72))

    assert ADDRESSES.owner(sent_to(mine.replace("1z@", "20@"))) is None
    assert ADDRESSES.owner(sent_to(mine.replace("colis+", "suivi+"))) is None
    assert PersonalAddresses("colis@example.org", "another").owner(sent_to(other)) is None


def test_an_address_from_before_the_secret_was_changed_still_works() -> None:
    after = PersonalAddresses("colis@example.org", "new", ["a secret"])

    assert 5 == after.owner(sent_to(ADDRESSES.of(SubscriberId(5))))


@given(st.integers(1, 2**40))
def test_a_bounce_address_leads_back_to_its_notice_and_speaks_for_nobody(number: int) -> None:
    address = BOUNCES.of(NoticeId(number))

    assert number == BOUNCES.notice(sent_to(address.upper(), "X-Original-To"))
    assert ADDRESSES.owner(sent_to(address)) is None
    assert BOUNCES.notice(sent_to(ADDRESSES.of(SubscriberId(number)))) is None
    assert len(address.partition("@")[0]) <= 64


def test_a_token_is_no_bounce_address_because_the_mark_was_put_before_it() -> None:
    personal = ADDRESSES.of(SubscriberId(7))

    assert BOUNCES.notice(sent_to(personal.replace("+", "+b-"))) is None
    assert ADDRESSES.owner(sent_to(BOUNCES.of(NoticeId(7)).replace("+b-", "+"))) is None

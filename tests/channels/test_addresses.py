"""What people type for a channel: taken as it is called, refused with a reason, shown masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.channels.addresses import (
    AddressFault,
    WrongAddressError,
    masked,
    read_apprise,
    read_webhook,
)
from mailtrack.domain.callable_hosts import CallableHosts

HOSTS = CallableHosts.parse("*")


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", AddressFault.NO_ADDRESS),
        ("hooks.example.org/abc", AddressFault.NO_ADDRESS),
        ("ftp://hooks.example.org/", AddressFault.NO_ADDRESS),
        ("https:///abc", AddressFault.NO_ADDRESS),
        ("https://hooks.example.org:99999/", AddressFault.NO_ADDRESS),
        ("https://hooks.example.org/a b", AddressFault.NO_ADDRESS),
        ("https://hooks.example.org/\r\nX: y", AddressFault.NO_ADDRESS),
        ("https://hooks.example.org\\@127.0.0.1/", AddressFault.NO_ADDRESS),
        ("https://[::1/", AddressFault.NO_ADDRESS),
        ("https://hooks.example.org/" + "a" * 1000, AddressFault.NO_ADDRESS),
        ("https://jo:secret@hooks.example.org/", AddressFault.USERINFO),
        ("https://hooks.example.org@127.0.0.1/", AddressFault.USERINFO),
        ("https://127.0.0.1/", AddressFault.NOT_CALLABLE),
        ("https://0177.0.0.1/", AddressFault.NOT_CALLABLE),
        ("https://[::ffff:127.0.0.1]/", AddressFault.NOT_CALLABLE),
        ("http://hooks.example.org/", AddressFault.NOT_CALLABLE),
        ("https://hooks.example.org:6379/", AddressFault.NOT_CALLABLE),
    ],
)
def test_what_cannot_be_called_is_refused_with_its_reason(typed: str, fault: AddressFault) -> None:
    with pytest.raises(WrongAddressError) as refused:
        read_webhook(typed, HOSTS)

    assert fault is refused.value.fault


@given(st.text())
def test_whatever_is_typed_is_an_address_or_refused(typed: str) -> None:
    try:
        read = read_webhook(f"https://{typed}", HOSTS)
    except WrongAddressError:
        return
    assert read == read_webhook(read, HOSTS)


@pytest.mark.parametrize(
    "typed",
    [
        "ntfys://ntfy.sh",
        "ntfys://ntfy.sh/",
        "ntfys://ntfy.sh/mine/somebody-else",
        "ntfys://ntfy.sh/mine%2Csomebody-else",
        "ntfys://ntfy.sh/mine%20somebody-else",
        "ntfys://ntfy.sh/mine;somebody-else",
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz_12345678/1/2",
    ],
)
def test_one_click_proves_one_target(typed: str) -> None:
    """Whatever else an address names would get the news, and never asked for them."""
    with pytest.raises(WrongAddressError):
        read_apprise(typed, HOSTS)


def test_of_an_address_its_host_and_a_beginning_are_shown() -> None:
    assert "hooks.example.org/abc…" == masked("https://hooks.example.org/abc123456?token=secret")
    assert "hooks.example.org/tok…" == masked("https://hooks.example.org/?token=secret")
    assert "ha.lan:8123/eyJ…" == masked("hassio://ha.lan:8123/eyJhbGciOi")

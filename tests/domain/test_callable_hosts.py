"""Which hosts may be called for who names them: by their words, and by where they lead."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.callable_hosts import CallableHosts

SOME = CallableHosts.parse("ntfy.sh, ha.example.org:8123,192.168.1.10:8123,[fd00::5]:80")
EVERYBODY = CallableHosts.parse("*")


@pytest.mark.parametrize(
    ("scheme", "host", "port"),
    [
        ("https", "ntfy.sh", None),
        ("http", "NTFY.sh.", None),
        ("http", "ha.example.org", 8123),
        ("http", "192.168.1.10", 8123),
        ("http", "[fd00::5]", None),
    ],
)
def test_what_the_operator_names_may_be_called(scheme: str, host: str, port: int | None) -> None:
    assert SOME.may_call(scheme, host, port)


@pytest.mark.parametrize(
    ("scheme", "host", "port"),
    [
        ("https", "example.org", None),
        ("https", "evil-ntfy.sh", None),
        ("https", "a.ntfy.sh", None),
        ("http", "ntfy.sh", 6379),
        ("https", "ha.example.org", None),
        ("http", "192.168.1.11", 8123),
        ("https", "", None),
    ],
)
def test_what_nobody_names_may_not_be_called(scheme: str, host: str, port: int | None) -> None:
    assert not SOME.may_call(scheme, host, port)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
    ],
)
def test_no_notation_of_an_inner_address_is_one_of_everybody(host: str) -> None:
    assert not EVERYBODY.may_call("https", host, None)


def test_everybody_is_called_by_https_on_its_own_port_alone() -> None:
    assert EVERYBODY.may_call("https", "hooks.example.org", None)
    assert not EVERYBODY.may_call("http", "hooks.example.org", None)
    assert not EVERYBODY.may_call("https", "hooks.example.org", 8443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.9",
        "192.168.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "::7f00:1",
        "ff02::1",
        "fec0::1",
        "localhost",
        "",
    ],
)
def test_nobody_is_connected_to_an_inner_network(address: str) -> None:
    assert not EVERYBODY.may_connect(address, 443)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_the_internet_may_be_connected_to(address: str) -> None:
    assert EVERYBODY.may_connect(address, 443)


def test_an_inner_address_may_be_connected_to_where_the_operator_names_it() -> None:
    hosts = CallableHosts.parse("ntfy.lan,192.168.1.0/24,::1")

    assert hosts.may_connect("192.168.1.77", 443)
    assert hosts.may_connect("::ffff:192.168.1.77", 443)
    assert hosts.may_connect("::1", 443)
    assert not hosts.may_connect("192.168.2.77", 443)


def test_an_inner_address_with_a_port_may_be_connected_to_at_that_port_alone() -> None:
    """A name that `*` allows may lead there, too."""
    hosts = CallableHosts.parse("*,192.168.1.10:8123")

    assert hosts.may_connect("192.168.1.10", 8123)
    assert not hosts.may_connect("192.168.1.10", 443)


@given(st.integers(0, 2**32 - 1))
def test_an_address_in_ipv6_clothes_is_judged_by_what_it_is(number: int) -> None:
    plain, mapped = IPv4Address(number), IPv6Address(0xFFFF << 32 | number)

    assert EVERYBODY.may_connect(str(plain), 443) == EVERYBODY.may_connect(str(mapped), 443)


@pytest.mark.parametrize(
    "text", ["*.example.org", "https://ntfy.sh", "ntfy.sh ha.lan", "ntfy.sh:0"]
)
def test_a_slip_of_the_pen_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="holds"):
        CallableHosts.parse(text)

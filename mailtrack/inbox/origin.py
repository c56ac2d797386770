"""Where a mail came from, as far as our own server tells: for fair shares, never as a proof."""

import ipaddress
import re

from mailtrack.parsers.message import Message

#: Headers that the last servers wrote; further down, the sender may have written anything.
_TOPMOST = 3
#: A sender has all of such a network (RIPE gives customers a /48 of IPv6).
_NETWORK_IPV4, _NETWORK_IPV6 = 24, 48
#: "from mail.example.org (mail.example.org [192.0.2.1]) by …": RFC 5321, 4.4.
_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]")
#: Characters of a header that are looked at, and of a domain that stands for a network.
_MOST, _LONGEST = 1_000, 60


def origin(message: Message) -> str:
    """Return the network that handed a mail to our servers, else the domain that it names.

    Addresses of the servers' own networks say nothing of the sender.

    >>> from mailtrack.parsers.message import read_message
    >>> line = "Received: from mail.example.org (mail.example.org [8.8.4.4]) by mx.example.com"
    >>> origin(read_message(f"{line}\\nFrom: ana@example.org\\n\\nbonjour".encode()))
    '8.8.4.0/24'
    """
    for header in message.all("received")[:_TOPMOST]:
        for found in _ADDRESS.finditer(header[:_MOST]):
            try:
                address = ipaddress.ip_address(found[1])
            except ValueError:
                continue
            if address.is_global:
                prefix = _NETWORK_IPV4 if address.version == 4 else _NETWORK_IPV6
                return str(ipaddress.ip_network((address, prefix), strict=False))
    return message.sender.address.lower().rpartition("@")[2][:_LONGEST]

"""Names of hosts: how they are compared, and which of them one owner has. Pure functions."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

#: Labels of a name have at most so many characters (RFC 1035).
MAX_LABEL = 63

#: Top-level domains that no registry has (RFC 2606, RFC 6761, RFC 7686).
_SPECIAL = frozenset({"example", "test", "invalid", "localhost", "local", "onion", "internal"})

_LABEL = re.compile(r'[^\s;()"\\=@.]+')


def in_ascii(text: str) -> str:
    """Return a text with each label of other letters as DNS has it (RFC 3492).

    Nothing is mapped (IDNA 2003 would take ß for ss, another domain). What cannot be a label
    gets question marks.

    >>> in_ascii("Postmaster of Œuvres.example.org")
    'Postmaster of xn--uvres-gbb.example.org'
    """
    return text if text.isascii() else _LABEL.sub(_label, text)


def _label(found: re.Match[str]) -> str:
    if found[0].isascii() or len(found[0]) > MAX_LABEL:
        return found[0].encode("ascii", "replace").decode("ascii")
    return f"xn--{found[0].lower().encode('punycode').decode('ascii')}"


def domain_name(text: str) -> str:
    """Return the domain of an address or a domain, as DNS has it: lower case, ASCII, or ""."""
    name = in_ascii(text.rpartition("@")[2].strip().strip(".").lower())
    return "" if "?" in name else name


def lies_in(domain: str, domains: Iterable[str]) -> bool:
    """Return True if a domain is one of these or below one."""
    return any(domain == mine or domain.endswith("." + mine) for mine in domains)


def organisation(domain: str) -> str:
    """Return what somebody registered of a domain, "" for a public suffix such as co.uk.

    The private suffixes count: jo.github.io is jo's.

    >>> organisation("mail.shop.example.co.uk"), organisation("jo.github.io"), organisation("co.uk")
    ('example.co.uk', 'jo.github.io', '')
    """
    return _suffixes().privatesuffix(domain) or ""


def aligned(one: str, other: str) -> bool:
    """Return True if two domains belong to one owner (RFC 7489, 3.1: relaxed alignment).

    A public suffix belongs to nobody; it is aligned with itself alone.
    """
    one, other = domain_name(one), domain_name(other)
    if one == other:
        return one != ""
    return organisation(one) == organisation(other) != ""


@lru_cache(maxsize=2_000)
def is_top_level(label: str) -> bool:
    """Return True if a label ends names of hosts: a registry has it, or it is set apart."""
    name = domain_name(label)
    known = _suffixes().publicsuffix(f"x.{name}", accept_unknown=False)
    return "." not in name and (name in _SPECIAL or known is not None)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()

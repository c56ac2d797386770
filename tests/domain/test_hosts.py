"""Names of hosts: whose they are, and what may end one."""

import pytest

from mailtrack.domain.hosts import aligned, is_top_level


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org.", "example.ORG"),
        ("mail.example.org", "example.org"),
        ("a.example.org", "b.example.org"),
        ("shop.example.co.uk", "example.co.uk"),
        ("jo.github.io", "jo.github.io"),
        ("x.jo.github.io", "jo.github.io"),
        ("co.uk", "co.uk"),
        ("exämple.fr", "xn--exmple-cua.fr"),
        ("mail.EXÄMPLE.fr", "xn--exmple-cua.fr"),
        ("city.kawasaki.jp", "x.city.kawasaki.jp"),
        ("jo@example.org", "example.org"),
    ],
)
def test_domains_of_one_organisation_are_aligned(one: str, other: str) -> None:
    assert aligned(one, other)
    assert aligned(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", ""),
        ("org", "example.org"),
        ("co.uk", "example.co.uk"),
        ("evil.co.uk", "example.co.uk"),
        ("github.io", "jo.github.io"),
        ("evil.github.io", "jo.github.io"),
        ("notexample.org", "example.org"),
        ("example.org.evil.example", "example.org"),
        ("example..org", "example.org"),
        ("strasse.example.org", "straße.example.net"),
        ("strasse.de", "straße.de"),
        ("exаmple.org", "example.org"),  # a Cyrillic letter
        ("é" * 64 + ".org", "è" * 64 + ".org"),
        ("evil.blogspot.com", "jo.blogspot.com"),
    ],
)
def test_domains_of_different_owners_are_not(one: str, other: str) -> None:
    assert not aligned(one, other)
    assert not aligned(other, one)


@pytest.mark.parametrize("label", ["com", "FR", "io", "zip", "рф", "xn--p1ai", "example", "ck"])
def test_what_a_registry_has_ends_a_name(label: str) -> None:
    assert is_top_level(label)


@pytest.mark.parametrize("label", ["", "js", "Gallen", "L", "2", "co.uk", "é" * 64])
def test_other_words_do_not(label: str) -> None:
    assert not is_top_level(label)

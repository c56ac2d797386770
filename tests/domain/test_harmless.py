"""Whatever strangers write: it moves no cursor, and names nobody."""

import json
import re
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailtrack.domain.harmless import ADDRESS, printable, without_addresses

#: Every character there is, halves of surrogate pairs too.
ANYTHING = st.text(st.characters(exclude_categories=()))
_ATOMS = st.text(st.sampled_from("abcé0.-+_'=!~"), min_size=1)
ADDRESSES = st.builds("{}{}{}".format, _ATOMS, st.sampled_from(("@", "%40", "＠")), _ATOMS)


@given(ANYTHING)
def test_what_is_printable_moves_no_cursor_and_hides_nothing(text: str) -> None:
    shown = printable(text)

    assert set() == {c for c in shown if not c.isprintable() and category(c) != "Zs"}
    assert shown == printable(shown)
    assert shown == shown.encode().decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Livré à 14\u202fh\u00a005 ✓", "Livré à 14\u202fh\u00a005 ✓"),
        ("[/red] :smile:", "[/red] :smile:"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x9b2J", "\\u009b2J"),
        ("a\r\nb\tc\x00", "a\\r\\nb\\tc\\u0000"),
        ("abc\u202e\u2066\u200b\u2028", "abc\\u202e\\u2066\\u200b\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_letters_stay_and_what_commands_a_terminal_is_shown(text: str, shown: str) -> None:
    assert shown == printable(text)


@given(st.recursive(ANYTHING, lambda inner: st.lists(inner) | st.dictionaries(ANYTHING, inner)))
@example(["\x7f\x9b\u202e\U000e0041"])
def test_json_stays_the_same_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)

    assert value == json.loads(printable(text, keep="\n"))


@given(ANYTHING, ADDRESSES, ANYTHING)
@example("", "jane.doe@aliexpresss.com", "")
@example('"jane doe', 'x"@example.net', "")
def test_no_address_is_left_wherever_it_stands(before: str, address: str, after: str) -> None:
    for text in (before + address + after, f"{before} <{address}>, {after}"):
        left = without_addresses(text)

        assert ADDRESS in left
        assert [] == re.findall(r"\w(?:@|%40|＠)", left)


@given(st.text(st.characters(exclude_characters="@＠﹫%")))
def test_text_without_addresses_stays_as_it_is(text: str) -> None:
    assert text == without_addresses(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<jane@example.net>: Recipient address rejected", "<address>: Recipient address rejected"),
        ('"jane doe"@example.net is unknown', "<address> is unknown"),
        ("jane@[192.0.2.1]", "<address>[192.0.2.1]"),
        ("to b-jane=example.net@list.example", "to <address>"),
        ("https://x.example/?to=jane%40example.net&n=1", "https://x.example/?<address>&n=1"),
        ("rediss://user:secret@redis.example:6379/0", "rediss://user:<address>:6379/0"),
        ("2 @ 3 €", "2 @ 3 €"),
    ],
)
def test_what_stands_around_an_address_is_kept(text: str, left: str) -> None:
    assert left == without_addresses(text)

"""Order and parcel numbers of an AliExpress mail: by context, never by length alone.

A run of 15 to 19 digits may be an order, a parcel, an item, or the decoy that every link
carries (`rowan_msg_id`). Link parameters and the word before the number tell them apart.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

from mailtrack.domain.numbers import is_valid
from mailtrack.parsers.aliexpress_words import (
    ORDER_LABELS,
    ORDER_WORDS,
    PACKAGE_WORDS,
    SIGNS,
    TRACKING_LABELS,
)

#: The parameters of one link, names in lower case.
Parameters = dict[str, str]

#: Length of an order number today; a longer run in a text has a list number glued on.
ORDER_DIGITS = 16

_ORDER_PARAMETERS = ("orderid", "tradeorderid", "o_ids", "tradeid")
PARCEL_PARAMETERS = ("trackingnumber", "mailnolist", "mailnos", "mailno")
#: The parameters of links that are read: these, the template's name and a message's id.
PARAMETERS = frozenset((*_ORDER_PARAMETERS, *PARCEL_PARAMETERS, "rowan_id1", "rowan_msg_id"))
_ORDER = re.compile(r"[0-9]{12,20}")
#: Item numbers look like orders; AliExpress prints them in subjects of advertisements.
_ITEM = re.compile(r"(?:1005|3256|2251)[0-9]{12}")
# At least six digits: "Package delivered" names no parcel.
_PARCEL = re.compile(r"(?=(?:[A-Z]*[0-9]){6})[A-Z0-9]{8,40}")
# No lookbehind: with one set of characters in front, the search runs in C. A word that is too
# long is taken whole, so that it is not looked at again from its second letter.
_WORD = re.compile(r"[A-Z0-9][A-Z0-9]{7,}+(?![A-Za-z0-9])")
# rowan_msg_id: the last four digits of the order, then its first twelve.
_ROWAN_MESSAGE = re.compile(r"([0-9]{4})([0-9]{12})(?:\$|%24)")


Words = tuple[str, ...]


def _words(*rows: str) -> Words:
    return tuple(word for row in rows for word in row.split("|"))


_ORDER_WORDS = _words(*ORDER_WORDS.values(), ORDER_LABELS)
_PACKAGE_WORDS = _words(*PACKAGE_WORDS.values())
_TRACKING_LABELS = _words(TRACKING_LABELS)
_SIGNS = _words(SIGNS)
#: How far before a number its word is looked for (characters).
_LOOK_BACK = 60
#: What stands between a word, a sign and a number.
_BETWEEN = " \n\t:\uff1a"
#: Numbers that are looked at in one mail; the largest real one has a tenth.
_MOST_NUMBERS = 300
#: Numbers of one kind that are taken from one link; a real one names a few.
_MOST_IN_LINK = 20


@dataclass(frozen=True, slots=True)
class _Token:
    """What may be a number; `before` are the words before it, without and with a sign."""

    number: str
    before: tuple[str, ...]

    def follows(self, words: Words) -> bool:
        """Return True if one of the words stands right before the number."""
        last_letters = [
            text.removesuffix(word)[-1:]
            for text in self.before
            if text.endswith(words)  # all at once: hardly any does
            for word in words
            if text.endswith(word)
        ]
        # "reorder" is no "order".
        return any(not (last.isalnum() or last == "_") for last in last_letters)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a mail names; `labelled` are the numbers that local carriers know.

    `bonds` are the (parcel, order) pairs that one link holds. `is_order_mail` says that
    the subject names an order.
    """

    orders: tuple[str, ...] = ()
    parcels: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()
    bonds: tuple[tuple[str, str], ...] = ()
    is_order_mail: bool = False

    @property
    def found(self) -> bool:
        """Whether the mail names anything at all."""
        return bool(self.orders or self.parcels)

    def orders_of(self, parcel: str) -> tuple[str, ...]:
        """Return the orders in a parcel, () where the mail leaves it open."""
        bonded = tuple(dict.fromkeys(order for p, order in self.bonds if p == parcel))
        return bonded or (self.orders if len(self.parcels) == 1 else ())


def read_numbers(subject: str, text: str, links: Sequence[Parameters]) -> Numbers:
    """Read the orders and parcels of a mail; `links` are the parameters of the shop's links.

    1. A link's parameters say what a number is.
    2. In the subject the word before a number decides, then the links.
    3. In the text the word before it decides alone.
    4. Where nothing names an order, put it together from the id of the message.
    """
    # 1.
    linked_orders = list(islice(_values(links, _ORDER_PARAMETERS, _ORDER), _MOST_NUMBERS))
    linked_parcels = list(islice(_values(links, PARCEL_PARAMETERS, _PARCEL), _MOST_NUMBERS))
    bonds = (
        (parcel, order)
        for link in links
        for parcel in _values([link], PARCEL_PARAMETERS, _PARCEL)
        for order in _values([link], _ORDER_PARAMETERS, _ORDER)
    )
    # 2.
    named = _in_subject(subject, text, linked_orders, linked_parcels)
    # 3.
    tokens = _tokens(text)
    orders = [*named.orders, *linked_orders]
    said = [n for n in _after(_ORDER_WORDS, tokens) if _ORDER.fullmatch(n)]
    # Flattened lists have "1" + order: without the 1.
    orders += [n if n in orders else n[-ORDER_DIGITS:] for n in said]
    told = _after(_PACKAGE_WORDS, tokens)
    parcels = [p for p in (*named.parcels, *linked_parcels, *told) if p not in orders]
    labelled = [n for n in _after(_TRACKING_LABELS, tokens) if n not in (*orders, *parcels)]
    # 4.
    if not orders:
        ids = (_ROWAN_MESSAGE.match(link.get("rowan_msg_id", "")) for link in links)
        orders = [found[2] + found[1] for found in ids if found]
    return Numbers(
        orders=tuple(dict.fromkeys(orders)),
        parcels=tuple(dict.fromkeys(parcels or labelled)),
        labelled=tuple(dict.fromkeys(labelled)),
        bonds=tuple(islice(bonds, _MOST_NUMBERS)),
        is_order_mail=bool(named.orders),
    )


def _tokens(text: str) -> list[_Token]:
    """Return what may be a number, in document order; `_MOST_NUMBERS` at most."""
    tokens: list[_Token] = []
    for word in _WORD.finditer(text):
        start = word.start()
        letter = text[start - 1 : start]
        if (letter.isascii() and letter.isalnum()) or not _PARCEL.fullmatch(word[0]):
            continue
        bare = text[max(0, start - _LOOK_BACK) : start].casefold().rstrip(_BETWEEN)
        before: tuple[str, ...] = (bare,)
        if bare.endswith(_SIGNS):
            sign = max((sign for sign in _SIGNS if bare.endswith(sign)), key=len)
            before = (bare, bare.removesuffix(sign).rstrip(_BETWEEN))
        tokens.append(_Token(word[0], before))
        if len(tokens) == _MOST_NUMBERS:
            break
    return tokens


def _after(words: Words, tokens: Iterable[_Token]) -> list[str]:
    """Return the numbers that stand right after a word; the number is looked for first."""
    return [token.number for token in tokens if token.follows(words)]


def _in_subject(subject: str, text: str, orders: Sequence[str], parcels: Sequence[str]) -> Numbers:
    """Sort the numbers of a subject; the word before one decides, then the links."""
    tokens = _tokens(subject)
    named_orders = [n for n in _after(_ORDER_WORDS, tokens) if _ORDER.fullmatch(n)]
    named_parcels = _after(_PACKAGE_WORDS, tokens)
    for number in (token.number for token in tokens):
        if number in named_orders or number in named_parcels:
            continue
        is_digits, is_item = number.isdigit(), _ITEM.fullmatch(number) is not None
        if number in orders or (is_digits and len(number) in (15, 16) and not is_item):
            named_orders.append(number)
        elif number in parcels:
            named_parcels.append(number)
        elif is_digits:
            # A parcel mail holds its orders in links; the subject's number is then the parcel.
            if orders and not is_item:
                named_parcels.append(number)
        elif is_valid(number) or (orders and number in text):
            named_parcels.append(number)
    return Numbers(orders=tuple(named_orders), parcels=tuple(named_parcels))


def _values(
    links: Iterable[Parameters], names: Sequence[str], shape: re.Pattern[str]
) -> Iterator[str]:
    for link in links:
        for name in names:
            if name in link:
                values = unquote(link[name]).replace(",", " ").split(maxsplit=_MOST_IN_LINK)
                yield from (v for v in values[:_MOST_IN_LINK] if shape.fullmatch(v))

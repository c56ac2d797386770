"""Names and addresses as mail programs print them in quoted headers."""

import re

from mailtrack.parsers.reading import Person

_ADDRESS = r"[^\s<>\[\]()\",;:]{1,200}@[^\s<>\[\]()\",;]{1,200}"
# Name <address>, Name [mailto:address], address <mailto:address>, Name <address<mailto:…>>
_NAMED = (
    r"(?P<name>\"[^\"]*\"|'[^']*'|«[^»]*»|„[^”]*”|[^<>\[\]\",;]{0,200}?)\s*"
    rf"[<\[(]+\s*(?:mailto:)?\s*(?P<address>{_ADDRESS})(?:\s*[<\[]mailto:[^>\]]*[>\]])?\s*[>\])]+"
)
_PERSON = re.compile(rf"{_NAMED}|(?P<bare>{_ADDRESS})")
_ONE = re.compile(r"(?P<name>.{0,200}?)" + _NAMED[_NAMED.index(r"\s*[<") :], re.DOTALL)
_QUOTES = " \t\u00a0\"'«»„”“*"


def read_people(text: str) -> tuple[Person, ...]:
    """Read a list of people, separated by commas or semicolons."""
    return tuple(_person(found) for found in _PERSON.finditer(text))


def read_person(text: str) -> Person:
    """Read one person, whose name may contain commas; the address may be missing."""
    found = _ONE.match(text.strip())
    if found:
        return _named(found["name"], found["address"])
    people = read_people(text)
    return people[0] if people else Person(text.strip(_QUOTES))


def _person(found: re.Match[str]) -> Person:
    return Person(address=found["bare"]) if found["bare"] else _named(found[1], found["address"])


def _named(name: str, address: str) -> Person:
    plain = name.strip(_QUOTES)
    return Person("" if plain.casefold() == address.casefold() else plain, address)

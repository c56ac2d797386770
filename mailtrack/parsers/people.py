"""Names and addresses as mail programs print them in quoted headers, and as texts hold them."""

import re

from mailtrack.parsers.reading import Person

#: Characters of a list of people that are read; no header needs more.
MAX_LIST = 5_000
#: A longer name before an address is none (characters).
MAX_NAME = 300

#: An address alone, anywhere in a text. Bounded, as everywhere here: strangers write these
#: mails, and some to stall us.
ADDRESS = re.compile(r"[\w.+=%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")

# Each repetition ends where the next sign begins, and gives nothing back.
_ADDRESS = r"[^\s<>\[\]()\"',;:@][^\s<>\[\]()\",;:@]{0,199}+@[^\s<>\[\]()\"',;]{1,200}+"
# <address>, [mailto:address], <address<mailto:address>>, (<address>)
_BRACKETED = (
    rf" ?[<\[(]{{1,3}} ?(?:mailto:)? ?'?(?P<address>{_ADDRESS})'?"
    r"(?: ?[<\[]mailto:[^>\]]{0,200}[>\]])? ?[>\])]{1,3}"
)
# A name may contain commas, but no second address.
_PERSON = re.compile(
    rf"(?P<bare>{_ADDRESS})(?:<mailto:[^>]{{0,200}}>)?(?! ?[<\[]| ?\({_ADDRESS}|')"
    rf"|(?P<name>\"[^\"]{{0,200}}\"|'{_ADDRESS}'|{_ADDRESS}|[^<>\[\];@]{{0,200}}?){_BRACKETED}"
)
_ONE = re.compile(_BRACKETED)
_BARE = re.compile(_ADDRESS)
# Outlook as text: jo@example.org<mailto:jo@example.org> <jo@example.org<mailto:…>>
_LINKED = re.compile(rf"({_ADDRESS})<mailto:\1>")
_MAILTO = re.compile(r"<mailto:[^>]{0,200}>")
_QUOTES = " \t\u00a0\"'«»„”“*,"


def read_people(text: str) -> tuple[Person, ...]:
    """Read a list of people, separated by commas or semicolons; addresses may be missing."""
    text = _tidy(text)
    if "@" in text:
        return tuple(
            Person(address=found["bare"])
            if found["bare"]
            else _named(found["name"], found["address"])
            for found in _PERSON.finditer(text)
        )
    names = (name.strip(_QUOTES + "<>") for name in text.split(";"))
    # "undisclosed-recipients:;" names nobody (RFC 5322, section 3.4).
    return tuple(Person(name) for name in names if name and not name.endswith(":"))


def read_person(text: str) -> Person:
    """Read one person, whose name may contain commas; the address may be missing.

    >>> read_person("Doe, Jane [mailto:jane@example.org]")
    Person(name='Doe, Jane', address='jane@example.org')
    """
    text = _tidy(text)
    found = _ONE.search(text)
    if found and found.start() <= MAX_NAME:
        return _named(text[: found.start()], found["address"])
    bare = _BARE.search(text)
    if bare:
        return _named(text[: bare.start()], bare[0])
    return Person(text.strip(_QUOTES))


def _tidy(text: str) -> str:
    """Return a text with single spaces: the patterns above rely on it to be fast."""
    return " ".join(_LINKED.sub(r"\1", text[:MAX_LIST]).split())


def _named(name: str, address: str) -> Person:
    plain = _MAILTO.sub("", name).strip(_QUOTES)
    return Person("" if plain.casefold() == address.casefold() else plain, address)

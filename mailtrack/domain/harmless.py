"""Words of strangers made harmless, before a terminal, a log or the store takes them.

Senders, carriers, shops and servers write what we repeat: in reasons, in errors, in tables.
"""

import json
import re
from unicodedata import category

#: What stands for an address of a person.
ADDRESS = "<address>"

#: The sign, and what it becomes in the address of a page or in East Asian writing.
_AT = re.compile(r"(?<=.)(?:@|%40|＠|﹫)", re.DOTALL)
#: What stands between blanks and punctuation: each run is read once, whatever it holds.
_RUN = re.compile(r"<?[^\s<>()\[\]{}\",;:|\\/?#&]+>?")
#: A local part in quotation marks (RFC 5321, 4.1.2); it has 64 octets at most (4.5.3.1.1).
_QUOTED = re.compile(r'"[^"]{1,64}"(?=@)')


def printable(text: str, keep: str = "") -> str:
    r"""Return a text that moves no cursor and hides nothing: `\u001b` for an escape character.

    Control characters, line and paragraph separators, marks that turn the direction of
    reading, half a surrogate pair and what nobody sees are written as JSON writes them, so
    that JSON stays the same JSON. `keep`: characters that are left as they are.

    >>> printable("Colis \x1b[2J expédié\n", keep="\n")
    'Colis \\u001b[2J expédié\n'
    """
    if text.isprintable():
        return text
    # French punctuation has no-break spaces, which Python does not call printable.
    return "".join(
        c if c.isprintable() or category(c) == "Zs" or c in keep else json.dumps(c)[1:-1]
        for c in text
    )


def without_addresses(text: str) -> str:
    """Return a text in which nothing can be taken for an address of a person.

    A last guard: it rather takes too much away. Linear in the length of the text.

    >>> without_addresses("550 5.1.1 <jo@example.org>: unknown, see https://example.org/?to=jo%40x")
    '550 5.1.1 <address>: unknown, see https://example.org/?<address>'
    """
    if not _AT.search(text):
        return text
    return _RUN.sub(lambda run: ADDRESS if _AT.search(run[0]) else run[0], _QUOTED.sub("x", text))

"""Takes from a text of others what a mail program or a browser would make a link of.

Programs find links by themselves, in plain text as in HTML: a scheme, an address, a bare host
whose last label some registry has, a telephone. A mark that nobody sees (U+2060) does not stop
all of them, so the link itself goes. What is meant as one (a scheme, an address, a path) is
replaced by a word. A bare host is more often a missing space ("Livré.Le colis", "ASP.NET"):
it gets one behind the dot.
"""

import re
import unicodedata

from mailtrack.domain.hosts import is_top_level

NO_LINK, NO_ADDRESS, NO_NUMBER = "(lien retiré)", "(adresse retirée)", "(numéro retiré)"

#: What browsers take for the dot in a host (UTS 46), or normalise to it (NFKC).
DOTS = ".\u3002\uff0e\uff61\u2024\ufe52"
_DOT, _AT, _COLON, _SLASH = f"[{DOTS}]", "[@\uff20\ufe6b]", "[:\uff1a\ufe55]", r"[/\\\uff0f]"
_SCHEMES = (
    "https?|ftps?|mailto|javascript|vbscript|tel|callto|smsto|sms|facetime|skype|sips?|xmpp|irc"
    "|whatsapp|intent|file|magnet|itms-apps|itms"
)

#: Without one of these there is nothing to take away.
_SUSPECT = re.compile(rf"{_DOT}|{_AT}|{_COLON}|//|\d{{2}}")
_LINK = re.compile(
    rf"[a-z][a-z0-9+.-]*{_COLON}{_SLASH}{_SLASH}.*"
    rf"|\b(?:{_SCHEMES}){_COLON}."
    rf"|\bdata{_COLON}[\w/+.-]*[,;].*"
    rf"|(?<!\w)www\d?{_DOT}\w.*",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(rf"[^{_AT[1:-1]}]{_AT}(?:localhost|.*?{_DOT})", re.IGNORECASE)
#: A dot within a word, the label behind it, and the path, question or port behind that.
_LABEL = re.compile(rf"(?<=.){_DOT}(?P<label>\w[\w-]*)(?P<path>{_DOT}?(?:{_SLASH}|[?#]|:\d))?")
_FOUR_NUMBERS = re.compile(
    rf"(?<![\w.])\d{{1,3}}(?:{_DOT}\d{{1,3}}){{3,}}(?!\w)(?P<path>[/?#]|:\d)?"
)
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]+(?![A-Za-z0-9])")
_TELEPHONE = re.compile(
    r"(?<![\w+.,-])(?:"
    r"0[1-9](?P<gap>[ .-]?)\d\d(?:(?P=gap)\d\d){3}"  # 06 39 98 00 00
    r"|(?:\+|00)[1-9]\d(?:[ .()-]{0,2}\d){6,11}"  # +33 6 39 98 00 00
    r"|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}"  # (202) 555-0100
    r")(?![\w-])"
)


def without_links(text: str) -> str:
    """Return a line of others in which no program finds a link, an address or a host.

    >>> without_links("Livré.Il attend: https://evil.example/x, a@example.org")
    'Livré. Il attend: (lien retiré) (adresse retirée)'
    """
    if not _SUSPECT.search(text):
        return text
    return " ".join(map(_word_without_links, text.split(" ")))


def without_telephones(text: str) -> str:
    """Return a line of others without what a program would dial."""
    return _TELEPHONE.sub(NO_NUMBER, text)


def _word_without_links(word: str) -> str:
    if not _SUSPECT.search(word):
        return word
    link = _LINK.search(word)
    if link:
        return _word_without_links(word[: link.start()]) + NO_LINK
    address = _ADDRESS.search(word)
    if address:
        return NO_ADDRESS
    for found in (*_LABEL.finditer(word), *_FOUR_NUMBERS.finditer(word)):
        if found["path"] and (found.re is _FOUR_NUMBERS or _ends_host(found)):
            return NO_LINK
    # No link, but what looks like a host: a space behind its dots.
    apart = _FOUR_NUMBERS.sub(lambda found: re.sub(rf"({_DOT})", r"\1 ", found[0]), word)
    apart = _LABEL.sub(
        lambda found: f"{found[0][0]} {found[0][1:]}" if _ends_host(found) else found[0], apart
    )
    return re.sub("/(?=/)", "/ ", apart)


def _ends_host(found: re.Match[str]) -> bool:
    """Return True if the label behind a dot, or how it begins, is a top-level domain."""
    label = unicodedata.normalize("NFKC", found["label"])
    if label.lower().startswith("xn--"):
        return True  # programs take it for one, whatever it stands for
    beginnings = (_LETTERS.match(label), _LATIN.match(label))
    return any(map(is_top_level, {label, *(part[0] for part in beginnings if part)}))

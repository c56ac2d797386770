"""A body as lines of text and links, whether it came as HTML or as plain text.

The shops' parsers read this and never HTML: the same rules then hold for a mail that
was forwarded as text. The CSS class around a line is remembered where it says something,
since some shops mark item titles by class.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from urllib.parse import parse_qs, urlsplit

from selectolax.lexbor import LexborHTMLParser

#: Tags of a body that are read; a shop's mail has a tenth.
MAX_TAGS = 20_000
#: Of more tags only links are left, and what hides text: a parser of HTML takes a time that
#: grows with the square of the nesting.
MAX_TREE = 5_000
#: Longer tags are left out, e.g. pictures that are written into one (characters).
MAX_TAG = 8_000
#: Characters and links of a body that are read; the rest of an endless one says nothing new.
MAX_BODY, MAX_LINKS = 1_000_000, 2_000
#: Parts of the class names that shops' parsers ask for; no other class is remembered.
MARKS = ("item-title", "product-name")
_MARKED = ",".join(f'[class*="{mark}"]' for mark in MARKS)
#: Characters in elements of these classes that are read; elements inside each other hold the
#: same text again and again.
MAX_MARKED = 100_000

_SKIPPED = ["head", "script", "style", "template", "title"]
# No-break and other wide spaces, and what nobody sees: one set, so that the search runs in C.
_WIDE = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_ODD = re.compile(rf"[{_WIDE}\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# `<name@example.org>` written without escaping would vanish as an unknown element.
_PSEUDO_TAG = re.compile(r"@[^<>\s@\"'=]{1,200}>")
_LOCAL_PART = re.compile(r"<(?:mailto:)?[^<>\s/\"'=]{1,200}")

# Where lines end is written into the HTML as white space, before it is parsed: white space is
# all that a parser leaves where it stands inside a table, and passes in C replace a walk over
# every node. What white space there was is a plain space by then.
_BLOCK, _ANCHOR = "\f", "\v"
_SPACES = ("\n", "\t", "\f", "\r", "\v", "&#13;", "&#10;", "&#9;", "&#xD;", "&#xA;", "&Tab;")
#: After the mark of a block; a paragraph leaves a line blank, a break only an empty line.
_PARAGRAPH, _BREAK = "\n", "\t"
#: Two characters tell the tags apart that end a line, well enough and in no time.
_TAG_MARKS: dict[str, str] = {
    start: mark + "<"
    for mark, starts in {
        _BLOCK: "td|th|tr|ta|tb|tf|di|li|ul|ol|dl|dt|dd|h1|h2|h3|h4|h5|h6|hr|bl|ce|pr|bo|ad|ar|fi"
        "|he|ma|se|/d|/t|/l|/h|/c",
        _BLOCK + _PARAGRAPH: "p>|p |/p",
        _BLOCK + _BREAK: "br",
        _ANCHOR: "a ",
    }.items()
    for start in (starts + "|" + starts.upper()).split("|")
}
# What a parser of HTML opens anew in each block that follows, as long as it is not closed:
# a mail of 40 KB then takes a gigabyte. By another name it stays where it is.
_FORMATTING = re.compile(
    r"<(/?)(b(?:ig)?|code|em|font|i|nobr|s(?:mall|trike|trong)?|tt|u)(?=[\s/>])", re.IGNORECASE
)
#: Fewer tags are left as they are: they make no more than so many elements times themselves.
_FEW_TAGS = 1_000
_TAG_NAME = re.compile(r"[/!?]?([a-z]*)", re.IGNORECASE)
_KEPT_OUTSIDE_A_TREE = frozenset({"a", "script", "style", "title"})
_PREFORMATTED = re.compile(r"(?=</?pre\b)", re.IGNORECASE)
# A title cell and its value are one line.
_TITLE_CELL = re.compile(r"</th\s*>\s*<td\b[^<>]*>", re.IGNORECASE)

# Two patterns, since a search for one character in front is four times as fast as for two.
_BRACKETED_URLS = (
    re.compile(r"<(https?://[^<>\[\]]+)[>\]]"),
    re.compile(r"\[(https?://[^<>\[\]]+)[>\]]"),
)
_BARE_URL = re.compile(r"https?://[^\s<>\[\]\"]+")

#: Link scanners and search engines put the real address into a parameter of theirs.
_WRAPPERS: dict[str, str] = {
    "google.com": "q",
    "safelinks.protection.outlook.com": "url",
    "urldefense.proofpoint.com": "u",
    "deref-mail.com": "redirectUrl",
    "deref-gmx.fr": "redirectUrl",
    "deref-web.de": "redirectUrl",
}
_WRAPPING = ("google.", "outlook.com", "urldefense", "deref-")
_MAYBE_WRAPPED = re.compile(rf"https?://[^/?#]{{0,253}}(?:{'|'.join(map(re.escape, _WRAPPING))})")
_URLDEFENSE = re.compile(r"https://urldefense\.com/v3/__(.+?)__;")


@dataclass(frozen=True, slots=True)
class Link:
    """One address that the body links to, and the line where it begins."""

    url: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """The lines and links of a body.

    `marks`: the class attribute around a line, by the line's text, if it contains one of `MARKS`.
    """

    lines: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()

    def between(self, start: int, end: int | None = None) -> "Content":
        """Return what stands from line `start` up to `end`, or to the end; lines count anew."""
        end = len(self.lines) + 1 if end is None else end
        links = tuple(Link(k.url, k.line - start) for k in self.links if start <= k.line < end)
        return Content(self.lines[start:end], links, self.marks)


def from_text(text: str) -> Content:
    """Read a plain-text body; addresses broken over lines inside <…> are put together."""
    rest, urls = text[:MAX_BODY].replace("\t", " "), list[str]()
    for pattern in _BRACKETED_URLS:
        first, *pieces = pattern.split(rest)
        urls += ["".join(url.split()) for url in pieces[::2]]
        rest = first + "".join(pieces[1::2])
    urls += [url.rstrip(".,;)") for url in _BARE_URL.findall(rest)]
    rest = _visible(rest)
    lines = map(_tidy if "  " in rest else str.strip, rest.splitlines())
    urls = list(dict.fromkeys(urls[:MAX_LINKS]))
    unwrap = unwrap_url if any(map("\n".join(urls).__contains__, _WRAPPING)) else str
    return Content(tuple(lines), tuple([Link(unwrap(url)) for url in urls]))


@lru_cache(maxsize=1)
def from_html(html: str) -> Content:
    """Read an HTML body. One mail asks several times: as a forward, as a letter, as a whole.

    1. Mark in the HTML where lines end and links begin, parse it and take its text.
    2. Take the links, each with the line where it begins.
    3. Remember the class of each line that lies in an element of a known class.
    """
    # 1.
    tree = LexborHTMLParser(_with_line_ends(html[:MAX_BODY]))
    tree.strip_tags(_SKIPPED)
    lines, anchors = _lines(tree.root.text() if tree.root else "")
    # 2.
    nodes = tree.css("a")
    # Adopted anchors are copied, hidden ones leave no trace; the last line then stands for all.
    places = anchors if len(anchors) == len(nodes) else [len(lines)] * len(nodes)
    urls = [(node.attributes.get("href") or "").lstrip() for node in nodes]
    links = (
        Link(unwrap_url(url.strip()), line)
        for line, url in zip(places, urls, strict=True)
        if url.startswith("http")
    )
    # 3.
    marks: dict[str, str] = {}
    left = MAX_MARKED
    for node in tree.css(_MARKED) if any(mark in html for mark in MARKS) else ():
        text = node.text()
        left -= len(text)
        if left < 0:
            break
        marks |= dict.fromkeys(_lines(text)[0], node.attributes["class"] or "")
    return Content(tuple(lines), tuple(islice(links, MAX_LINKS)), marks)


def unwrap_url(url: str) -> str:
    """Return the address that a link scanner's address stands for, or the address itself.

    >>> unwrap_url("https://www.google.com/url?q=https%3A%2F%2Fwww.aliexpress.com%2F&source=gmail")
    'https://www.aliexpress.com/'
    """
    if not _MAYBE_WRAPPED.match(url):
        return url
    defended = _URLDEFENSE.match(url)
    if defended:
        return defended[1]
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # e.g. an unfinished IPv6 host
        return url
    for wrapper, parameter in _WRAPPERS.items():
        if host == wrapper or host.endswith("." + wrapper):
            inner = parse_qs(parts.query).get(parameter, [""])[0]
            return inner if inner.startswith("http") else url
    return url


def _with_line_ends(html: str) -> str:
    """Return the HTML, as far as we read it, with marks where lines end and links begin.

    1. While lines still end: drop comments, write the breaks of preformatted text as tags, join
       title cells and their values.
    2. Make all white space plain, and escape addresses in angle brackets.
    3. Leave out tags that are too long.
    4. Put the marks before the tags; keep formatting from being opened again in each block.
    5. Of a huge body's tags keep the marks alone, and those tags that we need.
    """
    # 1.
    first, *rest = html.split("<!--")
    html = first + "".join(piece.partition("-->")[2] for piece in rest)
    if "<pre" in html or "<PRE" in html:
        pieces = _PREFORMATTED.split(html)
        html = "".join([x.replace("\n", "<br>") if x[1:4].lower() == "pre" else x for x in pieces])
    if "</th" in html or "</TH" in html:
        html = _TITLE_CELL.sub(" ", html)
    # 2.
    for space in _SPACES:
        html = html.replace(space, " ")
    html = _with_addresses(html)
    # 3.
    first, *tags = html.split("<")
    if len(html) > MAX_TAG and max(map(len, tags), default=0) > MAX_TAG:
        tags = [x if ">" in x[: MAX_TAG + 1] else "x>" + x.partition(">")[2] for x in tags]
    # 4.
    if len(tags) <= MAX_TREE:
        marked = "".join([_TAG_MARKS.get(tag[:2], "<") + tag for tag in tags])
        return first + (_FORMATTING.sub(r"<\1x-\2", marked) if len(tags) > _FEW_TAGS else marked)
    # 5.
    flat = [first]
    for tag in tags[:MAX_TAGS]:
        mark, name = _TAG_MARKS.get(tag[:2], "<"), _TAG_NAME.match(tag)
        if name is None or tag[:1].isspace() or name[1].lower() in _KEPT_OUTSIDE_A_TREE:
            flat.append(mark + tag)
        else:
            flat.append(mark[:-1] + tag.partition(">")[2])
    return "".join(flat)


def _with_addresses(html: str) -> str:
    """Return the HTML with addresses in angle brackets escaped."""
    pieces: list[str] = []
    done = 0
    for found in _PSEUDO_TAG.finditer(html):
        start = html.rfind("<", max(done, found.start() - 210), found.start())
        if start >= 0 and _LOCAL_PART.fullmatch(html, start, found.start()):
            pieces += (html[done:start], "&lt;")
            done = start + 1
    return "".join((*pieces, html[done:]))


def _lines(text: str) -> tuple[list[str], list[int]]:
    """Return the lines of a marked text, and the line in which each link begins."""
    lines: list[str] = []
    anchors: list[int] = []
    gap = was_text = False
    for piece in _visible(text).split(_BLOCK):
        # The first break ends the line, a second one leaves a line blank.
        gap |= piece[:1] == _PARAGRAPH or (piece[:1] == _BREAK and not was_text)
        line = _tidy(piece.replace(_ANCHOR, ""))
        was_text = bool(line)
        if line and gap:
            lines += ("",) if lines else ()
            gap = False
        if _ANCHOR in piece:
            anchors += [len(lines)] * piece.count(_ANCHOR)
        if line:
            lines.append(line)
    return lines, anchors


def _visible(text: str) -> str:
    """Return the text without what nobody sees, all its spaces plain."""
    if text.isascii():
        return text
    # Some mails have no other spaces, and a call for each takes its time.
    text = text.replace("\u00a0", " ")
    return _ODD.sub(lambda odd: " " if odd[0].isspace() else "", text)


def _tidy(line: str) -> str:
    """Return the line with single spaces; nearly every line has no others."""
    line = line.strip()
    return " ".join(line.split()) if "  " in line else line

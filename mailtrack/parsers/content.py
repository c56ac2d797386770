"""A body as lines of text and links, whether it came as HTML or as plain text.

The shops' parsers read this and never HTML: the same rules then hold for a mail that
was forwarded as text. Each line remembers the CSS class around it, since some shops
mark item titles by class.
"""

import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qs, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Elements on lines of their own.
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article blockquote body center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6"
        " td header hr li main ol p pre section table tbody tfoot thead tr ul",
    )
)
#: Tags of a body that are read; a shop's mail has a tenth. Lexbor takes a time that grows
#: with the square of the nesting, so that more would be a way to stall us.
MAX_TAGS = 20_000

_SKIPPED = frozenset({"head", "script", "style", "template", "title"})
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad\u034f]")
# `<name@example.org>` written without escaping would vanish as an unknown element.
_PSEUDO_TAG = re.compile(r"<(?=/?(?:mailto:)?[^<>\s/\"'=]+@[^<>\s]+>)")
_BRACKETED_URL = re.compile(r"[<\[](https?://[^<>\[\]]+)[>\]]")
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
_URLDEFENSE = re.compile(r"https://urldefense\.com/v3/__(.+?)__;")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; `mark` is the class attribute of the nearest element that has one."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One address that the body links to, and the line where it begins."""

    url: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """The lines and links of a body."""

    lines: tuple[Line, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines).strip()

    def since(self, line: int) -> "Content":
        """Return what follows, counted from `line`."""
        links = tuple(Link(k.url, k.line - line) for k in self.links if k.line >= line)
        return Content(self.lines[line:], links)


def from_text(text: str) -> Content:
    """Read a plain-text body; addresses broken over lines inside <…> are put together."""
    links = [Link(re.sub(r"\s+", "", m[1])) for m in _BRACKETED_URL.finditer(text)]
    rest = _BRACKETED_URL.sub("", text)
    links += [Link(m[0].rstrip(".,;)")) for m in _BARE_URL.finditer(rest)]
    lines = tuple(Line(_tidy(line)) for line in rest.splitlines())
    return Content(lines, tuple(Link(unwrap_url(link.url)) for link in links))


def from_html(html: str) -> Content:
    """Read an HTML body."""
    tree = LexborHTMLParser(_PSEUDO_TAG.sub("&lt;", _cut(html)))
    tree.strip_tags(list(_SKIPPED))
    writer = _Writer(has_header_cells=tree.css_first("th") is not None)
    if tree.root is not None:
        for node in tree.root.traverse(include_text=True):
            writer.take(node)
    return writer.content()


def _cut(html: str) -> str:
    """Return the HTML up to its last tag that we are ready to read."""
    last = next(islice(re.finditer("<", html), MAX_TAGS, None), None)
    return html[: last.start()] if last else html


def unwrap_url(url: str) -> str:
    """Return the address that a link scanner's address stands for, or the address itself."""
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


class _Writer:
    """Collects lines from nodes in document order.

    Nodes announce their beginning, not their end; a line therefore ends where a block
    begins and where a text lies in another block than the text before it.
    """

    def __init__(self, has_header_cells: bool) -> None:
        self._has_header_cells = has_header_cells
        self._lines: list[Line] = []
        self._links: list[Link] = []
        self._pieces: list[str] = []
        self._mark = ""
        self._block: tuple[int, str | None] = (0, None)

    def take(self, node: LexborNode) -> None:
        tag = node.tag
        if tag == "-text":
            self._text(node, node.text_content or "")
        elif tag == "br":
            self._end_line(blank=not self._pieces)
        elif tag == "a":
            self._link(node)
        elif tag in _BLOCKS and not self._follows_header_cell(node, tag):
            self._end_line(blank=tag == "p")

    def content(self) -> Content:
        self._end_line(blank=False)
        return Content(tuple(self._lines), tuple(self._links))

    def _link(self, node: LexborNode) -> None:
        url = node.attributes.get("href") or ""
        if url.startswith("http"):
            self._links.append(Link(unwrap_url(url), len(self._lines)))

    def _text(self, node: LexborNode, text: str) -> None:
        if text.isspace() and "\u00a0" not in text:
            if self._pieces:
                self._pieces.append(" ")
            return
        block, mark = self._around(node)
        if block != self._block:
            self._end_line(blank=self._block[1] == "p")
            self._block = block
        first, *rest = text.split("\n") if block[1] == "pre" else (text,)
        self._add(first, mark)
        for line in rest:
            self._end_line(blank=not self._pieces)
            self._add(line, mark)

    def _around(self, node: LexborNode) -> tuple[tuple[int, str | None], str]:
        """Return the block that a text lies in and the class of the nearest classed element."""
        mark = ""
        parent = node.parent
        while parent is not None:
            tag = parent.tag
            mark = mark or parent.attributes.get("class") or ""
            if tag in _BLOCKS and not self._follows_header_cell(parent, tag):
                return (parent.mem_id, tag), mark
            parent = parent.parent
        return (0, None), mark

    def _follows_header_cell(self, node: LexborNode, tag: str | None) -> bool:
        """Say whether a cell stands beside its title, so that both are one line."""
        if tag != "td" or not self._has_header_cells:
            return False
        before = node.prev
        while before is not None and before.tag == "-text":
            before = before.prev
        return before is not None and before.tag == "th"

    def _add(self, text: str, mark: str) -> None:
        if not text.strip():
            return
        if not self._pieces:
            self._mark = mark
        self._pieces.append(text)

    def _end_line(self, blank: bool) -> None:
        if self._pieces:
            text = _tidy("".join(self._pieces))
            self._pieces.clear()
            if text:
                self._lines.append(Line(text, self._mark))
        if blank and self._lines and self._lines[-1].text:
            self._lines.append(Line(""))


def _tidy(text: str) -> str:
    return _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip()

"""Takes a forwarded mail apart: who forwarded what, and what they wrote above it.

Four ways in: sent on by a rule (the shop is still the sender), attached, quoted below a
header block, or no forward at all. Nothing found here proves who anybody is.
"""

import re
import textwrap
from collections.abc import Callable, Sequence

from mailtrack.parsers.content import Content, from_html, from_text
from mailtrack.parsers.forward_labels import FORWARD_PREFIX, REPLY_PREFIX, Field
from mailtrack.parsers.header_block import (
    Block,
    Separator,
    find_beginning,
    find_blocks,
    is_ending,
    labels_above,
    unquote,
)
from mailtrack.parsers.label_lines import AROUND
from mailtrack.parsers.message import Message, decode_words
from mailtrack.parsers.own_words import MAX_SENTENCE, attribution_length
from mailtrack.parsers.people import read_people, read_person
from mailtrack.parsers.reading import Forward, ForwardMethod, Original, Person

IsShop = Callable[[Person], bool]

_NOBODY = Person()
_ADDRESS = re.compile(r"[\w.+=%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
#: So many fields below a separator are a forward, even where nobody has an address.
_FULL_BLOCK = 4
#: Headers in which forwarding servers name the mailbox that the mail came from.
_AUTOMATIC_HEADERS = (
    "x-forwarded-for",
    "resent-from",
    "x-ms-exchange-forwardingloop",
    "x-ms-exchange-inbox-rules-loop",
)
# Gmail's envelope: source+caf_=dest-local=dest-domain@source-domain
_CAF = re.compile(r"([\w.+-]{1,64}?)\+caf_=[^@]{1,200}@([\w.-]{1,200})")
_SRS = re.compile(r"<?(?:SRS[01][=+-]|[\w.-]+\+SRS=)", re.IGNORECASE)
# "[EXTERNAL] TR: …": tags that mail gateways put before the subject.
_TAGS = re.compile(r"^(?:\[[^\]]{1,20}\]\s*)+")
_WORDS_BEFORE_NAME = re.compile(
    r".*(?:\d|,|\bheeft|\bidőpontban|\bpoužívateľ|\bпользователь|\bużytkownik|\bschrieb|\bskrev)\s+"
)
# « "Doe, John" <jo@…> »: the comma is the name's own.
_QUOTED_NAME = re.compile(r"[\"„«“][^\"„«“”»]{1,100}[\"”»“]$")
#: KMail marks the end of a forward with a line of at least so many dashes.
_LAST_RULE = 30
_DATE = re.compile(r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{2,4}[.,]?(?:\D{1,8}\d{1,2}[:.]\d{2})?")


def unwrap(message: Message, is_shop: IsShop) -> Forward:
    """Take one mail apart; `is_shop` knows the senders that matter."""
    if is_shop(message.sender):
        return _sent_on(message)
    return (
        _attached(message, is_shop)
        or _quoted(message, is_shop)
        or _redirected(message)
        or _plain(message)
    )


def whole(message: Message) -> Original:
    """Return a mail as it stands as the original."""
    content = from_html(message.html) if message.html else from_text(message.text)
    return Original(
        sender=message.sender,
        to=message.to,
        cc=message.cc,
        subject=message.subject,
        date=message.header("date"),
        body=message.text.strip() or content.text,
        content=content,
    )


def _plain(message: Message) -> Forward:
    words = message.text or from_html(message.html).text
    return Forward(False, None, message.sender, words.strip(), Original())


def _sent_on(message: Message) -> Forward:
    """Return a mail of the shop: sent on by a rule, or read straight from a file."""
    source = source_of(message)
    envelope = message.header("return-path")
    if source or _SRS.match(envelope) or message.header("x-forwarded-to"):
        person = source or next(iter(message.to), _NOBODY)
        return Forward(True, ForwardMethod.AUTOMATIC, person, "", whole(message))
    return Forward(False, None, next(iter(message.to), _NOBODY), "", whole(message))


def _redirected(message: Message) -> Forward | None:
    """Return a mail of somebody else that a rule sent on."""
    source = source_of(message)
    if source is None or message.header("list-id") or source.address == message.sender.address:
        return None
    return Forward(True, ForwardMethod.AUTOMATIC, source, "", whole(message))


def source_of(message: Message) -> Person | None:
    """Return whose mailbox a rule sent a mail on from, as the headers of its way say."""
    for name in _AUTOMATIC_HEADERS:
        # Every hop adds its own on top; the lowest is where the way began.
        found = [_ADDRESS.search(value) for value in message.all(name)]
        if found and found[-1]:
            return Person(address=found[-1][0])
    caf = _CAF.search(message.header("return-path"))
    return Person(address=f"{caf[1]}@{caf[2]}") if caf else None


def _attached(message: Message, is_shop: IsShop) -> Forward | None:
    if not message.attached or message.is_bounce:
        return None
    inner = [_inside(attached, is_shop) for attached in message.attached]
    shops = [original for original in inner if is_shop(original.sender)]
    if not shops and _is_reply(message):
        return None
    first, *others = shops or inner[:1]
    words = message.text or from_html(message.html).text
    return Forward(
        True, ForwardMethod.ATTACHMENT, message.sender, words.strip(), first, tuple(others)
    )


def _inside(message: Message, is_shop: IsShop) -> Original:
    """Return the original in an attached mail, which may itself be a forward of the shop's."""
    forward = unwrap(message, is_shop)
    return forward.original if is_shop(forward.original.sender) else whole(message)


def _quoted(message: Message, is_shop: IsShop) -> Forward | None:
    lines = message.text.split("\n")
    html = from_html(message.html) if message.html else Content()
    by_text = _chain(lines, message, is_shop)
    by_html = _chain(html.lines, message, is_shop)
    if not (by_text or by_html):
        return None
    # The text has the words as they were written, the HTML has the links.
    source, chain = (lines, by_text) if by_text else (html.lines, by_html)
    block = _choose(chain, is_shop)
    body = _body(source, block)
    content = html.since(_choose(by_html, is_shop).end) if by_html else html
    original = _original(block, body, content if html.lines else from_text(body), message)
    said = "\n".join(source[: chain[0].start]).strip()
    return Forward(True, ForwardMethod.INLINE, message.sender, said, original)


def _chain(lines: Sequence[str], message: Message, is_shop: IsShop) -> list[Block]:
    """Return the header blocks from the outermost forward inwards; [] where there is none."""
    blocks = list(find_blocks(lines))
    last_start = blocks[-1].start if blocks and not _has_forward_prefix(message) else 0
    quote = next((at for at in range(last_start) if attribution_length(lines, at)), len(lines))
    for at, block in enumerate(blocks):
        if _is_forward(block, quote, message, is_shop):
            return blocks[at:]
    last = _attribution(lines) if _has_forward_prefix(message) else None
    if last is None and not _is_reply(message):
        last = find_beginning(lines)
    return [last] if last else []


def _is_forward(block: Block, quote: int, message: Message, is_shop: IsShop) -> bool:
    """Tell a forward from a reply, whose quote begins at a line, in nearly the same way."""
    if _has_forward_prefix(message):
        return True
    if quote < block.start:
        return False
    if block.separator is Separator.FORWARDED:
        return True
    if _is_reply(message):
        return False
    sender = read_person(block.fields[Field.FROM])
    is_full = block.separator and len(block.fields) >= _FULL_BLOCK
    return is_shop(sender) or bool((sender.address or is_full) and not message.in_reply_to)


def _choose(chain: list[Block], is_shop: IsShop) -> Block:
    """Return the innermost block of the shop, else the outermost of all."""
    shops = [block for block in chain if is_shop(read_person(block.fields[Field.FROM]))]
    return shops[-1] if shops else chain[0]


def _original(block: Block, body: str, content: Content, message: Message) -> Original:
    # Programs that show headers raw quote them raw (RFC 2047).
    fields = {field: decode_words(value) for field, value in block.fields.items()}
    return Original(
        sender=read_person(fields[Field.FROM]),
        to=read_people(fields.get(Field.TO, "")),
        cc=read_people(fields.get(Field.CC, "")),
        subject=fields.get(Field.SUBJECT) or _bare_subject(message),
        date=fields.get(Field.DATE, ""),
        body=body,
        content=content,
    )


def _body(lines: Sequence[str], block: Block) -> str:
    rest = [line for line in lines[block.end :] if "--" not in line or not is_ending(line)]
    if block.separator is Separator.FORWARDED:
        rest = _without_last_rule(rest)
    first = next((line for line in rest if line.strip()), "")
    if block.quotes or first.lstrip().startswith(">"):
        rest = _unquoted(rest, block.quotes)
    return _dedent(rest)


def _without_last_rule(rest: list[str]) -> list[str]:
    end = next((n for n in range(len(rest), 0, -1) if rest[n - 1].strip()), 0)
    last = rest[end - 1].rstrip() if end else ""
    return rest[: end - 1] if len(last) >= _LAST_RULE and not last.strip("-") else rest


def _unquoted(rest: Sequence[str], depth: int) -> list[str]:
    marked = [n for n, line in enumerate(rest) if line.lstrip().startswith(">")]
    is_quoted = depth and any(rest[n].strip("> ") for n in marked)
    if is_quoted and not any(rest[marked[-1] + 1 : marked[-1] + 2]):
        # What follows unquoted, after a blank line, is the forwarder's again.
        rest = rest[: marked[-1] + 1]
    elif marked and len(marked) == sum(1 for line in rest if line.strip()):
        depth += 1  # Missive quotes the body and not its header
    return unquote(rest, depth)


def _dedent(lines: Sequence[str]) -> str:
    """Return a text without the indentation that Outlook 2019 gives all its lines."""
    first, text = next((line for line in lines if line.strip()), ""), "\n".join(lines)
    return (textwrap.dedent(text) if first[:1].isspace() else text).strip()


def _attribution(lines: Sequence[str]) -> Block | None:
    """Read the one sentence that Outlook 2019 puts above a forward instead of a block."""
    for at, line in enumerate(lines):
        length = attribution_length(lines, at) or int(_is_dated(line.lstrip(AROUND)))
        text = " ".join([x.lstrip(AROUND).rstrip() for x in lines[at : at + length]])
        address = _ADDRESS.search(text)
        if address:
            before = text[: address.start()].rstrip(" <([")
            quoted = _QUOTED_NAME.search(before)
            words = _WORDS_BEFORE_NAME.match(before)
            name = quoted[0] if quoted else before[words.end() if words else 0 :]
            date = _DATE.search(text)
            start, fields = labels_above(lines, at)
            fields[Field.FROM] = f"{name} <{address[0]}>"
            fields[Field.DATE] = date[0] if date else ""
            return Block(start, at + length, Separator.FORWARDED, fields, quotes=1)
    return None


def _is_dated(line: str) -> bool:
    """Return True if a line is Yandex's `02.03.2026, 09:31, "Jo" <jo@…>:`."""
    return len(line) <= MAX_SENTENCE and line.endswith(">:") and _DATE.match(line) is not None


def _subject(message: Message) -> str:
    return _TAGS.sub("", message.subject.strip())


def _bare_subject(message: Message) -> str:
    """Return the outer subject without its prefixes ("TR: Fwd: …")."""
    subject = _subject(message)
    while prefix := FORWARD_PREFIX.match(subject):
        subject = _TAGS.sub("", subject[prefix.end() :])
    return subject


def _has_forward_prefix(message: Message) -> bool:
    return FORWARD_PREFIX.match(_subject(message)) is not None


def _is_reply(message: Message) -> bool:
    return REPLY_PREFIX.match(_subject(message)) is not None

"""Takes a forwarded mail apart: who forwarded what, and what they wrote above it.

Four ways in: sent on by a rule (the shop is still the sender), attached, quoted below a
header block, or no forward at all. Nothing found here proves who anybody is.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

from mailtrack.parsers.content import Content, from_html, from_text
from mailtrack.parsers.forward_labels import FORWARD_PREFIX, REPLY_PREFIX, Field
from mailtrack.parsers.header_block import (
    Block,
    Separator,
    find_attribution,
    find_beginning,
    find_blocks,
    is_ending,
    next_attribution,
    unquote,
)
from mailtrack.parsers.message import Message, decode_words
from mailtrack.parsers.people import ADDRESS, read_people, read_person
from mailtrack.parsers.reading import Forward, ForwardMethod, Original, Person

IsShop = Callable[[Person], bool]

_NOBODY = Person()
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
#: Lines of one mail in which the beginning of an older letter is looked for.
MAX_QUOTED = 2_000
#: KMail marks the end of a forward with a line of at least so many dashes.
_LAST_RULE = 30


def unwrap(message: Message, is_shop: IsShop) -> Forward:
    """Take one mail apart; `is_shop` knows the senders that matter.

    1. A mail of the shop itself was sent on by a rule, or comes straight from a file; people
       who work there forward as others do.
    2. Else the shop's mail is attached, or any mail is, and this is no answer.
    3. Else it is quoted below a header block.
    4. Else a rule sent on a mail of somebody else.
    5. Else the mail is no forward.
    """
    # 1.
    if is_shop(message.author) and not FORWARD_PREFIX.match(_subject(message)):
        source = source_of(message)
        envelope = message.header("return-path")
        was_sent_on = bool(source or _SRS.match(envelope) or message.header("x-forwarded-to"))
        method = ForwardMethod.AUTOMATIC if was_sent_on else None
        person = source or next(iter(message.to), _NOBODY)
        return Forward(was_sent_on, method, person, "", whole(message))
    # 2.
    words = (message.text or from_html(message.html).text).strip()
    if message.attached and not message.is_bounce:
        inner: list[Original] = []
        for attached in message.attached:
            # What is attached may itself be a forward of the shop's, and of several mails.
            held = unwrap(attached, is_shop)
            mails = [mail for mail in (held.original, *held.others) if is_shop(mail.sender)]
            inner += mails or [whole(attached)]
        # Shops' mails first.
        first, *others = sorted(inner, key=lambda mail: not is_shop(mail.sender))
        if is_shop(first.sender) or not _is_reply(message):
            method = ForwardMethod.ATTACHMENT
            return Forward(True, method, message.sender, words, first, tuple(others))
    # 3.
    quoted = _quoted(message, is_shop)
    if quoted:
        return quoted
    # 4.
    source = source_of(message)
    if source and not message.header("list-id") and source.address != message.sender.address:
        return Forward(True, ForwardMethod.AUTOMATIC, source, "", whole(message))
    # 5.
    return Forward(False, None, message.sender, words, Original())


def whole(message: Message) -> Original:
    """Return a mail as it stands as the original."""
    content = from_html(message.html) if message.html else from_text(message.text)
    return Original(
        sender=message.author,
        to=message.to,
        cc=message.cc,
        subject=message.subject,
        date=message.header("date"),
        body=message.text.strip() or content.text,
        content=content,
    )


def source_of(message: Message) -> Person | None:
    """Return whose mailbox a rule sent a mail on from, as the headers of its way say."""
    for name in _AUTOMATIC_HEADERS:
        # Every hop adds its own on top; the lowest is where the way began.
        found = [ADDRESS.search(value) for value in message.all(name)]
        if found and found[-1]:
            return Person(address=found[-1][0])
    caf = _CAF.search(message.header("return-path"))
    return Person(address=f"{caf[1]}@{caf[2]}") if caf else None


def _quoted(message: Message, is_shop: IsShop) -> Forward | None:
    """Return the mails that are quoted below header blocks, None where none is.

    1. Look for header blocks in the text and in the HTML.
    2. Take the words from the text, as they were written, and the links from the HTML.
    3. Each mail of a shop is one of its own; it ends where the next one begins.
    """
    # 1.
    lines = message.text.split("\n")
    html = from_html(message.html) if message.html else Content()
    by_text = _chain(lines, message, is_shop)
    by_html = _chain(html.lines, message, is_shop)
    if not (by_text or by_html):
        return None
    # 2.
    source, chain = (lines, by_text) if by_text else (html.lines, by_html)
    said = "\n".join(source[: chain[0].start]).strip()
    segments = list(_segments(source, chain, is_shop))
    linked = list(_segments(html.lines, by_html, is_shop))
    # 3.
    originals = []
    for at, (block, end) in enumerate(segments):
        body = _body(source[:end], block)
        if html.lines and len(linked) == len(segments):
            content = html.between(linked[at][0].end, linked[at][1])
        elif html.lines and len(segments) == 1:
            content = html.between(linked[-1][0].end if linked else 0)
        else:
            # Whose the links are that the HTML holds, nobody can tell.
            content = from_text(body)
        originals.append(_original(message, block, body, content))
    first, *others = originals
    below = _said_below(source, chain[-1])
    method = ForwardMethod.INLINE
    return Forward(True, method, message.sender, said, first, tuple(others), below)


def _segments(
    lines: Sequence[str], chain: Sequence[Block], is_shop: IsShop
) -> Iterator[tuple[Block, int | None]]:
    """Yield the blocks of the mails that matter, each with the line where its mail ends.

    Those of shops, then those of others beside them; where no shop wrote, the outermost. In a
    forward of a forward the outer mails are empty, or have its subject. The last mail ends with
    the text, or where an older letter is quoted.
    """
    shops: list[tuple[Block, int | None]] = []
    others: list[tuple[Block, int | None]] = []
    innermost = chain[:1]
    for at, block in enumerate(chain):
        sender = read_person(block.fields[Field.FROM])
        if is_shop(sender):
            innermost = [block]
        elif not sender.address or FORWARD_PREFIX.match(block.fields.get(Field.SUBJECT, "")):
            continue
        last = chain[at + 1].start if at + 1 < len(chain) else len(lines)
        letter = next_attribution(lines, range(block.end, min(last, block.end + MAX_QUOTED)))
        end = last if letter is None else letter
        if any(line.strip(" >") for line in lines[block.end : end]):
            mails = shops if is_shop(sender) else others
            mails.append((block, None if end == len(lines) else end))
    yield from [*shops, *others] if shops else [(block, None) for block in innermost]


def _original(message: Message, block: Block, body: str, content: Content) -> Original:
    """Return a quoted mail; programs that show headers raw quote them raw (RFC 2047)."""
    fields = {field: decode_words(value) for field, value in block.fields.items()}
    subject = fields.get(Field.SUBJECT, "")
    if not subject:
        # The outer one, without its prefixes ("TR: Fwd: …")
        subject = _subject(message)
        while prefix := FORWARD_PREFIX.match(subject):
            subject = _TAGS.sub("", subject[prefix.end() :])
    return Original(
        sender=read_person(fields[Field.FROM]),
        to=read_people(fields.get(Field.TO, "")),
        cc=read_people(fields.get(Field.CC, "")),
        subject=subject,
        date=fields.get(Field.DATE, ""),
        body=body,
        content=content,
    )


def _chain(lines: Sequence[str], message: Message, is_shop: IsShop) -> list[Block]:
    """Return the header blocks from the outermost forward inwards; [] where there is none.

    1. Below a subject with a forward's prefix, every block is a forward's.
    2. Else a block may be a reply's, whose quote begins at a line, and looks nearly the same:
       the separator tells, then the shop as the sender, then a sender that is complete.
    3. Without any block, a forward may begin with a sentence.
    """
    blocks = list(find_blocks(lines))
    is_reply = _is_reply(message)
    beginning: Block | None = None
    if FORWARD_PREFIX.match(_subject(message)):
        # 1.
        if blocks:
            return blocks
        beginning = find_attribution(lines)
    else:
        # 2.
        quote = next_attribution(lines, range(blocks[-1].start if blocks else 0))
        for at, block in enumerate(blocks):
            if quote is not None and quote < block.start:
                break
            sender = read_person(block.fields[Field.FROM])
            is_complete = sender.address or (block.separator and len(block.fields) >= _FULL_BLOCK)
            is_told = is_shop(sender) or (is_complete and not message.in_reply_to)
            if block.separator is Separator.FORWARDED or (is_told and not is_reply):
                return blocks[at:]
    # 3.
    if beginning is None and not is_reply:
        beginning = find_beginning(lines)
    return [beginning] if beginning else []


def _body(lines: Sequence[str], block: Block) -> str:
    """Return the text below a block as it was before it was quoted.

    1. Drop what marks the end of the forward.
    2. Drop quote marks.
    3. Drop the indentation that Outlook 2019 gives all its lines.
    """
    # 1.
    rest = [line for line in lines[block.end :] if "--" not in line or not is_ending(line)]
    if block.separator is Separator.FORWARDED:
        end = next((n for n in range(len(rest), 0, -1) if rest[n - 1].strip()), 0)
        last = rest[end - 1].rstrip() if end else ""
        if len(last) >= _LAST_RULE and not last.strip("-"):
            rest = rest[: end - 1]
    # 2.
    depth = block.quotes
    first = next((line for line in rest if line.strip()), "")
    if depth or first.lstrip().startswith(">"):
        marked = [n for n, line in enumerate(rest) if line.lstrip().startswith(">")]
        is_quoted = depth and any(rest[n].strip("> ") for n in marked)
        if is_quoted and not any(rest[marked[-1] + 1 : marked[-1] + 2]):
            # What follows unquoted, after a blank line, is the forwarder's again.
            rest = rest[: marked[-1] + 1]
        elif marked and len(marked) == sum(1 for line in rest if line.strip()):
            depth += 1  # Missive quotes the body and not its header
        rest = unquote(rest, depth)
    # 3.
    first = next((line for line in rest if line.strip()), "")
    text = "\n".join(rest)
    return (textwrap.dedent(text) if first[:1].isspace() else text).strip()


def _said_below(lines: Sequence[str], block: Block) -> str:
    """Return what stands behind the mark at a forward's end, or unquoted behind what is quoted."""
    rest = lines[block.end :]
    ended = [n for n, line in enumerate(rest) if "--" in line and is_ending(line)]
    if not ended and block.quotes:
        ended = [n for n, line in enumerate(rest) if line.lstrip().startswith(">")]
    return "\n".join(rest[ended[-1] + 1 :]).strip() if ended else ""


def _subject(message: Message) -> str:
    return _TAGS.sub("", message.subject.strip())


def _is_reply(message: Message) -> bool:
    return REPLY_PREFIX.match(_subject(message)) is not None

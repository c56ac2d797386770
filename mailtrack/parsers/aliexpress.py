"""AliExpress: which mails are its own, and what they say."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from mailtrack.domain.milestones import STAGES, Milestone
from mailtrack.domain.model import Candidate, Outcome
from mailtrack.domain.numbers import detect
from mailtrack.parsers.aliexpress_cards import read_steps
from mailtrack.parsers.aliexpress_details import (
    read_estimated_delivery,
    read_items,
    read_ordered_at,
)
from mailtrack.parsers.aliexpress_numbers import PARAMETERS, Numbers, Parameters, read_numbers
from mailtrack.parsers.aliexpress_words import (
    DOUBTS,
    ORDER_KINDS,
    ORDER_WORDS,
    PACKAGE_WORDS,
    STEPS,
    TEMPLATES,
    StepWording,
)
from mailtrack.parsers.content import Link
from mailtrack.parsers.lazy_pattern import LazyPattern
from mailtrack.parsers.reading import IDLE_KINDS, Forward, Original, ParcelRead, Person, Reading
from mailtrack.parsers.shop import Brand, Recognition, Shop, host_of, parameters_of
from mailtrack.parsers.shop import recognise as recognise_brand

CODE = "aliexpress"

BRAND = Brand(
    name="AliExpress",
    domains=(
        "aliexpress.com",
        "aliexpress.us",
        "aliexpress.ru",
        "aliexpress-media.com",
        "aliexpress.onelink.me",  # its app, at AppsFlyer
    ),
    signers=("aliexpress.com", "aliexpress.us", "aliexpress.ru"),
)

#: Hosts whose links carry numbers that may be believed.
LINK_DOMAINS = (*BRAND.domains, "cainiao.com")
_LINK_HOST = re.compile(rf"(?:.*\.)?(?:{'|'.join(map(re.escape, LINK_DOMAINS))})")

#: Senders that never write about an order, by address or by the domain's first label.
SENDER_KINDS: dict[str, str] = {
    "aliexpress@notice.aliexpress.com": "survey",
    "account@notice.aliexpress.com": "account",
    "promotion@aliexpress.com": "marketing",
    "deals": "marketing",
    "newarrival": "marketing",
    "info": "marketing",
    "selections": "marketing",
    "mail": "marketing",
    "promotion": "marketing",
}

#: A parcel that an AliExpress mail names is known to Cainiao, whatever its shape.
_BY_CONTEXT = Candidate("cainiao", "aliexpress_mail", "none")

_TEMPLATE = LazyPattern(r"(?P<name>.+?)_(?P<language>[a-z]{2})_[A-Z]{2}_\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"(?=(?:[a-z]{0,40}+\d){6})[a-z0-9]{8,40}")
#: Subjects and sentences that tell a step are shorter than this (characters).
_MAX_SENTENCE = 500
#: Sentences with a number in which a step is looked for; a real mail tells it in the first.
_MOST_SENTENCES = 40


def recognise(original: Original) -> Recognition:
    """Return whether a mail is AliExpress's own, somebody else's or an imitation."""
    return recognise_brand(BRAND, original)


def read(original: Original, forward: Forward) -> Reading:
    """Read one mail of AliExpress's: structure before words.

    1. Take the parameters of the links that go to AliExpress or Cainiao, each set once.
    2. Read the numbers: in those, in the subject and in the text.
    3. Find the step, and by it and the numbers the kind; some kinds name nothing, whatever they
       contain.
    4. Tell of each parcel which orders are in it, who may carry it, and its own step, where the
       mail has one for each: that of the mail is then the furthest of them.
    5. The outcome follows from what was found.
    """
    lines = original.content.lines
    text = "\n".join(lines)
    subject = original.subject[:_MAX_SENTENCE].replace("\u00a0", " ").replace("\u202f", " ")
    # 1.
    links = _link_parameters(original.content.links)
    # 2.
    numbers = read_numbers(subject, text, links)
    # 3.
    wording = _match(subject)
    step = _step(wording, lines, numbers, links)
    kind = _kind(original.sender, step, numbers)
    idle = kind in IDLE_KINDS
    # 4.
    own_steps = read_steps(original.content, numbers.parcels) if kind == "parcels_update" else {}
    parcels = () if idle else tuple(_parcels(numbers, own_steps))
    told = max(own_steps.values(), key=lambda milestone: STAGES[milestone].rank, default=None)
    # 5.
    named = Outcome.TRACKED if numbers.parcels else Outcome.ORDER_NOTED
    unknown = Milestone.UNKNOWN if numbers.found else None
    head, colon, tail = subject.partition(":")
    return Reading(
        outcome=named if numbers.found and not idle else Outcome.NOTHING_FOUND,
        forward=forward,
        shop=CODE,
        kind=kind,
        language=_language(subject, wording, step, links),
        milestone=told or (None if idle else step.milestone if step else unknown),
        orders=() if kind == "marketing" else numbers.orders,
        parcels=parcels,
        items=() if idle else read_items(original.content),
        estimated_delivery=read_estimated_delivery(text),
        ordered_at=read_ordered_at(text),
        # The subject's own words, without a number that stands before a colon.
        step=(tail if colon and re.search(r"\d{6}", head) else subject).strip(),
    )


SHOP = Shop(CODE, BRAND, recognise, read)


def _link_parameters(links: Iterable[Link]) -> list[Parameters]:
    """Return the parameters of the links that go to AliExpress or Cainiao, each set once."""
    sets: dict[tuple[tuple[str, str], ...], None] = {}
    for link in links:
        parameters = parameters_of(link.url, PARAMETERS)
        if parameters and _LINK_HOST.fullmatch(host_of(link.url)):
            sets[tuple(parameters.items())] = None
    return [dict(pairs) for pairs in sets]


def _parcels(numbers: Numbers, own_steps: Mapping[str, Milestone]) -> Iterator[ParcelRead]:
    """Yield each parcel with its orders, its local number, who may carry it and its own step."""
    for number in numbers.parcels:
        candidates = detect(number)
        if all(c.carrier != _BY_CONTEXT.carrier for c in candidates):
            candidates += (_BY_CONTEXT,)
        # The local carrier's number stands beside the only parcel's own.
        others = [n for n in numbers.labelled if n != number]
        local = others[0] if others and len(numbers.parcels) == 1 else None
        orders, own = numbers.orders_of(number), own_steps.get(number)
        yield ParcelRead(number, orders, local, candidates, own)


def _kind(sender: Person, step: StepWording | None, numbers: Numbers) -> str:
    """Return the kind of a mail: by its sender, by its step, else by the numbers it names."""
    address = sender.address.lower()
    first_label = address.rpartition("@")[2].partition(".")[0]
    told = SENDER_KINDS.get(address) or SENDER_KINDS.get(first_label) or (step and step.kind)
    if told:
        return told
    if not numbers.found:
        return "other"
    if numbers.parcels and not numbers.is_order_mail:
        if len(numbers.parcels) > 1:
            return "parcels_update"
        delivered = step is not None and step.milestone is Milestone.DELIVERED
        return "delivered" if delivered else "parcel_update"
    return ORDER_KINDS.get(step.milestone if step else None, "order_update")


def _step(
    by_subject: StepWording | None,
    lines: Iterable[str],
    numbers: Numbers,
    links: Iterable[Parameters],
) -> StepWording | None:
    """Find the step: in the subject, then the template, then the sentence with the number."""
    by_template = next(
        (
            StepWording(_TEMPLATE, found["language"], milestone, kind)
            for found in _templates(links)
            for prefix, milestone, kind in TEMPLATES
            if found["name"].startswith(prefix)
        ),
        None,
    )
    if by_template and by_template.milestone is Milestone.LOCAL_TRANSIT:
        # "Collected by the carrier" means the local one in this template.
        return by_template
    if by_subject or by_template:
        return by_subject or by_template
    named = (*numbers.orders, *numbers.parcels)
    sentences = (
        line
        for line in lines
        if len(line) < _MAX_SENTENCE and any(number in line for number in named)
    )
    steps = map(_match, islice(sentences, _MOST_SENTENCES))
    return next((step for step in steps if step), None)


def _match(text: str) -> StepWording | None:
    """Return the step of the longest wording in a text; none where a doubt stands beside it."""
    plain = _NUMBER.sub("#", text.casefold().replace("’", "'"))
    matches = [(found, step) for step in STEPS for found in step.pattern.compiled.finditer(plain)]
    if not matches:
        return None
    found, step = max(matches, key=lambda match: len(match[0][0]))
    rest = plain[: found.start()] + " " + plain[found.end() :]
    return None if DOUBTS.search(rest) else step


def _templates(links: Iterable[Parameters]) -> list[re.Match[str]]:
    """Return the names of the templates that the links give, each once."""
    names = {link["rowan_id1"]: None for link in links if "rowan_id1" in link}
    return [found for found in map(_TEMPLATE.compiled.match, names) if found]


def _language(
    subject: str, wording: StepWording | None, step: StepWording | None, links: Iterable[Parameters]
) -> str | None:
    """Return the mail's language: the subject's words, then the template's name."""
    template = next((found["language"] for found in _templates(links)), None)
    if wording:
        languages = wording.language.split()
        return template if template in languages else languages[0]
    words = set(re.findall(r"[^\W\d_]+(?:-nr\.)?", subject.casefold()))
    for table in (ORDER_WORDS, PACKAGE_WORDS):
        for language, row in table.items():
            if words & set(row.split("|")):
                return language
    return template or (step.language.split()[0] if step else None)

"""AliExpress: which mails are its own, and what they say."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Candidate, Outcome
from mailtrack.domain.numbers import detect
from mailtrack.parsers.aliexpress_details import (
    read_estimated_delivery,
    read_items,
    read_ordered_at,
)
from mailtrack.parsers.aliexpress_numbers import PARAMETERS, Numbers, Parameters, read_numbers
from mailtrack.parsers.aliexpress_words import (
    DOUBTS,
    IDLE_KINDS,
    ORDER_KINDS,
    ORDER_WORDS,
    PACKAGE_WORDS,
    STEPS,
    TEMPLATES,
    StepWording,
)
from mailtrack.parsers.reading import Forward, Original, ParcelRead, Reading
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
    # Services that hide an address rewrite the sender: Apple, DuckDuckGo, SimpleLogin, addy.io.
    relayed=re.compile(
        r".+_at_notice[._]aliexpress[._]com_.+"
        r"@(privaterelay\.appleid\.com|duck\.com|simplelogin\.(?:co|com|fr)|passmail\.net)"
        r"|.+\+.+=notice\.aliexpress\.com@(?:[\w-]+\.)?(anonaddy\.(?:com|me)|addy\.io|addymail\.com)"
    ),
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

_TEMPLATE = re.compile(r"(?P<name>.+?)_(?P<language>[a-z]{2})_[A-Z]{2}_\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"(?=(?:[a-z]{0,40}+\d){6})[a-z0-9]{8,40}")
#: Subjects and sentences that tell a step are shorter than this (characters).
_MAX_SENTENCE = 500
#: Sentences with a number in which a step is looked for; a real mail tells it in the first.
_MOST_SENTENCES = 40


def recognise(original: Original) -> Recognition:
    """Return whether a mail is AliExpress's own, somebody else's or an imitation."""
    return recognise_brand(BRAND, original)


def read(original: Original, forward: Forward) -> Reading:
    """Read one mail of AliExpress's."""
    links = _parameters(original)
    lines = original.content.lines
    subject = original.subject[:_MAX_SENTENCE].replace("\u00a0", " ").replace("\u202f", " ")
    text = "\n".join(lines)
    numbers = read_numbers(subject, text, links)
    wording = _match(subject)
    step = _step(wording, lines, numbers, links)
    kind = _sender_kind(original) or _kind(step, numbers)
    idle = kind in IDLE_KINDS
    parcels = () if idle else tuple(_parcels(numbers))
    return Reading(
        outcome=_outcome(idle, numbers),
        forward=forward,
        shop=CODE,
        kind=kind,
        language=_language(subject, wording, step, links),
        milestone=None if idle else _milestone(step, numbers),
        orders=() if kind == "marketing" else numbers.orders,
        parcels=parcels,
        items=() if idle else read_items(original.content),
        estimated_delivery=read_estimated_delivery(text),
        ordered_at=read_ordered_at(text),
        step=_raw_step(subject),
    )


SHOP = Shop(CODE, BRAND, recognise, read)


def _parameters(original: Original) -> list[Parameters]:
    """Return the parameters of the links that go to AliExpress or Cainiao, each set once."""
    sets: dict[tuple[tuple[str, str], ...], None] = {}
    for link in original.content.links:
        parameters = parameters_of(link.url, PARAMETERS)
        if parameters and _LINK_HOST.fullmatch(host_of(link.url)):
            sets[tuple(parameters.items())] = None
    return [dict(parameters) for parameters in sets]


def _outcome(idle: bool, numbers: Numbers) -> Outcome:
    if idle or not (numbers.parcels or numbers.orders):
        return Outcome.NOTHING_FOUND
    return Outcome.TRACKED if numbers.parcels else Outcome.ORDER_NOTED


def _parcels(numbers: Numbers) -> Iterator[ParcelRead]:
    for number in numbers.parcels:
        candidates = detect(number)
        if all(c.carrier != _BY_CONTEXT.carrier for c in candidates):
            candidates += (_BY_CONTEXT,)
        yield ParcelRead(number, numbers.orders_of(number), _local(number, numbers), candidates)


def _local(number: str, numbers: Numbers) -> str | None:
    """Return the local carrier's number, where it stands beside the only parcel's own."""
    others = [labelled for labelled in numbers.labelled if labelled != number]
    return others[0] if others and len(numbers.parcels) == 1 else None


def _sender_kind(original: Original) -> str | None:
    address = original.sender.address.lower()
    return SENDER_KINDS.get(address) or SENDER_KINDS.get(
        address.rpartition("@")[2].partition(".")[0]
    )


def _kind(step: StepWording | None, numbers: Numbers) -> str:
    if step and step.kind:
        return step.kind
    if not (numbers.orders or numbers.parcels):
        return "other"
    if numbers.parcels and not numbers.is_order_mail:
        if len(numbers.parcels) > 1:
            return "parcels_update"
        delivered = step is not None and step.milestone is Milestone.DELIVERED
        return "delivered" if delivered else "parcel_update"
    return ORDER_KINDS.get(step.milestone if step else None, "order_update")


def _milestone(step: StepWording | None, numbers: Numbers) -> Milestone | None:
    if step:
        return step.milestone
    return Milestone.UNKNOWN if numbers.orders or numbers.parcels else None


def _step(
    by_subject: StepWording | None,
    lines: Iterable[str],
    numbers: Numbers,
    links: Iterable[Parameters],
) -> StepWording | None:
    """Find the step: in the subject, then the template, then the sentence with the number."""
    by_template = _template_step(links)
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
    matches = [(found, step) for step in STEPS for found in step.pattern.finditer(plain)]
    if not matches:
        return None
    found, step = max(matches, key=lambda match: len(match[0][0]))
    rest = plain[: found.start()] + " " + plain[found.end() :]
    return None if DOUBTS.search(rest) else step


def _templates(links: Iterable[Parameters]) -> list[re.Match[str]]:
    """Return the names of the templates that the links give, each once."""
    names = {link["rowan_id1"]: None for link in links if "rowan_id1" in link}
    return [found for found in map(_TEMPLATE.match, names) if found]


def _template_step(links: Iterable[Parameters]) -> StepWording | None:
    for found in _templates(links):
        for prefix, milestone, kind in TEMPLATES:
            if found["name"].startswith(prefix):
                return StepWording(_TEMPLATE, found["language"], milestone, kind)
    return None


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


def _raw_step(subject: str) -> str:
    """Return the subject without the number and what stands before a colon."""
    head, colon, tail = subject.partition(":")
    return (tail if colon and re.search(r"\d{6}", head) else subject).strip()

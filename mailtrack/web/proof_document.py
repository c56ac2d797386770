"""A proof set out in one language: what its page shows, and its PDF in the same words."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.proof import PromisedDelivery, Proof, ProvenScan
from mailtrack.notify.french import local_day
from mailtrack.web.proof_words import SPEECHES, Language, Speech

_RETURNS = (Milestone.RETURNING, Milestone.RETURNED)


@dataclass(frozen=True, slots=True)
class ProofSection:
    """A part of a proof: facts (label and value), a table, remarks; any of them may be empty."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProofDocument:
    """A whole proof, in the order in which it is read: `made` and `check` are its signature."""

    language: Language
    title: str
    made: str
    check: str
    public_link: str
    sections: tuple[ProofSection, ...]
    #: Said where the PDF lacks characters; "" on the page.
    missing: str = ""


def set_out(proof: Proof, language: Language, public_link: str) -> ProofDocument:
    """Return a proof in the words of a language; `public_link` is where it can be checked."""
    speech = SPEECHES[language]
    quiet = tuple(_quiet(proof, speech))
    return ProofDocument(
        language=language,
        title=speech.say("title", number=proof.number),
        made=speech.say("made", moment=speech.moment(proof.at)),
        check=speech.say("check"),
        public_link=public_link,
        sections=(
            ProofSection(speech.say("parcel"), facts=tuple(_parcel(proof, speech))),
            *([ProofSection(speech.say("quiet"), facts=quiet)] if quiet else []),
            _promises(proof, speech),
            _scans(proof, speech),
            _answers(proof, speech),
        ),
    )


def _parcel(proof: Proof, speech: Speech) -> Iterator[tuple[str, str]]:
    yield speech.say("number"), proof.number
    if proof.local_number and proof.local_number != proof.number:
        yield speech.say("local_number"), proof.local_number
    optional = {"carrier": proof.carrier, "shop": proof.shop, "orders": ", ".join(proof.orders)}
    yield from ((speech.say(name), value) for name, value in optional.items() if value)
    state = speech.labels(proof.milestone) if proof.milestone else speech.say("unknown")
    if proof.milestone_at:
        state = speech.say("since", state=state, moment=speech.moment(proof.milestone_at))
    yield speech.say("state"), state
    reason = speech.reasons[proof.reason] if proof.reason else ""
    if proof.milestone in _RETURNS:
        yield speech.say("return_reason"), reason or speech.say("none_given")
    elif reason:
        yield speech.say("reason"), reason


def _quiet(proof: Proof, speech: Speech) -> Iterator[tuple[str, str]]:
    now, longest = proof.quiet_now, proof.longest_quiet
    if now and now.days:
        since = speech.day(local_day(now.since))
        yield (
            speech.say("quiet_now"),
            speech.say("quiet_since", days=speech.days(now.days), since=since),
        )
    if longest:
        until = longest.until or proof.at
        between = speech.say(
            "quiet_between",
            days=speech.days(longest.days),
            since=speech.day(local_day(longest.since)),
            until=speech.day(local_day(until)),
        )
        yield speech.say("quiet_longest"), between


def _promises(proof: Proof, speech: Speech) -> ProofSection:
    estimated = [promise.is_ours for promise in proof.promises]
    columns = ("by", "promised_day", *(("made_on", "at_step") if any(estimated) else ()))
    remarks = {"no_promises": all(estimated), "estimates": any(estimated)}
    return ProofSection(
        speech.say("promises"),
        columns=tuple(map(speech.say, columns)) if estimated else (),
        rows=tuple(_promise(one, speech)[: len(columns)] for one in proof.promises),
        remarks=tuple(speech.say(name) for name, is_said in remarks.items() if is_said),
    )


def _promise(promise: PromisedDelivery, speech: Speech) -> tuple[str, ...]:
    days = speech.day(promise.earliest)
    if promise.latest != promise.earliest:
        days = speech.say("span", earliest=days, latest=speech.day(promise.latest))
    return (
        promise.by or speech.say("our_estimate" if promise.is_ours else "some_mail"),
        days,
        speech.day(promise.made_on) if promise.made_on else "",
        speech.labels(promise.milestone) if promise.milestone else "",
    )


def _scans(proof: Proof, speech: Speech) -> ProofSection:
    title = speech.say("scans")
    if not proof.scans:
        return ProofSection(title, remarks=(speech.say("no_scans"),))
    rows = tuple(
        (
            speech.moment(scan.at) if scan.at_certain else speech.day(local_day(scan.at)),
            _what(scan, speech),
            scan.place,
            _source(scan, speech),
            "" if pause is None else str(pause),
        )
        for scan, pause in zip(proof.scans, proof.pauses, strict=True)
    )
    left_out = [speech.say("left_out", count=proof.left_out)] * bool(proof.left_out)
    columns = tuple(map(speech.say, ("at", "what", "place", "source", "pause")))
    return ProofSection(title, columns=columns, rows=rows, remarks=(*left_out, speech.say("zone")))


def _what(scan: ProvenScan, speech: Speech) -> str:
    """Name a scan by its milestone, with its reason and its source's own words."""
    told = bool(scan.text) and scan.milestone is Milestone.UNKNOWN
    label = "" if told else speech.labels(scan.milestone)
    reason = speech.reasons[scan.reason] if scan.reason else ""
    return " · ".join(part for part in (label, reason, scan.text) if part)


def _source(scan: ProvenScan, speech: Speech) -> str:
    if not scan.by_mail:
        return scan.source
    return speech.say("by_mail", source=scan.source) if scan.source else speech.say("some_mail")


def _answers(proof: Proof, speech: Speech) -> ProofSection:
    rows = tuple(
        (
            one.carrier,
            one.number,
            str(one.answers),
            speech.moment(one.last_at) if one.last_at else speech.say("never"),
            speech.state(one.state),
        )
        for one in proof.answers
    )
    columns = tuple(map(speech.say, ("carrier", "number", "answered", "last_answer", "answer")))
    since = speech.say("followed_since", moment=speech.moment(proof.followed_since))
    return ProofSection(
        speech.say("answers"), columns=columns if rows else (), rows=rows, remarks=(since,)
    )

"""Links that nobody can forge, that never expire and that say nothing of a person."""

import base64
from urllib.parse import urlsplit

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from mailtrack.domain.model import RowKey
from mailtrack.errors import ConfigurationError, PermanentError
from mailtrack.notify.links import BadLink, LinkMaker, Purpose

ANA, PARCEL = RowKey("mfzwkz3tnvxw4a2b"), RowKey("pbqxe43fnrsw64q7")
KEYS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16).map(RowKey)
MAKER = LinkMaker("https://mailtrack.example.org/", "secret one")


def token(link: str | None) -> str:
    assert link is not None
    return urlsplit(link).path.rpartition("/")[2]


def test_a_mail_offers_its_links_under_the_public_address() -> None:
    links = MAKER.for_reader(ANA, PARCEL)

    assert "https://mailtrack.example.org/aide" == links.help
    assert links.data.startswith("https://mailtrack.example.org/m/")

    assert links.stop_all.startswith("https://mailtrack.example.org/d/")
    assert links.preferences.startswith("https://mailtrack.example.org/p/")
    assert str(links.stop_parcel).startswith("https://mailtrack.example.org/d/")
    assert str(links.timeline).startswith("https://mailtrack.example.org/c/")


def test_a_mail_about_no_parcel_has_only_the_links_of_the_person() -> None:
    links = MAKER.for_reader(ANA)

    assert links.stop_parcel is None
    assert links.timeline is None
    assert (Purpose.DATA, ANA) == MAKER.read(token(links.data), Purpose.DATA)


def test_a_token_tells_what_it_is_for_and_for_whom() -> None:
    links = MAKER.for_reader(ANA, PARCEL)
    stops = (Purpose.STOP_PARCEL, Purpose.STOP_ALL)

    assert (Purpose.STOP_PARCEL, PARCEL) == MAKER.read(token(links.stop_parcel), *stops)
    assert (Purpose.STOP_ALL, ANA) == MAKER.read(token(links.stop_all), *stops)


@pytest.mark.parametrize("made_for", Purpose)
@pytest.mark.parametrize("used_for", Purpose)
def test_a_token_works_for_its_own_purpose_only(made_for: Purpose, used_for: Purpose) -> None:
    made = token(MAKER.link(made_for, PARCEL))
    if made_for is used_for:
        assert (made_for, PARCEL) == MAKER.read(made, used_for)
    else:
        with pytest.raises(BadLink):
            MAKER.read(made, used_for)


@pytest.mark.parametrize("broken", ["", "Nw", "Nw.", "é", "\ud800", "Nw.AAAA", "a" * 5000])
def test_a_broken_token_is_a_bad_link(broken: str) -> None:
    with pytest.raises(BadLink, match="not valid"):
        MAKER.read(broken, *Purpose)
    assert issubclass(BadLink, PermanentError)


def test_a_token_cut_on_its_way_or_changed_by_a_letter_is_a_bad_link() -> None:
    whole = token(MAKER.link(Purpose.TIMELINE, PARCEL))
    other = ("A" if whole[0] != "A" else "B") + whole[1:]

    for damaged in (whole[:-1], other):
        with pytest.raises(BadLink):
            MAKER.read(damaged, Purpose.TIMELINE)


@pytest.mark.parametrize(
    "tail", [*".,;:>)»'\"", ").", "…", "’", "]", "!", "?", "\u00a0", "*", "**"]
)
def test_punctuation_that_a_mail_program_added_does_not_break_a_link(tail: str) -> None:
    whole = token(MAKER.link(Purpose.TIMELINE, PARCEL))

    assert (Purpose.TIMELINE, PARCEL) == MAKER.read(whole + tail, Purpose.TIMELINE)


def test_old_links_work_after_the_secret_was_changed_until_it_is_forgotten() -> None:
    old = token(MAKER.link(Purpose.STOP_ALL, ANA))
    changed = LinkMaker("https://mailtrack.example.org", "secret two", retired=["secret one"])
    forgotten = LinkMaker("https://mailtrack.example.org", "secret two")

    assert (Purpose.STOP_ALL, ANA) == changed.read(old, Purpose.STOP_ALL)
    assert changed.link(Purpose.STOP_ALL, ANA) == forgotten.link(Purpose.STOP_ALL, ANA)
    with pytest.raises(BadLink):
        forgotten.read(old, Purpose.STOP_ALL)


def test_a_token_holds_a_random_key_and_nothing_else() -> None:
    payload, _, _ = token(MAKER.link(Purpose.STOP_ALL, ANA)).partition(".")

    assert f'"{ANA}"'.encode() == base64.urlsafe_b64decode(payload + "==")


def test_an_address_is_confirmed_by_a_link_of_its_own() -> None:
    link = MAKER.link(Purpose.CONFIRM, ANA)

    assert link.startswith("https://mailtrack.example.org/a/")
    assert (Purpose.CONFIRM, ANA) == MAKER.read(token(link), Purpose.CONFIRM)


def test_links_without_a_secret_are_not_made() -> None:
    with pytest.raises(ConfigurationError, match="MAILTRACK_LINKS__SECRET"):
        LinkMaker("https://mailtrack.example.org", "")


@settings(max_examples=500, deadline=None)
@given(data=st.data(), purpose=st.sampled_from(Purpose), key=KEYS)
def test_a_changed_token_opens_nothing_else(
    data: st.DataObject, purpose: Purpose, key: RowKey
) -> None:
    """Base64 has a few spellings of one signature: these open what the token opens."""
    token = MAKER.link(purpose, key).rpartition("/")[2]
    at = data.draw(st.integers(0, len(token) - 1))
    put = data.draw(st.text(max_size=3))
    cut = data.draw(st.integers(0, 3))
    changed = token[:at] + put + token[at + cut :]
    try:
        opened = MAKER.read(changed, *Purpose)
    except BadLink:
        return
    assert (purpose, key) == opened

"""Every mail, from sample data and from hostile data."""

import json
import re
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

import mailtrack
from mailtrack.errors import ConfigurationError
from mailtrack.notify import render
from mailtrack.notify.expectation import Expectation
from mailtrack.notify.render import RenderedMail, Renderer, templates_dir
from mailtrack.notify.samples import (
    LINKS,
    NOW,
    NUMBER,
    ORDER,
    sample,
    sample_parcel,
)
from mailtrack.notify.view import NoticeKind, NoticeView

RENDERER = Renderer(templates_dir())

PARCEL_KINDS = [kind for kind in NoticeKind if sample(kind).parcel]

#: Nobody was subscribed yet, or everything is stopped already.
FEW_WAYS = {
    NoticeKind.CONFIRM_ADDRESS: LINKS.stop_all,
    NoticeKind.GOODBYE: LINKS.data,
    NoticeKind.INVITATION: sample(NoticeKind.INVITATION).unsubscribe,
}

#: A plain space where French wants a no-break one, or a typewriter's apostrophe.
BAD_TYPOGRAPHY = re.compile(r" [:;!?»]|« |\w'\w")

#: "parce que un": these lose their last letter before a vowel.
NOT_ELIDED = re.compile(r"\b(?:que|de|ne|je|se|me|jusque) (?=[aàâeéèêiîoôuùAÀÂEÉÈÊIÎOÔUÙ])")


def mail(kind: NoticeKind) -> RenderedMail:
    return RENDERER.render(sample(kind))


def parts(html: str, selector: str) -> list[str]:
    """Return what a reader sees of the elements that a selector finds."""
    return [node.text().strip() for node in LexborHTMLParser(html).css(selector)]


def with_parcel(kind: NoticeKind, **changes: object) -> NoticeView:
    view = sample(kind)
    assert view.parcel
    return replace(view, parcel=replace(view.parcel, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_subject_is_one_short_line(kind: NoticeKind) -> None:
    subject = mail(kind).subject

    assert 15 <= len(subject) <= 78
    assert subject == subject.strip()
    assert "\n" not in subject


@pytest.mark.parametrize("kind", NoticeKind)
def test_nothing_is_left_unfilled(kind: NoticeKind) -> None:
    for text in (mail(kind).subject, mail(kind).text, mail(kind).html):
        assert re.search(r"\{\{|\{%|\bNone\b|Milestone\.|Undefined|datetime", text) is None


@pytest.mark.parametrize("kind", NoticeKind)
def test_both_parts_offer_the_way_out(kind: NoticeKind) -> None:
    view = sample(kind)
    rendered = RENDERER.render(view)
    offered = {view.links.stop_all, view.links.preferences, view.links.stop_parcel}
    if kind in FEW_WAYS:
        offered = {FEW_WAYS[kind]}

    for link in filter(None, offered):
        assert link in rendered.text
        assert f'href="{link}"' in rendered.html


@pytest.mark.parametrize("kind", NoticeKind)
def test_both_parts_say_the_same(kind: NoticeKind) -> None:
    rendered = mail(kind)
    without_addresses = re.sub(r" \(https://\S+\)", "", rendered.text)
    said = parts(
        rendered.html,
        "h1, .sentence, .advice-title, .advice-cell p, .advice-cell li, .more h2, .more li",
    )

    assert len(said) >= 4
    assert [] == [words for words in said if words not in without_addresses]


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_mail_is_small_and_fetches_nothing(kind: NoticeKind) -> None:
    html = mail(kind).html

    assert len(html.encode()) < 60_000
    assert re.search(r"<img|<link|@import|url\(|src=", html) is None


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_mail_speaks_french_and_follows_the_readers_colours(kind: NoticeKind) -> None:
    tree = LexborHTMLParser(mail(kind).html)
    root, scheme = tree.css_first("html"), tree.css_first('meta[name="color-scheme"]')

    assert root is not None
    assert scheme is not None
    assert "fr" == root.attributes["lang"]
    assert "light dark" == scheme.attributes["content"]
    assert "prefers-color-scheme: dark" in mail(kind).html


@pytest.mark.parametrize("kind", NoticeKind)
def test_plain_parts_are_set_as_in_print(kind: NoticeKind) -> None:
    rendered = mail(kind)

    assert [] == BAD_TYPOGRAPHY.findall(rendered.subject)
    assert [] == BAD_TYPOGRAPHY.findall(rendered.text)
    assert [] == [line for line in parts(rendered.html, "body") if BAD_TYPOGRAPHY.search(line)]


@pytest.mark.parametrize("kind", NoticeKind)
def test_short_words_lose_their_last_letter_before_a_vowel(kind: NoticeKind) -> None:
    rendered = mail(kind)

    for words in (rendered.subject, rendered.text, *parts(rendered.html, "body")):
        assert [] == NOT_ELIDED.findall(words)


@pytest.mark.parametrize("kind", PARCEL_KINDS)
def test_a_parcel_mail_names_number_item_carrier_and_its_page(kind: NoticeKind) -> None:
    view, rendered = sample(kind), mail(kind)
    assert view.parcel

    for text in (rendered.text, rendered.html):
        assert NUMBER in text
        assert view.parcel.name in text
        assert view.parcel.carrier in text
        assert view.parcel.carrier_page in text
        assert ORDER in text
        assert str(LINKS.timeline) in text
    assert "LP…84" in rendered.subject


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_mail_is_written_even_where_almost_nothing_is_known(kind: NoticeKind) -> None:
    """A shop mail may announce a cancelled order that we know nothing else of."""
    bare = replace(
        sample(kind),
        parcel=None,
        event=None,
        orders=(),
        items=(),
        subject="",
        links=replace(LINKS, timeline=None, stop_parcel=None, help="", data=""),
        personal_address="",
        action="",
        code="",
    )
    nameless = replace(
        sample(kind), parcel=replace(sample_parcel(), name="", carrier="", carrier_page="")
    )

    for view in (bare, nameless):
        rendered = RENDERER.render(view)
        assert rendered.subject
        way_out = LINKS.stop_all if view.invitation is None else view.invitation.refusal
        assert way_out in rendered.text or kind is NoticeKind.GOODBYE
        assert "  " not in parts(rendered.html, "h1, .sentence")[1]


def test_the_markup_is_json_that_a_script_element_can_hold() -> None:
    view = with_parcel(NoticeKind.CUSTOMS_CLEARED, name="</script><b>'\"&")
    (script,) = LexborHTMLParser(RENDERER.render(view).html).css("script")
    markup = json.loads(script.text())

    assert "ParcelDelivery" == markup["@type"]
    assert NUMBER == markup["trackingNumber"]
    assert "</script><b>'\"&" == markup["itemShipped"]["name"]
    assert "2026-03-13" == markup["expectedArrivalUntil"]
    assert [ORDER] == [order["orderNumber"] for order in markup["partOfOrder"]]


def test_the_card_of_a_mail_has_both_days_of_an_estimate_and_none_where_nothing_is_expected() -> (
    None
):
    for expected, days in (
        (
            Expectation(date(2026, 3, 12), date(2026, 3, 17), NOW.date()),
            ["2026-03-12", "2026-03-17"],
        ),
        (None, [None, None]),
    ):
        view = with_parcel(NoticeKind.IN_TRANSIT, expected=expected)
        (script,) = LexborHTMLParser(RENDERER.render(view).html).css("script")
        markup = json.loads(script.text())

        assert days == [markup.get(f"expectedArrival{end}") for end in ("From", "Until")]


def test_a_mail_about_no_parcel_has_no_markup() -> None:
    assert "ld+json" not in mail(NoticeKind.NOTHING_FOUND).html


def test_every_kind_has_its_folder_and_every_folder_its_kind() -> None:
    folders = {path.name for path in (templates_dir() / "mail").iterdir() if path.is_dir()}

    assert {*NoticeKind, "_base"} == folders


def test_a_missing_value_is_an_error_rather_than_a_blank(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("{{ nobody }}")

    with pytest.raises(Exception, match="nobody"):
        render.jinja_environment(tmp_path).get_template("page.txt").render()


def test_templates_are_found_inside_an_installed_package_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "mailtrack"
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(mailtrack, "__file__", str(package / "__init__.py"))
    assert tmp_path / "templates" == templates_dir()

    (package / "templates").mkdir(parents=True)
    assert package / "templates" == templates_dir()


def test_missing_templates_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailtrack, "__file__", str(tmp_path / "a" / "__init__.py"))

    with pytest.raises(ConfigurationError, match="install mailtrack again"):
        templates_dir()


def test_an_address_is_not_set_in_type() -> None:
    view = replace(sample(NoticeKind.REGISTERED), forward_to="l'ami@example.org")
    rendered = RENDERER.render(view)

    assert "l'ami@example.org" in rendered.text
    assert "l’ami" not in rendered.text + rendered.html


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_style_sheet_is_not_set_in_type(kind: NoticeKind) -> None:
    assert " !important" in mail(kind).html
    assert "\u202f!important" not in mail(kind).html


def test_once_loaded_every_mail_is_written_without_reading_a_template(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    render.jinja_environment.cache_clear()
    renderer = Renderer(templates_dir())
    renderer.load()
    monkeypatch.setattr("jinja2.FileSystemLoader.get_source", None)

    for kind in NoticeKind:
        assert renderer.render(sample(kind)).subject


@pytest.mark.parametrize(
    ("carrier", "page", "names", "leads_to"),
    [
        ("UPS", "https://www.ups.com/track?tracknum=1Z", "interroger UPS", "ups.com"),
        ("", "", "interroger le transporteur", "Mes commandes"),
    ],
)
def test_who_forwards_a_number_that_we_can_ask_nobody_about_reads_so_and_where_to_look(
    carrier: str, page: str, names: str, leads_to: str
) -> None:
    unasked = {"asked": False, "milestone": None, "milestone_at": None, "events": ()}
    view = with_parcel(
        NoticeKind.REGISTERED, carrier=carrier, carrier_page=page, checked_at=None, **unasked
    )
    told = RENDERER.render(view)

    for text in (" ".join(unescape(part).split()) for part in (told.text, told.html)):
        assert "Nous interrogeons" not in text
        assert "Aucun transporteur ne connaît" not in text
        assert "colis est suivi" not in text
        assert names in text
        assert leads_to in text


def test_a_number_that_nobody_was_asked_about_is_not_called_unknown_to_the_carriers() -> None:
    view = with_parcel(NoticeKind.EXPIRED, asked=False, milestone=None, events=(), carrier="UPS")
    told = RENDERER.render(view)

    for text in (told.text, told.html):
        assert "aucun transporteur n’a" not in text
        assert "nous ne pouvons pas interroger UPS" in text

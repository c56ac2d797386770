"""Every mail and every page on a telephone, in light and in dark: nothing keeps people out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from gallery import scenes, world
from gallery.browser import TELEPHONE, Screen, chromium, showing
from mailtrack.domain.model import PickupPoint
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import samples
from mailtrack.notify.view import NoticeKind, NoticeView

pytestmark = pytest.mark.e2e

#: axe-core's words for what keeps people from reading or using something.
GRAVE = frozenset({"serious", "critical"})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds grave, one line each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.mark.parametrize("screen", TELEPHONE, ids=str)
def test_nothing_keeps_anybody_from_reading_a_mail_or_using_a_page(
    browser: Browser, screen: Screen, tmp_path: Path
) -> None:
    found: dict[str, list[str]] = {}
    with world.running() as there, showing(browser, screen) as page:
        for scene in (
            *scenes.mails(tmp_path),
            *scenes.rare_pages(tmp_path),
            *scenes.operator_pages(there),
            *scenes.pages(there),
        ):
            scenes.visit(page, scene)
            found[scene.name] = barriers(page) + ["wider than the screen"] * too_wide(page)

    assert len(found) > len(NoticeKind)
    assert {} == {name: what for name, what in found.items() if what}


def test_a_word_without_end_does_not_widen_a_mail(browser: Browser) -> None:
    word = "W" * 500
    renderer = Renderer(templates_dir())
    wide = []
    with showing(browser, TELEPHONE[0]) as page:
        for view in samples():
            page.set_content(renderer.render(_with_word(view, word)).html)
            wide += [view.kind] * too_wide(page)

    assert [] == wide


def _with_word(view: NoticeView, word: str) -> NoticeView:
    news = tuple(replace(line, name=word, number=word) for line in view.news)
    view = replace(view, items=(word,), orders=(word,), subject=word, code=word, news=news)
    if view.parcel is None:
        return view
    events = tuple(replace(event, text=word, place=word) for event in view.parcel.events)
    parcel = replace(
        view.parcel,
        name=word,
        number=word,
        carrier=word,
        orders=(word,),
        events=events,
        pickup_point=PickupPoint(word, word),
    )
    return replace(view, parcel=parcel)


def test_what_cannot_be_read_is_found(browser: Browser) -> None:
    with showing(browser, TELEPHONE[0]) as page:
        page.set_content('<html lang="fr"><title>Gris</title><p style="color: #ccc">Illisible')

        assert 1 == len(barriers(page))

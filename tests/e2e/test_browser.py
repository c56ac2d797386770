"""The demo's page, the mails and the pages as people meet them: in a browser, on a telephone."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gallery.browser import chromium

pytestmark = pytest.mark.e2e

TELEPHONE = {"width": 375, "height": 812}
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running demo's page, once its first mails are sent."""
    folder = tmp_path_factory.mktemp("demo")
    with _demo(folder / "log") as address:
        yield address


@contextmanager
def _demo(log: Path) -> Iterator[str]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mailtrack", "demo"],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    try:
        yield _wait_for(log, r"look at (http://\S+)")
    finally:
        process.terminate()
        process.wait(40)


def _wait_for(log: Path, pattern: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = re.search(pattern, log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[1]
    raise AssertionError(f"nothing like {pattern} in:\n{log.read_text()}")


@pytest.fixture
def page(browser: Browser, demo: str) -> Iterator[Page]:
    """The demo's page, opened on a telephone; fails on any error in the console."""
    context = browser.new_context(viewport=TELEPHONE, locale="fr-FR")  # type: ignore[arg-type]
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(demo)
    yield page
    context.close()
    assert [] == errors


def _mail_about(page: Page, subject: str) -> None:
    """Open the first mail whose subject starts so, in the page's frame."""
    link = page.get_by_role("link", name=re.compile(subject)).first
    expect(link).to_be_visible(timeout=PATIENCE_S * 1000)
    page.goto(page.url.rstrip("/") + str(link.get_attribute("href")))


def _stop_link(page: Page) -> str:
    link = page.get_by_role("link", name=re.compile("^Arrêter le suivi"))
    return str(link.get_attribute("href"))


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_one_click_in_a_mail_stops_a_parcel_and_can_be_taken_back(page: Page) -> None:
    _mail_about(page, "Suivi enregistré")
    assert _fits(page)
    page.goto(_stop_link(page))
    assert _fits(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Arrêter")

    page.get_by_role("button", name="Arrêter").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("C’est arrêté")

    page.get_by_role("button", name="Reprendre").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("reprend")


def test_a_mail_leads_to_the_timeline_and_from_there_to_everything_one_follows(
    page: Page,
) -> None:
    _mail_about(page, "Dédouané")
    page.goto(str(page.locator("a[href*='/c/']").first.get_attribute("href")))
    assert _fits(page)
    expect(page.locator("body")).to_contain_text("Dédouané")
    expect(page.locator("body")).to_contain_text("Vérifié")

    page.get_by_role("link", name=re.compile("Mes colis")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mes colis")
    assert _fits(page)


def test_a_damaged_link_gets_a_page_that_helps(page: Page) -> None:
    _mail_about(page, "Suivi enregistré")
    answer = page.goto(_stop_link(page)[:-3])

    assert answer is not None
    assert 404 == answer.status
    expect(page.locator("body")).to_contain_text("Ce lien ne mène nulle part")
    assert _fits(page)


@pytest.fixture
def plain(browser: Browser, page: Page) -> Iterator[Page]:
    """The preferences of somebody in the demo, in a browser without JavaScript, in the dark."""
    _mail_about(page, "Suivi enregistré")
    address = str(page.locator("a[href*='/p/']").first.get_attribute("href"))
    context = browser.new_context(
        viewport=TELEPHONE,  # type: ignore[arg-type]
        java_script_enabled=False,
        color_scheme="dark",
    )
    plain = context.new_page()
    plain.goto(address)
    yield plain
    context.close()


def test_people_choose_their_mails_without_a_script(plain: Page) -> None:
    plain.get_by_text("Choisir mes mails").click()
    plain.get_by_label("Dédouané").uncheck()
    plain.get_by_label("En transit international").check()
    plain.get_by_role("button", name="Enregistrer mes choix").click()

    expect(plain.get_by_role("status")).to_contain_text("dans 18 cas sur 19")
    expect(plain.get_by_role("status")).to_contain_text("« En transit international »")
    expect(plain.get_by_label("Dédouané")).not_to_be_checked()
    expect(plain.get_by_label("En transit international")).to_be_checked()
    expect(plain.get_by_label("Chez le transporteur local")).not_to_be_checked()
    expect(plain.get_by_label("En cours de livraison")).to_be_checked()


def test_who_has_a_number_sees_its_way_without_a_script(plain: Page) -> None:
    number = str(plain.locator(".list .number").first.text_content())
    plain.goto("/".join(plain.url.split("/")[:3]) + "/suivi")
    plain.get_by_label("Numéro de suivi").fill(number)
    plain.get_by_role("button", name="Chercher").click()

    expect(plain.get_by_role("heading", name="Le parcours")).to_be_visible(timeout=20_000)
    expect(plain.locator("body")).to_contain_text("Vérifié")

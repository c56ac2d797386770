"""Take a picture of everything: telephone and desk, light and dark; then one sheet of all."""

import sys
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Browser

from gallery import scenes, world
from gallery.browser import SCREENS, Screen, chromium, showing
from gallery.scenes import Scene
from mailtrack.errors import MailtrackError
from mailtrack.notify.render import jinja_environment

#: On the sheet every picture is this wide, and cut at this height (CSS pixels).
SHEET = Screen(1640, "light")


def main(out: Path) -> Path:
    """Write the pictures and the sheet to a folder; return the page of the sheet."""
    out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        names = [scene.name for scene in _photograph_all(browser, out)]
        return _make_sheet(browser, out, names)


def _photograph_all(browser: Browser, out: Path) -> list[Scene]:
    """Photograph every scene in every way of showing; each way gets a world of its own."""
    taken: list[Scene] = []
    for screen in SCREENS:
        with world.running() as there:
            written = (*scenes.mails(out / "mails"), *scenes.rare_pages(out / "pages"))
            taken = [*written, *scenes.operator_pages(there), *scenes.pages(there)]
            _photograph(browser, screen, taken, out)
    return taken


def _photograph(browser: Browser, screen: Screen, what: Iterable[Scene], out: Path) -> None:
    with showing(browser, screen) as page:
        for scene in what:
            scenes.visit(page, scene)
            page.screenshot(path=out / f"{scene.name}-{screen}.png", full_page=True)


def _make_sheet(browser: Browser, out: Path, names: list[str]) -> Path:
    template = jinja_environment(Path(__file__).parent).get_template("sheet.html")
    sheet = out / "index.html"
    sheet.write_text(template.render(names=names, screens=SCREENS), encoding="utf-8")
    with showing(browser, SHEET) as page:
        page.goto(sheet.resolve().as_uri())
        page.screenshot(path=out / "index.png", full_page=True)
    return sheet


if __name__ == "__main__":
    try:
        print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/screenshots")))
    except MailtrackError as error:
        sys.exit(f"gallery: {error}")

"""Debian's Chromium, and the ways in which people look at things."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from mailtrack.errors import ConfigurationError

#: Chromium looks for its maker's hosts otherwise.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


@dataclass(frozen=True, slots=True)
class Screen:
    """One way of showing: a width in CSS pixels and a colour scheme."""

    width: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


TELEPHONE = tuple(Screen(375, scheme) for scheme in ("light", "dark"))
DESKTOP = tuple(Screen(1280, scheme) for scheme in ("light", "dark"))
SCREENS = (*TELEPHONE, *DESKTOP)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; raises ConfigurationError where it is not installed."""
    binary = shutil.which("chromium")
    if binary is None:
        raise ConfigurationError("chromium is missing: install Debian's package chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", *QUIET])
        yield browser
        browser.close()


@contextmanager
def showing(browser: Browser, screen: Screen, *, scripts: bool = True) -> Iterator[Page]:
    """Open an empty page that is looked at in one way; `scripts` off is JavaScript off."""
    context = browser.new_context(
        viewport={"width": screen.width, "height": 812},
        color_scheme=screen.scheme,
        locale="fr-FR",
        java_script_enabled=scripts,
        bypass_csp=scripts,  # axe is a script, and our pages allow none
    )
    yield context.new_page()
    context.close()

"""Whatever is to be read can be read: WCAG 2 AA, in light and in dark."""

import re
from collections.abc import Mapping
from typing import TypeAlias

import pytest

from mailtrack.notify.render import templates_dir

Colours: TypeAlias = Mapping[str, str]

#: WCAG 2.2, 1.4.3: text of any size.
ENOUGH = 4.5

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")

#: What stands on what in a mail: selectors of text, by the selector of their ground.
MAIL = {
    ".card": (
        ".title .sheet .step .step-label .done-label .current-label .trouble-label .link "
        ".fact-name .day .hour .event-detail .events-title .small"
    ),
    ".page": ".brand .small .link",
    ".advice": ".sheet .advice-title .link",
    "table.good": ".sheet .advice-title .link",
    "table.alert": ".sheet .advice-title .link",
    ".button": ".button",
}

#: The same on a page, by the names of its colours.
PAGE = {
    "--page": "--quiet --link",
    "--card": "--ink --quiet --link --good-ink --alert-ink",
    "--calm-card": "--ink --link",
    "--good-card": "--ink --link",
    "--alert-card": "--ink --link",
    "--link": "--on-link",
    "--alert": "--on-link",
}


def mail_colours(name: str, kind: str) -> dict[str, str]:
    """Return a colour of each selector of a sheet: "color" or "background-color"."""
    css = (templates_dir() / "mail/_base" / name).read_text()
    return {
        selector.strip(): found[1]
        for selectors, body in _RULE.findall(
            css.replace("@media (prefers-color-scheme: dark) {", "")
        )
        if (found := re.search(rf"(?<![\w-]){kind}: (#\w{{6}})", body))
        for selector in selectors.split(",")
    }


def page_colours(scheme: str) -> dict[str, str]:
    css = (templates_dir() / "web/style.css").read_text()
    light, dark = (dict(re.findall(r"(--[\w-]+): (#\w{6})", part)) for part in halves(css))
    return light | dark if scheme == "dark" else light


def halves(css: str) -> tuple[str, str]:
    light, _, dark = css.partition("@media (prefers-color-scheme: dark)")
    return light, dark.partition("* {")[0]


def contrast(one: str, other: str) -> float:
    """Return the ratio of WCAG 2, from 1 to 21."""
    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def too_faint(pairs: Mapping[str, str], texts: Colours, grounds: Colours) -> list[str]:
    return [
        f"{text} on {ground}: {ratio:.2f}"
        for ground, names in pairs.items()
        for text in names.split()
        if (ratio := contrast(texts[text], grounds[ground])) < ENOUGH
    ]


def test_black_on_white_is_as_clear_as_it_gets() -> None:
    assert 21 == round(contrast("#000000", "#ffffff"), 6)
    assert 4.48 == round(contrast("#777777", "#ffffff"), 2)


@pytest.mark.parametrize("sheets", [["light.css"], ["light.css", "dark.css"]])
def test_a_mail_can_be_read_in_light_and_in_dark(sheets: list[str]) -> None:
    texts: dict[str, str] = {}
    grounds: dict[str, str] = {}
    for name in sheets:
        texts |= mail_colours(name, "color")
        grounds |= mail_colours(name, "background-color")

    assert [] == too_faint(MAIL, texts, grounds)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_can_be_read_in_light_and_in_dark(scheme: str) -> None:
    colours = page_colours(scheme)

    assert [] == too_faint(PAGE, colours, colours)

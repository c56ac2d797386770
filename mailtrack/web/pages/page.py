"""What every page is, and how it is drawn.

The templates in `templates/web/` see one of these as `page`, and nothing else; a page needs no
script and fetches nothing.
"""

from typing import Protocol

from jinja2 import Environment

from mailtrack.notify.tidy import tidy


class Page(Protocol):
    """Anything that has a template in `templates/web/`."""

    @property
    def template(self) -> str: ...


def draw(environment: Environment, page: Page, nonce: str) -> str:
    """Return the HTML of a page; `nonce` is the one of its Content-Security-Policy."""
    return environment.get_template(page.template).render(page=tidy(page), nonce=nonce)

"""From a `NoticeView` to the three texts of a mail: subject, plain text, HTML.

Each kind of notice is a folder of templates; adding a mail is adding a folder (and
the name of the kind).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

import mailtrack
from mailtrack.errors import ConfigurationError
from mailtrack.notify.context import mail_context
from mailtrack.notify.french import FILTERS, typeset
from mailtrack.notify.tidy import tidy
from mailtrack.notify.view import NoticeView

#: Templates in French; in a style sheet, a no-break space breaks what follows it.
_SPOKEN = re.compile(r"\.(txt|html)$")


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """The three texts of one mail; the subject is one line."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class ShortText:
    """What a mail says in two lines: its subject, and its one sentence."""

    title: str
    sentence: str


#: What is said where news are to come, before they do.
PROOF_TEXT = ShortText(
    typeset("mailtrack : est-ce bien ici ?"),
    typeset(
        "Quelqu’un veut recevoir ici les nouvelles de ses colis. Si c’est vous, ouvrez ce lien et "
        "confirmez ; sinon, il n’y a rien à faire : rien d’autre ne viendra."
    ),
)


class Typesetter(Extension):
    """Sets what templates say as in print, once, when they are read.

    What strangers wrote is set by `tidy`; addresses and links stay as they are.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            words = token.type in ("data", "string") and stream.name and _SPOKEN.search(stream.name)
            yield token._replace(value=typeset(token.value)) if words else token


class Renderer:
    """Renders mails from the templates under a folder."""

    def __init__(self, templates: Path) -> None:
        self._environment = jinja_environment(templates, typesets=True)
        self._inliner = CSSInliner(load_remote_stylesheets=False)

    def load(self) -> None:
        """Compile every template of a mail now; threads that need one at once would each do it."""
        for name in self._environment.list_templates(extensions=("css", "html", "txt")):
            if name.startswith("mail/"):
                self._environment.get_template(name)

    def render(self, view: NoticeView) -> RenderedMail:
        """Return the texts of one mail."""
        context = mail_context(tidy(view))
        subject, text, html = (
            self._environment.get_template(f"mail/{view.kind}/{name}").render(context)
            for name in ("subject.txt", "body.txt", "body.html")
        )
        return RenderedMail(
            subject=subject.replace("\n", " ").strip(),
            text=text.strip() + "\n",
            html=self._inliner.inline(html),
        )

    def short(self, view: NoticeView) -> ShortText:
        """Return the two lines of a mail that news on other channels are."""
        context = mail_context(tidy(view))
        subject = self._environment.get_template(f"mail/{view.kind}/subject.txt").render(context)
        body = self._environment.get_template(f"mail/{view.kind}/body.txt")
        sentence = "".join(body.blocks["sentence"](body.new_context(dict(context))))
        return ShortText(" ".join(subject.split()), " ".join(sentence.split()))


def templates_dir() -> Path:
    """Find the templates: inside an installed package, or beside it in a checkout."""
    package = Path(mailtrack.__file__).parent
    for candidate in (package / "templates", package.parent / "templates"):
        if candidate.is_dir():
            return candidate
    raise ConfigurationError(f"No templates in {package}; install mailtrack again.")


@cache
def jinja_environment(templates: Path, *, typesets: bool = False) -> Environment:
    """Return the Jinja environment of mails and pages: French filters, HTML escaped.

    A process compiles its templates once, whoever draws with them. `typesets`: what they say is
    set as in print.
    """
    environment = Environment(
        extensions=[Typesetter] if typesets else [],
        loader=FileSystemLoader(templates),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment

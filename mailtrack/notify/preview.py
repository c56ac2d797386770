"""Every mail as files to look at: .html, .txt and .eml, with one page that shows them all."""

from collections.abc import Iterable
from pathlib import Path

from mailtrack.notify.mail import SmtpIdentity, compose
from mailtrack.notify.render import Renderer, jinja_environment, templates_dir
from mailtrack.notify.samples import NOW, order_samples, sample
from mailtrack.notify.view import NoticeKind

SENDER = SmtpIdentity("colis@example.org", "mailtrack")


def write_preview(out_dir: Path, kinds: Iterable[NoticeKind] | None = None) -> Path:
    """Write the mails of `kinds` (all by default) to a folder; return its index page.

    All: also those of an order whose shop names no parcel.
    """
    templates = templates_dir()
    renderer = Renderer(templates)
    out_dir.mkdir(parents=True, exist_ok=True)
    views = {str(kind): sample(kind) for kind in kinds or NoticeKind}
    views |= {} if kinds else order_samples()
    mails = {name: renderer.render(view) for name, view in views.items()}
    for name, mail in mails.items():
        out_dir.joinpath(f"{name}.html").write_text(mail.html, encoding="utf-8")
        out_dir.joinpath(f"{name}.txt").write_text(mail.text, encoding="utf-8")
        wire = compose(views[name], mail, SENDER, NOW).wire
        out_dir.joinpath(f"{name}.eml").write_bytes(wire)
    page = jinja_environment(templates).get_template("preview/index.html")
    index = out_dir / "index.html"
    index.write_text(page.render(mails=mails), encoding="utf-8")
    return index

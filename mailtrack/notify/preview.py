"""Every mail as files to look at: .html, .txt and .eml, with one page that shows them all."""

from collections.abc import Iterable
from pathlib import Path

from mailtrack.notify.mail import SmtpIdentity, compose
from mailtrack.notify.render import Renderer, make_environment, templates_dir
from mailtrack.notify.samples import NOW, sample
from mailtrack.notify.view import NoticeKind

SENDER = SmtpIdentity("colis@example.org", "mailtrack")


def write_preview(out_dir: Path, kinds: Iterable[NoticeKind] | None = None) -> Path:
    """Write the mails of `kinds` (all by default) to a folder; return its index page."""
    templates = templates_dir()
    renderer = Renderer(templates)
    out_dir.mkdir(parents=True, exist_ok=True)
    mails = {kind: renderer.render(sample(kind)) for kind in kinds or NoticeKind}
    for kind, mail in mails.items():
        out_dir.joinpath(f"{kind}.html").write_text(mail.html, encoding="utf-8")
        out_dir.joinpath(f"{kind}.txt").write_text(mail.text, encoding="utf-8")
        out_dir.joinpath(f"{kind}.eml").write_bytes(compose(sample(kind), mail, SENDER, NOW).wire)
    page = make_environment(templates).get_template("preview/index.html")
    index = out_dir / "index.html"
    index.write_text(page.render(mails=mails), encoding="utf-8")
    return index

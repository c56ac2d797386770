"""The mails as files to look at."""

from email import message_from_bytes, policy
from pathlib import Path

from mailtrack.notify.preview import write_preview
from mailtrack.notify.samples import order_samples
from mailtrack.notify.view import NoticeKind


def test_every_mail_is_written_three_times_and_stands_on_the_index(tmp_path: Path) -> None:
    index = write_preview(tmp_path / "out")
    mails = [*NoticeKind, *order_samples()]
    names = {f"{mail}.{ending}" for mail in mails for ending in ("html", "txt", "eml")}

    assert {*names, "index.html"} == {path.name for path in index.parent.iterdir()}
    for mail in mails:
        assert f'src="{mail}.html"' in index.read_text()
        assert f'href="#{mail}"' in index.read_text()


def test_one_mail_can_be_asked_for(tmp_path: Path) -> None:
    write_preview(tmp_path, [NoticeKind.DELIVERED])
    mail = message_from_bytes((tmp_path / "delivered.eml").read_bytes(), policy=policy.default)

    assert ["delivered.eml", "delivered.html", "delivered.txt", "index.html"] == sorted(
        path.name for path in tmp_path.iterdir()
    )
    assert mail["Subject"].startswith("Livré")

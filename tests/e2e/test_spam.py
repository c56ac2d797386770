"""Every mail as it leaves, before SpamAssassin with the rules that Debian ships."""

import mailbox
import os
import re
import shutil
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailtrack.notify.dkim import sign
from mailtrack.notify.mail import NOTICE_HEADER, compose
from mailtrack.notify.preview import SENDER
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import NOW, samples
from mailtrack.notify.view import NoticeKind

pytestmark = pytest.mark.e2e

#: Mails count as spam from 5 points on; ours stay well below.
FEW_POINTS = 1.0

#: What would make a second run differ from the first.
STATELESS = ("use_bayes 0", "use_auto_welcomelist 0")

#: Text of one pixel in the colour of its ground, and a subject that shouts.
BAIT = b"""\
From: "V I A G R A" <x@example.org>
Subject: CLICK HERE, DEAR FRIEND!!! $$$ MILLION DOLLARS
Content-Type: text/html

<html><font color="#ffffff" style="font-size:1px">a</font>
<b>Dear friend, 100% free, act now, click here: you won a million dollars</b></html>
"""


def outgoing(*, signed: bool) -> list[bytes]:
    """Return a mail of each kind as it goes over the wire."""
    renderer = Renderer(templates_dir())
    mails = [compose(view, renderer.render(view), SENDER, NOW).wire for view in samples()]
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    by_us = partial(sign, domain="example.org", selector="s1", private_key_pem=pem)
    return [by_us(mail) if signed else mail for mail in mails]


def judged(mails: list[bytes], home: Path) -> list[tuple[str, float, str]]:
    """Return notice, points and rules of each mail, all judged by one process."""
    binary = shutil.which("spamassassin")
    assert binary, "spamassassin is missing: install Debian's package spamassassin"
    unread, read = home / "unread", home / "read"
    with closing(mailbox.mbox(unread)) as post:
        for mail in mails:
            post.add(mail)
    options = [f"--cf={line}" for line in STATELESS]
    with unread.open("rb") as incoming, read.open("wb") as outcome:
        subprocess.run(
            [binary, "--local", "--mbox", *options],
            stdin=incoming,
            stdout=outcome,
            env={**os.environ, "HOME": str(home)},
            check=True,
        )
    with closing(mailbox.mbox(read)) as post:
        return [_verdict(mail) for mail in post]


def _verdict(mail: mailbox.mboxMessage) -> tuple[str, float, str]:
    status = str(mail["X-Spam-Status"])
    points = re.search(r"score=(-?[\d.]+)", status)
    assert points
    return str(mail[NOTICE_HEADER]), float(points[1]), status


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_no_mail_looks_like_spam(signed: bool, tmp_path: Path) -> None:
    verdicts = judged(outgoing(signed=signed), tmp_path)

    assert len(NoticeKind) == len(verdicts)
    assert [] == [verdict for verdict in verdicts if verdict[1] >= FEW_POINTS]


def test_spam_looks_like_spam(tmp_path: Path) -> None:
    ((_, points, _),) = judged([BAIT], tmp_path)

    assert points > FEW_POINTS

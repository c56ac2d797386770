"""What docs/channels.md shows is what comes, and its check of the signature works."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mailtrack.channels.addresses import APPRISE_SCHEMES
from mailtrack.channels.message import ChannelMessage
from mailtrack.channels.webhook import WebhookSender, as_json, new_secret
from mailtrack.clock import SystemClock
from mailtrack.domain.callable_hosts import CallableHosts
from mailtrack.domain.channels import CHANNEL_NEWS
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import sample
from mailtrack.notify.view import NoticeKind
from tests.channels.receiver import receiver

PAGE = (Path(__file__).parents[2] / "docs" / "channels.md").read_text(encoding="utf-8")
RENDERER = Renderer(templates_dir())


def _block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def _message(kind: NoticeKind) -> ChannelMessage:
    view, text = sample(kind), RENDERER.short(sample(kind))
    at = view.event.at if view.event else view.at
    return ChannelMessage("abc", at, text.title, text.sentence, str(view.links.timeline), view)


def test_the_page_shows_what_a_webhook_says() -> None:
    said = as_json(_message(NoticeKind.OUT_FOR_DELIVERY))
    shown = json.loads(_block("json"))
    said["data"]["url"] = shown["data"]["url"]

    assert said == shown


def test_the_check_of_the_page_takes_a_message_of_ours_and_no_other() -> None:
    page: dict[str, Any] = {}
    exec(_block("python"), page)
    is_genuine = page["is_genuine"]
    secret = new_secret()
    with receiver() as there:
        sender = WebhookSender(CallableHosts.parse(f"127.0.0.1:{there.port}"), SystemClock())
        sender.send(there.address, secret, _message(NoticeKind.DELIVERED))
        (got,) = there.got

    assert is_genuine(secret, got.headers, got.body)
    assert not is_genuine(new_secret(), got.headers, got.body)
    assert not is_genuine(secret, got.headers, got.body + b" ")
    assert not is_genuine(secret, {**got.headers, "webhook-id": "other"}, got.body)
    assert not is_genuine(secret, {**got.headers, "webhook-timestamp": "1"}, got.body)


@pytest.mark.parametrize("kind", sorted(CHANNEL_NEWS & set(NoticeKind)))
def test_every_piece_of_news_has_a_title_and_a_sentence(kind: str) -> None:
    text = RENDERER.short(sample(NoticeKind(kind)))

    assert text.title
    assert text.sentence.endswith((".", "!", "?", "…")), text.sentence
    assert text.title in " ".join(RENDERER.render(sample(NoticeKind(kind))).subject.split())


def test_the_page_names_every_scheme() -> None:
    assert [] == [scheme for scheme in APPRISE_SCHEMES if f"{scheme}://" not in PAGE]

"""Where a person's news go besides mail: added, proven by a click, chosen, removed."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.channels import PROOF_KEPT
from mailtrack.notify.links import Purpose
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.runtime.services import Services
from mailtrack.settings import ChannelSettings, Settings
from mailtrack.store import channel_notices, personal_data
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from tests.channels.receiver import Receiver, receiver

Ask = Callable[..., httpx.Response]
Rows = Callable[..., list[Mapping[str, Any]]]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, there: Receiver) -> Settings:
    channels = ChannelSettings(on="webhook", hosts=f"127.0.0.1:{there.port},hooks.example.org")
    return settings.model_copy(update={"channels": channels})


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    return follow()


@pytest.fixture
def press(ask: Ask, link: Callable[..., str], mine: Subscription) -> Callable[..., str]:
    """Press a button of Ana's page of channels; return what the page says then."""

    def make(action: str, **fields: str) -> str:
        page = ask(link(Purpose.CHANNELS, mine.subscriber), "POST", data={"do": action, **fields})
        assert 200 == page.status_code
        main = LexborHTMLParser(page.text).css_first("main")
        assert main is not None
        return main.text()

    return make


@pytest.fixture
def bring(services: Services, store: Store, clock: FakeClock) -> Callable[[], None]:
    """Bring what is due to the channels, as the dispatcher would."""

    def make() -> None:
        with store.write() as connection:
            batches = channel_notices.claim(
                connection, token="t", now=clock.now(), until=clock.later(90), limit=100, each=5
            )
        deliverer = services.channel_deliverer(Renderer(templates_dir()))
        for batch in batches:
            deliverer.deliver(batch, "t")

    return make


def test_an_address_is_used_once_somebody_clicks_in_what_came_there(
    ask: Ask,
    press: Callable[..., str],
    bring: Callable[[], None],
    there: Receiver,
    rows: Rows,
    clock: FakeClock,
) -> None:
    said = press("add_channel", address=f"{there.address}/hook", mode="beside")
    assert "Attend votre clic" in said
    bring()
    url = there.got[0].said["data"]["url"]
    for method in ("GET", "HEAD", "POST"):
        ask(url, method)
    assert None is rows(t.channel)[0]["proven_at"]

    answer = ask(url, "POST", data={"do": "prove_channel"})

    assert "viendront ici" in answer.text
    assert clock.now() == rows(t.channel)[0]["proven_at"]
    assert "C’était déjà fait" in ask(url).text
    assert "En service, en plus des mails" in press("nothing")


def test_the_secret_that_signs_is_shown_once(press: Callable[..., str], there: Receiver) -> None:
    said = press("add_channel", address=f"{there.address}/hook")

    assert re.search(r"whsec_[\w+/]{43}=", said)
    assert "whsec_" not in press("nothing")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "Ce n’est pas une adresse"),
        ("https://jo:x@hooks.example.org/", "ni nom ni mot de passe"),
        ("https://169.254.169.254/latest/meta-data", "pas le droit d’appeler"),
        ("http://127.0.0.1:6379/", "pas le droit d’appeler"),
        ("ntfys://ntfy.sh/sujet", "n’est pas pris en charge"),
    ],
)
def test_an_address_that_cannot_be_called_is_refused_with_its_reason(
    press: Callable[..., str], rows: Rows, address: str, words: str
) -> None:
    assert words in press("add_channel", address=address)
    assert [] == rows(t.channel)


def test_nobody_has_more_than_three(press: Callable[..., str], rows: Rows) -> None:
    for number in range(4):
        said = press("add_channel", address=f"https://hooks.example.org/{number}")

    assert "retirez-en une" in said
    assert 3 == len(rows(t.channel))


def test_mails_may_go_on_or_stop_and_an_address_is_removed(
    press: Callable[..., str], rows: Rows
) -> None:
    press("add_channel", address="https://hooks.example.org/abc", mode="instead")
    (channel,) = rows(t.channel)
    assert "instead" == channel["mode"]
    press("channel_beside", channel=channel["key"])
    assert "beside" == rows(t.channel)[0]["mode"]
    press("remove_channel", channel=channel["key"])

    assert [] == rows(t.channel) == rows(t.channel_notice)


def test_nobody_changes_the_channel_of_somebody_else(
    ask: Ask,
    link: Callable[..., str],
    press: Callable[..., str],
    follow: Callable[..., Subscription],
    rows: Rows,
) -> None:
    press("add_channel", address="https://hooks.example.org/abc")
    other = follow(address="ben@example.org")
    form = {"do": "remove_channel", "channel": rows(t.channel)[0]["key"]}

    answer = ask(link(Purpose.CHANNELS, other.subscriber), "POST", data=form)

    assert 410 == answer.status_code
    assert 1 == len(rows(t.channel))


def test_no_other_link_of_a_person_proves_a_channel(
    ask: Ask,
    services: Services,
    press: Callable[..., str],
    link: Callable[..., str],
    mine: Subscription,
) -> None:
    press("add_channel", address="https://hooks.example.org/abc")
    for purpose in (Purpose.PREFERENCES, Purpose.CHANNELS):
        token = link(purpose, mine.subscriber).rpartition("/")[2]
        assert 404 == ask(f"http://localhost/n/{token}", "POST").status_code


def test_what_was_never_proven_is_forgotten(
    services: Services, press: Callable[..., str], clock: FakeClock, rows: Rows
) -> None:
    press("add_channel", address="https://hooks.example.org/abc")
    for _ in range(PROOF_KEPT.days + 1):
        services.housekeeping().run()
        clock.advance(hours=23)
    services.housekeeping().run()

    assert [] == rows(t.channel)


def test_the_page_is_one_click_away_where_the_operator_offers_something(
    ask: Ask, services: Services, link: Callable[..., str], mine: Subscription
) -> None:
    page = ask(link(Purpose.PREFERENCES, mine.subscriber)).text
    assert link(Purpose.CHANNELS, mine.subscriber) in page

    object.__setattr__(
        services, "settings", services.settings.model_copy(update={"channels": ChannelSettings()})
    )

    assert "/o/" not in ask(link(Purpose.PREFERENCES, mine.subscriber)).text


def test_an_export_shows_where_news_go_but_no_token(
    services: Services, store: Store, press: Callable[..., str], mine: Subscription
) -> None:
    press("add_channel", address="https://hooks.example.org/secret-token")
    with store.read() as connection:
        kept = personal_data.everything_about_subscriber(
            connection, mine.subscriber, services.addresses.of
        )

    (channel,) = kept["channels"]
    assert ("hooks.example.org/sec…", "webhook", "beside") == (
        channel["address"],
        channel["kind"],
        channel["mode"],
    )
    assert "secret-token" not in repr(kept)


def test_an_erasure_takes_the_channels_and_what_was_owed_there(
    services: Services, store: Store, press: Callable[..., str], clock: FakeClock, rows: Rows
) -> None:
    press("add_channel", address="https://hooks.example.org/abc")
    with store.write() as connection:
        personal_data.erase(connection, "ana@example.org", services.suppression, clock.now())

    assert [] == rows(t.channel) == rows(t.channel_notice)


def test_adding_is_not_a_way_to_call_hosts_as_often_as_one_likes(
    ask: Ask, link: Callable[..., str], mine: Subscription
) -> None:
    form = {"do": "add_channel", "address": "https://hooks.example.org/abc"}
    address = link(Purpose.CHANNELS, mine.subscriber)

    statuses = [ask(address, "POST", data=form).status_code for _ in range(12)]

    assert 429 == statuses[-1]

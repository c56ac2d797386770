"""From the links of a mail to what they promise, in a browser with JavaScript off."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from gallery import scenes, world
from gallery.browser import TELEPHONE, chromium, showing
from gallery.world import READER, World
from mailtrack.notify.links import Purpose
from mailtrack.notify.samples import NOW
from mailtrack.notify.smtp import FakeRelay
from mailtrack.notify.view import NoticeKind
from mailtrack.store import notices
from mailtrack.store.schema import parcel, subscriber, subscription
from mailtrack.web.pages.buttons import Action

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def there() -> Iterator[World]:
    with world.running() as there:
        yield there


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with showing(browser, TELEPHONE[0], scripts=False) as page:
        yield page


@pytest.fixture
def links(there: World, page: Page) -> Mapping[str, str]:
    """Open a mail that was really delivered; return its links by their words."""
    page.set_content(_delivered(there))
    found = page.get_by_role("link").all()
    return {link.inner_text(): str(link.get_attribute("href")) for link in found}


def _delivered(there: World) -> str:
    """Let the service write and send a mail about one parcel; return its HTML."""
    with there.services.store.write() as connection:
        mine = there.following[NoticeKind.CUSTOMS_CLEARED]
        notices.owe_follower(connection, mine, NoticeKind.REGISTERED, occurrence="1", now=NOW)
    return _sent(there)


def _sent(there: World) -> str:
    """Send the mail that is due; return its HTML."""
    relay, services = FakeRelay(), there.services
    with services.store.write() as connection:
        later = services.clock.later(60)
        due = notices.claim_notices(connection, token="t", now=NOW, until=later, limit=1)
    replace(services.deliverer(), open_relay=lambda: nullcontext(relay)).deliver(due, "t")
    html = relay.sent[0].get_body(("html",))
    assert html is not None
    return str(html.get_content())


def _muted(there: World) -> list[bool]:
    with there.services.store.read() as connection:
        query = select(subscription.c.muted_at).order_by(subscription.c.id)
        return [muted_at is not None for muted_at in connection.scalars(query)]


def _says(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


def test_one_parcel_is_stopped_and_taken_up_again(
    there: World, page: Page, links: Mapping[str, str]
) -> None:
    page.goto(links["Arrêter le suivi de ce colis"])
    assert 0 == sum(_muted(there))

    scenes.press(page, Action.STOP)
    _says(page, "C’est arrêté")
    assert 1 == sum(_muted(there))

    scenes.press(page, Action.RESUME)
    _says(page, "reprend")
    assert 0 == sum(_muted(there))


def test_everything_is_stopped_and_taken_up_again(
    there: World, page: Page, links: Mapping[str, str]
) -> None:
    page.goto(links["Tout arrêter"])
    scenes.press(page, Action.STOP)
    assert all(_muted(there))

    scenes.press(page, Action.RESUME)
    assert 0 == sum(_muted(there))


def test_an_address_is_added_proven_and_removed(there: World, page: Page) -> None:
    """From the list of parcels, one click away; what the message links to switches it on."""
    page.goto(there.link(Purpose.PREFERENCES))
    page.get_by_role("link", name="Recevoir mes nouvelles ailleurs que par mail").click()
    _says(page, "Mes nouvelles ailleurs")
    page.get_by_label("Adresse où envoyer les nouvelles").fill("https://hooks.example.org/abcdef")
    page.get_by_role("radio", name="À la place des mails").check()
    page.get_by_role("button", name="Envoyer un message d’essai").click()
    expect(page.get_by_text("whsec_")).to_be_visible()
    own_page = page.url

    page.goto(there.link(Purpose.CHANNEL))
    _says(page, "Recevoir ici des nouvelles de colis")
    page.get_by_role("button", name="Oui, recevoir mes nouvelles ici").click()
    _says(page, "C’est fait")

    page.goto(own_page)
    expect(page.get_by_text("En service, à la place des mails")).to_be_visible()
    page.get_by_role("button", name="Retirer").last.click()
    expect(page.get_by_text("nous l’avons effacée")).to_be_visible()


def test_what_is_kept_is_downloaded(
    there: World, page: Page, links: Mapping[str, str], tmp_path: Path
) -> None:
    page.goto(links["Mes données"])
    with page.expect_download() as download:
        page.locator(f"form:has(input[name=do][value={Action.EXPORT}]) button").click()
    download.value.save_as(tmp_path / "data.json")
    kept = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    with there.services.store.read() as connection:
        numbers = connection.scalars(select(parcel.c.number)).all()

    assert READER == kept["address"]
    assert [] == [number for number in numbers if f'"{number}"' not in json.dumps(kept)]


def test_everything_is_erased_after_a_second_question(
    there: World, page: Page, links: Mapping[str, str]
) -> None:
    page.goto(links["Mes données"])
    scenes.press(page, Action.ERASE)
    assert [] != _muted(there)

    scenes.press(page, Action.ERASE_FOR_GOOD)
    _says(page, "Tout est effacé")
    assert [] == _muted(there)
    with there.services.store.read() as connection:
        addresses = connection.scalars(select(subscriber.c.address)).all()
    assert READER not in addresses

    gone = page.goto(links["Voir tout le parcours"])
    assert gone is not None
    assert 410 == gone.status


def test_a_mail_holds_no_script_but_data(there: World) -> None:
    html = _delivered(there)

    assert html.count("<script") == html.count('<script type="application/ld+json"') == 1
    assert re.search(r"<[^>]*\son\w+=", html) is None


def test_a_parcel_is_named_received_and_taken_up_again(
    there: World, page: Page, links: Mapping[str, str]
) -> None:
    page.goto(links["Voir tout le parcours"])
    page.get_by_text("Lui donner un nom").click()
    page.get_by_label("Nom de ce colis").fill("Cadeau de Léa")
    page.get_by_role("button", name="Enregistrer le nom").click()
    expect(page.locator(".lead")).to_contain_text("Cadeau de Léa")

    page.get_by_role("button", name="Je l’ai reçu").click()
    assert 1 == sum(_muted(there))
    page.goto(links["Mes colis et mes préférences"])
    expect(page.locator(".list:visible")).not_to_contain_text("Cadeau de Léa")
    page.get_by_role("link", name="Mes colis terminés").click()
    expect(page.locator(".list:visible")).to_contain_text("Cadeau de Léa")

    page.get_by_role("button", name="Pas encore reçu : Cadeau de Léa").click()
    expect(page.get_by_role("status")).to_contain_text("le suivi reprend")
    assert 0 == sum(_muted(there))


def test_a_number_is_added_by_hand_and_found_among_many(
    page: Page, links: Mapping[str, str]
) -> None:
    page.goto(links["Mes colis et mes préférences"])
    page.get_by_text("Ajouter un numéro").click()
    page.get_by_label("Numéro de suivi du colis").fill("lp 0012 3456 7890 12")
    page.get_by_role("button", name="Suivre ce colis").click()
    expect(page.get_by_role("status")).to_contain_text("nous suivons LP00123456789012")

    page.get_by_text("Chercher ou trier").click()
    page.get_by_label("Chercher un nom ou un numéro").fill("LP001234567890")
    page.get_by_role("button", name="Chercher").click()
    expect(page.locator(".list .what:visible")).to_have_count(1)


def test_somebody_is_invited_and_follows_by_their_own_click(
    there: World, page: Page, links: Mapping[str, str]
) -> None:
    page.goto(links["Voir tout le parcours"])
    page.get_by_text("Prévenir aussi quelqu’un").click()
    page.get_by_label("Son adresse mail").fill("Eve@example.org")
    page.get_by_role("button", name="Inviter").click()
    expect(page.get_by_role("status")).to_contain_text("attend sa réponse")

    page.set_content(_sent(there))
    accept, refuse = (
        str(page.get_by_role("link", name=words).get_attribute("href"))
        for words in ("Accepter", "Ne plus m’inviter")
    )
    page.goto(accept)
    _says(page, "Suivre un colis aussi")
    page.get_by_role("button", name="Accepter l’invitation").click()
    _says(page, "C’est noté")
    page.get_by_role("link", name="Voir ce suivi").click()
    expect(page.locator("main")).to_contain_text(f"sur l’invitation de {READER}")

    page.goto(refuse)
    page.get_by_role("button", name="Ne plus m’inviter").click()
    page.get_by_role("button", name="Recevoir de nouveau des invitations").click()
    _says(page, "C’est noté")

    page.goto(links["Voir tout le parcours"])
    page.get_by_text("Prévenir aussi quelqu’un").click()
    page.get_by_role("button", name="Mettre fin : eve@example.org").click()
    expect(page.get_by_role("status")).to_contain_text("lui reste")


def test_one_touch_selects_the_whole_number(page: Page, links: Mapping[str, str]) -> None:
    page.goto(links["Voir tout le parcours"])

    number = page.locator(".number.whole").first
    assert "all" == number.evaluate("node => getComputedStyle(node).userSelect")

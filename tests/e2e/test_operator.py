"""The operator's page in a browser without scripts: in, look up, act, and out again."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from gallery import world
from gallery.browser import TELEPHONE, chromium, showing
from gallery.world import READER, SESAME, World
from mailtrack.store.schema import carrier, notice

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
def page(browser: Browser, there: World) -> Iterator[Page]:
    """A telephone without JavaScript, signed in."""
    with showing(browser, TELEPHONE[0], scripts=False) as page:
        page.goto(f"{there.address}/admin")
        page.get_by_label("Password").fill(SESAME)
        page.get_by_role("button", name="Sign in").click()
        yield page


def test_a_wrong_password_is_said_and_the_right_one_opens_the_status(
    browser: Browser, there: World
) -> None:
    with showing(browser, TELEPHONE[0], scripts=False) as page:
        page.goto(f"{there.address}/admin/notices")
        page.get_by_label("Password").fill("sésame")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not the password")

        page.get_by_label("Password").fill(SESAME)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Status")


def test_why_somebody_got_no_mail_is_found_by_their_address_and_sent_again(
    page: Page, there: World
) -> None:
    store = there.services.store
    with store.write() as connection:
        connection.execute(update(notice).values(state="failed", skip=None, last_error="550 no"))

    page.get_by_label("Address of a person").fill(READER)
    page.get_by_role("button", name="Find").click()
    assert READER not in page.url
    expect(page.locator("main")).to_contain_text(READER)
    page.locator("table", has_text="550 no").get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("550 no")
    page.get_by_role("button", name="Send it again").click()

    expect(page.get_by_role("status")).to_contain_text("1 notice is due again")
    with store.read() as connection:
        assert ["due"] == list(connection.scalars(select(notice.c.state)))


def test_a_carrier_is_left_alone_from_a_telephone(page: Page, there: World) -> None:
    page.get_by_role("link", name="Carriers").click()
    form = page.locator("form", has_text="Leave it alone")
    form.get_by_label("Carrier").select_option("cainiao")
    form.get_by_label("Until").fill("3h")
    form.get_by_role("button").click()

    expect(page.get_by_role("status")).to_contain_text("cainiao is left alone until")
    with there.services.store.read() as connection:
        query = select(carrier.c.blocked_until).where(carrier.c.code == "cainiao")
        assert connection.scalar(query) is not None


def test_what_cannot_be_taken_back_asks_first(page: Page) -> None:
    page.get_by_role("link", name="People").click()
    button = page.get_by_role("button", name="Block an address", exact=True)
    expect(button).to_be_hidden()
    page.locator("summary", has_text=re.compile("^Block")).click()
    expect(button).to_be_visible()


def test_who_signs_out_sees_nothing_more(page: Page, there: World) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

    page.goto(f"{there.address}/admin/people")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

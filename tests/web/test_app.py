"""The pages over HTTP: GET shows and changes nothing, POST acts, and each link does one thing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.robotparser import RobotFileParser

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Route

from mailtrack.clock import FakeClock
from mailtrack.domain.channels import ChannelKind, ChannelMode
from mailtrack.domain.proof import Proof
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore, WatcherState
from mailtrack.notify.links import PATHS, LinkMaker, Purpose
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import (
    budgets,
    calendars,
    channels,
    doubtful_numbers,
    erasure,
    invitations,
    notices,
    parcels,
    people,
    proofs,
)
from mailtrack.store import schema as t
from mailtrack.store.channels import NewChannel
from mailtrack.store.engine import Store, open_store
from mailtrack.store.leases import DISPATCH, watch_name
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app
from mailtrack.web.forms import MOST_FORM_BYTES
from mailtrack.web.limits import Shares
from mailtrack.web.service import PageService
from tests.web.conftest import FakeBroker

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Path_ = Callable[[Purpose, int], str]

HOME = "http://localhost:8080"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
#: Where the database is never asked.
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Browser:
    """Asks the application over HTTP without a network; redirects are not followed."""

    def __init__(self, app: Starlette) -> None:
        # As under uvicorn, an error of ours is an answer 500 and not an exception here.
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, address: str, **details: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport) as client:
                return await client.request(method, httpx.URL(HOME).join(address), **details)

        return asyncio.run(ask())

    def get(self, address: str) -> httpx.Response:
        return self.request("GET", address)

    def post(self, address: str, **details: Any) -> httpx.Response:
        return self.request("POST", address, **details)


@pytest.fixture
def client(services: Services) -> Browser:
    return Browser(make_app(services))


@pytest.fixture
def path(link: Callable[..., str]) -> Path_:
    """Return the path of a page for one subscription or subscriber."""

    def make(purpose: Purpose, number: int) -> str:
        return link(purpose, number).removeprefix(HOME)

    return make


@pytest.fixture
def mine(follow: Follow, store: Store, clock: FakeClock) -> Subscription:
    """Ana follows two parcels; of this first one she has a proof, and is asked about a third.

    She has a calendar, has invited Bruno to hear of this one, and waits for the click that proves
    a channel of hers.
    """
    first = follow()
    follow("LP00123456789013", items=("Tapis",))
    with store.write() as connection:
        doubtful_numbers.ask(
            connection,
            first.subscriber,
            "6A15602676301",
            ["laposte"],
            "check_digit",
            "trace",
            clock.now(),
        )
        calendars.make(connection, first.subscriber, clock.now())
        invitations.add(
            connection, first.subscriber, first.id, "bruno@example.org", clock.now(), mailed=True
        )
        webhook = NewChannel(
            ChannelKind.WEBHOOK, ChannelMode.BESIDE, b"sealed", "hooks.example.org/abc…"
        )
        channels.add(connection, first.subscriber, webhook, clock.now())
        proofs.keep(connection, first.id, Proof(clock.now(), "LP00123456789012", clock.now()))
    return first


@pytest.fixture
def everything(rows: Rows) -> Callable[[], list[Any]]:
    """Read the whole database."""
    return lambda: [rows(table) for table in t.metadata.sorted_tables]


def _muted(rows: Rows) -> list[bool]:
    return [row["muted_at"] is not None for row in rows(t.subscription)]


def _owner(purpose: Purpose, mine: Subscription) -> int:
    """Return the number that a link of a purpose holds."""
    about_parcel = purpose in (Purpose.STOP_PARCEL, Purpose.TIMELINE)
    first = (Purpose.FOLLOW, Purpose.PROOF, Purpose.CALENDAR, Purpose.INVITATION, Purpose.CHANNEL)
    return 1 if purpose in first else mine.id if about_parcel else mine.subscriber


# --- GET ----------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", list(Purpose))
def test_looking_changes_nothing_however_often_a_scanner_looks(
    client: Browser,
    path: Path_,
    mine: Subscription,
    everything: Callable[[], list[Any]],
    purpose: Purpose,
) -> None:
    before = everything()
    for _ in range(2):
        for method in ("GET", "HEAD"):
            answer = client.request(method, path(purpose, _owner(purpose, mine)))
            kind = "calendar" if purpose is Purpose.CALENDAR else "html"
            assert (200, f"text/{kind}; charset=utf-8") == (
                answer.status_code,
                answer.headers["content-type"],
            )

    assert before == everything()


@pytest.mark.parametrize("address", ["/", "/healthz", "/readyz", "/metrics", "/nowhere"])
def test_open_pages_change_nothing(
    client: Browser,
    mine: Subscription,
    everything: Callable[[], list[Any]],
    address: str,
    services: Services,
) -> None:
    vars(services)["broker"] = FakeBroker()
    before = everything()
    for _ in range(2):
        client.get(address)

    assert before == everything()


def test_a_parcel_s_page_shows_it_and_what_else_its_reader_follows(
    client: Browser, path: Path_, mine: Subscription
) -> None:
    page = client.get(path(Purpose.TIMELINE, mine.id)).text

    assert "LP00123456789012" in page.replace(" ", "").replace("\u202f", "").replace("\xa0", "")
    assert "Tapis" in page
    assert "ana@example.org" not in page


@pytest.mark.parametrize("purpose", sorted({*Purpose} - {Purpose.CALENDAR}))  # no page
def test_a_page_keeps_to_itself(
    client: Browser, path: Path_, mine: Subscription, purpose: Purpose
) -> None:
    answer = client.get(path(purpose, _owner(purpose, mine)))

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("no-store", "nosniff", "no-referrer") == tuple(
        answer.headers[name]
        for name in ("cache-control", "x-content-type-options", "referrer-policy")
    )
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'nonce="{nonce}"' in answer.text
    assert "<script" not in answer.text
    assert " src=" not in answer.text


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/metrics", 200),
        ("GET", "/readyz", 503),
        ("GET", "/healthz", 200),
        ("GET", "/robots.txt", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/healthz", 405),
        ("POST", "/hooks/17track", 404),
        ("POST", "/hooks/pigeon", 404),
        ("GET", "/c/forged", 404),
    ],
)
def test_whatever_is_answered_is_kept_guessed_and_found_by_nobody(
    client: Browser, method: str, address: str, status: int
) -> None:
    answer = client.request(method, address)

    assert status == answer.status_code
    assert ("no-store", "nosniff", "no-referrer", "noindex, nofollow") == tuple(
        answer.headers[name]
        for name in (
            *("cache-control", "x-content-type-options"),
            *("referrer-policy", "x-robots-tag"),
        )
    )


@ONE_DATABASE
def test_robots_are_told_to_stay_away_and_browsers_that_there_is_no_picture(
    client: Browser,
) -> None:
    robots = RobotFileParser()
    robots.parse(client.get("/robots.txt").text.splitlines())
    read = [page for page in PATHS.values() if robots.can_fetch("Googlebot", f"{HOME}{page}x")]
    assert ["/k/"] == read, "whose link its reader gave to a calendar program"
    assert not robots.can_fetch("Googlebot", HOME)

    picture = client.get("/favicon.ico")
    assert (204, b"") == (picture.status_code, picture.content)
    assert "max-age=86400" in picture.headers["cache-control"]


@ONE_DATABASE
def test_requests_of_one_visitor_that_never_end_leave_room_for_others(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may come through a proxy, whose connections are all alike."""
    monkeypatch.setattr("mailtrack.web.app.Shares", lambda _: Shares(most=2))
    app = make_app(services)

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def ask(host: str, method: str = "GET", **details: Any) -> int:
        transport = httpx.ASGITransport(app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.request(method, f"{HOME}/d/forged", **details)).status_code

    async def play() -> tuple[list[int], list[int]]:
        slow = [asyncio.create_task(ask("203.0.113.7", "POST", content=never())) for _ in range(2)]
        await asyncio.sleep(0)
        during = [await ask(host) for host in ("203.0.113.7", "203.0.113.8", "127.0.0.1")]
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return during, [await ask("203.0.113.7")]

    assert ([429, 404, 404], [404]) == asyncio.run(play())


def test_every_page_has_a_style_of_its_own_nonce(
    client: Browser, path: Path_, mine: Subscription
) -> None:
    pages = [client.get(path(Purpose.TIMELINE, mine.id)) for _ in range(2)]

    assert 2 == len({page.headers["content-security-policy"] for page in pages})


# --- POST ---------------------------------------------------------------------------


def test_a_click_in_the_mail_program_stops_one_parcel(
    client: Browser, path: Path_, mine: Subscription, rows: Rows
) -> None:
    """RFC 8058: no cookie, no login, no redirect."""
    for _ in range(2):
        answer = client.post(path(Purpose.STOP_PARCEL, mine.id), data=ONE_CLICK)
        assert 200 == answer.status_code

    assert [True, False] == _muted(rows)
    assert [None] == [person["unsubscribed_at"] for person in rows(t.subscriber)]


def test_a_click_may_come_as_multipart_too(
    client: Browser, path: Path_, mine: Subscription, rows: Rows
) -> None:
    field = 'Content-Disposition: form-data; name="List-Unsubscribe"'
    body = f"--b\r\n{field}\r\n\r\nOne-Click\r\n--b--"
    answer = client.post(
        path(Purpose.STOP_ALL, mine.subscriber),
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )

    assert 200 == answer.status_code
    assert [True, True] == _muted(rows)


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """Give a body that httpx sends without saying how long it is (chunked)."""
    for at in range(0, len(body), 5):
        yield body[at : at + 5]


_URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_stop_is_taken_back_by_a_form_of_untold_length_too(
    client: Browser, path: Path_, mine: Subscription, rows: Rows
) -> None:
    address = path(Purpose.STOP_PARCEL, mine.id)
    client.post(address, content=_in_pieces(b"List-Unsubscribe=One-Click"), headers=_URLENCODED)
    assert [True, False] == _muted(rows)

    client.post(address, content=_in_pieces(b"do=resume"), headers=_URLENCODED)
    assert [False, False] == _muted(rows)


def test_a_form_of_untold_length_is_read_no_further_than_ours_go(
    client: Browser, path: Path_, mine: Subscription, everything: Callable[[], list[Any]]
) -> None:
    before = everything()
    long = b"do=stop_all&padding=" + b"x" * MOST_FORM_BYTES
    answer = client.post(
        path(Purpose.PREFERENCES, mine.subscriber), content=_in_pieces(long), headers=_URLENCODED
    )

    assert 200 == answer.status_code
    assert before == everything()


def test_a_click_without_a_body_is_a_click(
    client: Browser, path: Path_, mine: Subscription, rows: Rows
) -> None:
    client.post(path(Purpose.STOP_PARCEL, mine.id))

    assert [True, False] == _muted(rows)


def test_stopping_everything_is_done_once_however_often_it_is_asked(
    client: Browser, path: Path_, mine: Subscription, rows: Rows, clock: FakeClock
) -> None:
    first = clock.now()
    for _ in range(2):
        client.post(path(Purpose.STOP_ALL, mine.subscriber), data={"do": "stop"})
        clock.advance(hours=1)

    assert [first] == [person["unsubscribed_at"] for person in rows(t.subscriber)]
    assert [first, first] == [row["muted_at"] for row in rows(t.subscription)]


@pytest.mark.parametrize("purpose", [Purpose.STOP_PARCEL, Purpose.STOP_ALL])
def test_a_stop_can_be_taken_back(
    client: Browser, path: Path_, mine: Subscription, rows: Rows, purpose: Purpose
) -> None:
    address = path(purpose, _owner(purpose, mine))
    client.post(address, data=ONE_CLICK)
    assert _muted(rows)[0]

    client.post(address, data={"do": "resume"})
    assert [False, False] == _muted(rows)
    assert [None] == [person["unsubscribed_at"] for person in rows(t.subscriber)]


def test_resuming_asks_the_carriers_again(
    client: Browser,
    path: Path_,
    mine: Subscription,
    store: Store,
    rows: Rows,
    clock: FakeClock,
) -> None:
    assert mine.parcel is not None
    client.post(path(Purpose.STOP_PARCEL, mine.id), data=ONE_CLICK)
    with store.write() as connection:
        parcels.end(connection, mine.parcel, "nobody_follows", clock.now())
    client.post(path(Purpose.STOP_PARCEL, mine.id), data={"do": "resume"})

    assert [clock.now()] == [row["next_poll_at"] for row in rows(t.leg, parcel_id=mine.parcel)]


def test_preferences_stop_and_resume_a_parcel(
    client: Browser, path: Path_, mine: Subscription, rows: Rows
) -> None:
    address = path(Purpose.PREFERENCES, mine.subscriber)
    client.post(address, data={"do": "stop", "subscription": mine.key})
    assert [True, False] == _muted(rows)
    client.post(address, data={"do": "resume", "subscription": mine.key})
    assert [False, False] == _muted(rows)
    client.post(address, data={"do": "stop_all"})
    assert [True, True] == _muted(rows)
    client.post(address, data={"do": "resume_all"})
    assert [False, False] == _muted(rows)


def test_preferences_touch_nobody_else_s_parcels(
    client: Browser,
    path: Path_,
    mine: Subscription,
    follow: Follow,
    everything: Callable[[], list[Any]],
) -> None:
    bruno = follow(address="bruno@example.org")
    before = everything()
    answer = client.post(
        path(Purpose.PREFERENCES, mine.subscriber),
        data={"do": "stop", "subscription": bruno.key},
    )

    assert 410 == answer.status_code
    assert before == everything()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"do": "explode"},
        {"do": "stop"},
        {"do": "stop", "subscription": "²"},
        {"do": "stop", "subscription": "-1"},
        {"do": "stop", "subscription": "9" * 30},
        {"do": "resume", "subscription": "1; DROP TABLE notice"},
    ],
)
def test_a_form_that_makes_no_sense_changes_nothing(
    client: Browser,
    path: Path_,
    mine: Subscription,
    everything: Callable[[], list[Any]],
    form: dict[str, str],
) -> None:
    before = everything()
    answer = client.post(path(Purpose.PREFERENCES, mine.subscriber), data=form)

    assert answer.status_code in (200, 410)
    assert before == everything()


def test_a_form_that_is_too_long_is_not_read(
    client: Browser, path: Path_, mine: Subscription, everything: Callable[[], list[Any]]
) -> None:
    before = everything()
    answer = client.post(
        path(Purpose.PREFERENCES, mine.subscriber),
        data={"do": "stop_all", "padding": "x" * MOST_FORM_BYTES},
    )

    assert 200 == answer.status_code
    assert before == everything()


# --- links --------------------------------------------------------------------------


def _damaged(address: str) -> str:
    """Change a letter of the signature; the last one has several spellings in base64."""
    signed, ending, _ = address.partition(".ics")
    return signed[:-5] + ("A" if signed[-5] != "A" else "B") + signed[-4:] + ending


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_damaged_link_is_met_with_a_page_and_404(
    client: Browser,
    path: Path_,
    mine: Subscription,
    everything: Callable[[], list[Any]],
    method: str,
) -> None:
    before = everything()
    links = [_damaged(path(purpose, _owner(purpose, mine))) for purpose in Purpose]
    answers = {link: client.request(method, link, data=ONE_CLICK).status_code for link in links}

    assert {} == {link: code for link, code in answers.items() if code not in (404, 405)}
    assert before == everything()


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_slash_at_the_end_of_a_link_opens_it_without_a_detour(
    client: Browser, path: Path_, mine: Subscription, purpose: Purpose
) -> None:
    answer = client.get(path(purpose, _owner(purpose, mine)) + "/")

    kept = "private, no-cache" if purpose is Purpose.CALENDAR else "no-store"
    assert (200, kept) == (answer.status_code, answer.headers["cache-control"])


def test_a_click_in_the_mail_program_meets_no_redirect_where_a_slash_was_added(
    client: Browser, path: Path_, mine: Subscription, rows: Rows
) -> None:
    answer = client.post(path(Purpose.STOP_PARCEL, mine.id) + "/", data=ONE_CLICK)

    assert 200 == answer.status_code
    assert [True, False] == _muted(rows)


@ONE_DATABASE
@pytest.mark.parametrize(
    ("address", "status"),
    [("/aide/", 200), ("/suivi/?number=XY", 200), ("//", 200), ("/d/", 404), ("/nowhere/", 404)],
)
def test_a_slash_at_the_end_changes_no_open_page(
    client: Browser, address: str, status: int
) -> None:
    answer = client.get(HOME + address)

    assert status == answer.status_code
    assert '<html lang="fr">' in answer.text


@ONE_DATABASE
@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("POST", "/", {"GET", "HEAD"}),
        ("DELETE", "/c/token", {"GET", "HEAD", "POST"}),
        ("POST", "/l/token", {"GET", "HEAD"}),
        ("DELETE", "/d/token", {"GET", "HEAD", "POST"}),
        ("GET", "/hooks/cainiao", {"POST"}),
        ("OPTIONS", "/suivi", {"GET", "HEAD"}),
    ],
)
def test_what_a_page_cannot_do_is_said_in_french_and_kept_to_itself(
    client: Browser, method: str, address: str, allowed: set[str]
) -> None:
    answer = client.request(method, address)

    assert 405 == answer.status_code
    assert allowed == {*answer.headers["allow"].split(", ")}
    assert '<html lang="fr">' in answer.text
    assert ("no-store", "nosniff") == (
        answer.headers["cache-control"],
        answer.headers["x-content-type-options"],
    )


def test_whatever_can_be_shown_can_be_asked_for_without_its_text(
    client: Browser, services: Services
) -> None:
    vars(services)["broker"] = FakeBroker()
    shown = [
        route.path.format(token="token")
        for route in make_app(services).routes
        if isinstance(route, Route) and route.methods and "GET" in route.methods
    ]

    assert len(shown) > len(PATHS)
    for address in shown:
        looked, headed = client.get(address), client.request("HEAD", address)
        assert looked.status_code == headed.status_code
        assert looked.headers.get("content-type") == headed.headers.get("content-type")


@pytest.mark.parametrize("page", sorted({*PATHS.values()}))
def test_a_link_for_one_purpose_opens_no_other_page(
    client: Browser, path: Path_, mine: Subscription, page: str
) -> None:
    links = {purpose: path(purpose, _owner(purpose, mine)) for purpose in Purpose}
    opened = {
        purpose: client.get(page + link.rpartition("/")[2]).status_code
        for purpose, link in links.items()
    }

    assert {
        purpose: 200 if link.startswith(page) else 404 for purpose, link in links.items()
    } == opened


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_link_to_what_was_erased_says_so(
    client: Browser, path: Path_, mine: Subscription, store: Store, purpose: Purpose
) -> None:
    with store.write() as connection:
        erasure.erase(connection, mine.subscriber)
    answer = client.get(path(purpose, _owner(purpose, mine)))

    assert (410, "text/html; charset=utf-8") == (
        answer.status_code,
        answer.headers["content-type"],
    )


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_link_to_what_was_erased_never_comes_to_show_somebody_else(
    client: Browser,
    path: Path_,
    mine: Subscription,
    store: Store,
    follow: Follow,
    purpose: Purpose,
) -> None:
    address = path(purpose, _owner(purpose, mine))
    with store.write() as connection:
        erasure.erase(connection, mine.subscriber)
    for number in ("LP00123456789012", "LP00123456789013"):
        follow(number, address="bruno@example.org")

    assert 410 == client.get(address).status_code


def test_a_retired_secret_still_opens_old_mails(
    services: Services, client: Browser, mine: Subscription
) -> None:
    old = LinkMaker(HOME, "the secret of last year")
    vars(services)["links"] = LinkMaker(HOME, "a new secret", ["the secret of last year"])
    renewed = Browser(make_app(services))
    assert 200 == renewed.get(old.link(Purpose.TIMELINE, mine.key)).status_code
    assert 404 == client.get(old.link(Purpose.TIMELINE, mine.key)).status_code


# --- health -------------------------------------------------------------------------


@pytest.fixture
def running(services: Services, store: Store, clock: FakeClock) -> SqlMailStore:
    """A service whose broker answers, whose watcher waits for mail and whose dispatcher works."""
    vars(services)["broker"] = FakeBroker()
    for name in (DISPATCH, watch_name("colis@host", "INBOX")):
        replace(services.lease(name), seconds=3600.0).take()
    mail_store = SqlMailStore(store, clock)
    mail_store.note_state("colis@host", "INBOX", WatcherState.IDLING, "")
    return mail_store


def test_a_service_at_work_is_ready(client: Browser, running: SqlMailStore) -> None:
    assert "ok\n" == client.get("/healthz").text
    answer = client.get("/readyz")

    assert (200, {"ready": True, "wrong": []}) == (answer.status_code, answer.json())


def test_what_is_wrong_is_said_and_what_to_look_at(
    client: Browser, running: SqlMailStore, services: Services, clock: FakeClock
) -> None:
    vars(services)["broker"] = FakeBroker(error="refused")
    running.note_state("colis@host", "INBOX", WatcherState.REFUSED, "wrong password")
    running.keep("colis@host", "INBOX", 1, FetchedMail(1, b"x", clock.now()))
    clock.advance(minutes=16)
    answer = client.get("/readyz")

    assert 503 == answer.status_code
    mailbox, mail, broker = answer.json()["wrong"]
    assert "The mailbox is refused: wrong password" == mailbox
    assert "dispatcher and worker running?" in mail
    assert "Redis does not answer: refused" == broker


def test_metrics_count_in_the_store(
    client: Browser,
    store: Store,
    mine: Subscription,
    running: SqlMailStore,
    clock: FakeClock,
) -> None:
    running.keep("colis@host", "INBOX", 1, FetchedMail(1, b"x", clock.now()))
    with store.write() as connection:
        notices.owe_follower(
            connection, mine.id, NoticeKind.REGISTERED, occurrence="1", now=clock.now()
        )
        people.bounced(connection, mine.subscriber, clock.now())
    clock.advance(seconds=90)
    lines = client.get("/metrics").text.splitlines()

    for line in (
        'mailtrack_mails{outcome="waiting"} 1.0',
        'mailtrack_notices{kind="registered",state="due",why=""} 1.0',
        'mailtrack_parcels{milestone="none"} 2.0',
        "mailtrack_polls_due 2.0",
        'mailtrack_oldest_seconds{what="due_notice"} 90.0',
        'mailtrack_last_success_seconds{source="mailbox"} 90.0',
    ):
        assert line in lines


def test_a_carrier_that_asks_for_a_robot_check_can_raise_an_alarm(
    client: Browser, store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        budgets.take(connection, "cainiao", 1, per_second=1, per_day=50, now=clock.now())
        budgets.note_error(connection, "cainiao", "robot?", clock.now(), silence_s=21_600)
    clock.advance(seconds=600)

    lines = client.get("/metrics").text.splitlines()
    assert 'mailtrack_carrier_silence_seconds{carrier="cainiao"} 21000.0' in lines
    assert 'mailtrack_carrier_requests_today{carrier="cainiao"} 1.0' in lines


def test_a_source_that_never_answered_does_not_look_fresh(
    client: Browser, store: Store, clock: FakeClock
) -> None:
    """Zero seconds since the last answer would be the best of all values."""
    SqlMailStore(store, clock).note_state("colis@host", "INBOX", WatcherState.WAITING, "away")

    assert 'mailtrack_last_success_seconds{source="mailbox"}' not in client.get("/metrics").text


@ONE_DATABASE
def test_metrics_can_be_switched_off(services: Services) -> None:
    web = services.settings.web.model_copy(update={"metrics": False})
    closed = replace(services, settings=services.settings.model_copy(update={"web": web}))

    assert 404 == Browser(make_app(closed)).get("/metrics").status_code


# --- a store that is away -------------------------------------------------------------


@pytest.fixture
def away(services: Services) -> Iterator[Browser]:
    """The pages on a database that is not there."""
    store = open_store("postgresql+psycopg://mailtrack:hush@127.0.0.1:1/mailtrack")
    vars(services)["store"] = store
    yield Browser(make_app(services))
    store.close()


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_database_that_is_away_is_a_page_that_says_when_to_come_back(
    away: Browser, path: Path_, purpose: Purpose
) -> None:
    answer = away.get(path(purpose, 1))

    assert (503, "120") == (answer.status_code, answer.headers["retry-after"])
    assert "<h1>Revenez dans quelques minutes</h1>" in answer.text
    assert "no-store" == answer.headers["cache-control"]


def test_a_mistake_of_ours_is_a_french_page_too(
    services: Services, path: Path_, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.setattr(PageService, "timeline", fail)
    answer = Browser(make_app(services)).get(path(Purpose.TIMELINE, 1))

    assert 500 == answer.status_code
    assert "<h1>Revenez dans quelques minutes</h1>" in answer.text
    assert "expected" not in answer.text


def test_a_database_that_is_away_is_not_ready_and_keeps_its_password(away: Browser) -> None:
    answer = away.get("/readyz")

    assert 503 == answer.status_code
    assert "does not answer" in answer.json()["wrong"][0]
    assert "hush" not in answer.text
    assert 503 == away.get("/metrics").status_code
    assert 200 == away.get("/healthz").status_code


def test_a_database_without_its_tables_is_no_traceback_either(
    services: Services, store: Store, path: Path_
) -> None:
    address = path(Purpose.TIMELINE, 1)
    with store.write() as connection:
        theirs = ("mail_event", "named_carrier", "proof", "calendar_event")
        of_both = ("channel_notice", "notice", "shared_subscription", "invitation")
        for table in (*of_both, *theirs, "subscription"):
            connection.execute(text(f"DROP TABLE {table}"))

    assert 503 == Browser(make_app(services)).get(address).status_code

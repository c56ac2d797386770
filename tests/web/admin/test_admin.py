"""The operator's page over HTTP: who is let in, what is shown, and what its buttons do."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import insert, update
from starlette.types import Receive, Scope, Send

from mailtrack.clock import FakeClock
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.runtime.services import Services
from mailtrack.settings import AdminSettings, WebSettings
from mailtrack.store import notices, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store, open_store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.admin import PEER
from mailtrack.web.admin.passwords import hash_password
from mailtrack.web.admin.sessions import SESSION_S
from mailtrack.web.admin.topics import TOPICS
from mailtrack.web.app import make_admin_app, make_app
from tests.web.conftest import FakeBroker

#: What the database has to do with it: nothing; the commands are tested on both.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PASSWORD = "un long sésame"
#: A cheap one: a sixteenth of a second less for each test.
HASH = hash_password(PASSWORD, salt=b"0" * 16, n=2)
PROXY, ELSEWHERE = "192.0.2.1", "203.0.113.9"
#: What a stranger writes to break out of a page, or to turn what stands there.
HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J\"'><svg onload=alert(1)>"
PAGES = [f"/admin/{name}".rstrip("/") for name in TOPICS]

Rows = Callable[..., list[Mapping[str, Any]]]


class Operator:
    """A browser that keeps its cookies and follows no redirect; `peer` is where it comes from."""

    def __init__(self, app: Any, peer: str = ELSEWHERE) -> None:
        async def from_peer(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, PEER: peer}, receive, send)

        self._transport = httpx.ASGITransport(from_peer, client=(peer, 1))
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **details: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="https://colis.example", cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **details)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **details: Any) -> httpx.Response:
        return self.ask("GET", path, **details)

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        return self.ask("POST", "/admin/sign-in", data={"password": password})

    def press(self, path: str, do: str, **fields: str) -> httpx.Response:
        """Press a button of a page, as its forms have it."""
        page = self.get(path)
        token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
        return self.ask("POST", path, data={"do": do, "token": token, **fields})


def with_admin(services: Services, web: WebSettings | None = None, **admin: Any) -> Services:
    """Return the same service with an operator's page."""
    settings = services.settings.model_copy(
        update={
            "admin": AdminSettings(**admin),
            "web": web or WebSettings(public_url="https://colis.example"),
        }
    )
    changed = replace(services, settings=settings)
    vars(changed).update(store=services.store, clock=services.clock, broker=FakeBroker())
    return changed


@pytest.fixture
def service(services: Services) -> Services:
    return with_admin(services, password_hash=SecretStr(HASH))


@pytest.fixture
def operator(service: Services) -> Operator:
    """Somebody who has signed in."""
    operator = Operator(make_app(service))
    operator.sign_in()
    return operator


@pytest.fixture
def lived(
    service: Services, store: Store, clock: FakeClock, follow: Callable[..., Subscription]
) -> Subscription:
    """Ana follows a parcel; a mail of hers was read, a notice to her failed, her address is dead.

    What strangers wrote into it is hostile.
    """
    mine, now = follow(), clock.now()
    SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, FetchedMail(1, b"x", now))
    with store.write() as connection:
        connection.execute(
            update(t.inbound).values(
                outcome="tracked",
                reason=HOSTILE,
                subject=HOSTILE,
                subscriber_id=mine.subscriber,
                names="LP00123456789012",
            )
        )
        notices.owe_follower(connection, mine.id, "stalled", occurrence="1", now=now)
        connection.execute(update(t.notice).values(state="failed", last_error=HOSTILE))
        people.bounced(connection, mine.subscriber, now)
        connection.execute(
            insert(t.unmapped).values(
                carrier="cainiao", code="X", text=HOSTILE, times=7, first_at=now, last_at=now
            )
        )
        connection.execute(update(t.parcel).values(pickup_name=HOSTILE))
    return mine


# --- who is let in ------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/admin/sign-in", "/admin/find"])
def test_where_nobody_may_sign_in_there_is_no_page(services: Services, path: str) -> None:
    off = Operator(make_app(with_admin(services)))

    assert [404, 404] == [off.ask(method, path).status_code for method in ("GET", "POST")]


@pytest.mark.parametrize("path", PAGES)
def test_who_has_not_signed_in_is_asked_for_the_password_first(
    service: Services, path: str
) -> None:
    stranger = Operator(make_app(service))
    answer = stranger.get(path)

    assert (303, "/admin/sign-in") == (answer.status_code, answer.headers["location"])
    assert 303 == stranger.ask("POST", path, data={"do": "resend", "id": "failed"}).status_code
    assert "password" in stranger.get("/admin/sign-in").text


@pytest.mark.parametrize("password", ["", "un long sesame", PASSWORD + " ", "x" * 3_000])
def test_a_wrong_password_lets_nobody_in(
    service: Services, logged: Sequence[Mapping[str, Any]], password: str
) -> None:
    stranger = Operator(make_app(service))
    answer = stranger.sign_in(password)

    assert 403 == answer.status_code
    assert "set-cookie" not in answer.headers
    assert 303 == stranger.get("/admin").status_code
    assert ["operator not let in"] == [entry["event"] for entry in logged]


def test_attempts_are_counted_and_the_right_password_waits_with_the_wrong_ones(
    service: Services,
) -> None:
    seconds = 0.0
    app = make_app(service, monotonic=lambda: seconds)
    stranger, other = Operator(app), Operator(app, "198.51.100.7")
    for _ in range(5):
        assert 403 == stranger.sign_in("guess").status_code

    late = stranger.sign_in()
    assert (429, "60") == (late.status_code, late.headers["retry-after"])
    assert 303 == other.sign_in().status_code
    seconds = 60.0
    assert 303 == stranger.sign_in().status_code


def test_all_attempts_together_are_counted_too(service: Services) -> None:
    app = make_app(service, monotonic=lambda: 0.0)
    for one in range(20):
        assert 403 == Operator(app, f"198.51.100.{one}").sign_in("guess").status_code

    assert 429 == Operator(app, "203.0.113.200").sign_in("guess").status_code


@pytest.mark.parametrize(("address", "secure"), [("https://a.example", True), ("http://a", False)])
def test_the_cookie_goes_to_these_pages_alone_and_to_no_script(
    services: Services, address: str, secure: bool
) -> None:
    web = WebSettings(public_url=address)
    service = with_admin(services, web, password_hash=SecretStr(HASH))
    cookie = Operator(make_app(service)).sign_in().headers["set-cookie"].lower()

    flags = {flag.strip() for flag in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/admin"} <= flags
    assert secure == ("secure" in flags)


def test_a_session_ends_with_its_time(operator: Operator, clock: FakeClock) -> None:
    clock.advance(seconds=SESSION_S - 1)
    assert 200 == operator.get("/admin").status_code

    clock.advance(seconds=1)
    assert 303 == operator.get("/admin").status_code


def test_a_session_ends_with_its_password(operator: Operator, services: Services) -> None:
    other = with_admin(services, password_hash=SecretStr(hash_password("another", n=2)))
    elsewhere = Operator(make_app(other))
    elsewhere.cookies = operator.cookies

    assert 303 == elsewhere.get("/admin").status_code


def test_a_cookie_that_was_made_up_opens_nothing(service: Services) -> None:
    stranger = Operator(make_app(service))
    for cookie in ("", "x", "WyJrIiwib3BlcmF0b3IiLGZhbHNlLCIyMDk5Il0.x"):
        stranger.cookies.set("mailtrack_operator", cookie)
        assert 303 == stranger.get("/admin").status_code


def test_who_signs_out_is_out(operator: Operator) -> None:
    token = re.findall(r'name="token" value="(\w+)"', operator.get("/admin").text)[0]

    assert 303 == operator.ask("POST", "/admin/sign-out", data={"token": "guess"}).status_code
    assert 200 == operator.get("/admin").status_code
    assert 303 == operator.ask("POST", "/admin/sign-out", data={"token": token}).status_code
    assert 303 == operator.get("/admin").status_code


@pytest.fixture
def behind_proxy(services: Services) -> Any:
    """The pages where a proxy signs people in."""
    proxies = f"{PROXY}/32"
    return make_app(with_admin(services, proxy_header="Remote-User", proxies=proxies))


def test_a_trusted_proxy_names_who_acts(
    behind_proxy: Any, lived: Subscription, logged: Sequence[Mapping[str, Any]]
) -> None:
    operator, header = Operator(behind_proxy, PROXY), {"Remote-User": "ines"}
    page = operator.get("/admin/notices", headers=header)
    token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
    form = {"do": "resend", "id": "failed", "token": token}

    assert "Signed in as ines" in page.text
    assert 200 == operator.ask("POST", "/admin/notices", data=form, headers=header).status_code
    assert ["ines"] == [entry["operator"] for entry in logged if entry["event"] == "operator acted"]


@pytest.mark.parametrize("peer", [ELSEWHERE, "127.0.0.1", "testclient", f"::ffff:{ELSEWHERE}"])
def test_nobody_else_names_an_operator(behind_proxy: Any, peer: str) -> None:
    for header in ({"Remote-User": "ines"}, {"Remote-User": "ines", "X-Forwarded-For": PROXY}):
        assert 303 == Operator(behind_proxy, peer).get("/admin", headers=header).status_code


def test_a_proxy_s_word_counts_while_it_is_said(behind_proxy: Any) -> None:
    operator = Operator(behind_proxy, f"::ffff:{PROXY}")
    assert 200 == operator.get("/admin", headers={"Remote-User": "ines"}).status_code

    assert 303 == operator.get("/admin").status_code
    assert "Signed in as leo" in operator.get("/admin", headers={"Remote-User": "leo"}).text
    twice = [("Remote-User", "ines"), ("Remote-User", "root")]
    assert 303 == operator.get("/admin", headers=twice).status_code
    assert "The proxy in front" in operator.get("/admin/sign-in").text
    assert 403 == operator.ask("POST", "/admin/sign-in", data={"password": ""}).status_code


# --- what is shown ------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_kept_to_itself_and_obeys_no_stranger(
    operator: Operator, lived: Subscription, path: str
) -> None:
    answer = operator.get(path)

    assert 200 == answer.status_code
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert ("no-store", "noindex, nofollow", "no-referrer", "DENY") == tuple(
        answer.headers[name]
        for name in ("cache-control", "x-robots-tag", "referrer-policy", "x-frame-options")
    )
    assert_harmless(answer.text)


def assert_harmless(page: str) -> None:
    assert "<script" not in page
    assert "onload=alert(1)>" not in page
    assert not {"\u202e", "\x1b"} & set(page)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/mails?id=1",
        "/admin/notices?id=1",
        "/admin/people?id=1",
        "/admin/parcels?number=LP00123456789012",
        "/admin/figures",
    ],
)
def test_what_is_opened_shows_hostile_words_as_they_are(
    operator: Operator, lived: Subscription, path: str
) -> None:
    page = operator.get(path).text

    assert_harmless(page)
    assert r"<script>alert(1)</script>\u202e\u001b[2J" in unescape(page)


def test_one_thing_leads_to_the_next(operator: Operator, lived: Subscription) -> None:
    status = operator.get("/admin").text
    assert 'href="/admin/mails?state=tracked"' in status

    mails = operator.get("/admin/mails?state=tracked").text
    assert 'href="/admin/mails?id=1"' in mails
    assert 'href="/admin/parcels?number=LP00123456789012"' in mails
    assert f'href="/admin/people?id={lived.subscriber}"' in mails
    assert "None." in operator.get("/admin/mails?state=quarantined").text

    assert 'href="/admin/notices?id=1"' in operator.get("/admin/notices?state=failed").text
    assert "ana@example.org" in operator.get(f"/admin/people?id={lived.subscriber}").text


@pytest.mark.parametrize(("rows_", "shown"), [("", 50), ("200", 60), ("7", 50), ("x", 50)])
def test_a_list_is_as_long_as_one_asks_among_a_few_lengths(
    operator: Operator, follow: Callable[..., Subscription], rows_: str, shown: int
) -> None:
    for number in range(60):
        follow(f"LP0012345678{number:04}")

    page = operator.get(f"/admin/parcels?rows={rows_}").text
    assert shown == page.count('href="/admin/parcels?number=LP')


def test_figures_have_bars_and_no_script(operator: Operator, lived: Subscription) -> None:
    page = operator.get("/admin/figures").text

    assert '<rect class="is" width="100.0"' in page
    assert "cainiao" in page


def test_somebody_is_found_by_an_address_that_stands_in_no_address_of_a_page(
    operator: Operator, lived: Subscription
) -> None:
    token = re.findall(r'name="token" value="(\w+)"', operator.get("/admin").text)[0]

    def find(what: str) -> httpx.Response:
        return operator.ask("POST", "/admin/find", data={"token": token, "what": what})

    assert f"/admin/people?id={lived.subscriber}" == find(" Ana@example.org ").headers["location"]
    found = find("lp 0012 3456 789012").headers["location"]
    assert 200 == operator.get(found).status_code
    assert "Nobody with this address is known." in find("leo@example.org").text
    assert "No parcel with the number NOTHING is known." in find("nothing").text


@pytest.mark.parametrize(
    "query", ["id=1 or 1=1", "id=-1", "id=99999999999", "since=soon", "id=77", "number=77"]
)
def test_what_is_not_there_is_said_in_a_line(operator: Operator, query: str) -> None:
    for topic in ("mails", "notices", "parcels", "people"):
        answer = operator.get(f"/admin/{topic}?{query}")
        assert answer.status_code in (200, 400)
        assert "Traceback" not in answer.text
    assert 400 == operator.get(f"/admin/parcels?{query}").status_code or query == "id=77"


def test_while_the_store_is_away_its_page_says_so(service: Services) -> None:
    operator = Operator(make_app(service))
    operator.sign_in()
    vars(service)["store"] = away = open_store("postgresql+psycopg://127.0.0.1:1/none")
    answer = operator.get("/admin")
    away.close()

    assert 503 == answer.status_code
    assert "does not answer" in answer.text


# --- what its buttons do ------------------------------------------------------------


def test_a_form_without_the_token_of_its_session_does_nothing(
    operator: Operator, service: Services, lived: Subscription, rows: Rows
) -> None:
    other = Operator(make_app(service))
    other.sign_in()
    theirs = re.findall(r'name="token" value="(\w+)"', other.get("/admin").text)[0]
    before = [rows(table) for table in t.metadata.sorted_tables]

    for token in ({}, {"token": ""}, {"token": "é"}, {"token": theirs}):
        form = {"do": "resend", "id": "failed", **token}
        assert 403 == operator.ask("POST", "/admin/notices", data=form).status_code
    assert before == [rows(table) for table in t.metadata.sorted_tables]


def test_looking_changes_nothing(operator: Operator, lived: Subscription, rows: Rows) -> None:
    before = [rows(table) for table in t.metadata.sorted_tables]
    for path in PAGES:
        operator.get(f"{path}?do=resend&id=1")
        operator.ask("HEAD", path)

    assert before == [rows(table) for table in t.metadata.sorted_tables]


def test_what_failed_is_sent_again_once_its_reader_is_revived(
    operator: Operator, lived: Subscription, rows: Rows, logged: Sequence[Mapping[str, Any]]
) -> None:
    person = f"/admin/people?id={lived.subscriber}"
    assert "0 notices are due again" in operator.press("/admin/notices", "resend", id="failed").text
    revived = operator.press(person, "revive", id=str(lived.subscriber)).text
    assert "1 person gets mails again" in revived
    assert "1 notice is due again" in operator.press("/admin/notices?id=1", "resend", id="1").text

    assert ["due"] == [row["state"] for row in rows(t.notice)]
    acted = [entry for entry in logged if entry["event"] == "operator acted"]
    assert [("resend", "operator"), ("revive", "operator"), ("resend", "operator")] == [
        (entry["do"], entry["operator"]) for entry in acted
    ]


def test_a_mail_is_read_again(operator: Operator, lived: Subscription, rows: Rows) -> None:
    page = operator.press("/admin/mails?id=1", "reread", id="1").text

    assert "It will be read again." in page
    assert [None] == [row["outcome"] for row in rows(t.inbound)]


def test_an_address_is_blocked_and_unblocked(
    operator: Operator, service: Services, lived: Subscription, store: Store
) -> None:
    def is_blocked() -> bool:
        with store.read() as connection:
            return service.suppression.blocks(connection, "ana@example.org")

    person = f"/admin/people?id={lived.subscriber}"
    operator.press(person, "block", id=str(lived.subscriber))
    assert is_blocked()
    operator.press("/admin/people", "unblock", address="ana@example.org")
    assert not is_blocked()
    operator.press("/admin/people", "block", address="Ana@example.org")
    assert is_blocked()
    assert "no more" in operator.press("/admin/people", "block", id="77").text
    assert 400 == operator.press("/admin/people", "block", address="ana").status_code


def test_a_carrier_is_left_alone_and_asked_again(
    operator: Operator, rows: Rows, clock: FakeClock
) -> None:
    path = "/admin/carriers"
    said = operator.press(path, "pause", carrier="cainiao", until="24h").text
    assert "cainiao is left alone until 2026-03-03 08:00 UTC." in said
    assert [True] == [row["blocked_until"] > clock.now() for row in rows(t.carrier)]

    assert "cainiao is asked again." in operator.press(path, "resume", carrier="cainiao").text
    assert [None] == [row["blocked_until"] for row in rows(t.carrier)]


def test_carriers_are_asked_about_a_parcel_now(
    operator: Operator, service: Services, lived: Subscription, carriers: dict[str, Any]
) -> None:
    vars(service)["carriers"] = carriers
    path = "/admin/parcels?number=LP00123456789012"
    page = operator.press(path, "poll", number="LP00123456789012").text

    assert "what they said is kept" in page
    assert 1 == len(carriers["cainiao"].asked)


@pytest.mark.parametrize(
    "form",
    [
        {"do": "drop"},
        {"do": ""},
        {"do": "resend", "id": ""},
        {"do": "resend", "id": "all"},
        {"do": "reread", "id": ""},
        {"do": "revive", "id": ""},
        {"do": "pause", "carrier": "pigeon", "until": "24h"},
        {"do": "pause", "carrier": "cainiao", "until": "yesterday"},
        {"do": "poll", "number": "nothing"},
        {"do": "unblock", "address": "leo@example.org"},
    ],
)
def test_a_form_that_means_nothing_does_nothing(
    operator: Operator,
    lived: Subscription,
    rows: Rows,
    form: dict[str, str],
    logged: Sequence[Mapping[str, Any]],
) -> None:
    before = [rows(table) for table in t.metadata.sorted_tables]
    answer = operator.press("/admin", **form)

    assert 400 == answer.status_code
    assert before == [rows(table) for table in t.metadata.sorted_tables]
    assert "operator failed" == logged[-1]["event"]


# --- where it is served -------------------------------------------------------------


def test_with_a_port_of_its_own_it_is_beside_no_other_page(services: Services) -> None:
    service = with_admin(services, password_hash=SecretStr(HASH), port=8081)
    pages, alone = Operator(make_app(service)), Operator(make_admin_app(service))

    assert 404 == pages.get("/admin").status_code
    assert (303, "/admin") == (alone.get("/").status_code, alone.get("/").headers["location"])
    assert (200, 404) == (
        alone.get("/admin/sign-in").status_code,
        alone.get("/suivi").status_code,
    )
    assert 303 == alone.sign_in().status_code


@pytest.mark.parametrize("path", ["/admin/", "/%61dmin", "/admin/mails/", "/ADMIN"])
def test_what_a_proxy_hides_is_served_under_no_other_spelling(
    operator: Operator, path: str
) -> None:
    assert 404 == operator.get(path).status_code

"""HTTP, bounded in time and size, with every failure as one of our errors."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from mailtrack.carriers.transport import (
    CHALLENGE_S,
    DEFAULT_RETRY_S,
    MAX_BYTES,
    MAX_RETRY_S,
    PAGE_S,
    UNPAID_S,
    Answer,
    Transport,
    join,
    raise_for_status,
    retry_after_s,
)
from mailtrack.clock import FakeClock
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    ConfigurationError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
Wired = Callable[[Callable[[httpx.Request], httpx.Response]], Transport]


def _answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("carrier.example", status, named, body)


def test_a_request_says_who_asks_and_where_to_read_about_it(wired: Wired) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["user-agent"])
        return httpx.Response(200, json={})

    wired(handler).get("https://carrier.example/x")

    assert seen[0].startswith("mailtrack/")
    assert "(+https://mailtrack.example)" in seen[0]


def test_an_answer_keeps_its_status_headers_and_body(wired: Wired) -> None:
    transport = wired(lambda _: httpx.Response(207, json=[1], headers={"Retry-After": "3"}))

    answer = transport.post("https://carrier.example/x", json={"a": 1})

    assert (207, [1], "3") == (answer.status, answer.json(), answer.headers["retry-after"])
    assert "carrier.example" == answer.host


def test_a_cookie_is_told_to_its_look_up_and_shown_in_no_other(wired: Wired) -> None:
    shown: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers.get("cookie"))
        return httpx.Response(200, headers=[("set-cookie", "a=1; path=/"), ("set-cookie", "b=2")])

    transport = wired(handler)
    answer = transport.get("https://carrier.example/page")
    transport.get("https://carrier.example/page")

    assert {"a": "1", "b": "2"} == answer.cookies
    assert [None, None] == shown


def test_a_redirect_is_not_followed(wired: Wired) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    answer = wired(handler).get("https://carrier.example/x")

    assert (302, ["https://carrier.example/x"]) == (answer.status, asked)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut off"),
        httpx.DecodingError("bad gzip"),
    ],
)
def test_no_answer_is_transient_and_names_the_host(wired: Wired, error: httpx.HTTPError) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TransientError, match=r"carrier\.example"):
        wired(handler).get("https://user:secret@carrier.example/x")


def test_an_error_never_shows_what_was_asked(wired: Wired) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to LP00123456789012")

    with pytest.raises(TransientError) as caught:
        wired(handler).get("https://user:secret@carrier.example/LP00123456789012")

    assert "secret" not in str(caught.value)
    assert "LP00123456789012" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["carrier.example", "ftp://carrier.example", "http://carrier.example:port/"]
)
def test_an_address_that_is_none_is_the_operators_mistake(transport: Transport, url: str) -> None:
    with pytest.raises(ConfigurationError, match="__URL"):
        transport.get(url)


def test_a_key_that_no_header_can_carry_is_the_operators_mistake(wired: Wired) -> None:
    with pytest.raises(ConfigurationError, match="key"):
        wired(lambda _: httpx.Response(200)).get("http://carrier.example", headers={"K": "clé"})


def test_an_answer_without_end_is_cut_off(wired: Wired) -> None:
    def endless() -> Iterator[bytes]:
        for _ in count():
            yield b"x" * 100_000

    with pytest.raises(PermanentError, match=str(MAX_BYTES)):
        wired(lambda _: httpx.Response(200, content=endless())).get("https://carrier.example/x")


def test_an_answer_that_drips_is_given_up_at_the_deadline(clock: FakeClock) -> None:
    """The library's own timeout starts anew with every byte."""

    def dripping() -> Iterator[bytes]:
        for _ in count():
            yield b"x"

    seconds = count()
    transport = Transport(
        clock,
        deadline_s=25.0,
        monotonic=lambda: float(next(seconds)),
        wire=lambda: httpx.MockTransport(lambda _: httpx.Response(200, content=dripping())),
    )

    with pytest.raises(TransientError, match="25 s"):
        transport.get("https://carrier.example/x")

    assert 27 == next(seconds)


def test_a_dry_pool_is_replaced_once(clock: FakeClock) -> None:
    made: list[int] = []

    def wire() -> httpx.BaseTransport:
        made.append(1)
        dry = len(made) == 1

        def handler(_: httpx.Request) -> httpx.Response:
            if dry:
                raise httpx.PoolTimeout("no connection")
            return httpx.Response(200, json={})

        return httpx.MockTransport(handler)

    transport = Transport(clock, wire=wire)

    with pytest.raises(TransientError, match="No free connection"):
        transport.get("https://carrier.example/x")

    assert 200 == transport.get("https://carrier.example/x").status
    assert 1 == transport.rebuilt


def test_the_client_is_made_anew_in_a_forked_process(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def wire() -> httpx.BaseTransport:
        made.append(1)
        return httpx.MockTransport(lambda _: httpx.Response(200))

    transport = Transport(clock, wire=wire)
    assert [] == made
    transport.get("https://carrier.example/x")
    transport.get("https://carrier.example/x")
    monkeypatch.setattr("mailtrack.carriers.transport.os.getpid", lambda: -1)
    transport.get("https://carrier.example/x")

    assert [1, 1] == made


def test_a_closed_transport_can_be_used_again(wired: Wired) -> None:
    transport = wired(lambda _: httpx.Response(200))
    transport.get("https://carrier.example/x")
    transport.close()

    assert 200 == transport.get("https://carrier.example/x").status


def test_nobody_listening_is_transient(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(TransientError, match="ConnectError"):
        transport.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("body", [b"<html>", b"\xef\xbb\xbf\n <!DOCTYPE html>", b"<punish/>"])
def test_a_page_in_the_place_of_json_is_a_challenge(body: bytes) -> None:
    with pytest.raises(ChallengeError) as caught:
        _answer(200, body).json()

    assert PAGE_S == caught.value.retry_after_s
    with pytest.raises(TransientError):
        _answer(404, body).json()


@pytest.mark.parametrize("status", [401, 403])
def test_who_sent_no_credentials_has_none_refused(status: int) -> None:
    answer = _answer(status)

    with pytest.raises(AuthError):
        raise_for_status(answer, NOW)
    with pytest.raises(ChallengeError) as caught:
        raise_for_status(answer, NOW, keyless=True)
    assert CHALLENGE_S == caught.value.retry_after_s


def test_an_account_that_is_not_paid_is_left_alone_for_hours() -> None:
    with pytest.raises(QuotaError, match="plan") as caught:
        raise_for_status(_answer(402), NOW)

    assert UNPAID_S == caught.value.retry_after_s


@pytest.mark.parametrize("body", [b"", b'{"a":', b"\xff\xfe", b"[" * 100_000])
def test_something_that_is_not_json_is_transient(body: bytes) -> None:
    with pytest.raises(TransientError, match="not JSON"):
        _answer(body=body).json()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, TransientError),
        (400, PermanentError),
        (401, AuthError),
        (402, QuotaError),
        (403, AuthError),
        (404, PermanentError),
        (408, TransientError),
        (429, QuotaError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_every_status_stands_for_one_branch(status: int, error: type[MailtrackError]) -> None:
    with pytest.raises(error, match=rf"carrier\.example answered {status}") as caught:
        raise_for_status(_answer(status), NOW)

    assert error is type(caught.value)


def test_success_passes() -> None:
    raise_for_status(_answer(207), NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "9" * 400}, MAX_RETRY_S),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Mon, 02 Mar 2026 08:02:00 GMT"}, 120.0),
        ({"retry-after": "Mon, 02 Mar 2026 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, MAX_RETRY_S),
        (
            {
                "retry-after": "Sun, 01 Mar 2026 00:01:00 GMT",
                "date": "Sun, 01 Mar 2026 00:00:00 GMT",
            },
            60.0,
        ),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds == retry_after_s(headers, NOW)


def test_a_quota_without_a_time_still_brings_silence() -> None:
    with pytest.raises(QuotaError) as caught:
        raise_for_status(_answer(429), NOW)

    assert DEFAULT_RETRY_S == caught.value.retry_after_s


@pytest.mark.parametrize(
    "base",
    [
        "https://api.example",
        "https://api.example/",
        "https://api.example/suivi",
        "https://api.example/suivi/v2",
        "https://api.example/suivi/v2/idships/",
    ],
)
def test_a_base_address_may_hold_the_beginning_of_the_path(base: str) -> None:
    assert "https://api.example/suivi/v2/idships" == join(base, "/suivi/v2/idships")


def test_a_base_address_may_have_a_path_of_its_own() -> None:
    assert "http://proxy.example/laposte/suivi" == join("http://proxy.example/laposte", "/suivi")

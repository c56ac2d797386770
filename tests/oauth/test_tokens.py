"""The sign-in outlives every rotation, whoever refreshes it and however many do at once."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from mailtrack.errors import AuthError, TransientError
from mailtrack.oauth.endpoint import Grant
from mailtrack.oauth.tokens import AccessTokens
from mailtrack.runtime.services import Services
from mailtrack.settings import LinkSettings, Settings
from mailtrack.store import oauth_tokens
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from tests.oauth.standins import FakeProvider, provider, refused

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
IN_A_WHILE = datetime(2101, 1, 1, tzinfo=UTC)
Process = Callable[..., AccessTokens]


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with provider() as running:
        yield running


@pytest.fixture
def process(settings: Settings, fake: FakeProvider) -> Iterator[Process]:
    """Start a process of the service: what it has of its own is a store and a transport."""
    started: list[Services] = []

    def start(**changes: Any) -> AccessTokens:
        own = settings.model_copy(update={"oauth": fake.settings(), **changes})
        started.append(Services(own))
        return started[-1].tokens

    yield start
    for services in started:
        services.close()


@pytest.fixture
def tokens(process: Process, fake: FakeProvider) -> AccessTokens:
    """A process after somebody has signed in."""
    tokens = process()
    tokens.keep("microsoft", signed_in(fake))
    fake.forms.clear()
    return tokens


def signed_in(fake: FakeProvider) -> Grant:
    _, given = fake.answer("/token", {"grant_type": "a device code"})
    return Grant(given["access_token"], given["refresh_token"], given["expires_in"])


@pytest.fixture
def change(store: Store) -> Callable[..., None]:
    """Change the row of the tokens."""

    def write(**values: Any) -> None:
        with store.write() as connection:
            connection.execute(update(t.oauth_token).values(**values))

    return write


def test_a_fresh_token_is_shared_without_asking(
    tokens: AccessTokens, process: Process, fake: FakeProvider
) -> None:
    assert tokens() == process()()
    assert [] == fake.forms


def test_each_rotation_is_kept_for_the_next(
    tokens: AccessTokens, process: Process, fake: FakeProvider, change: Callable[..., None]
) -> None:
    seen = {tokens()}
    for one in (tokens, process(), tokens, process()):
        change(fresh_until=LONG_AGO)
        seen.add(one())

    assert 5 == len(seen)
    assert 4 == len({form["refresh_token"] for form in fake.forms})
    assert seen <= fake.good


def test_a_provider_that_does_not_rotate_keeps_its_refresh_token(
    tokens: AccessTokens, fake: FakeProvider, change: Callable[..., None]
) -> None:
    fake.rotates = False
    for _ in range(3):
        change(fresh_until=LONG_AGO)
        tokens()

    assert 1 == len({form["refresh_token"] for form in fake.forms})


def test_of_many_processes_that_need_a_new_token_at_once_one_fetches_it_for_all(
    tokens: AccessTokens, process: Process, fake: FakeProvider, change: Callable[..., None]
) -> None:
    """A refresh token that comes twice would end the sign-in at this provider."""
    processes = [process() for _ in range(4)]
    for _ in range(3):
        change(fresh_until=LONG_AGO)
        start = threading.Barrier(len(processes))

        def fetch(one: AccessTokens, start: threading.Barrier = start) -> str:
            start.wait(10)
            return one()

        with ThreadPoolExecutor(len(processes)) as pool:
            assert 1 == len({*pool.map(fetch, processes)})

    assert 3 == len(fake.forms)


def test_who_died_while_fetching_is_not_waited_for_for_ever(
    tokens: AccessTokens, fake: FakeProvider, change: Callable[..., None]
) -> None:
    change(fresh_until=LONG_AGO, claimed_until=LONG_AGO)

    assert tokens() in fake.good


def test_a_claim_of_a_clock_that_was_ahead_is_free(
    tokens: AccessTokens, fake: FakeProvider, change: Callable[..., None]
) -> None:
    change(fresh_until=LONG_AGO, claimed_until=IN_A_WHILE)

    assert tokens() in fake.good


def test_who_is_refused_because_another_was_faster_uses_what_that_one_brought(
    tokens: AccessTokens,
    process: Process,
    fake: FakeProvider,
    change: Callable[..., None],
    eventually: Callable[..., None],
) -> None:
    """Its claim had lapsed: it slept for more than a minute with the question on its lips."""
    change(fresh_until=LONG_AGO)
    fake.answers.clear()
    fake.say = [refused("invalid_grant", "AADSTS70000: used before")]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(tokens)
        eventually(lambda: _is_claimed(tokens.store))
        newer = signed_in_anew(process())
        fake.answers.set()

        assert newer == slow.result(10)


def signed_in_anew(tokens: AccessTokens) -> str:
    """Keep another sign-in, and return its access token."""
    grant = Grant("another access token", "another refresh token", 3600)
    tokens.keep("microsoft", grant)
    return grant.access_token


def _is_claimed(store: Store) -> bool:
    with store.read() as connection:
        return connection.execute(t.oauth_token.select()).one().claimed_until is not None


def test_a_new_sign_in_is_not_overwritten_by_a_refresh_of_the_former_one(
    tokens: AccessTokens,
    process: Process,
    fake: FakeProvider,
    change: Callable[..., None],
    eventually: Callable[..., None],
) -> None:
    change(fresh_until=LONG_AGO)
    fake.answers.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(tokens)
        eventually(lambda: _is_claimed(tokens.store))
        newer = signed_in_anew(process())
        fake.answers.set()
        slow.result(10)

    assert newer == tokens()


def test_a_token_that_a_server_refuses_is_replaced_before_its_time(
    tokens: AccessTokens, process: Process, fake: FakeProvider
) -> None:
    refused_one = tokens()
    newer = tokens(refused_one)

    assert refused_one != newer
    assert newer == process()(refused_one)  # who was refused with the same token asks for none
    assert 1 == len(fake.forms)


def test_a_store_that_is_away_for_a_moment_loses_no_token(
    tokens: AccessTokens,
    process: Process,
    fake: FakeProvider,
    change: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The former refresh token is spent by then."""
    put, failures = oauth_tokens.replace, [TransientError("The database does not answer.")] * 2

    def stumble(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        put(*arguments)

    monkeypatch.setattr(oauth_tokens, "replace", stumble)
    for _ in range(2):
        change(fresh_until=LONG_AGO)
        assert tokens() in fake.good
    assert tokens() == process()()


def test_a_provider_that_is_away_leaves_the_sign_in_as_it_is(
    tokens: AccessTokens, fake: FakeProvider, change: Callable[..., None]
) -> None:
    change(fresh_until=LONG_AGO)
    fake.say = [(503, {})]

    with pytest.raises(TransientError, match="503"):
        tokens()
    assert tokens() in fake.good


def test_a_refused_refresh_token_is_said_in_the_providers_words_with_what_to_do(
    tokens: AccessTokens, fake: FakeProvider, change: Callable[..., None]
) -> None:
    change(fresh_until=LONG_AGO)
    fake.say = [refused("invalid_grant", "AADSTS700082: The refresh token has expired.")]

    with pytest.raises(
        AuthError,
        match="invalid_grant: AADSTS700082: The refresh token has expired; sign in anew: "
        "`mailtrack login microsoft`",
    ):
        tokens()


def test_where_nobody_has_signed_in_the_command_is_named(process: Process) -> None:
    with pytest.raises(AuthError, match="`mailtrack login google`"):
        process()()


def test_the_store_holds_no_token_that_anybody_could_read(
    tokens: AccessTokens, rows: Callable[..., list[Mapping[str, Any]]]
) -> None:
    (row,) = rows(t.oauth_token)

    assert tokens().encode() not in row["sealed"]
    assert tokens() not in repr(row) + repr(tokens.seal.open(row["sealed"]))


def test_a_retired_secret_opens_what_it_closed_and_another_one_says_so(
    tokens: AccessTokens, process: Process, settings: Settings
) -> None:
    former, new = settings.links.secret, SecretStr("a newer secret of the tests")

    assert tokens() == process(links=LinkSettings(secret=new, retired=(former,)))()
    with pytest.raises(AuthError, match=r"another MAILTRACK_LINKS__SECRET.*RETIRED.*login"):
        process(links=LinkSettings(secret=new))()

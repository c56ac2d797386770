"""Logging in by a token at a real server, which asks the provider about it."""

from collections.abc import Callable

import pytest

from mailtrack.errors import AuthError
from mailtrack.inbox.mailbox import open_session
from mailtrack.sandbox.imap import ImapAccount
from mailtrack.settings import InboxSettings
from tests.e2e.conftest import TakesTokens
from tests.oauth.standins import provider

pytestmark = pytest.mark.e2e

GOOD, ENDED = "a-good-token" * 100, "an-ended-token" * 100


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_dovecot_takes_a_token_and_has_one_that_ended_replaced(
    start_dovecot: Callable[..., ImapAccount], mechanism: str
) -> None:
    with provider() as fake:
        takes = TakesTokens(mechanism, f"{fake.url}/introspect")
        account = start_dovecot(tokens=takes)
        fake.user, fake.good = account.user, {GOOD}
        settings = account.settings().model_copy(update={"password": InboxSettings().password})

        for tokens in ({"": GOOD}, {"": ENDED, ENDED: GOOD}):
            with open_session(settings, tokens.__getitem__) as client:
                assert client.select_folder("INBOX", readonly=True)
        with pytest.raises(AuthError, match="mailtrack login") as caught:
            open_session(settings, lambda _: ENDED)

    assert ENDED not in str(caught.value)

"""What strangers send to the pages: nothing of it is an error of ours, or changes anything."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mailtrack.clock import FakeClock
from mailtrack.inbox.mail_store import SqlMailStore, WatcherState
from mailtrack.notify.links import PATHS
from mailtrack.runtime.services import Services
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.leases import DISPATCH, watch_name
from mailtrack.store.subscriptions import Subscription
from mailtrack.web.app import make_app
from mailtrack.web.description import describe
from tests.web.conftest import FakeBroker

SCHEMA = schemathesis.openapi.from_dict(describe())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


#: The answers are the same on both databases.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    return follow()


@pytest.fixture
def app(services: Services, mine: Subscription, store: Store, clock: FakeClock) -> Any:
    """The pages of a service at work."""
    vars(services)["broker"] = FakeBroker()
    SqlMailStore(store, clock).note_state("colis@host", "INBOX", WatcherState.IDLING, "")
    for name in (DISPATCH, watch_name("colis@host", "INBOX")):
        replace(services.lease(name), seconds=3600.0).take()
    return make_app(services)


def test_the_description_names_every_page_and_no_other(app: Any) -> None:
    served = {
        (method.lower(), route.path)
        for route in app.routes
        for method in route.methods - {"HEAD"}
        if route.path != "/openapi.json"
    }

    assert served == {
        (method, path) for path, item in describe()["paths"].items() for method in item
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: op.label)
def test_whatever_is_sent_to_a_page_is_answered_as_described_and_changes_nothing(
    app: Any, rows: Callable[..., Any], operation: Any
) -> None:
    before = [rows(table) for table in t.metadata.sorted_tables]

    @EXAMPLES
    @given(case=operation.as_strategy())
    def send(case: Case[Any]) -> None:
        case.call_and_validate(app=app)

    send()
    assert before == [rows(table) for table in t.metadata.sorted_tables]


@pytest.mark.parametrize(
    "operation", [op for op in OPERATIONS if "{token}" in op.path], ids=lambda op: op.label
)
def test_whatever_comes_with_a_good_link_is_answered_as_described(
    app: Any,
    services: Services,
    mine: Subscription,
    operation: Any,
    rows: Callable[..., list[Mapping[str, Any]]],
) -> None:
    tokens = [
        services.links.link(purpose, key).rpartition("/")[2]
        for purpose, path in PATHS.items()
        for key in (mine.key, rows(t.subscriber, id=mine.subscriber)[0]["key"])
        if operation.path.startswith(path)
    ]

    @EXAMPLES
    @given(case=operation.as_strategy(), token=st.sampled_from(tokens))
    def send(case: Case[Any], token: str) -> None:
        case.path_parameters = {"token": token}
        # Once it was erased, 410 is the right answer to a good request.
        case.call_and_validate(app=app, excluded_checks=[positive_data_acceptance])

    send()

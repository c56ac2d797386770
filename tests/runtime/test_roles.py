"""The pages of people and of the operator, each on a port of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Event

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.errors import ConfigurationError
from mailtrack.runtime import roles
from mailtrack.runtime.services import Services
from mailtrack.sandbox.loopback import free_port
from mailtrack.settings import AdminSettings, WebSettings
from mailtrack.web.admin.passwords import hash_password

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def two_ports(services: Services) -> Services:
    hashed = SecretStr(hash_password("un long sésame", n=2))
    admin = AdminSettings(password_hash=hashed, port=free_port())
    update = {"web": WebSettings(port=free_port()), "admin": admin}
    changed = replace(services, settings=services.settings.model_copy(update=update))
    vars(changed).update(store=services.store, clock=services.clock)
    return changed


def test_the_operator_s_pages_are_on_their_port_alone_and_end_with_the_others(
    two_ports: Services, eventually: Callable[..., None]
) -> None:
    settings, stop = two_ports.settings, Event()
    people, operator = (f"http://127.0.0.1:{one.port}" for one in (settings.web, settings.admin))

    def status(address: str) -> int:
        with suppress(httpx.HTTPError):
            return httpx.get(address).status_code
        return 0

    with ThreadPoolExecutor() as pool:
        serving = pool.submit(roles.web, two_ports, stop)
        try:
            eventually(lambda: 200 == status(f"{people}/healthz"))
            eventually(lambda: 200 == status(f"{operator}/admin/sign-in"))
            assert (404, 404) == (status(f"{people}/admin"), status(f"{operator}/suivi"))
        finally:
            stop.set()
        serving.result(30)
    assert (0, 0) == (status(people), status(operator))


def test_a_port_of_the_operator_that_is_taken_is_said_by_its_setting(two_ports: Services) -> None:
    taken = roles.listen(two_ports.settings.admin)
    with taken, pytest.raises(ConfigurationError, match="set MAILTRACK_ADMIN__PORT or stop"):
        roles.web(two_ports, Event())

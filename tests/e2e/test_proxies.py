"""The examples of proxies in `deploy/`, in front of the pages as they would stand there."""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from mailtrack.sandbox.loopback import free_port

pytestmark = pytest.mark.e2e

DEPLOY = Path(__file__).parents[2] / "deploy"
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
#: A visitor who is none of the proxies that the pages trust.
VISITOR = "127.0.0.2"
#: What nginx wants around a site of Debian's `sites-available`.
NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/nginx.log;
events {{}}
http {{
  access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  include {home}/site;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that runs: how its visitors reach it."""

    url: str
    visitor: httpx.Client


def _tool(name: str) -> str:
    found = shutil.which(name, path=SEARCH_PATH)
    assert found, f"{name} is missing: see the packages in .ci/run"
    return found


@contextmanager
def _running(command: list[str], home: Path, **variables: str) -> Iterator[None]:
    with (home / f"{Path(command[0]).name}.out").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=home, env={**os.environ, **variables}, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


@contextmanager
def _pages(home: Path) -> Iterator[int]:
    """Run the pages as an operator would behind a proxy on the same machine."""
    port = free_port()
    settings = {
        "MAILTRACK_DATA_DIR": str(home / "data"),
        "MAILTRACK_REDIS_URL": "redis://127.0.0.1:1/0",
        "MAILTRACK_LINKS__SECRET": "a secret of the tests",
        "MAILTRACK_WEB__PORT": str(port),
        "MAILTRACK_WEB__TRUSTED_PROXIES": "127.0.0.1",
    }
    mailtrack = [sys.executable, "-m", "mailtrack"]
    subprocess.run(
        [*mailtrack, "db", "upgrade"], cwd=home, env={**os.environ, **settings}, check=True
    )
    with _running([*mailtrack, "web"], home, **settings):
        yield port


def _nginx(home: Path, pages: int) -> tuple[list[str], str]:
    authority, port = trustme.CA(), free_port()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(home / "pem")
    authority.cert_pem.write_to_path(home / "ca.pem")
    site = (DEPLOY / "nginx.conf").read_text()
    for example, here in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "    listen [::]:443 ssl;\n": "",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "    listen [::]:80;\n": "",
        "/etc/letsencrypt/live/colis.example.org/fullchain.pem": str(home / "pem"),
        "/etc/letsencrypt/live/colis.example.org/privkey.pem": str(home / "pem"),
        "127.0.0.1:8080": f"127.0.0.1:{pages}",
    }.items():
        assert example in site
        site = site.replace(example, here)
    (home / "site").write_text(site)
    (home / "nginx.conf").write_text(NGINX.format(home=home))
    command = [_tool("nginx"), "-p", str(home), "-c", str(home / "nginx.conf")]
    return command, f"https://127.0.0.1:{port}"


def _caddy(home: Path, pages: int) -> tuple[list[str], str]:
    port = free_port()
    site = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8080", f"127.0.0.1:{pages}")
    here = site.replace("colis.example.org", f"http://127.0.0.1:{port}")
    (home / "Caddyfile").write_text("{\n\tadmin off\n}\n" + here)
    command = [_tool("caddy"), "run", "--adapter", "caddyfile", "--config", str(home / "Caddyfile")]
    return command, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=[_nginx, _caddy], ids=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("proxy")
    home.chmod(0o755)
    with ExitStack() as stack:
        pages = stack.enter_context(_pages(home))
        command, url = request.param(home, pages)
        stack.enter_context(_running(command, home, XDG_DATA_HOME=str(home), HOME=str(home)))
        trust = ssl.create_default_context()
        if url.startswith("https"):
            trust.load_verify_locations(home / "ca.pem")
        transport = httpx.HTTPTransport(local_address=VISITOR, verify=trust)
        visitor = stack.enter_context(httpx.Client(transport=transport, timeout=20))
        yield Proxy(url, visitor)


@pytest.fixture
def through(proxy: Proxy, eventually: Callable[..., None]) -> Proxy:
    """The proxy, once it and the pages behind it answer."""

    def answers() -> bool:
        try:
            return proxy.visitor.get(f"{proxy.url}/healthz").is_success
        except httpx.TransportError:
            return False

    eventually(answers)
    return proxy


def test_the_pages_come_through_and_what_is_the_operator_s_does_not(through: Proxy) -> None:
    asked = {
        path: through.visitor.get(f"{through.url}{path}") for path in ("/robots.txt", "/suivi")
    }
    hidden = {path: through.visitor.get(f"{through.url}{path}") for path in ("/metrics", "/readyz")}

    assert {200} == {answer.status_code for answer in asked.values()}
    assert "noindex" in asked["/suivi"].headers["X-Robots-Tag"]
    assert {404} == {answer.status_code for answer in hidden.values()}
    assert "mailtrack_" not in hidden["/metrics"].text


def test_a_body_that_no_page_takes_is_refused(through: Proxy) -> None:
    answer = through.visitor.post(f"{through.url}/hooks/aftership", content=b"x" * 2_000_000)

    assert 413 == answer.status_code


def test_a_visitor_cannot_hide_behind_addresses_that_they_make_up(through: Proxy) -> None:
    answers = [
        through.visitor.get(
            f"{through.url}/suivi",
            params={"number": "LP00123456789012"},
            headers={"X-Forwarded-For": f"192.0.2.{serial}"},
        ).status_code
        for serial in range(40)
    ]

    assert 200 == answers[0]
    assert 429 in answers

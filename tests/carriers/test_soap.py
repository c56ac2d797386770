"""Envelopes as they are sent, and answers as they must not be believed."""

from collections.abc import Callable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.carriers import soap
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ENV = "http://schemas.xmlsoap.org/soap/envelope/"


def _call(response: httpx.Response) -> Element:
    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(lambda _: response))
    return soap.call(transport, "https://soap.example/s", "urn:x", b"<x/>", NOW)


def _fault(code: str) -> httpx.Response:
    fault = f"<s:Fault><faultcode>{code}</faultcode><faultstring>no</faultstring></s:Fault>"
    return httpx.Response(
        500, text=f'<s:Envelope xmlns:s="{ENV}"><s:Body>{fault}</s:Body></s:Envelope>'
    )


def test_a_request_names_its_action_and_is_xml(wired: Callable[..., Transport]) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, text=f'<E xmlns="{ENV}"><Body><ok/></Body></E>')

    element = soap.call(wired(handler), "https://soap.example/s", "urn:track", b"<x/>", NOW)

    assert "ok" == element.tag
    assert ['"urn:track"'] == [request.headers["soapaction"] for request in asked]
    assert asked[0].headers["content-type"].startswith("text/xml")


def test_values_are_escaped() -> None:
    message = soap.message("op", "urn:n", [("a", "<b>&")])

    assert "<b>&" == fromstring(message).findtext(".//{urn:n}a")


def test_parameters_may_be_outside_the_namespace() -> None:
    message = soap.message("op", "urn:n", [("a", "1")], qualified=False)

    assert "1" == fromstring(message).findtext(".//{urn:n}op/a")


def test_a_password_goes_into_the_header() -> None:
    token = soap.username_token("user", "s3cret")
    tree = fromstring(soap.message("op", "urn:n", [], header=token))

    found = tree.findtext(f"{{{ENV}}}Header//{{{soap.WSSE}}}Password")

    assert "s3cret" == found


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (_fault("soap:Server"), TransientError),
        (_fault("soap:Client"), PermanentError),
        (_fault("Client.BadNumber"), PermanentError),
        (_fault("wsse:FailedAuthentication"), AuthError),
        (_fault(""), TransientError),
        (httpx.Response(500, text="oops"), TransientError),
        (httpx.Response(401), AuthError),
        (httpx.Response(429), QuotaError),
        (httpx.Response(404), PermanentError),
        (httpx.Response(200, text="<!DOCTYPE html>"), ChallengeError),
        (httpx.Response(200, text="<a>"), TransientError),
        (httpx.Response(200, text=""), TransientError),
        (httpx.Response(200, text="<html/>"), ChallengeError),
        (httpx.Response(200, text="<a/>"), PermanentError),
        (httpx.Response(200, text=f'<E xmlns="{ENV}"><Body/></E>'), PermanentError),
    ],
)
def test_every_failure_is_one_of_our_branches(
    response: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _call(response)

    assert error is type(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><E><Body><x>&a;</x></Body></E>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><E><Body><x/></Body></E>',
    ],
)
def test_a_document_type_declaration_is_refused(document: str) -> None:
    with pytest.raises(TransientError, match="not XML"):
        _call(httpx.Response(200, text=document))


@settings(deadline=None, max_examples=100)
@given(
    st.binary(max_size=60)
    | st.text(alphabet='<>/!?&;"= abEBody[]', max_size=60).map(str.encode)
    | st.sampled_from([b'<?xml version="1.0" encoding="utf-7"?><a/>', b"\xff\xfe<\x00"])
)
def test_whatever_comes_is_refused_by_name(body: bytes) -> None:
    with pytest.raises((PermanentError, TransientError)):
        _call(httpx.Response(200, content=body))

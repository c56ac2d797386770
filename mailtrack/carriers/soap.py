"""SOAP 1.1 for the carriers that speak it: envelopes out, elements or our errors in.

Namespaces are dropped on reading: services put prefixes on, and move elements between
namespaces, from one release to the next. A document type declaration, which is what
entity attacks need, is refused, as SOAP 1.1 itself does (section 3).
"""

import re
from collections.abc import Iterable
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, TreeBuilder, tostring
from xml.parsers import expat

from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import (
    PAGE_S,
    Transport,
    challenged,
    misunderstood,
    out_of_order,
    raise_for_status,
    refused,
)
from mailtrack.errors import PermanentError, TransientError

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
USERNAME_PROFILE = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
)
#: Fault codes of WS-Security 1.0 (section 12) that speak of our credentials.
AUTH_FAULTS = frozenset({"FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken"})
#: The first part of a fault code (SOAP 1.1, 4.4.1) that blames the request.
CLIENT_FAULTS = frozenset({"Client", "VersionMismatch", "MustUnderstand"})
_HTML = re.compile(rb"\s*<(?:!doctype\s+)?html\b", re.IGNORECASE)


def message(
    operation: str,
    namespace: str,
    parameters: Iterable[tuple[str, str]],
    *,
    qualified: bool = True,
    header: Element | None = None,
) -> bytes:
    """Return an envelope; `qualified` says whether parameters are in the namespace, too."""
    envelope = Element(f"{{{ENVELOPE}}}Envelope")
    if header is not None:
        SubElement(envelope, f"{{{ENVELOPE}}}Header").append(header)
    body = SubElement(envelope, f"{{{ENVELOPE}}}Body")
    call = SubElement(body, f"{{{namespace}}}{operation}")
    for name, value in parameters:
        SubElement(call, f"{{{namespace}}}{name}" if qualified else name).text = value
    return bytes(tostring(envelope, encoding="utf-8", xml_declaration=True))


def username_token(user: str, password: str) -> Element:
    """Return a WS-Security header with a name and a password in clear (UsernameToken 1.0)."""
    security = Element(f"{{{WSSE}}}Security", {f"{{{ENVELOPE}}}mustUnderstand": "1"})
    token = SubElement(security, f"{{{WSSE}}}UsernameToken")
    SubElement(token, f"{{{WSSE}}}Username").text = user
    SubElement(token, f"{{{WSSE}}}Password", {"Type": USERNAME_PROFILE}).text = password
    return security


def call(
    transport: Transport,
    url: str,
    action: str,
    content: bytes,
    now: datetime,
    *,
    keyless: bool = False,
) -> Element:
    """Send an envelope; return the element inside the answer's body, names without prefixes.

    `keyless`: it holds no credentials. Raises the branch that a fault stands for, or else the
    HTTP status, or else the form.
    """
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
    answer = transport.post(url, content=content, headers=headers)
    # Faults come with status 500 (SOAP 1.1, 6.2).
    if answer.status != 500:
        raise_for_status(answer, now, keyless=keyless)
    if answer.status < 300 and _HTML.match(answer.body):
        raise challenged(f"{answer.host} answered a page where SOAP was due", PAGE_S)
    try:
        body = _parse(answer.body).find("Body")
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise_for_status(answer, now)
        raise TransientError(
            f"{answer.host} answered something that is not XML; asking again later."
        ) from error
    inside = body[0] if body is not None and len(body) else None
    if inside is not None and inside.tag == "Fault":
        code = text_of(inside, "faultcode").rpartition(":")[2]
        said = f"{answer.host} answered a fault ({tidy(code)[:60] or 'no code'})"
        if code in AUTH_FAULTS:
            raise refused(said)
        if code.partition(".")[0] in CLIENT_FAULTS:
            raise misunderstood(said)
        raise out_of_order(said)
    raise_for_status(answer, now)
    if inside is None:
        raise PermanentError(f"{answer.host} answered XML that is no SOAP envelope.")
    return inside


def text_of(element: Element, path: str) -> str:
    """Return the text of a child without blanks around it, "" where there is none."""
    return (element.findtext(path) or "").strip()


def _parse(document: bytes) -> Element:
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, _: builder.start(_local(name), {})
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.Parse(document, True)
    return builder.close()


def _refuse(*_: object) -> None:
    raise ValueError("document type declarations are refused")


def _local(name: str) -> str:
    return name.rpartition(":")[2]

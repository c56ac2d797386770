"""What the sandbox's SOAP services share: envelopes out, parameters in, faults."""

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from starlette.responses import Response

from mailtrack.sandbox.carriers.world import CarrierWorld

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XML = "text/xml; charset=utf-8"


def parameters(body: bytes) -> list[tuple[str, str]]:
    """Return every element of a request that holds a text, in order, names without namespaces."""
    tree = fromstring(body)  # noqa: S314 - our own client's
    return [(e.tag.rpartition("}")[2], e.text) for e in tree.iter() if e.text and e.text.strip()]


def envelope(content: Element) -> Response:
    """Answer 200 with an element inside an envelope."""
    return _enveloped(content, 200)


def fault(code: str) -> Callable[[CarrierWorld], Response]:
    """Return a replacement that answers 500 with a fault, as SOAP 1.1 wants it."""
    element = Element(f"{{{ENVELOPE}}}Fault")
    add(element, "faultcode", code)
    add(element, "faultstring", "sandbox")
    return lambda _: _enveloped(element, 500)


def add(parent: Element, name: str, text: str = "") -> Element:
    """Append an element with a text and return it."""
    element = SubElement(parent, name)
    element.text = text
    return element


def _enveloped(content: Element, status: int) -> Response:
    outer = Element(f"{{{ENVELOPE}}}Envelope")
    SubElement(outer, f"{{{ENVELOPE}}}Body").append(content)
    return Response(tostring(outer, encoding="utf-8", xml_declaration=True), status, media_type=XML)

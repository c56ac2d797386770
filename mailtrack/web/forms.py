"""What strangers send to a page: so many bytes of it, and the fields of a form."""

from collections.abc import Mapping
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

#: Forms of ours are a few dozen bytes; what is longer is none of ours.
MOST_FORM_BYTES = 4_096


async def read_body(request: Request, most: int) -> bytes | None:
    """Return the exact bytes of a request, None where there are more than `most`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; of one that is none of ours, by its length or form, none."""
    body = await read_body(request, MOST_FORM_BYTES)
    if body is None:
        return {}

    async def again() -> Message:
        return {"type": "http.request", "body": body}

    with suppress(HTTPException):
        async with Request(request.scope, again).form(max_files=0, max_fields=40) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    return {}

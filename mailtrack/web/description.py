"""What the pages take and answer, in OpenAPI's form: `/openapi.json`."""

from collections.abc import Mapping
from typing import Any

from mailtrack import __version__
from mailtrack.web.pages.buttons import Action
from mailtrack.web.pages.channels import ChannelAction

_HTML, _JSON, _TEXT, _FORM = (
    "text/html",
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
)

_MEANINGS = {
    200: "Done, or shown.",
    204: "There is none.",
    303: "Made; it is shown elsewhere.",
    304: "What was fetched before still holds.",
    400: "Not understood.",
    401: "The signature is wrong.",
    404: "No link of ours, or one that was cut on its way.",
    405: "Not that way.",
    410: "A link of ours to what was erased.",
    413: "Too long.",
    429: "Too often; `Retry-After` says for how long.",
    503: "The store is away, or the service is not at work.",
}
_OPEN = (200, 503)
_SIGNED = (200, 404, 410, 503)

_PDF = "application/pdf"
_CALENDAR = "text/calendar"
_STRING = {"type": "string"}

#: Method and path: what it does, its answers, what it answers with, and the fields of its form:
#: each is one of a few words, or any text (None).
_PAGES: Mapping[tuple[str, str], tuple[str, tuple[int, ...], tuple[str, ...], Mapping[str, Any]]]
_PAGES = {
    ("get", "/"): ("What this service is.", _OPEN, (_HTML,), {}),
    ("get", "/aide"): ("How to forward, by hand and by a rule.", _OPEN, (_HTML,), {}),
    ("get", "/mentions-legales"): ("Who runs this service.", _OPEN, (_HTML,), {}),
    ("get", "/confidentialite"): ("What is kept, why, how long.", _OPEN, (_HTML,), {}),
    ("get", "/suivi"): ("Look a number up.", (200, 429, 503), (_HTML,), {}),
    ("get", "/c/{token}"): ("A parcel's timeline.", _SIGNED, (_HTML,), {}),
    ("post", "/c/{token}"): (
        "Name it, end it, tell its carrier or its order's day, invite to it, or prove it.",
        (200, 303, 404, 410, 503),
        (_HTML,),
        {
            "do": (
                Action.RENAME,
                Action.RECEIVED,
                Action.RESUME,
                Action.CARRIER,
                Action.INVITE,
                Action.TAKE_BACK,
                Action.LEAVE,
                Action.ORDER_DAY,
                Action.PROVE,
            ),
            "name": None,
            "carrier": None,
            "address": None,
            "invitation": None,
            "ordered_on": None,
        },
    ),
    ("get", "/l/{token}"): ("A proof, as it was made.", _SIGNED, (_HTML,), {}),
    ("get", "/l/{token}/pdf"): (
        "The same as a file.",
        (200, 404, 410, 429, 503),
        (_PDF, _HTML),
        {},
    ),
    ("get", "/d/{token}"): ("What a link would stop.", _SIGNED, (_HTML,), {}),
    ("post", "/d/{token}"): (
        "Stop one parcel or everything, or resume (RFC 8058).",
        _SIGNED,
        (_HTML,),
        {"do": (Action.RESUME,), "List-Unsubscribe": ("One-Click",)},
    ),
    ("get", "/k/{token}"): (
        "One person's calendar (iCalendar), for their calendar program.",
        (200, 304, 404, 410, 503),
        (_CALENDAR, _HTML),
        {},
    ),
    ("get", "/p/{token}"): ("One person's parcels.", _SIGNED, (_HTML,), {}),
    ("post", "/p/{token}"): (
        "Stop, resume, name, receive, add, choose, invite, tell a postcode, have a calendar.",
        (200, 303, 404, 410, 429, 503),
        (_HTML,),
        {
            "do": tuple(Action),
            "subscription": None,
            "name": None,
            "number": None,
            "postcode": None,
            "address": None,
            "invitation": None,
        },
    ),
    ("get", "/o/{token}"): ("Where one person's news go besides mail.", _SIGNED, (_HTML,), {}),
    ("post", "/o/{token}"): (
        "Add an address, choose whether mails come, too, or remove it.",
        (200, 404, 410, 429, 503),
        (_HTML,),
        {
            "do": (
                ChannelAction.ADD,
                ChannelAction.REMOVE,
                ChannelAction.BESIDE,
                ChannelAction.INSTEAD,
            ),
            "address": None,
            "mode": None,
            "channel": None,
        },
    ),
    ("get", "/n/{token}"): (
        "Whether news may come to where a link was read.",
        _SIGNED,
        (_HTML,),
        {},
    ),
    ("post", "/n/{token}"): (
        "Let them come there.",
        _SIGNED,
        (_HTML,),
        {"do": (ChannelAction.PROVE,)},
    ),
    ("get", "/a/{token}"): ("What a click would confirm.", _SIGNED, (_HTML,), {}),
    ("post", "/a/{token}"): (
        "Confirm an address and mails, or disown them.",
        _SIGNED,
        (_HTML,),
        {"do": (Action.CONFIRM, Action.DISOWN), "listed": None},
    ),
    ("get", "/f/{token}"): ("A number that its reader is asked about.", _SIGNED, (_HTML,), {}),
    ("post", "/f/{token}"): (
        "Follow it.",
        _SIGNED,
        (_HTML,),
        {"do": (Action.FOLLOW,)},
    ),
    ("get", "/i/{token}"): ("What somebody is invited to.", _SIGNED, (_HTML,), {}),
    ("post", "/i/{token}"): (
        "Accept, refuse all invitations, or take them again.",
        _SIGNED,
        (_HTML,),
        {
            "do": (Action.ACCEPT, Action.REFUSE, Action.RESUME),
            "List-Unsubscribe": ("One-Click",),
        },
    ),
    ("get", "/m/{token}"): ("What is kept about a person.", _SIGNED, (_HTML,), {}),
    ("post", "/m/{token}"): (
        "Download it, or erase it.",
        _SIGNED,
        (_HTML, _JSON),
        {"do": (Action.EXPORT, Action.ERASE, Action.ERASE_FOR_GOOD)},
    ),
    ("post", "/hooks/{carrier}"): (
        "What a carrier sends of itself, signed.",
        (200, 400, 401, 404, 413, 503),
        (),
        {},
    ),
    ("get", "/robots.txt"): ("That robots are to stay away.", _OPEN, (_TEXT,), {}),
    ("get", "/favicon.ico"): ("Nothing, which browsers ask for.", (204, 503), (), {}),
    ("get", "/healthz"): ("That the pages are served.", _OPEN, (_TEXT,), {}),
    ("get", "/readyz"): ("What keeps the service from its work.", _OPEN, (_JSON,), {}),
    ("get", "/metrics"): ("Figures for Prometheus.", _OPEN, (_TEXT,), {}),
}

#: What may stand behind the address of a page.
_QUERIES: Mapping[str, tuple[str, ...]] = {
    "/suivi": ("number",),
    "/p/{token}": ("vue", "q", "tri", "page"),
    "/l/{token}": ("langue",),
    "/l/{token}/pdf": ("langue",),
}


def describe() -> dict[str, Any]:
    """Return the description of every page (OpenAPI 3.1)."""
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), (what, statuses, media, form) in _PAGES.items():
        inside = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        places = [(name, "path", True) for name in inside]
        places += [(name, "query", False) for name in _QUERIES.get(path, ())]
        operation: dict[str, Any] = {
            "summary": what,
            "parameters": [
                {"name": name, "in": place, "required": needed, "schema": _STRING}
                for name, place, needed in places
            ],
            "responses": {},
        }
        for status in statuses:
            # Whatever a page answers with, that the store is away is said by a page.
            kinds = {*media, _HTML} if status == 503 and media else {*media}
            kinds -= {*media} if status in (303, 304) else set()
            operation["responses"][str(status)] = {
                "description": _MEANINGS[status],
                "content": {kind: {} for kind in sorted(kinds)},
            }
        if form:
            fields = {
                name: {**_STRING, **({"enum": [str(word) for word in words]} if words else {})}
                for name, words in form.items()
            }
            schema = {"type": "object", "properties": fields}
            operation["requestBody"] = {"content": {_FORM: {"schema": schema}}}
        paths.setdefault(path, {})[method] = operation
    info = {"title": "mailtrack", "version": __version__}
    return {"openapi": "3.1.0", "info": info, "paths": paths}

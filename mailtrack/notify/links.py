"""The links in mails: signed, each for one purpose, without expiry and without addresses.

A mail may be opened years later, so a link never expires; a retired secret still
reads the links that it signed. A link for one purpose never works for another. It names a
row by its random key: a number would come to mean somebody else after a restore.
"""

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum

from itsdangerous import BadData, URLSafeSerializer

from mailtrack.domain.model import RowKey
from mailtrack.errors import ConfigurationError, PermanentError
from mailtrack.notify.view import Links


class BadLink(PermanentError):  # noqa: N818 - named as people meet it
    """Raised when a link is not one of ours, or was cut on its way."""


class Purpose(StrEnum):
    """What a link may do; the key inside is that of the row that it is about."""

    STOP_PARCEL = "stop_parcel"
    STOP_ALL = "stop_all"
    TIMELINE = "timeline"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"
    DATA = "data"
    FOLLOW = "follow"
    #: Shown to a seller: it opens nothing of its person.
    PROOF = "proof"
    #: Given to a calendar program, and with it to whoever runs that: it opens no page.
    CALENDAR = "calendar"
    #: Accepts what somebody shares, or refuses it.
    INVITATION = "invitation"
    #: Ends all invitations and nothing else: mail programs know it (RFC 8058).
    NO_INVITATIONS = "no_invitations"
    #: Sent to where news are to come: it switches that on, and opens nothing of its person.
    CHANNEL = "channel"
    #: The page on which somebody says where else their news go.
    CHANNELS = "channels"


#: The page of each purpose, and whose key its token holds.
PATHS = {
    Purpose.STOP_PARCEL: "/d/",  # subscription
    Purpose.STOP_ALL: "/d/",  # subscriber
    Purpose.TIMELINE: "/c/",  # subscription
    Purpose.PREFERENCES: "/p/",  # subscriber
    Purpose.CONFIRM: "/a/",  # subscriber
    Purpose.DATA: "/m/",  # subscriber
    Purpose.FOLLOW: "/f/",  # doubtful number
    Purpose.PROOF: "/l/",  # proof
    Purpose.CALENDAR: "/k/",  # calendar
    Purpose.INVITATION: "/i/",  # invitation
    Purpose.NO_INVITATIONS: "/i/",  # subscriber
    Purpose.CHANNEL: "/n/",  # channel
    Purpose.CHANNELS: "/o/",  # subscriber
}
#: What stands behind a calendar's token: some programs look at nothing else.
_FILE_ENDING = ".ics"

#: What no token holds: the punctuation of a sentence, which mail programs take for the link's.
_FOREIGN = re.compile(r"[^\w.-]", re.ASCII)

#: The page of help: the same for everybody, so it needs no token.
HELP_PATH = "/aide"


class LinkMaker:
    """Makes links under `public_url` and reads their tokens back."""

    def __init__(self, public_url: str, secret: str, retired: Sequence[str] = ()) -> None:
        if not secret:
            raise ConfigurationError("MAILTRACK_LINKS__SECRET is not set; links need one.")
        self._public_url = public_url.rstrip("/")
        self._serializers = {
            purpose: URLSafeSerializer(
                [*retired, secret],
                salt=f"mailtrack.link.{purpose}",
                signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
            )
            for purpose in Purpose
        }

    def link(self, purpose: Purpose, key: RowKey) -> str:
        """Return the address of one page for the row with a key."""
        token = self._serializers[purpose].dumps(key)
        ending = _FILE_ENDING if purpose is Purpose.CALENDAR else ""
        return f"{self._public_url}{PATHS[purpose]}{token!s}{ending}"

    def for_reader(self, reader: RowKey, about: RowKey | None = None) -> Links:
        """Return the links of a mail; about no subscription only those of the subscriber."""
        return Links(
            stop_all=self.link(Purpose.STOP_ALL, reader),
            preferences=self.link(Purpose.PREFERENCES, reader),
            stop_parcel=None if about is None else self.link(Purpose.STOP_PARCEL, about),
            timeline=None if about is None else self.link(Purpose.TIMELINE, about),
            help=self._public_url + HELP_PATH,
            data=self.link(Purpose.DATA, reader),
        )

    def read(self, token: str, *purposes: Purpose) -> tuple[Purpose, RowKey]:
        """Return what a token is for, among `purposes`, and its key; raises BadLink."""
        token = _FOREIGN.split(token, maxsplit=1)[0].rstrip(".").removesuffix(_FILE_ENDING)
        for purpose in purposes:
            try:
                return purpose, RowKey(str(self._serializers[purpose].loads(token)))
            except (BadData, UnicodeError):
                continue
        raise BadLink("This link is not valid; use the link of the newest mail.")

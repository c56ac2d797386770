"""The pages that are the same for everybody: what this is, help, who runs it, what went wrong."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from mailtrack.notify.customs_words import CustomsWords, customs_words
from mailtrack.notify.shops import ShopWords, words_for


@dataclass(frozen=True, slots=True)
class HomePage:
    """GET /: what this is, and where to forward to."""

    template: ClassVar[str] = "web/home.html"

    forward_to: str


@dataclass(frozen=True, slots=True)
class HelpPage:
    """GET /aide: how to forward, by hand and automatically; what comes; what can be said.

    `today` decides what customs ask for; `personal_address` is "" where the page is asked for
    without a person's own link.
    """

    template: ClassVar[str] = "web/help.html"

    forward_to: str
    today: date
    personal_address: str = ""

    @property
    def customs(self) -> CustomsWords:
        """Return what customs cost."""
        return customs_words(self.today)

    @property
    def shop(self) -> ShopWords:
        """Return the shop that most of its readers buy from."""
        return words_for("aliexpress")


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who runs this service, from the settings; "" where they say nothing.

    `contact` is a mail address; `host` names who hosts the servers, with address and
    telephone (LCEN, article 6).
    """

    name: str = ""
    postal_address: str = ""
    contact: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class LegalPage:
    """GET /mentions-legales."""

    template: ClassVar[str] = "web/legal.html"

    publisher: Publisher


@dataclass(frozen=True, slots=True)
class PrivacyPage:
    """GET /confidentialite: what is kept, why, how long, and how to have it erased.

    Days after which a forwarded mail and an ended parcel are forgotten, 0 where never; `channels`:
    news may go elsewhere than by mail.
    """

    template: ClassVar[str] = "web/privacy.html"

    publisher: Publisher
    forward_to: str
    mails_kept_days: int = 0
    parcels_kept_days: int = 0
    channels: bool = False


@dataclass(frozen=True, slots=True)
class BadLinkPage:
    """404 (a link that is none of ours) and 410 (`gone`: its data was erased).

    `question`: what is gone is a number that somebody was asked about; `invitation`: somebody's
    invitation.
    """

    template: ClassVar[str] = "web/bad_link.html"

    forward_to: str
    gone: bool = False
    question: bool = False
    invitation: bool = False


@dataclass(frozen=True, slots=True)
class AwayPage:
    """503 (the store is away) and 500 (what nobody expected): come back in a few minutes."""

    template: ClassVar[str] = "web/away.html"

    forward_to: str

"""Who lets people sign in for a mailbox, by name, for those who ask no provider."""

from enum import StrEnum


class ProviderName(StrEnum):
    """Who lets people sign in for a mailbox."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"

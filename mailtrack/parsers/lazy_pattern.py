"""Patterns that are compiled when a mail first needs them: of hundreds, one mail needs few."""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class LazyPattern:
    """A regular expression; one that is none shows when it is compiled (a test does so)."""

    regex: str
    flags: re.RegexFlag = re.NOFLAG

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.regex, self.flags)

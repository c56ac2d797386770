"""Which part of their list somebody looks at, as the address of the page says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from mailtrack.notify.tidy import one_line
from mailtrack.store.following import NOT_ENDED, Selection, Sorting

#: From so many parcels on a list can be searched and sorted.
SEARCHED_FROM = 20
#: Characters of what is looked for.
_MOST_TYPED = 60
#: The number of a page.
_NUMBER = re.compile(r"[0-9]{1,9}")
_ENDED = "termines"


@dataclass(frozen=True, slots=True)
class ListAddress:
    """What stands behind the address of a list: `page` counts from 1."""

    selection: Selection = NOT_ENDED
    page: int = 1

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "ListAddress":
        """Read a query; what is none of ours means the usual."""
        asked, page = query.get("tri"), query.get("page", "")
        return cls(
            Selection(
                ended=query.get("vue") == _ENDED,
                search=one_line(query.get("q", "")[:_MOST_TYPED]),
                sorting=next((one for one in Sorting if one == asked), Sorting.NEWEST),
            ),
            int(page) if _NUMBER.fullmatch(page) and int(page) else 1,
        )

    def on_page(self, number: int) -> "ListAddress":
        """Return another page of the same list."""
        return replace(self, page=number)

    def behind(self, preferences: str) -> str:
        """Return the whole address; `preferences`: that of the page without a query."""
        selection = self.selection
        query = {
            "vue": _ENDED if selection.ended else "",
            "q": selection.search,
            "tri": selection.sorting if selection.sorting is not Sorting.NEWEST else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        told = urlencode({name: value for name, value in query.items() if value})
        return f"{preferences}?{told}" if told else preferences

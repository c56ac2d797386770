"""What programs make links of in a text, by themselves."""

from linkify_it import LinkifyIt
from publicsuffixlist import PublicSuffixList

#: Finds what markdown-it, and with it many web mails, make links of; here it knows all
#: registries and is as eager as it gets.
FINDER = LinkifyIt(options={"fuzzy_link": True, "fuzzy_email": True, "fuzzy_ip": True})
FINDER.tlds([name for name in PublicSuffixList()._publicsuffix if name.isalpha()], True)


def links(text: str) -> list[str]:
    """Return what a program makes links of in a text."""
    return [found.text for found in FINDER.match(text) or ()]

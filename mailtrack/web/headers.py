"""What answers say beside their content, whatever page they are."""

from collections.abc import Mapping

#: What every answer says, whatever it is: kept nowhere, guessed by nobody, found by no search.
KEPT_TO_ITSELF: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


def page_headers(nonce: str) -> Mapping[str, str]:
    """Return what a page says besides: it fetches nothing, runs nothing and stands in no frame.

    `nonce` lets its own style sheet in, and no other.
    """
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Frame-Options": "DENY",
        **KEPT_TO_ITSELF,
    }

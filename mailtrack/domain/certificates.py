"""Why a certificate is refused: for want of trust, or because it breaks the rules."""

#: OpenSSL's codes for what RFC 5280 forbids, X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA to
#: X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3. From 3.13 on, Python asks for these rules.
_AGAINST_THE_RULES = range(80, 94)

#: What to do about such a certificate: to trust its authority would not help.
MAKE_ANEW = (
    "from Python 3.13 on, certificates have to keep to RFC 5280: make the authority's anew, with "
    "keyUsage=critical,keyCertSign,cRLSign (docs/deploy.md, “A private authority”)"
)


def breaks_rules(verify_code: int) -> bool:
    """Return True if OpenSSL refused a certificate for its form, whoever has signed it.

    >>> breaks_rules(92)  # CA cert does not include key usage extension
    True
    >>> breaks_rules(19)  # self-signed certificate in certificate chain
    False
    """
    return verify_code in _AGAINST_THE_RULES

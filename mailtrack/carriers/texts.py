"""What carriers write, made fit to be kept, shown and compared. Pure functions."""

import re
import unicodedata

#: No carrier says more about a scan; the rest of an endless text is not looked at (characters).
MAX_TEXT = 500

_BLANKS = re.compile(r"\s+")
_PLACE = re.compile(r"^\s*(?:\[([^\[\]]{1,60})\]|【([^【】]{1,60})】)\s*")
_PREFIX = re.compile(r"^carrier note\s*:\s*", re.IGNORECASE)
#: Tokens of programs: OutForDelivery.
_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[\W_]+")
_COMBINING = re.compile(r"[\u0300-\u036f]")

_POSTMAN_ZH = "(?:揽投员|投递员|派送员|派件员|快递员|业务员|联系人|收件人)"
_POSTMAN = "courier|postman|mailman|driver|facteur|livreur|chauffeur"
_SIGNED = r"signed (?:for )?by\s*:|signed for by\b|signée? par\s*:"
_TELEPHONE = "tel|phone|mobile|téléphone|tél|portable"

#: Names and telephones of postmen, and who signed, as Chinese and European carriers print them.
_PERSONAL = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[（(][^()（）]*(?:姓名|电话|手机|tel|phone)[^()（）]*+[)）]",
        rf"{_POSTMAN_ZH}?(?:姓名|联系电话|电话|手机号?)\s*[:：]\s*[^,，;；。、\s]*",
        rf"{_POSTMAN_ZH}\s*[:：]\s*[^,，;；。、\s]+",
        r"(?<=交给)[^,，;；。、\s]{1,6}(?=[,，]?正在派送)",
        rf"\b(?:{_POSTMAN})(?: name)?\s*[:：]\s*[^,;.()]+",
        rf"(?:\s*[-–,;]\s*)?\b(?:{_SIGNED})[^,;.()]+",
        rf"\b(?:{_TELEPHONE})\b\.?\s*+(?:no\.?|number)?\s*+[:：]?\s*+\+?\d[\d .\-]{{6,}}\d",
        r"(?<![\w+])\+\d{1,3}[\d .\-()]{7,}\d",
        r"\b1[3-9]\d{9}\b",
        r"\b0[1-9](?:[ .\-]?\d{2}){4}\b",
        r"(?<![\w.+\-])[\w.+\-]++@[\w\-]+\.[\w.\-]+",
    )
)
_LEFT_OVERS = re.compile(r"\s*[,，;；、]\s*(?=[,，;；、。.)）]|$)|[（(]\s*[)）]")


def tidy(text: str) -> str:
    """Return `text` on one line: tabs, no-break spaces and runs of blanks become one space."""
    return _BLANKS.sub(" ", text).strip()


def without_people(text: str) -> str:
    """Return `text` without the names, telephones and addresses of the people who deliver."""
    # What is cut within a telephone number would no longer look like one.
    cleaned = text = text[: 2 * MAX_TEXT]
    for pattern in _PERSONAL:
        cleaned = pattern.sub("", cleaned)
    if cleaned != text:
        cleaned = tidy(_LEFT_OVERS.sub("", cleaned)).strip(" ,，;；、:：.")
    return cleaned[:MAX_TEXT]


def split_place(text: str) -> tuple[str, str]:
    """Return the place in front ("[Shatian Town] Departed …") and the text after it."""
    found = _PLACE.match(text)
    if found is None or found.end() == len(text):
        return "", text
    return found[1] or found[2], text[found.end() :]


def comparable(text: str) -> str:
    """Return `text` as phrases are compared: no case, accents, punctuation or prefixes."""
    _, bare = split_place(tidy(text[:MAX_TEXT]))
    apart = _JOINED.sub(" ", unicodedata.normalize("NFKD", _PREFIX.sub("", bare)))
    plain = apart.casefold().replace("ł", "l")
    return _NOT_A_WORD.sub(" ", _COMBINING.sub("", plain)).strip()


def comparable_code(code: str) -> str:
    """Return `code` as codes are compared: no case, padding or blanks inside."""
    return "_".join(code.upper().split())

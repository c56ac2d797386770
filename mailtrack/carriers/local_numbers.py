"""By which number the local carrier knows a parcel: as carriers write it, one word or prose.

A field that holds nothing else may have any carrier's number; a text of an event may name
anything, so that there only a number counts whose form says whose it is.
"""

import re
from collections.abc import Iterable

from mailtrack.domain.numbers import detect, is_valid, normalise

#: What a local carrier's number may be: capitals and digits, one of these at least.
NUMBER = re.compile(r"(?=.*\d)[A-Z0-9]{8,30}")
#: Words of a number that is written in groups ("LX 000 000 017 FR"): no others are so short.
_MOST_LETTERS = 3
_TOKEN = re.compile(r"[^\s()\[\]{}<>,;:!?\"“”«»/]+")
_S10 = re.compile(r"[A-Z]{2}\d{9}[A-Z]{2}")


def number_in(field: str) -> str:
    """Return the number that a field names, in capitals without blanks, dots and hyphens.

    "" where it names none. What stands behind a label may be written in groups; in a
    sentence a number is one word.

    >>> number_in("Latest Tracking Number:\\tlx 000.000-017 fr")
    'LX000000017FR'
    >>> number_in("PostNL 3SEXMP0000017 (Netherlands)")
    '3SEXMP0000017'
    """
    behind_label = field.rpartition(":")[2]
    words = behind_label.split()
    if all(len(word) <= _MOST_LETTERS or any(map(str.isdigit, word)) for word in words):
        whole = normalise(behind_label)
        if NUMBER.fullmatch(whole):
            return whole
    numbers = map(normalise, _TOKEN.findall(field))
    return next((number for number in numbers if NUMBER.fullmatch(number)), "")


def other_number(number: str, *fields: str) -> str | None:
    """Return the first number that these fields name and that is another than `number`.

    >>> other_number("LP00123456789012", "LP00123456789012", "soon", "8V03123456789")
    '8V03123456789'
    """
    own = normalise(number)
    named = (number_in(field) for field in fields)
    return next((found for found in named if found not in ("", own)), None)


def number_in_texts(texts: Iterable[str], carrier: str) -> str:
    """Return the first number in the texts of events whose form names others than `carrier`.

    "" where there is none. Of the posts' numbers only one with the right check digit counts.
    """
    for text in texts:
        for token in _TOKEN.findall(text):
            number = normalise(token)
            if not (NUMBER.fullmatch(number) and is_valid(number)):
                continue
            owner = detect(number)[0]
            is_posts = _S10.fullmatch(number) is not None
            if owner.carrier != carrier and (owner.check_digit == "ok" or not is_posts):
                return number
    return ""

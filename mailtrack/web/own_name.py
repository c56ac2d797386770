"""The name that somebody gives a parcel of theirs, as they type it."""

from mailtrack.notify.tidy import one_line

#: Characters of a name; a list and the subject of a mail show fewer of a long one.
LONGEST = 60


def read_own_name(typed: str) -> str:
    r"""Return the name that was typed, on one line, "" for none.

    Links and telephone numbers in it are taken apart wherever it is shown (`notify.tidy`), as in
    every text of others. Raises ValueError with what is wrong, in French.

    >>> read_own_name(" Cadeau \u202e de\nLéa ")
    'Cadeau de Léa'
    """
    name = one_line(typed)
    if len(name) > LONGEST:
        raise ValueError(f"Un nom a {LONGEST} caractères au plus : rien n’est changé.")
    return name

"""Forwards of 100 KB that are nearly all text or tags: the worst that honest people send."""

from email.message import EmailMessage
from email.policy import SMTP
from itertools import cycle, islice

SIZE = 100_000
PARCEL, ORDER = "LP00123456789012", "3054169918880001"
SENDER = "AliExpress <transaction@notice.aliexpress.com>"
LINK = f"https://www.aliexpress.com/p/tracking/index.html?_login=yes&tradeOrderId={ORDER}"

_TEXT = (
    "lampe de bureau pliable avec variateur et port pour la chambre d’étude, cadeau de fête ; "
    "ruban à mesurer, câble tressé et sachet réutilisable livrés bientôt, très léger"
)
_LABELS = {"De": SENDER, "Date": "2 mars 2026 à 09:31", "À": "ana@example.org"}
_HEADER = {**_LABELS, "Objet": f"Colis {PARCEL} : en transit"}
_TITLE = f'<p>Votre colis {PARCEL} est en transit.</p><a href="{LINK}">Suivre</a>'
_BOLD = "".join(
    f"<b>{label} :</b> {value.replace('<', '&lt;').replace('>', '&gt;')}<br>"
    for label, value in _HEADER.items()
)

_GMAIL = f'<div class="gmail_quote">---------- Forwarded message ---------<br>{_BOLD}</div>{_TITLE}'
_OUTLOOK = (
    "<html><head><style><!--\n"
    + "p.MsoNormal, li.MsoNormal {margin:0cm;font-size:11.0pt;mso-style-priority:99}\n" * 300
    + f'--></style></head><body><div style="border-top:solid #E1E1E1 1.0pt">{_BOLD}</div>{_TITLE}'
)
_YAHOO = f'<div class="yahoo_quoted"><div>----- Message transmis -----</div>{_BOLD}</div>{_TITLE}'
_PLAIN = "\n".join(
    (
        "---------- Message transféré ---------",
        *(f"{label} : {value}" for label, value in _HEADER.items()),
        f"\nVotre colis {PARCEL} est en transit. {LINK}\n",
    )
)

_CELL = (
    '<table width="100%" cellpadding="0"><tbody><tr><td align="left" style="padding:4px 8px;'
    'font-family:Arial,sans-serif;font-size:14px">{}</td></tr></tbody></table>\n'
)
_WORD = (
    '<p class="MsoNormal" style="mso-margin-top-alt:auto;mso-line-height-rule:exactly">'
    '<span lang="FR" style="font-size:10.5pt;mso-fareast-language:FR">{}<o:p></o:p></span></p>\n'
)
_LETTER = "<div>{}<br>\n</div>"
_QUOTE = '<blockquote type="cite" style="margin:0 0 0 .8ex">'


def dense_mails() -> dict[str, bytes]:
    """Return one mail of each class; all name `PARCEL` and `ORDER`."""
    return {
        "Gmail, tables": _mail(html=_filled(_GMAIL, _CELL)),
        "Gmail, tables in tables": _mail(html=_filled(_GMAIL + _CELL[:-30] * 100, _CELL)),
        "Gmail, nothing but text": _mail(html=_filled(_GMAIL, _LETTER)),
        "Gmail, quotes in quotes": _mail(html=_filled(_GMAIL + _QUOTE * 30, _LETTER)),
        "Outlook, Word's styles": _mail(html=_filled(_OUTLOOK, _WORD)),
        "Yahoo, tables": _mail(html=_filled(_YAHOO, _CELL)),
        "text and HTML": _mail(
            _filled(_PLAIN, "{}\n", SIZE // 2), _filled(_GMAIL, _LETTER, SIZE // 2)
        ),
        "text alone": _mail(_filled(_PLAIN, "{}\n")),
        "text alone, with links": _mail(
            _filled(_PLAIN, "{} <https://www.aliexpress.com/item/1>\n")
        ),
    }


def _filled(head: str, row: str, size: int = SIZE) -> str:
    """Return `head`, and rows of words below it until the mail is `size` characters long."""
    words, parts, missing = cycle(_TEXT.split()), [head], size - len(head)
    while missing > 0:
        parts.append(row.format(" ".join(islice(words, 11))))
        missing -= len(parts[-1])
    return "".join(parts)


def _mail(text: str = "", html: str = "") -> bytes:
    mail = EmailMessage()
    mail["From"] = "Ana Petit <ana@example.org>"
    mail["Subject"] = f"TR: Colis {PARCEL} : en transit"
    if text:
        mail.set_content(text)
    if text and html:
        mail.add_alternative(html, subtype="html")
    elif html:
        mail.set_content(html, subtype="html")
    return mail.as_bytes(policy=SMTP)

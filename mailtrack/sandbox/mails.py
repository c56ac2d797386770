"""The shop's mails and how people forward them: what the story puts into the mailbox.

Every person, order and parcel is invented. The forms are those that the mail programs
really write; see `tests/corpus` for many more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from zoneinfo import ZoneInfo

from babel.dates import format_datetime as in_words

SHOP = "AliExpress <transaction@notice.aliexpress.com>"
#: The name that the sandbox's receiving server signs Authentication-Results with.
AUTHSERV_ID = "mx.colis.example"
FORWARD_TO = "colis@colis.example"
_TRACKING_PAGE = "https://www.aliexpress.com/p/tracking/index.html?_addShare=no&_login=yes"
_PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who waits for parcels."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class ShopMail:
    """A mail as the shop wrote it."""

    subject: str
    lines: tuple[str, ...]
    links: tuple[str, ...]
    items: tuple[str, ...] = ()


def order_shipped(order: str, item: str) -> ShopMail:
    """Return the French mail of a shipped order: it names no parcel."""
    return ShopMail(
        subject=f"Commande {order} : commande expédiée",
        lines=(
            "Commande expédiée",
            f"Votre commande {order} a quitté l’entrepôt du vendeur.",
        ),
        links=(f"https://www.aliexpress.com/p/order/detail.html?orderId={order}&tracelog=rowan",),
        items=(item,),
    )


def parcel_update(parcel: str, order: str, item: str) -> ShopMail:
    """Return a mail about one parcel; the order stands in its link only."""
    return ShopMail(
        subject=f"Package {parcel} has an update",
        lines=("Delivery update", f"Your package {parcel} has an update."),
        links=(f"{_TRACKING_PAGE}&tradeOrderId={order}&trackingNumber={parcel}",),
        items=(item,),
    )


def not_a_shop_mail() -> ShopMail:
    """Return a mail that names nothing."""
    return ShopMail(
        subject="Des nouvelles de votre quartier",
        lines=("Le marché de printemps ouvre samedi à 9 heures, place de la Mairie.",),
        links=("https://quartier.example.org/agenda",),
    )


def _html(mail: ShopMail) -> str:
    items = "".join(
        f'<td class="EDM-ORDER-LOGISTICS-product-name">{escape(item)}</td><td>x1</td>'
        for item in mail.items
    )
    details = f"<p>Package details</p><table><tr>{items}</tr></table>" if items else ""
    lines = "".join(f"<p>{escape(line)}</p>" for line in mail.lines)
    links = "".join(f'<p><a href="{escape(link)}">Track delivery</a></p>' for link in mail.links)
    return f"<div>{lines}{links}{details}</div>"


def _text(mail: ShopMail) -> str:
    links = [f"Track delivery <{link}>" for link in mail.links]
    details = ["Package details", *(f"{item}\nx1" for item in mail.items)] if mail.items else []
    return "\n\n".join([*mail.lines, *links, *details])


def _sender(mail: ShopMail) -> str:
    return SHOP if mail.items else "Mairie <bonjour@quartier.example.org>"


def gmail(mail: ShopMail, to: DemoPerson, at: datetime, note: str) -> EmailMessage:
    """Forward as Gmail in French does: English separator, French From and date."""
    when = in_words(at, "EEE d MMM yyyy 'à' HH:mm", tzinfo=_PARIS, locale="fr")
    name, address = _sender(mail).rstrip(">").split(" <")
    head = [
        "---------- Forwarded message ---------",
        f"De : {name} <{address}>",
        f"Date: {when}",
        f"Subject: {mail.subject}",
        f"To: <{to.address}>",
    ]
    quoted = (
        '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        f"---------- Forwarded message ---------<br>De&nbsp;: "
        f'<strong class="gmail_sendername" dir="auto">{name}</strong> '
        f'<span dir="auto">&lt;<a href="mailto:{address}">{address}</a>&gt;</span><br>'
        f"Date: {when}<br>Subject: {escape(mail.subject)}<br>"
        f"To: &lt;{to.address}&gt;<br></div><br><br>{_html(mail)}</div>"
    )
    text = "\n".join([note, "", *head, "", "", _text(mail)])
    return _message(to, f"Fwd: {mail.subject}", text, f'<div dir="ltr">{note}<br>{quoted}</div>')


def outlook(mail: ShopMail, to: DemoPerson, at: datetime, note: str) -> EmailMessage:
    """Forward as Outlook on the web does: underscores, bold labels behind a line."""
    when = in_words(at, "EEEE d MMMM yyyy HH:mm", tzinfo=_PARIS, locale="fr")
    head = {"De": _sender(mail), "Envoyé": when, "À": to.address, "Objet": mail.subject}
    html = (
        f"<div>{note}</div><hr style='display:inline-block;width:98%'>"
        '<div id="divRplyFwdMsg" dir="ltr">'
        + "".join(f"<b>{label} :</b> {escape(value)}<br>" for label, value in head.items())
        + f"</div>{_html(mail)}"
    )
    lines = [f"{label} : {value}" for label, value in head.items()]
    text = "\n".join([note, "", "_" * 32, *lines, "", _text(mail)])
    return _message(to, f"TR: {mail.subject}", text, html)


def apple(mail: ShopMail, to: DemoPerson, at: datetime, note: str) -> EmailMessage:
    """Forward as Apple Mail in French does: every line quoted."""
    when = in_words(at, "d MMMM yyyy 'à' HH:mm:ss 'UTC+1'", tzinfo=_PARIS, locale="fr")
    head = [
        "Début du message réexpédié :",
        "",
        f"De: {_sender(mail)}",
        f"Objet: {mail.subject}",
        f"Date: {when}",
        f"À: {to.address}",
        "",
    ]
    quoted = "\n".join(f"> {line}" for line in [*head, *_text(mail).splitlines()])
    return _message(to, f"Fwd: {mail.subject}", f"{note}\n\n{quoted}\n")


def thunderbird(mail: ShopMail, to: DemoPerson, at: datetime, note: str) -> EmailMessage:
    """Forward as Thunderbird in French does: a table of headers."""
    head = {
        "Sujet": mail.subject,
        "Date": format_datetime(at),
        "De": _sender(mail),
        "Pour": to.address,
    }
    rows = "".join(
        f'<tr><th align="RIGHT" nowrap valign="BASELINE">{label} : </th>'
        f"<td>{escape(value)}</td></tr>"
        for label, value in head.items()
    )
    html = (
        f'<p>{note}</p><div class="moz-forward-container"><br>'
        "-------- Message transféré --------"
        f'<table class="moz-email-headers-table">{rows}</table><br>{_html(mail)}</div>'
    )
    lines = [f"{label} : \t{value}" for label, value in head.items()]
    text = "\n".join([note, "", "-------- Message transféré --------", *lines, "", _text(mail)])
    return _message(to, f"Fwd: {mail.subject}", text, html)


def orange(mail: ShopMail, to: DemoPerson, at: datetime, note: str) -> EmailMessage:
    """Forward as Orange's webmail does: text only, quoted, "A" without its accent."""
    when = in_words(at, "dd/MM/yy HH:mm", tzinfo=_PARIS, locale="fr")
    head = [
        f"Message du {when}",
        f"De : {_sender(mail)}",
        f"A : {to.address}",
        f"Objet : {mail.subject}",
        "",
    ]
    quoted = "\n".join(f"> {line}" for line in [*head, *_text(mail).splitlines()])
    return _message(to, f"TR: {mail.subject}", f"{note}\n\n{quoted}\n")


Forwarder = Callable[[ShopMail, DemoPerson, datetime, str], EmailMessage]


def forwarded(
    forwarder: Forwarder, mail: ShopMail, person: DemoPerson, at: datetime, note: str, serial: int
) -> bytes:
    """Return a forwarded mail as the receiving server stored it, its checks on top."""
    message = forwarder(mail, person, at, note)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{serial}.{int(at.timestamp())}@{_domain(person)}>"
    return received(_domain(person), at, serial, f"smtp.mailfrom={person.address}") + (
        message.as_bytes(policy=SMTP)
    )


def received(signer: str, at: datetime, serial: int, envelope: str) -> bytes:
    """Return what the receiving server writes above a mail: its results, then its own line.

    `signer` is the domain whose DKIM signature it found, `envelope` whose SPF.
    """
    results = f"dkim=pass (2048-bit key) header.d={signer} header.i=@{signer}; spf=pass {envelope}"
    lines = (
        f"Authentication-Results: {AUTHSERV_ID}; {results}",
        f"Received: from mail.{signer} (mail.{signer} [192.0.2.{serial % 200 + 1}])",
        f"\tby {AUTHSERV_ID} (Postfix) with ESMTPS id {serial:010X}",
        f"\tfor <{FORWARD_TO}>; {format_datetime(at)}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _message(person: DemoPerson, subject: str, text: str, html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"{person.name} <{person.address}>"
    message["To"] = FORWARD_TO
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
    return message


def _domain(person: DemoPerson) -> str:
    return person.address.rpartition("@")[2]

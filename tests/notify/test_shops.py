"""What mails say of an order without a parcel, and of shops other than AliExpress."""

from dataclasses import replace
from datetime import date

import pytest

from mailtrack.domain.milestones import STAGES, Mailed, Milestone
from mailtrack.domain.model import Reason
from mailtrack.notify import french
from mailtrack.notify.render import RenderedMail, Renderer, templates_dir
from mailtrack.notify.samples import AMAZON_ORDER, LINKS, NEWS, order_samples, sample
from mailtrack.notify.shops import words_for
from mailtrack.notify.view import NoticeKind, NoticeView

RENDERER = Renderer(templates_dir())
AMAZON = order_samples()
#: What a step of an order may be told by.
TOLD = [milestone for milestone, stage in STAGES.items() if stage.mailed is not Mailed.NO]


def _of_order(milestone: Milestone, shop: str) -> NoticeView:
    """Return the mail about a step of an order without a parcel."""
    view = AMAZON["order-delivered"]
    assert view.order
    assert view.event
    event = replace(view.event, milestone=milestone)
    order = replace(view.order, milestone=milestone, events=(event,), shop=shop)
    return replace(view, kind=NoticeKind(milestone), order=order, event=event)


def _both(rendered: RenderedMail) -> str:
    return rendered.text + rendered.html.replace("&nbsp;", "\u00a0")


@pytest.mark.parametrize("shop", ["amazon", "temu", "shein", "elsewhere"])
@pytest.mark.parametrize("milestone", TOLD)
def test_every_step_can_be_told_of_an_order_without_a_parcel_in_its_shop_s_name(
    milestone: Milestone, shop: str
) -> None:
    rendered = RENDERER.render(_of_order(milestone, shop))

    assert "votre commande 405-12…" in rendered.subject
    assert len(rendered.subject) <= 78
    for text in (rendered.text, rendered.html):
        assert "AliExpress" not in text
        assert "la page du transporteur" not in text
        assert "numéro du colis" not in text
        assert AMAZON_ORDER in text
        assert str(LINKS.timeline) in text
        assert "None" not in text


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    "kind",
    [
        *(NoticeKind.REGISTERED, NoticeKind.EXCEPTION, NoticeKind.RETURNING, NoticeKind.RETURNED),
        *(NoticeKind.DELIVERED, NoticeKind.STALLED, NoticeKind.EXPIRED, NoticeKind.NOT_FOUND),
        *(NoticeKind.CARRIER_ACCEPTED, NoticeKind.IN_TRANSIT, NoticeKind.ARRIVED_IN_COUNTRY),
        *(NoticeKind.CUSTOMS_HELD, NoticeKind.CANCELLED, NoticeKind.PICKUP_AVAILABLE),
    ],
)
@pytest.mark.parametrize("shop", ["", "colissimo", "temu"])
def test_nothing_of_aliexpress_is_said_of_a_parcel_that_is_not_known_to_be_its_own(
    kind: NoticeKind, reason: Reason, shop: str
) -> None:
    parcel = sample(NoticeKind.EXCEPTION).parcel
    assert parcel
    view = replace(sample(kind), parcel=replace(parcel, shop=shop, named_by="", reason=reason))
    text = _both(RENDERER.render(replace(view, event=None, order=None)))

    for words in ("AliExpress", "uvrez un litige", "uvrir un litige", "protection acheteur"):
        assert words not in text


def test_who_tells_a_step_by_mail_is_named_as_far_as_anybody_knows() -> None:
    view = sample(NoticeKind.DELIVERED)
    assert view.parcel
    assert view.event
    told = replace(view, event=replace(view.event, source="mail"))

    def source(shop: str, named_by: str) -> str:
        assert told.parcel
        known = replace(told, parcel=replace(told.parcel, shop=shop, named_by=named_by))
        return RENDERER.render(known).text

    assert "indiquée par Temu" in source("temu", "Colissimo")
    assert "indiquée par Colissimo" in source("colissimo", "Colissimo")
    assert "indiquée par un mail que vous avez transféré" in source("", "")


def test_the_first_mail_about_an_order_says_what_the_shop_keeps_to_itself() -> None:
    rendered = RENDERER.render(AMAZON["order-order_registered"])

    assert rendered.subject.startswith("Commande notée")
    for text in (rendered.text, rendered.html):
        assert "Amazon ne donne ni le numéro de ses colis ni leur transporteur" in text
        assert "nous ne pouvons pas les suivre au-delà de ce que disent ses mails" in text
        assert "Expédié" in text
        assert "numéro du colis" not in text


def test_the_first_mail_about_a_delivered_order_says_that_no_other_will_come() -> None:
    view = replace(AMAZON["order-delivered"], kind=NoticeKind.ORDER_REGISTERED, event=None)
    text = RENDERER.render(view).text

    assert "vous n’aurez pas d’autre mail" in text
    assert "Transférez à" not in text


def test_the_first_mail_about_an_order_that_waits_says_where() -> None:
    view = replace(AMAZON["order-pickup_available"], kind=NoticeKind.ORDER_REGISTERED)
    text = RENDERER.render(view).text

    assert "À faire maintenant" in text
    assert "le mail d’Amazon dit où et jusqu’à quand" in text


def test_another_shop_s_order_waits_for_its_number_in_that_shop_s_name() -> None:
    view = AMAZON["order-order_registered"]
    assert view.order
    text = RENDERER.render(replace(view, order=replace(view.order, shop="temu"))).text

    assert "Attendez le mail de Temu ou du transporteur qui donne le numéro du colis" in text
    assert "AliExpress" not in text


def test_the_end_of_a_protection_is_told_of_an_order_without_a_parcel() -> None:
    view = sample(NoticeKind.PROTECTION_ENDING)
    order = sample(NoticeKind.ORDER_REGISTERED).order
    assert order
    dated = replace(order, ordered_on=date(2026, 1, 14))
    text = RENDERER.render(replace(view, parcel=None, event=None, order=dated)).text

    assert "aucun mail n’a encore annoncé la livraison" in text
    assert "dimanche 15\u00a0mars" in text
    assert "copie de ce suivi" not in text
    assert "Commande\u00a0: 8211000000001234" in text


def test_a_digest_asks_for_a_number_only_where_one_may_come() -> None:
    noted = replace(NEWS[0], kind=NoticeKind.ORDER_REGISTERED)
    digest = sample(NoticeKind.DIGEST)

    def told(shop: str) -> str:
        return RENDERER.render(replace(digest, news=(replace(noted, shop=shop),))).text

    assert "Numéro du colis à transférer (à traiter)" in told("aliexpress")
    assert "Commande notée\u00a0:" in told("amazon")
    assert "à traiter" not in told("amazon")


@pytest.mark.parametrize("shop", ["aliexpress", "amazon", "temu", "shein", "showroomprive", ""])
def test_how_a_shop_is_spoken_of_is_set_as_in_print(shop: str) -> None:
    words = words_for(shop)

    for text in (words.of, words.where, words.ask, words.account):
        assert french.typeset(text) == text


def test_a_card_of_a_parcel_names_the_shop_that_sold_it_or_none() -> None:
    view = sample(NoticeKind.DELIVERED)
    assert view.parcel

    def merchant(shop: str) -> bool:
        assert view.parcel
        card = replace(view, parcel=replace(view.parcel, shop=shop))
        return '"merchant"' in RENDERER.render(card).html

    assert merchant("aliexpress")
    assert not merchant("")

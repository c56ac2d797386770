"""AliExpress: steps, numbers and imitations, one claim at a time."""

from datetime import date

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome
from mailtrack.parsers import aliexpress
from mailtrack.parsers.aliexpress import BRAND
from mailtrack.parsers.aliexpress_numbers import read_numbers
from mailtrack.parsers.aliexpress_words import STEPS
from mailtrack.parsers.content import Content, Link
from mailtrack.parsers.reading import Forward, Original, Person, Reading
from mailtrack.parsers.shop import Authorship

SHOP = Person("AliExpress", "transaction@notice.aliexpress.com")
ORDER, OTHER = "3074309624382839", "8211968327932839"
PARCEL = "LP00827165784034"


def _original(subject: str, *lines: str, links: tuple[str, ...] = ()) -> Original:
    content = Content(tuple(lines), tuple(map(Link, links)))
    return Original(sender=SHOP, subject=subject, content=content)


def _read(subject: str, *lines: str, links: tuple[str, ...] = ()) -> Reading:
    original = _original(subject, *lines, links=links)
    return aliexpress.read(original, Forward(True, None, Person(), "", original))


@pytest.mark.parametrize(
    ("subject", "milestone"),
    [
        (f"Order {ORDER}: order confirmed", Milestone.ORDER_RECEIVED),
        (f"Commande {ORDER} : commande confirmée", Milestone.ORDER_RECEIVED),
        (f"COMMANDE {ORDER}\u00a0: COMMANDE EXPÉDIÉE", Milestone.SHIPPED),
        (f"Bestellung {ORDER} wurde versandt", Milestone.SHIPPED),
        (f"Bestellung {ORDER}: Wird zugestellt", Milestone.CARRIER_ACCEPTED),
        (f"Packstück {PARCEL} hat die Abflugregion verlassen", Milestone.IN_TRANSIT),
        (f"Package {PARCEL}: at customs", Milestone.CUSTOMS_STARTED),
        (f"Package {PARCEL} has cleared customs", Milestone.CUSTOMS_CLEARED),
        (f"Zollabfertigung für {PARCEL} wurde beendet", Milestone.CUSTOMS_CLEARED),
        (f"El paquete {PARCEL} ha pasado la aduana", Milestone.CUSTOMS_CLEARED),
        (f"Package {PARCEL}: in your country/region", Milestone.ARRIVED_IN_COUNTRY),
        (f"Package {PARCEL}: in local transit", Milestone.LOCAL_TRANSIT),
        (f"Package {PARCEL} is out for delivery", Milestone.OUT_FOR_DELIVERY),
        (f"Paquete {PARCEL} entregado", Milestone.DELIVERED),
        (f"Package {PARCEL} has been delivered", Milestone.DELIVERED),
        (f"Colis {PARCEL} : n’a pas pu être livré", Milestone.DELIVERY_FAILED),
        (f"Colis {PARCEL} : en transit local", Milestone.LOCAL_TRANSIT),
        (f"Package {PARCEL} has an update", None),
        (f"Your order {ORDER} is closed", None),
        # A doubt beside a known wording, or no known wording at all
        (f"Package {PARCEL} has not been delivered", Milestone.UNKNOWN),
        (f"Colis {PARCEL} : bientôt livré", Milestone.UNKNOWN),
        (f"Packstück {PARCEL}: Wird zugestellt", Milestone.UNKNOWN),
        (f"Zásilka {PARCEL}: doručena", Milestone.UNKNOWN),
        # Plain vocabulary of languages of which no real mail is known
        (f"Pacco {PARCEL}: consegnato", Milestone.DELIVERED),
        (f"Pacco {PARCEL}: consegnato al corriere", Milestone.CARRIER_ACCEPTED),
        (f"Pacco {PARCEL}: sarà consegnato presto", Milestone.UNKNOWN),
        (f"Ordine {ORDER}: ordine spedito", Milestone.SHIPPED),
        (f"Pacote {PARCEL}: saiu para entrega", Milestone.OUT_FOR_DELIVERY),
        (f"Encomenda {ORDER}: expedida", Milestone.SHIPPED),
        (f"Pacote {PARCEL}: não foi entregue", Milestone.UNKNOWN),
        (f"Paczka {PARCEL}: w odprawie celnej", Milestone.CUSTOMS_STARTED),
        (f"Pakket {PARCEL}: bij de douane", Milestone.CUSTOMS_STARTED),
        (f"Pakket {PARCEL}: niet bezorgd", Milestone.UNKNOWN),
        (f"Paquete {PARCEL}: en reparto", Milestone.OUT_FOR_DELIVERY),
        (f"Packstück {PARCEL}: abholbereit", Milestone.PICKUP_AVAILABLE),
    ],
)
def test_the_subject_tells_the_step(subject: str, milestone: Milestone | None) -> None:
    assert milestone == _read(subject).milestone


def test_an_unknown_step_is_kept_in_the_shop_s_words() -> None:
    assert "consegnato oggi" == _read(f"Pacco {PARCEL}: consegnato oggi").step


def test_the_words_of_the_progress_bar_are_no_step() -> None:
    reading = _read(f"Commande {ORDER} : surprise", "Confirmed", "Shipped", "Delivered")

    assert Milestone.UNKNOWN is reading.milestone


def test_an_edited_subject_leaves_the_sentence_to_tell_the_step() -> None:
    reading = _read("mon colis", f"Your package {PARCEL} has been successfully delivered!")

    assert Milestone.DELIVERED is reading.milestone
    assert PARCEL == reading.parcels[0].number


def test_the_template_of_the_links_tells_step_and_language() -> None:
    link = "https://www.aliexpress.com/p/x?rowan_id1=lg_local_carrier_2025_1_fr_FR_2026-01-16"

    reading = _read(f"{PARCEL}", links=(link + f"&tradeOrderId={ORDER}",))

    assert Milestone.LOCAL_TRANSIT is reading.milestone
    assert "fr" == reading.language


@pytest.mark.parametrize("parameter", ["orderId", "tradeOrderId", "o_ids", "tradeId"])
def test_orders_come_from_link_parameters(parameter: str) -> None:
    numbers = read_numbers("", "", [{parameter.lower(): f"{ORDER},{OTHER}"}])

    assert (ORDER, OTHER) == numbers.orders


def test_of_a_link_that_names_endless_numbers_few_are_read() -> None:
    orders = ",".join(str(int(ORDER) + n) for n in range(2_000))
    parcels = ",".join(f"LP{827165784034 + n:014}" for n in range(2_000))
    link = f"https://www.aliexpress.com/?orderId={orders}&mailNoList={parcels}"

    reading = _read("Colis", links=(link,) * 3)

    assert 20 == len(reading.orders) == len(reading.parcels)
    assert 20 == len(reading.parcels[0].orders)


def test_an_item_number_is_never_an_order() -> None:
    link = "https://www.aliexpress.com/item/1005007654726169.html?ug_edm_item_id=1005007654726169"

    reading = _read("Deals for 1005007654726169", "1005007654726169", links=(link,))

    assert () == reading.orders
    assert Outcome.NOTHING_FOUND is reading.outcome


def test_links_of_others_name_no_order() -> None:
    link = f"https://example.org/?tradeOrderId={ORDER}&trackingNumber={PARCEL}"

    reading = _read("Bonjour", links=(link,))

    assert () == reading.orders
    assert () == reading.parcels


def test_one_message_id_gives_the_order_when_nothing_else_does() -> None:
    link = "https://www.aliexpress.com/item/1.html?rowan_msg_id=6833306681292165%24ab"

    assert ("3066812921656833",) == _read(f"Package {PARCEL} has an update", links=(link,)).orders


def test_a_parcel_word_and_a_word_are_no_parcel() -> None:
    assert () == _read("Package delivered").parcels


def test_a_number_at_the_end_of_a_wrapped_line_is_found() -> None:
    reading = _read("mon colis", "Nous avons expédié votre commande", f"{ORDER}, merci.")

    assert (ORDER,) == reading.orders


def test_cainiao_is_the_last_candidate_of_a_foreign_shape() -> None:
    carriers = [c.carrier for c in _read("Package 6A15602676300 has an update").parcels[0].carriers]

    assert ["laposte", "cainiao"] == carriers


def test_the_language_is_the_mail_s_and_not_the_reader_s() -> None:
    link = f"https://www.aliexpress.com/p?orderId={ORDER}&rowan_id1=x_1_de_DE_2026-01-16"

    assert "en" == _read(f"Your order {ORDER} is closed", links=(link,)).language


def test_dates_are_day_month_year_and_the_last_day_counts() -> None:
    reading = _read(f"Order {ORDER}", "Estimated delivery", "30/08/2026 - 05/09/2026")

    assert date(2026, 9, 5) == reading.estimated_delivery


@pytest.mark.parametrize(
    "label",
    [
        "Délai de livraison estimé",
        "Livraison d’ici le",
        "Expected delivery",
        "Voraussichtliches Zustelldatum",
        "Fecha prevista de entrega",
        "Data prevista de entrega",
        "Szacowany czas dostawy",
        "Verwachte leverdatum",
    ],
)
def test_the_day_of_delivery_is_read_in_every_language(label: str) -> None:
    reading = _read(f"Order {ORDER}", label, "30/08/2026")

    assert date(2026, 8, 30) == reading.estimated_delivery


@pytest.mark.parametrize(
    "quantity",
    ["x1", "€ 1,99x1", "1,99€ x 2", "US $1.99x1", "12,00 zł x1", "R$ 10,00x1", "EUR 2 x3"],
)
def test_an_item_stands_above_its_price_in_any_currency(quantity: str) -> None:
    assert ("Lampe ...",) == _read(f"Order {ORDER}", "Lampe ...", "Noir", quantity).items


def test_a_date_that_does_not_exist_is_no_date() -> None:
    assert None is _read(f"Order {ORDER}", "Estimated delivery: 31/02/2026").estimated_delivery


@pytest.mark.parametrize(
    "text",
    [
        "Feb 16,2026, 15:22",
        "16/02/2026",
        "16 févr. 2026",
        "2026-02-16",
        "16 lut 2026",
        "16 fev 2026",
    ],
)
def test_the_day_of_the_order_is_read_in_several_forms(text: str) -> None:
    reading = _read(f"Order {ORDER}", f"Placed on {text}")

    assert date(2026, 2, 16) == reading.ordered_at


@pytest.mark.parametrize(
    "address",
    [
        "transaction@notice.aliexpress.com",
        "TRANSACTION@NOTICE.ALIEXPRESS.COM",
        "x@deals.aliexpress.com",
        "transaction_at_notice_aliexpress_com_a1_b2@privaterelay.appleid.com",
    ],
)
def test_the_shop_s_senders_are_recognised(address: str) -> None:
    original = Original(sender=Person("AliExpress", address))

    assert Authorship.YES is aliexpress.recognise(original).claim


@pytest.mark.parametrize(
    "address",
    [
        "a@aliexpress.com.example",
        "a@notaliexpress.com",
        "a@aliexpres.com",
        "a@ali-express.example",
        "a@xn--liexpress-r1g.com",
        "a@al1express.example",
    ],
)
def test_look_alikes_are_refused_with_a_reason(address: str) -> None:
    recognition = aliexpress.recognise(Original(sender=Person("AliExpress", address)))

    assert Authorship.FAKE is recognition.claim
    assert address.rpartition("@")[2] in recognition.reason


@pytest.mark.parametrize(
    "person",
    [
        Person("Boutique", "noreply@shop.example.com"),
        Person("Ali Baba", "ali@example.org"),
        Person("Express", "a@express.example"),
        Person("DHL Express", "a@dhl.com"),
        Person("", ""),
    ],
)
def test_other_senders_are_left_alone(person: Person) -> None:
    assert Authorship.NO is aliexpress.recognise(Original(sender=person)).claim


@pytest.mark.parametrize(
    "name",
    [
        "AliExpress Support",
        "Service AliExpress",
        "Ali Express",
        "A l i E x p r e s s",
        "transaction@notice.aliexpress.com",
        "АliExpress",
        "Ali\u200bExpress",
        "\u202eAliExpress",
    ],
)
def test_the_shop_s_name_on_a_foreign_address_is_refused(name: str) -> None:
    original = Original(sender=Person(name, "robot@mail.example"))

    assert Authorship.FAKE is aliexpress.recognise(original).claim


@pytest.mark.parametrize(
    "link",
    [
        "https://www.aliexpress.com.track.example/p?orderId=1",
        "https://www.aliexpress.com@evil.example/",
        "https://www.aliexpress.com:443@evil.example/",
        "https://www.aliexpress.com\\@evil.example/",
        "https://jane.doe@aliexpresss.com/",
        "https://aIiexpress.com/",
        "https://xn--liexpress-r1g.com/",
        "https://login.al1express.example/",
    ],
)
def test_a_link_to_a_look_alike_refuses_the_mail(link: str) -> None:
    recognition = aliexpress.recognise(_original("Colis", links=(link,)))

    assert Authorship.FAKE is recognition.claim
    assert "link" in recognition.reason
    assert "@" not in recognition.reason


@pytest.mark.parametrize(
    "link",
    [
        "https://www.aliexpress.com/p/order/detail.html?orderId=1",
        "https://fr.aliexpress.com:443/item/1.html",
        "https://aliexpress.onelink.me/abc",
        "https://ae01.alicdn.com/kf/S1.jpg",
        "https://www.facebook.com/AliExpress",
        "https://example.org/?from=aliexpress.com",
    ],
)
def test_the_shop_s_links_and_strangers_are_no_look_alikes(link: str) -> None:
    assert Authorship.YES is aliexpress.recognise(_original("Colis", links=(link,))).claim


def test_a_parameter_counts_in_the_query_only_and_once_decoded() -> None:
    base = "https://www.aliexpress.com/p/x"
    links = (f"{base}#orderId={OTHER}", f"{base}?a=1&amp;o_ids={ORDER}%2C{OTHER}&b=2")

    assert (ORDER, OTHER) == _read(f"Package {PARCEL} has an update", links=links).orders


def test_a_wording_that_two_languages_share_is_told_by_the_template() -> None:
    link = f"https://www.aliexpress.com/p?orderId={ORDER}&rowan_id1=x_1_pt_PT_2026-01-16"

    assert "pt" == _read(f"Pedido {ORDER}: pedido enviado", links=(link,)).language
    assert "es" == _read(f"Pedido {ORDER}: pedido enviado").language


def test_no_wording_stands_twice_in_the_table() -> None:
    patterns = [step.pattern.compiled.pattern for step in STEPS]

    assert len(set(patterns)) == len(patterns)


RELAYED = [
    ("", "transaction_at_notice_aliexpress_com_x1y2@privaterelay.appleid.com"),
    ("", "deals_at_deals_aliexpress_com_x1y2@icloud.com"),
    ("AliExpress - transaction at notice.aliexpress.com", "abc123@simplelogin.co"),
    ("", "transaction_at_notice_aliexpress_com_abc@passmail.net"),
    ("AliExpress <transaction@notice.aliexpress.com> [via Relay]", "mask@mozmail.com"),
    ("AliExpress 'transaction at notice.aliexpress.com'", "alias@anonaddy.me"),
    ("", "alias+transaction=notice.aliexpress.com@anonaddy.me"),
    ("", "deals_at_deals_aliexpress_com_a1b2c3d4_e5f6a7b8@privaterelay.appleid.com"),
    ("", "transaction_at_notice.aliexpress.com_camille@duck.com"),
]


@pytest.mark.parametrize(("name", "address"), RELAYED)
def test_a_service_that_hides_an_address_sends_on_the_shop_s_own_mail(
    name: str, address: str
) -> None:
    assert BRAND.is_sender(Person(name, address))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        # A sender's own name and address stand before what the service writes.
        (
            "AliExpress - transaction at notice.aliexpress.com - jo at evil.example",
            "a@simplelogin.co",
        ),
        ("A <transaction@notice.aliexpress.com> <jo@evil.example> [via Relay]", "m@mozmail.com"),
        ("", "transaction_at_notice_aliexpress_com_x_at_evil_example_y@privaterelay.appleid.com"),
        ("", "alias+transaction=notice.aliexpress.com=evil.example@anonaddy.me"),
        # What follows the relay's own words would be the rest of a longer host.
        ("", "a_at_aliexpress_com_evil_com_r4nd@privaterelay.appleid.com"),
        ("", "a_at_aliexpress_com_evil_com_r4nd0m1a_1a2b3c4d@privaterelay.appleid.com"),
        ("", "a_at_aliexpress_com_fr_r4nd@privaterelay.appleid.com"),
        ("", "a_at_aliexpress_com_evil_com_abcde@simplelogin.co"),
        ("", "a_at_aliexpress_com_fr_abcde@simplelogin.co"),
        ("", "a_at_aliexpress.com.evil.com_camille@duck.com"),
        ("", "a_at_aliexpress.com.fr_camille@duck.com"),
        ("", "a_at_aliexpress.com_x_at_evil.com_camille@duck.com"),
        ("", "a_at_aliexpress_com_evil_com_camille@duck.com"),
        ("", "alias+a=aliexpress.com.evil.com@anonaddy.me"),
        ("AliExpress", "mask@mozmail.com"),
    ],
)
def test_nobody_passes_for_the_shop_through_such_a_service(name: str, address: str) -> None:
    assert not BRAND.is_sender(Person(name, address))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("AliExpress - transaction at notice.aliexpress.com", "abc123@my-aliases.example"),
        ("AliExpress 'transaction at notice.aliexpress.com'", "shops@my-aliases.example"),
        ("", "shops+transaction=notice.aliexpress.com@my-aliases.example"),
    ],
)
def test_a_service_at_a_domain_of_one_s_own_is_read_and_proves_nothing(
    name: str, address: str
) -> None:
    assert BRAND.is_sender(Person(name, address))
    assert () == BRAND.signers_of(Person(name, address))


def test_an_address_that_anybody_may_choose_proves_nothing_by_its_signature() -> None:
    chosen = Person("", "deals_at_deals_aliexpress_com_x1y2@icloud.com")

    assert () == BRAND.signers_of(chosen)
    assert ("duck.com",) == BRAND.signers_of(Person(*RELAYED[-1]))

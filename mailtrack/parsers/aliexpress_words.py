"""The words of AliExpress's mails, as data.

Structure is read first (numbers, links, template names); these words only name the step
and the language. Subjects come in two families: `<order word> <order>: <step>` and
`<package word> <parcel>[:] <step>`. A step that no row knows stays `unknown`.
"""

import re
from dataclasses import dataclass

from mailtrack.domain.milestones import Milestone
from mailtrack.parsers.lazy_pattern import LazyPattern

M = Milestone


@dataclass(frozen=True, slots=True)
class StepWording:
    """One wording of one step. `kind` is set where the number families do not decide it.

    `language`: its code, or several where they share the wording, the likeliest first.
    """

    pattern: LazyPattern
    language: str
    milestone: M | None
    kind: str | None = None


#: The word before an order number; both capitalised and inside a sentence.
ORDER_WORDS: dict[str, str] = {
    "en": "order",
    "fr": "commande",
    "de": "bestellung|bestell-nr.",
    "es": "pedido",
    "it": "ordine",
    "pt": "encomenda",
    "pl": "zamówienie|zamówienia",
    "nl": "bestelling",
    "cs": "objednávka",
    "ro": "comanda|comandă",
    "sv": "beställning",
    "ru": "заказ",
    "uk": "замовлення",
    "tr": "sipariş",
    "ko": "주문",
    "ja": "注文",
}

#: The word before a parcel's number.
PACKAGE_WORDS: dict[str, str] = {
    "en": "package|parcel|shipment",
    "fr": "colis",
    "de": "packstück|paket|sendung",
    "es": "paquete",
    "it": "pacco",
    "pl": "paczka|paczki|przesyłka",
    "nl": "pakket",
    "pt": "pacote",
    "cs": "zásilka",
    "ru": "посылка",
    "ko": "운송장 번호",
}

#: What may stand between one of these words and its number.
SIGNS = "n°|n°.|nº|nº.|no|no.|nr|nr.|id|#|lautet|is|est|es|numéro|número|numero|numer|nummer|number"

#: Labels of a tracking number of its own, mostly the local carrier's.
TRACKING_LABELS = (
    "tracking number|tracking no|numéro de suivi|numero de suivi|n° de suivi|nº de suivi"
    "|no de suivi|sendungsverfolgungsnummer|sendungsnummer|número de seguimiento"
    "|numero de seguimiento|numer śledzenia|numero di tracking|numero di spedizione"
    "|trackingnummer|traceercode|número de rastreamento|numero de rastreamento"
)

#: Labels of an order number on a line of its own.
ORDER_LABELS = (
    "order number|bestellnummer|numéro de commande|numéro de la commande|numero de commande"
    "|n° de commande|n° de la commande|nº de commande|no de commande|id de commande"
    "|id de la commande|número de pedido|numero de pedido|id del pedido|numer zamówienia"
    "|numero d'ordine|numero d’ordine|bestelnummer"
)

#: Labels of the day of delivery, in lower case.
DELIVERY_LABELS: tuple[str, ...] = (
    "voraussichtliche zustellzeit",
    "voraussichtliche lieferung",
    "voraussichtliches lieferdatum",
    "voraussichtliches zustelldatum",
    "estimated delivery",
    "estimated delivery date",
    "estimated delivery time",
    "expected delivery",
    "expected delivery date",
    "delivery date",
    "delivery by",
    "livraison estimée",
    "livraison prévue",
    "livraison prévue le",
    "livraison estimée le",
    "livraison d'ici le",
    "livraison d’ici le",
    "délai de livraison estimé",
    "délai de livraison prévu",
    "entrega estimada",
    "fecha estimada de entrega",
    "entrega prevista",
    "data prevista de entrega",
    "data estimada de entrega",
    "fecha prevista de entrega",
    "szacowana data dostawy",
    "szacowany czas dostawy",
    "przewidywany czas dostawy",
    "przewidywana dostawa",
    "przewidywana data dostawy",
    "consegna stimata",
    "consegna prevista",
    "geschatte levering",
    "verwachte levering",
    "geschatte leverdatum",
    "verwachte leverdatum",
    "geschatte levertijd",
    "verwachte bezorgdatum",
)

#: Labels of the day of the order, in lower case.
PLACED_LABELS: tuple[str, ...] = (
    "placed on",
    "aufgegeben am",
    "passée le",
    "commandé le",
    "commandée le",
    "effectuée le",
    "realizado el",
    "realizada em",
    "feita em",
    "złożone",
    "złożono",
    "effettuato il",
    "geplaatst op",
)

#: Labels after which the items of a parcel or an order are listed.
ITEM_LABELS = re.compile(
    r"package details|order details|paketinfos|bestelldetails|détails du colis"
    r"|détails de la commande|detalles del (?:paquete|pedido)|szczegóły",
    re.IGNORECASE,
)

#: What turns a step into something else: a step with such a word beside it is unknown.
DOUBTS = re.compile(
    r"\b(?:not|no|never|soon|will|pas|jamais|bientôt|sera|seront|nicht|kein|bald|wird|werden"
    r"|pronto|será|serán|nie|zostanie|wkrótce|non|presto|sarà|não|serão|breve|niet|nog|zal|zullen)\b|\bn'|n't\b",
    re.IGNORECASE,
)


def _step(
    pattern: str, language: str, milestone: M | None = None, kind: str | None = None
) -> StepWording:
    return StepWording(LazyPattern(rf"(?<!\w)(?:{pattern})(?!\w)"), language, milestone, kind)


def _vocabulary(language: str, wordings: dict[M, str]) -> list[StepWording]:
    kinds = {M.CANCELLED: "cancelled"}
    return [_step(words, language, m, kinds.get(m)) for m, words in wordings.items()]


#: Wordings in lower case with plain apostrophes; the longest match decides.
STEPS: tuple[StepWording, ...] = (
    # English, seen in real mails
    _step("orders? (?:has been |have been )?confirmed", "en", M.ORDER_RECEIVED),
    _step("ready to ship", "en", M.ORDER_PREPARED),
    _step("order shipped|has shipped|has been shipped|has been sent", "en", M.SHIPPED),
    _step("partially shipped|partly shipped", "en", M.SHIPPED, "order_partly_shipped"),
    _step("collected by the carrier", "en", M.CARRIER_ACCEPTED),
    _step("package in transit|in transit", "en", M.IN_TRANSIT),
    _step("left the departure (?:region|country|country/region)", "en", M.IN_TRANSIT),
    _step("in your country/region|in your country", "en", M.ARRIVED_IN_COUNTRY),
    _step("at customs", "en", M.CUSTOMS_STARTED),
    _step("has cleared customs|cleared customs", "en", M.CUSTOMS_CLEARED),
    _step("in local transit|with local carrier", "en", M.LOCAL_TRANSIT),
    _step("collected by (?:the )?local carrier", "en", M.LOCAL_TRANSIT),
    _step("at (?:the )?delivery cent(?:er|re)", "en", M.LOCAL_TRANSIT),
    _step("is out for delivery|out for delivery", "en", M.OUT_FOR_DELIVERY),
    _step("ready for pickup|awaiting collection", "en", M.PICKUP_AVAILABLE),
    _step("waiting to be picked up", "en", M.PICKUP_AVAILABLE),
    _step("(?:has been |successfully )*delivered", "en", M.DELIVERED),
    _step(r"how did it go\?", "en", M.DELIVERED, "delivered"),
    _step("has an update|have delivery updates|delivery update", "en"),
    _step("awaiting confirmation", "en", None, "awaiting_confirmation"),
    _step("awaiting payment", "en", M.ORDER_PROCESSING, "awaiting_payment"),
    _step("is closed", "en", None, "closed"),
    _step("coupon(?: code)?", "en", None, "marketing"),
    # English ends of an order: plain vocabulary, since no real mail is known
    _step("(?:has been |was |is )?cancell?ed", "en", M.CANCELLED, "cancelled"),
    _step(
        "(?:has been |was |is )?refunded|refund (?:issued|completed)", "en", M.REFUNDED, "refunded"
    ),
    _step(
        "(?:can ?not|can't|could not|couldn't) be (?:fulfilled|processed|shipped)",
        "en",
        M.ORDER_UNFULFILLABLE,
        "unfulfillable",
    ),
    # German, seen in real mails
    _step("bestellauftrag bestätigt|bestellbestätigung", "de", M.ORDER_RECEIVED),
    _step("bestellungen wurden bestätigt", "de", M.ORDER_RECEIVED),
    _step("versandfertig|versandbereit", "de", M.ORDER_PREPARED),
    _step("bestellung versandt|wurde versandt", "de", M.SHIPPED),
    _step("teilweise versandt", "de", M.SHIPPED, "order_partly_shipped"),
    _step("mit lokalem kurier", "de", M.LOCAL_TRANSIT),
    _step("vom kurier abgeholt", "de", M.CARRIER_ACCEPTED),
    # An order mail of this name comes hours after shipping: handed to the carrier.
    _step("(?<=bestellung #: )wird zugestellt", "de", M.CARRIER_ACCEPTED),
    _step("paket im transit", "de", M.IN_TRANSIT),
    _step("hat die abflugregion verlassen", "de", M.IN_TRANSIT),
    _step("zollabfertigung für # wurde beendet", "de", M.CUSTOMS_CLEARED),
    _step("in ihrem land / ihrer region(?: angekommen)?", "de", M.ARRIVED_IN_COUNTRY),
    _step("hat eine aktualisierung|neuer lieferstatus", "de"),
    _step("auf bestätigung wird gewartet", "de", None, "awaiting_confirmation"),
    _step(r"wie ist es gelaufen\?", "de", M.DELIVERED, "delivered"),
    _step(r"wie war ihr einkaufserlebnis\?", "de", None, "survey"),
    # Spanish, seen in real mails
    _step("pedido enviado", "es pt", M.SHIPPED),
    _step("salió de la región de origen|en tránsito global", "es", M.IN_TRANSIT),
    _step("en aduanas", "es", M.CUSTOMS_STARTED),
    _step("ha pasado la aduana", "es", M.CUSTOMS_CLEARED),
    _step("en tu país/región", "es", M.ARRIVED_IN_COUNTRY),
    _step("con transportista local", "es", M.LOCAL_TRANSIT),
    _step("está en el centro de distribución", "es", M.LOCAL_TRANSIT),
    _step("paquete # entregado|entregado", "es", M.DELIVERED),
    _step("actualización del paquete|tienen actualizaciones de entrega", "es"),
    # Polish, seen in real mails
    _step("zamówienie potwierdzone", "pl", M.ORDER_RECEIVED),
    _step("zamówienie wysłane", "pl", M.SHIPPED),
    _step("zamówienie (?:# )?zostało zamknięte", "pl", None, "closed"),
    # Korean, seen in real mails
    _step("배송 완료", "ko", M.DELIVERED),
    _step("고객님의 소중한 의견을 들려 주세요!", "ko", None, "survey"),
    # French: the order mails were seen
    _step("commande confirmée", "fr", M.ORDER_RECEIVED),
    _step("commande expédiée", "fr", M.SHIPPED),
    _step("partiellement expédiée?", "fr", M.SHIPPED, "order_partly_shipped"),
    _step("confirmation d'expédition de votre commande", "fr", M.SHIPPED),
    # French words of parcels: plain vocabulary, since no real parcel mail is known
    _step("prête? à (?:être expédiée?|expédier|l'envoi)", "fr", M.ORDER_PREPARED),
    _step("expédiée?|a été expédiée?", "fr", M.SHIPPED),
    _step("prise? en charge(?: par le transporteur)?", "fr", M.CARRIER_ACCEPTED),
    _step("(?:récupéré|collecté|enlevé)e? par le transporteur", "fr", M.CARRIER_ACCEPTED),
    _step("remise? au transporteur", "fr", M.CARRIER_ACCEPTED),
    _step("en transit|en transit international", "fr", M.IN_TRANSIT),
    _step("a? ?quitté (?:la région|le pays) (?:de départ|d'origine)", "fr", M.IN_TRANSIT),
    _step("(?:arrivée? )?dans votre pays(?: ?/ ?(?:votre )?région)?", "fr", M.ARRIVED_IN_COUNTRY),
    _step("arrivée? en france|en france", "fr", M.ARRIVED_IN_COUNTRY),
    _step("(?:à la|en) douane|en cours de dédouanement", "fr", M.CUSTOMS_STARTED),
    _step("dédouanement en cours", "fr", M.CUSTOMS_STARTED),
    _step("(?:bloqué|retenu)e? (?:en|à la|par la) douane", "fr", M.CUSTOMS_HELD),
    _step("(?:a été )?dédouanée?|dédouanement terminé", "fr", M.CUSTOMS_CLEARED),
    _step("a passé la douane|a franchi la douane", "fr", M.CUSTOMS_CLEARED),
    _step("en transit local|(?:chez le|avec le|au) transporteur local", "fr", M.LOCAL_TRANSIT),
    _step("(?:au|dans le) centre de (?:distribution|livraison)", "fr", M.LOCAL_TRANSIT),
    _step("en cours de livraison", "fr", M.OUT_FOR_DELIVERY),
    _step("sera livrée? aujourd'hui", "fr", M.OUT_FOR_DELIVERY),
    _step("n'a pas pu être livrée?|(?:échec|tentative) de livraison", "fr", M.DELIVERY_FAILED),
    _step(
        "prêt à être retiré|(?:disponible )?en point (?:de )?(?:retrait|relais)",
        "fr",
        M.PICKUP_AVAILABLE,
    ),
    _step("livrée?|a été livrée?|livraison confirmée", "fr", M.DELIVERED),
    _step("en cours de retour|retour à l'expéditeur(?: en cours)?", "fr", M.RETURNING),
    _step("a une mise à jour|mise à jour(?: de (?:la )?livraison)?", "fr"),
    _step("mises à jour de livraison", "fr"),
    _step("en attente de confirmation", "fr", None, "awaiting_confirmation"),
    _step("en attente de paiement", "fr", M.ORDER_PROCESSING, "awaiting_payment"),
    _step("(?:a été |est )?annulée", "fr", M.CANCELLED, "cancelled"),
    _step("(?:a été |est )?remboursée", "fr", M.REFUNDED, "refunded"),
    _step("remboursement effectué", "fr", M.REFUNDED, "refunded"),
    _step(
        "inexécutable|(?:ne peut (?:pas )?|n'a (?:pas )?pu )"
        "être (?:honorée|exécutée|traitée|expédiée)",
        "fr",
        M.ORDER_UNFULFILLABLE,
        "unfulfillable",
    ),
    _step("est (?:close|clôturée|fermée|terminée)", "fr", None, "closed"),
    _step("code promo|coupon", "fr", None, "marketing"),
    # Other languages, as far as no real mail is known: plain vocabulary, too
    *_vocabulary(
        "de",
        {
            M.CUSTOMS_STARTED: "beim zoll|in der zollabfertigung",
            M.LOCAL_TRANSIT: "beim lokalen (?:zusteller|kurier|versandunternehmen)"
            "|im (?:verteil|zustell)zentrum",
            M.OUT_FOR_DELIVERY: "in zustellung|zur zustellung unterwegs|wird heute zugestellt",
            M.PICKUP_AVAILABLE: "abholbereit|zur abholung bereit",
            M.DELIVERED: "(?:wurde )?zugestellt",
            M.CANCELLED: "storniert",
        },
    ),
    *_vocabulary(
        "es",
        {
            M.ORDER_RECEIVED: "pedido confirmado",
            M.ORDER_PREPARED: "list[oa] para (?:enviar|el envío|ser enviad[oa])",
            M.CARRIER_ACCEPTED: "recogid[oa] por el transportista",
            M.IN_TRANSIT: "en tránsito",
            M.LOCAL_TRANSIT: "en tránsito local",
            M.OUT_FOR_DELIVERY: "en reparto",
            M.PICKUP_AVAILABLE: "list[oa] para (?:recoger|la recogida)|disponible para recoger",
            M.DELIVERED: "ha sido entregad[oa]|entregada",
            M.CANCELLED: "cancelad[oa]",
        },
    ),
    *_vocabulary(
        "it",
        {
            M.ORDER_RECEIVED: "ordine confermato",
            M.ORDER_PREPARED: "pront[oa] per (?:la spedizione|essere spedit[oa])",
            M.SHIPPED: "spedit[oa]|ordine spedito|è stat[oa] spedit[oa]",
            M.CARRIER_ACCEPTED: "(?:ritirat[oa] dal|consegnat[oa] al) corriere|pres[oa] in carico",
            M.IN_TRANSIT: "in transito|ha lasciato (?:la regione|il paese) di (?:partenza|origine)",
            M.ARRIVED_IN_COUNTRY: "nel tuo paese(?:/regione)?|arrivat[oa] in italia",
            M.CUSTOMS_STARTED: "in dogana|alla dogana",
            M.CUSTOMS_CLEARED: "ha superato la dogana|sdoganat[oa]",
            M.LOCAL_TRANSIT: "in transito locale|(?:con il|presso il) corriere locale"
            "|(?:al|nel) centro di (?:distribuzione|consegna)",
            M.OUT_FOR_DELIVERY: "in consegna",
            M.PICKUP_AVAILABLE: "(?:pront[oa]|disponibile) per il ritiro",
            M.DELIVERED: "consegnat[oa]|è stat[oa] consegnat[oa]",
            M.CANCELLED: "annullat[oa]",
        },
    ),
    *_vocabulary(
        "pt",
        {
            M.ORDER_RECEIVED: "encomenda confirmada",
            M.ORDER_PREPARED: "pront[oa] para (?:envio|ser enviad[oa])",
            M.SHIPPED: "(?:foi )?(?:enviad|expedid|despachad)[oa]|encomenda (?:envi|exped)[a-z]{3}",
            M.CARRIER_ACCEPTED: "(?:recolhid|coletad)[oa] pela transportadora",
            M.IN_TRANSIT: "em trânsito|saiu (?:da região|do país) de (?:origem|partida)",
            M.ARRIVED_IN_COUNTRY: "no seu país(?:/região)?",
            M.CUSTOMS_STARTED: "na alfândega",
            M.CUSTOMS_CLEARED: "passou (?:pela|na) alfândega|desalfandegad[oa]"
            "|liber(?:t)?ad[oa] pela alfândega",
            M.LOCAL_TRANSIT: "em trânsito local|com a transportadora local"
            "|no centro de (?:distribuição|entrega)",
            M.OUT_FOR_DELIVERY: "saiu para entrega",
            M.PICKUP_AVAILABLE: "pront[oa] para (?:retirada|levantamento|ser levantad[oa])",
            M.DELIVERED: "(?:foi )?entregue",
            M.CANCELLED: "(?:foi )?cancelad[oa]",
        },
    ),
    *_vocabulary(
        "pl",
        {
            M.ORDER_PREPARED: "gotow[aey] do wysyłki",
            M.SHIPPED: "wysłan[aey]",
            M.CARRIER_ACCEPTED: "odebran[aey] przez (?:kuriera|przewoźnika)",
            M.IN_TRANSIT: "w tranzycie|w drodze",
            M.ARRIVED_IN_COUNTRY: "w twoim kraju(?:/regionie)?",
            M.CUSTOMS_STARTED: "w odprawie celnej|w urzędzie celnym",
            M.CUSTOMS_CLEARED: "przeszł[ao] odprawę celną|odprawa celna zakończona",
            M.LOCAL_TRANSIT: "u lokalnego (?:przewoźnika|kuriera)|w centrum dystrybucji",
            M.OUT_FOR_DELIVERY: "w doręczeniu|wydan[ao] do doręczenia",
            M.PICKUP_AVAILABLE: "gotow[aey] do odbioru",
            M.DELIVERED: "(?:dostarcz|doręcz)on[aoey]",
            M.CANCELLED: "anulowan[aoey]",
        },
    ),
    *_vocabulary(
        "nl",
        {
            M.ORDER_RECEIVED: "bestelling bevestigd",
            M.ORDER_PREPARED: "klaar (?:voor verzending|om te verzenden|om te worden verzonden)",
            M.SHIPPED: "(?:is )?verzonden|bestelling verzonden",
            M.CARRIER_ACCEPTED: "opgehaald door de (?:vervoerder|koerier)",
            M.IN_TRANSIT: "onderweg",
            M.ARRIVED_IN_COUNTRY: "in (?:je|uw) land(?:/regio)?",
            M.CUSTOMS_STARTED: "bij de douane",
            M.CUSTOMS_CLEARED: "ingeklaard|vrijgegeven door de douane",
            M.LOCAL_TRANSIT: "bij de lokale (?:vervoerder|bezorger)|in het distributiecentrum",
            M.OUT_FOR_DELIVERY: "wordt (?:vandaag )?bezorgd|onderweg voor bezorging",
            M.PICKUP_AVAILABLE: "klaar om (?:af te halen|opgehaald te worden)",
            M.DELIVERED: "(?:is )?(?:bezorgd|afgeleverd|geleverd)",
            M.CANCELLED: "geannuleerd",
        },
    ),
)

#: The beginning of the template's name in links (`rowan_id1=`): it survives edited subjects.
TEMPLATES: tuple[tuple[str, M | None, str | None], ...] = (
    ("lg_local_carrier", M.LOCAL_TRANSIT, None),
    ("pay_success", M.ORDER_RECEIVED, None),
    ("logistics_default", None, None),
    ("logisticsDefaultNotice", None, None),
    ("sellerLeaveFeedbackToBuyer", None, "survey"),
    ("aeug_edm", None, "marketing"),
)

#: The kind of an order mail by its step; other steps make it an `order_update`.
ORDER_KINDS: dict[M | None, str] = {
    M.ORDER_RECEIVED: "order_confirmed",
    M.ORDER_PREPARED: "order_ready",
    M.SHIPPED: "order_shipped",
    M.DELIVERED: "delivered",
}

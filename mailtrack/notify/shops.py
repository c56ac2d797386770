"""How mails and pages speak of a shop: what it is called, and where its orders are.

A shop without a row, or nobody knows which, is "the seller": nothing is promised in its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailtrack.domain.buyer_protection import PROTECTION
from mailtrack.domain.customs import COLLECTING_SHOPS


@dataclass(frozen=True, slots=True)
class ShopWords:
    """What is said of one shop, in French.

    `name`: "AliExpress", "" for a seller whom nobody has named; `of`: « d’AliExpress », as in
    "un mail d’AliExpress"; `where`: where its orders are, as in "vérifiez … dans …"; `ask`: whom
    one asks, as in "demandez-le …".
    """

    name: str
    of: str
    where: str
    ask: str
    #: Where people keep their address.
    account: str
    #: It protects buyers, and they may open a dispute.
    protects: bool = False
    #: A mail of its own, or a carrier's, gives the parcel's number once it is sent.
    names_parcels: bool = True
    #: Its prices hold what customs ask for, up to 150 €.
    collects: bool = False


def _shop(
    code: str, name: str, of: str, orders: str = "", *, names_parcels: bool = True
) -> ShopWords:
    account = f"votre compte {name}"
    quoted = orders.replace(" ", "\u00a0")
    where = f"dans «\u00a0{quoted}\u00a0» sur {name}" if orders else f"dans {account}"
    ask, protects, collects = f"au vendeur, {where}", code in PROTECTION, code in COLLECTING_SHOPS
    return ShopWords(name, of, where, ask, account, protects, names_parcels, collects)


#: The seller whom nobody has named.
SELLER = ShopWords(
    "", "de la boutique", "sur le site de la boutique", "à votre vendeur", "votre compte de client"
)

#: By the code of the shop; a new one is one row here.
_SHOPS: Mapping[str, ShopWords] = MappingProxyType(
    {
        "aliexpress": _shop("aliexpress", "AliExpress", "d’AliExpress", "Mes commandes"),
        "amazon": _shop("amazon", "Amazon", "d’Amazon", "Vos commandes", names_parcels=False),
        "shein": _shop("shein", "SHEIN", "de SHEIN"),
        "showroomprive": _shop("showroomprive", "Showroomprivé", "de Showroomprivé"),
        "temu": _shop("temu", "Temu", "de Temu"),
    }
)


def words_for(code: str) -> ShopWords:
    """Return how to speak of a shop, by its code.

    >>> words_for("temu").where
    'dans votre compte Temu'
    >>> words_for("dpd").where
    'sur le site de la boutique'
    """
    return _SHOPS.get(code, SELLER)

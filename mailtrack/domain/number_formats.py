"""The tracking-number formats we know, as data.

A number is matched in full, in capitals, without spaces, dots and hyphens. `ambiguity`
says how far the shape alone names the carrier: 1 names it, 2 nearly, 3 a few carriers,
4 many, 5 nothing. Within one score the order of the table decides.
"""

import re
from dataclasses import dataclass

from mailtrack.domain import check_digits
from mailtrack.domain.check_digits import Check


@dataclass(frozen=True, slots=True)
class Format:
    """One shape of number; `carriers` best first, `chance` of a random check digit.

    `service`: the route by which such a parcel goes (a `stage_times.Route`), "" where its number
    does not tell.
    """

    name: str
    pattern: re.Pattern[str]
    ambiguity: int
    carriers: tuple[str, ...]
    check: Check | None = None
    chance: float = 1.0
    service: str = ""


def _format(
    name: str,
    pattern: str,
    ambiguity: int,
    carriers: str,
    check: Check | None = None,
    chance: float = 1.0,
    service: str = "",
) -> Format:
    codes = tuple(carriers.split())
    return Format(name, re.compile(pattern, re.ASCII), ambiguity, codes, check, chance, service)


FORMATS: tuple[Format, ...] = (
    # Cainiao and the consolidators of AliExpress
    _format("cainiao_lp", r"LP\d{14}", 1, "cainiao"),
    _format("cainiao_named", r"CAINIAO\d{8,20}", 1, "cainiao"),
    _format("cainiao_ap", r"AP\d{14}", 2, "cainiao"),
    _format("cainiao_ae", r"AE\d{9,14}", 2, "cainiao"),
    _format("cainiao_s", r"S000\d{9}", 2, "cainiao"),
    _format("cainiao_s_any", r"S\d{12}", 3, "cainiao"),
    _format("cainiao_fr", r"(?:CN(?:FR|G|ESP|PRT)|DOFR)[A-Z0-9]{8,24}", 2, "cainiao"),
    _format("cainiao_jy", r"JY\d{2}[A-Z0-9]{14}", 2, "cainiao"),
    _format("cainiao_hm", r"HM\d{16}", 2, "cainiao"),
    _format("cainiao_rs", r"RS\d{10}Y", 2, "cainiao"),
    _format("cainiao_line", r"(?:AEFR|AEB|AEC|ZC)[A-Z0-9]{8,20}", 3, "cainiao"),
    _format("cainiao_23", r"6\d{22}", 3, "cainiao correos"),
    _format("cainiao_ed", r"E[DP]\d{9}", 3, "cainiao"),
    _format("cainiao_18", r"\d{18}", 5, "cainiao fedex"),
    # One in seven has DHL's check digit by chance: of AliExpress's parcels, Cainiao's are more.
    _format("cainiao_10", r"7\d{9}", 4, "cainiao"),
    _format("cainiao_cn", r"CN\d{10,14}", 3, "cainiao"),
    # La Poste, Colissimo, Chronopost
    _format("colissimo", r"[5-9][A-Z]\d{11}", 1, "laposte", check_digits.colissimo, 0.1),
    _format("laposte_87", r"87\d{12}[0-9A-Z]", 2, "laposte", check_digits.mod_37_36, 0.03),
    _format("laposte_letter", r"[1-4][A-Z]\d{11}", 2, "laposte", check_digits.colissimo, 0.1),
    # French VAT numbers have this shape, too.
    _format("laposte_2l11", r"(?!LP|AP|AE|CN)[A-Z]{2}\d{11}", 3, "laposte cainiao"),
    _format("laposte_s10", r"[A-WYZ][A-Z]\d{9}FR", 1, "laposte chronopost", check_digits.s10, 0.1),
    _format("chronopost_s10", r"X[A-Z]\d{9}FR", 1, "chronopost laposte", check_digits.s10, 0.1),
    _format(
        "chronopost_private",
        r"[A-Z]{2}\d{9}(?:TS|JB|JF|JS)",
        1,
        "chronopost laposte",
        check_digits.s10,
        0.1,
    ),
    _format(
        "chronopost_15",
        # Norwegian IBANs and many invoices have this shape, too.
        r"(?!LP|AP|AE|CN|SY)[A-Z]{2}\d{12}[0-9A-Z]",
        2,
        "chronopost laposte dpd",
        check_digits.mod_37_36,
        0.03,
    ),
    _format("laposte_short", r"[A-Z]\d{10}", 3, "laposte"),
    # China
    _format("yanwen_y", r"[A-Z]{2}\d{9}(?:YP|YW|YR)", 1, "yanwen", check_digits.s10, 0.1),
    _format("yanwen_y_cn", r"Y[A-Z]\d{9}CN", 2, "yanwen ems", check_digits.s10, 0.1),
    # The first letter of an S10 number tells its service (UPU S10): E is EMS.
    _format("china_post", r"E[A-Z]\d{9}CN", 1, "ems upu cainiao", check_digits.s10, 0.1, "ems"),
    _format("china_epacket", r"[A-DF-Z][A-Z]\d{9}CN", 1, "ems cainiao upu", check_digits.s10, 0.1),
    _format("4px_named", r"4PX[A-Z0-9]{10,18}(?:CN)?", 1, "4px"),
    _format("4px_fpxe", r"FPXE\d{10,16}", 1, "4px"),
    _format("4px_py", r"[A-Z]{2}\d{9}PY", 1, "4px cainiao sfc upu", check_digits.s10, 0.1),
    _format("sunyou", r"SY[A-Z]{2}\d{9}", 1, "sunyou"),
    _format("sunyou_digits", r"SY(?:US|BA|RM)?\d{9,16}", 3, "sunyou"),
    _format("sunyou_meest", r"SU\d{9}MI", 1, "meest sunyou", check_digits.s10, 0.1),
    _format("yunexpress", r"YT\d{16}", 2, "yunexpress"),
    _format("yunexpress_old", r"YT\d{18,19}", 2, "yunexpress"),
    _format("winit", r"ID\d{14}CN", 2, "winit"),
    _format("jt_express", r"JT\d{13,16}", 2, "jtexpress"),
    _format("sf_express", r"SF\d{12,13}", 1, "sfexpress"),
    _format("panasia", r"TH\d{14}", 3, "panasia"),
    _format("yanwen_13", r"8\d{12}", 4, "yanwen"),
    _format("yanwen_2l10", r"[A-Z]{2}\d{10}", 4, "yanwen cainiao"),
    _format("4px_12", r"9\d{11}", 5, "4px"),
    # Carriers of Europe and the world
    _format("ups_1z", r"1Z[0-9A-Z]{15}\d", 1, "ups", check_digits.ups, 0.1),
    _format("ups_waybill", r"[AHJKTV]\d{10}", 3, "ups", check_digits.ups, 0.1),
    _format("correos_23", r"P[A-Z0-9]{5}\d{16}[A-Z]", 1, "correos", check_digits.correos, 0.05),
    _format("gofo", r"GFFR\d{10,20}", 1, "gofo"),
    _format("gofo_cirro", r"CIFR\d{13,14}", 1, "gofo"),
    _format("gofo_reference", r"PK\d{20}", 2, "gofo"),
    _format("inpost", r"\d{24}", 3, "inpost ciblex"),
    _format("postnl_3s", r"3S[0-9A-Z]{9,15}", 2, "postnl"),
    _format("hermes", r"H\d{19}", 2, "hermes"),
    _format("dhl_piece", r"J(?:JD|JDO|VGL|D)\d{9,20}", 2, "dhl"),
    _format("dhl_ecommerce", r"GM\d{10,20}", 3, "dhl"),
    _format("dpd_28", r"(?:00)?\d{26,28}[A-Z]", 2, "dpd", check_digits.mod_37_36, 0.03),
    _format("dpd_15", r"\d{14}[A-Z]", 3, "dpd chronopost", check_digits.mod_37_36, 0.03),
    # DPD France's own; as long as FedEx's, which the prefix makes the worse guess.
    _format("dpd_france", r"250\d{12}", 4, "dpd"),
    _format("relais_colis", r"VD\d{10}", 3, "relaiscolis"),
    _format("relais_colis_cc", r"CC\d{10,14}", 3, "relaiscolis"),
    _format("pocztex", r"PX\d{10}", 3, "pocztapolska"),
    _format("amazon", r"TB[ACM]\d{12}", 3, "amazon"),
    _format("bpost_24", r"32\d{22}", 4, "bpost"),
    _format("bpost_jj", r"JJBEA[A-Z0-9]{16,20}", 2, "bpost"),
    _format("poczta_polska", r"00\d{18}", 3, "pocztapolska dhl"),
    _format("usps", r"(?:420\d{5})?9[1-5]\d{20}", 3, "usps", check_digits.usps, 0.1),
    _format("fedex_ground_96", r"96\d{20}", 4, "fedex", check_digits.mod_10, 0.1),
    _format("fedex_20", r"\d{20}", 5, "fedex dhl", check_digits.mod_10, 0.1),
    _format("fedex_15", r"\d{15}", 5, "fedex", check_digits.mod_10, 0.1),
    _format("fedex_12", r"\d{12}", 5, "fedex", check_digits.fedex_express, 0.1),
    _format("dhl_express", r"\d{10,11}", 5, "dhl", check_digits.mod_7, 0.15),
    # DPD's begin with the depot, 0… in most countries.
    _format("chronopost_14", r"89\d{12}", 5, "chronopost dpd"),
    _format("digits_14", r"\d{14}", 5, "dpd chronopost mondialrelay"),
    _format("chronopost_10", r"3\d{9}", 5, "chronopost"),
    _format("gls", r"\d{11,12}", 5, "gls"),
    _format("mondial_relay", r"\d{8}(?:\d{2}){0,2}", 5, "mondialrelay"),
    _format("colis_prive", r"\d{12}|\d{17}", 5, "colisprive"),
    # With the postcode behind it, where it is taken from a link.
    _format("colis_prive_letter", r"[DQZ]\d{11}(?:\d{5})?", 4, "colisprive"),
)

#: Who issues S10 numbers with these last two letters. The others are asked at the UPU.
S10_POSTS: dict[str, str] = {
    "AT": "austrianpost",
    "AU": "australiapost",
    "BE": "bpost",
    "CA": "canadapost",
    "CH": "swisspost",
    "CZ": "ceskaposta",
    "DE": "dhl",
    "DK": "postnord",
    "EE": "omniva",
    "ES": "correos",
    "FI": "posti",
    "GB": "royalmail",
    "GR": "elta",
    "HK": "hongkongpost",
    "HU": "magyarposta",
    "IE": "anpost",
    "IT": "posteitaliane",
    "JP": "japanpost",
    "KR": "koreapost",
    "LT": "lietuvospastas",
    "LU": "postluxembourg",
    "LV": "latvijaspasts",
    "MV": "maldivespost",
    "MY": "posmalaysia",
    "NL": "postnl",
    "NO": "posten",
    "PL": "pocztapolska",
    "PT": "ctt",
    "RO": "postaromana",
    "SE": "postnord",
    "SG": "singpost",
    "TR": "ptt",
    "UA": "ukrposhta",
    "US": "usps",
}

#: The shape that all posts of the world share; formats above may name it more exactly.
S10 = _format("s10", r"[A-Z]{2}\d{9}[A-Z]{2}", 2, "upu cainiao", check_digits.s10, 0.1)

#: Formats with a check digit, place by place: `A` a letter, `9` a digit, `*` either.
MASKS = (
    "AA999999999AA",  # S10
    "9A99999999999",  # Colissimo
    "AA999999999999*",  # Chronopost
    "99999999999999*",  # La Poste 87…, DPD
)

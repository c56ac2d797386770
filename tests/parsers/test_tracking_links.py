"""Carriers' tracking links name a number, also where a mail program has wrapped them."""

import base64
from urllib.parse import quote

import pytest

from mailtrack.parsers.tracking_links import tracking_link

VINTED = base64.urlsafe_b64encode(
    b"https://vintedgo.com/fr/tracking/1735689600123456|4821|x"
).decode()
RELAY = base64.urlsafe_b64encode(
    b"https://www.mondialrelay.com/public/permanent/notification.aspx?ens=ABCD&exp=31234567&pays=FR"
).decode()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.laposte.fr/outils/suivre-vos-envois?code=6A12345678905", "6A12345678905"),
        ("https://laposte.fr/outils/suivre-vos-envois/6A12345678905", "6A12345678905"),
        (
            (
                "https://www.chronopost.fr/tracking-no-cms/suivi-page?listeNumerosLT=XT8452370122486"
                "&langue=fr_FR&zipCode=75011&ID=4821990371"
            ),
            "XT8452370122486",
        ),
        (
            "https://www.chronopost.fr/fclV2/authentification.html?numLt=XY123456785JB&profil=DEST",
            "XY123456785JB",
        ),
        ("https://www.chronoshop2shop.fr/tracking/#/numlt/41234567890123", "41234567890123"),
        (f"https://notification.mondialrelay.fr/c?q=AQIDBA{RELAY}", "31234567"),
        ("https://www.mondialrelay.fr/suivi-de-colis?numeroExpedition=31234567", "31234567"),
        (
            "https://www.colisprive.com/moncolis/pages/DetailColis.aspx?numColis=51000011122275011",
            "510000111222",
        ),
        ("https://trace.dpd.fr/fr/trace/25012345678901", "25012345678901"),
        (
            (
                "https://secure.extranet.ciblex.fr/extranet/client/corps.php?module=colis"
                "&colis=00000000000017"
            ),
            "00000000000017",
        ),
        ("https://gls-group.com/FR/fr/suivi-colis?match=00ABCDEF", "00ABCDEF"),
        ("https://www.ups.com/track?loc=fr_FR&tracknum=1Z5R89390357567127", "1Z5R89390357567127"),
        ("https://www.dhl.com/fr-fr/home/tracking.html?tracking-id=1234567891", "1234567891"),
        (f"https://links.vinted.com/e/t/{VINTED}", "1735689600123456"),
        ("https://vintedgo.com/fr/tracking/1735689600123456", "1735689600123456"),
        (
            "https://global.cainiao.com/newDetail.htm?mailNoList=CNFR1234567890123HD",
            "CNFR1234567890123HD",
        ),
        ("https://www.fedex.com/fedextrack/?trknbr=123456789012", "123456789012"),
        (
            "https://x.awstrack.me/L0/"
            + quote("https://www.ups.com/track?tracknum=1Z5R89390357567127", safe="")
            + "/1/0100",
            "1Z5R89390357567127",
        ),
        (
            "https://www.amazon.fr/gp/r.html?C=A&K=B&T=C&U="
            + quote("https://trace.dpd.fr/fr/trace/25012345678901", safe=""),
            "25012345678901",
        ),
    ],
)
def test_a_link_of_a_carrier_names_its_number(url: str, expected: str) -> None:
    found = tracking_link(url)

    assert found is not None
    assert expected == found.number


@pytest.mark.parametrize(
    "url",
    [
        "https://www.chronopost.fr/compte?ID=4821990371",
        "https://www.laposte.fr/outils/suivre-vos-envois",
        "https://laposte.fr.example/outils/suivre-vos-envois?code=6A12345678905",
        "https://t.notif-colissimo-laposte.info/TrackActions/NWI3YzZkZTRmYThh",
        "https://links.vinted.com/e/t/aHR0cnotbase64",
        "https://n.pkup.fr/aB3dE",
        "https://www.ups.com/track?tracknum=12345",
        "https://shop.example/suivi?code=6A12345678905",
        "https://[unfinished",
        # Words that stand where a number would.
        "https://www.laposte.fr/outils/suivre-vos-envois/preparation",
        "https://www.laposte.fr/boutique?code=promotion2026",
        "https://gls-group.com/FR/fr/suivi-colis?match=TRACKING",
        "https://vintedgo.com/fr/tracking/informations",
        "https://vintedgo.com/fr/tracking/questions2026",
        "https://global.cainiao.com/newDetail.htm?mailNoList=INFORMATIONS26",
    ],
)
def test_no_other_address_names_a_number(url: str) -> None:
    assert tracking_link(url) is None

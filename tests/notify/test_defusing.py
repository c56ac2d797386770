"""No program finds a link in the words of others, and real titles stay as they are."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailtrack.notify.defusing import (
    NO_ADDRESS,
    NO_LINK,
    NO_NUMBER,
    without_links,
    without_telephones,
)
from mailtrack.notify.french import shorten, typeset
from mailtrack.notify.tidy import one_line
from tests.notify.finder import links

LINKS = {
    "https://evil.example/login": NO_LINK,
    "Lampe (https://evil.example)": f"Lampe ({NO_LINK}",
    "HTTPS://EVIL.EXAMPLE": NO_LINK,
    "hxxp+x://evil.example/": NO_LINK,
    "voir:http://evil.com,merci": f"voir:{NO_LINK}",
    "http:evil.com": NO_LINK,
    "https：／／evil.com": NO_LINK,
    "ftp://192.0.2.1": NO_LINK,
    "//evil.com": "/ /evil. com",
    "//localhost/x": "/ /localhost/x",
    "www.evil.example": NO_LINK,
    "WWW2.evil.x": NO_LINK,
    "www。evil。com": NO_LINK,
    "evil.example/login": NO_LINK,
    "Suivez evil.com/a?b=c vite": f"Suivez {NO_LINK} vite",
    "evil.com?x": NO_LINK,
    "evil.com:8080/x": NO_LINK,
    "evil.com#x": NO_LINK,
    "evil.com\\x": NO_LINK,
    "evil．com／x": NO_LINK,
    "192.0.2.1/x": NO_LINK,
    "192.0.2.1:80": NO_LINK,
    "192.0.2.1": "192. 0. 2. 1",
    "someone@evil.example": NO_ADDRESS,
    "<someone@evil.example>": NO_ADDRESS,
    "mailto:someone@evil.example": NO_LINK,
    "a@localhost": NO_ADDRESS,
    "a＠evil．com": NO_ADDRESS,
    '"a b"@evil.example c': f'"a {NO_ADDRESS} c',
    "javascript:alert(1)": NO_LINK,
    "data:text/html,<script>": NO_LINK,
    "tel:0639980000": NO_LINK,
    "evil.com": "evil. com",
    "mail.evil.com.": "mail.evil. com.",
    "evil.co.uk": "evil. co. uk",
    "evil.example": "evil. example",
    "evil。example": "evil。 example",
    "evil。com": "evil。 com",
    "evil．ｃｏｍ": "evil． ｃｏｍ",
    "evil.𝐜𝐨𝐦": "evil. 𝐜𝐨𝐦",
    "пример.рф": "пример. рф",
    "xn--e1afmkfd.xn--p1ai": "xn--e1afmkfd. xn--p1ai",
    "请访问evil.com登录": "请访问evil. com登录",
    "evil.com_x": "evil. com_x",
    "evil.coм": "evil. coм",  # a Cyrillic letter, behind what some registry has
}

TITLES = (
    "USB 3.0",
    "M.2",
    'SSD M.2/SATA 2,5"',
    "Node.js",
    "Node.js/Express",
    "1.5 m",
    "St.Gallen",
    "S.A.R.L.",
    "No.5",
    "N° 5",
    "Dr.Martens",
    "T-shirt 100 % coton, taille : XL",
    "Câble USB-C 60W/3A",
    "Lampe LED 12V/24V (5.1 W)",
    "12.5x8.4x3.2 cm",
    "V1.2.3",
    "Bluetooth 5.3/5.2",
    "Paris 15e – 3 rue de l’Exemple",
    "Colis n° 00340434161094042557",
    "Le 02.03.2026 à 10:15",
    "2026-03-02 10:15:00",
    "C@fé, 2 @ 5 €",
    "Livré. Le colis est en bon état.",
    "et/ou",
    "24/7",
    "a:b",
    "Taille:XL",
    "À 14h30...",
    "1.000,00 €",
    "P.S.",
    "www",
    "http",
    "台灯 可折叠 LED。",
    "مصباح مكتب",
    "emballé/scellé",
)


@pytest.mark.parametrize(("text", "shown"), LINKS.items())
def test_a_link_is_none_any_more(text: str, shown: str) -> None:
    assert shown == without_links(text)
    assert [] == links(without_links(text))


@pytest.mark.parametrize("text", TITLES)
def test_a_real_title_stays_as_it_is(text: str) -> None:
    assert text == without_telephones(without_links(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ASP.NET", "ASP. NET"),
        ("Livré.Le colis.En route", "Livré.Le colis.En route"),
        ("colis remis au client.Il a signé", "colis remis au client. Il a signé"),
        ("Shenzhen XY Co.Ltd", "Shenzhen XY Co. Ltd"),
    ],
)
def test_a_missing_space_is_put_where_a_program_would_see_a_host(text: str, shown: str) -> None:
    assert shown == without_links(text)


@pytest.mark.parametrize(
    "number",
    [
        "06 39 98 00 00",
        "06.39.98.00.00",
        "06-39-98-00-00",
        "0639980000",
        "+33 6 39 98 00 00",
        "+33(0)639980000",
        "0033 6 39 98 00 00",
        "(202) 555-0100",
        "202-555-0100",
    ],
)
def test_a_telephone_is_none_any_more(number: str) -> None:
    assert f"Appelez le {NO_NUMBER}, vite" == without_telephones(f"Appelez le {number}, vite")


PIECES = st.sampled_from(
    [
        *(
            "evil",
            "a",
            "com",
            "example",
            "fr",
            "co.uk",
            "рф",
            "ｃｏｍ",
            "localhost",
            "xn--p1ai",
            "1",
        ),
        *(".", "。", "．", "@", "＠", ":", "/", "//", "\\", "?", "#", "-", "_", "(", ")", "<", ">"),
        *(
            "http:",
            "https://",
            "mailto:",
            "www.",
            "ftp://",
            "192.0.2.1",
            ":80",
            " ",
            "\u00a0",
            "\u200b",
        ),
        *(
            '"',
            "'",
            "…",
            ",",
            ";",
            "!",
            "é",
            "\u0301",
            "请",
            "|",
            "*",
            "~",
            "[",
            "]",
            "%2e",
            "&#46;",
        ),
    ]
)


@settings(deadline=None, max_examples=500)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60), st.integers(4, 90))
@example("xxxxxxxxxxxxxxxxxx.comically", 23)
@example("evil.c\u200bom", 80)
@example("a" * 70 + ".fr.ance", 75)
def test_no_program_finds_a_link_in_what_is_left(text: str, limit: int) -> None:
    shown = without_links(one_line(text))

    assert [] == links(shown)
    assert [] == links(shorten(typeset(shown), limit))
    assert shown == without_links(shown)

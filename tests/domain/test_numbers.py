"""Tracking numbers: shapes, check digits, and how sure they make us."""

import pytest

from mailtrack.domain import check_digits
from mailtrack.domain.number_formats import FORMATS, MASKS, S10
from mailtrack.domain.numbers import (
    correct,
    detect,
    detect_as_json,
    is_miscopied,
    is_valid,
    normalise,
)

#: Numbers printed in public documents and tests, and who carries them.
KNOWN = {
    "LP00068434402473": "cainiao",
    "AP00839881455575": "cainiao",
    "AE010698498": "cainiao",
    "S000011731855": "cainiao",
    "JY26CAA0D000551012": "cainiao",
    "CNFR123456789HD": "cainiao",
    "LX299455986CN": "ems",
    "BZ012761245CN": "ems",
    "VR344217874YP": "yanwen",
    "AA071365715YR": "yanwen",
    "YT2229521272164446": "yunexpress",
    "SYAE006809461": "sunyou",
    "PQ4F6P0705905960188365S": "correos",
    "CB042410063FR": "laposte",
    "6Q01929938641": "laposte",
    "6A15602676300": "laposte",
    "87000720168020K": "laposte",
    "XN081879383FR": "chronopost",
    "XT8452370122486": "chronopost",
    "XW250342935TS": "chronopost",
    "RS804446736NL": "postnl",
    "RQ062471279MY": "posmalaysia",
    "1Z5R89390357567127": "ups",
}

#: A carrier is a candidate, but nobody may rely on the shape (mostly digits alone).
COMMON = {
    "7639654956": "cainiao",
    "8001077530850": "yanwen",
    "9490966041": "dhl",
    "51687952111": "gls",
    "89108749065090": "chronopost",
    "998071388879": "4px",
    "00359007738913296666": "pocztapolska",
    "12345678": "mondialrelay",
    "PP42753268305": "laposte",
    "ED003249581": "cainiao",
    "63590000017347601815002": "cainiao",
}


def _carriers(number: str) -> list[str]:
    return [candidate.carrier for candidate in detect(number)]


@pytest.mark.parametrize(("number", "carrier"), KNOWN.items())
def test_a_shape_that_names_its_carrier_puts_it_first(number: str, carrier: str) -> None:
    assert carrier == _carriers(number)[0]
    assert is_valid(number)


def test_digits_alone_are_first_what_people_with_chinese_parcels_have() -> None:
    numbers = ("7639654956", "89108749065090", "09980000020033", "9490966041")
    assert ["cainiao", "chronopost", "dpd", "dhl"] == [_carriers(n)[0] for n in numbers]


@pytest.mark.parametrize(("number", "carrier"), COMMON.items())
def test_common_shapes_give_candidates_and_no_certainty(number: str, carrier: str) -> None:
    assert carrier in _carriers(number)
    assert not is_valid(number)


@pytest.mark.parametrize(
    "text", ["", "delivered", "3074309624382839", "0639981234", "é", "²³¹²³¹²³", "٣٣٣٣٣٣٣٣٣٣"]
)
def test_words_orders_and_telephones_are_not_valid(text: str) -> None:
    assert not is_valid(text)


def test_numbers_are_normalised_as_people_type_them() -> None:
    assert "LP00827165784034" == normalise(" lp 0082.7165-784\u00a0034\u200b")
    assert "6A15602676300" == normalise("6A 15602\u202f67630‑0")


def test_a_wrong_check_digit_lowers_the_rank_and_rejects_nothing() -> None:
    right, wrong = detect("LX299455986CN")[0], detect("LX299455987CN")[0]

    assert ("ok", "failed") == (right.check_digit, wrong.check_digit)
    assert is_valid("LX299455987CN")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("6A156O2676300", "6A15602676300"),
        ("6AI5602676300", "6A15602676300"),
        ("rf62287513 5cn", "RF622875135CN"),
        ("RF622875I35CN", "RF622875135CN"),
        ("XT845237O122486", "XT8452370122486"),
        ("87OOO720168O20K", "87000720168020K"),
    ],
)
def test_look_alikes_are_exchanged_where_a_check_digit_proves_it(typed: str, meant: str) -> None:
    assert meant == correct(typed)
    assert meant == detect_as_json([typed])[0]["normalised"]


@pytest.mark.parametrize(
    "text", ["LPOO827165784034", "6A156O2676301", "RF622875S35CN", "LX299455986CN", "delivered"]
)
def test_nothing_is_exchanged_without_proof(text: str) -> None:
    assert normalise(text) == correct(text)


@pytest.mark.parametrize(
    "text",
    [
        "NO9386011117947",  # a Norwegian IBAN
        "FA2026031512345",  # an invoice
        "S202603151234",
        "FR40303265045",  # a VAT number
        "AB123456789XY",
        "VF1RFA00012345678",  # a car
    ],
)
def test_what_only_has_the_shape_of_a_number_is_not_valid(text: str) -> None:
    assert not is_valid(text)


def test_masks_are_as_long_as_some_format() -> None:
    for mask in MASKS:
        number = mask.replace("A", "X").replace("9", "8").replace("*", "8")
        assert detect(number)


def test_the_post_that_issued_an_s10_number_comes_before_the_world_s() -> None:
    assert ["singpost", "upu", "cainiao"] == _carriers("LP257594783SG")


def test_lp_with_fourteen_digits_is_not_lp_of_singapore() -> None:
    assert ["cainiao"] == _carriers("LP00827165784034")


def test_la_poste_87_is_not_taken_for_dpd() -> None:
    assert "laposte" == _carriers("87000720168020K")[0]


def test_an_unknown_shape_has_no_candidate() -> None:
    assert () == detect("QQ")


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (check_digits.s10, "RF622875135CN", "RF622875136CN"),
        (check_digits.s10, "LW529183198CN", "LW529183199CN"),
        (check_digits.colissimo, "8L20524752032", "8L20524752033"),
        (check_digits.mod_37_36, "XT8452370122486", "XT8452370122487"),
        (check_digits.ups, "1Z5R89390357567127", "1Z5R89390357567128"),
        (check_digits.correos, "PQ4F6P0707051350182440J", "PQ4F6P0707051350182440K"),
        (check_digits.mod_7, "3318810025", "3318810026"),
        (check_digits.usps, "420537049200190333885202055737", "420537049200190333885202055738"),
    ],
)
def test_check_digits_tell_right_from_wrong(
    check: check_digits.Check, right: str, wrong: str
) -> None:
    assert check(right)
    assert not check(wrong)


def test_formats_have_names_of_their_own() -> None:
    names = [form.name for form in (*FORMATS, S10)]

    assert sorted(set(names)) == sorted(names)


def test_the_json_of_detect_keeps_its_keys() -> None:
    assert [
        {
            "number": "lp 00827165784034",
            "normalised": "LP00827165784034",
            "valid": True,
            "candidates": [{"carrier": "cainiao", "format": "cainiao_lp", "check_digit": "none"}],
        }
    ] == detect_as_json(["lp 00827165784034"])


@pytest.mark.parametrize(
    "number",
    [
        "LA123456784FR",
        "RF622875136CN",
        "RR123456784BG",
        "6A15602676301",
        "1L12345678901",
        "1Z5R89390357567128",
        "PQ4F6P0705905960188365R",
    ],
)
def test_a_wrong_check_digit_in_a_form_of_parcels_alone_is_a_slip_of_the_pen(number: str) -> None:
    assert is_miscopied(number)


# "BZ012761245CN" was invented for the document that prints it.
@pytest.mark.parametrize("number", sorted({*KNOWN, *COMMON} - {"BZ012761245CN"}))
def test_a_real_number_is_not_miscopied(number: str) -> None:
    assert not is_miscopied(number)


@pytest.mark.parametrize(
    "text",
    ["", "FA2026031512345", "NO9386011117947", "FR40303265045", "0639981234", "732829320000746"],
)
def test_bills_accounts_and_telephones_are_nobody_s_miscopied_parcel(text: str) -> None:
    assert not is_miscopied(text)
